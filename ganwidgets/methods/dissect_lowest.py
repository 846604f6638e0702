"""The pictures in which a unit goes lowest, beside those in which it goes highest: what is missing where it is silent.

A unit's height in a picture is its highest value there, as for the highest pictures (Bau et al. 2020, section 3.1); a
dissection does not keep the lowest, so pictures are looked through once more, without a segmenter.
"""

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import torch

from ganwidgets.core.counting import at_least_one
from ganwidgets.core.examples import Examples
from ganwidgets.core.inputs import Inputs, looked_at
from ganwidgets.core.jobs import Progress, Steps, stepwise
from ganwidgets.core.nets import Layer, LayeredNet
from ganwidgets.core.statistics import TopK, peaks_of
from ganwidgets.methods.dissect_examples import examples
from ganwidgets.methods.dissection import TOP, Dissection, LayerFindings

BATCH = 8                  # pictures a step
LOOKED = 200               # pictures that are looked through, if nothing is said


@stepwise
def lowest_examples(net: LayeredNet, d: Dissection, units: Any = None, *, layer: str | Layer | None = None, k: int = TOP,
                    seeds: Any = None, images: Any = None) -> Steps[Examples]:
    """The pictures in which units go lowest, the lowest first, and where they are lit even there.

    Looked through are the pictures of `seeds` (left out: the first 200, or as many as were dissected if these are fewer), or for
    a classifier the `images` that were dissected; of pictures in which a unit goes equally low the first come first. The rest
    as for `gw.examples`. Errors: ArgumentError, LayerError, UnitError, SeedError, ShapeError.
    """
    lowered = yield from lowest_first.steps(net, d, layer=layer, seeds=seeds, images=images)
    return (yield from examples.steps(net, lowered, units, k=k, images=images))


@stepwise
def lowest_first(net: LayeredNet, d: Dissection, *, layer: str | Layer | None = None, seeds: Any = None, images: Any = None,
                 batch: int = BATCH) -> Steps[Dissection]:
    """The dissection of one layer whose `tops` are the pictures in which each unit goes lowest. Errors: as `lowest_examples`."""
    (found,) = d.at(d.layers[0] if layer is None else layer).findings
    inputs = looked_at(net, seeds=seeds, images=images, default=range(min(LOOKED, d.pictures)))
    lows = yield from _lows(net, found, inputs, at_least_one("batch", batch))
    return replace(d, findings=(replace(found, tops=lows),), examples=())


def _lows(net: LayeredNet, found: LayerFindings, inputs: Inputs, batch: int) -> Generator[Progress, None, TopK]:
    lows, numbers, done = TopK(found.layer.channels, TOP), inputs.seeds or tuple(range(len(inputs))), 0
    for each in inputs.batches(batch):
        with torch.no_grad():
            peaks = peaks_of(net.head(each, found.layer).features)
        lows.add(-peaks, numbers[done:done + len(peaks)])
        done += len(peaks)
        yield Progress(done, len(inputs), "pictures")
    return lows
