"""Walks through the latents: from picture to picture in small steps, each step a picture of its own."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.edits import EditStack
from ganwidgets.core.errors import ArgumentError
from ganwidgets.core.latents import Latents, check_seeds, picture_numbers, whole_number
from ganwidgets.core.nets import LayeredGenerator
from ganwidgets.core.stills import Still

PARALLEL = 1e-4    # the sine of an angle below which a great circle says nothing about the way


@final
@dataclass(frozen=True, eq=False)
class Walk:
    """The pictures on a way past `stops`: `len(walk)`, `walk[i]` (3, h, w) in [-1, 1], drawn when asked for, not kept.

    `steps` pictures from one stop to the next; with `loop` the way goes on from the last stop to the first.
    """
    generator: LayeredGenerator = field(repr=False)
    stops: Latents
    steps: int
    loop: bool

    def __len__(self) -> int:
        return len(self.stops) * self.steps if self.loop else (len(self.stops) - 1) * self.steps + 1

    def __getitem__(self, place: int) -> Float[Tensor, "3 h w"]:
        with torch.no_grad():
            return self.generator.images(self.latents(place))[0]

    def __iter__(self) -> Iterator[Float[Tensor, "3 h w"]]:
        return (self[place] for place in range(len(self)))

    def latents(self, place: int) -> Latents:
        """The latents of one picture; a stop's are its own, with its number. Errors: IndexError outside of the walk."""
        start, end, share = self._between(place)
        here, there = self.stops[start], self.stops[end]
        if not share:
            return here
        if here.w is not None and there.w is not None:
            w = torch.lerp(here.w, there.w, share)
            between = replace(here, z=None, w=w)       # a z that this w was not made from would say something else
        else:
            assert here.z is not None and there.z is not None
            between = replace(here, z=great_circle(here.z, there.z, share))
        if here.condition is not None and there.condition is not None:
            between = replace(between, condition=torch.lerp(here.condition, there.condition, share))
        residuals = tuple((layer, torch.lerp(one, other, share))
                          for (layer, one), (_, other) in zip(here.residuals, there.residuals, strict=True))
        return replace(between, residuals=residuals, pictures=picture_numbers(between.z, between.w, between.condition))

    def words(self, place: int) -> str:
        """Where on the way that picture is. Errors: IndexError."""
        start, end, share = self._between(place)
        one, other = (self._name(stop) for stop in (start, end))
        return f"{one}, {share:.0%} of the way to {other}" if share else one

    def still(self, place: int) -> Still:
        """That picture with where on the way it is. Errors: IndexError."""
        return Still(self[place].cpu(), self.words(place))

    @property
    def stills(self) -> Iterator[Still]:
        """All pictures in their order, drawn one by one."""
        return (self.still(place) for place in range(len(self)))

    def _between(self, place: int) -> tuple[int, int, float]:
        """The stops before and after, and how far from the first to the second."""
        stop, step = divmod(range(len(self))[place], self.steps)
        return stop, (stop + 1) % len(self.stops), step / self.steps

    def _name(self, stop: int) -> str:
        number = self.stops.pictures[stop]
        return f"picture {number}" if number >= 0 else f"your picture {stop + 1}"


def walk(g: LayeredGenerator, seeds: Any, *, steps: int = 16, edits: EditStack | None = None, loop: bool = True) -> Walk:
    """A walk from picture to picture: `seeds` are picture numbers, or Latents; `steps` pictures from each to the next.

    On great circles in z, whose length a net drawing from Gaussian z never saw change; straight in w, where the latents
    have it. The pictures between have numbers from their own digest, as `g.latents` gives them, so that edits for some
    seeds act at those stops alone: `edits.on(None)` acts all the way. Errors: ArgumentError for fewer than two stops or no
    steps; SeedError.
    """
    if not isinstance(g, LayeredGenerator):
        raise ArgumentError(f"walk needs a generator, as gw.load(name) gives; what came is a {type(g).__name__}.")
    stops = seeds if isinstance(seeds, Latents) else g.sample(check_seeds(seeds))
    if len(stops) < 2:
        raise ArgumentError(f"a walk goes past two pictures or more; {len(stops)} came.")
    number = whole_number(steps)
    if number is None or number < 1:
        raise ArgumentError(f"steps must be a whole number from 1 up; {steps!r} came.")
    return Walk(edits.apply(g) if edits is not None else g, stops, number, bool(loop))


def great_circle(one: Float[Tensor, "n *shape"], other: Float[Tensor, "n *shape"], share: float) -> Float[Tensor, "n *shape"]:
    """The vectors at that share, 0..1, of the way on the circle through both (Shoemake 1985); straight where they are parallel."""
    a, b = (each.flatten(1).cpu().double() for each in (one, other))        # where float64 is; not every device has it
    cosine = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)).clamp(min=1e-12)
    angle = torch.arccos(cosine.clamp(-1, 1))[:, None]
    sine = torch.sin(angle)
    round_ = (torch.sin((1 - share) * angle) * a + torch.sin(share * angle) * b) / sine.clamp(min=1e-12)
    return torch.where(sine > PARALLEL, round_, torch.lerp(a, b, share)).to(one.dtype).reshape(one.shape).to(one.device)
