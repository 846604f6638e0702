"""What is measured, each a ratio with the bound that it must keep."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

import numpy as np
import torch

from benchmarks.models import nets
from ganwidgets.core.concepts import Segmenter
from ganwidgets.core.nets import LayeredGenerator

ROOT = Path(__file__).parents[1]
PICTURES = 4000


@dataclass(frozen=True)
class Ratio:
    """A figure: what was divided by what, at most how much it may be, and the two sides in words."""

    name: str
    value: float
    bound: float
    sides: str

    @property
    def kept(self) -> bool:
        """Whether the bound is kept."""
        return self.value <= self.bound

    def __str__(self) -> str:
        verdict = "kept" if self.kept else "NOT KEPT"
        return f"{self.name:<9} {self.value:6.3f}  at most {self.bound:<5g} {verdict:<9} {self.sides}"


def brush(strokes: int = 200) -> Ratio:
    """One brush edit in a PaintBox, all of it but the browser's part, over one tail and one encoding; in turn, medians."""
    from ganwidgets.core.images import encode_png
    from ganwidgets.core.regions import Region
    from ganwidgets.methods.dissect import dissect as whole
    from ganwidgets.widgets.paintbox import PaintBox

    g, segmenter = nets()
    layer = g.layer_at(16)
    d = whole(g, segmenter, layer=layer, seeds=range(64), progress=False)
    concept = d.by_concept["concept"][0]
    mask = Region.box(0.2, 0.3, 0.5, 0.6).on(256, 256).numpy()
    edits, plain = [], []
    with PaintBox(g, d, driver="inline", palette=[concept]) as lab:
        paused = g.head(g.sample([lab.seed]), layer)
        for _ in range(strokes):
            start = time.perf_counter()
            with torch.no_grad():
                encode_png(g.tail(paused)[0])
            plain.append(time.perf_counter() - start)
            start = time.perf_counter()
            lab.paint(mask, concept)
            edits.append(time.perf_counter() - start)
            lab.reset()
    sides = f"brush edit {median(edits) * 1e3:.2f} ms / (tail + encode) {median(plain) * 1e3:.2f} ms, {strokes} in turn"
    return Ratio("brush", median(edits) / median(plain), 1.3, sides)


def dissect(pictures: int = PICTURES) -> Ratio:
    """A dissection of one layer, calibration included, over drawing and segmenting the same pictures; steps in turn."""
    return _over_forward("dissect", 1.5, pictures, every_layer=False)


def layers(pictures: int = PICTURES) -> Ratio:
    """The same for all layers at once."""
    return _over_forward("layers", 2.6, pictures, every_layer=True)


def _over_forward(name: str, bound: float, pictures: int, *, every_layer: bool) -> Ratio:
    from ganwidgets.methods.dissect import BATCH
    from ganwidgets.methods.dissect import dissect as whole

    g, segmenter = nets()
    asked = g.layers if every_layer else [g.layer_at(16)]
    steps = whole.steps(g, segmenter, layers=asked, seeds=range(pictures))
    starts = iter(range(0, pictures, BATCH))
    dissecting = forward = 0.0
    ended = False
    while not ended:
        start = time.perf_counter()
        ended = next(steps, None) is None
        dissecting += time.perf_counter() - start
        first = next(starts, None)
        forward += 0.0 if first is None else _forward(g, segmenter, range(first, min(pictures, first + BATCH)))
    sides = (f"dissection of {len(asked)} layers {dissecting / pictures * 1e3:.2f} ms / (generator + segmenter) "
             f"{forward / pictures * 1e3:.2f} ms a picture, {pictures} pictures")
    return Ratio(name, dissecting / forward, bound, sides)


def _forward(g: LayeredGenerator, segmenter: Segmenter, seeds: range) -> float:
    start = time.perf_counter()
    with torch.no_grad():
        segmenter.segment(g.images(g.sample(seeds)))
    return time.perf_counter() - start


def memory(few: int = 1000, many: int = 8000) -> Ratio:
    """Peak memory of a dissection of many pictures over that of few, each in a process of its own."""
    small, large = _dissecting(few), _dissecting(many)
    sides = f"peak {large / 2**20:.0f} MiB for {many} pictures / {small / 2**20:.0f} MiB for {few}"
    return Ratio("memory", large / small, 1.1, sides)


