"""Dissections side by side: how many units, concepts and kinds of concept each layer has, with the nulls beside.

Layers, models, training sets and architectures are compared by such counts (Bau et al. 2019, section 4.2; Bau et al. 2020,
section 2.1): a unit counts as matched, and its concept as found, where their IoU is above .04.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

import numpy as np
import pandas as pd
from jaxtyping import Float

from ganwidgets.core.concepts import Kind
from ganwidgets.core.counting import ratios
from ganwidgets.core.errors import ArgumentError
from ganwidgets.core.nets import Layer
from ganwidgets.methods.dissect_alike import Alike
from ganwidgets.methods.dissection import COUNTED, KEPT, Dissection, LayerFindings

KINDS: tuple[str, ...] = get_args(Kind)
Several = Dissection | Mapping[str, Dissection] | Iterable[Dissection]


def compare(dissections: Several, *, alike: Alike | Sequence[Alike] = ()) -> pd.DataFrame:
    """A row for each dissection and layer, in their order.

    `dissections`: one, several (named by their models), or several under names of your own, as {"trained": d, "untrained": d0}:
    that of an untrained net is a null. Columns: name, layer, side (cells), rule, pictures; `units`, of which `live` light up
    somewhere and `dead` never do, `duplicates` are the same as another one (missing where `alike` does not have what gw.alike
    found there), and `matched` have an IoU of .04 or more; `concepts` that are so matched, and how many of each kind: object,
    part, material, color; `iou`, the mean over live units of the highest of each. `matched_other`, `concepts_other` and
    `iou_other` are the same with the masks of other pictures: what position alone gives. Errors: ArgumentError.
    """
    found = [alike] if isinstance(alike, Alike) else list(alike)
    several = named(dissections)
    same = {(each.digest, each.layer): each.duplicates() for each in found}
    rows = [_row(name, d, layer) | {"duplicates": same.get((d.digest, layer.layer))}
            for name, d in several.items() for layer in d.findings]
    unknown = set(same) - {(d.digest, layer) for d in several.values() for layer in d.layers}
    if unknown:
        raise ArgumentError(f"what is alike at {', '.join(sorted(layer.name for _, layer in unknown))} belongs to none of these "
                            "dissections.")
    table = pd.DataFrame(rows).astype({"duplicates": "Int64"})
    return table[["name", "layer", "side", "rule", "pictures", "units", "live", "dead", "duplicates", "matched", "matched_other",
                  "concepts", "concepts_other", *KINDS, "iou", "iou_other"]]


def named(dissections: Any) -> dict[str, Dissection]:
    """Dissections by name: those that are given, or the models', numbered where one comes twice. Errors: ArgumentError."""
    if isinstance(dissections, Dissection):
        dissections = [dissections]
    if not isinstance(dissections, Mapping):
        if not isinstance(dissections, Iterable):
            raise ArgumentError(f"dissections come as one, a list or a dict; {type(dissections).__name__} came.")
        held: dict[str, Dissection] = {}
        for each in dissections:
            name, number = str(getattr(each, "model", "")), 2
            while name in held:
                name, number = f"{each.model} ({number})", number + 1
            held[name] = each
        dissections = held
    wrong = [type(each).__name__ for each in dissections.values() if not isinstance(each, Dissection)]
    if wrong or not dissections:
        raise ArgumentError(f"{wrong[0] if wrong else 'nothing'} came where dissections are compared; gw.dissect makes one.")
    return {str(name): each for name, each in dissections.items()}


def _row(name: str, d: Dissection, found: LayerFindings) -> dict[str, Any]:
    live = live_units(d, found)
    kinds = [concept.kind for concept in d.concepts]
    matched, other = _concepts(found.iou), _concepts(found.iou_other)
    return {
        "name": name, "layer": found.layer.name, "side": found.layer.height, "rule": d.rule, "pictures": d.pictures,
        "units": len(live), "live": int(live.sum()), "dead": int((~live).sum()),
        "matched": int((found.iou.max(1) >= COUNTED).sum()), "matched_other": int((found.iou_other.max(1) >= COUNTED).sum()),
        "concepts": len(matched), "concepts_other": len(other),
        **{kind: sum(kinds[index] == kind for index in matched) for kind in KINDS},
        "iou": _mean(found.iou, live), "iou_other": _mean(found.iou_other, live),
    }


def live_units(d: Dissection, found: LayerFindings) -> np.ndarray:
    """Which units light up somewhere. Under "iqr" a unit may have no threshold and still be alive: it goes above its median."""
    if d.rule == "iqr":
        return found.quantiles[KEPT.index(1.0)] > found.quantiles[KEPT.index(0.5)]
    return found.counts.unit_shares > 0


