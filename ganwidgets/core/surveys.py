"""A look at a generator's pictures before something is learned from them: what they show, and how high each unit goes."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.concepts import Segmenter
from ganwidgets.core.jobs import Progress
from ganwidgets.core.nets import Layer, LayeredGenerator
from ganwidgets.core.rankings import HIGH
from ganwidgets.core.statistics import Quantiles

BATCH = 12                 # pictures a step
PRESENT = 0.02             # of a picture's pixels: where less is the concept, it does not show it


@dataclass(frozen=True, eq=False)
class Survey:
    """What was seen before anything is learned: each picture's share of each concept, and each unit's high level."""
    seeds: tuple[int, ...]
    shares: Float[np.ndarray, "n k"]
    levels: Float[Tensor, " units"]

    def showing(self, index: int) -> list[int]:
        """The pictures that show the concept."""
        return [seed for seed, share in zip(self.seeds, self.shares[:, index], strict=True) if share >= PRESENT]

    def lacking(self, index: int) -> list[int]:
        """The pictures that do not; all, where there are none such: a box may still lack what every picture shows."""
        lacking = [seed for seed, share in zip(self.seeds, self.shares[:, index], strict=True) if share < PRESENT]
        return lacking or list(self.seeds)


def survey_steps(g: LayeredGenerator, segmenter: Segmenter, layer: Layer, seeds: tuple[int, ...], *,
                 total: int = 0) -> Generator[Progress, None, Survey]:
    """Look at all pictures; `total` is what Progress counts up to."""
    shares: list[Tensor] = []
    values = Quantiles(layer.channels)
    for start in range(0, len(seeds), BATCH):
        with torch.no_grad():
            paused = g.head(g.sample(seeds[start:start + BATCH]), layer)
            shares.append(segmenter.segment(g.tail(paused)).float().mean((2, 3)).cpu())
        values.add(paused.features.permute(0, 2, 3, 1).flatten(0, 2).cpu())
        yield Progress(min(start + BATCH, len(seeds)), total, "looking")
    levels = torch.from_numpy(values.quantile(HIGH)).float().to(g.device)
    return Survey(seeds, torch.cat(shares).numpy(), levels)
