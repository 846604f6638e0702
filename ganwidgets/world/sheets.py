"""Many pictures on one sheet, to look at the world with your own eyes."""
from __future__ import annotations

from collections.abc import Iterable

from PIL import Image

from .parts import Scene
from .render import picture


def sheet(seeds: Iterable[int | Scene], size: int = 128, columns: int = 8) -> Image.Image:
    """The pictures of the seeds (or scenes) in rows of `columns`, each size x size."""
    found = [Image.fromarray(picture(seed, size)) for seed in seeds]
    rows = max(1, -(-len(found) // columns))
    page = Image.new("RGB", (columns * size, rows * size), "white")
    for i, image in enumerate(found):
        page.paste(image, (i % columns * size, i // columns * size))
    return page
