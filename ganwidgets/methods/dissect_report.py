"""A dissection as a file to hand on: one HTML page that runs nothing and fetches nothing, or its table as CSV.

The page shows what the papers' reports do: every unit with its label, IoU and the pictures in which it goes highest, and the
concept bar graph (Bau et al. 2020, figure 1); and beside each figure its cap and its null.
"""

import base64
import csv
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from ganwidgets.core.errors import ArgumentError
from ganwidgets.core.examples import Examples, jpeg
from ganwidgets.core.markup import escaped
from ganwidgets.core.nets import Layer
from ganwidgets.methods import dissect_bars
from ganwidgets.methods.dissect_compared import compare
from ganwidgets.methods.dissect_words import UnitWords
from ganwidgets.methods.dissection import COUNTED, Dissection

MOST_BYTES = 4_000_000                                         # of one page
SIZES = ((5, 64), (4, 56), (3, 48), (3, 36), (2, 28), (1, 24))  # pictures a unit, and their side
FORMULA = ("=", "+", "-", "@", "\t", "\r")                     # what a spreadsheet would carry out
COLUMNS = {
    "unit": "unit", "concept": "concept", "kind": "kind", "iou": "IoU", "iou_cap": "IoU at most",
    "iou_other": "IoU, other pictures", "iqr": "shared information", "threshold": "threshold", "live": "lights up",
    "word": "word", "lead": "lead", "lead_other": "lead, other pictures"}
STYLE = """
:root{color-scheme:light dark}
body{margin:0 auto;max-width:1200px;padding:16px;background:Canvas;color:CanvasText;font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem}h2{font-size:1.25rem;margin-top:2rem}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1rem;padding:0;list-style:none}
a{color:LinkText}:focus-visible{outline:3px solid Highlight;outline-offset:2px}
.gw-skip{position:absolute;left:-999px}.gw-skip:focus{left:8px;top:8px;padding:4px 8px;background:Canvas}
.gw-wide{overflow:auto;max-height:90vh}
table{border-collapse:collapse;font-size:.875rem}
caption{text-align:left;padding:.25rem 0}
th,td{padding:.25rem .6rem;border-bottom:1px solid GrayText;text-align:left;vertical-align:middle}
thead th{position:sticky;top:0;background:Canvas;white-space:nowrap}
.gw-number{text-align:right;font-variant-numeric:tabular-nums}
.gw-name{max-width:18rem;overflow-wrap:break-word}
img{display:block;border-radius:4px}
.gw-swatch{width:.8em;height:.8em;margin-right:.4em;vertical-align:-.05em}
"""


