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
from ganwidgets.world.train.segmenter_card import GENERATED, RENDERS
from ganwidgets.world.train.segmenter_pool import RENDER_SEEDS
from ganwidgets.world.train.segmenter_wear import normal

FIRST, APART = 0.85, 0.9            # on renders: first of 100 captions; above its twin with one word put wrong
ON_GENERATED = 0.75                 # the same, for colours and for things
WITHIN = 0.10                       # of what was taught, for what was not
LEARNED, LEAST = 1500, 200          # renders from which the baselines learn, in full and at least
BINS, BANDS, RIDGE = 4, 3, 1.0      # of the colour histogram: levels of each colour, bands of the picture; of the least squares


@cache
def scorer() -> Any:
    import ganwidgets as gw
    return gw.load_scorer("storybook", device="cpu")


def measure(row: str, scale: float, held: dict[str, Any] | None = None) -> dict[str, Any]:
    kind, _, what = row.partition(": ")
    seeds = some(RENDERS, scale, least=40)
    if kind == "held out":
        return {name: figures(scores) for name, scores in zip(("taught", "held_out"), card.compared(scorer(), what, seeds), strict=True)}
    if kind == "generated":
        return generated(what, scale)
    if kind == "baseline":
        return figures(card.evaluate(BASELINES[what](scale), seeds))
    return figures(card.evaluate(scorer(), seeds, crops=kind == "crops"))


def figures(scores: card.Scores) -> dict[str, Any]:
    return {"first_of_100": figure(scores.first), "of_two": figure(scores.apart),
            "by_kind": {kind: figure(hits) for kind, hits in scores.kinds.items() if len(hits)}}


def figure(hits: np.ndarray) -> dict[str, Any]:
    if not len(hits):
        return {"n": 0, "share": 0.0, "interval": [0.0, 1.0]}
    return {"n": len(hits), "share": round(float(hits.mean()), 4), "interval": list(binomial_interval(int(hits.sum()), len(hits)))}


# ---- generated pictures

def generated(kind: str, scale: float) -> dict[str, Any]:
    hits = card.judged(scorer(), kind, some(GENERATED, scale, least=100))
    return {**figure(np.concatenate(list(hits.values()))), "by_concept": {name: figure(found) for name, found in hits.items()},
            "truth": truth(kind, some(RENDERS, scale, least=100))}


def truth(kind: str, seeds: range) -> dict[str, Any]:
    """On renders, by the scene's data: whether the right text is not false and the false one is."""
    found = []
    for seed in seeds:
        it, drawn = scene(seed), render(seed, 64)
        masks = nets.judge().segment(to_tensor(drawn.picture)[None]).numpy()
        for _, _, right, wrong in judged.questions([drawn.picture], masks, kind):
            view = view_of(it, (0.0, 0.0, 1.0, 1.0), RandomState(seed), drawn.masks)
            shown = facts.shown(view)[None]
            found.append(not facts.false(facts.said(right)[None], shown).any() and bool(facts.false(facts.said(wrong)[None], shown).any()))
    return figure(np.asarray(found, bool))


# ---- baselines: least squares from a few renders and their captions, where one side is read without its net

def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-6)


def learned(look: Any, read: Any, scale: float) -> exam.Reader:
    """`look` followed by the linear map that best gives what `read` says of a picture's captions."""
    questions = exam.asked(some(RENDER_SEEDS[:LEARNED], scale, least=LEAST))
    x, y = look([each.picture for each in questions]), read([each.text for each in questions])
    x, middle = np.hstack([x, np.ones((len(x), 1))]), y.mean(0)
    weights = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ (y - middle))
    return exam.Reader(lambda pictures: unit(np.hstack([look(pictures), np.ones((len(pictures), 1))]) @ weights),
                       lambda words: unit(read(words) - middle))


def bag(words: Sequence[str]) -> np.ndarray:
    """Which words a text has, in no order."""
    vocabulary = scorer().vocabulary
    found = np.zeros((len(words), len(vocabulary.words) + 1))
    for place, text in enumerate(words):
        found[place, list(vocabulary.encode(text))] = 1
    return unit(found)


def histogram(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """How often each colour occurs in the upper, middle and lower part of a picture, as square roots of shares."""
    found = []
    for picture in pictures:
        levels = (picture.astype(int) * BINS // 256) @ (BINS * BINS, BINS, 1)
        found.append(np.concatenate([np.bincount(band.ravel(), minlength=BINS ** 3) / band.size for band in np.array_split(levels, BANDS)]))
    return np.sqrt(np.asarray(found))


def unseen_pictures(scale: float) -> exam.Reader:
    """The scorer itself on pictures of noise: what captions alone give away."""
    own = exam.reader(scorer())
    return exam.Reader(lambda pictures: own.look([noise(place) for place in range(len(pictures))]), own.read)


def noise(seed: int) -> np.ndarray:
    return (normal(RandomState(seed), 64, 64, 3) * 60 + 128).clamp(0, 255).to(torch.uint8).numpy()


BASELINES = {"bag of words": lambda scale: learned(exam.reader(scorer()).look, bag, scale),
             "colour histogram": lambda scale: learned(histogram, exam.reader(scorer()).read, scale),
             "no picture": unseen_pictures}


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
