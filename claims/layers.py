"""What each layer of storybook draws, by both rules, beside an untrained net and the masks of other pictures; and the thresholds.

All layers in one pass over the same seeds. Of a layer: live, dead and duplicate units, and how many draw a concept of each kind.
Under the rule "iqr" a unit may be lit in half a picture, and so meets a large concept anywhere; so those units are counted as well
whose IoU is at least twice their own with the masks of other pictures (`beyond`).
At full size the layer profiles are written beside the figures, as layers-quantile.svg and layers-iqr.svg.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

import ganwidgets as gw
import ganwidgets.methods.dissect as dissect
import ganwidgets.methods.dissect_alike as dissect_alike
import ganwidgets.methods.dissect_compared as dissect_compared
import ganwidgets.methods.dissect_profile as dissect_profile
import ganwidgets.methods.dissection as dissection
from claims import nets
from claims.record import FOLDER, Claim, some

SEEDS, SAME = range(20_000, 22_000), 200        # pictures; of these, those on which duplicates are looked for
NULLS = 2.0                                     # interpretable units at least so many times either null
LIT, MOST = (0.008, 0.012), 0.95                # of the pixels where a live unit is lit; of the live units that are within


def measure(row: str, scale: float, held: dict[str, Any] | None = None) -> dict[str, Any]:
    seeds, found, figures = some(SEEDS, scale), {}, {}
    for name, net in {"trained": nets.generator(), "untrained": nets.untrained()}.items():
        found[name] = gw.dissect(net, nets.segmenter(), layers=net.layers, seeds=seeds, rule=row, progress=False)
        same = [gw.alike(net, layer=layer, seeds=seeds[:max(8, round(SAME * scale))], progress=False) for layer in net.layers]
        figures[name] = table(found[name], same)
    if scale == 1:
        title = f"storybook: units that draw a concept, by layer ({len(seeds):,} pictures, {row} rule)"
        gw.layer_profile(found, title=title).save(FOLDER / f"layers-{row}.svg")
    return {"n": len(seeds), **figures}


def table(d: Any, same: list[Any]) -> dict[str, Any]:
    """A row a layer."""
    counts, rows = gw.profile_counts(d).set_index("layer"), {}
    for each in gw.compare(d, alike=same).itertuples():
        units = counts.loc[each.layer]
        rows[each.layer] = {
            "px": each.side, "units": each.units, "live": each.live, "dead": each.dead, "duplicates": int(each.duplicates),
            "interpretable": int(units.matched), "by_kind": {kind: int(units[kind]) for kind in dissect_compared.KINDS},
            "interpretable_other": int(units.matched_other), "beyond": beyond(d.at(each.layer)),
            "concepts": each.concepts, "concepts_other": each.concepts_other,
            "iou": round(each.iou, 4), "iou_other": round(each.iou_other, 4),
            **(within(d.at(each.layer)) if d.rule == "quantile" else {})}
    return rows


def beyond(d: Any) -> int:
    """Units that draw a concept by IoU, and by far more than position alone gives them."""
    return int(((d.table.iou >= dissection.COUNTED) & (d.table.iou >= NULLS * d.table.iou_other)).sum())


def within(d: Any) -> dict[str, Any]:
    """How many live units the thresholds leave lit at about 1 % of all pixels, though they come from the first pictures."""
    shares = d.findings[0].counts.unit_shares
    shares = shares[shares > 0]
    lowest, highest = (shares.min(), shares.max()) if len(shares) else (0.0, 0.0)
    return {"within": int(((shares >= LIT[0]) & (shares <= LIT[1])).sum()),
            "lit": [round(float(lowest), 5), round(float(highest), 5)]}


def conclude(rows: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    said = {rule: beside_nulls(found) for rule, found in rows.items()}
    trained = rows["quantile"]["trained"]
    good = share(trained, "within")
    return {**said, "holds": {rule: each["holds"] for rule, each in said.items()},
            "beyond_holds": {rule: each["beyond_holds"] for rule, each in said.items()},
            "thresholds": {"within": good, "by_layer": {name: share({name: each}, "within") for name, each in trained.items()}},
            "thresholds_hold": good >= MOST}


def beside_nulls(found: dict[str, Any]) -> dict[str, Any]:
    """The interpretable part of all live units beside both nulls, and the layer that has most."""
    own, other = (share(found["trained"], key) for key in ("interpretable", "interpretable_other"))
    untrained = share(found["untrained"], "interpretable")
    far, far_untrained = (share(found[net], "beyond") for net in ("trained", "untrained"))
    parts = {name: share({name: each}, "interpretable") for name, each in found["trained"].items()}
    return {"interpretable": own, "masks of other pictures": other, "untrained": untrained,
            "beyond": far, "beyond, untrained": far_untrained,
            "duplicates": sum(each["duplicates"] for each in found["trained"].values()),
            "dead": sum(each["dead"] for each in found["trained"].values()),
            "by_layer": parts, "most": max(parts, key=lambda name: parts[name]),
            "holds": own > 0 and own >= NULLS * max(other, untrained), "beyond_holds": far > 0 and far >= NULLS * far_untrained}


def share(layers: Mapping[str, dict[str, Any]], key: str) -> float:
    """Of the live units of some layers."""
    live, counted = (np.sum([each[name] for each in layers.values()]) for name in ("live", key))
    return round(float(counted / max(1, live)), 3)


CLAIM = Claim("layers", "Units of storybook draw concepts layer by layer, an untrained net's and other pictures' masks do not",
              "GAN Dissection, section 4.2: almost none at the first layer, objects and parts at the 4th to 7th of 14 (other nets "
              "and data)",
              ("quantile", "iqr"), measure, conclude, nets.digests,
              [dissect, dissection, dissect_alike, dissect_compared, dissect_profile])
