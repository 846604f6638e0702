"""The small pictures round a painting, each kind drawn in short steps that end in the message for the browser."""

from collections.abc import Generator, Iterable, MutableMapping, Sequence
from typing import Any

import torch
from PIL import Image

from ganwidgets.core.concepts import Segmenter
from ganwidgets.core.edits import Edit, UnitEdit
from ganwidgets.core.images import encoded, to_pil
from ganwidgets.core.jobs import Progress
from ganwidgets.core.nets import LayeredGenerator
from ganwidgets.widgets.painting import Easel, History, touches
from ganwidgets.widgets.palette import CHIP_SIZE, drawings

THUMB = 64  # pixels, of strip and history, at most
SEEN = 0.01  # a concept with less of the picture than this is not named in its description
NAMED = 8  # concepts named in a description, at most

Post = tuple[dict[str, Any], list[bytes]]
Naming = Generator[Any, None, list[str]]
Kept = dict[int, tuple[list[Edit], Image.Image]]
Drawing = Generator[Any, None, Post]  # pauses between steps


def chip_sheet(generator: LayeredGenerator, edits: dict[str, UnitEdit], *, segmenter: Segmenter | None = None) -> Drawing:
    """What each concept draws."""
    pictures = []
    for name, picture in drawings(generator, edits, segmenter=segmenter):
        pictures.append(picture)
        yield Progress(len(pictures), len(edits), note=name)
    return {"kind": "chips", "names": list(edits), "size": CHIP_SIZE}, [sprite(pictures, CHIP_SIZE)]


def step_sheet(easel: Easel, history: History, seed: int, kept: MutableMapping[int, tuple[Edit, Image.Image]]) -> Drawing:
    """A thumbnail of each step of the history: the picture once it was made. `kept` holds those drawn, with their edits."""
    entries = history.entries
    for i, entry in enumerate(entries):
        if entry.number not in kept or kept[entry.number][0] is not entry.edit:  # new, or moved
            shown = entry.seed if entry.seed is not None else seed
            under = [step.edit for step in entries[: i + 1] if step.on or step is entry]
            kept[entry.number] = entry.edit, small(easel, shown, under)
            yield
    for number in set(kept) - history.numbers:
        del kept[number]
    size = min(THUMB, easel.generator.image_size)
    return {"kind": "steps", "entries": [entry.number for entry in entries], "size": size}, [
        sprite([kept[entry.number][1] for entry in entries], size)
    ]


def strip_sheet(easel: Easel, seeds: Sequence[int], edits: Sequence[Edit], kept: Kept) -> Drawing:
    """The strip's pictures under the edits. `kept` holds those already drawn, with the edits that were on them."""
    for seed in set(kept) - set(seeds):
        del kept[seed]
    for seed in seeds:
        own = [edit for edit in edits if touches(edit, seed)]
        before = kept[seed][0] if seed in kept else None
        if before is None or len(before) != len(own) or any(a is not b for a, b in zip(before, own, strict=True)):
            kept[seed] = own, small(easel, seed, own)
            yield
    size = min(THUMB, easel.generator.image_size)
    post = {"kind": "thumbs", "seeds": list(seeds), "size": size}
    return post, [sprite([kept[seed][1] for seed in seeds], size)]


def concepts_seen(easel: Easel, segmenter: Segmenter, seed: int, edits: Sequence[Edit]) -> Naming:
    """The names of what is in the picture, the largest first; returned, not posted."""
    image = easel.image(seed, edits)
    yield
    with torch.no_grad():
        shares = segmenter.segment(image)[0].float().mean((1, 2)).tolist()
    found = sorted(zip(shares, segmenter.names, strict=True), reverse=True)
    return [name for share, name in found if share >= SEEN][:NAMED]


def small(easel: Easel, seed: int, edits: Iterable[Edit]) -> Image.Image:
    """A picture as a thumbnail."""
    return to_pil(easel.image(seed, tuple(edits))[0]).resize((THUMB, THUMB), Image.Resampling.BICUBIC)


def sprite(pictures: Sequence[Image.Image], size: int) -> bytes:
    """Pictures as one row of squares, PNG."""
    row = Image.new("RGB", (size * max(1, len(pictures)), size))
    for i, picture in enumerate(pictures):
        row.paste(picture.convert("RGB").resize((size, size), Image.Resampling.BICUBIC), (i * size, 0))
    return encoded(row, format="PNG", compress_level=1)
