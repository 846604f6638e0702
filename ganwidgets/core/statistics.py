"""Statistics fed in batches and merged in any order and partition with the same integers.

Moments, quantiles, the k largest, and intersections over unions. A statistic is the one kind of object here that
changes in place: `add(batch)`; `a + b` answers a new one and leaves both. All of its state is integers (and values that
were seen, such as the largest), so that no order of sums can show. `save` writes an .npz without pickle.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, final

import numpy as np
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from ganwidgets.core.counting import Statistic, at_least_one, expect, portions, same
from ganwidgets.core.errors import ArgumentError, StatisticsError
from ganwidgets.core.iou import IoUCounts as IoUCounts

NOBODY = np.iinfo(np.int64).max


@final
class Moments(Statistic):
    """Mean and variance of each unit, exact: sums of float32 mantissas, kept apart by exponent, as Kulisch proposed."""
    kind = "moments"

    def __init__(self, units: int) -> None:
        self.units = at_least_one("units", units)
        self.count = 0
        # x = m 2**(e - 150), with m 24 bits and e 8 bits; m**2 does not fit a sum of int64, so it is kept in two halves
        self._first = np.zeros((self.units, 256), np.int64)
        self._high, self._low = np.zeros_like(self._first), np.zeros_like(self._first)

    def add(self, values: Float[Tensor, "samples units"] | Float32[np.ndarray, "samples units"]) -> None:
        """Count these numbers, as float32. Errors: StatisticsError if one is not finite; ShapeError."""
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
        return Moments.from_integers({name: np.asarray(part + other.integers[name])
                                      for name, part in self.integers.items()})

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
        sums = [expect(state, name, (made.units, 256)) for name in ("first", "high", "low")]
        made._first, made._high, made._low = sums
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
        """Count these numbers, as float32. Errors: StatisticsError if one is not finite; ShapeError."""
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

    def quantile(self, share: float | int) -> Float[np.ndarray, " units"]:
        """The number of each unit below which `share` (0..1) of its numbers lie. Errors: StatisticsError before any."""
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


def peaks_of(features: Float[Tensor, "n units h w"]) -> Float32[Tensor, "n units"]:
    """How high each unit goes in each picture: its highest value there, on the CPU."""
    return features.amax((2, 3)).float().cpu()


@final
class TopK(Statistic):
    """The k largest numbers of each unit and the pictures that gave them.

    Of equal numbers the lower picture comes first. Each picture is to be fed once.
    """
    kind = "top-k"

    def __init__(self, units: int, k: int) -> None:
        self.units, self.k = at_least_one("units", units), at_least_one("k", k)
        self._values = np.full((self.units, self.k), -np.inf, np.float32)
        self._pictures = np.full((self.units, self.k), NOBODY, np.int64)

    def add(self, values: Float[Tensor, "samples units"] | Float32[np.ndarray, "samples units"],
            pictures: Any) -> None:
        """Count one number per picture and unit. Errors: StatisticsError if one is not finite; ArgumentError."""
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
        if np.isnan(values).any() or (values[:, 1:] > values[:, :-1]).any() or (made._pictures < 0).any():
            raise StatisticsError("these largest numbers do not fall, or are of no pictures; the file is damaged.")
        return made
