"""One unit's pictures with the maps behind them, so that the browser lights them for any threshold without asking again."""

from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any, final

import torch
from torch.nn import functional as F

from ganwidgets.core.images import encoded, sheet, to_pil
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
        with torch.no_grad():
            run = self._generator.head(self._generator.sample(numbers), layer)
            images = self._generator.tail(run)
            maps = run.features[:, [unit]].float()
        height, width = (min(side, MOST_CELLS) for side in maps.shape[-2:])
        cells = F.adaptive_avg_pool2d(maps, (height, width)).cpu().contiguous().numpy().astype("<f4")
        page = sheet([to_pil(each).resize((THUMB, THUMB)) for each in images], len(numbers), gap=0)
        return {"units": [unit], "numbers": numbers, "size": THUMB, "height": height, "width": width,
                "buffers": [encoded(page.convert("RGB"), format="JPEG", quality=90), cells.tobytes()]}

    def _lowest(self, layer: str) -> Generator[Any, None, Dissection]:
        if layer not in self._lowered:
            self._lowered[layer] = yield from lowest_first.steps(self._generator, self._dissection, layer=layer)
        return self._lowered[layer]

    def forget(self) -> None:
        """Forget which pictures are the lowest."""
        self._lowered.clear()


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
