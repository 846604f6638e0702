"""The scorer finds a picture's caption among 100, and the right one of two that differ in a word, also as it was never taught.

On generated pictures there is no truth: there the judge says what is in sight, and a thing's median colour which colour it has.
How good that truth is stands in the rows' `truth`: the same rule on renders, against the scenes' data.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.random import RandomState

import ganwidgets.models.scorer_nets as architecture
import ganwidgets.models.scorers as code
import ganwidgets.world.facts as facts
import ganwidgets.world.swaps as swaps
import ganwidgets.world.train.scorer_card as card
import ganwidgets.world.train.scorer_exam as exam
import ganwidgets.world.train.scorer_judged as judged
import ganwidgets.world.train.scorer_texts as texts
from claims import nets
from claims.record import Claim, binomial_interval, some
from ganwidgets.core.images import to_tensor
from ganwidgets.world.captions import view_of
from ganwidgets.world.render import render
from ganwidgets.world.scenes import scene
from ganwidgets.world.train.segmenter_card import BATCH, GENERATED, RENDERS
from ganwidgets.world.train.segmenter_pool import RENDER_SEEDS
from ganwidgets.world.train.segmenter_wear import normal

FIRST, APART = 0.85, 0.9            # on renders: first of 100 captions; above its twin with one word put wrong
ON_GENERATED = 0.75                 # the same, for colours and for things
WITHIN = 0.10                       # of what was taught, for what was not
ASIDE = RENDERS[:1000]              # of them, for all but the first two figures and the next
FRESH = range(3_800_000, 3_803_000) # renders for what was held out: the training was steered by looks at others
LEARNED, LEAST = 1500, 200          # renders from which the baselines learn, in full and at least
BINS, BANDS, RIDGE = 4, 3, 1.0      # of the colour histogram: levels of each colour, bands of the picture; of the least squares


@cache
def scorer() -> Any:
    import ganwidgets as gw
    return gw.load_scorer("storybook", device="cpu")


def measure(row: str, scale: float, held: dict[str, Any] | None = None) -> dict[str, Any]:
    kind, _, what = row.partition(": ")
    seeds = some({"renders": RENDERS, "held out": FRESH}.get(kind, ASIDE), scale, least=40)
    if kind == "held out":
        both = card.compared(scorer(), what, seeds)
        return {name: figures(scores) for name, scores in zip(("taught", "held_out"), both, strict=True)}
    if kind == "generated":
        return generated(what, scale)
    if kind == "baseline":
        return figures(card.evaluate(BASELINES[what](scale), seeds))
    return figures(card.evaluate(scorer(), seeds, crops=kind == "crops", kinds=() if kind == "crops" else tuple(swaps.KINDS)))


def figures(scores: card.Scores) -> dict[str, Any]:
    kinds = {kind: figure(hits) for kind, hits in scores.kinds.items() if len(hits)}
    return {"first_of_100": figure(scores.first), "of_two": figure(scores.apart), **({"by_kind": kinds} if kinds else {})}


def figure(hits: np.ndarray) -> dict[str, Any]:
    if not len(hits):
        return {"n": 0, "share": 0.0, "interval": [0.0, 1.0]}
    return {"n": len(hits), "share": round(float(hits.mean()), 4), "interval": list(binomial_interval(int(hits.sum()), len(hits)))}


# ---- generated pictures

def generated(kind: str, scale: float) -> dict[str, Any]:
    hits = card.judged(scorer(), kind, some(GENERATED, scale, least=100))
    return {**figure(np.concatenate(list(hits.values()))), "by_concept": {name: figure(found) for name, found in hits.items()},
            "truth": truth(kind, some(ASIDE, scale, least=100))}


def truth(kind: str, seeds: range) -> dict[str, Any]:
    """On renders, by the scene's data: whether the right text is not false and the false one is."""
    found = []
    for at in range(0, len(seeds), BATCH):
        drawn = {seed: render(seed, 64) for seed in seeds[at:at + BATCH]}
        masks = nets.judge().segment(torch.stack([to_tensor(one.picture) for one in drawn.values()])).numpy()
        places = {id(one.picture): seed for seed, one in drawn.items()}
        for picture, _, right, wrong in judged.questions([one.picture for one in drawn.values()], masks, kind):
            seed = places[id(picture)]
            view = view_of(scene(seed), (0.0, 0.0, 1.0, 1.0), RandomState(seed), drawn[seed].masks)
            false = facts.false(np.stack([facts.said(right), facts.said(wrong)]), facts.shown(view)[None])[:, 0]
            found.append(list(false) == [False, True])
    return figure(np.asarray(found, bool))


