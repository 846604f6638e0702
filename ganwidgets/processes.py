"""The processes of one command, as torchrun starts them: their group, this one's device, and what the first of them tells."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from ganwidgets.core.jobs import Steps

T = TypeVar("T")
EVERY = 5.0                 # seconds between two lines of progress
PATIENCE = 24               # hours that a process waits for the others


def own_device(device: str | None = None) -> torch.device:
    """The device asked for; left out, the best present, and of several GPUs each process of this machine takes its own."""
    import torch

    from ganwidgets.catalog import best_device

    best = best_device(device)
    if best.type != "cuda" or best.index is not None:
        return best
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[int]:
    """In the group of torchrun's processes while it lasts; answers this one's rank, 0 where there is no torchrun."""
    if "RANK" not in os.environ:
        yield 0
        return
    from datetime import timedelta

    import torch
    import torch.distributed as group

    own = device.type == "cuda" and int(os.environ.get("LOCAL_WORLD_SIZE", "1")) <= torch.cuda.device_count()
    if device.type == "cuda":
        torch.cuda.set_device(device)
    # nccl gives each process a GPU of its own; where they share one, what they found goes by way of the CPU
    group.init_process_group("nccl" if own else "gloo", timeout=timedelta(hours=PATIENCE))
    try:
        yield group.get_rank()
    finally:
        group.destroy_process_group()


def told(steps: Steps[T], *, rank: int = 0, every: float = EVERY) -> T:
    """Take all steps and answer the result; the process of rank 0 says on stderr how far it is and how long it will take."""
    from ganwidgets.core.jobs import Run

    run = Run(steps)
    began = last = time.monotonic()
    first: int | None = None
    with _plain_warnings():
        while not run.ended:
            progress = run.advance()
            now = time.monotonic()
            first = progress.done if first is None and progress else first
            if progress is None or rank or now - last < every:
                continue
            last, done = now, progress.done - (first or 0)
            left = f", {_time((progress.total - progress.done) * (now - began) / done)} left" if done and progress.total else ""
            print(f"{progress.note}: {progress.done:,} of {progress.total:,} pictures of this process{left}", file=sys.stderr,
                  flush=True)
    return run.result  # type: ignore[return-value]


def _time(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if seconds >= 90 else f"{seconds:.0f} s"


@contextlib.contextmanager
def _plain_warnings() -> Iterator[None]:
    """Warnings as a line on stderr, without the place in the code."""
    def show(message: Any, *_: Any, **__: Any) -> None:
        print(message, file=sys.stderr, flush=True)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield
