"""The palette: which concepts there are to paint with, with which units, in which order, and what each of them draws."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganwidgets.core.causes import Causes
from ganwidgets.core.concepts import Concept, Segmenter
from ganwidgets.core.edits import UnitEdit
from ganwidgets.core.errors import ArgumentError, ConceptError, LayerError, UnitError
from ganwidgets.core.images import to_pil
from ganwidgets.core.nets import LayeredGenerator
from ganwidgets.core.rankings import ranked_edit
from ganwidgets.core.regions import Region
from ganwidgets.core.unit_edits import check_fits, check_units
from ganwidgets.methods.dissection import COUNTED, Dissection

TRIED = 8  # pictures in which a chip looks for the place that shows its concept best
BOXES = tuple((0.25, top, 0.75, top + 0.5) for top in (0.0, 0.25, 0.5))  # and where in each
CHIP_SIZE = 64  # pixels
OWN_COLORS = ((230, 97, 0), (93, 58, 155), (0, 119, 136), (170, 51, 119))  # of sets of units

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


@dataclass(frozen=True, eq=False)
class Paints:
    """Which units paint a concept at a layer: those that were found to cause it, else those that agree with it best.

    `sets` are units under a name of your own, which paint together, however many a stroke uses otherwise.
    """

    dissection: Dissection
    layer: str
    causes: Causes | None = None
    sets: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def edit(self, concept: str, mode: str, **settings: Any) -> UnitEdit:
        """The edit that draws ("insert") or removes ("ablate") a concept. Errors: those of `Dissection.edit`."""
        if concept in self.sets:
            own = {name: value for name, value in settings.items() if name != "n"}
            return ranked_edit(self.layer, self.sets[concept], mode, self.dissection.levels[self.layer], **own)
        if self.causes is not None and concept in self.causes.concepts(mode):
            return self.causes.edit(concept, mode, **settings)
        return self.dissection.edit(concept, mode, layer=self.layer, **settings)


    def with_set(self, name: str, units: Any) -> tuple["Paints", "Chip"]:
        """The paints with some units under a name, and their chip. Errors: UnitError; ConceptError for a concept's name."""
        chosen = check_units(units)
        check_fits(chosen, self.dissection.at(self.layer).layers[0].channels, self.layer)
        if not chosen:
            raise UnitError(f"the set {name!r} has no units.")
        if name in [concept.name for concept in self.dissection.concepts]:
            raise ConceptError(f"{name!r} is a concept of the palette already; give the set another name.")
        color = OWN_COLORS[len(self.sets) % len(OWN_COLORS)]
        chip = Chip(Concept(name, color=color), len(chosen), note="your own set of units")
        return replace(self, sets={**self.sets, name: chosen}), chip


def paints(g: LayeredGenerator, d: Dissection, layer: str, causes: Any) -> Paints:
    """The paints of a layer. `causes` None: those that come with the generator, if they are of this layer; False: none.

    Errors: ArgumentError, LayerError for causes of something else.
    """
    if causes is None and "causes" in g.companions:
        own: Any = g.companions["causes"]()
        return Paints(d, layer, own if own.layer == layer and own.origin.digest == g.digest else None)
    if causes is None or causes is False:
        return Paints(d, layer)
    if not isinstance(causes, Causes):
        raise ArgumentError(f"causes come from gw.causes or gw.open_causes, and False means none; a {type(causes).__name__} came.")
    causes.check(g)
    if causes.layer != layer:
        raise LayerError(f"these causes are of {causes.layer}; the palette paints at {layer}. Say layer={causes.layer!r}.")
    return Paints(d, layer, causes)


def chips(
    paint: Paints, *, palette: Sequence[str] | Mapping[str, str] | None = None, known: Iterable[Concept] = ()
) -> tuple[Chip, ...]:
    """The chips: first those of `palette`, as measured, then by how often units were seen to draw them, then by IoU.

    A concept is offered where it was measured to work, or from an IoU of 0.04 on, or of half of what its size lets a unit
    reach. A mapping's values are notes. `known` lends the colours. Errors: ConceptError, where `palette` names a concept
    that the dissection does not know or no unit meets.
    """
    d, layer = paint.dissection, paint.layer
    rows = d.at(layer).by_concept
    rows = rows[(rows["iou"] > 0) & (rows["iou"] >= np.minimum(COUNTED, rows["iou_cap"] / 2))].set_index("concept")
    labels = d.table.loc[(d.table["layer"] == layer) & (d.table["iou"] >= COUNTED), "concept"].value_counts()
    concepts = {concept.name: concept for concept in (*d.concepts, *known)}
    seen = {name: each for name, each in (paint.causes.drawn if paint.causes else {}).items() if name in concepts}
    told = list(palette or ())
    for name in told:
        paint.edit(name, "insert", n=1)
    work = [name for name, each in seen.items() if each.works]
    offered = sorted({*work, *rows.index} & set(seen), key=lambda name: (name not in work, -seen[name].often, name))
    notes = {name: f"best unit's IoU {iou:.2f}" for name, iou in rows["iou"].items()}
    notes |= {name: str(each) for name, each in seen.items()} | dict(palette if isinstance(palette, Mapping) else {})
    return tuple(
        Chip(concepts[name], int(labels.get(name, 1)), name in told or name in work, notes.get(name, ""))
        for name in dict.fromkeys([*told, *offered, *rows.index])
    )


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
    """Of all boxes in all pictures the one that shows most of the concept; without a segmenter the first."""
    best, most = None, -1.0
    for x0, y0, x1, y1 in BOXES:
        boxed = replace(edit, region=Region.box(x0, y0, x1, y1))
        images = generator.tail(replace(paused, features=boxed.change(paused.features)))
        crops = _cut(images, x0, y0, x1, y1)
        shares = torch.zeros(len(crops))
        if segmenter is not None and name in segmenter.names:
            shares = _cut(segmenter.segment(images)[:, segmenter.index(name)], x0, y0, x1, y1).float().mean((1, 2))
        if float(shares.max()) > most:
            best, most = crops[int(shares.argmax())], float(shares.max())
    assert best is not None
    return to_pil(best).resize((CHIP_SIZE, CHIP_SIZE), Image.Resampling.BICUBIC)


def _cut(maps: Tensor, x0: float, y0: float, x1: float, y1: float) -> Tensor:
    height, width = maps.shape[-2:]
    return maps[..., round(y0 * height):round(y1 * height), round(x0 * width):round(x1 * width)]
