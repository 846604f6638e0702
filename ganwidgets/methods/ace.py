"""The units that cause a concept, by the average causal effect with a learned alpha (GAN Dissection, section 3.2).

Each unit has an alpha from 0 to 1: how far it is switched off in pictures that show the concept, and brought to its usual
level of the concept in boxes where the concept can come. Alphas are learned so that the segmenter sees as little of it as
it can in the first, and as much as it can in the second, at a price for their size. Units are then ranked by alpha.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from ganwidgets.core.concepts import Concept, Segmenter, concept_index
from ganwidgets.core.counting import at_least_one
from ganwidgets.core.edits import Origin, UnitEdit
from ganwidgets.core.errors import ArgumentError, ConceptError, one_of
from ganwidgets.core.jobs import Progress, Steps, stepwise
from ganwidgets.core.latents import check_seed, check_seeds
from ganwidgets.core.nets import Layer, LayeredGenerator
from ganwidgets.core.rankings import first_units, ranked_edit
from ganwidgets.core.regions import Region
from ganwidgets.core.surveys import PRESENT
from ganwidgets.methods.dissect import dissect
from ganwidgets.methods.dissection import Dissection

LEARNED = ("ablate", "insert", "both")
BATCH = 8                  # pictures that are held at once
PICTURES = 24              # of each half, whose mean slope a step follows
STEPS, RATE = 60, 0.2      # how often, and how far at first; the rate falls to 0, so that the last alphas are a mean of many
PRICE = 0.05               # of the squared length of alpha, beside an effect that is 1 where all of the concept goes or comes
BOX = 0.15                 # of the picture: where the concept is inserted
CANDIDATES, TRIES = 96, 3  # pictures in which boxes are tried, and how many in each
KEPT = 0.5                 # of the candidates: those in which the concept comes best
SHOWN = 0.25               # of a box: where more is the concept already, it is no candidate
ELSEWHERE = 0.1            # of the mean: how often boxes are tried where the concept never was


@final
@dataclass(frozen=True, eq=False)
class Ace:
    """How much each unit of a layer causes a concept: `alpha` from 0 to 1, `levels` the values at which units are inserted.

    A level is the unit's mean where the concept is. `wish` is the alpha that a unit would have without bounds, below 0 where it
    hinders the concept: it tells units apart whose alphas are equal.
    """
    concept: str
    layer: str
    alpha: Float[np.ndarray, " units"] = field(repr=False)
    levels: Float[np.ndarray, " units"] = field(repr=False)
    origin: Origin = field(repr=False)
    wish: Float[np.ndarray, " units"] = field(repr=False)

    @property
    def ranking(self) -> list[int]:
        """The units, the strongest cause first; of equal ones the lower."""
        return np.argsort(-self.wish, kind="stable").tolist()

    def edit(self, n: int | None = None, mode: str = "ablate", *, region: Region | None = None, **settings: Any) -> UnitEdit:
        """The edit that removes ("ablate") or draws ("insert") the concept with its n strongest causes.

        `n` left out: 4 % of the layer, at least 4; `region` None: the whole picture; `settings` are those of UnitEdit, such as
        `weights=found.alpha[units]` for the paper's mixed edit. Errors: EditError, UnitError.
        """
        units = first_units(self.ranking, n, self.layer)
        return ranked_edit(self.layer, units, mode, self.levels, region=region, **{"origin": self.origin, **settings})


@stepwise
def ace(g: LayeredGenerator, segmenter: Segmenter, concept: str | Concept, *, layer: str | Layer, seeds: Any,
        mode: str = "both", steps: int = STEPS, price: float | int = PRICE, pictures: int = PICTURES, batch: int = BATCH,
        dissection: Dissection | None = None, seed: int = 0) -> Steps[Ace]:
    """Learn how much each unit of a layer causes a concept, on the pictures of `seeds`.

    `mode`: learn from removal ("ablate"), from insertion ("insert") or from "both", as the paper does. Removals are of the
    whole picture; insertions are into boxes of 15 % in which the concept comes when every unit there is at its mean level of it,
    and are read in that box. `price`: of the alphas' squared length, above 0. Each of the `steps` follows the mean slope of
    `pictures` of each half; `batch`, how many are held at once, changes nothing but rounding. `dissection`: alphas begin with its
    IoU, as in the paper; left out, the pictures are dissected first. `seed`: of the order of pictures and the boxes tried.
    Errors: ConceptError where these pictures show too little of the concept, or it comes nowhere; LayerError, SeedError,
    ArgumentError.
    """
    if mode not in LEARNED:
        raise ArgumentError(one_of("mode", mode, LEARNED, where="ace"))
    count, size, part = at_least_one("steps", steps), at_least_one("pictures", pictures), at_least_one("batch", batch)
    if isinstance(price, bool) or not isinstance(price, (int, float)) or not 0 < price < float("inf"):
        raise ArgumentError(f"a price is a number above 0; {price!r} came.")
    numbers, index, place = check_seeds(seeds), segmenter.index(concept), g.layer(layer)
    if not numbers:
        raise ArgumentError("no picture to learn from: the list of seeds is empty.")
    task, random = _Task(g, segmenter, index, place, part), np.random.RandomState(check_seed(seed))
    begin = yield from _overlaps(task, numbers, dissection)
    seen = yield from _look(task, numbers)
    halves = [] if mode == "insert" else [_removal(task, seen)]
    halves += [] if mode == "ablate" else [(yield from _insertion(task, seen, random))]
    wish = yield from _learn(task, halves, begin, count, size, float(price), random)
    return Ace(task.name, place.name, wish.clip(0, 1), seen.levels.cpu().numpy(), Origin(g.name, g.digest), wish)


@dataclass(frozen=True, eq=False)
class _Task:
    """What is to be learned."""
    g: LayeredGenerator
    segmenter: Segmenter
    index: int
    layer: Layer
    batch: int

    @property
    def name(self) -> str:
        """The concept's."""
        return self.segmenter.names[self.index]


