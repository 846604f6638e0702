"""The pictures in which a unit goes highest, with the part where it is lit left clear: what one looks at to name a unit.

As in the figures of the papers (Bau et al. 2020, section 3.1): the map at the picture's size, bilinear between pixel
centres, lit above the unit's threshold.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from ganwidgets.core.counting import at_least_one
from ganwidgets.core.errors import ArgumentError, ShapeError, UnitError
from ganwidgets.core.examples import Examples
from ganwidgets.core.images import to_bytes
from ganwidgets.core.jobs import Progress, Steps, stepwise
from ganwidgets.core.nets import Layer, LayeredClassifier, LayeredGenerator, LayeredNet
from ganwidgets.core.unit_edits import check_fits, check_units
from ganwidgets.methods.dissection import TOP, Dissection, LayerFindings

BATCH = 8                  # pictures a step


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
