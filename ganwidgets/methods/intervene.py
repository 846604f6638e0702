"""Interventions: what setting units does to the pictures, beside what as many random ones do (GAN Dissection, 3.2).

`removal` and `insertion` measure an edit on pictures that it was not chosen on; `effect` measures it together with
random draws of as many units. The judge should be another segmenter than the one that the units were chosen with.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from ganwidgets.core.concepts import Concept, Segmenter
from ganwidgets.core.edits import UnitEdit
from ganwidgets.core.errors import ArgumentError, ConceptError, RegionError, UnitError, one_of
from ganwidgets.core.jobs import Progress, Steps, stepwise
from ganwidgets.core.latents import check_seeds, whole_number
from ganwidgets.core.nets import Layer, LayeredGenerator, LayeredNet, PausedRun
from ganwidgets.core.regions import Region

LEVELS: Mapping[str, tuple[float, int]] = {"low": (0.01, 2), "medium": (0.02, 4), "high": (0.03, 6)}
BATCH = 8                  # pictures a step
BECAME = 0.15              # of a box that must become the concept before the insertion counts as seen


def level_units(channels: int, level: str) -> int:
    """How many units a strength level uses: 1, 2, 3 % of the layer, at least 2, 4, 6 (the paper's 4, 10, 15 of 512).

    Errors: ArgumentError for another level.
    """
    if level not in LEVELS:
        raise ArgumentError(one_of("level", level, LEVELS))
    share, least = LEVELS[level]
    return min(channels, max(least, round(share * channels)))


def levels_for(layer: Layer) -> dict[str, int]:
    """The number of units at each strength level: low, medium, high."""
    return {level: level_units(layer.channels, level) for level in LEVELS}


def random_units(edit: UnitEdit, net: LayeredNet, draw: int, *,
                 levels: Float[np.ndarray, " units"] | None = None) -> UnitEdit:
    """The control: the same edit with as many units drawn by chance from the whole layer, `draw` being the seed.

    `levels`: a value for each unit of the layer, of which those drawn take theirs; needed where the edit has a value
    per unit (`dissection.levels[layer]`). Errors: UnitError, ArgumentError.
    """
    channels = net.layer(edit.layer).channels
    if len(edit.units) >= channels:
        raise UnitError(f"the edit uses all {channels} units of {edit.layer}; no other set of as many can be drawn.")
    random = np.random.RandomState(check_seeds([draw])[0])
    units = tuple(random.permutation(channels)[:len(edit.units)].tolist())
    while set(units) == set(edit.units):
        units = tuple(random.permutation(channels)[:len(edit.units)].tolist())
    if edit.value.ndim == 0:
        return replace(edit, units=units)
    if edit.value.ndim != 1 or levels is None:
        raise ArgumentError("this edit has values of its own for each unit: give levels, a value for every unit of the "
                            "layer, as dissection.levels[layer] has them.")
    if len(levels) != channels:
        raise ArgumentError(f"{len(levels)} levels for the {channels} units of {edit.layer}; give one per unit.")
    return replace(edit, units=units, value=[float(levels[unit]) for unit in units])


@final
@dataclass(frozen=True, eq=False)
class Removal:
    """What an edit took away, picture by picture: the concept's share of the pixels before and after, and the share of
    the other pixels that kept their object (the judge's most probable concept of kind object); None for random draws,
    where it is not asked for."""
    concept: str
    seeds: tuple[int, ...] = field(repr=False)
    before: Float[np.ndarray, " n"] = field(repr=False)
    after: Float[np.ndarray, " n"] = field(repr=False)
    kept: Float[np.ndarray, " n"] | None = field(default=None, repr=False)

    @property
    def fraction(self) -> float:
        """The share of the concept's pixels, over all pictures, that went; negative if there are more than before."""
        total = float(self.before.sum())
        return 1 - float(self.after.sum()) / total if total else 0.0

    @property
    def kept_share(self) -> float:
        """The mean share of other pixels that kept their object; NaN where it was not measured."""
        return float("nan") if self.kept is None else float(self.kept.mean())


@final
@dataclass(frozen=True, eq=False)
class Insertion:
    """What an edit put into a box, picture by picture: the shares of the box that were the concept, are it and became
    it; and the mean change of the picture inside the box and outside a margin of one cell, in units of [-1, 1]."""
    concept: str
    seeds: tuple[int, ...] = field(repr=False)
    before: Float[np.ndarray, " n"] = field(repr=False)
    after: Float[np.ndarray, " n"] = field(repr=False)
    became: Float[np.ndarray, " n"] = field(repr=False)
    inside: Float[np.ndarray, " n"] = field(repr=False)
    outside: Float[np.ndarray, " n"] = field(repr=False)

    def succeeded(self, least: float | int = BECAME) -> int:
        """On how many pictures at least that share of the box became the concept."""
        return int((self.became >= least).sum())

    @property
    def fraction(self) -> float:
        """The mean share of the box that became the concept."""
        return float(self.became.mean())

    @property
    def spill(self) -> float:
        """The change outside the box / the change inside it, over all pictures."""
        inside = float(self.inside.sum())
        return float(self.outside.sum()) / inside if inside else 0.0


@final
@dataclass(frozen=True, eq=False)
class Effect:
    """An edit's effect beside that of random draws of as many units on the same pictures."""
    chosen: Removal | Insertion
    random: tuple[Removal | Insertion, ...] = field(repr=False)

    @property
    def fraction(self) -> float:
        """The fraction removed, or of the box that became the concept."""
        return self.chosen.fraction

    @property
    def random_fractions(self) -> tuple[float, ...]:
        """The same of each random draw."""
        return tuple(each.fraction for each in self.random)

    @property
    def random_median(self) -> float:
        """The median of the random draws' fractions; NaN without draws."""
        return float(np.median(self.random_fractions)) if self.random else float("nan")

    @property
    def beyond_chance(self) -> bool:
        """Whether the chosen units did more than every random draw."""
        return bool(self.random) and self.fraction > max(self.random_fractions)


@stepwise
def removal(g: LayeredGenerator, judge: Segmenter, concept: str | Concept, edit: UnitEdit, seeds: Any, *,
            batch: int = BATCH) -> Steps[Removal]:
    """How much of a concept an edit takes away from these pictures, and what of the rest it leaves as it was.

    Errors: ConceptError, LayerError, UnitError, SeedError, ArgumentError.
    """
    (found,) = yield from _removals(g, judge, concept, [edit], seeds, batch)
    return found


@stepwise
def insertion(g: LayeredGenerator, judge: Segmenter, concept: str | Concept, edit: UnitEdit,
              region: Region | Sequence[Region], seeds: Any, *, batch: int = BATCH) -> Steps[Insertion]:
    """How much of a region (one for all pictures, or one for each) becomes the concept when the edit is applied there.

    Errors: ConceptError, RegionError, LayerError, UnitError, SeedError, ArgumentError.
    """
    (found,) = yield from _insertions(g, judge, concept, [edit], region, seeds, batch)
    return found


@stepwise
def effect(g: LayeredGenerator, judge: Segmenter, concept: str | Concept, edit: UnitEdit, seeds: Any, *,
           region: Region | Sequence[Region] | None = None, draws: int = 20,
           levels: Float[np.ndarray, " units"] | None = None, batch: int = BATCH) -> Steps[Effect]:
    """An edit's removal (or with `region`, its insertion there) beside that of `draws` random sets of as many units.

    `levels` as in `random_units`. The pictures before the edit are drawn once. Errors: those of `removal`, `insertion`
    and `random_units`.
    """
    number = whole_number(draws)
    if number is None or number < 0:
        raise ArgumentError(f"draws must be a whole number from 0 up; {draws!r} came.")
    edits = [edit, *(random_units(edit, g, draw, levels=levels) for draw in range(number))]
    if region is None:
        found: list[Any] = yield from _removals(g, judge, concept, edits, seeds, batch)
    else:
        found = yield from _insertions(g, judge, concept, edits, region, seeds, batch)
    return Effect(found[0], tuple(found[1:]))


def _removals(g: LayeredGenerator, judge: Segmenter, concept: str | Concept, edits: Sequence[UnitEdit], seeds: Any,
              batch: int) -> Generator[Progress, None, list[Removal]]:
    """One removal per edit, all measured on the same pictures; what is kept, for the first edit alone."""
    index, numbers = judge.index(concept), _seeds(seeds)
    objects = _objects(judge)
    rows: list[list[tuple[Tensor, ...]]] = [[] for _ in edits]
    steps, done = -(-len(numbers) // batch) * len(edits), 0
    for paused, images, _ in _runs(g, edits[0].layer, numbers, batch):
        with torch.no_grad():
            mask, labels = judge.segment(images)[:, index], _labels(judge, images, objects)
        for place, (edit, found) in enumerate(zip(edits, rows, strict=True)):
            with torch.no_grad():
                after = _tail(g, paused, edit)
                shares = (_share(mask), _share(judge.segment(after)[:, index]))
                same = () if place else (_mean((_labels(judge, after, objects) == labels).float(), ~mask),)
            found.append((*shares, *same))
            done += 1
            yield Progress(done, steps, f"removing {judge.names[index]}")
    return [Removal(judge.names[index], numbers, *_columns(found)) for found in rows]


def _insertions(g: LayeredGenerator, judge: Segmenter, concept: str | Concept, edits: Sequence[UnitEdit], region: Any,
                seeds: Any, batch: int) -> Generator[Progress, None, list[Insertion]]:
    """One insertion per edit, all measured on the same pictures and places."""
    index, numbers = judge.index(concept), _seeds(seeds)
    regions, layer = _regions(region, len(numbers)), g.layer(edits[0].layer)
    rows: list[list[tuple[Tensor, ...]]] = [[] for _ in edits]
    steps, done = -(-len(numbers) // batch) * len(edits), 0
    for paused, images, start in _runs(g, layer, numbers, batch):
        here = regions[start:start + batch]
        with torch.no_grad():
            before = judge.segment(images)[:, index]
        box = _stack(here, *before.shape[-2:]).to(before.device)
        inside, outside = _zones(here, layer, images)
        for edit, found in zip(edits, rows, strict=True):
            with torch.no_grad():
                after = _tail(g, paused, edit, here)
                now, moved = judge.segment(after)[:, index], (after - images).abs().mean(1)
            found.append((_share(before, box), _share(now, box), _share(now & ~before, box),
                          _mean(moved, inside), _mean(moved, outside)))
            done += 1
            yield Progress(done, steps, f"inserting {judge.names[index]}")
    return [Insertion(judge.names[index], numbers, *_columns(found)) for found in rows]


@stepwise
def places(g: LayeredGenerator, judge: Segmenter, context: str | Concept, seeds: Any, *, share: float | int = 0.15,
           least: float | int = 0.75, batch: int = BATCH) -> Steps[dict[int, Region]]:
    """For each picture the square box of that share of it that holds most of the context; left out below `least` of it.

    So that trees are put on grass and clouds into the sky. Errors: ConceptError, SeedError, ArgumentError.
    """
    if not 0 < share <= 1:
        raise ArgumentError(f"a box covers more than 0 and at most 1 of the picture; {share!r} came.")
    index, numbers, found = judge.index(context), _seeds(seeds), dict[int, Region]()
    for _, images, start in _runs(g, g.layers[-1], numbers, batch):
        with torch.no_grad():
            masks = judge.segment(images)[:, index]
        for seed, mask in zip(numbers[start:start + batch], masks, strict=True):
            region, held = best_box(mask, share)
            if held >= least:
                found[seed] = region
        yield Progress(min(start + batch, len(numbers)), len(numbers), f"looking for {judge.names[index]}")
    return found


def best_box(mask: Bool[Tensor, "h w"], share: float | int) -> tuple[Region, float]:
    """The square box of that share of the picture that holds most of the mask, and how much of the box it is."""
    height, width = mask.shape
    side = share ** 0.5
    rows, columns = max(1, round(side * height)), max(1, round(side * width))
    held = F.avg_pool2d(mask.float()[None, None], (rows, columns), stride=1)[0, 0]
    best = int(held.argmax())
    y, x = divmod(best, held.shape[1])
    region = Region.box(x / width, y / height, min(1.0, (x + columns) / width), min(1.0, (y + rows) / height))
    return region, float(held.max())


def unit_heat(net: LayeredNet, paused: PausedRun, units: Sequence[int],
              thresholds: Float[np.ndarray, " units"]) -> Float[np.ndarray, "h w"]:
    """Where these units act in one picture, 0..1 on the layer's grid: the mean of their activations, 1 at a threshold.

    `thresholds`: one per unit of the layer, as a dissection has them. Errors: UnitError, ArgumentError.
    """
    layer = net.layer(paused.layer)
    if len(paused) != 1 or len(thresholds) != layer.channels:
        raise ArgumentError(f"a heat map is of one picture, with a threshold for each of the {layer.channels} units of "
                            f"{layer.name}; {len(paused)} pictures and {len(thresholds)} thresholds came.")
    chosen = UnitEdit(layer.name, tuple(units)).units
    if not chosen or max(chosen) >= layer.channels:
        raise UnitError(f"units {list(chosen)} came; {layer.name} has the units 0 to {layer.channels - 1}.")
    values = paused.features[0, list(chosen)].detach().float().cpu().numpy()
    limits = np.asarray(thresholds, np.float32)[list(chosen)][:, None, None]
    # where a threshold is not above 0 there is no way up to it: the unit acts or it does not
    slope = np.where(limits > 0, values / np.where(limits > 0, limits, 1), values > limits)
    return np.clip(slope, 0, 1).mean(0)


def _seeds(seeds: Any) -> tuple[int, ...]:
    numbers = check_seeds(seeds)
    if not numbers:
        raise ArgumentError("no picture to measure on: the list of seeds is empty.")
    return numbers


def _objects(judge: Segmenter) -> list[int]:
    found = [place for place, concept in enumerate(judge.concepts) if concept.kind == "object"]
    if not found:
        raise ConceptError("this judge knows no concept of kind object; what keeps its object cannot be said.")
    return found


def _regions(region: Any, count: int) -> list[Region]:
    """One region per picture. Errors: RegionError, ArgumentError."""
    if isinstance(region, Region):
        return [region] * count
    regions = list(region)
    if not all(isinstance(each, Region) for each in regions):
        raise RegionError("a region is made by gw.Region.box or gw.Region.from_mask; something else came.")
    if len(regions) != count:
        raise ArgumentError(f"{len(regions)} regions for {count} pictures; give one for all or one for each.")
    return regions


def _runs(g: LayeredGenerator, layer: str | Layer, seeds: tuple[int, ...],
          batch: int) -> Generator[tuple[PausedRun, Tensor, int], None, None]:
    """Runs stopped at the layer, with their pictures and the place of the first in the order."""
    for start in range(0, len(seeds), batch):
        with torch.no_grad():
            paused = g.head(g.sample(seeds[start:start + batch]), layer)
            images = g.tail(paused)
        yield paused, images, start


def _tail(g: LayeredGenerator, paused: PausedRun, edit: UnitEdit, regions: Sequence[Region] | None = None) -> Tensor:
    """The pictures under the edit, in each picture's own region if there are some."""
    if regions is None:
        features = edit.change(paused.features)
    elif all(region is regions[0] for region in regions):
        features = replace(edit, region=regions[0]).change(paused.features)
    else:
        features = torch.cat([replace(edit, region=region).change(paused.features[row:row + 1])
                              for row, region in enumerate(regions)])
    return g.tail(replace(paused, features=features))


def _labels(judge: Segmenter, images: Tensor, objects: list[int]) -> Tensor:
    return judge.probabilities(images)[:, objects].argmax(1)


def _stack(regions: Sequence[Region], height: int, width: int) -> Bool[Tensor, "n h w"]:
    """The regions as masks: what is covered by half or more, and never nothing."""
    stacked = torch.stack([region.on(height, width, how="mean") for region in regions])
    return stacked >= stacked.amax((1, 2), keepdim=True).clamp(max=0.5)


def _zones(regions: Sequence[Region], layer: Layer, images: Tensor) -> tuple[Tensor, Tensor]:
    """The pixels inside each region, and those at least one cell away from the cells that it touches."""
    height, width = images.shape[-2:]
    inside = _stack(regions, height, width)
    cells = torch.stack([region.on(layer.height, layer.width) > 0 for region in regions]).float()
    near = F.max_pool2d(cells[:, None], 3, stride=1, padding=1)
    outside = F.interpolate(near, size=(height, width), mode="nearest-exact")[:, 0] == 0
    return inside.to(images.device), outside.to(images.device)


def _share(mask: Bool[Tensor, "n h w"], within: Bool[Tensor, "n h w"] | None = None) -> Float[Tensor, " n"]:
    return mask.float().mean((1, 2)) if within is None else _mean(mask.float(), within)


def _mean(values: Float[Tensor, "n h w"], within: Bool[Tensor, "n h w"]) -> Float[Tensor, " n"]:
    return (values * within).sum((1, 2)) / within.sum((1, 2)).clamp(min=1)


def _columns(found: Sequence[tuple[Tensor, ...]]) -> list[Float[np.ndarray, " n"]]:
    return [torch.cat(parts).cpu().double().numpy() for parts in zip(*found, strict=True)]
