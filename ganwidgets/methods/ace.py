"""The units that cause a concept, by the average causal effect with a learned alpha (GAN Dissection, section 3.2).

Each unit has an alpha from 0 to 1: how far it is switched off where the concept is, and brought to its high level where
the concept is not. Alphas are learned so that the segmenter sees as little of the concept as it can in the first
pictures, and as much as it can in the second, at a price for their size. Units are then ranked by alpha.
"""

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.concepts import Concept, Segmenter
from ganwidgets.core.edits import Origin, UnitEdit
from ganwidgets.core.errors import ArgumentError, ConceptError, EditError, UnitError, one_of
from ganwidgets.core.jobs import Progress, Steps, stepwise
from ganwidgets.core.latents import check_seeds, whole_number
from ganwidgets.core.nets import Layer, LayeredGenerator
from ganwidgets.core.regions import Region
from ganwidgets.methods.dissection import HIGH, MODES, default_count

LEARNED = ("ablate", "insert", "both")
BATCH = 12                 # pictures a step
STEPS, RATE = 100, 0.05    # of Adam
PRICE = 0.02               # of the squared length of alpha, beside an effect that is 1 where all of the concept goes or comes
BEGIN = 0.3                # every alpha at first
PRESENT = 0.02             # of a picture's pixels: where less is the concept, there is nothing to remove
CELLS = 256                # cells a picture from which the units' high levels are read
BOX = 0.15                 # of the picture: where the concept is inserted


@final
@dataclass(frozen=True, eq=False)
class Ace:
    """How much each unit of a layer causes a concept: `alpha` from 0 to 1, `levels` the values at which units are inserted."""
    concept: str
    layer: str
    alpha: Float[np.ndarray, " units"] = field(repr=False)
    levels: Float[np.ndarray, " units"] = field(repr=False)
    origin: Origin = field(repr=False)

    @property
    def ranking(self) -> list[int]:
        """The units, the strongest cause first; of equal ones the lower."""
        return np.argsort(-self.alpha, kind="stable").tolist()

    def edit(self, n: int | None = None, mode: str = "ablate", *, region: Region | None = None, **settings: Any) -> UnitEdit:
        """The edit that removes ("ablate") or draws ("insert") the concept with its n strongest causes.

        `n` left out: 4 % of the layer, at least 4; `region` None: the whole picture; `settings` are those of UnitEdit.
        Errors: EditError, UnitError.
        """
        if mode not in MODES:
            raise EditError(one_of("mode", mode, MODES, where="a causal ranking's edits"))
        count = default_count(len(self.alpha)) if n is None else whole_number(n)
        if count is None or not 1 <= count <= len(self.alpha):
            raise UnitError(f"{n!r} units of {self.layer}: give a whole number from 1 to {len(self.alpha)}.")
        units = self.ranking[:count]
        value = 0.0 if mode == "ablate" else [float(self.levels[unit]) for unit in units]
        return UnitEdit(self.layer, tuple(units), value, region=region, **{"origin": self.origin, **settings})


