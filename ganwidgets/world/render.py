"""Renders a scene to a picture and to exact masks, back to front, in strokes."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ganwidgets.core.errors import ArgumentError

from .canvas import Canvas
from .houses import draw_building
from .nature import (
    draw_bush,
    draw_clouds,
    draw_disc,
    draw_fence,
    draw_field,
    draw_ground,
    draw_mist,
    draw_path,
    draw_peaks,
    draw_sky,
    draw_tree,
    draw_water,
)
from .palette import Light
from .parts import Scene
from .scenes import CONCEPT_NAMES, scene


@dataclass(frozen=True)
class Rendered:
    """picture (size, size, 3) uint8; masks (concepts, size, size) bool in the order of CONCEPTS."""
    picture: np.ndarray
    masks: np.ndarray


def picture(scene_or_seed: Scene | int, size: int = 64) -> np.ndarray:
    """(size, size, 3) uint8. The same scene at any size from 16 to 1024.

    Raises SeedError for a seed and ArgumentError for a size out of range.
    """
    it = _scene(scene_or_seed)
    return _picture(_drawn(it, size, labelled=False), it)


def render(scene_or_seed: Scene | int, size: int = 64) -> Rendered:
    """The picture and the exact mask of every concept, drawn by the same strokes. Errors as for `picture`."""
    it = _scene(scene_or_seed)
    canvas = _drawn(it, size, labelled=True)
    return Rendered(_picture(canvas, it), canvas.masks(CONCEPT_NAMES))


def pictures(seeds: Iterable[int], size: int = 64, **scene_kw) -> np.ndarray:
    """(n, size, size, 3) uint8: the pictures of many seeds; `without` and `thin` go to `scene`."""
    found = [picture(scene(seed, **scene_kw), size) for seed in seeds]
    return np.stack(found) if found else np.zeros((0, size, size, 3), np.uint8)


def _scene(scene_or_seed: Scene | int) -> Scene:
    return scene_or_seed if isinstance(scene_or_seed, Scene) else scene(scene_or_seed)


def _drawn(it: Scene, size: int, *, labelled: bool) -> Canvas:
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or not 16 <= size <= 1024:
        raise ArgumentError(f"no picture of size {size!r}; sizes are whole numbers from 16 to 1024.")
    canvas, light = Canvas(int(size), it.without, labelled=labelled), Light(it)
    for draw in (draw_sky, draw_disc, draw_clouds, draw_peaks, draw_ground, draw_field, draw_water, draw_path,
                 draw_mist):
        draw(canvas, it, light)
    standing: list[tuple[float, Callable[..., None], Any]] = [(tree.foot, draw_tree, tree) for tree in it.trees]
    standing += [(bush.foot, draw_bush, bush) for bush in it.bushes]
    if it.building:
        standing.append((it.building.foot, draw_building, it.building))
    if it.fence:
        standing.append((it.fence.foot, draw_fence, it.fence))
    for _, draw, thing in sorted(standing, key=lambda entry: entry[0]):
        draw(canvas, it, light, thing)
    return canvas


def _picture(canvas: Canvas, it: Scene) -> np.ndarray:
    """The strokes under a weak, slow wash of paper grain that the smallest pictures still carry."""
    size = (canvas.size, canvas.size)
    grain = Image.fromarray(np.array(it.grain, np.uint8)).resize(size, Image.Resampling.BILINEAR)
    factor = 238 + (np.asarray(grain, np.uint16) * 18 >> 8)      # 238..255 of 256, so that 16 bits hold the product
    return (canvas.picture() * factor[:, :, None] >> 8).astype(np.uint8)
