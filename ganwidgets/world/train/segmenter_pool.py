"""The renders and collages that segmenters learn from, drawn once and kept beside the training state, masks packed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ganwidgets.world.collages import collage
from ganwidgets.world.render import Rendered, render
from ganwidgets.world.scenes import CONCEPTS
from ganwidgets.world.train.state import announced, state_folder

SIZE = 64
# Generators learn from 1,000,000 to 1,049,999; claims and lessons use seeds below 100,000, scores those from 2,000,000.
RENDER_SEEDS = range(500_000, 516_000)
COLLAGE_SEEDS = range(600_000, 616_000)
CHUNK = 500


@dataclass(frozen=True)
class Pool:
    """Pictures (n, size, size, 3) in uint8, and masks with eight pixels to a byte (n, concepts, size * size / 8)."""

    pictures: np.ndarray
    masks: np.ndarray

    def __len__(self) -> int:
        return len(self.pictures)

    def rows(self, chosen: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pictures (n, size, size, 3) and masks (n, concepts, size, size), 0 or 1, both uint8."""
        size = self.pictures.shape[1]
        masks = np.unpackbits(self.masks[chosen], axis=2)
        return self.pictures[chosen], masks.reshape(*masks.shape[:2], size, size)


def render_pool(seeds: Sequence[int] = RENDER_SEEDS) -> Pool:
    """Renders and their masks."""
    return pool("renders", render, seeds)


def collage_pool(seeds: Sequence[int] = COLLAGE_SEEDS) -> Pool:
    """Collages and their masks."""
    return pool("collages", collage, seeds)


def pool(kind: str, draw: Callable[[int, int], Rendered], seeds: Sequence[int]) -> Pool:
    """What `draw(seed, SIZE)` gives for the seeds, mapped from disk; a stopped drawing goes on where it was."""
    folder = state_folder("segmenter-pool")
    stem = f"{kind}-{seeds[0]}-{seeds[-1]}"
    pictures = opened(folder / f"{stem}.pictures.npy", (len(seeds), SIZE, SIZE, 3))
    masks = opened(folder / f"{stem}.masks.npy", (len(seeds), len(CONCEPTS), SIZE * SIZE // 8))
    count = folder / f"{stem}.count"
    start = int(count.read_text()) if count.exists() else 0
    for at in announced(range(start, len(seeds), CHUNK), f"drawing {kind}"):
        drawn = [draw(seed, SIZE) for seed in seeds[at:at + CHUNK]]
        pictures[at:at + CHUNK] = [one.picture for one in drawn]
        masks[at:at + CHUNK] = [np.packbits(one.masks.reshape(len(CONCEPTS), -1), axis=1) for one in drawn]
        pictures.flush()
        masks.flush()
        count.write_text(str(min(at + CHUNK, len(seeds))))
    return Pool(pictures, masks)


def opened(path: Path, shape: tuple[int, ...]) -> np.memmap:
    """A uint8 array on disk, made if it is not there yet."""
    return np.lib.format.open_memmap(path, mode="r+" if path.exists() else "w+", dtype=np.uint8, shape=shape)
