"""A class rests on few units of a classifier, an attack moves those, and a unit's peak tells whether its concept is there.

Of two nets: the bundled one, which tells 6 places apart, and a study net, which tells 96 classes (place, season and hour), as much
nearer to the paper's 365. Units are ranked on one set of renders and measured on another; neither was trained on. The bundled net
is right on all renders, also without any one unit, so that none would matter: units are removed where renders are noisy, by as much
as brings the net on the first set nearest to AIM, which may be none. Every figure stands beside its control, and beside that of
Bau et al. 2020 (VGG-16 on Places365, conv5_3, 512 units, 365 classes).
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.random import RandomState

import ganwidgets as gw
import ganwidgets.methods.attack as attack
import ganwidgets.methods.detector as detector
import ganwidgets.methods.dissect as dissect
import ganwidgets.methods.dissection as dissection
import ganwidgets.methods.importance as importance
from claims import nets
from claims.record import Claim
from ganwidgets.core.images import to_tensor
from ganwidgets.models.classifiers import load_classifier_file
from ganwidgets.world.render import render
from ganwidgets.world.scenes import CONCEPTS, scene
from ganwidgets.world.train.classifier import Recipe
from ganwidgets.world.train.classifier_study import PATH, STUDY

RECIPES = {"storybook": Recipe(), "study": STUDY}
RANKED, MEASURED = 60_000, 3_700_000        # the first seeds of the renders on which units are ranked, and measured
EACH = {"storybook": 200, "study": 20}      # renders of each class in either
AIM, NOISES = 0.85, (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5)    # balanced accuracy; of noise, on the scale -1..1
LAYERS, LAYER = ("conv3_2", "conv4_1", "conv4_2"), "conv4_2"    # the last is the paper's place; a mean and a linear map follow it
FEW, KEPT, DRAWS = 4, 8, 20                 # units removed; kept alone; random draws
COUNTS = (1, 2, FEW, KEPT, 16, 32)          # of the curves
MANY = 7                                    # classes: units that matter to so many or more are one group, as in the paper
SHOWN = 8                                   # classes: of more, no figures by class
GONE, STAYS, ENOUGH = 0.45, 0.9, 0.6        # of what a balanced accuracy is above chance: at most, at least, at least
PERMUTATIONS, CERTAIN = 10_000, 0.05
ATTACKED, SUCCESS, MOVED, ALIKE = 100, 0.95, 1.5, (0.8, 1.25)   # pictures; their share; times the others; times under noise
RESAMPLED = 4000                            # pictures drawn again, for intervals
SEEN, SOME = 0.01, 0.05                     # of a picture, where a concept counts as there; of the pictures with it, and without
DETECTS, ABOVE = 0.75, 0.1                  # mean balanced accuracy over concepts; above that of random units
PAPER = {
    "ablation": {"whole": 0.766, "without 20 of 512": 0.530, "left of what is above chance": 0.11, "alone 20 of 512": 0.730,
                 "kept of it": 0.86, "ski resort whole": 0.814, "ski resort without 4": 0.640},
    "interpretability": "mean IoU .091 of units in the top 4 of 7 classes or more, .040 of those of none",
    "attack": "peaks of the 4 units of target and source change more than others' (a bar graph; no figure is printed)",
    "detector": {"unit 150, airplane": 0.856, "its IoU": 0.090},
}


# ---- nets and pictures

@cache
def classifier(net: str) -> Any:
    return nets.classifier() if net == "storybook" else load_classifier_file(PATH)


@cache
def renders(net: str, first: int, scale: float) -> tuple[torch.Tensor, list[str], np.ndarray]:
    """As many renders of each class, the first of those seeds: pictures, classes, and masks."""
    recipe = RECIPES[net]
    wanted, held = max(8 if net == "storybook" else 2, round(EACH[net] * scale)), {name: [] for name in recipe.classes}
    short, seed = len(held), first
    while short:
        own = held[recipe.class_of(scene(seed))]
        if len(own) < wanted:
            own.append(seed)
            short -= len(own) == wanted
        seed += 1
    seeds = [seed for each in zip(*held.values(), strict=True) for seed in each]
    drawn = [render(seed, classifier(net).image_size) for seed in seeds]
    return (torch.stack([to_tensor(each.picture) for each in drawn]), [recipe.class_of(scene(seed)) for seed in seeds],
            np.stack([each.masks for each in drawn]).astype(bool))


@cache
def dissected(net: str, first: int, scale: float) -> Any:
    images, _, masks = renders(net, first, scale)
    truth = gw.KnownMasks(CONCEPTS, torch.from_numpy(masks))
    return gw.dissect(classifier(net), truth, layers=LAYERS, images=images, progress=False)


def noisy(net: str, first: int, scale: float, noise: float) -> tuple[torch.Tensor, list[str]]:
    """The same renders with so much Gaussian noise, cut off at -1 and 1."""
    images, labels, _ = renders(net, first, scale)
    drawn = RandomState(first).standard_normal(images.shape).astype(np.float32)
    return (images + noise * torch.from_numpy(drawn)).clamp(-1, 1), labels


@cache
def noise(net: str, scale: float) -> tuple[float, dict[str, float]]:
    """How much noise brings the net nearest to AIM on the first renders; and its balanced accuracy by noise."""
    seen = {each: float(importance.answers(classifier(net), noisy(net, RANKED, scale, each), layer=LAYER, removed=[[]],
                                           progress=False).balanced.mean()) for each in NOISES}
    return min(seen, key=lambda each: abs(seen[each] - AIM)), {str(each): rounded(value) for each, value in seen.items()}


@cache
def ranked(net: str, layer: str, scale: float) -> Any:
    return gw.importance(classifier(net), noisy(net, RANKED, scale, noise(net, scale)[0]), layer=layer, progress=False)


def measure(row: str, scale: float, held: dict[str, Any] | None = None) -> dict[str, Any]:
    net, _, what = row.partition(": ")
    return attacked(net, scale) if what == "attack" else detected(net, scale) if what == "detector" else ablation(net, what, scale)


def rounded(value: Any) -> float:
    return round(float(value), 4)


# ---- units removed, and kept

def ablation(net: str, layer: str, scale: float) -> dict[str, Any]:
    found, (much, by_noise) = ranked(net, layer, scale), noise(net, scale)
    counts = COUNTS if scale == 1 else (FEW, KEPT)
    seen = gw.removals(classifier(net), found, noisy(net, MEASURED, scale, much), counts=counts, draws=DRAWS, progress=False)
    above = seen.whole.mean() - 0.5
    means = {"left": seen.without.mean(0), "left_random": seen.random.mean((0, 2)), "kept": seen.alone.mean(0)}
    curves = {name: [rounded((value - 0.5) / above) for value in values] for name, values in means.items()}
    few, alone = seen.counts.index(FEW), seen.counts.index(KEPT)
    by_class = {name: [rounded(a), rounded(b), rounded(c)] for name, a, b, c in zip(
        seen.classes, seen.whole, seen.without[:, few], seen.alone[:, alone], strict=True)} if len(seen.classes) <= SHOWN else {}
    return {"n": seen.pictures, "units": len(found.lost), "classes": len(seen.classes), "noise": much, "by_noise": by_noise,
            "whole": rounded(seen.whole.mean()), "accuracy": rounded(seen.accuracy),
            "without_4": rounded(seen.without.mean(0)[few]), "alone_8": rounded(seen.alone.mean(0)[alone]),
            "all_classes_without_4": rounded(seen.overall.mean(0)[few]), "left": curves["left"][few],
            "left_random": curves["left_random"][few], "kept": curves["kept"][alone],
            "curves": {"units": list(seen.counts), **curves}, "by_class": by_class,
            "top_units_that_matter": int((np.sort(found.lost, axis=0)[-FEW:] > 0).sum()),
            "interpretability": interpretability(net, layer, found, scale)}


def interpretability(net: str, layer: str, found: Any, scale: float) -> dict[str, Any]:
    """Whether units that matter to more classes agree better with a concept: Spearman's correlation, and its share by chance."""
    classes, iou = found.classes_of(FEW), dissected(net, MEASURED, scale).at(layer).scores.max(axis=1).to_numpy()
    own, random = spearman(classes, iou), RandomState(0)
    chance = np.array([spearman(random.permutation(classes), iou) for _ in range(max(200, round(PERMUTATIONS * scale)))])
    groups = np.minimum(classes, MANY)
    return {"spearman": rounded(own), "p": rounded((1 + (chance >= own).sum()) / (1 + len(chance))),
            "iou_by_classes": {str(k): [int((groups == k).sum()), rounded(iou[groups == k].mean())] for k in np.unique(groups)}}


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    a, b = (places(each) - (len(each) - 1) / 2 for each in (a, b))
    return float((a * b).sum() / max(1e-12, np.sqrt((a * a).sum() * (b * b).sum())))


