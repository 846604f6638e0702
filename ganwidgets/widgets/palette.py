"""The palette: which concepts a dissection can paint with, in which order, and what each of them draws."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image

from ganwidgets.core.concepts import Concept, Segmenter
from ganwidgets.core.edits import UnitEdit
from ganwidgets.core.images import to_pil
from ganwidgets.core.nets import LayeredGenerator
from ganwidgets.core.regions import Region
from ganwidgets.methods.dissection import COUNTED, Dissection

TRIED = 6  # pictures among which a chip looks for the one that shows its concept best
BOX = (0.25, 0.25, 0.75, 0.75)
CHIP_SIZE = 64  # pixels

_drawn: dict[tuple[Any, ...], Image.Image] = {}  # chips already drawn in this process; a re-run cell shows them at once


@dataclass(frozen=True)
class Chip:
    """A concept in the palette: `units` of the layer bear its label; `measured`: inserting it was seen to work."""

    concept: Concept
    units: int
    measured: bool = False
    note: str = ""

    def record(self) -> dict[str, Any]:
        """The chip as the browser lists it."""
        return {
            "name": self.concept.name,
            "kind": self.concept.kind,
            "color": self.concept.hex,
            "units": self.units,
            "measured": self.measured,
            "note": self.note,
        }


def chips(
    d: Dissection,
    layer: str,
    *,
    palette: Sequence[str] | Mapping[str, str] | None = None,
    known: Iterable[Concept] = (),
) -> tuple[Chip, ...]:
    """The chips of a dissection at a layer: first those of `palette`, as measured, then by their best unit's IoU.

    A concept is offered from an IoU of 0.04 on, or of half of what its size lets a unit reach. A mapping's values are
    notes. `known` lends the colours. Errors: ConceptError, where `palette` names a concept that the dissection does not
    know or no unit meets.
    """
    rows = d.at(layer).by_concept
    rows = rows[(rows["iou"] > 0) & (rows["iou"] >= np.minimum(COUNTED, rows["iou_cap"] / 2))].set_index("concept")
    labels = d.table.loc[(d.table["layer"] == layer) & (d.table["iou"] >= COUNTED), "concept"].value_counts()
    first = list(palette or ())
    for name in first:
        d.edit(name, "insert", n=1, layer=layer)
    notes = palette if isinstance(palette, Mapping) else {}
    concepts = {concept.name: concept for concept in (*d.concepts, *known)}
    order = [*first, *(name for name in rows.index if name not in first)]
    return tuple(
        Chip(concepts[name], int(labels.get(name, 1)), name in first, notes.get(name) or _note(rows["iou"].get(name)))
        for name in order
    )


def _note(iou: float | None) -> str:
    return "" if iou is None else f"best unit's IoU {iou:.2f}"


def drawings(
    generator: LayeredGenerator, edits: Mapping[str, UnitEdit], *, segmenter: Segmenter | None = None
) -> Iterator[tuple[str, Image.Image]]:
    """What each concept's edit draws in a box amid a picture, one a step: the crop that shows most of the concept."""
    paused = None
    for name, edit in edits.items():
        key = (getattr(generator, "digest", id(generator)), edit.layer, name, tuple(edit.units))
        if key not in _drawn:
            with torch.no_grad():
                if paused is None or paused.layer != edit.layer:
                    paused = generator.head(generator.sample(range(TRIED)), edit.layer)
                _drawn[key] = _best_crop(generator, paused, edit, name, segmenter)
        yield name, _drawn[key]


def _best_crop(generator: LayeredGenerator, paused: Any, edit: UnitEdit, name: str, segmenter: Segmenter | None) -> Image.Image:
    boxed = replace(edit, region=Region.box(*BOX))
    images = generator.tail(replace(paused, features=boxed.change(paused.features)))
    height, width = images.shape[-2:]
    x0, y0, x1, y1 = (round(edge * side) for edge, side in zip(BOX, (width, height, width, height), strict=True))
    crops = images[..., y0:y1, x0:x1]
    best = 0
    if segmenter is not None and name in segmenter.names:
        masks = segmenter.segment(images)[:, segmenter.index(name)].float()
        mask = torch.nn.functional.interpolate(masks[:, None], (height, width))[:, 0, y0:y1, x0:x1]
        best = int(mask.mean((1, 2)).argmax())
    return to_pil(crops[best]).resize((CHIP_SIZE, CHIP_SIZE), Image.Resampling.BICUBIC)
