"""Units that spoil pictures: those whose strongest pictures are furthest from real ones, and what removing them mends.

GAN Dissection, section 4.3 and figure 8, where such units were picked by eye; here by the distance of each unit's own pictures
from a reference (Fréchet distance of features that are handed in), which needs no eye.
"""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Float32
from torch import Tensor
from torch.nn import functional as F

from ganwidgets.core.counting import at_least_one
from ganwidgets.core.edits import Origin, UnitEdit
from ganwidgets.core.errors import ArgumentError, ShapeError
from ganwidgets.core.gaussians import Gaussian, frechet_distance
from ganwidgets.core.jobs import Progress, Steps, stepwise
from ganwidgets.core.latents import check_seeds
from ganwidgets.core.nets import Layer, LayeredClassifier, LayeredGenerator, PausedRun
from ganwidgets.core.rankings import first_units
from ganwidgets.core.statistics import peaks_of
from ganwidgets.methods.intervene import random_units

BATCH = 16                 # pictures a step
PICTURES = 200             # that light a unit most; a distance depends on how many there are, so it is the same for all units
DRAWS = 20                 # of random units

Features = LayeredClassifier | Callable[[Tensor], Tensor]


@final
@dataclass(frozen=True, eq=False)
class Artifacts:
    """How far the pictures that light each unit most are from the reference: `distances` (units,); `whole`: that of as many
    pictures taken as they come. `means` and `deviations`: of each unit's peak over all pictures."""
    layer: str
    distances: Float[np.ndarray, " units"] = field(repr=False)
    whole: float
    pictures: int
    means: Float[np.ndarray, " units"] = field(repr=False)
    deviations: Float[np.ndarray, " units"] = field(repr=False)
    origin: Origin = field(repr=False)

    @property
    def ranking(self) -> list[int]:
        """The units, that of the worst pictures first; of equal ones the lower."""
        return np.argsort(-self.distances, kind="stable").tolist()

    @property
    def table(self) -> pd.DataFrame:
        """A row a unit, the worst first: unit, distance, and times: how often the distance of any pictures that is."""
        units = self.ranking
        return pd.DataFrame({"unit": units, "distance": self.distances[units], "times": self.distances[units] / self.whole})

    def edit(self, n: int | None = None, **settings: Any) -> UnitEdit:
        """The edit that switches the n worst units off; left out, 4 % of the layer, at least 4 (the paper's 20 of 512).

        `settings` are those of UnitEdit. Errors: UnitError, EditError.
        """
        units = first_units(self.ranking, n, self.layer)
        return UnitEdit(self.layer, tuple(units), 0.0, **{"origin": self.origin, **settings})


@stepwise
def artifact_units(g: LayeredGenerator, features: Features, reference: Any, *, layer: str | Layer, seeds: Any,
                   pictures: int = PICTURES) -> Steps[Artifacts]:
    """The distance from the reference of the `pictures` in which each unit of a layer goes highest, of those of `seeds`.

    `features`: a classifier (its last layer, meant over the quarters of the picture) or a function from pictures in [-1, 1] to
    rows (n, d). `reference`: real pictures, a tensor (m, 3, h, w) or batches of them, or their rows (m, d).
    Errors: ArgumentError, LayerError, SeedError, ShapeError, StatisticsError.
    """
    numbers, place, most = check_seeds(seeds), g.layer(layer), at_least_one("pictures", pictures)
    if len(numbers) <= most:
        raise ArgumentError(f"{len(numbers)} seeds, of which {most} light a unit most: those would be all of them. Give more "
                            "seeds, or fewer pictures.")
    real = Gaussian.of(rows_of(features, reference))
    looks, peaks = list[Tensor](), list[Tensor]()
    for paused, done in _runs(g, place, numbers):
        looks.append(_rows(features, _tail(g, paused)))
        peaks.append(peaks_of(paused.features))
        yield Progress(done, len(numbers) + place.channels, "pictures")
    rows, highest = torch.cat(looks).numpy(), torch.cat(peaks).numpy()
    distances = np.zeros(place.channels)
    for unit in range(place.channels):
        top = np.argsort(-highest[:, unit], kind="stable")[:most]
        distances[unit] = frechet_distance(Gaussian.of(rows[top]), real)
        yield Progress(len(numbers) + unit + 1, len(numbers) + place.channels, "units")
    return Artifacts(place.name, distances, frechet_distance(Gaussian.of(rows[:most]), real), most,
                     highest.mean(0).astype(np.float64), highest.std(0).astype(np.float64), Origin(g.name, g.digest))


@final
@dataclass(frozen=True)
class Repair:
    """The distance from the reference of the pictures that light some units most: as drawn (`before`), with those units switched
    off (`after`), and with as many random ones off, once a draw."""
    units: tuple[int, ...]
    pictures: int
    before: float
    after: float
    random: tuple[float, ...]

    @property
    def beyond_chance(self) -> bool:
        """Whether the distance fell, and further than with every random draw."""
        return self.after < min(self.before, *self.random)