def places(values: np.ndarray) -> np.ndarray:
    """Each value's place in their order, equal ones at the mean of theirs."""
    order = np.sort(values)
    return (np.searchsorted(order, values, "left") + np.searchsorted(order, values, "right") - 1) / 2


# ---- attacks

def attacked(net: str, scale: float) -> dict[str, Any]:
    images = renders(net, MEASURED, scale)[0][:max(8, round(ATTACKED * scale))]
    with torch.no_grad():
        source = classifier(net).logits(images).argmax(1).numpy()
    classes = len(classifier(net).classes)
    target = (source + RandomState(1).randint(1, classes, len(images))) % classes
    # at a part of the size, also fewer steps: they are what takes the time
    how = {} if scale == 1 else {"searches": 2, "steps": 60}
    found = gw.attack(classifier(net), images, target.tolist(), progress=False, **how)
    moved_at_random = gw.noise_of_length(images, found.norm)
    taken = found.success.numpy()
    layers = {}
    for layer in LAYERS:
        groups = [[ranked(net, layer, scale).units_for(int(place), FEW) for place in each[taken]] for each in (target, source)]
        layers[layer] = {name: moved(net, layer, images[taken], after[taken], groups, scale)
                         for name, after in (("attack", found.images), ("noise", moved_at_random))}
    return {"n": len(images), "success": rounded(found.rate), "length": rounded(found.norm[found.success].median()),
            "layers": layers}


