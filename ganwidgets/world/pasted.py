"""Rendered objects pasted onto a context, and how many of them a segmenter reads there: beside it stand findings on contexts."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import RandomState
from PIL import Image, ImageDraw

from ganwidgets.core.concepts import Segmenter
from ganwidgets.core.errors import ArgumentError, ConceptError, one_of

from .render import Rendered, render
from .scenes import CONCEPT_NAMES, Streams, checked_seed, scene

HIDING = ("tree", "bush", "fence")      # stand in front of others: left out where an object is cut, so that it is whole
LEAST = 12          # pixels of the smallest object worth pasting
ON = 0.95           # of the object's pixels must lie on the context
ATTEMPTS = 60       # pairs of scenes that are tried for one picture
READ = 0.5          # of an object's pixels: read where the segmenter calls so many by its name
FEW = 20            # objects; of fewer no share is stated


@dataclass(frozen=True)
class Pasted:
    """picture (size, size, 3) uint8; mask (size, size) bool: where the object was pasted."""
    picture: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True)
class Recall:
    """How many of the objects that were pasted a segmenter read."""
    read: int
    pasted: int

    @property
    def share(self) -> float:
        """From 0 to 1; NaN where fewer than 20 were pasted, since a share of so few says little."""
        return self.read / self.pasted if self.pasted >= FEW else float("nan")


def pasted(name: str, context: str, seed: int, size: int = 64) -> Pasted | None:
    """One whole object of that name, cut from a scene and pasted anywhere onto the context in another, which has none of its own.

    None where 60 pairs of scenes had no room for it: a house does not fit on a door. Raises SeedError, ConceptError, and
    ArgumentError for a size out of range.
    """
    for each in (name, context):
        if each not in CONCEPT_NAMES:
            raise ConceptError(one_of("concept", each, CONCEPT_NAMES, where="storybook"))
    random = Streams(checked_seed(seed))(f"pasted {name} on {context}")
    for _ in range(ATTEMPTS):
        source = _scene(random, [other for other in HIDING if other != name and (other, name) != ("tree", "trunk")], size)
        ground = _scene(random, [name], size)
        thing = one_thing(random, source.masks[CONCEPT_NAMES.index(name)])
        spot = None if thing is None else _spot(random, thing, ground.masks[CONCEPT_NAMES.index(context)])
        if thing is not None and spot is not None:
            return _put(source, thing, ground, spot)
    return None


def _scene(random: RandomState, without: Sequence[str], size: int) -> Rendered:
    return render(scene(int(random.randint(0, 2 ** 32, dtype=np.uint64)), without=without), size)


def one_thing(random: RandomState, mask: np.ndarray) -> np.ndarray | None:
    """The connected part of a mask about one of its pixels; None where that is too small or touches the picture's edge, where it
    may be cut off."""
    places = np.argwhere(mask)
    if len(places) < LEAST:
        return None
    y, x = places[random.randint(len(places))]
    image = Image.fromarray(mask.astype(np.uint8) * 255).copy()     # one that can be drawn on
    ImageDraw.floodfill(image, (int(x), int(y)), 128)
    part = np.asarray(image) == 128
    cut_off = part[0].any() or part[-1].any() or part[:, 0].any() or part[:, -1].any()
    return None if part.sum() < LEAST or cut_off else part


def _spot(random: RandomState, thing: np.ndarray, context: np.ndarray) -> tuple[int, int] | None:
    """A row and a column for the upper left corner of the thing, with nearly all of it on the context."""
    piece = thing[_box(thing)]
    held = F.conv2d(torch.from_numpy(context).float()[None, None], torch.from_numpy(piece).float()[None, None])[0, 0]
    places = np.argwhere(held.numpy() >= ON * piece.sum())
    return tuple(places[random.randint(len(places))].tolist()) if len(places) else None


def _box(thing: np.ndarray) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(thing.any(1)), np.flatnonzero(thing.any(0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _put(source: Rendered, thing: np.ndarray, ground: Rendered, spot: tuple[int, int]) -> Pasted:
    """The thing's pixels at that spot of the other picture."""
    box = _box(thing)
    holds, (y, x) = thing[box], spot
    there = np.s_[y:y + holds.shape[0], x:x + holds.shape[1]]
    picture, mask = ground.picture.copy(), np.zeros_like(thing)
    picture[there][holds] = source.picture[box][holds]
    mask[there] = holds
    return Pasted(picture, mask)


def pasted_recall(segmenter: Segmenter, names: Sequence[str], contexts: Sequence[str], seeds: Iterable[int], *,
                  size: int = 64, part: float | int | None = None) -> dict[tuple[str, str], Recall]:
    """How many of the objects pasted onto each context a segmenter reads, by (object, context); an object is read where the
    segmenter calls half of its pixels or more by its name. An object is not pasted onto itself.

    `part` (0..1): an object is read where as much of the picture as that is called by its name, on the object. What stands beside
    a cell of `context_matrix` should ask for no more than the cell does: 0.15 of a box, so `part=0.15 * share`.
    Raises SeedError, ConceptError, ArgumentError.
    """
    numbers, found = list(seeds), {}
    if isinstance(names, str) or isinstance(contexts, str):
        raise ArgumentError("names and contexts are lists of concepts, such as ['door'] and ['wall', 'sky'].")
    if part is not None and not 0 < part < 1:
        raise ArgumentError(f"part is a share of the picture, above 0 and below 1; {part!r} came.")
    for name in names:
        for context in contexts:
            if name != context:
                made = [each for seed in numbers if (each := pasted(name, context, seed, size)) is not None]
                found[name, context] = Recall(sum(_read(segmenter, name, made[start:start + FEW], part)
                                                  for start in range(0, len(made), FEW)), len(made))
    return found


def _read(segmenter: Segmenter, name: str, made: Sequence[Pasted], part: float | int | None) -> int:
    """How many of a few pasted objects are read."""
    images = torch.from_numpy(np.stack([each.picture for each in made])).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        masks = segmenter.segment(images)[:, segmenter.index(name)].float()
    there = torch.from_numpy(np.stack([each.mask for each in made]))
    if masks.shape[1:] != there.shape[1:]:
        masks = F.interpolate(masks[:, None], size=there.shape[1:], mode="nearest-exact")[:, 0]
    called = (masks.cpu() * there).sum((1, 2))
    least = READ * there.sum((1, 2)) if part is None else part * there[0].numel()
    return int((called >= least).sum())
