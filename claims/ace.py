"""Units ranked by the learned alpha remove more of a concept than as many ranked by IoU, on pictures that neither was chosen on.

Both rankings come from the same pictures, the same layer and the same segmenter; what goes is read by the judge.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

import ganwidgets as gw
import ganwidgets.methods.ace as ace
import ganwidgets.methods.dissect as dissect
import ganwidgets.methods.intervene as intervene
from claims import nets
from claims.record import Claim, some

CHOICE, REMOVED = range(500), range(50_000, 50_500)   # the units are chosen on the first; what goes is measured on the second
CONCEPTS = ("tree", "cloud", "window", "wall", "roof", "snow", "water", "mountain", "grass", "door")
LAYER, UNITS = 16, 0.1                                # px; of the layer's units
BLOCK = 10                                            # pictures whose sums are kept together, and drawn together
BETTER, RESAMPLES, LEVEL = 8, 10_000, 95              # of the ten concepts at least; of the bootstrap; per cent of its interval


@cache
def dissection() -> Any:
    g = nets.generator()
    return gw.dissect(g, nets.segmenter(), layer=g.layer_at(LAYER), seeds=CHOICE, progress=False)


def measure(row: str, scale: float, held: dict[str, Any] | None = None) -> dict[str, Any]:
    g, seeds = nets.generator(), some(REMOVED, scale, least=2 * BLOCK)
    chosen = {name: held[name]["units"] for name in ("ace", "iou")} if held else units(row)
    found = {name: gw.removal(g, nets.judge(), row, gw.UnitEdit(g.layer_at(LAYER), tuple(each), 0.0), seeds, progress=False)
             for name, each in chosen.items()}
    return {"n": len(seeds), "layer": g.layer_at(LAYER).name, "before": sums(found["ace"].before),
            **{name: {"units": chosen[name], "removed": round(each.fraction, 3), "kept": round(each.kept_share, 3),
                      "after": sums(each.after)} for name, each in found.items()}}


def units(concept: str) -> dict[str, list[int]]:
    """A tenth of the layer's units by each ranking."""
    g, d = nets.generator(), dissection()
    n = round(UNITS * d.layers[0].channels)
    learned = gw.ace(g, nets.segmenter(), concept, layer=d.layers[0], seeds=CHOICE, mode="ablate", dissection=d, progress=False)
    return {"ace": learned.ranking[:n], "iou": list(map(int, d.units_for(concept, n)))}


def sums(shares: np.ndarray) -> list[float]:
    """The shares of each block of pictures, added."""
    return [round(float(shares[start:start + BLOCK].sum()), 4) for start in range(0, len(shares), BLOCK)]


def conclude(rows: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    tables = {name: np.array([found[name]["after"] for found in rows.values()]) for name in ("ace", "iou")}
    before = np.array([found["before"] for found in rows.values()])
    gains = {name: round(float(gain), 3) for name, gain in
             zip(rows, removed(tables["ace"], before) - removed(tables["iou"], before), strict=True)}
    low, high = interval(tables["ace"], tables["iou"], before)
    better = sum(gain > 0 for gain in gains.values())
    return {"ACE removal - IoU removal": gains, "mean": round(float(np.mean(list(gains.values()))), 3),
            "interval": [round(low, 3), round(high, 3)], "better": better, "holds": bool(low > 0 and better >= BETTER)}


def removed(after: np.ndarray, before: np.ndarray) -> np.ndarray:
    """The share of each concept (rows) that went from all pictures (columns are blocks of them)."""
    return 1 - after.sum(1) / np.maximum(before.sum(1), 1e-9)


def interval(ace_after: np.ndarray, iou_after: np.ndarray, before: np.ndarray) -> tuple[float, float]:
    """Of the mean gain: concepts and blocks of pictures are drawn again, the same for both rankings."""
    random, (concepts, blocks), means = np.random.RandomState(0), before.shape, []
    for _ in range(RESAMPLES):
        drawn = np.ix_(random.randint(concepts, size=concepts), random.randint(blocks, size=blocks))
        means.append(float((removed(ace_after[drawn], before[drawn]) - removed(iou_after[drawn], before[drawn])).mean()))
    low, high = np.percentile(means, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return float(low), float(high)


CLAIM = Claim("ace", "Units ranked by the learned alpha remove more of a concept than as many ranked by IoU",
              "GAN Dissection, figure 4 and section 4.2 (other nets and data; no table of both rankings)",
              CONCEPTS, measure, conclude, nets.digests, [ace, dissect, intervene])
