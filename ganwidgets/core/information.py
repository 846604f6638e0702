"""How much a unit above a level tells of a concept, and how often the two meet at the level that tells most.

GAN Dissection (section 3.1) takes for each unit and concept the threshold with the highest information quality ratio, the
information that lit and held pixels share over all that there is in both; it is fitted on pictures of its own.
"""

from collections.abc import Mapping
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from ganwidgets.core.counting import Statistic, at_most, expect, grid_of, products, ratios, same, whole
from ganwidgets.core.errors import StatisticsError

SHARES = np.geomspace(1, 1e-3, 100)         # of a unit's pixels that are above each level, 7 % apart
RARE = 1e-3                                 # the share of the pixels below which a concept says nothing of a unit
AGREE = 0.8                                 # the share of the pixels at which unit and concept must be both on or both off
Maps = Float[Tensor, "n units h w"]
Masks = Bool[Tensor, "n concepts h w"] | Float[Tensor, "n concepts h w"]


@final
class LevelCounts(Statistic):
    """How many pixels of each unit are above each of its levels (units, levels), which rise, and how many of those hold each
    concept."""
    kind = "level counts"

    def __init__(self, levels: Float[np.ndarray, "units levels"], concepts: int, height: int, width: int) -> None:
        if (np.diff(levels, axis=1) < 0).any():
            raise StatisticsError("the levels of a unit rise; these do not.")
        self.levels = np.ascontiguousarray(levels, np.float32)
        self.grid, self.pictures = (int(height), int(width)), 0
        self._above = np.zeros(self.levels.shape, np.int64)
        self._both = np.zeros((*self.levels.shape, int(concepts)), np.int64)
        self._concept_cells = np.zeros((int(concepts), height * width), np.int64)

    def add(self, maps: Maps, masks: Masks) -> None:
        """Count the pixels of some pictures, maps and masks on the same grid."""
        units, levels = self.levels.shape
        fit = maps.shape[1:] == (units, *self.grid) and masks.shape[1:] == (len(self._concept_cells), *self.grid)
        if not fit or len(maps) != len(masks):
            raise StatisticsError(f"maps {tuple(maps.shape)} and masks {tuple(masks.shape)} do not fit {units} units, "
                                  f"{len(self._concept_cells)} concepts and a grid of {self.grid[0]} x {self.grid[1]}.")
        values = maps.transpose(0, 1).flatten(1).float().contiguous()
        # how many levels lie below a pixel
        over = torch.searchsorted(torch.from_numpy(self.levels).to(values.device), values, side="left")
        place = over + torch.arange(units, device=values.device)[:, None] * (levels + 1)
        self._above += _upward(place, units, levels)
        there = masks.transpose(0, 1).flatten(1) > 0
        for concept, held in enumerate(there):
            self._both[:, :, concept] += _upward(place[:, held], units, levels)
        self._concept_cells += whole(masks.flatten(2).float().sum(0))
        self.pictures += len(maps)

    @property
    def concept_cells(self) -> Int64[np.ndarray, "concepts cells"]:
        """In how many pictures each concept holds at each cell."""
        return self._concept_cells

    @property
    def quality(self) -> Float[np.ndarray, "units levels concepts"]:
        """The information quality ratio of unit and concept at each level, from 0 to 1.

        0 where it would mislead: concepts on fewer than RARE of the pixels, levels that are not above 0 or that every pixel
        passes, and pairs that agree on AGREE of the pixels or less or by no more than chance.
        """
        pixels = max(1, self.pictures * self._concept_cells.shape[1])
        lit, both = (self._above / pixels)[:, :, None], self._both / pixels
        held = self._concept_cells.sum(1) / pixels
        cells = (both, lit - both, held - both, 1 - lit - held + both)
        joint = np.sum([_entropy(cell) for cell in cells], axis=0)
        shared = _entropy(lit) + _entropy(1 - lit) + _entropy(held) + _entropy(1 - held) - joint
        meant = ((held >= RARE) & (self.levels > 0)[:, :, None] & (lit < 1) & (cells[0] + cells[3] > AGREE)
                 & (both > lit * held))
        return np.where(meant, ratios(shared, joint), 0).clip(0, 1)

    def best(self) -> tuple[Float[np.ndarray, "units concepts"], Float[np.ndarray, "units concepts"]]:
        """The level of each unit that tells most of each concept, infinite where none tells anything, and its quality."""
        quality = self.quality
        place = quality.argmax(1)
        most = np.take_along_axis(quality, place[:, None], 1)[:, 0]
        limits = np.take_along_axis(self.levels, place, 1).astype(np.float64)
        return np.where(most > 0, limits, np.inf), most

    def __add__(self, other: "LevelCounts") -> "LevelCounts":
        same("levels", self.levels.tolist(), other.levels.tolist())
        same("grid", self.grid, other.grid)
        same("concepts", len(self._concept_cells), len(other._concept_cells))
        sums = {name: np.asarray(self.integers[name] + other.integers[name])
                for name in ("pictures", "above", "both", "concept_cells")}
        return LevelCounts.from_integers({**self.integers, **sums})

    @property
    def integers(self) -> dict[str, np.ndarray]:
        """The levels and the grid, the number of pictures, and the counts."""
        return {"levels": self.levels, "grid": np.array(self.grid, np.int64), "pictures": np.array(self.pictures, np.int64),
                "above": self._above, "both": self._both, "concept_cells": self._concept_cells}

    @classmethod
    def from_integers(cls, state: Mapping[str, np.ndarray]) -> "LevelCounts":
        """Counts of that state. Errors: StatisticsError."""
        height, width = grid_of(state)
        cells = expect(state, "concept_cells", (len(expect(state, "concept_cells", 2)), height * width))
        made = cls(expect(state, "levels", 2, np.float32), len(cells), height, width)
        made.pictures, made._concept_cells = int(expect(state, "pictures", 0)), cells
        made._above = expect(state, "above", made.levels.shape)
        made._both = expect(state, "both", (*made.levels.shape, len(cells)))
        at_most(made.pictures, cells)
        at_most(made.pictures * height * width, made._above)
        at_most(made._above[:, :, None], made._both)
        return made


