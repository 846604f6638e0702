"""Regions: soft masks on the picture, brought to the grid of any layer."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from ganwidgets.core.errors import GanwidgetsError, RegionError, one_of
from ganwidgets.core.records import field_of, numbers_of
from ganwidgets.core.texts import tensor_from_text, tensor_to_text

SLIVER = 1e-6  # an overlap of less than this part of a cell is rounding, not overlap


@final
@dataclass(frozen=True, eq=False, repr=False)
class Region:
    """A part of the picture, from 0 (outside) to 1 (inside) at each point. Made by `Region.box` or `Region.from_mask`.

    `corners` (x0, y0, x1, y1) in fractions of the picture, y down; or `mask`, rows from the top, spread over it.
    """
    corners: tuple[float, float, float, float] | None = None
    mask: Tensor | None = field(default=None)

    @staticmethod
    def box(x0: Any, y0: Any, x1: Any, y1: Any) -> "Region":
        """A rectangle, in fractions of the picture, y down. Errors: RegionError where it is empty or sticks out."""
        try:
            corners = tuple(float(edge) for edge in (x0, y0, x1, y1))
        except (TypeError, ValueError):
            raise RegionError(f"a box is four numbers x0, y0, x1, y1 from 0 to 1; {(x0, y0, x1, y1)!r} came.") from None
        left, top, right, bottom = corners
        if not all(math.isfinite(edge) and 0 <= edge <= 1 for edge in corners):
            raise RegionError(f"the box {corners} leaves the picture; x and y go from 0 to 1, y down.")
        if left >= right or top >= bottom:
            raise RegionError(f"the box {corners} is empty; it needs x0 < x1 and y0 < y1.")
        return Region(corners=(left, top, right, bottom))

    @staticmethod
    def from_mask(array: Any) -> "Region":
        """A soft mask (h, w) from 0 to 1, of any size: it is spread over the whole picture. The array is copied.

        Errors: RegionError for other shapes, no pixels, NaN, and numbers outside 0..1 (a mask of bytes: divide by 255).
        """
        try:
            held = array.detach().cpu().numpy() if isinstance(array, Tensor) else np.asarray(array)
            mask = torch.from_numpy(np.array(held, dtype=np.float32))
        except (TypeError, ValueError) as error:
            raise RegionError(f"a mask is an array of numbers (height, width); what came is none: {error}.") from None
        if mask.ndim != 2 or not mask.numel():
            raise RegionError(f"a mask has the shape (height, width) and at least one pixel; {tuple(mask.shape)} came.")
        low, high = (float(edge) for edge in torch.aminmax(mask))
        if not (math.isfinite(low) and math.isfinite(high)):     # NaN is passed on by min and max
            raise RegionError("the mask holds NaN or infinite numbers; every pixel must be from 0 to 1.")
        if low < 0 or high > 1:
            raise RegionError(f"the mask goes from {low:g} to {high:g}; it must stay within 0 and 1 "
                              "(divide a mask of bytes by 255).")
        return Region(mask=mask)

    def on(self, height: int, width: int, how: Literal["max", "mean"] = "max") -> Float[Tensor, "h w"]:
        """The region on a grid. Errors: RegionError.

        "max": a cell takes the most of what it touches, so that a dab smaller than a cell still counts; "mean": the
        exact mean over the cell.
        """
        if how not in ("max", "mean"):
            raise RegionError(one_of("pooling", how, ("max", "mean"), where="regions"))
        if height < 1 or width < 1:
            raise RegionError(f"a grid has at least one cell; {height} x {width} came.")
        if self.corners is not None:
            x0, y0, x1, y1 = self.corners
            rows, columns = _overlap(y0, y1, height), _overlap(x0, x1, width)
            if how == "max":
                rows, columns = (rows > SLIVER).float(), (columns > SLIVER).float()
            return torch.outer(rows, columns).float()
        assert self.mask is not None
        if how == "max":
            return F.adaptive_max_pool2d(self.mask[None, None], (height, width))[0, 0]
        down, across = (_shares(before, after) for before, after in zip(self.mask.shape, (height, width), strict=True))
        return (down @ self.mask.double() @ across.T).clamp(0, 1).float()

    @property
    def area(self) -> float:
        """The part of the picture that it covers, 0..1; soft parts count in proportion."""
        return float(self.on(1, 1, how="mean"))

    def to_record(self) -> dict[str, Any]:
        """The region as JSON."""
        if self.corners is not None:
            return {"kind": "box", "corners": list(self.corners)}
        assert self.mask is not None
        return {"kind": "mask", "mask": tensor_to_text(self.mask)}

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> "Region":
        """A region from its record. Errors: RegionError."""
        try:
            kind = field_of(record, "kind", "text")
            if kind == "box":
                return Region.box(*numbers_of(record, "corners"))
            if kind == "mask":
                return Region.from_mask(tensor_from_text(field_of(record, "mask", "text")))
        except RegionError:
            raise
        except (TypeError, GanwidgetsError) as error:
            raise RegionError(f"this record of a region cannot be read: {error}.") from error
        raise RegionError(one_of("kind of region", kind, ("box", "mask")))

    @staticmethod
    def from_text(text: str) -> "Region":
        """A mask from the text that `to_script` writes. Errors: RegionError."""
        return Region.from_record({"kind": "mask", "mask": text})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Region) or self.corners != other.corners:
            return False if isinstance(other, Region) else NotImplemented
        if self.mask is None or other.mask is None:
            return self.mask is other.mask
        return torch.equal(self.mask, other.mask)

    def __hash__(self) -> int:
        return hash((self.corners, None if self.mask is None else (tuple(self.mask.shape), float(self.mask.sum()))))

    def __repr__(self) -> str:
        if self.corners is not None:
            return f"Region.box({', '.join(f'{edge:g}' for edge in self.corners)})"
        assert self.mask is not None
        height, width = self.mask.shape
        return f"<Region of a {height} x {width} mask, {self.area:.1%} of the picture>"


def random_square(random: np.random.RandomState, share: float) -> Region:
    """A square box of that share of the picture, anywhere in it."""
    side = share ** 0.5
    x, y = random.uniform(0, 1 - side, 2)
    return Region.box(x, y, min(1.0, x + side), min(1.0, y + side))


def _overlap(start: float, stop: float, cells: int) -> Float[Tensor, " cells"]:
    """The part of each of `cells` cells that lies between two fractions of the side."""
    edges = torch.arange(cells + 1, dtype=torch.float64)
    low, high = edges[:-1].clamp(min=start * cells), edges[1:].clamp(max=stop * cells)
    return (high - low).clamp(0, 1)


def _shares(before: int, after: int) -> Float[Tensor, "after before"]:
    """How much each of `before` pixels counts in the mean of each of `after` cells; rows sum to 1."""
    edges = torch.arange(after + 1, dtype=torch.float64) * before / after
    pixels = torch.arange(before, dtype=torch.float64)
    low, high = torch.maximum(edges[:-1, None], pixels), torch.minimum(edges[1:, None], pixels + 1)
    return (high - low).clamp(min=0) * after / before
