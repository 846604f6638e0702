"""The smallest change that makes a classifier see another class (Carlini and Wagner 2017, the L2 attack), and what it moves.

Bau et al. 2020 (section 2.5) attack a scene classifier and look at the units' peaks: those that matter to the class that was
seen fall, those that matter to the wrong one rise. A change at random of the same length is the control.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ganwidgets.core.counting import at_least_one
from ganwidgets.core.errors import ArgumentError, ShapeError
from ganwidgets.core.inputs import as_pictures
from ganwidgets.core.jobs import Progress, Steps, stepwise
from ganwidgets.core.labelled import place_of, places_of
from ganwidgets.core.nets import Layer, LayeredClassifier
from ganwidgets.core.statistics import peaks_of

SEARCHES, STEPS, RATE = 5, 200, 0.01
BATCH = 10                  # pictures a step: what descends through a net at 224 px takes near 200 MB a picture
FIRST = 1.0                 # how much the wrong class counts beside the squared length of the change, at first
TIMES = 10.0                # times as much after searches that all failed, and a part of it while all succeeded
EDGE = 1 - 1e-6             # where pictures are kept from 1, that tanh can reach
NOISE_SEED = 0


@final
@dataclass(frozen=True, eq=False)
class Attack:
    """Attacked pictures (n, 3, h, w) in [-1, 1], each as it was where no attack succeeded; the `target` classes; and the length of
    each change, on the scale 0..1 of a picture's numbers (0 where none succeeded)."""
    images: Float[Tensor, "n 3 h w"] = field(repr=False)
    success: Bool[Tensor, " n"] = field(repr=False)
    norm: Float[Tensor, " n"] = field(repr=False)
    target: Int[Tensor, " n"] = field(repr=False)

    @property
    def rate(self) -> float:
        """The share of the pictures that are taken for the target."""
        return self.success.float().mean().item()

    def __repr__(self) -> str:
        lengths = self.norm[self.success]
        middle = f"median length {lengths.median().item():.3f}" if len(lengths) else "no length to tell"
        return f"Attack: {int(self.success.sum())} of {len(self.images)} pictures are taken for their target; {middle}"


@stepwise
def attack(classifier: LayeredClassifier, images: Tensor, target: Any, *, searches: int = SEARCHES, steps: int = STEPS,
           rate: float = RATE, confidence: float | int = 0.0, batch: int = BATCH) -> Steps[Attack]:
    """Change pictures as little as can be found so that the classifier takes them for `target`, one class for all or one for each.

    Minimises |x' - x|^2 + c max(max_{i != t} Z_i - Z_t, -confidence) over pictures within [-1, 1] (section VI-A of the attack's
    paper); c is searched for `searches` times, down to the smallest that succeeds. A picture that is taken for its target already
    stays as it is. Errors: ArgumentError, ShapeError.
    """
    rounds, count, size = at_least_one("searches", searches), at_least_one("steps", steps), at_least_one("batch", batch)
    images, goal = _checked(classifier, images, target)
    parts: list[tuple[Tensor, ...]] = []
    every = list(zip(images.to(classifier.device).split(size), goal.split(size), strict=True))
    for before, own in every:
        search = _Search.begin(before)
        for number in range(rounds):
            for step in _descents(classifier, before, own, search, count, rate, confidence):
                yield Progress((len(parts) * rounds + number) * count + step, len(every) * rounds * count, "attacking")
            search.narrow()
        parts.append(_settled(classifier, before, own, search, confidence))
    changed, success, norm = (torch.cat(each).cpu() for each in zip(*parts, strict=True))
    return Attack(changed, success, norm, goal.cpu())


@dataclass
class _Search:
    """What the attack on a batch has found: the nearest pictures that succeed and their squared lengths; and of each picture how
    much the wrong class counts, between what was too little and what was enough."""
    best: Tensor
    length: Tensor
    weight: Tensor
    least: Tensor
    most: Tensor
    hit: Tensor

    @staticmethod
    def begin(before: Tensor) -> "_Search":
        one = before.new_ones(len(before))
        return _Search(before.clone(), one * float("inf"), one * FIRST, one * 0, one * float("inf"), one < 0)

    def narrow(self) -> None:
        """The weights of the next search: between two, more where none was enough, less where none was too little."""
        self.most = torch.where(self.hit, torch.minimum(self.most, self.weight), self.most)
        self.least = torch.where(self.hit, self.least, torch.maximum(self.least, self.weight))
        between = torch.where(self.least == 0, self.weight / TIMES, (self.least + self.most) / 2)
        self.weight = torch.where(self.most.isinf(), self.weight * TIMES, between)
        self.hit = torch.zeros_like(self.hit)