def _upward(place: Tensor, units: int, levels: int) -> Int64[np.ndarray, "units levels"]:
    """How many pixels are above each level; `place` says for each how many levels lie below it, in a row of its unit."""
    counts = torch.bincount(place.flatten(), minlength=units * (levels + 1)).view(units, levels + 1)
    return counts.flip(1).cumsum(1).flip(1)[:, 1:].cpu().numpy()


def _entropy(share: Any) -> np.ndarray:
    """-p log p, 0 at 0."""
    held = np.maximum(share, 1e-300)
    return -held * np.log(held)


@final
class PairCounts(Statistic):
    """How often unit and concept meet where each pair has a limit of its own (units, concepts), infinite where there is none.

    `other_cells` (concepts, cells): in how many of `other_pictures` each concept holds at each cell; these pictures are none of
    those that are counted.
    """
    kind = "pair counts"

    def __init__(self, limits: Float[np.ndarray, "units concepts"], height: int, width: int,
                 other_cells: Int64[np.ndarray, "concepts cells"], other_pictures: int) -> None:
        self.limits, self.grid = np.asarray(limits, np.float64), (int(height), int(width))
        self.units, self.concepts = self.limits.shape
        if other_cells.shape != (self.concepts, height * width):
            raise StatisticsError(f"other cells {other_cells.shape} do not fit {self.concepts} concepts on {height} x {width}.")
        self.other_cells, self.other_pictures, self.pictures = other_cells, int(other_pictures), 0
        self._both, self._lit, self._other = (np.zeros(self.limits.shape, np.int64) for _ in range(3))
        self._held = np.zeros(self.concepts, np.int64)

    def add(self, maps: Maps, masks: Masks) -> None:
        """Count the pixels of some pictures, maps and masks on the same grid."""
        if maps.shape[1:] != (self.units, *self.grid) or masks.shape[1:] != (self.concepts, *self.grid) or len(maps) != len(masks):
            raise StatisticsError(f"maps {tuple(maps.shape)} and masks {tuple(masks.shape)} do not fit {self.units} units, "
                                  f"{self.concepts} concepts and a grid of {self.grid[0]} x {self.grid[1]}.")
        limits = torch.from_numpy(self.limits.astype(np.float32)).to(maps.device)
        values, there = maps.flatten(2), masks.flatten(2).float()
        for concept in np.flatnonzero(np.isfinite(self.limits).any(0)):
            lit = (values > limits[:, concept, None]).float()
            self._lit[:, concept] += whole(lit.sum(2)).sum(0)
            self._both[:, concept] += whole(lit @ there[:, concept, :, None])[..., 0].sum(0)
            cells = lit.sum(0).cpu().numpy().astype(np.int64)
            self._other[:, concept] += products(cells, self.other_cells[[concept]])[:, 0]
        self._held += whole(there.sum(2)).sum(0)
        self.pictures += len(maps)

    @property
    def unit_shares(self) -> Float[np.ndarray, " units"]:
        """The largest share of all pixels at which each unit is lit for a concept."""
        return self._lit.max(1) / self._pixels

    @property
    def concept_shares(self) -> Float[np.ndarray, " concepts"]:
        """The share of all pixels at which each concept holds."""
        return self._held / self._pixels

    @property
    def iou(self) -> Float[np.ndarray, "units concepts"]:
        """Intersection over union over all pixels of all pictures; 0 where both are empty."""
        return ratios(self._both, self._lit + self._held - self._both)

    @property
    def iou_other(self) -> Float[np.ndarray, "units concepts"]:
        """The same with the masks of the other pictures, over all pairs: what position alone gives."""
        sums = self._lit * self.other_pictures + self.other_cells.sum(1) * self.pictures
        return ratios(self._other, sums - self._other)

    @property
    def _pixels(self) -> int:
        return max(1, self.pictures * self.grid[0] * self.grid[1])

    def __add__(self, other: "PairCounts") -> "PairCounts":
        for what in ("limits", "other_cells"):
            same(what, getattr(self, what).tolist(), getattr(other, what).tolist())
        same("grid", self.grid, other.grid)
        same("other pictures", self.other_pictures, other.other_pictures)
        sums = {name: np.asarray(self.integers[name] + other.integers[name])
                for name in ("pictures", "both", "lit", "other", "held")}
        return PairCounts.from_integers({**self.integers, **sums})

    @property
    def integers(self) -> dict[str, np.ndarray]:
        """The limits and the grid, the other pictures' cells, and the counts."""
        return {"limits": self.limits, "grid": np.array(self.grid, np.int64), "pictures": np.array(self.pictures, np.int64),
                "other_cells": self.other_cells, "other_pictures": np.array(self.other_pictures, np.int64),
                "both": self._both, "lit": self._lit, "other": self._other, "held": self._held}

    @classmethod
    def from_integers(cls, state: Mapping[str, np.ndarray]) -> "PairCounts":
        """Counts of that state. Errors: StatisticsError."""
        height, width = grid_of(state)
        made = cls(expect(state, "limits", 2, np.float64), height, width, expect(state, "other_cells", 2),
                   int(expect(state, "other_pictures", 0)))
        made.pictures = int(expect(state, "pictures", 0))
        made._both, made._lit, made._other = (expect(state, name, made.limits.shape) for name in ("both", "lit", "other"))
        made._held = expect(state, "held", (made.concepts,))
        if np.isnan(made.limits).any():
            raise StatisticsError("the limits of these counts are no numbers; the file is damaged.")
        at_most(made.other_pictures, made.other_cells)
        at_most(made.pictures * height * width, made._lit, made._held)
        at_most(np.minimum(made._lit, made._held), made._both)
        at_most(made.other_cells.sum(1) * made.pictures, made._other)
        return made
