"""One unit's pictures with the maps behind them, so that the browser lights them for any threshold without asking again."""

from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any, final

import torch
from PIL import Image
from torch.nn import functional as F

from ganwidgets.core.images import encoded, sheet, to_pil
from ganwidgets.core.jobs import Progress
from ganwidgets.core.nets import LayeredGenerator
from ganwidgets.core.unit_edits import check_fits
from ganwidgets.methods.dissect import Dissection
from ganwidgets.methods.dissect_lowest import lowest_first
from ganwidgets.widgets.unitrows import SHOWN, THUMB

MOST_CELLS = 64            # along a side of a map that is sent; larger ones are sent as means of their cells


@final
class UnitMaps:
    """Pictures and maps; which pictures are the lowest is looked for once a layer. For one thread."""

    def __init__(self, generator: LayeredGenerator, dissection: Dissection) -> None:
        self._generator, self._dissection = generator, dissection
        self._lowered: dict[str, Dissection] = {}

    def answer(self, layer: str, unit: int, *, lowest: bool) -> Generator[Any, None, dict[str, Any]]:
        """The pictures in which the unit goes highest or lowest, and its maps there, in steps. Errors: UnitError."""
        check_fits((unit,), self._dissection.at(layer).layers[0].channels, layer)
        d = (yield from self._lowest(layer)) if lowest else self._dissection
        numbers = [int(number) for number in d.tops[layer][unit][:SHOWN] if number >= 0]
        place = self._generator.layer(layer)
        height, width = min(place.height, MOST_CELLS), min(place.width, MOST_CELLS)
        pictures, cells = [], []
        for number in numbers:
            with torch.no_grad():
                run = self._generator.head(self._generator.sample([number]), layer)
                pictures.append(to_pil(self._generator.tail(run)).resize((THUMB, THUMB), Image.Resampling.BICUBIC))
                cells.append(F.adaptive_avg_pool2d(run.features[:, [unit]].float(), (height, width)).cpu().numpy().astype("<f4"))
            yield Progress(len(pictures), len(numbers), "pictures")
        page = encoded(sheet(pictures, len(pictures), gap=0), format="JPEG", quality=90)
        return {"units": [unit], "numbers": numbers, "size": THUMB, "height": height, "width": width,
                "buffers": [page, b"".join(each.tobytes() for each in cells)]}

    def _lowest(self, layer: str) -> Generator[Any, None, Dissection]:
        if layer not in self._lowered:
            self._lowered[layer] = yield from lowest_first.steps(self._generator, self._dissection, layer=layer)
        return self._lowered[layer]


def relit(d: Dissection, layer: str, thresholds: Mapping[int, float]) -> Dissection:
    """The dissection with other thresholds for some units of a layer; what was counted stays as it was."""
    if not thresholds:
        return d
    findings = []
    for found in d.findings:
        if found.layer.name == layer:
            changed = found.thresholds.copy()
            changed[list(thresholds)] = list(thresholds.values())
            found = replace(found, thresholds=changed)
        findings.append(found)
    return replace(d, findings=tuple(findings))
