"""StyleGAN2 at 256 px on a CPU beside its reference's own CPU path: the time of a picture alone and of four, in turn.

REFERENCE_FOLDER holds the repository of `REFERENCE`, checked out at its commit. Its operations are compiled when they are imported;
here nothing is compiled, and they take the plain path that they keep for the CPU.
"""

import importlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import torch

from benchmarks.parity.table import BOUND
from benchmarks.parity.zoo import REFERENCES
from ganwidgets.models.contents import Contents
from ganwidgets.models.formats import formats

REFERENCE = "stylegan2-pytorch"
SIZE = 256
MOST = {1: 1.05, 4: 1 / 1.15}       # of the reference's time, by the pictures in a batch
ROUNDS = 7


@torch.no_grad()
def main(folder: Path) -> int:
    """Print the table; 0 if both draw the same pictures and ours keeps both bounds."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    repository, commit = REFERENCES[REFERENCE]
    if not (folder / REFERENCE).is_dir():
        print(f"{REFERENCE} is missing: git clone https://github.com/{repository} {folder / REFERENCE}; git checkout {commit}")
        return 1
    theirs = reference(folder / REFERENCE)
    weights = {key: value.clone() for key, value in theirs.state_dict().items()}
    ours = formats()["stylegan2"].build(
        Contents("random", weights, {"latent_avg": torch.zeros(512)}))
    kept = True
    print(f"StyleGAN2 at {SIZE} px, 1 thread, medians of {ROUNDS} rounds in turn")
    for count, most in MOST.items():
        latents = ours.sample(range(count))
        mine, other = timed([lambda latents=latents: ours.images(latents),
                             lambda latents=latents: theirs([latents.z], randomize_noise=False)[0]])
        apart = (ours.images(latents) - theirs([latents.z], randomize_noise=False)[0].clamp(-1, 1)).abs().max().item()
        held = mine / other <= most and apart <= BOUND
        kept = kept and held
        print(f"batch {count}: ours {mine:.3f} s / reference {other:.3f} s = {mine / other:.3f}, at most {most:.3f}; "
              f"pictures within {apart:.1e}  {'kept' if held else 'NOT KEPT'}")
    return 0 if kept else 1


def reference(folder: Path) -> Any:
    """The reference's generator with random weights."""
    sys.path.insert(0, str(folder))
    with mock.patch("torch.utils.cpp_extension.load", lambda *given, **options: None):
        code = importlib.import_module("model")
    return code.Generator(SIZE, 512, 8).eval()


def timed(acts: list[Callable[[], Any]]) -> list[float]:
    """The median seconds of each, taken in turn; of this process alone, so that others count less."""
    took: list[list[float]] = [[] for _ in acts]
    for _ in range(ROUNDS + 1):
        for place, act in enumerate(acts):
            start = time.process_time()
            act()
            took[place].append(time.process_time() - start)
    return [median(each[1:]) for each in took]
