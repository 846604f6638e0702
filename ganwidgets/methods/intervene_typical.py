"""How unusual a generator's features become under an edit: a number to show while one edits, 1 for unedited pictures.

An edit may take a generator where it never was, and what it draws there says little of how it draws. So each later layer is
summed up picture by picture (each unit's mean, spread and peak), and compared with what these are in unedited pictures. In the
papers this is left to the eye (GAN Dissection, section 4.4, on where an insertion does not come).
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.errors import ArgumentError, LayerError, one_of
from ganwidgets.core.jobs import Progress, Steps, stepwise
from ganwidgets.core.latents import Latents, check_seeds
from ganwidgets.core.nets import Layer, LayeredGenerator, PausedRun
from ganwidgets.core.statistics import Moments

BATCH = 8                  # pictures a step
SUMMARIES = 3              # of a unit in a picture: mean, spread and peak
LEAST = 1e-3               # of a layer's largest deviation: where a summary hardly moves, a bit of rounding is no surprise
RARE = 0.01                # of unedited pictures; what fewer of them reach is not typical


@final
@dataclass(frozen=True, eq=False)
class UsualFeatures:
    """What units do in unedited pictures, layer by layer: the moments of each unit's mean, spread and peak in a picture.

    `a + b` are those of all pictures, whatever the order and the batches, to the last bit of the sums.
    """
    model: str
    digest: str
    layers: tuple[Layer, ...]
    moments: tuple[Moments, ...] = field(repr=False)

    @property
    def pictures(self) -> int:
        """How many pictures were looked at."""
        return self.moments[0].count

    @cached_property
    def scales(self) -> tuple[tuple[Float[np.ndarray, " summaries"], Float[np.ndarray, " summaries"]], ...]:
        """Of each layer the means of the summaries and their deviations, none of these near 0."""
        found = []
        for moments in self.moments:
            deviation = np.sqrt(moments.variance)
            found.append((moments.mean, np.maximum(deviation, max(LEAST * float(deviation.max()), 1e-12))))
        return tuple(found)

    def __add__(self, other: "UsualFeatures") -> "UsualFeatures":
        """Errors: ArgumentError where they are of other weights or layers."""
        if (self.digest, self.layers) != (other.digest, other.layers):
            raise ArgumentError("usual features of other weights or layers cannot be put together.")
        return UsualFeatures(self.model, self.digest, self.layers,
                             tuple(mine + others for mine, others in zip(self.moments, other.moments, strict=True)))


@stepwise
def usual_features(g: LayeredGenerator, seeds: Any, *, layers: Sequence[str | Layer] | None = None,
                   batch: int = BATCH) -> Steps[UsualFeatures]:
    """Sum up the features of unedited pictures, `batch` of them a step; `layers` left out: all. Give an unedited generator.

    Errors: LayerError, SeedError, ArgumentError.
    """
    numbers, chosen = check_seeds(seeds), _layers(g, layers)
    if len(numbers) < 2:
        raise ArgumentError(f"{len(numbers)} pictures say nothing of what is usual; give at least two seeds.")
    moments = [Moments(SUMMARIES * layer.channels) for layer in chosen]
    for start in range(0, len(numbers), batch):
        for each, held in zip(_summaries(g, g.sample(numbers[start:start + batch]), chosen), moments, strict=True):
            held.add(each)
        yield Progress(min(start + batch, len(numbers)), len(numbers), "what is usual")
    return UsualFeatures(g.name, g.digest, chosen, tuple(moments))


@final
@dataclass(frozen=True, eq=False)
class Reading:
    """How unusual some pictures are: `distances` (n, layers), the mean squared number of deviations over a layer's summaries, in
    times of what it is in unedited pictures; `rarity` (n,): the share of unedited pictures that are as far at their worst layer."""
    layers: tuple[Layer, ...]
    distances: Float[np.ndarray, "n layers"] = field(repr=False)
    rarity: Float[np.ndarray, " n"]

    @property
    def times(self) -> Float[np.ndarray, " n"]:
        """Each picture's distance at its worst layer: near 1 for unedited ones."""
        return self.distances.max(1)

    @property
    def typical(self) -> list[bool]:
        """Of each picture, whether 1 % of unedited ones or more are as far."""
        return (self.rarity >= RARE).tolist()

    def __str__(self) -> str:
        worst = int(self.times.argmax())
        layer = self.layers[int(self.distances[worst].argmax())].name
        return (f"{self.times[worst]:.1f} times as far from the usual as unedited pictures are, at {layer}; "
                f"{self.rarity[worst]:.1%} of these are as far")


