"""Insertion from a donor: units take the levels that they have in a part of another picture, cell by cell, and not one level each.

GAN Dissection, section 3.2, inserts each unit at a constant level; a patch also carries the inner shape of what is brought over.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from ganwidgets.core.edits import Origin, UnitEdit
from ganwidgets.core.errors import ArgumentError, RegionError
from ganwidgets.core.latents import Latents
from ganwidgets.core.nets import Layer, LayeredGenerator
from ganwidgets.core.regions import Region
from ganwidgets.core.unit_edits import check_fits, check_units

FINE = 128                 # cells a side, on which a mask is moved

Corners = tuple[float, float, float, float]


def donor(g: LayeredGenerator, source: Latents | int, region: Region, target: Region, *, layer: str | Layer, units: Any = None,
          **settings: Any) -> UnitEdit:
    """The edit that brings a layer's units in `target` to the levels that they have in `region` of another picture.

    `source`: one picture, as latents or by its seed. The smallest box around `region` is stretched to that around `target`,
    bilinear between the layer's cells; a region that is a mask keeps its shape there. `units` left out: all of the layer, so
    that the picture itself is brought over; a concept's units bring the concept. `settings` are those of UnitEdit.
    Errors: LayerError, UnitError, RegionError, SeedError; ArgumentError for several pictures.
    """
    place = g.layer(layer)
    latents = source if isinstance(source, Latents) else g.sample([source])
    if len(latents) != 1:
        raise ArgumentError(f"a donor is one picture; {len(latents)} came. Choose one: latents[[0]].")
    chosen = tuple(range(place.channels)) if units is None else check_units(units)
    check_fits(chosen, place.channels, place.name)
    box, onto = bounding_box(region), bounding_box(target)
    with torch.no_grad():
        features = g.head(latents, place).features[0, list(chosen)]
    return UnitEdit(place, chosen, moved(features, box, onto, (place.height, place.width)),
                    **{"region": _shape(region, target, box, onto), "origin": Origin(g.name, g.digest), **settings})


def bounding_box(region: Region) -> Corners:
    """The smallest box that holds a region, in fractions of the picture. Errors: RegionError for an empty one."""
    if region.corners is not None:
        return region.corners
    assert region.mask is not None
    rows, columns = (np.flatnonzero(region.mask.numpy().max(axis) > 0) for axis in (1, 0))
    if not len(rows):
        raise RegionError("the region is empty: its mask is 0 everywhere. Give one that covers something.")
    height, width = region.mask.shape
    return columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height


def moved(maps: Float[Tensor, "c h w"], box: Corners, onto: Corners, grid: tuple[int, int], *,
          mode: str = "bilinear") -> Float[Tensor, "c gh gw"]:
    """Maps over the whole picture with what is in one box brought onto another, on a grid; around it, what is around the first."""
    axes = []
    for cells, low, high, to_low, to_high in zip(grid, (box[1], box[0]), (box[3], box[2]), (onto[1], onto[0]), (onto[3], onto[2]),
                                                 strict=True):
        centres = (torch.arange(cells, dtype=torch.float32) + 0.5) / cells
        axes.append((low + (centres - to_low) * (high - low) / (to_high - to_low)) * 2 - 1)
    ys, xs = torch.meshgrid(*axes, indexing="ij")
    places = torch.stack([xs, ys], -1)[None].to(maps.device)
    return F.grid_sample(maps[None], places, mode=mode, padding_mode="border", align_corners=False)[0]


def _shape(region: Region, target: Region, box: Corners, onto: Corners) -> Region:
    """The target, cut to the shape that the donor's region has in its box."""
    if region.corners is not None:
        return target
    fine = (FINE, FINE)
    shape = moved(region.on(*fine)[None], box, onto, fine, mode="nearest")[0]
    return Region.from_mask((shape * target.on(*fine)).clamp(0, 1))
