"""Learns which units of storybook's 16 px layer make each concept come or go, and measures what they draw.

    python -m claims.palette

writes `storybook-causes.json`, which PaintBox paints with and orders its palette by, and its card. The units are chosen on
other seeds with the methods' segmenter; the judge reads what they draw.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from functools import reduce
from multiprocessing import get_context
from operator import or_
from typing import Any

import torch

import ganwidgets as gw
from claims import nets
from ganwidgets.catalog import WEIGHTS
from ganwidgets.methods.intervene import level_units
from ganwidgets.methods.intervene_causes import DRAWS

FILE = WEIGHTS / "storybook-causes.json"
LAYER = 16                              # px
LEARNED, MEASURED = range(500), range(30_000, 31_000)
PICTURES = 100
LEVEL = gw.PaintBox.level.default_value  # the strength that PaintBox begins with
CONTEXTS = {
    "sky": "mountain", "cloud": "sky", "sun": "sky", "moon": "sky", "mountain": "sky", "grass": "snow", "snow": "grass",
    "field": "grass", "path": "grass", "water": "grass", "tree": "grass", "bush": "grass", "fence": "grass", "house": "grass",
    "church": "grass", "barn": "grass", "wall": "grass", "roof": "sky", "window": "wall", "door": "wall", "chimney": "roof",
    "tower": "sky", "dome": "sky", "trunk": "grass",
}


def learn(concept: str) -> Any:
    """One concept's rankings, and what they draw."""
    g = nets.generator()
    layer = g.layer_at(LAYER)
    found = gw.causes(g, nets.segmenter(), layer=layer, seeds=LEARNED, concepts=[concept], contexts=CONTEXTS, progress=False)
    return measure(found)


def measure(found: Any) -> Any:
    g = nets.generator()
    units = level_units(g.layer_at(LAYER).channels, LEVEL)
    return gw.measure_causes(g, nets.judge(), found, CONTEXTS, MEASURED, units=units, pictures=PICTURES, progress=False)


def main() -> None:
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        found = reduce(or_, pool.map(learn, CONTEXTS))
    found.save(FILE)
    FILE.with_suffix(".md").write_text(card(found))


SKETCH = """# storybook-causes

For each concept the units of storybook's {layer} ({size} px) in the order in which to set them, so that it comes ("insert") or
goes ("ablate"). PaintBox paints with them and offers first what was measured to work.

* Learned by `python -m claims.palette` (`gw.causes`) on the pictures {first} to {last} of the generator with the digest
  `{digest}`, with the segmenter `storybook`: sets are grown unit by unit, each time by the one that does most.
* License: CC0 1.0 (public domain).

## What {units} units draw

In boxes of 15 % of the picture that lie on the concept's context, on pictures from {measured} on, read by `storybook-judge`:
on how many the concept then has 15 % of the box, and on how many it has where random units are set (median of {draws} draws).
✓: on 60 % or more, random ones on 15 % or less.

| concept | on | pictures | drawn | by chance | |
|---|---|---:|---:|---:|---|
{table}
"""


def card(found: Any) -> str:
    layer = nets.generator().layer(found.layer)
    rows = sorted(found.drawn.items(), key=lambda each: -each[1].often)
    return SKETCH.format(
        layer=layer.name, size=layer.height, first=LEARNED[0], last=LEARNED[-1], digest=found.origin.digest[:16],
        units=level_units(layer.channels, LEVEL), measured=MEASURED[0], draws=DRAWS,
        table="\n".join(f"| {name} | {seen.context} | {seen.pictures} | {seen.drawn} | {seen.chance:g} | {'✓' * seen.works} |"
                        for name, seen in rows))


if __name__ == "__main__":
    main()
