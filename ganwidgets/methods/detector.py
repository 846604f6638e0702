"""A unit as a detector of its concept: a picture is said to hold it where the unit's peak is above a threshold (Bau et al. 2020).

The threshold is fixed on some pictures and the balanced accuracy measured on others (section 2.2).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ganwidgets.core.counting import at_least_one
from ganwidgets.core.errors import ShapeError, StatisticsError
from ganwidgets.core.jobs import Progress, Steps, stepwise
from ganwidgets.core.latents import check_seeds
from ganwidgets.core.nets import Layer, LayeredGenerator, LayeredNet
from ganwidgets.core.statistics import peaks_of

BATCH = 32


@final
@dataclass(frozen=True)
class Detector:
    """Says that a concept is there where a unit's peak is above `threshold`; `balanced` is its balanced accuracy on the pictures
    that it was fixed on."""
    threshold: float
    balanced: float

    def says(self, peaks: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
        """Whether it says that the concept is there, picture by picture."""
        return np.asarray(peaks) > self.threshold

    def on(self, peaks: Float[np.ndarray, " n"], there: Bool[np.ndarray, " n"]) -> float:
        """Its balanced accuracy on these pictures; some must hold the concept and some not. Errors: StatisticsError, ShapeError."""
        peaks, there = checked(peaks, there)
        said = self.says(peaks)
        return float(said[there].mean() + (~said[~there]).mean()) / 2


def detector(peaks: Float[np.ndarray, " n"], there: Bool[np.ndarray, " n"]) -> Detector:
    """The threshold that tells best, by balanced accuracy, whether the concept is there; halfway between two peaks.

    Measure it with `on` and other pictures. Errors: StatisticsError where the concept is in all pictures or in none; ShapeError.
    """
    peaks, there = checked(peaks, there)
    order = np.argsort(peaks, kind="stable")
    levels, holds = peaks[order], there[order]
    # after the first k of them: the share of pictures without the concept that lie below, and of those with it that lie above
    below = np.concatenate([[0], np.cumsum(~holds)]) / (~holds).sum()
    above = 1 - np.concatenate([[0], np.cumsum(holds)]) / holds.sum()
    balanced = (below + above) / 2
    ends = np.concatenate([[-np.inf], (levels[1:] + levels[:-1]) / 2, [np.inf]])
    possible = np.concatenate([[True], levels[1:] > levels[:-1], [True]])       # none between two equal peaks
    best = int(np.where(possible, balanced, -1).argmax())
    return Detector(float(ends[best]), float(balanced[best]))


@stepwise
def peaks(net: LayeredNet, inputs: Any, *, layer: str | Layer, batch: int = BATCH) -> Steps[Float[np.ndarray, "n units"]]:
    """How high each unit of a layer goes in each picture: of a generator's seeds, or of a classifier's pictures (n, 3, h, w).

    Errors: LayerError, SeedError, ArgumentError, ShapeError.
    """
    place, size, found = net.layer(layer), at_least_one("batch", batch), []
    asked: Any = check_seeds(inputs) if isinstance(net, LayeredGenerator) else inputs
    for start in range(0, len(asked), size):
        part = asked[start:start + size]
        with torch.no_grad():
            run = net.head(net.sample(part) if isinstance(net, LayeredGenerator) else part, place)
        found.append(peaks_of(run.features).numpy())
        yield Progress(start + len(part), len(asked), "pictures")
    return np.concatenate(found) if found else np.zeros((0, place.channels), np.float32)


def checked(peaks: Any, there: Any) -> tuple[np.ndarray, np.ndarray]:
    """Peaks and truth, one of each a picture. Errors: ShapeError, StatisticsError."""
    levels, holds = (np.asarray(each.cpu() if isinstance(each, Tensor) else list(each) if isinstance(each, Iterable) else each)
                     for each in (peaks, there))
    holds = holds.astype(bool)
    if levels.ndim != 1 or levels.shape != holds.shape:
        raise ShapeError(f"peaks and what is there are one number a picture each; {levels.shape} and {holds.shape} came.")
    if not np.isfinite(levels).all():
        raise StatisticsError("the peaks hold numbers that are not finite.")
    if holds.all() or not holds.any():
        raise StatisticsError(f"the concept is in {int(holds.sum())} of {len(holds)} pictures; balanced accuracy needs some "
                              "with it and some without.")
    return levels, holds
