"""The scores that cards state, computed again on a sample of their pictures: whether a net is the one its card describes."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ganwidgets.core.errors import CheckpointError
from ganwidgets.models.classifiers import load_classifier_file
from ganwidgets.models.scorers import load_scorer_file
from ganwidgets.models.segmenters import load_segmenter_file
from ganwidgets.world.collages import collage
from ganwidgets.world.render import Rendered, render
from ganwidgets.world.train import classifier_card, scorer_card
from ganwidgets.world.train.segmenter_card import COLLAGES, RENDERS, ROLES, WEIGHTS, drawn

ERRORS, MOST = 3, .05      # standard errors, and the part of what is stated, by which a score may differ
SHARE_MOST = .15           # the same for shares of right answers, which few pictures leave wide open
ROUNDED = .0005            # a card gives three places
GROUP = 20                 # pictures left out at once to see how far a score depends on which were drawn


@dataclass(frozen=True)
class Score:
    """What a card states, what was found on a sample, and the sample's standard error."""

    net: str
    what: str
    stated: float
    found: float
    error: float
    most: float = MOST

    @property
    def holds(self) -> bool:
        """Within three standard errors, and within the part of what is stated that is allowed."""
        apart = abs(self.found - self.stated)
        return apart <= ERRORS * self.error + ROUNDED and apart <= self.most * self.stated + ROUNDED

    def __str__(self) -> str:
        return (f"{self.net}: {self.what} {self.found:.3f} ± {self.error:.3f}, stated {self.stated:.3f}: "
                f"{'holds' if self.holds else 'DOES NOT HOLD'}")


def recomputed(pictures: int, *, weights: Path = WEIGHTS) -> Iterator[Score]:
    """Each score of the cards of segmenters, classifier and scorer, on the first `pictures` of those that it was measured on.

    Errors: CheckpointError for a card that is missing or states no score.
    """
    for name in ROLES:
        segmenter = load_segmenter_file(weights / f"{name}.safetensors")
        inside, outside = stated(weights / f"{name}.md", r"concepts: \*\*([\d.]+)\*\* in context, \*\*([\d.]+)\*\* out of")
        yield Score(name, "mean IoU in context", inside, *mean_iou(segmenter.segment, render, RENDERS[:pictures]))
        yield Score(name, "mean IoU out of context", outside, *mean_iou(segmenter.segment, collage, COLLAGES[:pictures]))
    classifier = load_classifier_file(weights / "storybook-classifier.safetensors")
    (top1,) = stated(weights / "storybook-classifier.md", r"Top-1 on .*?: \*\*([\d.]+)\*\*")
    found = classifier_card.evaluate(classifier, RENDERS[:pictures])
    yield Score("storybook-classifier", "top-1", top1, found.top1, found.error)
    scorer = load_scorer_file(weights / "storybook-scorer.safetensors")
    pattern = r"(?s)false of it, in\s+\*\*([\d.]+)\*\*.*?put wrong in\s+\*\*([\d.]+)\*\*"
    first, apart = stated(weights / "storybook-scorer.md", pattern)
    asked = scorer_card.evaluate(scorer, RENDERS[:pictures])
    yield Score("storybook-scorer", "first of 100", first, *asked.top1, most=SHARE_MOST)
    yield Score("storybook-scorer", "of two", apart, *asked.twins, most=SHARE_MOST)


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

    without = np.asarray([score(groups != group) for group in np.unique(groups)])
    spread = float(((without - without.mean()) ** 2).sum())
    return score(groups >= 0), float(np.sqrt(spread * (len(without) - 1) / len(without)))
