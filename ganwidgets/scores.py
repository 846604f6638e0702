"""The scores that cards state, computed again: whether a net is the one its card describes."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganwidgets import catalog
from ganwidgets.core.errors import CheckpointError
from ganwidgets.core.nets import LayeredGenerator
from ganwidgets.methods.intervene_artifacts import rows_of
from ganwidgets.methods.omissions import Statistics, frechet_segmentation_distance, segmentation_statistics
from ganwidgets.methods.precision_recall import precision_recall
from ganwidgets.models.classifiers import load_classifier_file
from ganwidgets.models.scorers import load_scorer_file
from ganwidgets.models.segmenters import load_segmenter_file
from ganwidgets.world.collages import collage
from ganwidgets.world.render import Rendered, pictures, render
from ganwidgets.world.train import classifier_card, scorer_card
from ganwidgets.world.train.segmenter_card import COLLAGES, RENDERS, ROLES, WEIGHTS, drawn

ERRORS, MOST = 3, .05      # standard errors, and the part of what is stated, by which a score may differ
LEAST = 800                # pictures that a scorer is asked about
ROUNDED = .0005            # a card gives three places
GROUP = 20                 # pictures left out at once to see how far a score depends on which were drawn
PARTS = 20                 # of a generator's pictures, each left out in turn
GENERATED = range(3_000_000, 3_005_000)     # seeds of the generators' pictures that their cards speak of ...
RENDERED = range(3_100_000, 3_105_000)      # ... and of the renders that these are compared with
FACTOR = 2.0                                # by which the share of a concept may differ from that of the renders


@dataclass(frozen=True)
class Score:
    """What a card states, what was found on a sample, and the sample's standard error."""

    net: str
    what: str
    stated: float
    found: float
    error: float

    @property
    def holds(self) -> bool:
        """Within three standard errors, and within 5 %."""
        apart = abs(self.found - self.stated)
        return apart <= ERRORS * self.error + ROUNDED and apart <= MOST * self.stated + ROUNDED

    def __str__(self) -> str:
        return (f"{self.net}: {self.what} {self.found:.3f} ± {self.error:.3f}, stated {self.stated:.3f}: "
                f"{'holds' if self.holds else 'DOES NOT HOLD'}")


def recomputed(count: int, *, weights: Path = WEIGHTS) -> Iterator[Score]:
    """Each score of the cards of segmenters, classifier and scorer, on the first `count` of those that it was measured on.

    Of the scorer on 800 at least, since shares of right answers are far more uncertain.

    Errors: CheckpointError for a card that is missing or states no score.
    """
    for name in ROLES:
        segmenter = load_segmenter_file(weights / f"{name}.safetensors")
        inside, outside = stated(weights / f"{name}.md", r"concepts: \*\*([\d.]+)\*\* in context, \*\*([\d.]+)\*\* out of")
        yield Score(name, "mean IoU in context", inside, *mean_iou(segmenter.segment, render, RENDERS[:count]))
        yield Score(name, "mean IoU out of context", outside, *mean_iou(segmenter.segment, collage, COLLAGES[:count]))
    classifier = load_classifier_file(weights / "storybook-classifier.safetensors")
    (top1,) = stated(weights / "storybook-classifier.md", r"Top-1 on .*?: \*\*([\d.]+)\*\*")
    found = classifier_card.evaluate(classifier, RENDERS[:count])
    yield Score("storybook-classifier", "top-1", top1, found.top1, found.error)
    scorer = load_scorer_file(weights / "storybook-scorer.safetensors")
    pattern = r"(?s)false of it, in\s+\*\*([\d.]+)\*\*.*?put wrong in\s+\*\*([\d.]+)\*\*"
    first, apart = stated(weights / "storybook-scorer.md", pattern)
    asked = scorer_card.evaluate(scorer, RENDERS[:max(count, LEAST)])
    yield Score("storybook-scorer", "first of 100", first, *asked.top1)
    yield Score("storybook-scorer", "of two", apart, *asked.twins)


