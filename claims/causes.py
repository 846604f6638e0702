"""A tenth of a layer's units cause a concept: they remove it and insert it, random ones do not, and the rest stays.

The units are chosen by the learned alpha (methods/ace.py) on other seeds, with the other segmenter; what the units of the
highest IoU do stands beside it.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import ganwidgets as gw
import ganwidgets.methods.ace as ace
import ganwidgets.methods.intervene as code
from claims import nets
from claims.record import Claim, some

CHOICE = range(500)                     # the units are chosen on these
REMOVED, INSERTED = range(20_000, 20_500), range(21_000, 22_000)
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
STEPS = 100                             # of learning what causes a concept


@cache
def dissection(scale: float) -> Any:
    g = nets.generator()
    return gw.dissect(g, nets.segmenter(), layer=g.layer_at(LAYER), seeds=some(CHOICE, scale), progress=False)


def measure(row: str, scale: float, held: dict[str, Any] | None = None) -> dict[str, Any]:
    kind, what = row.split(": ")
    return {"removal": removal, "insertion": insertion}[kind](what, scale, chosen(held) if held else None)


def chosen(held: dict[str, Any]) -> Any:
    """The edit that these figures are of."""
    return gw.UnitEdit(held["layer"], tuple(held["chosen"]), held.get("levels", 0.0))


def removal(concept: str, scale: float, edit: Any = None) -> dict[str, Any]:
    g, d, seeds = nets.generator(), dissection(scale), some(REMOVED, scale)
    edit = edit or max((learned(concept, size, "ablate") for size in LAYERS), key=lambda each: trial(concept, each))
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


def learned(concept: str, size: int, mode: str) -> Any:
    """The edit with a tenth of a layer's units, those that cause the concept most on the seeds of CHOICE."""
    g = nets.generator()
    layer = g.layer_at(size)
    ranked = gw.ace(g, nets.segmenter(), concept, layer=layer, seeds=CHOICE, mode=mode, steps=STEPS, progress=False)
    return ranked.edit(round(UNITS * layer.channels), mode)


def insertion(what: str, scale: float, edit: Any = None) -> dict[str, Any]:
    g, d, (concept, context) = nets.generator(), dissection(scale), INSERTIONS[what]
    layer = d.layers[0]
    boxes = gw.places(g, nets.judge(), context, some(INSERTED, scale), share=BOX, least=ROOM.get(context, 0.75))
    seeds = list(boxes)[:max(4, round(SHOWN * scale))]
    if not seeds:
        return {"n": 0, "succeeded": 0, "random_median": 0, "spill": 0.0}
    edit, regions = edit or learned(concept, LAYER, "insert"), [boxes[seed] for seed in seeds]
    found = gw.effect(g, nets.judge(), concept, edit, seeds, region=regions,
                      draws=max(3, round(DRAWS * scale)), levels=d.levels[layer.name], progress=False)
    by_iou = gw.insertion(g, nets.judge(), concept, d.edit(concept, "insert", n=len(edit.units)), regions, seeds,
                          progress=False)
    chance = sorted(each.succeeded(BECAME) for each in found.random)
    return {"n": len(seeds), "layer": layer.name, "units": len(edit.units), "chosen": list(edit.units),
            "levels": [round(level, 4) for level in edit.value.tolist()], "succeeded": found.chosen.succeeded(BECAME),
            "random_median": chance[len(chance) // 2], "random": chance, "spill": round(found.chosen.spill, 3),
            "became": round(found.fraction, 3), "by_iou": by_iou.succeeded(BECAME)}


def conclude(rows: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    removed = {row: holds(row, found) for row, found in rows.items() if row.startswith("removal")}
    inserted = {row: holds(row, found) for row, found in rows.items() if row.startswith("insertion")}
    return {"removals": removed, "removal_holds": sum(removed.values()) >= NEEDED["removal"],
            "insertions": inserted, "insertion_holds": sum(inserted.values()) >= NEEDED["insertion"]}


def holds(row: str, found: Mapping[str, Any]) -> bool:
    if row.startswith("removal"):
        return (found["removed"] >= HALF and found["kept"] >= KEPT and found["beyond_all"]
                and found["random_median"] <= QUARTER * found["removed"])
    part = found["n"] / SHOWN     # where fewer pictures have room, the same part of them is asked for
    return (found["n"] > 0 and found["succeeded"] >= SEEN * part and found["random_median"] <= BY_CHANCE * part
            and found["spill"] <= SPILL)


CLAIM = Claim("causes", "Units that cause a concept remove and insert it; random units do not",
              "GAN Dissection, figures 6 and 7: 20 units remove 0.12 to 0.77 of a concept's pixels",
              [f"removal: {name}" for name in REMOVALS] + [f"insertion: {name}" for name in INSERTIONS],
              measure, conclude, nets.digests, [ace, code])
