"""The concept bar graph: how many units of a layer draw each concept, grouped by kind, as in the papers' figures.

As SVG text, with no library: `gw.concept_counts` are its numbers, for a graph by any other means.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import pandas as pd

from ganwidgets.core.errors import ArgumentError
from ganwidgets.core.markup import escaped
from ganwidgets.core.nets import Layer
from ganwidgets.methods.dissect_compared import Several, concept_counts, named
from ganwidgets.methods.dissection import COUNTED

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")     # told apart by deuteranopes, on white and on black
WIDTH, NAMES, BAR, LINE = 560, 150, 12, 18                # pixels
MOST = 80                                                 # concepts that are drawn
STYLE = ("svg.gw-bars{font:12px system-ui,sans-serif;max-width:100%;height:auto}.gw-bars text{fill:#1b1b1b}"
         ".gw-bars .gw-kind{font-weight:600}.gw-bars .gw-back{fill:#fff}"
         "@media (prefers-color-scheme:dark){.gw-bars text{fill:#eee}.gw-bars .gw-back{fill:#1b1b1b}}")


@final
@dataclass(frozen=True)
class BarGraph:
    """A graph as SVG text. Shown in a notebook, it is drawn; it has a title, and says its numbers to a screen reader."""
    title: str
    body: str = field(repr=False)          # the drawing without its style, for a page that has STYLE in its own

    @property
    def svg(self) -> str:
        """The whole file, light or dark as the reader's system is."""
        return self.body.replace("</title>", f"</title><style>{STYLE}</style>", 1)

    def save(self, path: str | os.PathLike) -> None:
        """Write the file; by custom its name ends in .svg."""
        Path(path).write_text(self.svg + "\n", encoding="utf-8")

    def _repr_svg_(self) -> str:
        return self.svg


def concept_bars(dissections: Several, *, layer: str | Layer | None = None, least: float = COUNTED,
                 title: str | None = None) -> BarGraph:
    """The concept bar graph of one dissection, or of up to four side by side; arguments as in `gw.concept_counts`.

    Errors: ArgumentError, LayerError.
    """
    several = named(dissections)
    if len(several) > len(COLORS):
        raise ArgumentError(f"a bar graph shows up to {len(COLORS)} dissections; {len(several)} came. gw.concept_counts takes any "
                            "number.")
    counts = concept_counts(several, layer=layer, least=least)
    where = f" at {layer}" if layer is not None else ""
    return graph(counts, title or f"Units that draw each concept{where}: {', '.join(several)}")


def graph(counts: pd.DataFrame, title: str) -> BarGraph:
    """The graph of what `concept_counts` answers."""
    names = [str(name) for name in counts.columns[2:]]
    kept = counts.sort_values(list(counts.columns[2:]), ascending=False, kind="stable").head(MOST).sort_index()
    parts, top = list(_legend(names)), 26 if len(names) > 1 else 8
    scale = (WIDTH - NAMES - 48) / max(1, int(counts[counts.columns[2:]].to_numpy().max(initial=0)))
    for kind, rows in kept.groupby("kind", sort=False):
        many = f"{len(rows)} concept{'s' * (len(rows) > 1)}"
        parts.append(f'<text class="gw-kind" x="8" y="{top + 13}">{escaped(kind)}: {many}</text>')
        top += LINE + 4
        for row in rows.itertuples(index=False):
            parts.append(_row(str(row[0]), row[2:], names, top, scale))
            top += max(LINE, BAR * len(names) + 6)
    rest = len(counts) - len(kept)
    last = f"and {rest} more" if rest else "" if len(kept) else "no unit draws a concept"
    return framed(parts, top, title, said=_said(kept), last=last)


def framed(parts: Sequence[str], top: int, title: str, *, said: str, last: str = "") -> BarGraph:
    """The graph of these parts, which reach down to `top` (pixels): `said` are its numbers in words, `last` a line below it."""
    if last:
        parts, top = [*parts, f'<text x="8" y="{top + 13}">{last}</text>'], top + LINE
    height, label = top + 8, escaped(f"{title}. {said}.", most=4000)
    return BarGraph(title, "".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" class="gw-bars" role="img" aria-label="{label}" '
        f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"><title>{escaped(title)}</title>',
        f'<rect class="gw-back" width="{WIDTH}" height="{height}" rx="6"/>', *parts, "</svg>"]))


def _legend(names: Sequence[str]) -> Iterator[str]:
    if len(names) > 1:
        step = (WIDTH - 16) // len(names)
        for place, name in enumerate(names):
            left = 8 + place * step
            yield (f'<rect x="{left}" y="8" width="12" height="12" fill="{COLORS[place]}"/>'
                   f'<text x="{left + 18}" y="18">{escaped(name, most=step // 8)}</text>')


def _row(concept: str, counts: Sequence[int], names: Sequence[str], top: int, scale: float) -> str:
    """A concept's name and its bars, each with its number."""
    parts = [f'<text x="{NAMES - 6}" y="{top + 11}" text-anchor="end">{escaped(concept, most=22)}</text>']
    for place, (count, name) in enumerate(zip(counts, names, strict=True)):
        y, width = top + place * BAR, round(count * scale, 1)
        parts.append(f'<g><title>{escaped(concept)}, {escaped(name)}: {count}</title><rect x="{NAMES}" y="{y + 1}" '
                     f'width="{width}" height="{BAR - 2}" fill="{COLORS[place]}"/>'
                     f'<text x="{NAMES + width + 5}" y="{y + 11}">{count}</text></g>')
    return "".join(parts)


def _said(counts: pd.DataFrame) -> str:
    """The graph in words."""
    rows = [f"{row[0]} {' and '.join(map(str, row[2:]))}" for row in counts.itertuples(index=False)]
    return ", ".join(rows) or "No unit draws a concept"
