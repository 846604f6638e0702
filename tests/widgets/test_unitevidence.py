"""What stands beside a UnitBrowser's units: orders by cause, nulls, duplicates, thresholds, lowest pictures, other tables."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from ganwidgets.core.causes import Causes
from ganwidgets.core.edits import Origin
from ganwidgets.core.errors import ArgumentError, UnitError
from ganwidgets.methods.ace import Ace
from ganwidgets.methods.dissect import dissect
from ganwidgets.methods.dissect_alike import alike
from ganwidgets.methods.dissect_examples import examples
from ganwidgets.methods.dissect_lowest import lowest_examples
from ganwidgets.testing.entangled import entangled_generator
from ganwidgets.widgets.unitbrowser import UnitBrowser
from ganwidgets.widgets.unitrows import SHOWN

from .conftest import Hand


@pytest.fixture(scope="module")
def entangled():
    return entangled_generator()


@pytest.fixture(scope="module")
def tangle(entangled):
    return dissect(entangled.generator, entangled.segmenter, layer=entangled.layer, seeds=range(24), progress=False)


@pytest.fixture
def lab(units):
    return units


def told(hand, beside=False):
    """The last table that came."""
    return json.loads([data for content, (data,) in hand.posts("table") if content["beside"] is beside][-1])


def by_unit(table):
    return {row["unit"]: row for row in table["rows"]}


def test_orders_by_cause_are_those_that_were_handed_in(entangled, tangle):
    units = tangle.layers[0].channels
    origin = Origin(tangle.model, tangle.digest)
    wish = np.linspace(-1, 1, units)
    found = Ace("leaf", entangled.layer.name, wish.clip(0, 1), np.ones(units), origin, wish)
    order = tuple(np.roll(range(units), 3).tolist())
    held = Causes(entangled.layer.name, (1.0,) * units, {"insert": {"pair": order}, "ablate": {"stem": order[::-1]}}, origin)
    with UnitBrowser(entangled.generator, tangle, causes=[found, held], driver="inline") as lab:
        rankings = {each["name"]: each for each in told(Hand(lab))["rankings"]}
    assert {name: tuple(each["units"]) for name, each in rankings.items()} == {
        "causes leaf (ACE)": tuple(found.ranking), "draws pair": order, "removes stem": order[::-1]}
    assert rankings["causes leaf (ACE)"]["values"] == [pytest.approx(found.alpha[unit], abs=1e-3) for unit in found.ranking]
    other = Ace("leaf", entangled.layer.name, wish.clip(0, 1), np.ones(units), Origin("else", "0" * 64), wish)
    for wrong in (other, "tree", [3]):
        with pytest.raises(ArgumentError, match="causes"):
            UnitBrowser(entangled.generator, tangle, causes=wrong, driver="inline")


def test_a_unit_counts_only_above_both_nulls(planted, both, lab, hand):
    table = told(hand)
    units = by_unit(table)
    dot = units[planted.units["dot"]]
    assert dot["above"] and dot["iou"] > dot["other"] and dot["untrained"] is None
    assert not any(row["above"] for row in units.values() if row["iou"] <= max(row["other"], 0.0399))
    first, other = table["tallies"]
    assert first["matched"] == sum(row["iou"] >= 0.04 for row in units.values()) > other["matched"]
    with UnitBrowser(planted.generator, both, layer="layer2", untrained=both, driver="inline") as null:
        same = told(Hand(null))
    assert not by_unit(same)[dot["unit"]]["above"], "no better than the untrained net, which here is the net itself"
    assert by_unit(same)[dot["unit"]]["untrained"] == dot["iou"]
    assert [each["name"] for each in same["tallies"]] == ["this layer", "masks of other pictures", "untrained net"]
    with pytest.raises(ArgumentError, match="untrained"):
        UnitBrowser(planted.generator, both, untrained=planted.generator, driver="inline")


def test_duplicates_and_the_iqr_are_told_where_they_are_known(entangled, tangle, planted):
    g = entangled.generator
    same = alike(g, layer=entangled.layer, seeds=range(24), progress=False)
    with UnitBrowser(g, tangle, alike=same, driver="inline") as lab:
        assert {row["unit"]: row["twin"] for row in lab.table() if row["twin"] is not None} == {1: 0}
        assert {row["iqr"] for row in lab.table()} == {None}
    with UnitBrowser(g, tangle, driver="inline") as lab:
        assert {row["twin"] for row in lab.table()} == {None}, "nobody has looked"
    d = dissect(g, entangled.segmenter, layer=entangled.layer, seeds=range(24), rule="iqr", progress=False)
    with UnitBrowser(g, d, driver="inline") as lab:
        known = dict(zip(d.table.unit, d.table.iqr, strict=True))
        assert all(row["iqr"] == pytest.approx(known[row["unit"]], abs=1e-4) for row in lab.table())
    with pytest.raises(ArgumentError, match="alike"):
        UnitBrowser(planted.generator, dissect(planted.generator, planted.segmenter, layer="layer2", seeds=range(4),
                                               progress=False), alike=same, driver="inline")


def maps_of(answer):
    """Pictures' numbers and maps of an answer."""
    cells = np.frombuffer(answer["buffers"][1], "<f4").reshape(len(answer["numbers"]), answer["height"], answer["width"])
    page = Image.open(io.BytesIO(answer["buffers"][0]))
    assert page.size == (answer["size"] * len(answer["numbers"]), answer["size"])
    return answer["numbers"], cells