# ---- baselines: texts as bags of words, predicted by least squares from a few renders and their captions; and no picture at all

def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-6)


def learned(look: Any, scale: float) -> exam.Reader:
    """`look` (pictures to rows of numbers) followed by the linear map that best gives the bags of words of a picture's caption."""
    questions = exam.asked(some(RENDER_SEEDS[:LEARNED], scale, least=LEAST), exam.any_caption)
    x, y = look([each.picture for each in questions]), bags([each.text for each in questions])
    middle, x = y.mean(0), np.hstack([x, np.ones((len(x), 1))])
    weights = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ (y - middle))

    def scores(pictures: Sequence[np.ndarray], words: Sequence[Sequence[str]]) -> np.ndarray:
        seen = unit(np.hstack([look(pictures), np.ones((len(pictures), 1))]) @ weights)
        return np.stack([unit(bags(own) - middle) @ row for own, row in zip(words, seen, strict=True)])

    return scores


def bags(words: Sequence[str]) -> np.ndarray:
    """Which words each text has, in no order."""
    vocabulary = scorer().vocabulary
    found = np.zeros((len(words), len(vocabulary.words) + 1))
    for place, text in enumerate(words):
        found[place, list(vocabulary.encode(text))] = 1
    return unit(found)


def cells(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """What the scorer sees in pictures, wherever it is: means and maxima over its grid."""
    with torch.no_grad():
        seen = [scorer().look(to_tensor(picture)[None]).what[0] for picture in pictures]
    return np.stack([torch.cat([each.mean(1).flatten(), each.amax(1).flatten()]).numpy() for each in seen])


def histogram(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """How often each colour occurs in the upper, middle and lower part of a picture, as square roots of shares."""
    found = []
    for picture in pictures:
        levels = (picture.astype(int) * BINS // 256) @ (BINS * BINS, BINS, 1)
        bands = np.array_split(levels, BANDS)
        found.append(np.concatenate([np.bincount(band.ravel(), minlength=BINS ** 3) / band.size for band in bands]))
    return np.sqrt(np.asarray(found))


def unseen_pictures(pictures: Sequence[np.ndarray], words: Sequence[Sequence[str]]) -> np.ndarray:
    """The scorer itself on noise in place of the pictures: what captions alone give away."""
    noise = [normal(RandomState(place), 64, 64, 3) * 60 + 128 for place in range(len(pictures))]
    return exam.reader(scorer())([each.clamp(0, 255).to(torch.uint8).numpy() for each in noise], words)


BASELINES = {"bag of words": lambda scale: learned(cells, scale), "colour histogram": lambda scale: learned(histogram, scale),
             "no picture": lambda scale: unseen_pictures}


def conclude(rows: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    own = rows["renders"]
    verdict: dict[str, Any] = {
        "first_of_100": {"found": own["first_of_100"]["share"], "holds": own["first_of_100"]["share"] >= FIRST},
        "of_two": {"found": own["of_two"]["share"], "holds": own["of_two"]["share"] >= APART}}
    for what in ("colors", "concepts"):
        found = rows[f"generated: {what}"]["share"]
        verdict[f"generated {what}"] = {"found": found, "holds": found >= ON_GENERATED}
    for what in exam.CONDITIONS:
        taught, held_out = (rows[f"held out: {what}"][name] for name in ("taught", "held_out"))
        lost = {key: round(taught[key]["share"] - held_out[key]["share"], 4) for key in ("first_of_100", "of_two")}
        verdict[f"held out {what}"] = {"lost": lost, "holds": all(each <= WITHIN for each in lost.values())}
    verdict["crops"] = {key: rows["crops"][key]["share"] for key in ("first_of_100", "of_two")}
    verdict["baselines"] = {what: {key: rows[f"baseline: {what}"][key]["share"] for key in ("first_of_100", "of_two")}
                            for what in BASELINES}
    return verdict


def digests() -> dict[str, str]:
    return {"storybook": nets.generator().digest, "storybook-judge": nets.judge().digest, "storybook-scorer": scorer().digest}


CLAIM = Claim("scorer", "The scorer finds a picture's caption, also as it was never taught",
              "Paint by Word steers with CLIP, for which the paper gives no such figure",
              ["renders", "crops", *(f"held out: {what}" for what in exam.CONDITIONS), "generated: colors", "generated: concepts",
               *(f"baseline: {what}" for what in BASELINES)],
              measure, conclude, digests, [code, architecture, facts, swaps, card, exam, judged, texts])
