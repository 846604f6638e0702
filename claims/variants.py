"""What units of small nets draw that differ in one thing of their recipe, three seeds each, shown equally many pictures.

Concept counts side by side: of the recipe, of it without minibatch deviation, without pixel norm, and in a world without churches.
The control: nets that differ in their seed alone. Whether two recipes differ is asked of the counts of units by concept: the mean
distance between nets of different recipes over that of nets of one, beside the same of groups drawn by chance.
"""

from collections.abc import Mapping
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np

import ganwidgets as gw
import ganwidgets.methods.dissect as dissect
import ganwidgets.methods.dissect_compared as dissect_compared
import ganwidgets.methods.dissect_profile as dissect_profile
import ganwidgets.methods.dissection as dissection
from claims import nets
from claims.record import Claim, some
from ganwidgets.models.checkpoints import open_generator
from ganwidgets.world.train.variants import CACHE, SEEDS, VARIANTS

PICTURES, GRID = range(30_000, 31_000), 32      # pictures; the segmentation grid, which is the pictures' own
CHURCH = ("church", "tower", "dome")            # what only scenes at a church have
DRAWS, CERTAIN = 10_000, 0.05                   # of groups; p of a difference


@cache
def net(name: str) -> Any:
    return open_generator(CACHE / f"{name}.safetensors", "cpu")


def measure(row: str, scale: float, held: dict[str, Any] | None = None) -> dict[str, Any]:
    g, seeds = net(f"variant-{row}"), some(PICTURES, scale)
    d = gw.dissect(g, nets.segmenter(), layers=g.layers, seeds=seeds, grid=GRID, progress=False)
    by_concept, whole = d.by_concept.set_index("concept"), gw.compare({"net": d})
    found, kinds = dict(gw.concept_counts({"net": d})[["concept", "net"]].to_numpy().tolist()), gw.profile_counts(d)
    return {"n": len(seeds), "units": int(whole.units.sum()), "live": int(whole.live.sum()),
            "interpretable": int(kinds.matched.sum()), "interpretable_other": int(kinds.matched_other.sum()),
            "by_layer": dict(zip(kinds.layer, map(int, kinds.matched), strict=True)), "concepts": len(found),
            "counts": {concept.name: int(found.get(concept.name, 0)) for concept in d.concepts},
            "church": {name: {key: round(float(by_concept[key][name]), 5) for key in ("iou", "iou_other", "share")}
                       for name in CHURCH}}


def conclude(rows: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    counts, groups, concepts = table(rows), of_rows(rows), next(iter(rows.values()))["counts"]
    own, apart = distances(counts, groups)
    random = np.random.RandomState(0)
    chance = [ratio(*distances(counts, random.permutation(groups))) for _ in range(DRAWS)]
    p = (1 + sum(each >= ratio(own, apart) - 1e-9 for each in chance)) / (1 + DRAWS)
    church = {name: [sum(found["counts"][each] for each in CHURCH) for found in held] for name, held in by_variant(rows).items()}
    return {
        "interpretable units, mean and spread": {name: spread(rows, name, "interpretable") for name in VARIANTS},
        "masks of other pictures": {name: spread(rows, name, "interpretable_other") for name in VARIANTS},
        "concepts, mean and spread": {name: spread(rows, name, "concepts") for name in VARIANTS},
        "deviation raises concepts by": raised(rows, "no-deviation", "concepts"),
        "pixel norm raises units by": raised(rows, "no-pixel-norm", "interpretable"),
        "units by concept, means": {name: dict(zip(concepts, counts[groups == name].mean(0).round(1).tolist(), strict=True))
                                    for name in VARIANTS},
        "distance of two seeds": round(own, 2), "distance of two variants": round(apart, 2), "p": round(p, 4),
        "variants_differ_more": bool(apart > own and p < CERTAIN),
        "each variant from the base": {name: from_base(rows, name) for name in VARIANTS if name != "base"},
        "units of church, tower and dome": church,
        "no_church_units": not sum(church["no-churches"]) and sum(church["base"]) > 0}


def of_rows(rows: Mapping[str, dict[str, Any]]) -> np.ndarray:
    """The variant of each row."""
    return np.array([row.rsplit("-", 1)[0] for row in rows])


def table(rows: Mapping[str, dict[str, Any]]) -> np.ndarray:
    """Units by concept: a row a net."""
    return np.array([list(found["counts"].values()) for found in rows.values()], float)


def by_variant(rows: Mapping[str, dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return {name: [found for row, found in rows.items() if row.rsplit("-", 1)[0] == name] for name in VARIANTS}


def spread(rows: Mapping[str, dict[str, Any]], name: str, key: str) -> list[float]:
    """The mean over seeds, and their standard deviation."""
    held = [found[key] for found in by_variant(rows)[name]]
    return [round(float(np.mean(held)), 1), round(float(np.std(held, ddof=1)), 1)]


def raised(rows: Mapping[str, dict[str, Any]], without: str, key: str) -> float:
    """What a part of the recipe adds to the mean over seeds, as a part of what there is without it."""
    return round(spread(rows, "base", key)[0] / max(spread(rows, without, key)[0], 1e-9) - 1, 3)


def distances(counts: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """The mean distance of two nets of one group, and of two groups: how many units draw something else."""
    pairs = [(groups[i] == groups[j], np.abs(counts[i] - counts[j]).sum()) for i, j in combinations(range(len(counts)), 2)]
    own, apart = ([far for same, far in pairs if same == wanted] for wanted in (True, False))
    return float(np.mean(own)), float(np.mean(apart))


def ratio(own: float, apart: float) -> float:
    return apart / max(own, 1e-9)


def from_base(rows: Mapping[str, dict[str, Any]], name: str) -> dict[str, float]:
    """Distances of these two variants alone; three seeds a side are too few for a p below .05."""
    kept = {row: found for row, found in rows.items() if row.rsplit("-", 1)[0] in ("base", name)}
    own, apart = distances(table(kept), of_rows(kept))
    return {"of two seeds": round(own, 2), "of the two": round(apart, 2)}


def digests() -> dict[str, str]:
    return {"storybook-segmenter": nets.segmenter().digest, **{f"variant-{row}": net(f"variant-{row}").digest for row in ROWS}}


ROWS = tuple(f"{name}-{seed}" for name in VARIANTS for seed in SEEDS)
CLAIM = Claim("variants", "What a recipe leaves out shows in its units more than another seed does",
              "GAN Dissection, section 4.2 (other nets and data): minibatch deviation raises the matched concepts by more than "
              "70 %, pixel norm the matched units by 19 %",
              ROWS, measure, conclude, digests, [dissect, dissection, dissect_compared, dissect_profile])