def moved(net: str, layer: str, before: torch.Tensor, after: torch.Tensor, groups: list[list[list[int]]],
          scale: float) -> dict[str, Any]:
    """By how much the peaks of the units of target and source change, in units of their own levels, over those of the others."""
    held = dissected(net, MEASURED, scale).at(layer).findings[0]
    levels = held.quantiles[dissection.KEPT.index(0.99)]
    change = gw.peak_changes(classifier(net), before, after, layer=layer, levels=levels)
    live = levels > 0                       # a unit that is never on has no level to be counted in
    rows = []
    for row, target, source in zip(change, *groups, strict=True):
        others = live.copy()
        others[[*target, *source]] = False
        picked = [[unit for unit in units if live[unit]] for units in (target, source)]
        rows.append([*(np.abs(row[units]).mean() if units else np.nan for units in picked), np.abs(row[others]).mean(),
                     *(row[units].mean() if units else np.nan for units in picked)])
    held_rows, random = np.array(rows), RandomState(2)
    draws = [held_rows[random.randint(0, len(rows), len(rows))] for _ in range(max(200, round(RESAMPLED * scale)))]
    figures = {"units": int(live.sum())}
    for name, of in {"target": ratio(0), "source": ratio(1), "signed_target": signed(3), "signed_source": signed(4)}.items():
        low, high = np.percentile([of(each) for each in draws], [2.5, 97.5])
        figures[name] = [rounded(of(held_rows)), rounded(low), rounded(high)]
    return figures


def ratio(column: int) -> Any:
    return lambda rows: np.nanmean(rows[:, column]) / np.nanmean(rows[:, 2])


def signed(column: int) -> Any:
    return lambda rows: np.nanmean(rows[:, column])


# ---- detectors

