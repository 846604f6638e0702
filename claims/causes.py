"""A tenth of a layer's units cause a concept: they remove it and insert it, random ones do not, and the rest stays.

The units are chosen by `gw.causes` on other seeds, with the other segmenter; for insertions they are those of the file that
PaintBox paints with. What the units of the highest IoU do stands beside it.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

import ganwidgets as gw
import ganwidgets.methods.intervene as intervene
import ganwidgets.methods.intervene_causes as grown
from claims import nets
from claims.palette import FILE
from claims.record import Claim, some

CHOICE = range(500)                     # the units are chosen on these
REMOVED, INSERTED = range(40_000, 40_500), range(41_000, 42_000)
SHOWN = 100                             # pictures of the second that have room for the insertion
REMOVALS = ("tree", "cloud", "window", "wall", "roof", "snow", "water", "mountain")
INSERTIONS = {"tree on grass": ("tree", "grass"), "cloud in sky": ("cloud", "sky"), "window on wall": ("window", "wall"),
              "water on grass": ("water", "grass"), "snow on grass": ("snow", "grass")}
UNITS, DRAWS = 0.1, 20                  # the best tenth of the layer's units; random draws of as many
HALF, KEPT, QUARTER = 0.5, 0.85, 0.25   # removed at least; other pixels that keep their object; random draws at the median
ROOM = {"wall": 0.25}                   # of a box that must be the context: walls are smaller than the box; else 0.75
BOX, BECAME, SEEN, BY_CHANCE, SPILL = 0.15, 0.15, 60, 15, 0.2
NEEDED = {"removal": 4, "insertion": 3}
LAYER = 16                              # px, for insertions
LAYERS = (8, 16, 32)                    # px, of which a removal takes the one that did best on the seeds of TRIED
TRIED = range(500, 600)


@cache
def dissection(scale: float) -> Any:
    g = nets.generator()
    return gw.dissect(g, nets.segmenter(), layer=g.layer_at(LAYER), seeds=some(CHOICE, scale), progress=False)


def measure(row: str, scale: float, held: dict[str, Any] | None = None) -> dict[str, Any]:
    kind, what = row.split(": ")
    return removal(what, scale, held) if kind == "removal" else insertion(what, scale)


def removal(concept: str, scale: float, held: dict[str, Any] | None) -> dict[str, Any]:
    g, d, seeds = nets.generator(), dissection(scale), some(REMOVED, scale)
    edit = (gw.UnitEdit(held["layer"], tuple(held["chosen"])) if held else
            max((learned(concept, size) for size in LAYERS), key=lambda each: trial(concept, each)))
    found = gw.effect(g, nets.judge(), concept, edit, seeds, draws=max(3, round(DRAWS * scale)), progress=False)
    by_iou = gw.removal(g, nets.judge(), concept, d.edit(concept, "ablate", n=round(UNITS * d.layers[0].channels)), seeds,
                        progress=False)
    return {"n": len(seeds), "layer": edit.layer, "units": len(edit.units), "chosen": list(edit.units),
            "removed": round(found.fraction, 3), "kept": round(found.chosen.kept_share, 3),
            "random_median": round(found.random_median, 3),
            "random": [round(value, 3) for value in found.random_fractions], "beyond_all": found.beyond_chance,
            "by_iou": {"layer": d.layers[0].name, "removed": round(by_iou.fraction, 3), "kept": round(by_iou.kept_share, 3)}}


def trial(concept: str, edit: Any) -> tuple[bool, float]:
    """How well an edit does on the seeds of TRIED: one that keeps too little comes after all that keep enough."""
    found = gw.removal(nets.generator(), nets.segmenter(), concept, edit, TRIED, progress=False)
    return found.kept_share >= KEPT, found.fraction


def learned(concept: str, size: int) -> Any:
    """The edit that removes a concept with a tenth of a layer's units, those that do most on the seeds of CHOICE."""
    g = nets.generator()
    layer = g.layer_at(size)
    found = nets.causes() if size == LAYER else gw.causes(g, nets.segmenter(), layer=layer, seeds=CHOICE, concepts=[concept],
                                                          modes=["ablate"], progress=False)
    return found.edit(concept, "ablate", n=round(UNITS * layer.channels))


def insertion(what: str, scale: float) -> dict[str, Any]:
    g, d, (concept, context) = nets.generator(), dissection(scale), INSERTIONS[what]
    layer, found = d.layers[0], nets.causes()
    boxes = gw.places(g, nets.judge(), context, some(INSERTED, scale), share=BOX, least=ROOM.get(context, 0.75),
                      progress=False)
    seeds = list(boxes)[:max(4, round(SHOWN * scale))]
    if not seeds:
        return {"n": 0, "succeeded": 0, "random_median": 0, "spill": 0.0}
    edit, regions = found.edit(concept, "insert", n=round(UNITS * layer.channels)), [boxes[seed] for seed in seeds]
    seen = gw.effect(g, nets.judge(), concept, edit, seeds, region=regions, draws=max(3, round(DRAWS * scale)),
                     levels=np.array(found.levels), progress=False)
    by_iou = gw.insertion(g, nets.judge(), concept, d.edit(concept, "insert", n=len(edit.units)), regions, seeds,
                          progress=False)
    chance = sorted(each.succeeded(BECAME) for each in seen.random)
    return {"n": len(seeds), "layer": layer.name, "units": len(edit.units), "succeeded": seen.chosen.succeeded(BECAME),
            "random_median": chance[len(chance) // 2], "random": chance, "spill": round(seen.chosen.spill, 3),
            "became": round(seen.fraction, 3), "by_iou": by_iou.succeeded(BECAME)}


def conclude(rows: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    removed = {row: holds(row, found) for row, found in rows.items() if row.startswith("removal")}
    inserted = {row: holds(row, found) for row, found in rows.items() if row.startswith("insertion")}
    return {"removals": removed, "removal_holds": sum(removed.values()) >= NEEDED["removal"],
            "insertions": inserted, "insertion_holds": sum(inserted.values()) >= NEEDED["insertion"],
            "palette": {name: str(seen) for name, seen in nets.causes().drawn.items() if seen.works}}


def holds(row: str, found: Mapping[str, Any]) -> bool:
    if row.startswith("removal"):
        return (found["removed"] >= HALF and found["kept"] >= KEPT and found["beyond_all"]
                and found["random_median"] <= QUARTER * found["removed"])
    part = found["n"] / SHOWN     # where fewer pictures have room, the same part of them is asked for
    return (found["n"] > 0 and found["succeeded"] >= SEEN * part and found["random_median"] <= BY_CHANCE * part
            and found["spill"] <= SPILL)


def digests() -> dict[str, str]:
    return {**nets.digests(), "storybook-causes": hashlib.sha256(FILE.read_bytes()).hexdigest()}


CLAIM = Claim("causes", "Units that cause a concept remove and insert it; random units do not",
              "GAN Dissection, figures 6 and 7: 20 units remove 0.12 to 0.77 of a concept's pixels",
              [f"removal: {name}" for name in REMOVALS] + [f"insertion: {name}" for name in INSERTIONS],
              measure, conclude, digests, [intervene, grown])
