"""Which units of a layer are duplicates: their maps agree, cell by cell and picture by picture.

Both papers count the concepts of a layer rather than its units, because many units share one (Bau et al. 2020, section 3.2);
this tells units that share a concept from units that are the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.correlations import Correlations
from ganwidgets.core.errors import ArgumentError
from ganwidgets.core.inputs import Inputs, looked_at
from ganwidgets.core.jobs import Progress, Steps, stepwise
from ganwidgets.core.nets import Layer, LayeredNet

BATCH = 8                  # pictures a step
FIRST = 32                 # pictures that tell the range of each unit
AGREE = 0.95               # a correlation from which two units are called the same, if nothing is said


@final
@dataclass(frozen=True, eq=False)
class Alike:
    """The correlation of every two units' maps at a layer; `counts` is what it follows from and merges with that of other
    pictures."""
    model: str
    digest: str
    layer: Layer
    counts: Correlations = field(repr=False)

    @property
    def correlation(self) -> Float[np.ndarray, "units units"]:
        """From -1 to 1, over all cells of all pictures."""
        return self.counts.correlation

    @property
    def correlation_other(self) -> Float[np.ndarray, "units units"]:
        """The same between maps of different pictures: what position alone gives."""
        return self.counts.correlation_other

    def groups(self, least: float | int = AGREE) -> tuple[tuple[int, ...], ...]:
        """Units that are the same as the first of their group, which has the lowest number: correlation `least` (0..1) or more.

        A unit that agrees with several firsts goes with the one it agrees with most. Units that are alone are left out.
        Errors: ArgumentError.
        """
        if not 0 < least <= 1:
            raise ArgumentError(f"units are the same from a correlation above 0, up to 1; {least!r} came.")
        agree = self.correlation
        groups: dict[int, list[int]] = {}
        for unit in range(len(agree)):
            first = max(groups, key=lambda each: agree[unit, each], default=None)
            if first is not None and agree[unit, first] >= least:
                groups[first].append(unit)
            else:
                groups[unit] = [unit]
        return tuple(tuple(group) for group in groups.values() if len(group) > 1)

    def duplicates(self, least: float | int = AGREE) -> int:
        """How many units could be left out, because each is the same as one that stays. Errors: ArgumentError."""
        return sum(len(group) - 1 for group in self.groups(least))

    @property
    def table(self) -> pd.DataFrame:
        """A row a unit: unit, its nearest other unit, their correlation, and what position alone gives; the highest first."""
        agree, other = self.correlation, self.correlation_other
        units = np.arange(len(agree))
        np.fill_diagonal(agree, -np.inf)
        nearest = agree.argmax(1)
        alone = len(units) == 1
        rows = pd.DataFrame({"unit": units, "nearest": nearest, "correlation": np.nan if alone else agree[units, nearest],
                             "correlation_other": np.nan if alone else other[units, nearest]})
        return rows.sort_values("correlation", ascending=False, kind="stable", ignore_index=True)


@stepwise
def alike(net: LayeredNet, *, layer: str | Layer, seeds=None, images=None, batch: int = BATCH) -> Steps[Alike]:
    """How alike the maps of a layer's units are, in one pass over pictures, on the layer's own grid.

    A generator draws the pictures of `seeds` (left out: the first 200), a classifier looks at `images` (n, 3, h, w) in [-1, 1].
    The first 32 of them are looked at before, for the range of each unit. Errors: ArgumentError, LayerError, SeedError, ShapeError.
    """
    place, inputs = net.layer(layer), looked_at(net, seeds=seeds, images=images)
    first = min(FIRST, len(inputs))
    high, done = np.zeros(place.channels), 0
    for features in _features(net, place, inputs.first(first), batch):
        high, done = np.maximum(high, features.abs().amax((0, 2, 3)).double().cpu().numpy()), done + len(features)
        yield Progress(done, first + len(inputs), "ranges")
    counts = Correlations(np.where(high > 0, high, 1.0), place.height, place.width)
    for features in _features(net, place, inputs, batch):
        counts.add(features)
        yield Progress(done + counts.pictures, first + len(inputs), "pictures")
    return Alike(net.name, net.digest, place, counts)


def _features(net: LayeredNet, layer: Layer, inputs: Inputs, batch: int) -> Iterator[Float[Tensor, "n units h w"]]:
    for each in inputs.batches(batch):
        with torch.no_grad():
            features = net.head(each, layer).features
        yield features
