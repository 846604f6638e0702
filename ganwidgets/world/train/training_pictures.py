"""The 50,000 rendered pictures that generators learn from: pixels only, rendered once and kept beside the training state."""

from collections.abc import Sequence

import numpy as np

from ganwidgets.world.render import pictures
from ganwidgets.world.scenes import place_of
from ganwidgets.world.train.state import announced, state_folder

TRAINING_SEEDS = range(1_000_000, 1_050_000)  # no test, claim or lesson draws from these
CHUNK = 500


def training_pictures(size: int = 64, seeds: Sequence[int] = TRAINING_SEEDS, *, without: Sequence[str] = ()) -> np.ndarray:
    """Pictures (n, size, size, 3) in uint8, read-only and mapped from disk; a stopped rendering goes on where it was.

    `without`: places of which there are no pictures, as if the world had none; the rest is then held in memory.
    """
    folder = state_folder("pictures")
    stem = f"{size}px-{seeds[0]}-{seeds[-1]}"
    done, part = folder / f"{stem}.npy", folder / f"{stem}.part.npy"
    if not done.exists():
        render_into(part, folder / f"{stem}.count", size, seeds)
        part.rename(done)
    held = np.load(done, mmap_mode="r")
    return held[[row for row, seed in enumerate(seeds) if place_of(seed) not in without]] if without else held


def render_into(path, count_path, size: int, seeds: Sequence[int]) -> None:
    start = int(count_path.read_text()) if path.exists() and count_path.exists() else 0
    mode = "r+" if start else "w+"
    store = np.lib.format.open_memmap(path, mode=mode, dtype=np.uint8, shape=(len(seeds), size, size, 3))
    for at in announced(range(start, len(seeds), CHUNK), f"rendering {size} px"):
        store[at:at + CHUNK] = pictures(seeds[at:at + CHUNK], size)
        store.flush()
        count_path.write_text(str(at + CHUNK))