def _concepts(iou: Float[np.ndarray, "units concepts"]) -> set[int]:
    """The concepts that units have as their best, with an IoU that counts."""
    return set(iou.argmax(1)[iou.max(1) >= COUNTED].tolist())


def _mean(iou: Float[np.ndarray, "units concepts"], live: np.ndarray) -> float:
    return float(iou.max(1)[live].mean()) if live.any() else 0.0


def concept_counts(dissections: Several, *, layer: str | Layer | None = None, least: float = COUNTED) -> pd.DataFrame:
    """How many units have each concept as their best, with an IoU of `least` or more: the numbers of the concept bar graph.

    A row a concept that any unit has, by kind and then by count; columns: concept, kind, and one for each dissection by its name
    (as in `compare`), over all its layers or that one. Errors: ArgumentError, LayerError.
    """
    counts: dict[str, pd.Series] = {}
    for name, d in named(dissections).items():
        if name in ("concept", "kind"):
            raise ArgumentError(f"{name!r} is a column of its own; call the dissection something else.")
        table = (d if layer is None else d.at(layer)).table
        kept = table[(table["iou"] >= least) & (table["concept"] != "")]
        counts[name] = kept.groupby(["kind", "concept"]).size()
    rows = pd.DataFrame(counts).fillna(0).astype(int).rename_axis(["kind", "concept"]).reset_index()
    total = rows[list(counts)].sum(axis=1)
    order = sorted(rows.index, key=lambda row: (KINDS.index(rows["kind"][row]), -total[row], rows["concept"][row]))
    return rows.loc[order, ["concept", "kind", *counts]].reset_index(drop=True)


def matched_units(a: Dissection, b: Dissection, *, least: float = COUNTED) -> pd.DataFrame:
    """Which unit of one dissection goes best with which unit of another for the same concept: each unit in one pair at most.

    Two units whose best concept is the same, each with an IoU of `least` or more, agree as far as their IoUs with all concepts that
    both dissections know do: the cosine of the two rows, 0..1. The pairs that agree most come first. `agreement_other`: the mean
    agreement of the pair's units with the other net's units of other concepts. Columns: concept, kind, layer_a, unit_a, iou_a,
    layer_b, unit_b, iou_b, agreement, agreement_other. The papers compare counts alone; this is ours.
    """
    mine, others = (_best_rows(d, least) for d in (a, b))
    shared = [concept.name for concept in a.concepts if concept.name in {each.name for each in b.concepts}]
    agree = _cosines(*(_profiles(d, rows, shared) for d, rows in ((a, mine), (b, others))))
    same = mine["concept"].to_numpy()[:, None] == others["concept"].to_numpy()[None]
    rows = []
    for i, j in _pairs(np.where(same, agree, -1)):
        apart = np.concatenate([agree[i][~same[i]], agree[:, j][~same[:, j]]])
        one, other = mine.iloc[i], others.iloc[j]
        rows.append((one.concept, one.kind, one.layer, one.unit, one.iou, other.layer, other.unit, other.iou, agree[i, j],
                     apart.mean() if len(apart) else np.nan))
    return pd.DataFrame(rows, columns=["concept", "kind", "layer_a", "unit_a", "iou_a", "layer_b", "unit_b", "iou_b", "agreement",
                                       "agreement_other"])


def _best_rows(d: Dissection, least: float) -> pd.DataFrame:
    return d.table[(d.table["iou"] >= least) & (d.table["concept"] != "")].reset_index(drop=True)


def _profiles(d: Dissection, rows: pd.DataFrame, shared: Sequence[str]) -> Float[np.ndarray, "rows concepts"]:
    """Each row's IoU with every shared concept."""
    names = [concept.name for concept in d.concepts]
    columns = [names.index(name) for name in shared]
    iou = {found.layer.name: found.iou[:, columns] for found in d.findings}
    return np.array([iou[layer][unit] for layer, unit in zip(rows["layer"], rows["unit"], strict=True)]).reshape(
        len(rows), len(columns))


def _cosines(a: Float[np.ndarray, "m concepts"], b: Float[np.ndarray, "n concepts"]) -> Float[np.ndarray, "m n"]:
    return ratios(a @ b.T, np.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)))


def _pairs(agree: Float[np.ndarray, "m n"]) -> list[tuple[int, int]]:
    """Pairs of rows and columns, the highest first, each row and each column once; what is below 0 is no pair."""
    taken: tuple[set[int], set[int]] = (set(), set())
    pairs = []
    for place in np.argsort(-agree, axis=None, kind="stable"):
        i, j = divmod(int(place), agree.shape[1])
        if agree[i, j] < 0:
            break
        if i not in taken[0] and j not in taken[1]:
            pairs.append((i, j))
            taken[0].add(i)
            taken[1].add(j)
    return pairs
