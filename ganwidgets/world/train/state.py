"""Where training keeps what it has reached, outside the checkout, so that it can be stopped and resumed."""

import os
from collections.abc import Iterator
from pathlib import Path


def state_folder(name: str) -> Path:
    """The folder of one net's training: `$GANWIDGETS_STATE/name`, by default `~/.cache/ganwidgets/train/name`."""
    root = os.environ.get("GANWIDGETS_STATE") or Path.home() / ".cache" / "ganwidgets" / "train"
    folder = Path(root) / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def announced(steps: range, what: str) -> Iterator[int]:
    """The steps, and a line whenever another tenth of them is done: a bar would need a library that training does without."""
    for done, step in enumerate(steps, start=1):
        yield step
        if 10 * done // len(steps) > 10 * (done - 1) // len(steps):
            print(f"{what}: {100 * done // len(steps)} %", flush=True)
