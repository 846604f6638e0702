"""Counts of planted dissections are the planted ones, side by side; matched units are the planted pairs; and the bar graph."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from ganwidgets.core.concepts import Concept
from ganwidgets.core.errors import ArgumentError, LayerError
from ganwidgets.methods.dissect import dissect
from ganwidgets.methods.dissect_alike import alike
from ganwidgets.methods.dissect_bars import COLORS, concept_bars, graph
from ganwidgets.methods.dissect_compared import compare, concept_counts, matched_units, named
from ganwidgets.testing.planted import PlantedNet

SEEDS = range(24)
ORDER = [11, 3, 0, 7, 5, 2, 9, 10, 1, 4, 6, 8]       # unit u of the turned net is unit ORDER[u] of the planted one
SVG = "{http://www.w3.org/2000/svg}"


class Turned(PlantedNet):
    """The planted net with its units in another order."""

    def __init__(self):
        super().__init__()
        self.ink = torch.nn.Parameter(self.ink[:, ORDER].detach().clone(), requires_grad=False)

    def maps(self, z):
        return super().maps(z)[:, ORDER]


class Fixed(PlantedNet):
    """The planted net that always draws the same picture."""

    def maps(self, z):
        return super().maps(z[:1] * 0 + .3).expand(len(z), -1, -1, -1)


def dissected(g, planted, **how):
    return dissect(g, planted.segmenter, **{"layer": "layer2", "seeds": SEEDS, "progress": False, **how})


@pytest.fixture(scope="module")
def plain(planted):
    return dissected(planted.generator, planted)


@pytest.fixture(scope="module")
def of_copied(copied, planted):
    return dissected(copied, planted)


def test_counts_are_the_planted_ones(plain, of_copied, copied):
    same = alike(copied, layer="layer2", seeds=range(8), progress=False)
    table = compare({"planted": plain, "copied": of_copied}, alike=same).set_index("name")
    one, two = table.loc["planted"], table.loc["copied"]
    # the field is 40 % of the pixels: no unit that is lit at 1 % can have an IoU of .04 with it
    assert (one.units, one.live, one.dead, one.matched, one.concepts) == (12, 12, 0, 2, 2)
    assert (two.units, two.live, two.dead, two.matched, two.concepts) == (12, 11, 1, 3, 2)
    assert pd.isna(one.duplicates) and two.duplicates == 1
    assert (one.object, one.part, one.material, one.color) == (2, 0, 0, 0)
    assert (one.layer, one.side, one.rule, one.pictures) == ("layer2", 64, "quantile", len(SEEDS))
    assert one.matched_other == one.concepts_other == 0 and 0 < one.iou_other < .04
    assert one.iou == pytest.approx(plain.scores.to_numpy().max(1).mean())
    assert two.iou == pytest.approx(np.delete(of_copied.scores.to_numpy().max(1), 0).mean())


def test_position_alone_is_counted_in_the_null(planted):
    """Masks that are the same in all pictures: the null says all that the figures say."""
    g = replace(planted.generator, net=Fixed(), digests=None)
    row = compare(dissected(g, planted, seeds=range(6))).iloc[0]
    assert row.matched == row.matched_other >= 2 and row.concepts == row.concepts_other
    assert row.iou == pytest.approx(row.iou_other)


def test_kinds_rows_and_names(toy, colours):
    d = dissect(toy, colours, layers=toy.layers, seeds=range(20), progress=False)
    table = compare([d, d])
    assert table.name.tolist() == ["toy", "toy", "toy (2)", "toy (2)"] and table.layer.tolist() == ["first", "second"] * 2
    for _, row in table.iterrows():
        own = d.at(row.layer).table
        own = own[own.iou >= .04]
        assert (row.object, row.material) == tuple(own[own.kind == kind].concept.nunique() for kind in ("object", "material"))
        assert row.matched == len(own) and row.concepts == row.object + row.part + row.material + row.color


def test_under_iqr_a_unit_without_threshold_is_not_dead(copied, planted):
    row = compare(dissected(copied, planted, rule="iqr", calibration=12)).iloc[0]
    assert (row.live, row.dead) == (11, 1) and row.matched >= 4 and row.object == 3


def test_pairs_are_the_planted_ones(planted, plain, of_copied):
    turned = replace(planted.generator, net=Turned(), digests=None)
    pairs = matched_units(plain, dissected(turned, planted)).set_index("concept")
    assert sorted(pairs.index) == ["block", "dot"]
    for concept, row in pairs.iterrows():
        assert row.unit_a == planted.units[concept] and ORDER[row.unit_b] == row.unit_a
        assert row.agreement == pytest.approx(1, abs=1e-3) and row.agreement_other < .2 and row.iou_a == pytest.approx(row.iou_b)
    doubled = matched_units(of_copied, plain)
    assert sorted(doubled.concept) == ["block", "dot"], "two units of the one draw blocks, one of the other does: one pair"
    back = matched_units(plain, of_copied)
    assert back.agreement.tolist() == pytest.approx(doubled.agreement.tolist())


def test_what_shares_no_concept_has_no_pair(plain, planted):
    other = replace(plain, concepts=tuple(Concept(name) for name in "abc"))
    pairs = matched_units(plain, other)
    assert not len(pairs) and "agreement" in pairs and not len(matched_units(plain, plain, least=.9))


def test_counts_of_concepts(plain, of_copied, toy, colours):
    counts = concept_counts({"place": plain, "total": of_copied})
    assert counts.columns.tolist() == ["concept", "kind", "place", "total"]
    assert counts.values.tolist() == [["block", "object", 1, 2], ["dot", "object", 1, 1]]
    both = dissect(toy, colours, layers=toy.layers, seeds=range(20), progress=False)
    whole = concept_counts(both)
    assert whole.kind.tolist() == sorted(whole.kind, key=["object", "part", "material", "color"].index)
    assert whole["toy"].sum() == (both.table.iou >= .04).sum()
    parts = [concept_counts(both, layer=layer)["toy"].sum() for layer in both.layers]
    assert sum(parts) == whole["toy"].sum() and not len(concept_counts(both, least=1.1))


@pytest.mark.parametrize(("ask", "error", "said"), [
    (lambda d: compare([]), ArgumentError, "nothing came"),
    (lambda d: named(5), ArgumentError, "one, a list or a dict; int came"),
    (lambda d: named([d, 5]), ArgumentError, "int came where"),
    (lambda d: concept_counts({"kind": d}), ArgumentError, "column of its own"),
    (lambda d: concept_counts(d, layer="layer9"), LayerError, "layer9"),
    (lambda d: concept_bars([d] * 5), ArgumentError, "up to 4"),
])
def test_bad_questions(plain, ask, error, said):
    with pytest.raises(error, match=said):
        ask(plain)


def test_what_is_alike_elsewhere_is_refused(plain, of_copied, copied):
    same = alike(copied, layer="layer2", seeds=range(2), progress=False)
    with pytest.raises(ArgumentError, match="belongs to none"):
        compare(plain, alike=same)


def drawn(made):
    """The graph as XML, and each bar's (title, width, colour)."""
    root = ET.fromstring(made.svg)
    bars = [(group.find(f"{SVG}title").text, group.find(f"{SVG}rect")) for group in root.iter(f"{SVG}g")]
    return root, [(title, float(bar.get("width")), bar.get("fill")) for title, bar in bars]