@stepwise
def ace(g: LayeredGenerator, segmenter: Segmenter, concept: str | Concept, *, layer: str | Layer, seeds: Any,
        mode: str = "both", steps: int = STEPS, price: float = PRICE, batch: int = BATCH) -> Steps[Ace]:
    """Learn how much each unit of a layer causes a concept, on the pictures of `seeds`.

    `mode`: learn from removal ("ablate"), from insertion ("insert") or from "both", as the paper does; `price`: of the
    alphas' squared length. What is edited is the whole picture for removals, a random box of 15 % for insertions; the
    insertion is read in that box. The result depends on the seeds alone. Errors: ConceptError, also where these pictures
    show too little of the concept; LayerError, SeedError, ArgumentError.
    """
    if mode not in LEARNED:
        raise ArgumentError(one_of("mode", mode, LEARNED, where="ace"))
    if not (count := whole_number(steps)) or count < 1:
        raise ArgumentError(f"steps must be a whole number from 1 up; {steps!r} came.")
    numbers, index, place = check_seeds(seeds), segmenter.index(concept), g.layer(layer)
    if not numbers:
        raise ArgumentError("no picture to learn from: the list of seeds is empty.")
    shares, levels = yield from _survey(g, segmenter, index, place, numbers, count, batch)
    with_it = [seed for seed, share in zip(numbers, shares, strict=True) if share >= PRESENT]
    without = [seed for seed, share in zip(numbers, shares, strict=True) if share < PRESENT]
    name = segmenter.names[index]
    if mode != "insert" and not with_it or mode != "ablate" and not without:
        raise ConceptError(f"{len(with_it)} of these {len(numbers)} pictures show {name} on {PRESENT:.0%} of their pixels "
                           f"or more; to learn from {mode!r} takes some that do and some that do not: give more seeds.")
    random, whole = np.random.RandomState(0), float(np.mean([share for share in shares if share >= PRESENT] or [1.0]))
    alpha = torch.full((place.channels,), BEGIN, device=g.device, requires_grad=True)
    adam = torch.optim.Adam([alpha], lr=RATE)
    for step in range(count):
        loss = price * alpha.square().sum()
        if mode != "insert":
            loss = loss + _seen(g, segmenter, index, place, _some(random, with_it, batch), alpha, None, None) / whole
        if mode != "ablate":
            loss = loss - _seen(g, segmenter, index, place, _some(random, without, batch), alpha, levels, _box(random))
        (alpha.grad,) = torch.autograd.grad(loss, alpha)
        adam.step()
        with torch.no_grad():
            alpha.clamp_(0, 1)
        yield Progress(len(numbers) + batch * (step + 1), len(numbers) + batch * count, f"what causes {name}")
    return Ace(name, place.name, alpha.detach().cpu().numpy(), levels.cpu().numpy(), Origin(g.name, g.digest))


def _survey(g: LayeredGenerator, segmenter: Segmenter, index: int, layer: Layer, seeds: tuple[int, ...], steps: int,
            batch: int) -> Generator[Progress, None, tuple[list[float], Tensor]]:
    """Each picture's share of the concept, and each unit's high level, from random cells of every picture."""
    shares: list[float] = []
    sample, random = [], np.random.RandomState(0)
    for start in range(0, len(seeds), batch):
        with torch.no_grad():
            paused = g.head(g.sample(seeds[start:start + batch]), layer)
            shares += segmenter.segment(g.tail(paused))[:, index].float().mean((1, 2)).tolist()
        cells = random.choice(layer.height * layer.width, min(CELLS, layer.height * layer.width), replace=False)
        sample.append(paused.features.flatten(2)[:, :, torch.from_numpy(cells).to(g.device)].transpose(0, 1).flatten(1).cpu())
        yield Progress(len(shares), len(seeds) + batch * steps, f"looking for {segmenter.names[index]}")
    high = np.quantile(torch.cat(sample, dim=1).numpy(), HIGH, axis=1)
    return shares, torch.from_numpy(high).float().to(g.device)


def _some(random: np.random.RandomState, seeds: list[int], batch: int) -> list[int]:
    return random.choice(seeds, batch).tolist()


def _box(random: np.random.RandomState) -> Region:
    side = BOX ** 0.5
    x, y = random.uniform(0, 1 - side, 2)
    return Region.box(x, y, x + side, y + side)


def _seen(g: LayeredGenerator, segmenter: Segmenter, index: int, layer: Layer, seeds: list[int], alpha: Tensor,
          levels: Tensor | None, region: Region | None) -> Tensor:
    """The concept's mean probability in the region, once units are moved by alpha to their level there (None: to 0)."""
    with torch.no_grad():
        paused = g.head(g.sample(seeds), layer)
    part = alpha[:, None, None]
    if region is not None:
        part = part * region.on(layer.height, layer.width).to(alpha.device)
    wanted = 0.0 if levels is None else levels[:, None, None]
    moved = paused.features * (1 - part) + part * wanted
    seen = segmenter.probabilities(g.tail(replace(paused, features=moved)))[:, index]
    if not seen.requires_grad:
        raise ArgumentError(f"{type(segmenter).__name__}.probabilities has no gradient, so nothing can be learned from it; "
                            "use a segmenter that is a differentiable net.")
    if region is None:
        return seen.mean()
    within = region.on(*seen.shape[-2:]).to(seen.device)
    return (seen * within).sum() / (within.sum() * len(seen))