def recomputed_generators(count: int = len(GENERATED), *, weights: Path = WEIGHTS) -> Iterator[Score]:
    """The scores that each generator's card states. They depend on how many pictures there are, so all of them are drawn.

    Errors: CheckpointError.
    """
    segmenter, classifier = catalog.load_segmenter("storybook", device="cpu"), catalog.load_classifier("storybook", device="cpu")
    reference = segmentation_statistics(rendered_batches(RENDERED[:count]), segmenter, progress=False)
    real = rows_of(classifier, rendered_batches(RENDERED[:count]))
    for name in catalog.bundled():
        g, card = catalog.load(name, device="cpu"), weights / f"{name}.md"
        own = segmentation_statistics((g, GENERATED[:count]), segmenter, progress=False)
        (distance,) = stated(card, r"pictures a side: \*\*([\d.]+)\*\*")
        yield Score(name, "Fréchet segmentation distance", distance, *distance_and_error(own, reference))
        (close,) = stated(card, r"within a factor of 2: (\d+) of")
        yield Score(name, "concepts within a factor of 2", close, *close_and_error(own, reference))
        found = precision_recall(rows_of(classifier, drawn_batches(g, GENERATED[:count])), real)
        for what, each, part in zip(("precision", "recall"), stated(card, r"Precision ([\d.]+), recall ([\d.]+)"),
                                    (found.precision, found.recall), strict=True):
            yield Score(name, what, each, part, float(np.sqrt(part * (1 - part) / count)))


def distance_and_error(own: Statistics, reference: Statistics) -> tuple[float, float]:
    """The distance over the reference's deviations, and its standard error."""
    return with_error(lambda *sides: frechet_segmentation_distance(*sides, scale="reference").total, own, reference)


def close_and_error(own: Statistics, reference: Statistics) -> tuple[float, float]:
    """How many concepts have a share within a factor of 2 of the reference's, and its standard error."""
    return with_error(lambda *sides: float(sum(close(*sides).values())), own, reference)


def with_error(score: Callable[..., float], own: Statistics, reference: Statistics) -> tuple[float, float]:
    """A score of two sides, and its standard error, by leaving out parts of both in turn."""
    def of(kept: np.ndarray) -> float:
        return score(*(Statistics(each.concepts, each.table[kept]) for each in (own, reference)))

    parts = np.arange(len(own)) * PARTS // len(own)
    return of(parts >= 0), jackknife([of(parts != part) for part in range(PARTS)])


def close(own: Statistics, reference: Statistics) -> dict[str, bool]:
    """Of each concept that the reference holds, whether its share of the pixels and of the pictures is within a factor of 2."""
    sides = [(own.means, reference.means), (own.visible(), reference.visible())]
    return {name: all(within(mine[name], theirs[name]) for mine, theirs in sides)
            for name in reference.concepts if reference.means[name] > 0}


def within(a: float, b: float) -> bool:
    """Whether a number is within a factor of 2 of another."""
    return b / FACTOR <= a <= b * FACTOR


def jackknife(without: list[float]) -> float:
    """The standard error of a score from those that leave out one part each (Efron 1982)."""
    spread = float(np.square(np.asarray(without) - np.mean(without)).sum())
    return float(np.sqrt(spread * (len(without) - 1) / len(without)))


def rendered_batches(seeds: range, size: int = 100) -> Iterator[Tensor]:
    """Renders of 64 px in [-1, 1], in batches."""
    return (as_tensor(pictures(seeds[start:start + size])) for start in range(0, len(seeds), size))


def drawn_batches(g: LayeredGenerator, seeds: range, size: int = 50) -> Iterator[Tensor]:
    """A generator's pictures, in batches."""
    return (g.images(g.sample(seeds[start:start + size])) for start in range(0, len(seeds), size))


def as_tensor(images: np.ndarray) -> Tensor:
    """Bytes (n, h, w, 3) as pictures in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 127.5 - 1


def stated(card: Path, pattern: str) -> list[float]:
    """The numbers that a card states. Errors: CheckpointError."""
    found = re.search(pattern, card.read_text(encoding="utf-8")) if card.is_file() else None
    if found is None:
        raise CheckpointError(f"{card} states no score of the kind that is looked for; write the card anew.")
    return [float(each) for each in found.groups()]


def mean_iou(segment: Callable, draw: Callable[[int, int], Rendered], seeds: range) -> tuple[float, float]:
    """The mean over concepts of the IoU over all pixels, and its standard error, by leaving out groups of pictures in turn."""
    common, either = [], []
    for images, truth in drawn(draw, seeds):
        read = segment(images).cpu().numpy()
        common.append((read & truth).sum((2, 3)))
        either.append((read | truth).sum((2, 3)))
    parts = [np.concatenate(each) for each in (common, either)]
    groups = np.arange(len(seeds)) // GROUP

    def score(chosen: np.ndarray) -> float:
        above, below = (each[chosen].sum(0) for each in parts)
        return float((above[below > 0] / below[below > 0]).mean())

    return score(groups >= 0), jackknife([score(groups != group) for group in np.unique(groups)])