@stepwise
def repair(g: LayeredGenerator, found: Artifacts, features: Features, reference: Any, seeds: Any, *, n: int | None = None,
           units: Any = None, pictures: int = PICTURES, draws: int = DRAWS) -> Steps[Repair]:
    """What switching the n worst units off does to pictures that light them, beside `draws` times as many random units.

    The pictures are those of `seeds` in which these units peak highest, each in its own deviations; `seeds` should be others than
    the units were found on. `features`, `reference` as in `artifact_units`; `n` as in `found.edit`. Pictures that were chosen by
    units lie apart from others, and come back where these are off, even if nothing was wrong with them: give other `units`, such
    as `found.ranking[-n:]`, to see how much of a repair is that.
    Errors: ArgumentError, LayerError, UnitError, SeedError, ShapeError, StatisticsError.
    """
    numbers, place, most = check_seeds(seeds), g.layer(found.layer), at_least_one("pictures", pictures)
    edit, times = found.edit(n), at_least_one("draws", draws)
    edit = edit if units is None else replace(edit, units=units)
    edit.check(g)
    if len(numbers) < most:
        raise ArgumentError(f"{len(numbers)} seeds for {most} pictures; give more seeds, or ask for fewer pictures.")
    chosen = list(edit.units)
    lit = list[Tensor]()
    for paused, done in _runs(g, place, numbers):
        lit.append(_lit(found, chosen, paused.features))
        yield Progress(done, len(numbers) + most * (times + 2), "looking for pictures")
    order = np.argsort(-torch.cat(lit).numpy(), kind="stable")[:most]
    edits = [None, edit, *(random_units(edit, g, draw) for draw in range(times))]
    rows: list[list[Tensor]] = [[] for _ in edits]
    for paused, done in _runs(g, place, [numbers[at] for at in order]):
        for each, held in zip(edits, rows, strict=True):
            held.append(_rows(features, _tail(g, paused, each)))
            yield Progress(len(numbers) + done * (times + 2), len(numbers) + most * (times + 2), "pictures without units")
    real = Gaussian.of(rows_of(features, reference))
    before, after, *random = (frechet_distance(Gaussian.of(torch.cat(held)), real) for held in rows)
    return Repair(edit.units, most, before, after, tuple(random))


def _lit(found: Artifacts, units: list[int], features: Tensor) -> Float32[Tensor, " n"]:
    """How high these units peak in each picture: the mean over them, each in its own deviations."""
    peaks = peaks_of(features[:, units])
    scale = np.maximum(found.deviations[units], 1e-12)
    return ((peaks - torch.from_numpy(found.means[units]).float()) / torch.from_numpy(scale).float()).mean(1)


def _runs(g: LayeredGenerator, layer: Layer, seeds: Any) -> Generator[tuple[PausedRun, int], None, None]:
    """Runs stopped at the layer, and how many pictures there were by then."""
    for start in range(0, len(seeds), BATCH):
        with torch.no_grad():
            paused = g.head(g.sample(seeds[start:start + BATCH]), layer)
        yield paused, min(start + BATCH, len(seeds))


def _tail(g: LayeredGenerator, paused: PausedRun, edit: UnitEdit | None = None) -> Tensor:
    with torch.no_grad():
        return g.tail(paused if edit is None else replace(paused, features=edit.change(paused.features)))


def rows_of(features: Features, pictures: Any) -> Float32[Tensor, "n d"]:
    """The features of pictures, a row each: of a tensor (n, 3, h, w), of batches, or rows that are features already.

    Errors: ArgumentError, ShapeError.
    """
    if isinstance(pictures, Tensor) and pictures.ndim == 2:
        return pictures.detach().float().cpu()
    if not isinstance(pictures, (Tensor, Iterable)) or isinstance(pictures, (str, bytes, dict)):
        raise ArgumentError("a reference is a tensor of pictures (n, 3, h, w), batches of them, or rows of features (n, d); a "
                            f"{type(pictures).__name__} came.")
    batches = pictures.split(BATCH) if isinstance(pictures, Tensor) else pictures
    rows = [_rows(features, batch) for batch in batches]
    if not rows:
        raise ArgumentError("no reference picture came; give a tensor (n, 3, h, w), batches, or rows of features.")
    return torch.cat(rows)


def _rows(features: Features, images: Tensor) -> Float32[Tensor, "n d"]:
    """The features of a batch. Errors: ShapeError where what was handed in does not answer a row a picture."""
    with torch.no_grad():
        if isinstance(features, LayeredClassifier):
            last = features.head(images.to(features.device), features.layers[-1]).features
            rows = F.adaptive_avg_pool2d(last, 2).flatten(1)
        else:
            rows = features(images)
    if rows.ndim != 2 or len(rows) != len(images):
        raise ShapeError(f"features of {len(images)} pictures are rows (n, d); {tuple(rows.shape)} came.")
    return rows.float().cpu()
