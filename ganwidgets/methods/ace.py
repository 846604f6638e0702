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
from ganwidgets.core.counting import at_least_one
from ganwidgets.core.edits import Origin, UnitEdit
from ganwidgets.core.errors import ArgumentError, ConceptError, one_of
from ganwidgets.core.jobs import Progress, Steps, stepwise
from ganwidgets.core.latents import check_seeds
from ganwidgets.core.nets import Layer, LayeredGenerator
from ganwidgets.core.rankings import first_units, ranked_edit
from ganwidgets.core.regions import Region, random_square
from ganwidgets.core.surveys import PRESENT, Survey, survey_steps

LEARNED = ("ablate", "insert", "both")
BATCH = 12                 # pictures a step
STEPS, RATE = 100, 0.05    # of Adam
PRICE = 0.02               # of the squared length of alpha, beside an effect that is 1 where all of the concept goes or comes
BEGIN = 0.3                # every alpha at first
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
        units = first_units(self.ranking, n, self.layer)
        return ranked_edit(self.layer, units, mode, self.levels, region=region, **{"origin": self.origin, **settings})


@stepwise
def ace(g: LayeredGenerator, segmenter: Segmenter, concept: str | Concept, *, layer: str | Layer, seeds: Any,
        mode: str = "both", steps: int = STEPS, price: float = PRICE, batch: int = BATCH) -> Steps[Ace]:
    """Learn how much each unit of a layer causes a concept, on the pictures of `seeds`.

    `mode`: learn from removal ("ablate"), from insertion ("insert") or from "both", as the paper does; `price`: of the
    alphas' squared length. What is edited is the whole picture for removals, a random box of 15 % for insertions; the
    insertion is read in that box. The result depends on the seeds alone, but learning carries a machine's rounding far.
    Errors: ConceptError, also where these pictures show too little of the concept; LayerError, SeedError, ArgumentError.
    """
    if mode not in LEARNED:
        raise ArgumentError(one_of("mode", mode, LEARNED, where="ace"))
    count, size = at_least_one("steps", steps), at_least_one("batch", batch)
    if isinstance(price, bool) or not isinstance(price, (int, float)) or not 0 <= price < float("inf"):
        raise ArgumentError(f"a price is a number from 0 up; {price!r} came.")
    numbers, index, place = check_seeds(seeds), segmenter.index(concept), g.layer(layer)
    if not numbers:
        raise ArgumentError("no picture to learn from: the list of seeds is empty.")
    survey = yield from survey_steps(g, segmenter, place, numbers, total=len(numbers) + size * count)
    alpha = yield from _alphas(g, segmenter, index, place, survey, mode, count, float(price), size)
    return Ace(segmenter.names[index], place.name, alpha, survey.levels.cpu().numpy(), Origin(g.name, g.digest))


def _alphas(g: LayeredGenerator, segmenter: Segmenter, index: int, layer: Layer, survey: Survey, mode: str, steps: int,
            price: float, batch: int) -> Generator[Progress, None, Float[np.ndarray, " units"]]:
    """Learn the alphas of one concept. Errors: ConceptError, ArgumentError."""
    showing, lacking, name = survey.showing(index), survey.lacking(index), segmenter.names[index]
    if mode != "insert" and not showing:
        raise ConceptError(f"none of these {len(survey.seeds)} pictures shows {name} on {PRESENT:.0%} of its pixels or more; "
                           'give more seeds, or learn from mode="insert" alone.')
    shares = survey.shares[:, index]
    random, whole = np.random.RandomState(0), float(shares[shares >= PRESENT].mean()) if showing else 1.0
    alpha = torch.full((layer.channels,), BEGIN, device=g.device, requires_grad=True)
    adam = torch.optim.Adam([alpha], lr=RATE)
    for step in range(steps):
        loss = price * alpha.square().sum()
        if mode != "insert":
            loss = loss + _seen(g, segmenter, index, layer, _some(random, showing, batch), alpha, None, None) / whole
        if mode != "ablate":
            loss = loss - _seen(g, segmenter, index, layer, _some(random, lacking, batch), alpha, survey.levels,
                                random_square(random, BOX))
        (alpha.grad,) = torch.autograd.grad(loss, alpha)
        adam.step()
        with torch.no_grad():
            alpha.clamp_(0, 1)
        yield Progress(len(survey.seeds) + batch * (step + 1), len(survey.seeds) + batch * steps, f"what causes {name}")
    return alpha.detach().cpu().numpy()


def _some(random: np.random.RandomState, seeds: list[int], batch: int) -> list[int]:
    return random.choice(seeds, batch).tolist()


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
