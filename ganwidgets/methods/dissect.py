"""Network dissection: compare each unit's activation maps with where each concept is, and label it (Bau et al. 2020).

A unit counts as lit at the 1 % of all pixels where it is highest; its label is the concept with which that part of the
picture has the highest intersection over union (section 3.1). Under the rule "iqr" it has a threshold for each concept, the one
at which the two tell most of one another (GAN Dissection, section 3.1). Activation maps are brought to the segmentation grid by
bilinear interpolation between pixel centres, the border continued.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from ganwidgets.core.concepts import KnownMasks, Segmenter
from ganwidgets.core.errors import ArgumentError, LayerError, ShapeError, one_of
from ganwidgets.core.information import SHARES, LevelCounts, PairCounts
from ganwidgets.core.inputs import as_pictures, drawn_seeds
from ganwidgets.core.jobs import Progress, Steps, stepwise
from ganwidgets.core.latents import whole_number
from ganwidgets.core.nets import Layer, LayeredClassifier, LayeredGenerator, LayeredNet, PausedRun
from ganwidgets.core.statistics import IoUCounts, Quantiles, TopK, peaks_of
from ganwidgets.methods.dissection import KEPT, TOP, Dissection, LayerFindings
from ganwidgets.methods.dissection import open_dissection as open_dissection

BATCH = 8                  # pictures a step: near 50 ms on one core for the bundled nets
PIXELS = 256               # pixels of each picture of the calibration sample
CALIBRATION = 500          # pictures of that sample, at least, if nothing is said
SHARE = 0.01               # of the pixels at which a unit counts as lit
RULES = ("quantile", "iqr")


@stepwise
def dissect(net: LayeredNet, segmenter: Segmenter | KnownMasks | None = None, *, layer: str | Layer | None = None,
            layers: Sequence[str | Layer] | None = None, seeds: Any = None, images: Any = None, rule: str = "quantile",
            calibration: int | str | None = None, grid: int | None = None, batch: int = BATCH) -> Steps[Dissection]:
    """Label the units of a layer (or several, in one pass) with concepts.

    A generator draws the pictures of `seeds` (left out: the first 1000); a classifier looks at `images`, a tensor
    (n, 3, h, w) in [-1, 1] or batches of them. `segmenter`: left out, the net's companion; KnownMasks are in the order
    of the pictures. `layer`: left out, the last one whose grid is at most a quarter of the picture's. `calibration`:
    how many pictures the thresholds come from, the first ones, 256 random pixels each; left out, a quarter of them, at
    least 500 (of images in batches 500), or "all" for every pixel of every picture (one more pass over all). `rule` "iqr":
    these pictures, at most half of all, fit the thresholds and are not counted. `grid`: the segmentation grid's side; left
    out, half the picture's up to 128 px, else 64.
    Memory does not depend on the number of pictures. Errors: ArgumentError, LayerError, SeedError, ShapeError.
    """
    task = _task(net, segmenter, layer, layers, seeds, images, rule, calibration, grid, batch)
    quantiles = yield from _calibrate(task)
    findings = yield from (_by_information if rule == "iqr" else _by_quantile)(task, quantiles)
    return Dissection(net.name, net.digest, task.segmenter.concepts, tuple(findings), rule, SHARE,
                      task.stated(findings[0].counts.pictures))


@dataclass(frozen=True, eq=False)
class _Task:
    """What is to be done, checked."""
    net: LayeredNet
    segmenter: Segmenter | KnownMasks
    layers: tuple[Layer, ...]
    seeds: tuple[int, ...] | None
    images: Any
    calibration: int | None              # None: all
    grid: int
    batch: int
    fitted: int = 0                      # pictures that are not counted, the first ones

    @property
    def total(self) -> int:
        """The number of pictures; 0 where it is not known."""
        if self.seeds is not None:
            return len(self.seeds)
        return len(self.images) if isinstance(self.images, Tensor) else 0

    def calibrated(self, pictures: int) -> int:
        """How many of so many pictures the thresholds come from."""
        return self.fitted or (pictures if self.calibration is None else min(pictures, self.calibration))

    def stated(self, pictures: int) -> int | str:
        """What a dissection of so many pictures says of where its thresholds come from."""
        return "all" if self.calibration is None and not self.fitted else self.calibrated(pictures)

    def numbers(self, start: int, count: int) -> Sequence[int]:
        """The numbers of so many pictures from a place in the order on: seeds, or the places themselves."""
        return range(start, start + count) if self.seeds is None else self.seeds[start:start + count]

    def batches(self, first: int = 0, most: int | None = None) -> Iterator[Any]:
        """What the net takes, batch by batch: latents or pictures; those from the place `first` on, before the place `most`."""
        if self.seeds is not None:
            assert isinstance(self.net, LayeredGenerator)
            seeds = self.seeds[first:most]
            for start in range(0, len(seeds), self.batch):
                yield self.net.sample(seeds[start:start + self.batch])
            return
        done = 0
        for images in self.images.split(self.batch) if isinstance(self.images, Tensor) else self.images:
            for part in as_pictures(images).split(self.batch):
                kept = part[max(0, first - done):None if most is None else max(0, most - done)]
                done += len(part)
                if len(kept):
                    yield kept.float().to(self.net.device)
                if most is not None and done >= most:
                    return


def _task(net: Any, segmenter: Any, layer: Any, layers: Any, seeds: Any, images: Any, rule: Any, calibration: Any,
          grid: Any, batch: Any) -> _Task:
    """The arguments, checked before anything is run."""
    if not isinstance(net, LayeredNet):
        raise ArgumentError(f"dissect needs a net, as gw.load(name) gives; what came is a {type(net).__name__}.")
    if rule not in RULES:
        raise ArgumentError(one_of("rule", rule, RULES, where="dissect"))
    side = (net.image_size // 2 if net.image_size <= 128 else 64) if grid is None else _count_of("grid", grid)
    chosen = _layers(net, layer, layers)
    judge = _segmenter(net, segmenter)
    seeds, images = _inputs(net, seeds, images)
    task = _Task(net, judge, chosen, seeds, images, None, max(1, side), _count_of("batch", batch))
    task = replace(task, calibration=_sample_of(calibration, task.total))
    task = replace(task, fitted=_fitted(task)) if rule == "iqr" else task
    if isinstance(judge, KnownMasks) and task.total and task.total != len(judge):
        raise ShapeError(f"{len(judge)} known masks for {task.total} pictures; give one per picture, in their order.")
    return task


def _sample_of(calibration: Any, total: int) -> int | None:
    """From how many pictures, at most, the thresholds come; None: from all. `total`: of all, 0 where it is not known."""
    if calibration == "all":
        return None
    # a fixed number would be an ever smaller part of them, and units lit ever further from the share that is meant
    return max(CALIBRATION, total // 4) if calibration is None else _count_of("calibration", calibration)


def _fitted(task: _Task) -> int:
    """How many pictures, the first ones, fit the thresholds of the rule "iqr" and are not counted. Errors: ArgumentError."""
    if task.total == 1 or not (task.total or task.calibration):
        raise ArgumentError('the rule "iqr" fits its thresholds on some pictures and counts the others: give two or more, and a '
                            'number as calibration where images come in batches.')
    return min(task.calibration or task.total, task.total // 2) if task.total else task.calibration or 0


def _count_of(name: str, value: Any) -> int:
    number = whole_number(value)
    if number is None or number < 1:
        extra = ' or "all"' if name == "calibration" else ""
        raise ArgumentError(f"{name} must be a whole number from 1 up{extra}; {value!r} came.")
    return number


def _layers(net: LayeredNet, layer: Any, layers: Any) -> tuple[Layer, ...]:
    """The layers asked for, each once, in running order. Errors: LayerError, ArgumentError."""
    if layer is not None and layers is not None:
        raise ArgumentError("give either one layer or several layers, not both.")
    if layers is not None and isinstance(layers, (str, Layer)):
        raise ArgumentError(f"layers is a list of layers; for one write layer={str(layers)!r}.")
    if layer is None and layers is None:
        small = [each for each in net.layers if each.height * 4 <= net.image_size]
        return (small[-1] if small else net.layers[0],)
    places = sorted({net.place(each) for each in ([layer] if layers is None else layers)})
    if not places:
        raise LayerError("no layer to dissect: the list of layers is empty.")
    return tuple(net.layers[place] for place in places)


def _segmenter(net: LayeredNet, segmenter: Any) -> Segmenter | KnownMasks:
    if segmenter is None and "segmenter" in net.companions:
        segmenter = net.companions["segmenter"]()
    if segmenter is None:
        raise ArgumentError(f"{net.name} brings no segmenter of its own: give one, as gw.load_segmenter(name) does.")
    if not isinstance(segmenter, (Segmenter, KnownMasks)):
        raise ArgumentError(f"dissect needs a Segmenter or KnownMasks; what came is a {type(segmenter).__name__}.")
    return segmenter


def _inputs(net: LayeredNet, seeds: Any, images: Any) -> tuple[tuple[int, ...] | None, Any]:
    """Seeds for a generator, for a classifier pictures or batches of them. Errors: ArgumentError, SeedError, ShapeError."""
    numbers = drawn_seeds(net, seeds=seeds, images=images, default=range(1000))
    if numbers is not None:
        return numbers, None
    if isinstance(images, (Tensor, np.ndarray)):
        return None, as_pictures(images)
    if not isinstance(images, Iterable):
        raise ArgumentError(f"images are a tensor or batches of them; what came is a {type(images).__name__}.")
    if iter(images) is images:
        raise ArgumentError("images are gone through twice, first for the thresholds: give a list, a data loader or a "
                            "tensor, not an iterator that runs out.")
    return None, images


def _calibrate(task: _Task) -> Generator[Progress, None, list[Quantiles]]:
    """The quantiles of each unit on the segmentation grid, from the calibration sample or from every pixel."""
    quantiles = [Quantiles(layer.channels) for layer in task.layers]
    done, expected = 0, task.calibrated(task.total)
    for inputs in task.batches(most=task.fitted or task.calibration):
        with torch.no_grad():
            for run, each in zip(list(_runs(task, inputs)), quantiles, strict=True):
                each.add(_sample(maps_on(run.features, task.grid), first=done, every=task.calibration is None))
        done += len(inputs)
        yield Progress(done, expected + task.total if task.total else 0, "thresholds")
    if not done:
        raise ArgumentError("no picture to look at: images are empty.")
    return quantiles


Found = Generator[Progress, None, list[LayerFindings]]
Add = Callable[[Tensor, Tensor], None]


def _by_quantile(task: _Task, quantiles: Sequence[Quantiles]) -> Found:
    """What is found where each unit is lit at the same share of all pixels."""
    thresholds = [each.quantile(1 - SHARE) for each in quantiles]
    counts = [IoUCounts(layer.channels, len(task.segmenter.concepts), task.grid, task.grid) for layer in task.layers]
    tops = yield from _count(task, [partial(_add_lit, *each) for each in zip(counts, thresholds, strict=True)])
    return [LayerFindings(layer, limits, each.quantiles(KEPT), found, top) for layer, limits, each, found, top in zip(
        task.layers, thresholds, quantiles, counts, tops, strict=True)]


def _add_lit(counts: IoUCounts, thresholds: np.ndarray, maps: Tensor, masks: Tensor) -> None:
    counts.add(maps > torch.from_numpy(thresholds.astype(np.float32)).to(maps.device)[:, None, None], masks)


def _by_information(task: _Task, quantiles: Sequence[Quantiles]) -> Found:
    """What is found where each unit has a threshold for each concept, fitted on the first pictures and counted on the others."""
    levels = [LevelCounts(each.quantiles(1 - SHARES).T, len(task.segmenter.concepts), task.grid, task.grid) for each in quantiles]
    yield from _pass(task, [each.add for each in levels], note="what tells most", last=task.fitted)
    best = [each.best() for each in levels]
    pairs = [PairCounts(limits, task.grid, task.grid, each.concept_cells, each.pictures)
             for each, (limits, _) in zip(levels, best, strict=True)]
    tops = yield from _count(task, [each.add for each in pairs])
    return [_informed(*each) for each in zip(task.layers, quantiles, pairs, tops, best, strict=True)]


def _informed(layer: Layer, quantiles: Quantiles, pairs: PairCounts, top: TopK,
              best: tuple[np.ndarray, np.ndarray]) -> LayerFindings:
    """What was counted by the `best` thresholds and their quality: each unit's threshold is that of its own concept."""
    limits, quality = best
    own = limits[np.arange(layer.channels), pairs.iou.argmax(1)]
    own = np.where(np.isfinite(own), own, quantiles.quantile(1 - SHARE))
    return LayerFindings(layer, own, quantiles.quantiles(KEPT), pairs, top, quality)


