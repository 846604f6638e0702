"""The pictures of units' rows: drawn by the model, or where there is none those that the dissection keeps."""

from collections import OrderedDict
from collections.abc import Generator, Sequence
from typing import Any, final

from PIL import Image

from ganwidgets.core.examples import Examples
from ganwidgets.core.images import encoded, sheet
from ganwidgets.core.nets import LayeredGenerator
from ganwidgets.core.unit_edits import check_fits
from ganwidgets.methods.dissect import Dissection
from ganwidgets.methods.dissect_examples import examples

SHOWN = 6                  # pictures in a row
THUMB = 72                 # pixels along the side of each
ROWS_KEPT = 256            # rows whose pictures stay in memory
LARGE = 128                # pixels along the side of a picture that is looked at without a model
DARK = (32, 34, 38)        # where there is no picture


@final
class UnitRows:
    """Rows of pictures, kept for a while. For one thread."""

    def __init__(self, generator: LayeredGenerator | None, dissection: Dissection) -> None:
        self.generator, self._dissection = generator, dissection
        self._rows: OrderedDict[tuple[str, int], list[Image.Image]] = OrderedDict()
        self._kept = {each.layer.name: each for each in dissection.examples}

    def page(self, layer: str, units: Sequence[int], lit: Dissection | None = None) -> Generator[Any, None, dict[str, Any]]:
        """The pictures of these units' rows, in steps: one page, a row a unit. `lit`: the dissection with thresholds that are not
        its own. Errors: UnitError."""
        check_fits(tuple(units), self._dissection.at(layer).layers[0].channels, layer)
        missing = [unit for unit in dict.fromkeys(units) if (layer, unit) not in self._rows]
        d = lit or self._dissection
        own, now = self._dissection.thresholds[layer], d.thresholds[layer]
        # what the dissection keeps is lit at its own thresholds
        rows = {unit: self.kept(layer, unit) if self.generator is None or own[unit] == now[unit] else [] for unit in missing}
        undrawn = [unit for unit, row in rows.items() if not row]
        if undrawn and self.generator is not None:
            found = yield from examples.steps(self.generator, d, undrawn, layer=layer, k=SHOWN)
            rows |= {unit: found.row(unit) for unit in undrawn}
        for unit, row in rows.items():
            self._rows[layer, unit] = [each.resize((THUMB, THUMB), Image.Resampling.BICUBIC) for each in row[:SHOWN]]
        page = Image.new("RGB", (SHOWN * THUMB, len(units) * THUMB), DARK)
        for place, unit in enumerate(units):
            for column, picture in enumerate(self._rows[layer, unit]):
                page.paste(picture, (column * THUMB, place * THUMB))
            self._rows.move_to_end((layer, unit))
        while len(self._rows) > max(ROWS_KEPT, len(units)):
            self._rows.popitem(last=False)
        return {"units": list(units), "size": THUMB, "buffers": [encoded(page, format="JPEG", quality=85)]}

    def kept(self, layer: str, unit: int) -> list[Image.Image]:
        """The pictures of a unit that the dissection keeps, lit where it acts; none: it keeps none."""
        found = self._kept.get(layer)
        return found.row(unit) if found is not None and unit in found.units else []

    def all_kept(self, layer: str) -> Examples | None:
        """What the dissection keeps of a layer, if it is of all its units."""
        found = self._kept.get(layer)
        return found if found is not None and len(found.units) == found.layer.channels else None

    def large(self, layer: str, unit: int) -> Image.Image:
        """The same on one square page."""
        pictures = self.kept(layer, unit)[:9]
        columns = 2 if len(pictures) <= 4 else 3
        blank = Image.new("RGB", (LARGE, LARGE), DARK)
        shown = [each.resize((LARGE, LARGE), Image.Resampling.BICUBIC) for each in pictures]
        return sheet((shown + [blank] * columns**2)[:columns**2], columns)

    def drop(self, layer: str, unit: int) -> None:
        """Draw this row anew when it is next asked for."""
        self._rows.pop((layer, unit), None)

    def forget(self) -> None:
        """Free the pictures and the model."""
        self._rows.clear()
        self._kept.clear()
        self.generator = None