@cache
def _dissecting(pictures: int) -> int:
    """The most memory that a dissection of so many pictures held, in bytes."""
    return _peak(f"from benchmarks.ratios import dissect_once; dissect_once({pictures})")


def peak(pictures: int = 8000) -> Ratio:
    """Peak memory of a dissection of many pictures, over 1.5 GB."""
    most = _dissecting(pictures)
    return Ratio("peak", most / 1.5e9, 1, f"peak {most / 1e9:.2f} GB for {pictures} pictures / 1.5 GB")


def lit(pictures: int = PICTURES) -> Ratio:
    """The part of the live units of all layers that thresholds of the sample leave lit at less than 0.8 % of all pixels, or at
    more than 1.2 %."""
    from ganwidgets.methods.dissect import dissect as whole

    g, segmenter = nets()
    d = whole(g, segmenter, layers=g.layers, seeds=range(pictures), progress=False)
    shares = np.concatenate([found.counts.unit_shares for found in d.findings])
    live = shares[shares > 0]
    outside = int(((live < 0.008) | (live > 0.012)).sum())
    sides = (f"{outside} of {len(live)} live units are lit outside of 0.8 to 1.2 %, their thresholds from {d.calibration} of "
             f"{pictures} pictures")
    return Ratio("lit", outside / len(live), 0.05, sides)


def processes(pictures: int = PICTURES // 2) -> Ratio:
    """A dissection of one layer by two processes, over one process, each of one thread: at least 1.6 times as fast."""
    one, two = (_shared(count, pictures) for count in (1, 2))
    sides = f"2 processes {two:.1f} s / 1 process {one:.1f} s, {pictures} pictures; {one / two:.2f} times as fast"
    return Ratio("processes", two / one, 1 / 1.6, sides)


def _shared(count: int, pictures: int) -> float:
    """The seconds that so many processes take, as the first of them says."""
    command = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(count), "-m", "benchmarks.shared", str(pictures)]
    done = subprocess.run([sys.executable, "-m", *command], check=True, cwd=ROOT, stdout=subprocess.PIPE,
                          env={**os.environ, "OMP_NUM_THREADS": "1"})
    return float(done.stdout.split()[-1])


def dissect_once(pictures: int) -> None:
    """One dissection at 16 px."""
    from ganwidgets.methods.dissect import dissect as whole

    g, segmenter = nets()
    whole(g, segmenter, layer=g.layer_at(16), seeds=range(pictures), progress=False)


def imports(times: int = 5) -> Ratio:
    """`import ganwidgets` and torch, over torch alone; each in processes of their own, in turn, medians."""
    mine, torchs = [], []
    for _ in range(times):
        torchs.append(_seconds("import torch"))
        mine.append(_seconds("import ganwidgets, torch"))
    sides = f"import ganwidgets, torch {median(mine):.2f} s / import torch {median(torchs):.2f} s"
    return Ratio("import", median(mine) / median(torchs), 1.1, sides)


def _seconds(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    return time.perf_counter() - start


def _peak(code: str) -> int:
    """The most memory that a process held, in bytes."""
    said = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    done = subprocess.run([sys.executable, "-c", f"{code}; {said}"], check=True, cwd=ROOT, stdout=subprocess.PIPE)
    return int(done.stdout.split()[-1]) * (1 if sys.platform == "darwin" else 1024)


def tails(kinds: tuple[str, ...] = ("storybook", "stylegan2", "biggan")) -> Ratio:
    """Of three layers of some generators, the tail that takes most beyond its share of the work; `benchmarks.tails` shows all."""
    from benchmarks.adapters import random_net
    from benchmarks.tails import BOUND
    from benchmarks.tails import tails as measured

    found = []
    for kind in kinds:
        g = random_net(kind)
        found += measured(kind, g, [g.layers[0], g.layers[len(g.layers) // 2], g.layers[-1]], rounds=12)
    worst = max(found, key=lambda tail: tail.over)
    sides = f"time {worst.time:.3f} - work {worst.work:.3f} of the tail of {worst.layer} of {worst.kind}; worst of {len(found)}"
    return Ratio("tails", worst.over, BOUND, sides)


RATIOS: dict[str, Callable[[], Ratio]] = {
    "import": imports, "brush": brush, "dissect": dissect, "layers": layers, "lit": lit, "memory": memory, "peak": peak,
    "processes": processes, "tails": tails}
