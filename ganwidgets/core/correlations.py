"""How alike the maps of a layer's units are: sums of products as integers, from which every correlation follows."""

from collections.abc import Mapping
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.counting import PORTION, Statistic, at_least_one, expect, same, whole
from ganwidgets.core.errors import StatisticsError

STEPS = 2048               # of each unit from 0 to its scale: maps are counted in such steps
MOST = 32767               # steps, up or down: what lies further out counts as this, 16 times the scale


@final
class Correlations(Statistic):
    """How alike the maps of units are, over all cells of all pictures. `scales`: a high level of each unit, above 0.

    Maps are counted in whole steps of 1/2048 of a unit's scale, so that sums do not depend on their order.
    """
    kind = "correlations"

    def __init__(self, scales: Float[np.ndarray, " units"], height: int, width: int) -> None:
        self.scales = np.asarray(scales, np.float64)
        if not (np.isfinite(self.scales) & (self.scales > 0)).all():
            raise StatisticsError("the scale of a unit is a number above 0; some of these are not.")
        self.units, self.pictures = at_least_one("units", len(self.scales)), 0
        self.grid = (at_least_one("height", height), at_least_one("width", width))
        self._sums = np.zeros((self.units, height * width), np.int64)
        self._products = np.zeros((self.units, self.units), np.int64)

    def add(self, maps: Float[Tensor, "n units h w"]) -> None:
        """Count the maps of some pictures. Errors: StatisticsError for another shape, or if a number is not finite."""
        if maps.shape[1:] != (self.units, *self.grid):
            raise StatisticsError(f"maps {tuple(maps.shape)} do not fit {self.units} units on a grid of "
                                  f"{self.grid[0]} x {self.grid[1]}.")
        if not bool(torch.isfinite(maps).all()):
            raise StatisticsError("the maps hold NaN or infinite numbers; statistics are of finite ones.")
        # products of whole numbers below 2**15 are exact sums in float64, which MPS does not have
        place = torch.device("cpu") if maps.device.type == "mps" else maps.device
        steps = torch.from_numpy(STEPS / self.scales).to(place)[:, None, None]
        for part in maps.split(max(1, PORTION // self._sums.size)):
            levels = (part.to(place, torch.float64) * steps).round().clamp(-MOST, MOST).flatten(2)
            self._sums += whole(levels.sum(0))
            rows = levels.transpose(0, 1).flatten(1)
            self._products += whole(rows @ rows.T)
        self.pictures += len(maps)

    @property
    def correlation(self) -> Float[np.ndarray, "units units"]:
        """Pearson's, from -1 to 1; 0 with a unit that never changes."""
        sums = self._sums.sum(1).astype(object)
        return self._scaled((self._cells * self._products.astype(object) - np.outer(sums, sums)).astype(np.float64))

    @property
    def correlation_other(self) -> Float[np.ndarray, "units units"]:
        """The same with the maps of other pictures, over all pairs i != j: what position alone gives. 0 for one picture."""
        if self.pictures < 2:
            return np.zeros((self.units, self.units))
        cells, sums = self._sums.astype(np.float64), self._sums.sum(1).astype(np.float64)
        meet = (cells @ cells.T - self._products) / (self.pictures - 1)
        return self._scaled(self._cells * meet - np.outer(sums, sums))

    def _scaled(self, covariance: Float[np.ndarray, "units units"]) -> Float[np.ndarray, "units units"]:
        sums, squares = self._sums.sum(1), self._products.diagonal()
        # whole numbers of any size, so that a unit that never changes has exactly 0
        variance = np.array([float(self._cells * int(square) - int(total) ** 2)
                             for square, total in zip(squares, sums, strict=True)])
        below = np.sqrt(np.outer(variance, variance))
        return np.clip(np.divide(covariance, below, out=np.zeros_like(below), where=below > 0), -1, 1)

    @property
    def _cells(self) -> int:
        return self.pictures * self._sums.shape[1]

    def __add__(self, other: "Correlations") -> "Correlations":
        same("units", self.units, other.units)
        same("grid", self.grid, other.grid)
        same("scales", self.scales.tolist(), other.scales.tolist())
        sums = {name: np.asarray(self.integers[name] + other.integers[name]) for name in ("pictures", "sums", "products")}
        return Correlations.from_integers({"scales": self.scales, "grid": np.array(self.grid), **sums})

    @property
    def integers(self) -> dict[str, np.ndarray]:
        """The scales, the grid, the number of pictures, the sums at each cell and of all products of two units."""
        return {"scales": self.scales, "grid": np.array(self.grid, np.int64), "pictures": np.array(self.pictures, np.int64),
                "sums": self._sums, "products": self._products}

    @classmethod
    def from_integers(cls, state: Mapping[str, np.ndarray]) -> "Correlations":
        """Correlations of that state. Errors: StatisticsError."""
        height, width = (int(side) for side in expect(state, "grid", (2,)))
        made = cls(expect(state, "scales", 1, np.float64), height, width)
        made.pictures = int(expect(state, "pictures", 0))
        made._sums = expect(state, "sums", (made.units, height * width))
        made._products = expect(state, "products", (made.units, made.units))
        if (made._products != made._products.T).any() or (made._products.diagonal() < 0).any():
            raise StatisticsError("the products of these correlations cannot be; the file is damaged.")
        return made
