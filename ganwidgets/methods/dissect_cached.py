"""A dissection that is computed once and then read from a folder, as long as nothing that it depends on has changed.

Its file's name is the key: the digest of the weights with every edit, layers, segmenter, pictures, rule and the code that
decides the figures. What is read is held against the net before it is believed, and nothing in a file is ever run.
"""

import contextlib
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganwidgets.core import counting, fingerprints, information, iou, statistics
from ganwidgets.core.concepts import KnownMasks, Segmenter
from ganwidgets.core.digests import tensor_digest
from ganwidgets.core.errors import ArgumentError, StatisticsError
from ganwidgets.core.jobs import Steps, stepwise
from ganwidgets.core.latents import check_seeds
from ganwidgets.core.nets import Layer, LayeredGenerator, LayeredNet
from ganwidgets.methods import dissect as method
from ganwidgets.methods import dissection
from ganwidgets.methods.dissection import Dissection, open_dissection

CODE = (method, dissection, counting, iou, information, statistics)
SAME = 1e-3                # of a layer's highest peak: as far as pictures of another machine may be apart


@stepwise
def dissect_cached(net: LayeredNet, segmenter: Segmenter | KnownMasks | None = None, *, folder: str | os.PathLike,
                   version: str = "", layer: str | Layer | None = None, layers: Sequence[str | Layer] | None = None,
                   seeds: Any = None, images: Any = None, rule: str = "quantile",
                   calibration: int | str | None = None, grid: int | None = None) -> Steps[Dissection]:
    """`gw.dissect`, or what it answered before for the same question, from `folder` (which is made where there is none).

    The arguments are those of gw.dissect; `images` must be a tensor. `version`: whatever else the answer depends on; it is
    needed for a segmenter whose code cannot be seen, and is to change when that does. A file that is damaged, or that the
    net does not agree with, is computed and written again; one that cannot be written is a warning. Not noticed is a change of
    functions that net and segmenter only call, unless the units' peaks move: say another `version` then. Errors:
    ArgumentError, LayerError, SeedError, ShapeError.
    """
    if isinstance(net, LayeredGenerator) and seeds is not None:
        seeds = check_seeds(seeds)       # they are gone through twice
    if segmenter is None and "segmenter" in net.companions:
        segmenter = net.companions["segmenter"]()
    asked: dict[str, Any] = {"layer": layer, "layers": layers, "seeds": seeds, "images": images, "rule": rule,
                             "calibration": calibration, "grid": grid}
    path = Path(folder) / f"{_plain(net.name)}-{dissection_key(net, segmenter, version=version, **asked)[:32]}.gwd"
    found = _read(path, net, segmenter, images)
    if found is None:
        found = yield from method.dissect.steps(net, segmenter, **asked)
        _write(found, path)
    return found


def dissection_key(net: LayeredNet, segmenter: Any, *, version: str = "", layer: Any = None, layers: Any = None, seeds: Any = None,
                   images: Any = None, rule: Any = "quantile", calibration: Any = None, grid: Any = None) -> str:
    """The key of a dissection, 64 hexadecimal digits: the same for the same question, another for any other.

    Errors: ArgumentError for what cannot be told from something else.
    """
    judge = fingerprints.of_judge(segmenter) if isinstance(segmenter, (Segmenter, KnownMasks)) else {}
    if judge is None and not version:
        raise ArgumentError(f"the code of this {type(segmenter).__name__} cannot be seen, so a change of it would not be noticed: "
                            "say version='1', and another when it changes; or use gw.dissect.")
    if images is not None and not isinstance(images, Tensor):
        raise ArgumentError("only a tensor of images (n, 3, h, w) can be told from another; for batches use gw.dissect.")
    chosen = None if layer is None and layers is None else [net.layer(each).name for each in layers or [layer]]
    numbers = list(check_seeds(range(1000) if seeds is None else seeds)) if isinstance(net, LayeredGenerator) else None
    return fingerprints.fingerprint({
        "net": fingerprints.of_net(net), "judge": judge, "version": str(version), "layers": chosen, "seeds": numbers,
        "images": None if images is None else tensor_digest("images", images), "rule": str(rule), "calibration": str(calibration),
        "grid": str(grid), "code": [fingerprints.code_of(each) for each in CODE]})


def _plain(name: str) -> str:
    """A net's name as part of a file's name."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)[:40] or "net"


def _read(path: Path, net: LayeredNet, segmenter: Any, images: Tensor | None) -> Dissection | None:
    """The dissection of a file; None where there is none, it is damaged, or the net does not agree with it."""
    if not path.exists():
        return None
    try:
        found = open_dissection(path)
    except StatisticsError:
        return None
    fits = (found.digest == net.digest and found.concepts == tuple(segmenter.concepts)
            and all(layer in net.layers for layer in found.layers))
    return found if fits and _agrees(found, net, images) else None


def _agrees(found: Dissection, net: LayeredNet, images: Tensor | None) -> bool:
    """Whether the net still goes as high as the file says, in the picture that most units of a layer have among their highest.

    It notices what no digest of weights does: code of a net's own that changed, in a notebook as well.
    """
    for layer in found.findings:
        held = layer.tops.pictures[np.isfinite(layer.tops.values)]
        if not len(held):
            return False
        numbers, counts = np.unique(held, return_counts=True)
        number = int(numbers[counts.argmax()])
        if images is not None and number >= len(images):
            return False
        with torch.no_grad():
            inputs: Any = net.sample([number]) if isinstance(net, LayeredGenerator) else _one(images, number, net)
            peaks = statistics.peaks_of(net.head(inputs, layer.layer).features)[0].numpy()
        units, slots = np.nonzero(layer.tops.pictures == number)
        wanted = layer.tops.values[units, slots]
        if not np.allclose(peaks[units], wanted, rtol=0, atol=SAME * max(1.0, float(np.abs(wanted).max(initial=0)))):
            return False
    return True


def _one(images: Tensor | None, number: int, net: LayeredNet) -> Tensor:
    assert images is not None
    return images[number:number + 1].float().to(net.device)


def _write(found: Dissection, path: Path) -> None:
    """Write the file at once, so that nobody reads half of it; warns where that cannot be."""
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        found.save(part)
        os.replace(part, path)
    except OSError as error:
        warnings.warn(f"the dissection is done but cannot be kept at {path}: {error.strerror or error}.", stacklevel=2)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
