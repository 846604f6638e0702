"""The layer profile says of planted layers what was planted in them, beside the nulls, and draws it to scale."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from ganwidgets.core.concepts import Concept, Segmenter
from ganwidgets.core.errors import ArgumentError
from ganwidgets.methods.dissect import dissect
from ganwidgets.methods.dissect_bars import COLORS
from ganwidgets.methods.dissect_profile import FULL, MOST, NULL, THIN, drawing, layer_profile, profile_counts
from ganwidgets.testing.planted import PlantedNet

SVG = "{http://www.w3.org/2000/svg}"
SEEDS = range(12)


class Renamed(Segmenter):
    """The planted masks, the dot as a part."""

    def __init__(self, segmenter):
        self.held = segmenter
        self.concepts = tuple(Concept(each.name, "part" if each.name == "dot" else each.kind, each.color)
                              for each in segmenter.concepts)

    def segment(self, images):
        return self.held.segment(images)


class Fixed(PlantedNet):
    """The planted net that always draws the same picture."""

    def maps(self, z):
        return super().maps(z[:1] * 0 + .3).expand(len(z), -1, -1, -1)


@pytest.fixture(scope="module")
def plain(planted):
    return dissect(planted.generator, Renamed(planted.segmenter), layers=planted.generator.layers, seeds=SEEDS, progress=False)


@pytest.fixture(scope="module")
def of_copied(planted, copied):
    return dissect(copied, Renamed(planted.segmenter), layer="layer2", seeds=SEEDS, progress=False)


def drawn(made):
    """The figure as XML, and each bar's (title, left, width, height, colour)."""
    root = ET.fromstring(made.svg)
    bars = [(group.find(f"{SVG}title").text, group.find(f"{SVG}rect")) for group in root.iter(f"{SVG}g")]
    return root, [(title, *(float(bar.get(key)) for key in ("x", "width", "height")), bar.get("fill")) for title, bar in bars]


def test_units_are_counted_by_the_kind_of_their_planted_concept(plain, of_copied):
    table = profile_counts({"planted": plain, "copied": of_copied})
    assert list(table["layer"]) == ["layer1", "layer2", "layer2", "layer3"]
    one, two = (table.set_index(["layer", "name"]).loc[("layer2", name)] for name in ("planted", "copied"))
    # the copied net has the block twice, and one unit that is dead
    assert (one.live, one.object, one.part, one.material, one.color, one.matched, one.matched_other) == (12, 1, 1, 0, 0, 2, 0)
    assert (two.live, two.object, two.part, two.matched) == (11, 2, 1, 3)


def test_position_alone_is_in_the_null(planted):
    g = replace(planted.generator, net=Fixed(), digests=None)
    row = profile_counts(dissect(g, planted.segmenter, layer="layer2", seeds=range(4), progress=False)).iloc[0]
    assert row.matched == row.matched_other >= 2


def test_bars_are_as_long_as_their_shares(plain, of_copied, tmp_path):
    made = layer_profile({"a": plain.at("layer2"), "b": of_copied}, title="A & B")
    root, bars = drawn(made)
    assert [title for title, *_ in bars] == ["a, objects: 1 of 12", "a, parts: 1 of 12", "b, objects: 2 of 11", "b, parts: 1 of 11"]
    assert [width for _, _, width, _, _ in bars] == pytest.approx([FULL / 12, FULL / 12, 2 * FULL / 11, FULL / 11], abs=.1)
    # of each pair the second begins where the first ends
    assert all(second[1] == pytest.approx(first[1] + first[2], abs=.2) for first, second in (bars[:2], bars[2:]))
    assert [color for *_, color in bars] == [COLORS[0], COLORS[1]] * 2
    assert root.get("role") == "img" and root.get("aria-label") == (
        "A & B. layer2, a: 2 of 12 live units (objects 1, parts 1, with masks of other pictures 0); "
        "layer2, b: 3 of 11 live units (objects 2, parts 1, with masks of other pictures 0).")
    shown = "".join(root.itertext())
    assert "2 of 12, null 0" in shown and "materials" not in shown
    made.save(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text() == made.svg + "\n" and "prefers-color-scheme:dark" in made.svg


def test_the_null_stands_below_and_is_grey():
    counts = pd.DataFrame([("l", 4, "n", 10, 0, 0, 0, 2, 2, 5)], columns=[
        "layer", "side", "name", "live", "object", "part", "material", "color", "matched", "matched_other"])
    _, bars = drawn(drawing(counts, "t"))
    assert [(title, width, color) for title, _, width, _, color in bars] == [
        ("l, 4 px, colours: 2 of 10", FULL / 5, COLORS[3]), ("l, 4 px, masks of other pictures: 5 of 10", FULL / 2, NULL)]
    assert bars[1][3] == THIN < bars[0][3]


def test_a_layer_of_dead_units_is_drawn(plain):
    found = plain.at("layer2").findings[0]
    dead = replace(plain.at("layer2"), findings=(replace(found, counts=type(found.counts)(12, 3, *plain.grid)),))
    row = profile_counts(dead).iloc[0]
    assert (row.live, row.matched, row.matched_other) == (0, 0, 0)
    root, bars = drawn(layer_profile(dead))
    assert not bars and "0 of 0, null 0" in "".join(root.itertext())


@settings(max_examples=40, deadline=None)
@given(names=some.lists(some.text(max_size=40), min_size=1, max_size=6, unique=True), layer=some.text(max_size=60),
       title=some.text(max_size=60), live=some.integers(0, 10**6), part=some.floats(0, 1))
def test_no_name_breaks_the_drawing(names, layer, title, live, part):
    matched = int(live * part)
    counts = pd.DataFrame([{"layer": layer, "side": 4, "name": name, "live": live, "object": 0, "part": matched, "material": 0,
                            "color": 0, "matched": matched, "matched_other": live} for name in names])
    root, bars = drawn(drawing(counts, title))
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= {"svg", "title", "style", "rect", "text", "g"}
    assert not [name for each in root.iter() for name in each.attrib if name.startswith("on")]
    assert len(bars) == len(names) * ((live > 0) + (matched > 0)) and all(width <= FULL + .1 for _, _, width, _, _ in bars)


def test_of_very_many_layers_the_first_are_drawn():
    counts = pd.DataFrame([{"layer": f"l{place}", "side": 4, "name": "n", "live": 2, "object": 1, "part": 0, "material": 0,
                            "color": 0, "matched": 1, "matched_other": 0} for place in range(MOST + 5)])
    root, bars = drawn(drawing(counts, "many"))
    assert len(bars) == MOST and "and 5 more layers" in "".join(root.itertext())


def test_what_is_no_dissection_is_refused(plain):
    with pytest.raises(ArgumentError, match="str came where"):
        layer_profile(iter([plain, "x"]))     # an iterator, since what checks the types of tests looks into lists
