"""The layer profile: what part of each layer's live units draws objects, parts, materials and colours, beside its nulls.

Layers are compared so in Bau et al. 2019, section 4.2, of generators, and in Bau et al. 2020, section 2.1, of a classifier. As SVG
text, with no library: `gw.profile_counts` are its numbers, for a graph by any other means.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ganwidgets.core.markup import escaped
from ganwidgets.methods.dissect_bars import BAR, COLORS, LINE, NAMES, WIDTH, BarGraph, framed
from ganwidgets.methods.dissect_compared import KINDS, Several, live_units, named
from ganwidgets.methods.dissection import COUNTED, Dissection, LayerFindings

NULL = "#888"                                  # seen on white and on black
FULL = WIDTH - NAMES - 150                     # pixels of a bar of all live units
THIN = 4                                       # pixels: how high the null's bar is, below the other
MOST = 40                                      # layers that are drawn
SHOWN = {"object": "objects", "part": "parts", "material": "materials", "color": "colours"}


def layer_profile(dissections: Several, *, least: float = COUNTED, title: str | None = None) -> BarGraph:
    """The layer profile of one dissection of several layers, or of more side by side; arguments as in `gw.profile_counts`.

    A bar a layer and dissection, as long as the part of the live units whose concept counts, in a colour for each kind; below it a
    thin grey one: the same with the masks of other pictures, what position alone gives. The profile of an untrained net is the
    other null: give its dissection beside, as {"trained": d, "untrained": d0}. Errors: ArgumentError.
    """
    several = named(dissections)
    return drawing(profile_counts(several, least=least), title or f"Units that draw a concept, by layer: {', '.join(several)}")


def profile_counts(dissections: Several, *, least: float = COUNTED) -> pd.DataFrame:
    """How many units of each layer have a best concept of each kind: the numbers of the layer profile.

    A row for each layer and dissection, the layers in running order. Columns: layer, side (cells), name (as in `gw.compare`), live
    units, how many of them have an IoU of `least` (0..1) or more with a concept of the kind object, part, material or color,
    their sum `matched`, and `matched_other`: how many have it with the masks of other pictures. Errors: ArgumentError.
    """
    several = named(dissections)
    order = list(dict.fromkeys(layer.name for d in several.values() for layer in d.layers))
    rows = [_counted(name, d, found, least) for name, d in several.items() for found in d.findings]
    rows.sort(key=lambda row: order.index(row[0]))             # keeps the order of the names within a layer
    return pd.DataFrame(rows, columns=["layer", "side", "name", "live", *KINDS, "matched", "matched_other"])


def _counted(name: str, d: Dissection, found: LayerFindings, least: float) -> tuple[Any, ...]:
    live = live_units(d, found)
    iou, other = found.iou[live], found.iou_other[live]
    counts = iou.max(1) >= least
    kinds = np.array([concept.kind for concept in d.concepts])[iou.argmax(1)[counts]]
    return (found.layer.name, found.layer.height, name, int(live.sum()), *(int((kinds == kind).sum()) for kind in KINDS),
            int(counts.sum()), int((other.max(1) >= least).sum()))


def drawing(counts: pd.DataFrame, title: str) -> BarGraph:
    """The figure of what `profile_counts` answers."""
    layers = list(dict.fromkeys(counts["layer"]))[:MOST]
    kept = counts[counts["layer"].isin(layers)]
    kinds = [kind for kind in KINDS if counts[kind].any()]
    parts, top, several = list(_legend(kinds)), 30, counts["name"].nunique() > 1
    for layer in layers:
        rows = kept[kept["layer"] == layer].to_dict("records")
        head = f"{layer}, {rows[0]['side']} px"
        if several:
            parts.append(f'<text class="gw-kind" x="8" y="{top + 13}">{escaped(head, most=70)}</text>')
            top += LINE
        for row in rows:
            parts.append(_bar(row, kinds, row["name"] if several else head, top))
            top += BAR + THIN + 6
    rest = counts["layer"].nunique() - len(layers)
    return framed(parts, top, title, said=_said(kept, kinds), last=f"and {rest} more layers" if rest else "")


def _legend(kinds: list[str]) -> Iterator[str]:
    """The kinds that there are, and the null."""
    said = [(COLORS[KINDS.index(kind)], SHOWN[kind], 84) for kind in kinds] + [(NULL, "masks of other pictures", 0)]
    left = 8
    for color, name, step in said:
        yield f'<rect x="{left}" y="8" width="12" height="12" fill="{color}"/><text x="{left + 18}" y="18">{name}</text>'
        left += step


def _bar(row: Mapping[Any, Any], kinds: list[str], label: str, top: int) -> str:
    """A layer of one dissection: the kinds one after another, the null below, and the numbers."""
    parts = [f'<text x="{NAMES - 6}" y="{top + 11}" text-anchor="end">{escaped(label, most=22)}</text>']
    scale, left = FULL / max(1, row["live"]), float(NAMES)
    for kind in kinds:
        width = row[kind] * scale
        if width:
            parts.append(_part(f"{label}, {SHOWN[kind]}: {row[kind]} of {row['live']}", left, top + 1, width, BAR - 2,
                               COLORS[KINDS.index(kind)]))
        left += width
    if row["matched_other"]:
        parts.append(_part(f"{label}, masks of other pictures: {row['matched_other']} of {row['live']}", float(NAMES), top + BAR,
                           row["matched_other"] * scale, THIN, NULL))
    end = max(left, NAMES + row["matched_other"] * scale) + 5
    parts.append(f'<text x="{round(end, 1)}" y="{top + 11}">{row["matched"]} of {row["live"]}, null {row["matched_other"]}</text>')
    return "".join(parts)


def _part(said: str, left: float, top: int, width: float, height: int, color: str) -> str:
    return (f'<g><title>{escaped(said)}</title><rect x="{round(left, 1)}" y="{top}" width="{round(width, 1)}" height="{height}" '
            f'fill="{color}"/></g>')


def _said(counts: pd.DataFrame, kinds: list[str]) -> str:
    """The figure in words."""
    rows = [f"{row['layer']}, {row['name']}: {row['matched']} of {row['live']} live units ("
            + "".join(f"{SHOWN[kind]} {row[kind]}, " for kind in kinds) + f"with masks of other pictures {row['matched_other']})"
            for row in counts.to_dict("records")]
    return "; ".join(rows)