@pytest.mark.parametrize("lowest", [False, True])
def test_maps_are_those_that_light_the_examples(lab, hand, planted, both, lowest):
    unit = planted.units["block"]
    numbers, cells = maps_of(hand.ask("maps", unit=unit, lowest=lowest))
    make = lowest_examples if lowest else examples
    wanted = make(planted.generator, both, [unit], layer="layer2", k=SHOWN, progress=False)
    assert numbers == wanted.numbers[0].tolist()
    large = F.interpolate(torch.from_numpy(cells.copy())[None], size=(128, 128), mode="bilinear", align_corners=False)[0].numpy()
    assert np.array_equal(large > np.float32(both.thresholds["layer2"][unit]), wanted.lit[0])
    assert hand.ask("maps", unit=99, lowest=lowest)["status"] == "error"


def test_a_threshold_lights_otherwise_and_changes_no_picture(lab, hand, planted, both):
    unit = planted.units["field"]
    first, heat, rows = lab.picture, lab.heatmap(unit), hand.ask("rows", units=[unit])["buffers"][0]
    assert hand.ask("threshold", unit=unit, value=2.5)["status"] == "done"
    assert lab.thresholds == [{"unit": unit, "value": 2.5}] and lab.picture == first and not lab.edits
    g = planted.generator
    level = g.head(g.sample([lab.seed]), "layer2").features[0, unit].numpy()
    assert np.allclose(lab.heatmap(unit), np.clip(level / 2.5, 0, 1)) and not np.array_equal(lab.heatmap(unit), heat)
    assert hand.ask("rows", units=[unit])["buffers"][0] != rows
    assert both.thresholds["layer2"][unit] == lab.table()[[row["unit"] for row in lab.table()].index(unit)]["threshold"] != 2.5
    lab.set_threshold(unit)
    assert lab.thresholds == [] and np.array_equal(lab.heatmap(unit), heat)
    assert hand.ask("rows", units=[unit])["buffers"][0] == rows


def test_a_threshold_is_undone_and_a_slider_that_goes_on_is_one_step(lab):
    for value in (1.0, 1.5, 2.0):
        lab.set_threshold(3, value)
    lab.set_threshold(4, 1.0)
    lab.set_threshold(3, None)
    lab.undo()
    assert {each["unit"]: each["value"] for each in lab.thresholds} == {3: 2.0, 4: 1.0}
    lab.undo()
    assert lab.thresholds == [{"unit": 3, "value": 2.0}]
    lab.undo()
    assert lab.thresholds == [] and not lab.can_undo
    lab.redo()
    assert lab.thresholds == [{"unit": 3, "value": 2.0}]
    lab.list_layer("layer1")
    assert lab.thresholds == [], "of another layer's unit 3"
    lab.undo()
    assert lab.thresholds == [{"unit": 3, "value": 2.0}]


@pytest.mark.parametrize("unit, value, error", [(99, 1.0, UnitError), (3, float("nan"), ArgumentError), (3, "1", ArgumentError),
                                                (3, True, ArgumentError)])
