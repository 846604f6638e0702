"""`python -m benchmarks.tails [KIND ...]`: how much of a picture's time each layer's tail takes, beside its share of the work.

A tail that runs what follows its layer and nothing else takes its share of the multiply-adds, and somewhat more or less where
memory and not arithmetic takes the time. A module that is replayed runs again as a whole: its share is 1, as its `cut` says.
Exit status 0 if every exact cut keeps the bound.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch.utils.flop_counter import FlopCounterMode

from ganwidgets.core.nets import LayeredGenerator

BOUND = 0.20        # of the whole, beyond the share of multiply-adds


@dataclass(frozen=True)
class Tail:
    """A layer's tail: its shares of the multiply-adds and of the time of a whole picture."""

    kind: str
    layer: str
    grid: int
    work: float
    time: float

    @property
    def over(self) -> float:
        """How much longer it takes than its share of the work, as a share of the whole time."""
        return self.time - self.work

    def __str__(self) -> str:
        verdict = "" if self.over <= BOUND else "  NOT KEPT"
        return f"{self.kind:22}{self.layer:54}{self.grid:5}{self.work:8.3f}{self.time:8.3f}{self.over:+8.3f}{verdict}"


@torch.no_grad()
def tails(kind: str, g: LayeredGenerator, layers: list[Any], *, rounds: int, batch: int = 1) -> Iterator[Tail]:
    """The tails of these layers: the whole and each tail in turn, the least time of each counts."""
    latents = g.sample(range(batch))
    runs = [g.head(latents, layer) for layer in layers]
    acts: list[Callable[[], Any]] = [lambda: g.images(latents), *(lambda run=run: g.tail(run) for run in runs)]
    work, least = [multiply_adds(act) for act in acts], least_times(acts, rounds)
    for layer, done, took in zip(layers, work[1:], least[1:], strict=True):
        yield Tail(kind, layer.name, layer.height, done / work[0], took / least[0])


@torch.no_grad()
def together(g: LayeredGenerator, *, rounds: int = 5, batch: int = 4) -> float:
    """The time of a batch over that of one picture: much more than the pictures it has where features outgrow what memory there
    is at hand."""
    one, all_ = g.sample([0]), g.sample(range(batch))
    times = least_times([lambda: g.images(one), lambda: g.images(all_)], rounds)
    return times[1] / times[0]


def least_times(acts: list[Callable[[], Any]], rounds: int) -> list[float]:
    """The least seconds of each, taken in turn; of this process alone, so that others count less."""
    least = [float("inf")] * len(acts)
    for _ in range(rounds):
        for place, act in enumerate(acts):
            start = time.process_time()
            act()
            least[place] = min(least[place], time.process_time() - start)
    return least


def multiply_adds(act: Callable[[], Any]) -> int:
    """Of convolutions and products of matrices."""
    with FlopCounterMode(display=False) as counter:
        act()
    return counter.get_total_flops() // 2


def exact(g: Any) -> bool:
    """Whether a tail runs only what follows."""
    return getattr(g, "cut", "exact") == "exact"


def main(names: list[str]) -> int:
    """Print the table; 0 if every bound is kept."""
    from benchmarks.adapters import KINDS, random_net

    unknown = [name for name in names if name not in KINDS]
    if unknown:
        print(f"no kind {unknown[0]!r}; there are {', '.join(KINDS)}")
        return 2
    torch.set_num_threads(1)
    print(f"shares of a whole picture's multiply-adds and time; a tail may take {BOUND} more of the time than of the work")
    print(f"{'kind':22}{'layer':54}{'grid':>5}{'work':>8}{'time':>8}{'over':>8}")
    kept = True
    for name in names or KINDS:
        g = random_net(name)
        for tail in tails(name, g, list(g.layers), rounds=20):
            print(tail if exact(g) else f"{tail}  cut='replayed'", flush=True)
            kept = kept and (tail.over <= BOUND or not exact(g))
        print(f"{name:22}four pictures take {together(g):.1f} times as long as one", flush=True)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