def _descents(classifier: LayeredClassifier, before: Tensor, goal: Tensor, search: _Search, count: int, rate: float,
              confidence: float | int) -> Iterator[int]:
    """Descend with the weights as they are; after each step, how many were taken."""
    free = torch.atanh(before.clamp(-1, 1) * EDGE).requires_grad_()
    adam = torch.optim.Adam([free], lr=rate)
    for step in range(count):
        with torch.enable_grad():
            changed = torch.tanh(free)
            far = ((changed - before) / 2).square().sum((1, 2, 3))
            ahead = _ahead(classifier.logits(changed), goal)
            loss = (far + search.weight * ahead.clamp(min=-confidence)).sum()
            (free.grad,) = torch.autograd.grad(loss, free)
        with torch.no_grad():
            taken = (ahead <= -confidence) & (ahead < 0)
            closer = taken & (far < search.length)
            search.best[closer], search.length[closer] = changed[closer], far[closer]
            search.hit = search.hit | taken
            adam.step()
        yield step + 1


def _checked(classifier: LayeredClassifier, images: Any, target: Any) -> tuple[Tensor, Tensor]:
    """Pictures and the place of each one's target. Errors: ArgumentError, ShapeError."""
    if not isinstance(classifier, LayeredClassifier):
        raise ArgumentError(f"an attack needs a classifier, as gw.load_classifier(name) gives; a {type(classifier).__name__} came.")
    held = as_pictures(images)
    one = isinstance(target, (str, int, np.integer))
    goal = torch.full((len(held),), place_of(target, classifier.classes)) if one else places_of(target, classifier.classes)
    if len(goal) != len(held):
        raise ShapeError(f"{len(goal)} targets for {len(held)} pictures; give one for all, or one for each.")
    return held.detach().float(), goal.to(classifier.device)


def _ahead(logits: Tensor, goal: Tensor) -> Tensor:
    """How far the best other class is ahead of the target; below 0 the picture is taken for the target."""
    own = logits.gather(1, goal[:, None])
    return (logits.scatter(1, goal[:, None], float("-inf")).amax(1, keepdim=True) - own)[:, 0]


@torch.no_grad()
def _settled(classifier: LayeredClassifier, before: Tensor, goal: Tensor, search: _Search,
             confidence: float | int) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures, success and lengths; a picture that is taken for its target already is not changed at all."""
    ahead = _ahead(classifier.logits(before), goal)
    already = (ahead <= -confidence) & (ahead < 0)
    images = torch.where(already[:, None, None, None], before, search.best)
    success = classifier.logits(images).argmax(1) == goal
    return images, success, torch.where(already | search.length.isinf(), 0.0, search.length.sqrt())


def noise_of_length(images: Float[Tensor, "n 3 h w"], norm: Float[Tensor, " n"], *,
                    seed: int = NOISE_SEED) -> Float[Tensor, "n 3 h w"]:
    """The control: the pictures with Gaussian noise whose length, on the scale 0..1, is each one's `norm`.

    What leaves [-1, 1] is cut off, and the rest made as much longer, a few times over.
    """
    noise = torch.from_numpy(np.random.RandomState(seed).standard_normal(images.shape).astype(np.float32))
    before, wanted, changed = images.cpu(), 2 * norm.cpu()[:, None, None, None], images.cpu()
    scale = wanted / noise.flatten(1).norm(dim=1)[:, None, None, None]
    for _ in range(20):
        changed = (before + scale * noise).clamp(-1, 1)
        got = (changed - before).flatten(1).norm(dim=1)[:, None, None, None]
        scale = scale * torch.where(got > 0, wanted / got, 1.0)
    return changed


@torch.no_grad()
def peak_changes(classifier: LayeredClassifier, before: Tensor, after: Tensor, *, layer: str | Layer,
                 levels: Sequence[float] | Float[np.ndarray, " units"] | None = None,
                 batch: int = BATCH) -> Float[np.ndarray, "n units"]:
    """By how much each unit's highest activation differs between two sets of pictures, one beside the other.

    `levels`: what counts as 1 for each unit, as its 99 % quantile, so that units of large numbers do not outweigh the others.
    Errors: LayerError, ShapeError.
    """
    if before.shape != after.shape:
        raise ShapeError(f"pictures before and after are of one shape; {tuple(before.shape)} and {tuple(after.shape)} came.")
    first, second = (torch.cat([peaks_of(classifier.head(part, layer).features) for part in images.split(batch)])
                     for images in (before, after))
    change = (second - first).numpy()
    return change if levels is None else change / np.maximum(np.asarray(levels, np.float32), 1e-6)
