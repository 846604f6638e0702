"""What a UnitBrowser lists of a layer: a row a unit, the orders that causes give, and the nulls beside."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from ganwidgets.core.causes import Causes
from ganwidgets.core.errors import ArgumentError
from ganwidgets.core.rankings import MODES
from ganwidgets.methods.ace import Ace
from ganwidgets.methods.dissect import Dissection
from ganwidgets.methods.dissect_alike import Alike
from ganwidgets.methods.dissect_compared import compare
from ganwidgets.methods.dissection import COUNTED, KEPT

RANKED = 256               # units of a ranking that the browser is told, at most
VERBS = {"insert": "draws", "ablate": "removes"}


@final
@dataclass(frozen=True)
class Evidence:
    """What stands beside a dissection: what causes concepts, the dissection of the untrained net, and which units are alike."""

    causes: tuple[Causes | Ace, ...] = field(default=(), repr=False)
    untrained: Dissection | None = field(default=None, repr=False)
    alike: tuple[Alike, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, d: Dissection, causes: Any, untrained: Any, alike: Any) -> "Evidence":
        """Evidence on this dissection. Errors: ArgumentError for what is none, or is of another net or layer."""
        found = cls(_each(causes, (Causes, Ace), "causes", "gw.causes or gw.ace"), untrained,
                    _each(alike, (Alike,), "alike", "gw.alike"))
        if untrained is not None and not isinstance(untrained, Dissection):
            raise ArgumentError(f"untrained is the Dissection of the same net before training; {type(untrained).__name__} came.")
        names = [layer.name for layer in d.layers]
        for each in found.causes:
            _demand(each.origin.digest == d.digest and each.layer in names, "causes", each.layer, d)
        for same in found.alike:
            _demand(same.digest == d.digest and same.layer.name in names, "alike", same.layer.name, d)
        if untrained is not None and not set(names) & {layer.name for layer in untrained.layers}:
            raise ArgumentError(f"the untrained net was dissected at {', '.join(layer.name for layer in untrained.layers)}; "
                                f"this dissection is of {', '.join(names)}.")
        return found


def table(d: Dissection, layer: str, evidence: Evidence, name: str = "") -> dict[str, Any]:
    """A layer as the browser lists it: a UnitTable of the protocol."""
    return {"name": name or layer, "rows": rows(d, layer, evidence), "shares": list(KEPT), "rankings": rankings(layer, evidence),
            "tallies": tallies(d, layer, evidence)}


def rows(d: Dissection, layer: str, evidence: Evidence) -> list[dict[str, Any]]:
    """A row a unit, the highest IoU first."""
    colors = {concept.name: concept.hex for concept in d.concepts}
    twins = {unit: group[0] for same in evidence.alike if same.layer.name == layer for group in same.groups() for unit in group[1:]}
    chance = _untrained(evidence, layer)
    (found,) = d.at(layer).findings
    listed = []
    for row in d.at(layer).table.itertuples():
        unit, untrained = int(row.unit), None if chance is None else chance.get(row.concept, 0.0)
        listed.append({
            "unit": unit, "concept": row.concept, "kind": row.kind, "color": colors.get(row.concept, "#888888"),
            "iou": round(float(row.iou), 4), "cap": round(float(row.iou_cap), 4), "other": round(float(row.iou_other), 4),
            "untrained": None if untrained is None else round(untrained, 4),
            "above": bool(row.iou >= COUNTED and row.iou > max(row.iou_other, untrained or 0.0)),
            "iqr": round(float(row.iqr), 4) if found.quality is not None else None,
            "live": bool(row.live), "twin": twins.get(unit), "threshold": float(row.threshold),
            "quantiles": [float(value) for value in found.quantiles[:, unit]],
        })
    return listed


def rankings(layer: str, evidence: Evidence) -> list[dict[str, Any]]:
    """The orders in which units cause concepts, of the causes that are of this layer."""
    listed: list[dict[str, Any]] = []
    for each in evidence.causes:
        if each.layer != layer:
            continue
        if isinstance(each, Ace):
            units = each.ranking[:RANKED]
            alpha = [round(float(each.alpha[unit]), 3) for unit in units]
            listed.append({"name": f"causes {each.concept} (ACE)", "units": units, "values": alpha})
        else:
            listed += [{"name": f"{VERBS[mode]} {concept}", "units": list(each.rankings[mode][concept][:RANKED]), "values": None}
                       for mode in MODES for concept in each.concepts(mode)]
    return listed


def tallies(d: Dissection, layer: str, evidence: Evidence) -> list[dict[str, Any]]:
    """How many units and concepts match: by rights, with the masks of other pictures, and in the untrained net."""
    row = compare(d.at(layer)).iloc[0]
    listed = [_tally("this layer", row, ""), _tally("masks of other pictures", row, "_other")]
    if evidence.untrained is not None and layer in evidence.untrained.thresholds:
        listed.append(_tally("untrained net", compare(evidence.untrained.at(layer)).iloc[0], ""))
    return listed


def _tally(name: str, row: Any, end: str) -> dict[str, Any]:
    return {"name": name, "units": int(row["units"]), "matched": int(row[f"matched{end}"]),
            "concepts": int(row[f"concepts{end}"]), "iou": round(float(row[f"iou{end}"]), 4)}


def _untrained(evidence: Evidence, layer: str) -> dict[str, float] | None:
    """For each concept the best IoU that a unit of the untrained net has at this layer."""
    if evidence.untrained is None or layer not in evidence.untrained.thresholds:
        return None
    best = evidence.untrained.at(layer).findings[0].iou.max(0)
    return dict(zip([concept.name for concept in evidence.untrained.concepts], np.asarray(best).tolist(), strict=True))


def _each(given: Any, kinds: tuple[type, ...], what: str, made: str) -> tuple[Any, ...]:
    """One, several or none. Errors: ArgumentError."""
    several = () if given is None else (given,) if isinstance(given, kinds) else given
    if not isinstance(several, Iterable) or isinstance(several, str):
        raise ArgumentError(f"{what} are what {made} answers, one or several; {type(given).__name__} came.")
    held: Sequence[Any] = tuple(several)
    wrong = [type(each).__name__ for each in held if not isinstance(each, kinds)]
    if wrong:
        raise ArgumentError(f"{what} are what {made} answers, one or several; {wrong[0]} came among them.")
    return tuple(held)


def _demand(fits: bool, what: str, layer: str, d: Dissection) -> None:
    if not fits:
        raise ArgumentError(f"these {what}, at {layer}, belong to other weights or another layer than this dissection of {d.model} "
                            f"at {', '.join(each.name for each in d.layers)}.")