def test_bars_are_as_long_as_their_numbers(plain, of_copied, tmp_path):
    made = concept_bars({"one": plain, "two": of_copied}, title="A & B")
    root, bars = drawn(made)
    assert [title for title, _, _ in bars] == ["block, one: 1", "block, two: 2", "dot, one: 1", "dot, two: 1"]
    widths = [width for _, width, _ in bars]
    assert widths[1] == pytest.approx(2 * widths[0], abs=.2) and widths[0] == widths[2] == widths[3] > 20
    assert [color for _, _, color in bars] == list(COLORS[:2]) * 2
    assert root.get("role") == "img" and root.get("aria-label") == "A & B. block 1 and 2, dot 1 and 1."
    assert root.find(f"{SVG}title").text == "A & B"
    made.save(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text() == made.svg + "\n" and made._repr_svg_() == made.svg
    root, bars = drawn(concept_bars(plain, least=.9))
    assert not bars and "no unit draws a concept" in "".join(root.itertext())


@settings(max_examples=40, deadline=None)
@given(names=some.lists(some.text(max_size=40), min_size=1, max_size=6, unique=True), title=some.text(max_size=60),
       count=some.integers(0, 10**6))
def test_no_name_breaks_the_drawing(names, title, count):
    counts = pd.DataFrame({"concept": names, "kind": "part", "<b onload=x>": [count] * len(names)})
    made = graph(counts, title)
    root, bars = drawn(made)
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= {"svg", "title", "style", "rect", "text", "g"}
    assert not [name for each in root.iter() for name in each.attrib if name.startswith("on")] and len(bars) == len(names)
    assert all(width <= 400 for _, width, _ in bars)


def test_of_very_many_concepts_the_largest_are_drawn():
    counts = pd.DataFrame({"concept": [f"c{place}" for place in range(90)], "kind": "object", "n": range(90)})
    root, bars = drawn(graph(counts, "many"))
    assert len(bars) == 80 and bars[0][0] == "c10, n: 10" and "and 10 more" in "".join(root.itertext())
