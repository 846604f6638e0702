"""What the scorer is asked about held-out renders: which of 100 captions is the picture's, and which of two that differ in a word."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import RandomState

from ganwidgets.core.images import to_tensor
from ganwidgets.models.scorers import StorybookScorer
from ganwidgets.models.segmenters import resized
from ganwidgets.world.captions import ORDERS, SIZE, STYLES, View, view_of, worded
from ganwidgets.world.facts import false, pairs_in, said, shown
from ganwidgets.world.render import render
from ganwidgets.world.scenes import scene
from ganwidgets.world.swaps import swaps
from ganwidgets.world.train.scorer_texts import PAIRS, TRIES, crop_box, taught, uses_synonym

OTHERS = 99                     # false captions beside the right one
WHOLE = (0, 0, SIZE, SIZE)
BATCH = 100
Choose = Callable[[View, RandomState], str]     # a caption of the view, or none


class Reader(NamedTuple):
    """What reads pictures (bytes) and texts as vectors of length 1, one a row; their products are scores."""

    look: Callable[[Sequence[np.ndarray]], np.ndarray]
    read: Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True, eq=False)
class Question:
    """A picture of SIZE px in bytes, its caption, that caption's false twins by kind, and what is said and shown."""

    picture: np.ndarray
    text: str
    twins: dict[str, str]
    said: np.ndarray
    shown: np.ndarray
    one: str = ""       # one of the twins, drawn evenly from their kinds


def reader(scorer: StorybookScorer) -> Reader:
    """The scorer's two sides."""
    def look(pictures: Sequence[np.ndarray]) -> np.ndarray:
        with torch.no_grad():
            return np.concatenate([scorer.look(torch.stack([to_tensor(each) for each in pictures[at:at + BATCH]])).cpu().numpy()
                                   for at in range(0, len(pictures), BATCH)])

    def read(texts: Sequence[str]) -> np.ndarray:
        once = {text: scorer.read(text).encoded.cpu().numpy() for text in dict.fromkeys(texts)}
        return np.stack([once[text] for text in texts])

    return Reader(look, read)


# ---- captions of a kind

def often(style: Callable[[RandomState], str], fits: Callable[[str, str], bool]) -> Choose:
    """Captions in a style that `fits(text, style)` takes, the first of a few."""
    def choose(view: View, random: RandomState) -> str:
        for _ in range(TRIES):
            chosen = style(random)
            text = worded(view, chosen)
            if (said(text) >= 0).any() and fits(text, chosen):
                return text
        return ""
    return choose


def among(styles: Iterable[str]) -> Callable[[RandomState], str]:
    """A style, drawn evenly."""
    names = tuple(styles)
    return lambda random: names[random.randint(len(names))]


any_caption = often(among(STYLES), lambda text, style: True)
CONDITIONS: dict[str, tuple[Choose, Choose]] = {      # by what was held out: captions as they were taught, and others
    "orders": (often(among(("plain", "sentence")), taught), often(among(ORDERS), taught)),
    "pairs": (often(among(STYLES), lambda text, style: len(pairs_in(text)) == 1 and taught(text, style)),
              often(among(STYLES), lambda text, style: len(pairs_in(text)) == 1 and bool(pairs_in(text) & PAIRS)
                    and not uses_synonym(text, style))),
    "synonyms": (often(among(("plain", "list", "sentence")), lambda text, style: taught(text, style) and any(
        uses_synonym(text, other) for other in ("plain", "list", "sentence"))),
        often(among(("plain", "list", "sentence")), lambda text, style: uses_synonym(text, style) and not pairs_in(text) & PAIRS)),
}


# ---- questions and answers

def asked(seeds: Sequence[int], choose: Choose = any_caption, *, crops: bool = False) -> list[Question]:
    """A question about each scene, or about a crop of it, for which there is a caption of the kind."""
    found = []
    for seed in seeds:
        it, random = scene(seed), RandomState(seed)
        drawn = render(it, SIZE)
        x0, y0, x1, y1 = crop_box(random) if crops else WHOLE
        view = view_of(it, (x0 / SIZE, y0 / SIZE, x1 / SIZE, y1 / SIZE), random, drawn.masks)
        text = choose(view, random)
        if text:
            facts = shown(view)
            twins = swaps(text, view, random, facts)
            one = twins[tuple(twins)[random.randint(len(twins))]] if twins else ""
            found.append(Question(fitted(drawn.picture[y0:y1, x0:x1]), text, twins, said(text), facts, one))
    return found


def fitted(picture: np.ndarray) -> np.ndarray:
    """A picture in bytes at full size."""
    if picture.shape[0] == picture.shape[1] == SIZE:
        return picture
    image = resized(to_tensor(np.ascontiguousarray(picture))[None], (SIZE, SIZE))[0].clamp(-1, 1)
    return ((image.permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()


def first_of_many(reader: Reader, questions: Sequence[Question], others: Sequence[Question], seed: int = 0) -> np.ndarray:
    """Whether each picture's own caption scores highest among 100: the others are of other scenes, drawn evenly from those
    that are visibly false of the picture by its scene's data, and worded otherwise than one another."""
    random, hits = RandomState(seed), []
    looked = reader.look([each.picture for each in questions])
    own, read = reader.read([each.text for each in questions]), reader.read([each.text for each in others])
    wrong = false(np.stack([each.said for each in others]), np.stack([each.shown for each in questions])).T
    texts = [each.text for each in others]
    for row, question in enumerate(questions):
        unlike = [place for place in random.permutation(len(others)) if wrong[row, place] and texts[place] != question.text]
        chosen = list({texts[place]: place for place in unlike}.values())[:OTHERS]
        if len(chosen) < OTHERS:
            raise ValueError(f"{len(chosen)} captions are false of a picture, {OTHERS} are asked for; take more other scenes.")
        hits.append(looked[row] @ own[row] > (read[chosen] @ looked[row]).max())
    return np.asarray(hits)


def told_apart(reader: Reader, questions: Sequence[Question], kind: str | None = None) -> np.ndarray:
    """Whether the caption scores higher than its false twin: of that kind, or one drawn from all; where there is one."""
    pairs = [(each, each.one if kind is None else each.twins.get(kind, "")) for each in questions]
    pairs = [(each, twin) for each, twin in pairs if twin]
    if not pairs:
        return np.zeros(0, bool)
    looked = reader.look([each.picture for each, _ in pairs])
    right, wrong = reader.read([each.text for each, _ in pairs]), reader.read([twin for _, twin in pairs])
    return ((right - wrong) * looked).sum(1) > 0
