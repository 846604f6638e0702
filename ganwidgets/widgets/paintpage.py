"""A PaintBox as a page: its history as it was made, and for some pictures each concept taken out and put in."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from PIL import Image

from ganwidgets.core.images import to_pil
from ganwidgets.core.latents import Latents
from ganwidgets.core.regions import Region
from ganwidgets.widgets.pages import Page, fitting, page, tiled
from ganwidgets.widgets.painting import Easel, Entry, touches

SIDES = (256, 192, 128, 96, 64, 48)    # pixels along the side of a recorded picture, tried in turn
BOX = (0.25, 0.3, 0.75, 0.8)           # where a concept is put in
COLUMNS = 16


def paint_page(lab: Any, easel: Easel, entries: Sequence[Entry], seeds: list[int]) -> Page:
    """The page of a paint box. Errors: ArgumentError where it is too large; SeedError."""
    names = [chip["name"] for chip in lab.concepts]
    before, out, put = concepts_drawn(lab, easel, names, seeds)
    steps = steps_drawn(easel, entries, lab.seed)
    pictures = [*before, *(each for name in names for each in (*out[name], *put[name])), *(after for _, after in steps)]
    title = f"{lab.model}, painted"

    def pages() -> Iterator[Page]:
        own = easel.generator.image_size
        for side in dict.fromkeys(min(own, each) for each in SIDES):
            yield page("paintbox", title, {
                "model": lab.model, "layer": lab.layer, "version": lab.version, "seeds": seeds, "concepts": list(lab.concepts),
                "history": [{**entry.record(), "shown": seed} for entry, (seed, _) in zip(entries, steps, strict=True)],
                "box": BOX, "side": side, "columns": COLUMNS, "sheet": tiled(pictures, side, COLUMNS, quality=88)})

    return fitting(pages(), f"this page of {len(seeds)} pictures with {len(names)} concepts")


Drawn = dict[str, list[Image.Image]]


def concepts_drawn(lab: Any, easel: Easel, names: Sequence[str], seeds: list[int]) -> tuple[list[Image.Image], Drawn, Drawn]:
    """The pictures before all edits, and with each concept taken out everywhere, and put in a box: all seeds in one batch."""
    with torch.no_grad():
        heads = easel.generator.head(Latents.join([easel.latents(seed) for seed in seeds]), easel.layer)

        def drawn(edit: Any = None) -> list[Image.Image]:
            features = heads.features if edit is None else replace(edit, seeds=None).change(heads.features)
            return [to_pil(each) for each in easel.generator.tail(replace(heads, features=features))]

        out = {name: drawn(lab.edit_for(name, "ablate", None)) for name in names}
        put = {name: drawn(lab.edit_for(name, "insert", Region.box(*BOX))) for name in names}
        return drawn(), out, put


def steps_drawn(easel: Easel, entries: Sequence[Entry], seed: int) -> list[tuple[int, Image.Image]]:
    """After each step the picture that it was made on, or the present one."""
    drawn = []
    for place, entry in enumerate(entries):
        shown = entry.seed if entry.seed is not None else seed
        edits = [each.edit for each in entries[:place + 1] if (each.on or each is entry) and touches(each.edit, shown)]
        drawn.append((shown, to_pil(easel.image(shown, edits)[0])))
    return drawn
