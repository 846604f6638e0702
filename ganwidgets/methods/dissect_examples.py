"""The pictures in which a unit goes highest, with the part where it is lit left clear: what one looks at to name a unit.

As in the figures of the papers (Bau et al. 2020, section 3.1): the map at the picture's size, bilinear between pixel
centres, lit above the unit's threshold.
"""

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64, UInt8
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ganwidgets.core.counting import at_least_one
from ganwidgets.core.errors import ArgumentError, ShapeError, UnitError
from ganwidgets.core.images import sheet, to_bytes
from ganwidgets.core.jobs import Progress, Steps, stepwise
from ganwidgets.core.nets import Layer, LayeredClassifier, LayeredGenerator, LayeredNet
from ganwidgets.core.unit_edits import check_fits, check_units
from ganwidgets.methods.dissection import TOP, Dissection, LayerFindings

BATCH = 8                  # pictures a step
DIM = 0.3                  # of its brightness: what is left of a picture where the unit is not lit


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
        if unit not in self.units:
            raise UnitError(f"unit {unit!r} is not among these examples; they are of {list(self.units)[:8]}"
                            f"{' and more' if len(self.units) > 8 else ''}.")
        place = self.units.index(unit)
        light = np.where(self.lit[place], 1.0, dim)[..., None]
        shown = (self.pictures[place] * light).round().astype(np.uint8)
        return [Image.fromarray(each) for each, number in zip(shown, self.numbers[place], strict=True) if number >= 0]

    def sheet(self, *, dim: float | int = DIM) -> Image.Image:
        """All of them on one page, a row a unit."""
        blank = Image.new("RGB", self.pictures.shape[3:1:-1])
        k = self.numbers.shape[1]
        rows = [(row + [blank] * k)[:k] for row in (self.row(unit, dim=dim) for unit in self.units)]
        return sheet([each for row in rows for each in row], columns=k)


@stepwise
def examples(net: LayeredNet, d: Dissection, units: Any = None, *, layer: str | Layer | None = None, k: int = TOP,
             images: Any = None) -> Steps[Examples]:
    """Draw again the pictures in which units went highest while they were dissected, and see where they are lit.

    `units`: left out, all of the layer; `layer`: left out, the only one of the dissection, or of several the first; `k`: how
    many pictures of each unit, at most 8. A classifier needs the `images` (n, 3, h, w) that were dissected, in their
    order. Errors: ArgumentError, LayerError, UnitError, ShapeError.
    """
    (found,) = d.at(d.layers[0] if layer is None else layer).findings
    chosen, most = _units(found, units), at_least_one("k", k)
    if most > TOP:
        raise ArgumentError(f"a dissection keeps {TOP} pictures of each unit; {k} were asked for.")
    if net.digest != d.digest:
        raise ArgumentError(f"this dissection was made on other weights ({d.model}, {d.digest[:8]}) than those of {net.name} "
                            f"({net.digest[:8]}): its pictures would be others.")
    inputs = _inputs(net, images, d.pictures)
    numbers = d.tops[found.layer.name][list(chosen), :most]
    wanted = sorted(set(numbers[numbers >= 0].tolist()))
    shape = (*numbers.shape, net.image_size, net.image_size)
    pictures, lit = np.zeros((*shape, 3), np.uint8), np.zeros(shape, bool)
    for start in range(0, len(wanted), BATCH):
        batch = wanted[start:start + BATCH]
        with torch.no_grad():
            run = net.head(inputs(batch), found.layer)
            seen = net.tail(run) if isinstance(net, LayeredGenerator) else inputs(batch)
        for row, number in enumerate(batch):
            places, slots = np.nonzero(numbers == number)
            pictures[places, slots] = to_bytes(seen[row])
            own = [chosen[place] for place in places]
            lit[places, slots] = _lit(run.features[row, own], found.thresholds[own], net.image_size)
        yield Progress(min(start + BATCH, len(wanted)), len(wanted), "pictures")
    return Examples(found.layer, chosen, numbers, pictures, lit)


def _units(found: LayerFindings, units: Any) -> tuple[int, ...]:
    """The units asked for. Errors: UnitError."""
    chosen = tuple(range(found.layer.channels)) if units is None else check_units(units)
    check_fits(chosen, found.layer.channels, found.layer.name)
    if not chosen:
        raise UnitError("no unit to show: the list of units is empty.")
    return chosen


def _inputs(net: LayeredNet, images: Any, pictures: int) -> Any:
    """What draws pictures by their numbers. Errors: ArgumentError, ShapeError."""
    if isinstance(net, LayeredGenerator):
        if images is not None:
            raise ArgumentError(f"{net.name} draws its own pictures; give no images.")
        return net.sample
    if not isinstance(net, LayeredClassifier) or images is None:
        raise ArgumentError(f"{net.name} draws nothing: give the images (n, 3, h, w) that were dissected, in their order.")
    held = torch.as_tensor(images)
    if held.ndim != 4 or len(held) != pictures:
        raise ShapeError(f"{pictures} pictures were dissected; images of the shape {tuple(held.shape)} came.")
    return lambda numbers: held[list(numbers)].float().to(net.device)


def _lit(maps: Float[Tensor, "m h w"], thresholds: Float[np.ndarray, " m"], side: int) -> Bool[np.ndarray, "m side side"]:
    """Where maps are above their thresholds, at the picture's size."""
    large = F.interpolate(maps[None].float(), size=(side, side), mode="bilinear", align_corners=False)[0]
    return (large.cpu().numpy() > thresholds.astype(np.float32)[:, None, None])