def detected(net: str, scale: float) -> dict[str, Any]:
    """The best unit of each concept on the first renders, and the threshold that tells best there; how well it tells on others."""
    first, second = ({"there": masks.mean((2, 3)) >= SEEN, "peaks": peaks_of(net, images)}
                     for images, _, masks in (renders(net, RANKED, scale), renders(net, MEASURED, scale)))
    d, random, rows = dissected(net, RANKED, scale), RandomState(3), {}
    for place, concept in enumerate(CONCEPTS):
        name = concept.name
        here = [each["there"][:, place] for each in (first, second)]
        if not all(SOME <= each.mean() <= 1 - SOME for each in here):
            continue
        best = d.by_concept.set_index("concept").loc[name]
        if best.iou < dissection.COUNTED:
            continue
        own = balanced(first["peaks"][best.layer][:, best.unit], here[0], second["peaks"][best.layer][:, best.unit], here[1])
        live = np.flatnonzero(d.at(best.layer).table.sort_values("unit").live.to_numpy())
        chance = [balanced(first["peaks"][best.layer][:, unit], here[0], second["peaks"][best.layer][:, unit], here[1])
                  for unit in random.choice(live, DRAWS)]
        lit = gw.Detector(float(d.thresholds[best.layer][best.unit]), 0.0).on(second["peaks"][best.layer][:, best.unit], here[1])
        rows[name] = {"layer": best.layer, "iou": rounded(best.iou), "balanced": rounded(own), "random": rounded(np.mean(chance)),
                      "at_threshold_of_dissection": rounded(lit), "share": rounded(here[1].mean())}
    means = {name: rounded(np.mean([row[name] for row in rows.values()])) for name in ("balanced", "random")} if rows else {}
    return {"n": len(second["there"]), "concepts": rows, **means}


def peaks_of(net: str, images: torch.Tensor) -> dict[str, np.ndarray]:
    return {layer: gw.peaks(classifier(net), images, layer=layer, progress=False) for layer in LAYERS}


def balanced(peaks: np.ndarray, there: np.ndarray, other_peaks: np.ndarray, other_there: np.ndarray) -> float:
    """On the second pictures, by the threshold that tells best on the first."""
    return gw.detector(peaks, there).on(other_peaks, other_there)


# ---- verdict

def conclude(rows: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    return {**{net: concluded({name.partition(": ")[2]: row for name, row in rows.items() if name.startswith(f"{net}: ")})
               for net in RECIPES}, "paper": PAPER}


def concluded(rows: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """What holds of one net, layer by layer."""
    moves, tells = rows["attack"], rows["detector"]
    return {**{layer: {**rests(rows[layer]), **moves_units(moves["layers"][layer])} for layer in LAYERS},
            "attack": {"success": moves["success"], "length": moves["length"], "holds": moves["success"] >= SUCCESS},
            "detector": {"balanced": tells["balanced"], "random": tells["random"],
                         "holds": tells["balanced"] >= DETECTS and tells["balanced"] - tells["random"] >= ABOVE}}


def rests(own: Mapping[str, Any]) -> dict[str, Any]:
    """Whether classes rest on few units, and whether units that many rest on agree better with a concept."""
    order = own["interpretability"]
    return {"removed": {"left": own["left"], "holds": own["left"] <= GONE},
            "random": {"left": own["left_random"], "holds": own["left_random"] >= STAYS},
            "kept alone": {"kept": own["kept"], "holds": own["kept"] >= ENOUGH},
            "interpretability": {**order, "holds": order["spearman"] > 0 and order["p"] < CERTAIN}}


def moves_units(found: Mapping[str, Mapping[str, list[float]]]) -> dict[str, Any]:
    """Whether an attack moves the units that matter to source and target, and noise of its length does not."""
    own, noise = found["attack"], found["noise"]
    return {"moved": {name: {"ratio": own[name], "holds": own[name][0] >= MOVED and own[name][1] > 1}
                      for name in ("target", "source")},
            "signs": {"target": own["signed_target"], "source": own["signed_source"],
                      "holds": own["signed_source"][0] < 0 < own["signed_target"][0]},
            "noise": {name: {"ratio": noise[name], "holds": ALIKE[0] <= noise[name][0] <= ALIKE[1]}
                      for name in ("target", "source")}}


def digests() -> dict[str, str]:
    return {"storybook-classifier": nets.classifier().digest, "study-classifier": classifier("study").digest}


CLAIM = Claim("classifier", "A class rests on few units; an attack moves them; a unit's peak tells its concept",
              "Bau et al. 2020, figures 2 and 4, on other nets and other data",
              [f"{net}: {what}" for net in RECIPES for what in (*LAYERS, "attack", "detector")], measure, conclude, digests,
              [importance, attack, detector, dissect, dissection])
