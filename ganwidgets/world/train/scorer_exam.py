"""What the scorer is asked about held-out renders: which of 100 captions is a picture's, and which of two that differ in a word."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.random import RandomState

from ganwidgets.core.images import to_tensor
from ganwidgets.models.scorer_nets import Cells, Row, fit
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
PART = 250                      # texts that are read at once
Choose = Callable[[View, RandomState], str]     # a caption of the view, or none


# (pictures in bytes, as many lists of k texts) -> (n, k): the scores of each picture with its own texts
Reader = Callable[[Sequence[np.ndarray], Sequence[Sequence[str]]], np.ndarray]


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
    """The scorer, asked about many pictures and texts at once; each text is read once, each picture looked at once."""
    seen: dict[int, tuple[np.ndarray, Cells]] = {}      # a picture is kept, so that its id stays its own

    def look(picture: np.ndarray) -> Cells:
        if id(picture) not in seen:
            seen[id(picture)] = (picture, scorer.look(to_tensor(picture)[None]))
        return seen[id(picture)][1]

    def scores(pictures: Sequence[np.ndarray], texts: Sequence[Sequence[str]]) -> np.ndarray:
        places = {text: place for place, text in enumerate(dict.fromkeys(text for own in texts for text in own))}
        found = []
        with torch.no_grad():
            rows = read_all(scorer, list(places))
            for picture, own in zip(pictures, texts, strict=True):
                chosen = torch.tensor([places[text] for text in own])
                found.append(fit(look(picture), Row(*(part[chosen] for part in rows))).numpy())
        return np.stack(found)
    return scores


def read_all(scorer: StorybookScorer, texts: Sequence[str]) -> Row:
    """Many texts as one Row, in parts that fit the memory."""
    numbers = [scorer.vocabulary.encode(text) for text in texts]
    longest = max(map(len, numbers))
    padded = torch.tensor([[*each, *[0] * (longest - len(each))] for each in numbers])
    return Row(*(torch.cat(parts) for parts in zip(*map(scorer.net.text, padded.split(PART)), strict=True)))


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

@lru_cache(maxsize=4)
def asked(seeds: range, choose: Choose = any_caption, *, crops: bool = False) -> list[Question]:
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
    random, choices = RandomState(seed), []
    wrong = false(np.stack([each.said for each in others]), np.stack([each.shown for each in questions])).T
    for row, question in enumerate(questions):
        unlike = [others[place].text for place in random.permutation(len(others)) if wrong[row, place]]
        chosen = [text for text in dict.fromkeys(unlike) if text != question.text][:OTHERS]
        if len(chosen) < OTHERS:
            raise ValueError(f"{len(chosen)} captions are false of a picture, {OTHERS} are asked for; take more other scenes.")
        choices.append([question.text, *chosen])
    scores = reader([each.picture for each in questions], choices)
    return scores[:, 0] > scores[:, 1:].max(1)


def told_apart(reader: Reader, questions: Sequence[Question], kind: str | None = None) -> np.ndarray:
    """Whether the caption scores higher than its false twin: of that kind, or one drawn from all; where there is one."""
    pairs = [(each, each.one if kind is None else each.twins.get(kind, "")) for each in questions]
    pairs = [(each, twin) for each, twin in pairs if twin]
    return beaten(reader, [each.picture for each, _ in pairs], [(each.text, twin) for each, twin in pairs])


def beaten(reader: Reader, pictures: Sequence[np.ndarray], texts: Sequence[tuple[str, str]]) -> np.ndarray:
    """Whether the first of each picture's two texts scores higher than the second."""
    if not pictures:
        return np.zeros(0, bool)
    scores = reader(pictures, texts)
    return scores[:, 0] > scores[:, 1]