def _count(task: _Task, adds: Sequence[Add]) -> Generator[Progress, None, list[TopK]]:
    """The one pass over all pictures that are counted; the pictures in which each unit goes highest."""
    tops = [TopK(layer.channels, TOP) for layer in task.layers]
    done = yield from _pass(task, adds, note="counting", first=task.fitted, tops=tops)
    if isinstance(task.segmenter, KnownMasks) and done != len(task.segmenter):
        raise ShapeError(f"{len(task.segmenter)} known masks for {done} pictures; give one per picture, in order.")
    if done == task.fitted:
        raise ArgumentError(f"only {done} pictures came, and as many fit the thresholds; give more, or a smaller calibration.")
    return tops


def _pass(task: _Task, adds: Sequence[Add], *, note: str, first: int = 0, last: int | None = None,
          tops: Sequence[TopK] = ()) -> Generator[Progress, None, int]:
    """Hand each layer's maps and the masks, both on the grid, to its counts; answers the place after the last picture."""
    done, before = first, task.calibrated(task.total)
    for inputs in task.batches(first, last):
        with torch.no_grad():
            runs = list(_runs(task, inputs))
            masks = masks_on(_masks(task, inputs, runs[-1], done), task.grid)
            for run, add in zip(runs, adds, strict=True):
                add(maps_on(run.features, task.grid), masks.to(run.features.device))
            for run, top in zip(runs, tops, strict=False):
                top.add(peaks_of(run.features), task.numbers(done, len(inputs)))
        done += len(inputs)
        yield Progress(before + done, before + task.total if task.total else 0, note)
    return done