@final
@dataclass(frozen=True, eq=False)
class Typicality:
    """The meter: `usual` features, what unedited pictures' distances are at each layer, and how far each goes at its worst one."""
    usual: UsualFeatures = field(repr=False)
    scales: Float[np.ndarray, " layers"] = field(repr=False)
    unedited: Float[np.ndarray, "n layers"] = field(repr=False)

    def read(self, edited: LayeredGenerator, latents: Latents | PausedRun, *, after: str | Layer | None = None) -> Reading:
        """How unusual the features are that an edited generator, `stack.apply(g)`, has in these pictures.

        A run that was stopped before the usual features' layers may stand for the latents: then only the rest is run.
        `after`: only at layers after this one, where the edit was made: there it says how the net takes it, not that it was edited.
        Errors: ArgumentError for a generator of other weights, LayerError where no layer comes after.
        """
        _same(self.usual, edited)
        first = -1 if after is None else edited.place(after)
        kept = [at for at, layer in enumerate(self.usual.layers) if edited.place(layer) > first]
        if not kept:
            raise LayerError(one_of("layer", str(after), [layer.name for layer in self.usual.layers[:-1]], where="this meter"))
        found = _distances(self.usual, edited, latents)[:, kept] / self.scales[kept]
        worst = np.sort(self.unedited[:, kept].max(1))
        further = len(worst) - np.searchsorted(worst, found.max(1))
        # the picture itself counts among them: never 0, so that no more is said than so many pictures can say
        return Reading(tuple(self.usual.layers[at] for at in kept), found, (further + 1) / (len(worst) + 1))


@stepwise
def typicality(g: LayeredGenerator, usual: UsualFeatures, seeds: Any, *, batch: int = BATCH) -> Steps[Typicality]:
    """A meter of how unusual edited pictures are, set by the unedited ones of `seeds`: others than those of `usual`, at least 100.

    `batch`: pictures a step. Errors: ArgumentError, SeedError.
    """
    numbers = check_seeds(seeds)
    _same(usual, g)
    if len(numbers) < 1 / RARE:
        raise ArgumentError(f"{len(numbers)} pictures cannot show what fewer than {RARE:.0%} of pictures reach; give at least "
                            f"{round(1 / RARE)} seeds.")
    found = []
    for start in range(0, len(numbers), batch):
        found.append(_distances(usual, g, g.sample(numbers[start:start + batch])))
        yield Progress(min(start + batch, len(numbers)), len(numbers), "unedited pictures")
    rows = np.concatenate(found)
    scales = np.maximum(rows.mean(0), 1e-9)
    return Typicality(usual, scales, rows / scales)


def _layers(g: LayeredGenerator, layers: Sequence[str | Layer] | None) -> tuple[Layer, ...]:
    """The layers asked for, in running order. Errors: LayerError, ArgumentError."""
    if isinstance(layers, (str, Layer)):
        raise ArgumentError(f"layers is a list of layers; for one write layers=[{str(layers)!r}].")
    places = sorted({g.place(layer) for layer in (g.layers if layers is None else layers)})
    if not places:
        raise LayerError("no layer to look at: the list of layers is empty.")
    return tuple(g.layers[place] for place in places)


def _same(usual: UsualFeatures, g: LayeredGenerator) -> None:
    """Errors: ArgumentError for a generator of other weights."""
    if usual.digest != g.digest:
        raise ArgumentError(f"these usual features are of {usual.model} with other weights than those of {g.name}; sum up its own "
                            "with gw.usual_features.")


def _summaries(g: LayeredGenerator, latents: Latents | PausedRun,
               layers: Sequence[Layer]) -> Generator[Float[Tensor, "n summaries"], None, None]:
    """Each layer's units, summed up picture by picture: mean, spread and peak of each."""
    with torch.no_grad():
        run = latents if isinstance(latents, PausedRun) else g.head(latents, layers[0])
    for layer in layers:
        with torch.no_grad():
            run = g.resume(run, layer)
            cells = run.features.flatten(2).float()
            summary = torch.cat([cells.mean(2), cells.std(2, correction=0), cells.amax(2)], 1)
        yield summary.cpu()


def _distances(usual: UsualFeatures, g: LayeredGenerator, latents: Latents | PausedRun) -> Float[np.ndarray, "n layers"]:
    """The mean squared number of deviations of each picture's summaries, layer by layer."""
    found = []
    for summary, (mean, deviation) in zip(_summaries(g, latents, usual.layers), usual.scales, strict=True):
        found.append(np.square((summary.numpy().astype(np.float64) - mean) / deviation).mean(1))
    return np.stack(found, 1)

