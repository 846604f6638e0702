"""What the statistics have in common: a state of integers, its file, batches in portions, and exact sums."""

import abc
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from ganwidgets.core.archives import arrays_of
from ganwidgets.core.errors import ArgumentError, ShapeError, StatisticsError

PORTION = 1 << 20          # numbers looked at together: bounds the memory of a large batch, and keeps sums exact
EXACT = 1 << 53            # whole numbers below this are exact in float64
MOST_SIDE = 1 << 15        # cells along the side of a grid
S = TypeVar("S", bound="Statistic")


class Statistic(abc.ABC):
    """What the statistics have in common: integers that add up, and a file."""
    kind: ClassVar[str]

    @property
    @abc.abstractmethod
    def integers(self) -> dict[str, np.ndarray]:
        """The whole state, the same for the same numbers however they came."""

    @classmethod
    @abc.abstractmethod
    def from_integers(cls: type[S], state: Mapping[str, np.ndarray]) -> S:
        """A statistic of that state. Errors: StatisticsError."""

    @abc.abstractmethod
    def __add__(self: S, other: S) -> S:
        """Both together. Errors: StatisticsError where they count different things."""

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        mine, others = self.integers, other.integers
        return mine.keys() == others.keys() and all(np.array_equal(mine[name], others[name]) for name in mine)

    __hash__ = None  # type: ignore[assignment]

    def save(self, path: str | os.PathLike) -> None:
        """Write the integers to an .npz file."""
        with open(path, "wb") as file:
            np.savez_compressed(file, kind=np.array(self.kind), **self.integers)  # type: ignore[arg-type]

    @classmethod
    def load(cls: type[S], path: str | os.PathLike) -> S:
        """Read what `save` wrote. Errors: StatisticsError for a file that is missing, broken or of another kind."""
        try:
            state = arrays_of(Path(path).read_bytes())
        except (OSError, MemoryError, StatisticsError) as error:
            raise StatisticsError(f"{path} cannot be read as statistics: {error}") from error
        kind = str(state.pop("kind", "nothing of ours"))
        if kind != cls.kind:
            raise StatisticsError(f"{path} holds {kind}, not {cls.kind}.")
        try:
            return cls.from_integers(state)
        except ArgumentError as error:
            raise StatisticsError(f"{path} is damaged: {error}") from error


def portions(values: Any, units: int) -> Iterator[Float32[np.ndarray, "samples units"]]:
    """The rows of a batch as float32 in portions. Errors: ShapeError, StatisticsError for NaN or inf."""
    array = values.detach().cpu().float().numpy() if isinstance(values, Tensor) else np.asarray(values, np.float32)
    if array.ndim != 2 or array.shape[1] != units:
        raise ShapeError(f"numbers for {units} units come as (samples, {units}); {array.shape} came.")
    # all of it is looked at first, so that a bad batch leaves the statistic as it was
    if not np.isfinite(array).all():
        raise StatisticsError("the batch holds NaN or infinite numbers; statistics are of finite ones.")
    rows = max(1, PORTION // units)
    for start in range(0, len(array), rows):
        yield np.ascontiguousarray(array[start:start + rows])


def whole(sums: Tensor) -> Int64[np.ndarray, "..."]:
    """Sums that are whole numbers, as int64."""
    return sums.round().long().cpu().numpy()


def products(a: Int64[np.ndarray, "m cells"], b: Int64[np.ndarray, "n cells"]) -> Int64[np.ndarray, "m n"]:
    """a b' exactly: in float64 where that is exact (it is far quicker), else in int64."""
    largest = int(a.max(initial=0)) * int(b.max(initial=0)) * max(1, a.shape[1])
    if largest < EXACT:
        return np.rint(a.astype(np.float64) @ b.T.astype(np.float64)).astype(np.int64)
    return a @ b.T


def ratios(above: np.ndarray, below: np.ndarray) -> Float[np.ndarray, "..."]:
    """above / below, and 0 where below is 0."""
    return np.divide(above, below, out=np.zeros(np.shape(below)), where=below > 0)


def at_least_one(what: str, number: Any) -> int:
    """A whole number from 1 up. Errors: ArgumentError."""
    if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number < 1:
        raise ArgumentError(f"{what} must be a whole number from 1 up; {number!r} came.")
    return int(number)


def same(what: str, mine: Any, others: Any) -> None:
    """Errors: StatisticsError where two statistics differ in what they count."""
    if mine != others:
        raise StatisticsError(f"statistics with {mine} and {others} {what} cannot be put together.")


def grid_of(state: Mapping[str, np.ndarray]) -> tuple[int, int]:
    """The height and width of a state's grid. Errors: StatisticsError."""
    height, width = (int(side) for side in expect(state, "grid", (2,)))
    if not (0 < height <= MOST_SIDE and 0 < width <= MOST_SIDE):
        raise StatisticsError(f"the file is damaged: a grid of {height} x {width} is none.")
    return height, width


def at_most(most: Any, *counts: Any) -> None:
    """Errors: StatisticsError where one of the counts is negative or above `most`, which no counting gives."""
    for each in counts:
        if (np.asarray(each) < 0).any() or (np.asarray(each) > most).any():
            raise StatisticsError("these counts contradict one another; the file is damaged.")


def expect(state: Mapping[str, np.ndarray], name: str, shape: int | tuple[int, ...],
           dtype: Any = np.int64) -> np.ndarray:
    """An array of a state, with that number of axes or that shape. Errors: StatisticsError."""
    if name not in state:
        raise StatisticsError(f"these statistics lack {name!r}; the file is damaged or of another version.")
    array = np.asarray(state[name])
    fits = array.ndim == shape if isinstance(shape, int) else array.shape == tuple(shape)
    if array.dtype != dtype or not fits:
        raise StatisticsError(f"{name!r} of these statistics is {array.dtype} {array.shape}, which does not fit; "
                              "the file is damaged or of another version.")
    return array.copy()
