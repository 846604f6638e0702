"""Units of the trained generator match concepts; those of an untrained one, and constant masks, do not."""

from collections.abc import Mapping
from typing import Any

import ganwidgets as gw
import ganwidgets.methods.dissect as dissect
import ganwidgets.methods.dissection as dissection
from claims import nets
from claims.record import Claim, some

CHOICE, FIGURES = range(500), range(10_000, 11_000)   # the layer is chosen on the first, the figures are those of the second
LEAST, NULLS, CONCEPTS = 0.04, 2.0, 8                 # IoU; times its iou_other; concepts
REACH = 0.06                                          # a cap below is out of the rule's reach
CANDIDATES = (8, 16, 32, 64)


def measure(row: str, scale: float, held: dict[str, Any] | None = None) -> dict[str, Any]:
    net = nets.untrained() if row == "untrained" else nets.generator()
    choice = gw.dissect(nets.generator(), nets.segmenter(), layers=[net.layer_at(size) for size in CANDIDATES],
                        seeds=some(CHOICE, scale), progress=False)
    counts = {layer.name: len(named(choice.at(layer))) for layer in choice.layers}
    layer = max(counts, key=lambda name: counts[name])
    seeds = some(FIGURES, scale)
    d = gw.dissect(net, nets.segmenter(), layer=layer, seeds=seeds, progress=False)
    found, best = named(d), d.table.sort_values("iou", ascending=False).drop_duplicates("concept")
    return {"n": len(seeds), "layer": layer, "named_by_layer": counts, "concepts": len(found), "names": found,
            "best": {item.concept: {"unit": int(item.unit), "iou": round(float(item.iou), 3),
                                    "iou_other": round(float(item.iou_other), 3)} for item in best.itertuples()},
            "caps": {name: round(float(cap), 3) for name, cap in caps(d).items()}}


def caps(d: Any) -> dict[str, float]:
    """The best IoU that the rule can give each concept, by name."""
    table = d.by_concept
    return (table.set_index("concept") if "concept" in table else table).iou_cap.to_dict()


def named(d: Any) -> list[str]:
    """The concepts that have a unit above the bound and above twice its null."""
    rows = d.table[(d.table.iou >= LEAST) & (d.table.iou >= NULLS * d.table.iou_other)]
    return sorted(rows.concept.unique().tolist())


def conclude(rows: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    trained, untrained = rows["trained"], rows["untrained"]
    return {"layer": trained["layer"], "concepts": trained["concepts"], "untrained": untrained["concepts"],
            "holds": trained["concepts"] >= CONCEPTS > untrained["concepts"],
            "out of reach of the rule": [name for name, cap in trained["caps"].items() if cap < REACH]}


CLAIM = Claim("units", "Units of storybook match concepts of the world", "GAN Dissection, figure 5 (other nets and data)",
              ["trained", "untrained"], measure, conclude, nets.digests, [dissect, dissection])
