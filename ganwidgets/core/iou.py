"""How often units and concepts meet: integer counts from which every intersection over union follows."""

from collections.abc import Mapping
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ganwidgets.core.counting import Statistic, at_least_one, at_most, expect, grid_of, products, ratios, same, whole
from ganwidgets.core.errors import StatisticsError

TOGETHER = 1 << 24         # whole numbers up to here are exact in float32


@final
class IoUCounts(Statistic):
    """How often units and concepts meet: counts from which every intersection over union follows, as integers."""
    kind = "IoU counts"

    def __init__(self, units: int, concepts: int, height: int, width: int) -> None:
        self.units, self.concepts = at_least_one("units", units), at_least_one("concepts", concepts)
        self.grid = (at_least_one("height", height), at_least_one("width", width))
        self.pictures = 0
        cells = self.grid[0] * self.grid[1]
        self._both = np.zeros((self.units, self.concepts), np.int64)
        self._unit_cells = np.zeros((self.units, cells), np.int64)
        self._concept_cells = np.zeros((self.concepts, cells), np.int64)

    def add(self, lit: Bool[Tensor, "n units h w"] | Float[Tensor, "n units h w"],
            masks: Bool[Tensor, "n concepts h w"] | Float[Tensor, "n concepts h w"]) -> None:
        """Count where units are lit and concepts hold (0 and 1 if not bool), picture by picture on the same grid."""
        if lit.shape[1:] != (self.units, *self.grid) or masks.shape[1:] != (self.concepts, *self.grid):
            raise StatisticsError(f"lit {tuple(lit.shape)} and masks {tuple(masks.shape)} do not fit {self.units} "
                                  f"units, {self.concepts} concepts and a grid of {self.grid[0]} x {self.grid[1]}.")
        same("pictures in the batch", len(lit), len(masks))
        together = max(1, TOGETHER // self._unit_cells.shape[1])
        for start in range(0, len(lit), together):
            on = lit[start:start + together].flatten(2).float()
            there = masks[start:start + together].flatten(2).float()
            self._both += whole(torch.bmm(on, there.transpose(1, 2)).sum(0))
            self._unit_cells += whole(on.sum(0))
            self._concept_cells += whole(there.sum(0))
        self.pictures += len(lit)

    @property
    def unit_shares(self) -> Float[np.ndarray, " units"]:
        """The share of all pixels at which each unit is lit."""
        return self._unit_cells.sum(1) / self._pixels

    @property
    def concept_shares(self) -> Float[np.ndarray, " concepts"]:
        """The share of all pixels at which each concept holds."""
        return self._concept_cells.sum(1) / self._pixels

    @property
    def iou(self) -> Float[np.ndarray, "units concepts"]:
        """Intersection over union over all pixels of all pictures; 0 where both are empty."""
        return ratios(self._both, self._unit_cells.sum(1)[:, None] + self._concept_cells.sum(1)[None] - self._both)

    @property
    def iou_other(self) -> Float[np.ndarray, "units concepts"]:
        """The same with the masks of other pictures, over all pairs i != j: what position alone gives.

        All pairs meet at a cell (unit count) x (concept count) times; the pairs i = j are the intersections.
        """
        meet = products(self._unit_cells, self._concept_cells) - self._both
        each = (self.pictures - 1) * (self._unit_cells.sum(1)[:, None] + self._concept_cells.sum(1)[None])
        return ratios(meet, each - meet)

    @property
    def _pixels(self) -> int:
        return max(1, self.pictures * self._unit_cells.shape[1])

    def __add__(self, other: "IoUCounts") -> "IoUCounts":
        for what in ("units", "concepts", "grid"):
            same(what, getattr(self, what), getattr(other, what))
        sums = {name: np.asarray(part + other.integers[name])
                for name, part in self.integers.items() if name != "grid"}
        return IoUCounts.from_integers({"grid": np.array(self.grid), **sums})

    @property
    def integers(self) -> dict[str, np.ndarray]:
        """The number of pictures, the grid, and the counts of both, of units and of concepts."""
        return {"grid": np.array(self.grid, np.int64), "pictures": np.array(self.pictures, np.int64),
                "both": self._both, "unit_cells": self._unit_cells,
                "concept_cells": self._concept_cells}

    @classmethod
    def from_integers(cls, state: Mapping[str, np.ndarray]) -> "IoUCounts":
        """IoU counts of that state. Errors: StatisticsError."""
        height, width = grid_of(state)
        both = expect(state, "both", 2)
        # looked at first, so that only what is there takes memory
        unit_cells = expect(state, "unit_cells", (len(both), height * width))
        concept_cells = expect(state, "concept_cells", (both.shape[1], height * width))
        made = cls(both.shape[0], both.shape[1], height, width)
        made.pictures, made._both = int(expect(state, "pictures", 0)), both
        made._unit_cells, made._concept_cells = unit_cells, concept_cells
        at_most(made.pictures, unit_cells, concept_cells)
        at_most(unit_cells.sum(1)[:, None], both)
        at_most(concept_cells.sum(1), both)
        return made