def _overlaps(task: _Task, seeds: tuple[int, ...], known: Dissection | None) -> Generator[Progress, None, Tensor]:
    """The alphas to begin with: each unit's IoU with the concept over the highest. Errors: ArgumentError, as `dissect`."""
    if known is not None and known.digest != task.g.digest:
        raise ArgumentError(f"this dissection was made on other weights ({known.model}, {known.digest[:8]}) than those of "
                            f"{task.g.name} ({task.g.digest[:8]}); dissect again, or leave it out.")
    found = known or (yield from dissect.steps(task.g, task.segmenter, layer=task.layer, seeds=seeds, batch=task.batch))
    index = concept_index(found.concepts, task.name, where="the dissection")
    iou = found.at(task.layer).findings[0].iou[:, index]
    return torch.from_numpy((iou / max(float(iou.max()), 1e-9)).astype(np.float32)).to(task.g.device)


@dataclass(frozen=True, eq=False)
class _Seen:
    """What the pictures show of the concept: each one's share, where it is how often, and each unit's mean level there."""
    seeds: tuple[int, ...]
    shares: Float[np.ndarray, " n"]
    probable: Float[np.ndarray, " n"]               # the mean probability in each picture
    often: Float[np.ndarray, "h w"]
    levels: Float[Tensor, " units"]

    def those(self, showing: bool) -> list[int]:
        """The pictures that show the concept, or those that do not; all, where there are none such."""
        found = [seed for seed, share in zip(self.seeds, self.shares, strict=True) if (share >= PRESENT) == showing]
        return found or ([] if showing else list(self.seeds))


def _look(task: _Task, seeds: tuple[int, ...]) -> Generator[Progress, None, _Seen]:
    """Look at all pictures. Errors: ConceptError where none shows the concept in a single pixel."""
    shares, probable = list[Tensor](), list[Tensor]()
    grid = (task.layer.height, task.layer.width)
    often, sums = torch.zeros(grid), torch.zeros(task.layer.channels)
    for start in range(0, len(seeds), task.batch):
        with torch.no_grad():
            paused = task.g.head(task.g.sample(seeds[start:start + task.batch]), task.layer)
            images = task.g.tail(paused)
            mask = task.segmenter.segment(images)[:, task.index].float()
            covered = F.adaptive_avg_pool2d(mask[:, None], grid)
            probable.append(task.segmenter.probabilities(images)[:, task.index].mean((1, 2)).cpu())
        shares.append(mask.mean((1, 2)).cpu())
        often += covered.sum((0, 1)).cpu()
        sums += (covered * paused.features).sum((0, 2, 3)).cpu()
        yield Progress(min(start + task.batch, len(seeds)), len(seeds), f"looking for {task.name}")
    if not often.any():
        raise ConceptError(f"none of these {len(seeds)} pictures shows {task.name}, so no unit's level of it is known; give more "
                           "seeds.")
    return _Seen(seeds, torch.cat(shares).numpy(), torch.cat(probable).numpy(), often.numpy(),
                 (sums / often.sum()).to(task.g.device))


@dataclass(frozen=True, eq=False)
class _Half:
    """Pictures in which the concept is to go or come, where, and to which levels units move there; `worth`: the effect of one
    more of it, below 0 where it is to go, so that the whole effect is 1."""
    seeds: Sequence[int]
    regions: Sequence[Region]
    levels: Float[Tensor, " units"]
    worth: float


def _removal(task: _Task, seen: _Seen) -> _Half:
    """The concept is to go from every picture that shows it. Errors: ConceptError."""
    showing = seen.those(True)
    if not showing:
        raise ConceptError(f"none of these {len(seen.seeds)} pictures shows {task.name} on {PRESENT:.0%} of its pixels or more; "
                           'give more seeds, or learn from mode="insert" alone.')
    whole = float(seen.probable[seen.shares >= PRESENT].mean())
    return _Half(showing, [Region.box(0, 0, 1, 1)] * len(showing), torch.zeros_like(seen.levels), -1 / max(whole, 1e-6))


