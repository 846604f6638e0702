"""Units that match a concept cause it: they remove it and insert it, random units do not, and the rest of the picture stays."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import ganwidgets as gw
import ganwidgets.methods.intervene as code
from claims import nets
from claims.record import Claim, some

CHOICE = range(500)                     # the units are chosen on these
REMOVED, INSERTED = range(20_000, 20_500), range(21_000, 21_400)
SHOWN = 100                             # pictures of the second that have room for the insertion
REMOVALS = ("tree", "cloud", "window", "wall", "roof", "snow", "water", "mountain")
INSERTIONS = {"tree on grass": ("tree", "grass"), "cloud in sky": ("cloud", "sky"), "window on wall": ("window", "wall"),
              "water on grass": ("water", "grass"), "snow on grass": ("snow", "grass")}
UNITS, DRAWS = 0.1, 20                  # the best tenth of the layer's units; random draws of as many
HALF, KEPT, QUARTER = 0.5, 0.85, 0.25   # removed at least; other pixels that keep their object; random draws at the median
ROOM = {"wall": 0.25}                 # of a box that must be the context: walls are smaller than the box; else 0.75
BOX, BECAME, SEEN, BY_CHANCE, SPILL = 0.15, 0.15, 60, 15, 0.2
NEEDED = {"removal": 4, "insertion": 3}
QUANTILE = 0.995                        # the units' level for insertions
LAYER = 16                              # px


@cache
def dissection(scale: float) -> Any:
    g = nets.generator()
    return gw.dissect(g, nets.segmenter(), layer=g.layer_at(LAYER), seeds=some(CHOICE, scale), progress=False)


def measure(row: str, scale: float) -> dict[str, Any]:
    kind, what = row.split(": ")
    return removal(what, scale) if kind == "removal" else insertion(what, scale)


def removal(concept: str, scale: float) -> dict[str, Any]:
    g, d = nets.generator(), dissection(scale)
    layer, seeds = d.layers[0], some(REMOVED, scale)
    try:
        edit = d.edit(concept, "ablate", n=round(UNITS * layer.channels))
    except gw.errors.ConceptError as error:
        return {"n": 0, "removed": 0.0, "kept": 0.0, "random_median": 0.0, "beyond_all": False, "why": str(error)}
    found = gw.effect(g, nets.judge(), concept, edit, seeds, draws=max(3, round(DRAWS * scale)), progress=False)
    return {"n": len(seeds), "layer": layer.name, "units": len(edit.units), "removed": round(found.fraction, 3),
            "kept": round(found.chosen.kept_share, 3), "random_median": round(found.random_median, 3),
            "random": [round(value, 3) for value in found.random_fractions], "beyond_all": found.beyond_chance}


def insertion(what: str, scale: float) -> dict[str, Any]:
    g, d, (concept, context) = nets.generator(), dissection(scale), INSERTIONS[what]
    layer = d.layers[0]
    boxes = gw.places(g, nets.judge(), context, some(INSERTED, scale), share=BOX,
                      least=ROOM.get(context, 0.75))
    seeds = list(boxes)[:max(4, round(SHOWN * scale))]
    if not seeds:
        return {"n": 0, "succeeded": 0, "random_median": 0, "spill": 0.0}
    try:
        edit = d.edit(concept, "insert", n=round(UNITS * layer.channels), quantile=QUANTILE)
    except gw.errors.ConceptError as error:
        return {"n": 0, "succeeded": 0, "random_median": 0, "spill": 0.0, "why": str(error)}
    found = gw.effect(g, nets.judge(), concept, edit, seeds, region=[boxes[seed] for seed in seeds],
                      draws=max(3, round(DRAWS * scale)), levels=d.levels[layer.name], progress=False)
    chance = sorted(each.succeeded(BECAME) for each in found.random)
    return {"n": len(seeds), "layer": layer.name, "units": len(edit.units), "succeeded": found.chosen.succeeded(BECAME),
            "random_median": chance[len(chance) // 2], "random": chance, "spill": round(found.chosen.spill, 3),
            "became": round(found.fraction, 3)}


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


CLAIM = Claim("causes", "Units that match a concept remove and insert it; random units do not",
              "GAN Dissection, figures 6 and 7: 20 units remove 0.12 to 0.77 of a concept's pixels",
              [f"removal: {name}" for name in REMOVALS] + [f"insertion: {name}" for name in INSERTIONS],
              measure, conclude, nets.digests, [code])
