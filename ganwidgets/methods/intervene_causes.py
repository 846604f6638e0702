"""For every concept of a layer, which units to set so that it comes or goes: the rankings that a brush paints with.

How much a unit causes a concept depends on the units that are set with it (GAN Dissection, section 3.2, which learns an
alpha for all of them at once: ace.py). A brush sets a handful, and the strongest few of a large set are not the strongest
set of a few. So sets are grown unit by unit: each time the one that, at its level, adds most of the concept to what those
before it draw, or takes most of it away. That asks the segmenter for no gradient.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.causes import Causes, Drawn
from ganwidgets.core.concepts import Concept, Segmenter
from ganwidgets.core.counting import at_least_one
from ganwidgets.core.edits import Origin
from ganwidgets.core.errors import ArgumentError, ConceptError
from ganwidgets.core.jobs import Progress, Steps, stepwise
from ganwidgets.core.latents import check_seeds
from ganwidgets.core.nets import Layer, LayeredGenerator, PausedRun
from ganwidgets.core.rankings import MODES, check_mode
from ganwidgets.core.regions import Region, random_square
from ganwidgets.core.surveys import PRESENT, Survey, survey_steps
from ganwidgets.methods.intervene import Insertion, effect, places

BOX = 0.15                 # of the picture: where a concept is inserted
PICTURES = 24              # on which sets are grown
POOL = 24                  # units that are tried next: those that added most when they were last tried
GROWN = 0.1                # of the layer's units, unless told otherwise
ENOUGH = 0.5               # of a box: more of the concept than this is no better, so that it comes in many pictures
ROOM = (0.75, 0.25)        # of a box that is the context; the second where too few pictures have the first
GOES = {"insert": "come", "ablate": "go"}
DRAWS = 5                  # of random units, beside which insertions are measured


@stepwise
def causes(g: LayeredGenerator, segmenter: Segmenter, *, layer: str | Layer, seeds: Any,
           concepts: Sequence[str | Concept] | Concept | None = None, contexts: Mapping[str, str] | None = None,
           modes: Sequence[str] = MODES, grown: int | None = None, pool: int = POOL) -> Steps[Causes]:
    """Rank the units of a layer by what they do together, for inserting and for removing each concept.

    `concepts` left out: all that these pictures show. `contexts`: what a concept is put on where it is inserted, such as
    {"tree": "grass"}; a concept without one is put anywhere. `grown`: how many units are chosen by what they add to those
    before them (left out: a tenth of the layer); the rest follow by what they added when last tried. `pool`: how many are
    tried each time, once all have been. The result depends on the seeds alone.
    Errors: ConceptError, LayerError, SeedError, EditError, ArgumentError.
    """
    numbers, place, wide = check_seeds(seeds), g.layer(layer), at_least_one("pool", pool)
    chosen, size = [check_mode(mode) for mode in modes], _size(grown, place)
    if isinstance(concepts, (str, Concept)):
        raise ArgumentError(f"concepts is a list; for one write concepts=[{str(concepts)!r}].")
    asked = None if concepts is None else [segmenter.index(concept) for concept in concepts]
    on = {segmenter.index(concept): segmenter.index(context) for concept, context in (contexts or {}).items()}
    if not numbers:
        raise ArgumentError("no picture to learn from: the list of seeds is empty.")
    survey = yield from survey_steps(g, segmenter, place, numbers)
    shown = [index for index in range(len(segmenter.names)) if survey.showing(index)]
    rankings: dict[str, dict[str, tuple[int, ...]]] = {mode: {} for mode in chosen}
    work = [(mode, index) for mode in chosen for index in (shown if asked is None else asked)]
    for done, (mode, index) in enumerate(work):
        trial = yield from _trial(g, segmenter, index, on.get(index), place, survey, mode)
        name, units, reached = segmenter.names[index], list[int](), trial.score([])
        added = {unit: float("inf") for unit in range(place.channels)}      # by each unit, when it was last tried
        while len(units) < size:
            for unit in _next(added, wide if units else place.channels):
                added[unit] = trial.score([*units, unit]) - reached
                yield Progress(done, len(work), f"what makes {name} {GOES[mode]}: {len(units)} of {size} units")
            (best,) = _next(added, 1)
            reached += added.pop(best)
            units.append(best)
        rankings[mode][name] = (*units, *_next(added, len(added)))
    return Causes(place.name, tuple(survey.levels.tolist()), rankings, Origin(g.name, g.digest))


def _size(grown: int | None, layer: Layer) -> int:
    count = max(1, round(GROWN * layer.channels)) if grown is None else at_least_one("grown", grown)
    if count > layer.channels:
        raise ArgumentError(f"{grown} units to grow; {layer.name} has from 1 to {layer.channels}.")
    return count


def _next(added: Mapping[int, float], count: int) -> list[int]:
    """The units that added most, best first; of equal ones the lower."""
    return sorted(added, key=lambda unit: (-added[unit], unit))[:count]


@dataclass(frozen=True, eq=False)
class _Trial:
    """Some pictures, stopped at the layer, on which sets of units are tried; `parts`: where, on the layer's grid and on
    the picture; for removals everywhere."""
    g: LayeredGenerator
    segmenter: Segmenter
    index: int
    paused: PausedRun
    levels: Float[Tensor, " units"] | None
    parts: tuple[Float[Tensor, "n 1 h w"], Float[Tensor, "n H W"]] | None

    def score(self, units: list[int]) -> float:
        """How much of the box is the concept with these units set; for removals how little is left of it, below 0."""
        features = self.paused.features.clone()
        with torch.no_grad():
            if self.parts is None:
                features[:, units] = 0
                return -float(self.read(features).mean())
            cells, pixels = self.parts
            assert self.levels is not None
            features[:, units] += (self.levels[units][None, :, None, None] - features[:, units]) * cells
            inside = (self.read(features) * pixels).sum((1, 2)) / pixels.sum((1, 2))
        return float(inside.clamp(max=ENOUGH).mean())

    def read(self, features: Tensor) -> Tensor:
        images = self.g.tail(replace(self.paused, features=features))
        return self.segmenter.probabilities(images)[:, self.index]


def _trial(g: LayeredGenerator, segmenter: Segmenter, index: int, context: int | None, layer: Layer, survey: Survey,
           mode: str) -> Generator[Progress, None, _Trial]:
    """The pictures on which sets of units are tried. Errors: ConceptError where the concept or its context is nowhere."""
    if mode == "ablate":
        showing = survey.showing(index)[:PICTURES]
        if not showing:
            raise ConceptError(f"none of these {len(survey.seeds)} pictures shows {segmenter.names[index]} on "
                               f"{PRESENT:.0%} of its pixels or more, so nothing can be removed; give more seeds.")
        with torch.no_grad():
            return _Trial(g, segmenter, index, g.head(g.sample(showing), layer), None, None)
    if context is None:
        random = np.random.RandomState(0)
        boxes = {seed: random_square(random, BOX) for seed in survey.lacking(index)[:PICTURES]}
    else:
        boxes = yield from room_for(g, segmenter, segmenter.names[context], survey.seeds, PICTURES)
    with torch.no_grad():
        paused = g.head(g.sample(list(boxes)), layer)
        grid = segmenter.probabilities(g.tail(paused)).shape[-2:]
    cells, pixels = (torch.stack([region.on(*size) for region in boxes.values()]).to(g.device)
                     for size in ((layer.height, layer.width), grid))
    return _Trial(g, segmenter, index, paused, survey.levels, (cells[:, None], pixels))


def room_for(g: LayeredGenerator, segmenter: Segmenter, context: str | Concept, seeds: Sequence[int],
             pictures: int) -> Generator[Progress, None, dict[int, Region]]:
    """So many pictures with the box in each that holds most of the context. Errors: ConceptError where there is none."""
    boxes: dict[int, Region] = {}
    for least in ROOM:
        if len(boxes) < pictures:
            boxes = yield from places.steps(g, segmenter, context, seeds, share=BOX, least=least)
    if not boxes:
        raise ConceptError(f"none of these {len(seeds)} pictures has room on {context}; give more seeds or another context.")
    return dict(list(boxes.items())[:pictures])


@stepwise
def measure_causes(g: LayeredGenerator, judge: Segmenter, found: Causes, contexts: Mapping[str, str], seeds: Any, *,
                   units: int, pictures: int = 100) -> Steps[Causes]:
    """The same causes with what their insertions were seen to do: each concept in boxes on its context, read by a judge.

    `units`: how many of each ranking; `pictures`: how many of the seeds, those that have room. The judge should be another
    segmenter than the one that the causes were learned with. Errors: ConceptError, UnitError, SeedError, ArgumentError.
    """
    found.check(g)
    numbers, seen, most = check_seeds(seeds), dict(found.drawn), at_least_one("pictures", pictures)
    for done, name in enumerate(found.concepts("insert")):
        if name not in contexts:
            continue
        boxes = yield from room_for(g, judge, contexts[name], numbers, most)
        measured = yield from effect.steps(g, judge, name, found.edit(name, "insert", n=units), list(boxes),
                                           region=list(boxes.values()), draws=DRAWS, levels=np.array(found.levels))
        often, *by_chance = [each.succeeded() for each in (measured.chosen, *measured.random) if isinstance(each, Insertion)]
        seen[name] = Drawn(contexts[name], units, len(boxes), often, float(np.median(by_chance)))
        yield Progress(done + 1, len(found.concepts("insert")), name)
    return replace(found, drawn=seen)
