"""A UnitBrowser as a page: every unit of every layer, with some pictures, and on them where each unit acts."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from PIL import Image

from ganwidgets.core.examples import DIM, Examples
from ganwidgets.core.images import to_pil
from ganwidgets.methods.dissect import Dissection
from ganwidgets.methods.dissect_examples import examples
from ganwidgets.widgets.messages import FIRING
from ganwidgets.widgets.pages import Page, fitting, packed, page, recorded_seeds, tiled
from ganwidgets.widgets.unitrows import SHOWN

SIZES = ((SHOWN, 72, 12), (SHOWN, 72, 6), (SHOWN, 56, 6), (4, 48, 3), (3, 36, 1), (2, 28, 1))  # pictures a unit, pixels, seeds
COLUMNS = 32               # of the page of small pictures
FINE = 85                  # a unit's threshold in steps of one byte: three times as high is still told


def unit_page(lab: Any, d: Dissection, seeds: Any, rows: Any) -> Page:
    """The page of a browser (its table by layer from `rows`). Errors: ArgumentError where it is too large."""
    g = lab._rows.generator
    shown = [lab._rows.all_kept(layer.name) or (examples(g, d, layer=layer, k=SHOWN, progress=False) if g is not None else None)
             for layer in d.layers]
    numbers = recorded_seeds(seeds, lab.seed) if g is not None else []
    title = f"{lab.model}: what its units draw"

    def pages() -> Iterator[Page]:
        for count, side, most in SIZES:
            kept = numbers if seeds is not None else numbers[:most]
            yield page("unitbrowser", title, {
                "state": {"model": lab.model, "layer": lab.layer, "layers": list(lab.layers), "image_size": lab.image_size,
                          "seed": kept[0] if kept else 0, "version": lab.version,
                          "others": list(lab.layers) if len(lab.layers) > 1 else []},
                "tables": {layer.name: rows(layer.name) for layer in d.layers},
                "rows": small_rows(d, shown, count, side), "pictures": seen(lab, d, kept), "fine": FINE, "firing": FIRING})

    return fitting(pages(), f"this dissection of {sum(layer.channels for layer in d.layers)} units")


def small_rows(d: Dissection, shown: list[Examples | None], count: int, side: int) -> dict[str, Any]:
    """The rows' pictures: each once on one page, and for every layer which they are and where each unit is lit."""
    unique: dict[int, np.ndarray] = {}
    for each in shown:
        unique |= each.unique if each is not None else {}
    places = {number: place for place, number in enumerate(sorted(unique))}
    layers = {}
    for layer, each in zip(d.layers, shown, strict=True):
        numbers, lit = np.full((layer.channels, count), -1, np.int32), np.zeros((layer.channels, count, side, side), bool)
        if each is not None:
            k = min(count, each.numbers.shape[1])
            cells = (np.arange(side) * each.lit.shape[2]) // side
            numbers[list(each.units), :k] = np.vectorize(lambda number: places.get(int(number), -1))(each.numbers[:, :k])
            lit[list(each.units), :k] = each.lit[:, :k][:, :, cells][:, :, :, cells]
        layers[layer.name] = {"numbers": packed(numbers), "lit": packed(np.packbits(lit, axis=None))}
    pictures = [Image.fromarray(unique[number]) for number in sorted(unique)]
    return {"count": count, "side": side, "dim": DIM, "columns": COLUMNS, "sheet": tiled(pictures, side, COLUMNS),
            "layers": layers}


def seen(lab: Any, d: Dissection, seeds: list[int]) -> dict[str, Any]:
    """Pictures as they are under the lab's edits, and how high each unit goes at each place of them, 85 at its threshold."""
    if not seeds:
        return {"seeds": [], "sheet": "", "side": 0, "layers": {}}
    generator = lab.generator
    latents = generator.sample(seeds)
    with torch.no_grad():
        images = generator.images(latents)
        layers = {}
        for layer in d.layers:
            features = generator.head(latents, layer).features.float().cpu().numpy()
            limits = d.thresholds[layer.name].astype(np.float32)[None, :, None, None]
            share = np.divide(features, limits, out=np.zeros_like(features), where=limits > 0)
            layers[layer.name] = {"height": layer.height, "width": layer.width,
                                  "acts": packed((share * FINE).clip(0, 255).round().astype(np.uint8))}
    side = min(256, int(images.shape[-1]))
    return {"seeds": seeds, "side": side, "layers": layers,
            "sheet": tiled([to_pil(each) for each in images], side, len(seeds), quality=92)}