def test_no_threshold_is_refused_in_words(lab, unit, value, error):
    with pytest.raises(error):
        lab.set_threshold(unit, value)
    assert lab.thresholds == [] and not lab.can_undo


def test_kept_pictures_are_drawn_anew_for_another_threshold(planted, both):
    kept = both.with_examples(examples(planted.generator, both, layer="layer2", progress=False))
    unit = planted.units["block"]
    with UnitBrowser(planted.generator, kept, layer="layer2", driver="inline") as lab:
        hand = Hand(lab)
        first = hand.ask("rows", units=[unit])["buffers"][0]
        lab.set_threshold(unit, 5.0)
        dark = hand.ask("rows", units=[unit])["buffers"][0]
        mean = [np.asarray(Image.open(io.BytesIO(each)), np.float32).mean() for each in (first, dark)]
        assert mean[1] < mean[0], "less is lit"
    with UnitBrowser(None, kept, layer="layer2", driver="inline") as lab:
        hand = Hand(lab)
        assert hand.ask("maps", unit=unit, lowest=False)["status"] == "error"
        lab.set_threshold(unit, 5.0)
        assert hand.ask("rows", units=[unit])["buffers"][0] == first, "it keeps no maps"


def test_another_table_is_put_beside_and_taken_away(planted, both, tangle, entangled):
    other = {"tangle": (entangled.generator, tangle), "bare": both}
    with UnitBrowser(planted.generator, both, layer="layer2", beside=other, driver="inline") as lab:
        hand = Hand(lab)
        layer = entangled.layer.name
        assert lab.others == ["layer1", "layer2", f"tangle {layer}", "bare layer1", "bare layer2"]
        assert not [each for each in hand.posts("table") if each[0]["beside"]]
        assert hand.ask("rows", units=[0], beside=True)["status"] == "error", "nothing is beside"
        assert hand.ask("beside", name=f"tangle {layer}")["status"] == "done"
        assert lab.beside == f"tangle {layer}" and [row["unit"] for row in told(hand, True)["rows"]] == tangle.table.unit.tolist()
        rows = hand.ask("rows", units=[15, 2], beside=True)
        with UnitBrowser(entangled.generator, tangle, driver="inline") as alone:
            assert Hand(alone).ask("rows", units=[15, 2])["buffers"] == rows["buffers"]
        again = Hand(lab, "view2")
        assert told(again, True) == told(hand, True), "a new view, to which all goes from now on, is told too"
        lab.put_beside("layer1")
        assert [row["unit"] for row in told(again, True)["rows"]] == both.at("layer1").table.unit.tolist()
        lab.undo()
        assert lab.beside == f"tangle {layer}"
        lab.put_beside()
        assert lab.beside == "" and again.ask("rows", units=[0])["status"] == "done"
        with pytest.raises(ArgumentError, match="attic"):
            lab.put_beside("attic")
    with pytest.raises(ArgumentError, match="beside"):
        UnitBrowser(planted.generator, both, beside=planted.generator, driver="inline")


def test_units_of_what_is_beside_have_maps_where_their_model_came_too(planted, both, tangle, entangled):
    name = f"tangle {entangled.layer.name}"
    with UnitBrowser(planted.generator, both, layer="layer2", beside={"tangle": (entangled.generator, tangle), "bare": both},
                     driver="inline") as lab:
        hand = Hand(lab)
        asked = {"unit": 2, "lowest": True, "beside": True}
        assert "nothing is put beside" in hand.ask("maps", **asked)["message"]
        lab.put_beside(name)
        found = hand.ask("maps", **asked)
        with UnitBrowser(entangled.generator, tangle, driver="inline") as alone:
            wanted = Hand(alone).ask("maps", unit=2, lowest=True)
        assert found["buffers"] == wanted["buffers"] and found["numbers"] == wanted["numbers"]
        lab.put_beside("layer1")
        below = hand.ask("maps", **asked)["buffers"]
        lab.list_layer("layer1")
        assert hand.ask("maps", unit=2, lowest=True)["buffers"] == below, "another layer of the same model"
        lab.put_beside("bare layer1")
        assert "with no model" in hand.ask("maps", **asked)["message"]
