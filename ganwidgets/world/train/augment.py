"""Pictures recoloured, shifted and in part covered, so that gradients still flow (Zhao et al. 2020)."""

import torch
from torch import Tensor

SHIFT, COVER = 1 / 8, 1 / 2  # of the picture's side: the farthest shift, and the side of the covered square


def augmented(pictures: Tensor, random: torch.Generator) -> Tensor:
    """Each picture in its own way, drawn from `random`; what was shifted in or covered is grey (0)."""
    return covered(shifted(recoloured(pictures, random), random), random)


def recoloured(x: Tensor, random: torch.Generator) -> Tensor:
    """Brightness by up to a half of a channel's range (1), saturation by 0 to 2, contrast by a half to 1.5."""
    bright, saturation, contrast = torch.rand(3, len(x), 1, 1, 1, generator=random).to(x)
    x = x + bright - 0.5
    grey = x.mean(dim=1, keepdim=True)
    x = grey + (x - grey) * 2 * saturation
    middle = x.mean(dim=(1, 2, 3), keepdim=True)
    return middle + (x - middle) * (contrast + 0.5)


def shifted(x: Tensor, random: torch.Generator) -> Tensor:
    size = x.shape[-1]
    most = round(size * SHIFT)
    padded = torch.nn.functional.pad(x, (most, most, most, most))
    down, right = (torch.randint(0, 2 * most + 1, (2, len(x), 1), generator=random) + torch.arange(size)).to(x.device)
    pictures = torch.arange(len(x), device=x.device)[:, None, None]
    return padded[pictures, :, down[:, :, None], right[:, None, :]].permute(0, 3, 1, 2)


def covered(x: Tensor, random: torch.Generator) -> Tensor:
    """A square around any of the picture's pixels, so that it may hang over the border."""
    size = x.shape[-1]
    middle = torch.randint(0, size, (2, len(x), 1), generator=random)
    down, right = ((torch.arange(size) - middle).abs() * 2 < size * COVER).to(x)
    return x * (1 - down[:, None, :, None] * right[:, None, None, :])
