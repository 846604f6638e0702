"""What the NVlabs generators share: the mapping from z and classes to w, and what a file must say of it."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ganwidgets.core.errors import CheckpointError
from ganwidgets.models.attributes import Attributes
from ganwidgets.models.contents import has
from ganwidgets.models.progan_net import pixel_norm
from ganwidgets.models.stylegan2_net import EqualLinear, MappingLayer

Made = TypeVar("Made", bound=nn.Module)
COLORS = 3


class ClassMapping(nn.Module):
    """z, and where there are classes their embedding beside it, to w.

    `latent`: the length of z. `steps`: the lengths before and after each step, and how slowly it learned. `embedding`: the number
    of classes and the length that they are mapped to, or nothing.
    """

    def __init__(self, latent: int, steps: Sequence[tuple[int, int, float]], embedding: tuple[int, int] | None) -> None:
        super().__init__()
        self.latent, self.depth, self.classes = latent, len(steps), embedding[0] if embedding else 0
        if embedding:
            self.embed = EqualLinear(*embedding)
        for number, (size_in, size, rate) in enumerate(steps):
            setattr(self, f"fc{number}", MappingLayer(size_in, size, rate=rate))
        self.register_buffer("w_avg", torch.zeros(steps[-1][1]))

    def forward(self, z: Tensor, condition: Tensor | None) -> Float[Tensor, "n d"]:
        x = pixel_norm(z)
        if condition is not None:
            x = torch.cat([x, pixel_norm(self.embed(condition))], dim=1)
        for number in range(self.depth):
            x = self.get_submodule(f"fc{number}")(x)
        return x


def mapping_of(held: Mapping[str, Tensor], says: Attributes) -> ClassMapping:
    """The mapping that a file's shapes and attributes tell of. Errors: CheckpointError."""
    latent, classes = (says.whole("mapping", each) for each in ("z_dim", "c_dim"))
    says.expect("", "z_dim", latent)
    says.expect("", "c_dim", classes)
    steps: list[tuple[int, int, float]] = []
    for number in range(says.whole("mapping", "num_layers")):
        weight = matrix(held, f"mapping.fc{number}.weight", says)
        says.expect(f"mapping.fc{number}", "activation", "lrelu")
        steps.append((weight.shape[1], weight.shape[0], says.rate(f"mapping.fc{number}", weight)))
    if not steps:
        raise CheckpointError(f"{says.name} has no step from z to w.")
    embedding = None
    if classes:
        weight = matrix(held, "mapping.embed.weight", says)
        embedding = (classes, weight.shape[0])
    before = latent + (embedding[1] if embedding else 0)
    if steps[0][0] != before or any(one[1] != other[0] for one, other in zip(steps, steps[1:], strict=False)):
        raise CheckpointError(f"{says.name} maps z in steps that do not follow on each other: mapping.fc0 should take {before}.")
    return ClassMapping(latent, steps, embedding)


def matrix(held: Mapping[str, Tensor], key: str, says: Attributes) -> Tensor:
    """The weights of a linear map. Errors: CheckpointError where they are missing."""
    if not has(held, key, 2):
        raise CheckpointError(f"{says.name} lacks {key}, or it has not two sides.")
    return held[key]


def kernels(held: Mapping[str, Tensor], key: str, says: Attributes) -> Tensor:
    """The weights of a convolution. Errors: CheckpointError where they are missing, or no square of odd side."""
    if not has(held, key, 4) or held[key].shape[-1] % 2 == 0 or held[key].shape[-1] != held[key].shape[-2]:
        raise CheckpointError(f"{says.name} lacks {key}, or it is no convolution of odd, equal sides.")
    return held[key]


def taps_of(held: Mapping[str, Tensor], key: str, says: Attributes) -> tuple[int, ...]:
    """The shape of a filter. Errors: CheckpointError."""
    taps = held.get(key)
    if taps is None or taps.ndim not in (1, 2) or len(set(taps.shape)) != 1 or not 1 < taps.shape[0] <= 256:
        raise CheckpointError(f"{says.name} lacks the filter {key}, or it is neither a row nor a square.")
    return tuple(taps.shape)


def check_picture(says: Attributes, size: int, rows: int, width: int) -> None:
    """Errors: CheckpointError where the generator's parts do not agree about its pictures and w, or they are in other colors."""
    for module in ("", "synthesis"):
        says.expect(module, "img_resolution", size)
        says.expect(module, "img_channels", COLORS)
        says.expect(module, "w_dim", width)
    for module in ("", "synthesis", "mapping"):
        says.expect(module, "num_ws", rows)