def _runs(task: _Task, inputs: Any) -> Iterator[PausedRun]:
    """The run stopped at each layer in turn."""
    run = task.net.head(inputs, task.layers[0])
    yield run
    for layer in task.layers[1:]:
        run = task.net.resume(run, layer)
        yield run


def _masks(task: _Task, inputs: Any, run: PausedRun, start: int) -> Bool[Tensor, "n k h w"]:
    """Where the concepts are in the pictures of this batch, the first of which has that place in the order."""
    if isinstance(task.segmenter, KnownMasks):
        masks = task.segmenter.rows(start, start + len(inputs))
    else:
        pictures = inputs if isinstance(task.net, LayeredClassifier) else task.net.tail(run)
        masks = task.segmenter.segment(pictures)
    if masks.ndim != 4 or masks.shape[:2] != (len(inputs), len(task.segmenter.concepts)):
        raise ShapeError(f"masks of {len(inputs)} pictures have the shape ({len(inputs)}, "
                         f"{len(task.segmenter.concepts)}, height, width); {tuple(masks.shape)} came.")
    return masks


def maps_on(features: Float[Tensor, "n units h w"], grid: int) -> Float[Tensor, "n units grid grid"]:
    """Activation maps on the segmentation grid: bilinear between pixel centres, the border continued."""
    if features.shape[-2:] == (grid, grid):
        return features
    return F.interpolate(features, size=(grid, grid), mode="bilinear", align_corners=False)


