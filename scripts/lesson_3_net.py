#!/usr/bin/env python3
"""Train the net that lesson 3 keeps for slow computers: by the lesson's own cells, for two minutes of one core's own time."""

import json
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

ROOT = Path(__file__).parents[1]
SECONDS = 120
CARD = """# The net that stands in, in lesson 3

A DCGAN in the shape of the PyTorch tutorial's, 32 px, {parameters:,} parameters, kept in float16. The cells of
`03_your_own_generator.ipynb` trained it, for {seconds} s of one core's own time: {pictures:,} pictures, drawn of 2,500 landscapes.
Where a computer shows its own net fewer than 16,000 pictures, the lesson goes on with this one, and says so.

* Its pictures are rough: sky, clouds, grass and snow, trees as patches, hardly a house.
* Written by `python scripts/lesson_3_net.py`. License: the weights and their pictures are CC0 1.0 (public domain).
"""


def main() -> None:
    """Train, and write the weights and their card."""
    torch.set_num_threads(1)
    time.monotonic = time.process_time      # so that what else runs on the computer takes nothing away
    book = json.loads((ROOT / "notebooks" / "03_your_own_generator.ipynb").read_text(encoding="utf-8"))
    held: dict[str, Any] = {}
    for cell in book["cells"]:
        if cell["id"] in ("load", "nets", "train"):
            exec("".join(cell["source"]), held)
    for progress in held["train"](SECONDS):
        print(progress.frame.text, flush=True)
    state = held["generator"].state_dict()
    target = ROOT / "notebooks" / "cache" / "lesson-3-dcgan.safetensors"
    save_file({name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()}, target)
    count = sum(weight.numel() for weight in held["generator"].parameters())
    target.with_suffix(".md").write_text(CARD.format(parameters=count, seconds=SECONDS, pictures=32 * len(held["history"])))


if __name__ == "__main__":
    main()