def report(d: Dissection, path: str | os.PathLike, *, title: str | None = None,
           words: UnitWords | Sequence[UnitWords] = ()) -> Path:
    """Write a dissection as one HTML page (`path` ends in .html), or its table as CSV (.csv); answers the path.

    The page has at most 4 MB, holds no script, and its policy lets the browser run and fetch nothing. Units show their pictures
    where the dissection keeps them: `d.with_examples(gw.examples(g, d))`; the more units, the fewer and smaller. `words`: what
    gw.label_units found, shown beside, in the page alone. In the CSV a name that a spreadsheet would carry out as a formula has
    an apostrophe before it. Errors: ArgumentError for another ending, for words of something else, or where there are too many
    units for one page.
    """
    target, beside = Path(path), _words(d, words)
    if target.suffix.lower() == ".csv":
        _plain(d.table).to_csv(target, index=False, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    elif target.suffix.lower() in (".html", ".htm"):
        target.write_text(_fitting(d, title or f"{d.model}: what its units draw", beside), encoding="utf-8")
    else:
        raise ArgumentError(f"a report is a page, .html, or a table, .csv; {target.name!r} came.")
    return target


def _words(d: Dissection, words: Any) -> dict[str, pd.DataFrame]:
    """The tables of words by layer. Errors: ArgumentError for words of another net or layer."""
    found = [words] if isinstance(words, UnitWords) else list(words)
    for each in found:
        if each.digest != d.digest or each.layer not in d.layers:
            raise ArgumentError("words are what gw.label_units found at a layer of this dissection, on the same weights.")
    return {each.layer.name: each.table.set_index("unit") for each in found}


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """The table with no text that a spreadsheet would take for a formula."""
    texts = {name: ["'" + text if str(text).startswith(FORMULA) else text for text in table[name]]
             for name in ("layer", "concept", "kind")}
    return table.assign(**texts)


def _fitting(d: Dissection, title: str, words: Mapping[str, pd.DataFrame]) -> str:
    """The page with as many and as large pictures as fit. Errors: ArgumentError."""
    bare = _page(d, title, words, 0, 0)
    least = len(bare.encode())
    for count, side in SIZES if d.examples else ():
        # the pictures of all units are made only where those of a few say that they may fit
        if least + _pictures_size(d, count, side) <= MOST_BYTES:
            page = _page(d, title, words, count, side)
            if len(page.encode()) <= MOST_BYTES:
                return page
    if least <= MOST_BYTES:
        return bare
    raise ArgumentError(f"this dissection is too large for one page: with no picture it has {least / 1e6:.1f} MB, "
                        f"{MOST_BYTES / 1e6:.0f} are allowed. Take one layer, d.at(layer), or the table as .csv.")


def _pictures_size(d: Dissection, count: int, side: int) -> float:
    """About how many bytes the pictures of all units take, by those of a few units of each layer."""
    total = 0.0
    for each in d.examples:
        some = each.units[::-(-len(each.units) // 8)]
        total += len(each.units) * sum(len(_strip(each, unit, count, side)) for unit in some) / len(some)
    return total


def _page(d: Dissection, title: str, words: Mapping[str, pd.DataFrame], count: int, side: int) -> str:
    style = STYLE + dissect_bars.STYLE
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    shown = {each.layer: each for each in d.examples} if count else {}
    places = [("concepts", "Concepts"), ("layers", "Layers side by side"),
              *((f"layer{place}", layer.name) for place, layer in enumerate(d.layers))]
    sections = [_section("concepts", "Concepts", [dissect_bars.concept_bars(d).body, _concepts(d)]),
                _section("layers", "Layers side by side", [_layers(d)])]
    for place, layer in enumerate(d.layers):
        table = _units(d.at(layer), layer, shown.get(layer), words.get(layer.name), count, side)
        sections.append(_section(f"layer{place}", f"Units of {layer.name}", [table]))
    return "\n".join([
        '<!doctype html>', '<html lang="en"><head><meta charset="utf-8">',
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        f"style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escaped(title)}</title>", f"<style>{style}</style></head><body>",
        '<a class="gw-skip" href="#concepts">To the concepts</a>', f"<header><h1>{escaped(title)}</h1>", _about(d, shown, words),
        '<nav aria-label="Parts of this page"><ul>', *(f'<li><a href="#{key}">{escaped(name)}</a></li>' for key, name in places),
        "</ul></nav></header><main>", *sections, "</main></body></html>"]) + "\n"


def _section(key: str, heading: str, parts: Sequence[str]) -> str:
    return f'<section id="{key}" aria-labelledby="{key}-h"><h2 id="{key}-h">{escaped(heading)}</h2>{"".join(parts)}</section>'


def _about(d: Dissection, shown: Mapping[Layer, Examples], words: Mapping[str, pd.DataFrame]) -> str:
    """What was done, and how to read the figures."""
    rule = ("each unit and concept have a threshold of their own, fitted on pictures that are not counted" if d.rule == "iqr" else
            f"a unit counts as lit at the {d.share:.0%} of all pixels where it is highest")
    pictures = ("" if shown else " The dissection keeps no pictures of its units, or they are too many for one page: "
                "d.with_examples(gw.examples(g, d)) adds them.")
    lead = (" <em>Lead</em>: by how many standard deviations a word fits better where the unit is highest; no segmenter is asked."
            if words else "")
    return (f"<p>{escaped(d)}.</p><p>Weights {escaped(d.digest[:16])}. IoU: what unit and concept share of the pixels that either "
            f"has; {rule}. <em>IoU at most</em>: what that rule can give the concept. <em>IoU, other pictures</em>: with the "
            "masks of other pictures, what position alone gives. A concept in brackets is a unit's best, with an IoU below "
            f"{COUNTED}, too little to say that it draws it.{lead}{pictures}</p>")


def _concepts(d: Dissection) -> str:
    colors = {concept.name: concept.hex for concept in d.concepts}
    rows = []
    for row in d.by_concept.itertuples(index=False):
        swatch = (f'<svg class="gw-swatch" viewBox="0 0 1 1" aria-hidden="true"><rect width="1" height="1" '
                  f'fill="{colors[row.concept]}"/></svg>')
        rows.append([f'<th scope="row" class="gw-name">{swatch}{escaped(row.concept)}</th>', _text(row.kind), _figure(row.share),
                     _figure(row.iou_cap), _text(f"{row.layer}, unit {row.unit}"), _figure(row.iou), _figure(row.iou_other)])
    heads = ["concept", "kind", "share of the pixels", "IoU at most", "best unit", "IoU", "IoU, other pictures"]
    return _table("Every concept and its best unit, the highest IoU first", heads, rows)


def _layers(d: Dissection) -> str:
    counts = compare(d).drop(columns=["name", "rule", "duplicates", "pictures"])
    rows = [[f'<th scope="row">{escaped(row[0])}</th>', *(_figure(value) for value in row[1:])]
            for row in counts.itertuples(index=False)]
    return _table(f"Units and concepts of each layer; matched: with an IoU of {COUNTED} or more; other: with other pictures' masks",
                  [str(name).replace("_", ", ") for name in counts.columns], rows)


def _units(d: Dissection, layer: Layer, shown: Examples | None, words: pd.DataFrame | None, count: int, side: int) -> str:
    """The table of a layer's units."""
    table = d.table.drop(columns="layer")
    if words is not None:
        table = table.join(words[["word", "lead", "lead_other"]], on="unit")
    rows = []
    for row in table.to_dict("records"):
        first = [f"<td>{_strip(shown, int(row['unit']), count, side)}</td>"] if shown is not None else []
        rows.append(first + [_cell(str(name), value, row) for name, value in row.items()])
    heads = (["goes highest in"] if shown is not None else []) + [COLUMNS.get(str(name), str(name)) for name in table.columns]
    return _table(f"{layer.name}: {layer.channels} units on {layer.height} x {layer.width} cells, the highest IoU first",
                  heads, rows)


def _cell(name: str, value: Any, row: Mapping[str, Any]) -> str:
    if name == "unit":
        return f'<th scope="row" class="gw-number">{value}</th>'
    if name == "concept":
        return _text(value if row["iou"] >= COUNTED else f"({value})" if value else "none")
    if name == "live":
        return _text("yes" if value else "no")
    return _text(value) if isinstance(value, str) else _figure(value)


def _strip(shown: Examples, unit: int, count: int, side: int) -> str:
    """A unit's highest pictures side by side, dimmed where it is not lit, as one picture."""
    if unit not in shown.units:
        return ""
    numbers = [int(number) for number in shown.numbers[shown.units.index(unit)] if number >= 0][:count]
    pictures = [each.resize((side, side), Image.Resampling.LANCZOS) for each in shown.row(unit)[:count]]
    if not pictures:
        return ""
    whole = Image.new("RGB", (len(pictures) * (side + 2) - 2, side), "gray")
    for place, picture in enumerate(pictures):
        whole.paste(picture, (place * (side + 2), 0))
    content = base64.b64encode(jpeg(whole, quality=82)).decode()
    return (f'<img loading="lazy" width="{whole.width}" height="{side}" src="data:image/jpeg;base64,{content}" '
            f'alt="pictures {", ".join(map(str, numbers))}, clear where unit {unit} is lit">')


def _table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that scrolls by itself where the window is narrow, by keys too."""
    number = ' class="gw-number"'
    cells = "".join(f'<th scope="col"{number if rows and number in rows[0][place] else ""}>{escaped(head)}</th>'
                    for place, head in enumerate(heads))
    lines = "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return (f'<div class="gw-wide" role="region" tabindex="0" aria-label="{escaped(caption)}"><table><caption>{escaped(caption)}'
            f"</caption><thead><tr>{cells}</tr></thead><tbody>\n{lines}\n</tbody></table></div>")


def _text(value: object) -> str:
    return f'<td class="gw-name">{escaped(value, most=200)}</td>'


def _figure(value: Any) -> str:
    """A number with three digits; whole ones whole."""
    if isinstance(value, (int, np.integer)):
        return f'<td class="gw-number">{value}</td>'
    return f'<td class="gw-number">{value:.3g}</td>' if np.isfinite(value) else '<td class="gw-number">none</td>'
