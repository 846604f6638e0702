"""Where training keeps what it has reached, outside the checkout, so that it can be stopped and resumed."""

import os
from pathlib import Path


def state_folder(name: str) -> Path:
    """The folder of one net's training: `$GANWIDGETS_STATE/name`, by default `~/.cache/ganwidgets/train/name`."""
    root = os.environ.get("GANWIDGETS_STATE") or Path.home() / ".cache" / "ganwidgets" / "train"
    folder = Path(root) / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
