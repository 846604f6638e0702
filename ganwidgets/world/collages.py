"""Collages for training segmenters: scenes with pieces of others pasted out of place, and worn pictures."""
from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState
from PIL import Image, ImageFilter

from .render import Rendered, render
from .scenes import CONCEPT_NAMES, Streams, checked_seed, scene

HOUSE_PARTS = ("wall", "roof", "window", "door", "chimney", "snow")
# What may be cut out, and the concepts that go with it: a door cut from a house is no longer house.
CUTS = {"house": HOUSE_PARTS, "church": (*HOUSE_PARTS, "tower", "dome"), "barn": HOUSE_PARTS,
        "tower": ("roof", "window", "door", "dome", "snow"), "tree": ("trunk", "snow"), "trunk": (), "bush": ("snow",),
        "roof": ("snow",), "wall": (), "window": (), "door": (), "chimney": ("snow",), "dome": ("snow",), "sun": (),
        "moon": (),
        "cloud": (), "mountain": ("snow",), "water": (), "fence": (), "path": (), "field": ("snow",), "snow": (),
        "grass": (), "sky": ()}
RARITY = {"house": 3, "church": 3, "barn": 2, "tower": 5, "dome": 6, "chimney": 5, "moon": 5, "sun": 3, "door": 4,
          "window": 4, "bush": 3, "fence": 2, "roof": 2, "water": 2, "grass": .3, "sky": .3, "snow": .5}
LEAST = 8       # pixels of the smallest piece worth pasting


@dataclass(frozen=True)
class Piece:
    """Something cut out: its pixels (h, w, 3), where they hold (h, w), and the concepts there (k, h, w)."""
    picture: np.ndarray
    holds: np.ndarray
    masks: np.ndarray


def collage(seed: int, size: int = 64) -> Rendered:
    """A scene with 1 to 4 pasted pieces, recoloured, blurred, compressed or noisy; masks stay exact.

    0 <= seed < 2**32. The masks are the same everywhere; a JPEG's last bit depends on the library that wrote it.
    Raises SeedError and ArgumentError as `render` does.
    """
    random = Streams(checked_seed(seed))("collage")
    gone = [CONCEPT_NAMES[i] for i in random.permutation(len(CONCEPT_NAMES))[:random.choice([0, 0, 1, 2])]]
    base = render(scene(_some_seed(random), without=gone), size)
    picture, masks = base.picture.copy(), base.masks.copy()
    for _ in range(random.randint(1, 5)):
        piece = cut(random, size)
        if piece:
            paste(random, piece, picture, masks)
    return Rendered(worn(random, picture), masks)


def _some_seed(random: RandomState) -> int:
    return int(random.randint(0, 2 ** 32, dtype=np.uint64))


def cut(random: RandomState, size: int) -> Piece | None:
    """One connected piece of another scene, drawn at .5 to 1.6 times the size so that no pixel is resampled."""
    source = render(_some_seed(random), max(16, int(size * random.uniform(.5, 1.6))))
    sizes = source.masks.sum((1, 2))
    present = [name for name in CUTS if sizes[CONCEPT_NAMES.index(name)] >= LEAST]
    weights = np.array([RARITY.get(name, 1) for name in present], float)
    name = present[int(np.searchsorted(np.cumsum(weights / weights.sum())[:-1], random.rand()))]
    holds = _connected(random, source.masks[CONCEPT_NAMES.index(name)])
    if holds.sum() < LEAST:
        return None
    rows, columns = np.flatnonzero(holds.any(1)), np.flatnonzero(holds.any(0))
    box = np.s_[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    goes = np.array([other == name or other in CUTS[name] for other in CONCEPT_NAMES])
    masks = source.masks[(slice(None), *box)] & holds[box] & goes[:, None, None]
    return Piece(source.picture[box], holds[box], masks)


def _connected(random: RandomState, mask: np.ndarray) -> np.ndarray:
    """The piece of a mask about one of its pixels."""
    found = np.zeros_like(mask)
    found.flat[random.choice(np.flatnonzero(mask))] = True
    while True:
        grown = found.copy()
        grown[1:] |= found[:-1]
        grown[:-1] |= found[1:]
        grown[:, 1:] |= found[:, :-1]
        grown[:, :-1] |= found[:, 1:]
        grown &= mask
        if (grown == found).all():
            return found
        found = grown


def paste(random: RandomState, piece: Piece, picture: np.ndarray, masks: np.ndarray) -> None:
    """Puts a piece anywhere, perhaps mirrored, perhaps partly outside, into `picture` and `masks` in place."""
    turn = slice(None, None, -1 if random.rand() < .5 else 1)
    pixels = piece.picture[:, turn]
    if random.rand() < .5:
        pixels = recolored(random, pixels, 24)
    holds, concepts = piece.holds[:, turn], piece.masks[:, :, turn]
    (height, width), size = holds.shape, len(picture)
    y, x = (random.randint(-length // 3, max(1, size - length * 2 // 3)) for length in (height, width))
    top, left, bottom, right = max(y, 0), max(x, 0), min(y + height, size), min(x + width, size)
    here, there = np.s_[top:bottom, left:right], np.s_[top - y:bottom - y, left - x:right - x]
    picture[here][holds[there]] = pixels[there][holds[there]]
    masks[(slice(None), *here)][:, holds[there]] = concepts[(slice(None), *there)][:, holds[there]]


def recolored(random: RandomState, pixels: np.ndarray, hue: int) -> np.ndarray:
    """Turned by up to `hue` of 256 steps of the colour wheel, with more or less colour and brightness."""
    parts = np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).convert("HSV")).astype(np.float32)
    parts[..., 0] = (parts[..., 0] + random.randint(-hue, hue + 1)) % 256
    parts[..., 1:] = np.clip(parts[..., 1:] * random.uniform(.75, 1.25, 2), 0, 255)
    height, width = parts.shape[:2]
    return np.asarray(Image.frombytes("HSV", (width, height), parts.astype(np.uint8).tobytes()).convert("RGB"))


def worn(random: RandomState, picture: np.ndarray) -> np.ndarray:
    """The picture as a camera, a copier or a generator might leave it."""
    if random.rand() < .5:
        picture = recolored(random, picture, 12)
    if random.rand() < .4:
        middle = random.uniform(90, 160)
        picture = _bytes((picture - middle) * random.uniform(.75, 1.25) + middle)
    if random.rand() < .5:
        radius = random.uniform(.3, 1.1) * len(picture) / 64
        picture = np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius)))
    if random.rand() < .4:
        picture = jpeg(picture, int(random.randint(30, 90)))
    if random.rand() < .5:
        picture = _bytes(picture + random.normal(0, random.uniform(2, 14), picture.shape))
    return picture


def jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    """The picture after JPEG at a quality of 1 to 95."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)
