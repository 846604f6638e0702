"""What the NVlabs generators share: the mapping from z and classes to w, and what a file must say of it."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ganwidgets.core.errors import CheckpointError
from ganwidgets.models.attributes import Attributes
from ganwidgets.models.progan_net import pixel_norm
from ganwidgets.models.stylegan2_net import EqualLinear, MappingLayer

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
    embedding = (classes, len(shaped(held, says, "mapping.embed.weight", None, classes))) if classes else None
    before = latent + (embedding[1] if embedding else 0)
    steps: list[tuple[int, int, float]] = []
    for number in range(says.whole("mapping", "num_layers")):
        weight = shaped(held, says, f"mapping.fc{number}.weight", None, steps[-1][1] if steps else before)
        says.expect(f"mapping.fc{number}", "activation", "lrelu")
        steps.append((weight.shape[1], weight.shape[0], says.rate(f"mapping.fc{number}", weight)))
    if not steps:
        raise CheckpointError(f"{says.name} has no step from z to w.")
    return ClassMapping(latent, steps, embedding)


def shaped(held: Mapping[str, Tensor], says: Attributes, key: str, *sides: int | None) -> Tensor:
    """The tensor of that key, which must have these sides (None: any), so that no net is built larger than its file.

    Errors: CheckpointError.
    """
    if key not in held:
        raise CheckpointError(f"{says.name} lacks {key}.")
    found = tuple(held[key].shape)
    if len(found) != len(sides) or any(side not in (None, came) for came, side in zip(found, sides, strict=True)):
        wanted = ", ".join("any" if side is None else str(side) for side in sides)
        raise CheckpointError(f"{key} in {says.name} has the shape {found}; by the other weights it should be ({wanted}).")
    return held[key]


def kernels(held: Mapping[str, Tensor], says: Attributes, key: str, size_in: int) -> Tensor:
    """The weights of a convolution. Errors: CheckpointError where they do not fit, or are no square of odd side."""
    found = shaped(held, says, key, None, size_in, None, None)
    if found.shape[-1] % 2 == 0 or found.shape[-1] != found.shape[-2]:
        raise CheckpointError(f"{key} in {says.name} is no convolution of odd, equal sides.")
    return found


def styled(held: Mapping[str, Tensor], says: Attributes, path: str, style: int, size: int) -> float:
    """How slowly the linear map from w to the styles of so many channels has learned. Errors: CheckpointError."""
    return says.rate(f"{path}.affine", shaped(held, says, f"{path}.affine.weight", size, style))


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