def _insertion(task: _Task, seen: _Seen, random: np.random.RandomState) -> Generator[Progress, None, _Half]:
    """The concept is to come in boxes, in which it comes when every unit is at its level there. Errors: ConceptError."""
    asked = random.permutation(seen.those(False))[:CANDIDATES].tolist()
    tried = [(seed, _box(random, seen.often)) for seed in asked for _ in range(TRIES)]
    gains = list[float]()
    for start in range(0, len(tried), task.batch):
        seeds, regions = zip(*tried[start:start + task.batch], strict=True)
        half = _Half(seeds, regions, seen.levels, 1.0)
        with torch.no_grad():
            before, after = (_seen_in(task, half, range(len(seeds)), seen.levels.new_full(seen.levels.shape, full))
                             for full in (0.0, 1.0))
        gains += torch.where(before < SHOWN, after - before, 0).tolist()
        yield Progress(start + len(seeds), len(tried), f"looking for room for {task.name}")
    best = [max(range(first, first + TRIES), key=gains.__getitem__) for first in range(0, len(tried), TRIES)]
    best = sorted((place for place in best if gains[place] > 0), key=lambda place: -gains[place])
    if not best:
        raise ConceptError(f"{task.name} came in none of {len(tried)} boxes with every unit at its mean level of it, so insertion "
                           f'teaches nothing at {task.layer.name}; give more seeds or another layer, or learn from mode="ablate".')
    best = best[:max(1, round(KEPT * len(best)))]
    return _Half([tried[place][0] for place in best], [tried[place][1] for place in best], seen.levels,
                 1 / max(float(np.mean([gains[place] for place in best])), 1e-6))


def _box(random: np.random.RandomState, often: Float[np.ndarray, "h w"]) -> Region:
    """A square box about a cell, drawn by how often the concept is there."""
    chances = (often + ELSEWHERE * often.mean()).astype(np.float64).ravel()
    y, x = np.unravel_index(random.choice(chances.size, p=chances / chances.sum()), often.shape)
    side = BOX ** 0.5
    left, top = (float(np.clip((at + 0.5) / cells - side / 2, 0, 1 - side)) for at, cells in
                 ((x, often.shape[1]), (y, often.shape[0])))
    return Region.box(left, top, min(1.0, left + side), min(1.0, top + side))


def _learn(task: _Task, halves: Sequence[_Half], begin: Tensor, steps: int, size: int, price: float,
           random: np.random.RandomState) -> Generator[Progress, None, Float[np.ndarray, " units"]]:
    """Move each wish towards what its slope is worth at that price: where it stays, the clamped wishes are the best alphas.

    Steps follow the slope and not its sign alone, as Adam's first ones do, and the rate falls to 0: so a machine's rounding is
    not carried further than it came. Errors: ArgumentError.
    """
    wish, orders = begin.clone(), [_rounds(random, len(half.seeds), size) for half in halves]
    for step in range(steps):
        slope = torch.zeros_like(wish)
        for half, order in zip(halves, orders, strict=True):
            rows = next(order)
            for start in range(0, len(rows), task.batch):
                part = rows[start:start + task.batch]
                slope += _slope(task, half, part, wish.clamp(0, 1)) / (len(rows) * len(halves))
                yield Progress(step, steps, f"what causes {task.name}")
        wish += RATE * (1 - step / steps) * (slope / (2 * price) - wish)
    return wish.cpu().numpy()


def _rounds(random: np.random.RandomState, count: int, size: int) -> Generator[list[int], None, None]:
    """So many rows at a time, each row once before any comes again."""
    waiting = list[int]()
    while True:
        while len(waiting) < min(size, count):
            waiting += random.permutation(count).tolist()
        taken, waiting = waiting[:min(size, count)], waiting[min(size, count):]
        yield taken


def _slope(task: _Task, half: _Half, rows: Sequence[int], alpha: Tensor) -> Tensor:
    """How much more of the effect, summed over these pictures, a bit more of each alpha brings. Errors: ArgumentError."""
    moved = alpha.clone().requires_grad_()
    with torch.enable_grad():
        seen = _seen_in(task, half, rows, moved)
        if not seen.requires_grad:
            raise ArgumentError(f"{type(task.segmenter).__name__}.probabilities has no gradient, so nothing can be learned from "
                                "it; use a segmenter that is a differentiable net.")
        (slope,) = torch.autograd.grad(half.worth * seen.sum(), moved)
    return slope


def _seen_in(task: _Task, half: _Half, rows: Sequence[int], alpha: Tensor) -> Float[Tensor, " n"]:
    """The concept's mean probability in each picture's region, once units there are moved by alpha to their levels."""
    with torch.no_grad():
        paused = task.g.head(task.g.sample([half.seeds[row] for row in rows]), task.layer)
    regions = [half.regions[row] for row in rows]
    cells = torch.stack([region.on(task.layer.height, task.layer.width) for region in regions])[:, None].to(alpha.device)
    part = alpha[:, None, None] * cells
    features = paused.features * (1 - part) + part * half.levels[:, None, None]
    read = task.segmenter.probabilities(task.g.tail(replace(paused, features=features)))[:, task.index]
    within = torch.stack([region.on(*read.shape[-2:]) for region in regions]).to(alpha.device)
    return (read * within).sum((1, 2)) / within.sum((1, 2))
