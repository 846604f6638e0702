"""Doors grow on walls and not in the sky or on water, trees on grass and not on water: insertions by context, beside what the judge
reads of rendered objects pasted there.

An insertion counts where 15 % of the box became the object, so that is what the judge is asked for of a pasted one, in pixels; how
many it reads by half or more of their pixels is stated too.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

import ganwidgets as gw
import ganwidgets.methods.intervene as intervene
import ganwidgets.methods.intervene_contexts as contexts
import ganwidgets.world.pasted as pasted
from claims import nets
from claims.causes import digests
from claims.record import Claim, some

GROUNDS = {"door": ("wall", "sky", "water"), "tree": ("grass", "water")}
PAIRS = ((("door", "wall"), ("door", "sky")), (("door", "wall"), ("door", "water")), (("tree", "grass"), ("tree", "water")))
SEEDS, PASTED = range(60_000, 62_000), range(71_000, 71_400)
UNITS, SHARE, ROOM, PICTURES = 0.1, 0.06, 0.5, 200     # of the layer's units; of the picture; of a box; boxes on a context


def measure(row: str, scale: float, held: dict[str, Any] | None = None) -> dict[str, Any]:
    g, grounds = nets.generator(), GROUNDS[row]
    found = nets.causes()
    edit = found.edit(row, "insert", n=round(UNITS * g.layer(found.layer).channels))
    read, by_half = (gw.pasted_recall(nets.judge(), [row], grounds, some(PASTED, scale), part=part)
                     for part in (intervene.BECAME * SHARE, None))
    matrix = gw.context_matrix(g, nets.judge(), {row: edit}, grounds, some(SEEDS, scale), share=SHARE, least=ROOM,
                               pictures=max(4, round(PICTURES * scale)), progress=False)
    return {"layer": edit.layer, "units": len(edit.units), "contexts": list(grounds), "drawn": matrix.drawn[0].tolist(),
            "boxes": matrix.pictures[0].tolist(), "read": [read[row, ground].read for ground in grounds],
            "read_by_half": [by_half[row, ground].read for ground in grounds],
            "pasted": [read[row, ground].pasted for ground in grounds]}


def conclude(rows: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    matrix = together(rows)
    said = matrix.compare(PAIRS)
    cells = {f"{each.object} on {each.context}": rounded(each.share, each.low, each.high, each.recall)
             for each in matrix.table.itertuples() if each.pictures}
    halves = {f"{row} on {ground}": round(read / max(1, count), 3) for row, found in rows.items()
              for ground, read, count in zip(found["contexts"], found["read_by_half"], found["pasted"], strict=True)}
    return {"share, its 99 % interval, and the judge's recall": cells, "recall by half of the pixels": halves,
            "difference, its 99 % interval, and p after Holm": {
                f"{each.first} - {each.second}": [*rounded(each.difference, each.low, each.high), each.p]
                for each in said.itertuples()},
            "no finding": [f"{each.first} - {each.second}" for each in said.itertuples() if not each.finding],
            "holds": bool((said.finding & (said.difference > 0)).all())}


def rounded(*numbers: float) -> list[float | None]:
    """Three places; None for what is not known."""
    return [None if np.isnan(number) else round(float(number), 3) for number in numbers]


def together(rows: Mapping[str, dict[str, Any]]) -> Any:
    """The rows as one matrix; cells that were not asked for are empty."""
    grounds = tuple(dict.fromkeys(ground for each in GROUNDS.values() for ground in each))
    shape = (len(rows), len(grounds))
    drawn, boxes, recall = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.full(shape, np.nan)
    for place, found in enumerate(rows.values()):
        for column, ground in enumerate(found["contexts"]):
            at = place, grounds.index(ground)
            drawn[at], boxes[at] = found["drawn"][column], found["boxes"][column]
            recall[at] = pasted.Recall(found["read"][column], found["pasted"][column]).share
    return gw.ContextMatrix(tuple(rows), grounds, drawn, boxes, recall)


CLAIM = Claim("contexts", "What units draw depends on where they are set: doors come on walls, trees on grass",
              "GAN Dissection, figure 9: doors come where buildings and windows are, not in trees or the sky",
              tuple(GROUNDS), measure, conclude, digests, [intervene, contexts, pasted])