def masks_on(masks: Bool[Tensor, "n k h w"], grid: int) -> Float[Tensor, "n k grid grid"]:
    """Masks on the segmentation grid, as 0 and 1: 1 where at least half of a cell is the concept."""
    height, width = masks.shape[-2:]
    if (height, width) == (grid, grid):
        return masks.float()
    if height < grid or width < grid:
        return F.interpolate(masks.float(), size=(grid, grid), mode="nearest-exact")
    if height % grid or width % grid:
        return (F.adaptive_avg_pool2d(masks.float(), grid) >= 0.5).float()
    return (F.avg_pool2d(masks.float(), (height // grid, width // grid)) >= 0.5).float()


def _sample(maps: Float[Tensor, "n units h w"], *, first: int, every: bool) -> Float[Tensor, "samples units"]:
    """Some pixels of each picture, drawn by the picture's place in the order, so that batches do not matter; or all."""
    values = maps.flatten(2)
    if not every and values.shape[2] > PIXELS:
        drawn = [np.random.RandomState(first + row).permutation(values.shape[2])[:PIXELS] for row in range(len(maps))]
        places = torch.from_numpy(np.stack(drawn)).to(maps.device)
        values = values.gather(2, places[:, None].expand(-1, values.shape[1], -1))
    return values.permute(0, 2, 1).flatten(0, 1)
