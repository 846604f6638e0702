"""What a net is looked at with: a generator's numbered pictures, or pictures that a classifier is shown; in batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.counting import at_least_one
from ganwidgets.core.errors import ArgumentError, ShapeError
from ganwidgets.core.latents import check_seeds
from ganwidgets.core.nets import LayeredGenerator, LayeredNet, PausedRun


@final
@dataclass(frozen=True, eq=False)
class Inputs:
    """Pictures in their order, by seed or as a tensor; `looked_at` answers which, after checking."""
    net: LayeredNet
    seeds: tuple[int, ...] | None
    images: Float[Tensor, "n 3 h w"] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.seeds) if self.seeds is not None else len(self.images) if self.images is not None else 0

    def first(self, count: int) -> "Inputs":
        """The first so many of them."""
        if self.seeds is not None:
            return Inputs(self.net, self.seeds[:count])
        return Inputs(self.net, None, None if self.images is None else self.images[:count])

    def batches(self, size: int) -> Iterator[Any]:
        """Latents or pictures, `size` at a time. Errors: ArgumentError."""
        for start in range(0, len(self), at_least_one("batch", size)):
            if self.seeds is not None:
                assert isinstance(self.net, LayeredGenerator)
                yield self.net.sample(self.seeds[start:start + size])
            elif self.images is not None:
                yield self.images[start:start + size].float().to(self.net.device)

    def pictures(self, run: PausedRun, batch: Any) -> Float[Tensor, "n 3 h w"]:
        """The pictures of a batch whose run stopped somewhere: drawn, or those that came."""
        return self.net.tail(run) if self.seeds is not None else batch


def looked_at(net: LayeredNet, *, seeds: Any = None, images: Any = None, default: Sequence[int] = range(200)) -> Inputs:
    """A generator's `seeds` (left out: `default`), or a classifier's `images` (n, 3, h, w) in [-1, 1].

    Errors: ArgumentError for seeds where images are needed or the other way round, and for no picture at all; SeedError;
    ShapeError.
    """
    numbers = drawn_seeds(net, seeds=seeds, images=images, default=default)
    return Inputs(net, None, as_pictures(images)) if numbers is None else Inputs(net, numbers)


def drawn_seeds(net: LayeredNet, *, seeds: Any, images: Any, default: Sequence[int]) -> tuple[int, ...] | None:
    """Which pictures a generator draws: `seeds` (left out: `default`); None for a net that looks at `images`.

    Errors: as `looked_at`.
    """
    if not isinstance(net, LayeredGenerator):
        if seeds is not None or images is None:
            raise ArgumentError(f"{net.name} draws nothing: give images, a tensor (n, 3, h, w) in [-1, 1], and no seeds.")
        return None
    if images is not None:
        raise ArgumentError(f"{net.name} draws its own pictures: give seeds, not images.")
    numbers = check_seeds(default if seeds is None else seeds)
    if not numbers:
        raise ArgumentError("no picture to look at: the list of seeds is empty.")
    return numbers


def as_pictures(images: Any) -> Float[Tensor, "n 3 h w"]:
    """Images, at least one, as a tensor in [-1, 1] of the kind of floats that came. Errors: ShapeError, ArgumentError."""
    try:
        held = torch.as_tensor(images)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentError(f"pictures are a tensor (n, 3, height, width) in [-1, 1]; a {type(images).__name__} came.") from error
    if held.ndim != 4 or held.shape[1] != 3 or not len(held):
        raise ShapeError(f"pictures are a tensor of the shape (n, 3, height, width), n at least 1; {tuple(held.shape)} came.")
    if not held.is_floating_point() or not bool(((held >= -1.01) & (held <= 1.01)).all()):
        raise ArgumentError("pictures are numbers in [-1, 1]; for bytes divide by 127.5 and subtract 1.")
    return held
