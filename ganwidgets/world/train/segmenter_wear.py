"""Wears training pictures the way small generators do: blurred, warped, blotched, off in colour; masks move along."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import RandomState
from torch import Tensor

from ganwidgets.core.images import to_bytes, to_tensor
from ganwidgets.world.collages import jpeg


def worn_batch(random: RandomState, pictures: Tensor, masks: Tensor, *, share: float = 1.0) -> tuple[Tensor, Tensor]:
    """Pictures (n, 3, s, s) in [-1, 1] and masks (n, k, s, s) of 0 and 1, each worn in its own way; new tensors.

    `share` (0..1) of the pictures also lose something of their colours and sharpness; all may be mirrored and bent.
    """
    pictures, masks = mirrored(random, pictures, masks)
    pictures, masks = warped(random, pictures, masks)
    worn = blotched(random, recoloured(random, pictures))
    worn = torch.stack([one_worn(random, picture) for picture in worn])
    return torch.where(chosen(random, len(pictures), share), worn, pictures).clamp(-1, 1), masks


def mirrored(random: RandomState, pictures: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Half of them mirrored."""
    turned = chosen(random, len(pictures), .5)
    return torch.where(turned, pictures.flip(3), pictures), torch.where(turned, masks.flip(3), masks)


def warped(random: RandomState, pictures: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """A third of them bent by a smooth field of up to a few pixels, and zoomed a little."""
    rows = np.flatnonzero(random.rand(len(pictures)) < .35)
    if not len(rows):
        return pictures, masks
    bend = normal(random, len(rows), 2, 5, 5) * uniform(random, len(rows), .01, .06)
    field = F.interpolate(bend, size=pictures.shape[2:], mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    upright, size = torch.eye(2, 3).expand(len(rows), 2, 3), [len(rows), 1, *pictures.shape[2:]]
    straight = F.affine_grid(upright, size, align_corners=False)
    grid = straight * uniform(random, len(rows), .8, 1.1) + field
    pictures, masks = pictures.clone(), masks.clone()
    pictures[rows] = F.grid_sample(pictures[rows], grid, padding_mode="reflection", align_corners=False)
    masks[rows] = F.grid_sample(masks[rows], grid, mode="nearest", padding_mode="reflection", align_corners=False)
    return pictures, masks


def recoloured(random: RandomState, pictures: Tensor) -> Tensor:
    """Half of them lighter or darker, flatter or stronger, and tinted."""
    n = len(pictures)
    gain = 1 + .12 * normal(random, n, 1, 1, 1) + .05 * normal(random, n, 3, 1, 1)
    shift = .08 * normal(random, n, 1, 1, 1) + .05 * normal(random, n, 3, 1, 1)
    return torch.where(chosen(random, n, .5), pictures * gain + shift, pictures)


def blotched(random: RandomState, pictures: Tensor) -> Tensor:
    """A third of them with smooth blotches of colour, from coarse clouds to small dabs."""
    n, cells = len(pictures), int(random.choice([4, 6, 10, 16]))
    blotches = normal(random, n, 3, cells, cells) * .5 + normal(random, n, 1, cells, cells)
    blotches = F.interpolate(blotches, size=pictures.shape[2:], mode="bicubic") * uniform(random, n, .02, .2)
    return torch.where(chosen(random, n, .35), pictures + blotches, pictures)


def one_worn(random: RandomState, picture: Tensor) -> Tensor:
    """Perhaps brought to 16 to 48 pixels and back, perhaps noisy, perhaps compressed."""
    if random.rand() < .4:
        size = picture.shape[-1]
        small = random.randint(size // 4, size * 3 // 4 + 1)
        down = F.interpolate(picture[None], size=(small, small), mode="bilinear", antialias=True)
        picture = F.interpolate(down, size=(size, size), mode="bicubic" if random.rand() < .5 else "bilinear")[0]
    if random.rand() < .4:
        picture = picture + normal(random, *picture.shape) * random.uniform(.01, .1)
    if random.rand() < .15:
        levels = to_bytes(picture)
        picture = to_tensor(jpeg(levels, int(random.randint(25, 90))))
    return picture


def chosen(random: RandomState, n: int, share: float) -> Tensor:
    """Which of n pictures, shaped to go with a batch."""
    return torch.from_numpy(random.rand(n, 1, 1, 1) < share)


def normal(random: RandomState, *shape: int) -> Tensor:
    """Normal numbers in float32."""
    return torch.from_numpy(random.standard_normal(shape).astype(np.float32))


def uniform(random: RandomState, n: int, low: float, high: float) -> Tensor:
    """One even number a picture, shaped to go with a batch."""
    return torch.from_numpy(random.uniform(low, high, (n, 1, 1, 1)).astype(np.float32))
