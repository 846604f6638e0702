"""The pictures in which units go highest, and where each unit is lit in them; small enough to be kept in a file."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from jaxtyping import Bool, Int64, UInt8
from PIL import Image

from ganwidgets.core.counting import expect
from ganwidgets.core.errors import StatisticsError, UnitError
from ganwidgets.core.images import encoded, sheet
from ganwidgets.core.nets import Layer

DIM = 0.3                  # of its brightness: what is left of a picture where the unit is not lit
KEPT_SIDE = 128            # pixels along the side of a picture in a file, at most
MOST_PIXELS = 1 << 28      # of all pictures of a file


@final
@dataclass(frozen=True, eq=False)
class Examples:
    """Of some units of a layer the pictures in which each goes highest: numbers (-1: there are fewer), pictures, and where
    the unit is lit in each."""
    layer: Layer
    units: tuple[int, ...]
    numbers: Int64[np.ndarray, "units k"] = field(repr=False)
    pictures: UInt8[np.ndarray, "units k h w 3"] = field(repr=False)
    lit: Bool[np.ndarray, "units k h w"] = field(repr=False)

    def row(self, unit: int, *, dim: float | int = DIM) -> list[Image.Image]:
        """A unit's pictures, the highest first, dimmed to `dim` of their brightness where it is not lit.

        Errors: UnitError for a unit that is not among them.
        """
        place = self._place(unit)
        light = np.where(self.lit[place], 1.0, dim)[..., None]
        shown = (self.pictures[place] * light).round().astype(np.uint8)
        return [Image.fromarray(each) for each, number in zip(shown, self.numbers[place], strict=True) if number >= 0]

    def sheet(self, *, dim: float | int = DIM) -> Image.Image:
        """All of them on one page, a row a unit."""
        blank = Image.new("RGB", self.pictures.shape[3:1:-1])
        k = self.numbers.shape[1]
        rows = [(row + [blank] * k)[:k] for row in (self.row(unit, dim=dim) for unit in self.units)]
        return sheet([each for row in rows for each in row], columns=k)

    @property
    def unique(self) -> dict[int, UInt8[np.ndarray, "h w 3"]]:
        """Every picture once, by its number."""
        places = {int(self.numbers[place]): place for place in np.ndindex(self.numbers.shape) if self.numbers[place] >= 0}
        return {number: self.pictures[places[number]] for number in sorted(places)}

    def _place(self, unit: int) -> int:
        if unit not in self.units:
            raise UnitError(f"unit {unit!r} is not among these examples; they are of {list(self.units)[:8]}"
                            f"{' and more' if len(self.units) > 8 else ''}.")
        return self.units.index(unit)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """As arrays for a file: every picture once, as JPEG of at most 128 px, and one bit a pixel for where units are lit."""
        side = min(KEPT_SIDE, self.pictures.shape[2])
        pictures = [jpeg(_fitted(Image.fromarray(each), side)) for each in self.unique.values()]
        lit = self.lit
        if side < lit.shape[2]:
            rows = (np.arange(side) * lit.shape[2]) // side
            lit = lit[:, :, rows][:, :, :, rows]
        return {
            "units": np.asarray(self.units, np.int64), "numbers": self.numbers, "side": np.asarray([side], np.int64),
            "ends": np.cumsum([len(each) for each in pictures], dtype=np.int64),
            "jpeg": np.frombuffer(b"".join(pictures), np.uint8), "lit": np.packbits(lit, axis=None),
        }

    @classmethod
    def from_arrays(cls, layer: Layer, state: Mapping[str, np.ndarray]) -> "Examples":
        """Read what `to_arrays` answered. Errors: StatisticsError for what does not fit together."""
        units, numbers, side = expect(state, "units", 1), expect(state, "numbers", 2), int(expect(state, "side", (1,))[0])
        known = sorted(set(numbers[numbers >= 0].tolist()))
        ends, held = expect(state, "ends", (len(known),)), expect(state, "jpeg", 1, np.uint8).tobytes()
        own = set(units.tolist())
        if (len(numbers) != len(units) or len(own) < len(units) or own and not 0 <= min(own) <= max(own) < layer.channels
                or not 0 < side <= KEPT_SIDE or numbers.size * side ** 2 > MOST_PIXELS or (np.diff(ends, prepend=0) < 0).any()):
            raise StatisticsError(f"these examples do not fit {layer.name}; the file is damaged.")
        shape = (*numbers.shape, side, side)
        bits = expect(state, "lit", (-(-int(np.prod(shape)) // 8),), np.uint8)
        lit = np.unpackbits(bits, count=int(np.prod(shape))).reshape(shape).astype(bool)
        pictures = np.zeros((*shape, 3), np.uint8)
        for number, start, end in zip(known, [0, *ends[:-1].tolist()], ends.tolist(), strict=True):
            pictures[numbers == number] = _decoded(held[start:end], side)
        return cls(layer, tuple(units.tolist()), numbers, pictures, lit)


def jpeg(picture: Image.Image, quality: int = 90) -> bytes:
    """A picture as JPEG, its colours as fine as its light."""
    return encoded(picture, format="JPEG", quality=quality, subsampling=0)


def _fitted(picture: Image.Image, side: int) -> Image.Image:
    return picture if picture.size == (side, side) else picture.resize((side, side), Image.Resampling.LANCZOS)


def _decoded(content: bytes, side: int) -> Any:
    """A picture of a file. Errors: StatisticsError."""
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
            if image.size != (side, side):
                raise StatisticsError(f"a picture of these examples has {image.size}, not {side} x {side}.")
            return np.asarray(image.convert("RGB"))
    except StatisticsError:
        raise
    # what is no picture makes its reader raise many kinds of error
    except Exception as error:
        raise StatisticsError(f"a picture of these examples cannot be read: {error}") from error
