"""A lab as one HTML file that needs neither kernel nor network: what was recorded, and the front end to look through it."""

import base64
import html
import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np
from PIL import Image

from ganwidgets.core.errors import ArgumentError
from ganwidgets.core.examples import jpeg
from ganwidgets.widgets.base import built

PAGE_BYTES = 4_000_000     # of one file, at most
SEEDS = 12                 # pictures that a page holds, if not told otherwise
HEIGHT = 860               # css pixels of the frame in a notebook
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src blob: data:"


@final
@dataclass(frozen=True)
class Page:
    """One HTML file. Shown in a notebook, it is a frame that nbconvert keeps, and that works there too."""

    title: str
    html: str = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.html.encode())

    def save(self, path: str | Path) -> None:
        """Write the file."""
        Path(path).write_text(self.html, encoding="utf-8")

    def _repr_html_(self) -> str:
        return (f'<iframe title="{html.escape(self.title)}" sandbox="allow-scripts" loading="lazy" '
                f'style="width:100%;height:{HEIGHT}px;border:0" srcdoc="{html.escape(self.html)}"></iframe>')


def page(front: str, title: str, record: dict[str, Any]) -> Page:
    """The page of a built front end (`static/FRONT-page.js`) on a record of plain JSON values and of what `packed` answers."""
    script = built(f"{front}-page.js").replace("</script", "<\\/script")
    data = json.dumps(record, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return Page(title, "\n".join([
        "<!doctype html>", '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        f"<title>{html.escape(title)}</title>", f"<style>{built(f'{front}-page.css')}</style></head>",
        '<body><main id="gw"></main>', f'<script type="application/json" id="gw-data">{data}</script>',
        f"<script>{script}</script>", "</body></html>"]))


def fitting(pages: Any, what: str) -> Page:
    """The first of some pages, from large to small, that is small enough. Errors: ArgumentError if none is."""
    least = 0
    for each in pages:
        if each.size <= PAGE_BYTES:
            return each
        least = each.size
    raise ArgumentError(f"{what} is too large for one page: at its smallest it has {least / 1e6:.1f} MB, {PAGE_BYTES / 1e6:.0f} "
                        "are allowed. Say fewer seeds, or open one layer: d.at(layer).")


def packed(content: bytes | np.ndarray) -> str:
    """Bytes as text; those of an array deflated."""
    if isinstance(content, np.ndarray):
        content = zlib.compress(np.ascontiguousarray(content).tobytes(), 9)
    return base64.b64encode(content).decode("ascii")


def tiled(pictures: list[Image.Image], side: int, columns: int, *, quality: int = 85) -> str:
    """Pictures as squares on one page, JPEG."""
    whole = Image.new("RGB", (columns * side, max(1, -(-len(pictures) // columns)) * side))
    for place, picture in enumerate(pictures):
        small = picture if picture.size == (side, side) else picture.resize((side, side), Image.Resampling.LANCZOS)
        whole.paste(small, (place % columns * side, place // columns * side))
    return packed(jpeg(whole, quality=quality))


def recorded_seeds(seeds: Any, first: int) -> list[int]:
    """The pictures of a page: those asked for, or twelve from the present one on."""
    return [int(seed) for seed in seeds] if seeds is not None else [(first + i) % 2**32 for i in range(SEEDS)]
