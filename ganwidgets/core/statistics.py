"""Statistics fed in batches and merged in any order and partition with the same integers: moments, quantiles, top-k, IoU.

A statistic is the one kind of object here that changes in place: `add(batch)`. `a + b` answers a new one, and leaves both.
All of its state is integers (and values that were seen, such as the largest), so that no order of sums can show. `save`
writes an .npz without pickle; `load` refuses what is not one.
"""

import abc
import os
import zipfile
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, ClassVar, Self, final

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor

from ganwidgets.core.counting import at_least_one, expect, portions, products, ratios, same, whole
from ganwidgets.core.errors import ArgumentError, StatisticsError

TOGETHER = 1 << 24         # whole numbers up to here are exact in float32
NOBODY = np.iinfo(np.int64).max


class Statistic(abc.ABC):
    """What the statistics have in common: integers that add up, and a file."""
    kind: ClassVar[str]

    @property
    @abc.abstractmethod
    def integers(self) -> dict[str, np.ndarray]:
        """The whole state, the same for the same numbers however they came."""

    @classmethod
    @abc.abstractmethod
    def from_integers(cls, state: Mapping[str, np.ndarray]) -> Self:
        """A statistic of that state. Errors: StatisticsError."""

    @abc.abstractmethod
    def __add__(self, other: Self) -> Self:
        """Both together. Errors: StatisticsError where they count different things."""

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        mine, others = self.integers, other.integers  # type: ignore[attr-defined]
        return mine.keys() == others.keys() and all(np.array_equal(mine[name], others[name]) for name in mine)

    __hash__ = None  # type: ignore[assignment]

    def save(self, path: str | os.PathLike) -> None:
        """Write the integers to an .npz file."""
        with open(path, "wb") as file:
            np.savez_compressed(file, kind=np.array(self.kind), **self.integers)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Read what `save` wrote. Errors: StatisticsError for a file that is missing, broken or of another kind."""
        try:
            with np.load(path, allow_pickle=False) as file:
                state = {name: file[name] for name in file.files}
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise StatisticsError(f"{path} cannot be read as statistics: {error}") from error
        kind = str(state.pop("kind", "nothing of ours"))
        if kind != cls.kind:
            raise StatisticsError(f"{path} holds {kind}, not {cls.kind}.")
        return cls.from_integers(state)


@final
class Moments(Statistic):
    """Mean and variance of each unit, exact: sums of float32 mantissas, kept apart by exponent (Kulisch's accumulator)."""
    kind = "moments"

    def __init__(self, units: int) -> None:
        self.units = at_least_one("units", units)
        self.count = 0
        # x = m 2**(e - 150), with m 24 bits and e 8 bits; m**2 does not fit a sum of int64, so it is kept in two halves
        self._first = np.zeros((self.units, 256), np.int64)
        self._high, self._low = np.zeros_like(self._first), np.zeros_like(self._first)

    def add(self, values: Float[Tensor, "samples units"] | Float32[np.ndarray, "samples units"]) -> None:
        """Count these numbers, as float32. Errors: StatisticsError if one is not finite, ShapeError for another width."""
        for portion in portions(values, self.units):
            bits = portion.view(np.int32)
            exponent = (bits >> 23) & 0xFF
            mantissa = (bits & 0x7FFFFF) | ((exponent > 0).astype(np.int32) << 23)
            exponent = np.maximum(exponent, 1)       # the numbers nearest to 0 share the exponent of the next ones
            square = mantissa.astype(np.int64) ** 2
            place = (np.arange(self.units) * 256 + exponent).reshape(-1)
            self._first += self._sums(place, np.where(bits < 0, -mantissa, mantissa))
            self._high += self._sums(place, square >> 24)
            self._low += self._sums(place, square & 0xFFFFFF)
            self.count += len(portion)

    def _sums(self, place: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        # bincount sums in float64, exact here: a portion has 2**20 numbers below 2**24
        return np.bincount(place, numbers.reshape(-1), self.units * 256).astype(np.int64).reshape(self.units, 256)

    @property
    def mean(self) -> Float[np.ndarray, " units"]:
        """The mean of each unit; NaN before the first number."""
        if not self.count:
            return np.full(self.units, np.nan)
        return np.array([float(_total(row, 150) / self.count) for row in self._first])

    @property
    def variance(self) -> Float[np.ndarray, " units"]:
        """The mean squared distance from the mean; NaN before the first number."""
        if not self.count:
            return np.full(self.units, np.nan)
        found = []
        for first, high, low in zip(self._first, self._high, self._low, strict=True):
            squares = [(int(h) << 24) + int(l) for h, l in zip(high, low, strict=True)]
            found.append(float(_total(squares, 300, 2) / self.count - (_total(first, 150) / self.count) ** 2))
        return np.array(found)

    def __add__(self, other: "Moments") -> "Moments":
        same("units", self.units, other.units)
        return Moments.from_integers({name: part + other.integers[name] for name, part in self.integers.items()})

    @property
    def integers(self) -> dict[str, np.ndarray]:
        """count, and the sums of mantissas and of the halves of their squares, by exponent."""
        return {"count": np.array(self.count, np.int64), "first": self._first, "high": self._high, "low": self._low}

    @classmethod
    def from_integers(cls, state: Mapping[str, np.ndarray]) -> "Moments":
        """Moments of that state. Errors: StatisticsError."""
        first = expect(state, "first", 2)
        made = cls(len(first))
        made.count = int(expect(state, "count", 0))
        made._first, made._high, made._low = (expect(state, name, (made.units, 256)) for name in ("first", "high", "low"))
        return made


def _total(numbers: Any, bias: int, step: int = 1) -> Fraction:
    return sum((Fraction(int(number)) * Fraction(2) ** (step * exponent - bias)
                for exponent, number in enumerate(numbers) if number), Fraction(0))


@final
class Quantiles(Statistic):
    """Quantiles of each unit from counts of 16-bit keys: the upper half of float32, so neighbours are 0.8 % apart.

    Within a key the numbers are taken to be evenly spread, between the smallest and largest number that the unit had.
    Keys are counted in blocks of 256, two powers of 2 each, made when the first number falls into one.
    """
    kind = "quantiles"

    def __init__(self, units: int) -> None:
        self.units = at_least_one("units", units)
        self.count = 0
        self._blocks = np.zeros(0, np.int64)                          # which 256 keys, rising
        self._counts = np.zeros((0, self.units, 256), np.int64)
        self._least = np.full(self.units, np.inf, np.float32)
        self._most = np.full(self.units, -np.inf, np.float32)

    def add(self, values: Float[Tensor, "samples units"] | Float32[np.ndarray, "samples units"]) -> None:
        """Count these numbers, as float32. Errors: StatisticsError if one is not finite, ShapeError for another width."""
        for portion in portions(values, self.units):
            keys = keys_of(portion)
            self._make_room(np.flatnonzero(np.bincount((keys >> 8).reshape(-1), minlength=256)))
            home = np.zeros(256, np.int64)
            home[self._blocks] = np.arange(len(self._blocks)) * self.units
            place = (home[keys >> 8] + np.arange(self.units)) * 256 + (keys & 255)
            self._counts += np.bincount(place.reshape(-1), minlength=self._counts.size).reshape(self._counts.shape)
            self._least = np.minimum(self._least, portion.min(0))
            self._most = np.maximum(self._most, portion.max(0))
            self.count += len(portion)

    def quantile(self, share: float) -> Float[np.ndarray, " units"]:
        """The number of each unit below which `share` (0..1) of its numbers lie. Errors: StatisticsError if there are none."""
        return self.quantiles([share])[0]

    def quantiles(self, shares: Any) -> Float[np.ndarray, "shares units"]:
        """`quantile` for several shares. Errors: ArgumentError for shares outside 0..1, StatisticsError."""
        wanted = np.asarray(shares, np.float64)
        if not ((wanted >= 0) & (wanted <= 1)).all():
            raise ArgumentError(f"quantiles are asked for by shares from 0 to 1; {shares!r} came.")
        if not self.count:
            raise StatisticsError("no number has been counted yet; add some before asking for a quantile.")
        keys = (self._blocks[:, None] * 256 + np.arange(256)).reshape(-1)
        low, high = edges_of(keys)
        found = np.empty((len(wanted), self.units), np.float64)
        for unit in range(self.units):
            counts = self._counts[:, unit].reshape(-1)
            upto = np.cumsum(counts)
            at = np.searchsorted(upto, np.maximum(wanted * self.count, 1e-9))
            left = np.maximum(low[at], self._least[unit])
            right = np.minimum(high[at], self._most[unit])
            inside = (wanted * self.count - (upto[at] - counts[at])) / counts[at]
            found[:, unit] = left + np.clip(inside, 0, 1) * (right - left)
        return found

    def __add__(self, other: "Quantiles") -> "Quantiles":
        same("units", self.units, other.units)
        made = Quantiles(self.units)
        made._make_room(np.union1d(self._blocks, other._blocks))
        for part in (self, other):
            made._counts[np.searchsorted(made._blocks, part._blocks)] += part._counts
        made.count = self.count + other.count
        made._least, made._most = np.minimum(self._least, other._least), np.maximum(self._most, other._most)
        return made

    def _make_room(self, blocks: np.ndarray) -> None:
        wanted = np.union1d(self._blocks, blocks).astype(np.int64)
        if len(wanted) > len(self._blocks):
            counts = np.zeros((len(wanted), self.units, 256), np.int64)
            counts[np.searchsorted(wanted, self._blocks)] = self._counts
            self._blocks, self._counts = wanted, counts

    @property
    def integers(self) -> dict[str, np.ndarray]:
        """count, the blocks of keys in use, the counts of their keys, and the ends of each unit's range."""
        return {"count": np.array(self.count, np.int64), "blocks": self._blocks, "counts": self._counts,
                "least": self._least, "most": self._most}

    @classmethod
    def from_integers(cls, state: Mapping[str, np.ndarray]) -> "Quantiles":
        """Quantiles of that state. Errors: StatisticsError."""
        made = cls(len(expect(state, "least", 1, np.float32)))
        made.count = int(expect(state, "count", 0))
        made._blocks = expect(state, "blocks", 1)
        made._counts = expect(state, "counts", (len(made._blocks), made.units, 256))
        made._least, made._most = (expect(state, name, (made.units,), np.float32) for name in ("least", "most"))
        if (made._counts.sum((0, 2)) != made.count).any() or not np.isin(made._blocks, np.arange(256)).all():
            raise StatisticsError("the counts of these quantiles do not add up; the file is damaged.")
        return made


def keys_of(values: Float32[np.ndarray, "..."]) -> np.ndarray:
    """16-bit keys in the order of the numbers: the upper half of float32, its sign made to sort. -0 counts as 0."""
    top = ((values + np.float32(0)).view(np.uint32) >> 16).astype(np.int64)
    return np.where(top & 0x8000, 0xFFFF - top, top + 0x8000)


def edges_of(keys: np.ndarray) -> tuple[Float[np.ndarray, " keys"], Float[np.ndarray, " keys"]]:
    """The smallest and the largest number of each key."""
    bits = np.asarray(keys, np.int64) << 16
    ends = []
    for end in (bits, bits | 0xFFFF):
        raw = np.where(end & 0x80000000, end ^ 0x80000000, end ^ 0xFFFFFFFF)
        with np.errstate(invalid="ignore"):
            ends.append(raw.astype(np.uint32).view(np.float32).astype(np.float64))
    return ends[0], ends[1]


@final
class TopK(Statistic):
    """The k largest numbers of each unit and the pictures that gave them; of equal numbers the lower picture comes first.

    Each picture is to be fed once.
    """
    kind = "top-k"

    def __init__(self, units: int, k: int) -> None:
        self.units, self.k = at_least_one("units", units), at_least_one("k", k)
        self._values = np.full((self.units, self.k), -np.inf, np.float32)
        self._pictures = np.full((self.units, self.k), NOBODY, np.int64)

    def add(self, values: Float[Tensor, "samples units"] | Float32[np.ndarray, "samples units"], pictures: Any) -> None:
        """Count one number per picture and unit. Errors: StatisticsError if one is not finite, ArgumentError, ShapeError."""
        numbers = np.asarray(list(pictures), np.int64)
        if len(numbers) != len(values):
            raise ArgumentError(f"{len(numbers)} picture numbers for {len(values)} rows; give one per row.")
        start = 0
        for portion in portions(values, self.units):
            # adding 0 makes -0 an ordinary 0, so that the two tie
            self._take((portion + np.float32(0)).T,
                       np.broadcast_to(numbers[start:start + len(portion)], (self.units, len(portion))))
            start += len(portion)

    def _take(self, values: np.ndarray, pictures: np.ndarray) -> None:
        values, pictures = np.hstack([self._values, values]), np.hstack([self._pictures, pictures])
        order = np.lexsort((pictures, -values), axis=-1)[:, :self.k]
        self._values, self._pictures = (np.take_along_axis(part, order, -1) for part in (values, pictures))

    @property
    def values(self) -> Float32[np.ndarray, "units k"]:
        """The largest numbers, falling; -inf where there were fewer."""
        return self._values

    @property
    def pictures(self) -> Int64[np.ndarray, "units k"]:
        """The pictures of `values`; 2**63 - 1 where there were fewer."""
        return self._pictures

    def __add__(self, other: "TopK") -> "TopK":
        same("units", self.units, other.units)
        same("k", self.k, other.k)
        made = TopK.from_integers(self.integers)
        made._take(other._values, other._pictures)
        return made

    @property
    def integers(self) -> dict[str, np.ndarray]:
        """The values and the picture numbers."""
        return {"values": self._values, "pictures": self._pictures}

    @classmethod
    def from_integers(cls, state: Mapping[str, np.ndarray]) -> "TopK":
        """A top-k of that state. Errors: StatisticsError."""
        values = expect(state, "values", 2, np.float32)
        made = cls(*values.shape)
        made._values, made._pictures = values, expect(state, "pictures", values.shape)
        return made


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
            raise StatisticsError(f"lit {tuple(lit.shape)} and masks {tuple(masks.shape)} do not fit {self.units} units, "
                                  f"{self.concepts} concepts and a grid of {self.grid[0]} x {self.grid[1]}.")
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
        """The same with the masks of other pictures, over all pairs i != j: what position alone gives. 0 for one picture.

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
        sums = {name: part + other.integers[name] for name, part in self.integers.items() if name != "grid"}
        return IoUCounts.from_integers({"grid": np.array(self.grid), **sums})

    @property
    def integers(self) -> dict[str, np.ndarray]:
        """The number of pictures, the grid, and the counts of both, of units and of concepts."""
        return {"grid": np.array(self.grid, np.int64), "pictures": np.array(self.pictures, np.int64), "both": self._both,
                "unit_cells": self._unit_cells, "concept_cells": self._concept_cells}

    @classmethod
    def from_integers(cls, state: Mapping[str, np.ndarray]) -> "IoUCounts":
        """IoU counts of that state. Errors: StatisticsError."""
        height, width = (int(side) for side in expect(state, "grid", (2,)))
        both = expect(state, "both", 2)
        made = cls(*both.shape, height, width)
        made.pictures, made._both = int(expect(state, "pictures", 0)), both
        made._unit_cells = expect(state, "unit_cells", (made.units, height * width))
        made._concept_cells = expect(state, "concept_cells", (made.concepts, height * width))
        return made
