"""Sweeps: a concept's units switched off one after another, twice as many each time, beside as many random ones.

GAN Dissection (Bau et al. 2019), section 4.2 and figure 4: the more units of a concept are set to zero, the less of it is left;
as many units drawn by chance leave it alone.
"""

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ganwidgets.core.causes import Causes
from ganwidgets.core.concepts import Concept, Segmenter
from ganwidgets.core.edits import UnitEdit
from ganwidgets.core.errors import ArgumentError, ConceptError, UnitError
from ganwidgets.core.jobs import Progress, Steps, stepwise
from ganwidgets.core.latents import check_seeds, whole_number
from ganwidgets.core.nets import Layer, LayeredGenerator, PausedRun
from ganwidgets.core.rankings import check_mode, ranked_edit
from ganwidgets.core.regions import Region
from ganwidgets.core.stills import MAGENTA, Still
from ganwidgets.core.unit_edits import check_fits, check_units
from ganwidgets.methods.dissection import Dissection
from ganwidgets.methods.intervene import BATCH, random_units, unit_heat

SEEDS = range(1000, 1016)      # others than those that a dissection looks at when nothing is said
SHOWN = 4                      # pictures that are kept at each count


@final
@dataclass(frozen=True, eq=False)
class Sweep:
    """What so many units of a ranking do, for rising `counts`: pictures, and the concept's shares of the pixels.

    `images` are those of the first few seeds at each count. `before` has the concept's share in each picture as it was,
    `shares` at each count, `random_shares` the same for random units, a row a draw; all three are None where nobody
    measured. `stills` show one picture at each count, with where it had the concept, and where the units acted in it.
    """
    concept: str
    mode: str
    layer: str
    units: tuple[int, ...] = field(repr=False)
    seeds: tuple[int, ...] = field(repr=False)
    counts: tuple[int, ...]
    images: Float[Tensor, "counts shown 3 h w"] = field(repr=False)
    stills: tuple[Still, ...] = field(repr=False)
    before: Float[np.ndarray, " n"] | None = field(default=None, repr=False)
    shares: Float[np.ndarray, "counts n"] | None = field(default=None, repr=False)
    random_shares: Float[np.ndarray, "draws counts n"] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def left(self) -> Float[np.ndarray, " counts"]:
        """How much of the concept's pixels is left at each count, over all pictures; 1: all. Errors: ArgumentError."""
        before, shares, _ = self._measured()
        return _left(before, shares)

    @property
    def random_left(self) -> Float[np.ndarray, "draws counts"]:
        """The same for each draw of random units. Errors: ArgumentError."""
        before, _, random = self._measured()
        return np.array([_left(before, each) for each in random]).reshape(len(random), len(self.counts))

    @property
    def table(self) -> pd.DataFrame:
        """A row a count: count, share (of the pixels), left, and the draws' medians of both. Errors: ArgumentError."""
        _, shares, random = self._measured()
        chance = random.mean(2) if len(random) else np.full((1, len(self.counts)), np.nan)
        left = self.random_left if len(random) else chance
        return pd.DataFrame({"count": self.counts, "share": shares.mean(1), "left": self.left,
                             "random_share": np.median(chance, 0), "random_left": np.median(left, 0)})

    def _measured(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if self.before is None or self.shares is None or self.random_shares is None:
            raise ArgumentError("nobody measured this sweep: give sweep a segmenter, as gw.load_segmenter(name) does.")
        return self.before, self.shares, self.random_shares


@stepwise
def sweep(g: LayeredGenerator, d: Dissection | Causes, concept: str | Concept, *, layer: str | Layer | None = None,
          seeds: Any = SEEDS, counts: Any = None, mode: str = "ablate", segmenter: Segmenter | None = None,
          units: Any = None, region: Region | None = None, draws: int = 3, batch: int = BATCH) -> Steps[Sweep]:
    """Switch off (or with mode "insert" set high) rising numbers of a concept's units, and see what is left of it.

    `d`: whose ranking, a dissection's by agreement or causes; `units`: a ranking of your own, with `d` for its levels.
    `counts`: how many units each time; left out, 0, 1, 2, 4, ... up to half the layer. `segmenter`: left out, the net's
    companion; without one nothing is measured. `draws` sets of as many random units are the control; a set grows with the
    count as the ranking does. The Progress at the end of each count carries a Still.
    Errors: ConceptError, LayerError, UnitError, SeedError, EditError, ArgumentError.
    """
    task = _task(g, d, concept, layer, seeds, counts, mode, segmenter, units, region, draws, batch)
    runs = yield from _runs(task)
    pictures, before = yield from _over(task, runs, None, 0)
    if task.judge is not None and mode == "ablate" and not before.any():
        raise ConceptError(f"none of these {len(task.seeds)} pictures shows {task.concept.name}, so nothing can go; give "
                           "others as seeds.")
    picture = int(before[:SHOWN].argmax())
    outline = task.outline(pictures[[picture]])
    shown = g.head(g.sample([task.seeds[picture]]), task.whole.layer)
    images, stills, shares, random = [], list[Still](), [], list[list[np.ndarray]]()
    for place, count in enumerate(task.counts):
        pictures, share = yield from _over(task, runs, task.edit(count), place)
        images.append(pictures)
        shares.append(share)
        random.append([])
        for draw in range(task.draws):
            random[-1].append((yield from _over(task, runs, task.random(count, draw), place))[1])
        heat = task.heat(shown, count)
        text = task.words(count, before, share, random[-1])
        stills.append(Still(pictures[picture], text, heat, outline))
        yield Progress(place + 1, len(task.counts), text, stills[-1])
    by_chance = np.array(random).reshape(len(task.counts), task.draws, len(before)).transpose(1, 0, 2)
    measured = (before, np.stack(shares), by_chance) if task.judge is not None else ()
    return Sweep(task.concept.name, mode, task.whole.layer, task.whole.units, task.seeds, task.counts, torch.stack(images),
                 tuple(stills), *measured)


@dataclass(frozen=True, eq=False)
class _Task:
    """What is to be done, checked; `whole` is the edit of the largest count."""
    g: LayeredGenerator
    concept: Concept
    judge: Segmenter | None
    whole: UnitEdit
    levels: np.ndarray
    thresholds: np.ndarray
    seeds: tuple[int, ...]
    counts: tuple[int, ...]
    mode: str
    draws: int
    batch: int

    def edit(self, count: int) -> UnitEdit | None:
        """The edit of the first units; none for no unit."""
        values = self.whole.value if self.whole.value.ndim == 0 else self.whole.value[:count]
        return replace(self.whole, units=self.whole.units[:count], value=values) if count else None

    def random(self, count: int, draw: int) -> UnitEdit | None:
        """The same with random units."""
        edit = self.edit(count)
        return None if edit is None else random_units(edit, self.g, draw, levels=self.levels)

    def read(self, run: PausedRun, edit: UnitEdit | None) -> tuple[Tensor, np.ndarray]:
        """The pictures under the edit, and the concept's share of each."""
        with torch.no_grad():
            changed = run if edit is None else replace(run, features=edit.change(run.features))
            pictures = self.g.tail(changed)
            if self.judge is None:
                return pictures, np.zeros(len(pictures))
            masks = self.judge.segment(pictures)[:, self.judge.index(self.concept.name)]
        return pictures, masks.float().mean((1, 2)).cpu().double().numpy()

    def heat(self, run: PausedRun, count: int) -> Float[np.ndarray, "h w"] | None:
        """Where the first units act in the picture as it was, 1 where most; None for no unit."""
        found = unit_heat(self.g, run, self.whole.units[:count], self.thresholds) if count else None
        # the mean of many units is low everywhere, and where they act could not be seen
        return found if found is None or not found.any() else found / found.max()

    def words(self, count: int, before: np.ndarray, share: np.ndarray, random: list[np.ndarray]) -> str:
        """What this count left of the concept, or for insertions how much of the pixels it made of it."""
        text = f"{count} unit{'' if count == 1 else 's'} {'off' if self.mode == 'ablate' else 'high'}"
        if self.judge is None:
            return text
        told = [float(_left(before, each[None])[0]) if self.mode == "ablate" else float(each.mean()) for each in (share, *random)]
        by_chance = f" (random units: {np.median(told[1:]):.0%})" if count and random else ""
        return f"{text}: {self.concept.name} {told[0]:.0%}{by_chance}"

    def outline(self, picture: Tensor) -> Bool[np.ndarray, "h w"] | None:
        """Where the concept is in this picture; None where it is nowhere."""
        if self.judge is None:
            return None
        with torch.no_grad():
            mask = self.judge.segment(picture.to(self.g.device))[0, self.judge.index(self.concept.name)].cpu().numpy()
        return mask if mask.any() else None


def _task(g: Any, d: Any, concept: Any, layer: Any, seeds: Any, counts: Any, mode: Any, segmenter: Any, units: Any,
          region: Any, draws: Any, batch: Any) -> _Task:
    """The arguments, checked before anything is run."""
    if not isinstance(g, LayeredGenerator) or not isinstance(d, (Dissection, Causes)):
        raise ArgumentError(f"sweep needs a generator and a dissection or causes; a {type(g).__name__} and a "
                            f"{type(d).__name__} came.")
    judge = g.companions["segmenter"]() if segmenter is None and "segmenter" in g.companions else segmenter
    place = g.layer(_layer(d, concept, check_mode(mode), layer))
    at = place.name
    levels = np.array(d.levels[at] if isinstance(d, Dissection) else d.levels, dtype=float)
    numbers, found = _counts(counts, place.channels), check_seeds(seeds)
    whole = _whole(d, concept, mode, units, max(1, *numbers), place, levels, region)
    drawn, size = whole_number(draws), whole_number(batch)
    if not found or drawn is None or drawn < 0 or size is None or size < 1:
        raise ArgumentError(f"a sweep needs seeds, draws from 0 up and a batch from 1 up; {seeds!r}, {draws!r}, {batch!r} came.")
    thresholds = d.thresholds[at] if isinstance(d, Dissection) else levels
    return _Task(g, _concept(d, judge, concept), judge, whole, levels, thresholds, found, numbers, mode,
                 drawn if judge is not None else 0, size)


def _layer(d: Dissection | Causes, concept: Any, mode: str, layer: Any) -> str:
    if isinstance(d, Causes):
        if layer is not None and str(layer) != d.layer:
            raise ArgumentError(f"these causes are of {d.layer}, not of {layer}.")
        return d.layer
    return d.at(layer).layers[0].name if layer is not None else d.edit(concept, mode, n=1).layer


def _counts(counts: Any, channels: int) -> tuple[int, ...]:
    """How many units each time. Errors: UnitError."""
    asked = [0, *(2 ** power for power in range(channels.bit_length()) if 2 ** power * 2 <= channels)]
    numbers = [whole_number(each) for each in (asked if counts is None else counts)]
    found = tuple(each for each in numbers if each is not None)
    if not found or len(found) < len(numbers) or min(found) < 0 or max(found) >= channels or sorted({*found}) != list(found):
        raise UnitError(f"counts are rising whole numbers from 0 to {channels - 1}, fewer than all units, so that as many "
                        f"others can be drawn; {counts!r} came.")
    return found


def _whole(d: Any, concept: Any, mode: str, units: Any, most: int, layer: Layer, levels: np.ndarray,
           region: Region | None) -> UnitEdit:
    """The edit of the most units that are asked for."""
    if units is None:
        at = {"layer": layer.name} if isinstance(d, Dissection) else {}
        return d.edit(concept, mode, n=most, region=region, **at)
    chosen = check_units(units)
    check_fits(chosen, layer.channels, layer.name)
    if len(chosen) < most:
        raise UnitError(f"{len(chosen)} units came, and a count of {most}; give more units, or counts up to {len(chosen)}.")
    return ranked_edit(layer.name, chosen[:most], mode, levels, region=region)


def _concept(d: Any, judge: Segmenter | None, concept: Any) -> Concept:
    """The concept with its colour, as the segmenter or the dissection knows it. Errors: ConceptError."""
    if judge is not None:
        return judge.concepts[judge.index(concept)]
    name = concept.name if isinstance(concept, Concept) else concept
    known = d.concepts if isinstance(d, Dissection) else ()
    return next((each for each in known if each.name == name), Concept(name, color=MAGENTA))


def _runs(task: _Task) -> Generator[Progress, None, list[PausedRun]]:
    """The pictures' runs, stopped at the layer, and kept: each count then costs tails alone."""
    found: list[PausedRun] = []
    for start in range(0, len(task.seeds), task.batch):
        with torch.no_grad():
            found.append(task.g.head(task.g.sample(task.seeds[start:start + task.batch]), task.whole.layer))
        yield Progress(0, len(task.counts), "drawing")
    return found


def _over(task: _Task, runs: list[PausedRun], edit: UnitEdit | None,
          done: int) -> Generator[Progress, None, tuple[Tensor, np.ndarray]]:
    """The first few pictures under the edit, and the concept's share of every one."""
    pictures, shares = list[Tensor](), list[np.ndarray]()
    for run in runs:
        found, share = task.read(run, edit)
        shares.append(share)
        if sum(map(len, pictures)) < SHOWN:
            pictures.append(found.cpu())
        yield Progress(done, len(task.counts), f"measuring {task.concept.name}")
    return torch.cat(pictures)[:SHOWN], np.concatenate(shares)


def _left(before: Float[np.ndarray, " n"], shares: Float[np.ndarray, "counts n"]) -> Float[np.ndarray, " counts"]:
    total = float(before.sum())
    return shares.sum(1) / total if total else np.full(len(shares), np.nan)
