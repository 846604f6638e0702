"""Sets of units under a name, on the palette of a PaintBox; edits under the ticks; a dissection with no model behind it."""

import io

import numpy as np
import pytest
from PIL import Image

import ganwidgets as gw
from ganwidgets.core.errors import ArgumentError, ConceptError, EditError, UnitError
from ganwidgets.methods.dissect import open_dissection
from ganwidgets.methods.dissect_examples import examples
from ganwidgets.widgets.paintbox import PaintBox
from ganwidgets.widgets.unitbrowser import UnitBrowser

from .conftest import Hand
from .test_unitbrowser import chosen, drawn, shown


@pytest.fixture
def lab(units):
    return units


def test_a_set_is_kept_used_and_forgotten_by_hand_and_each_is_a_step(lab):
    hand = Hand(lab)
    lab.tick([3, 5])
    assert hand.ask("keep", name=" towers ")["status"] == "done"
    assert lab.sets == [{"name": "towers", "layer": "layer2", "units": [3, 5]}]
    lab.list_layer("layer1")
    assert hand.ask("use", name="towers")["status"] == "done"
    assert (lab.layer, lab.ticked) == ("layer2", [3, 5]) and np.array_equal(shown(lab), drawn(lab))
    lab.tick([5], on=False)
    lab.keep_set("towers")
    assert [each["units"] for each in lab.sets] == [[3]], "one of that name gives way"
    assert hand.ask("forget", name="towers")["status"] == "done" and lab.sets == []
    lab.undo()
    lab.undo()
    assert [each["units"] for each in lab.sets] == [[3, 5]]
    for kind in ("use", "forget", "palette"):
        before = chosen(lab)
        assert "no set 'attic'" in hand.ask(kind, name="attic")["message"] and chosen(lab) == before


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 201, None])
def test_a_set_needs_a_name_and_units(lab, name):
    with pytest.raises(UnitError, match="no unit is ticked"):
        lab.keep_set("towers")
    lab.tick([1])
    with pytest.raises(ArgumentError, match="needs a name"):
        lab.keep_set(name)


def test_a_set_in_the_palette_paints_with_just_its_units(lab, planted, both):
    unit = planted.units["field"]
    lab.tick([unit, 0])
    lab.keep_set("towers")
    with pytest.raises(ArgumentError, match="no PaintBox at layer2 is open"):
        lab.to_palette("towers")
    with PaintBox(planted.generator, both, layer="layer2", driver="inline") as box, \
            PaintBox(planted.generator, both, layer="layer1", driver="inline") as other:
        hand, watching = Hand(lab), Hand(box)
        assert hand.ask("palette", name="towers")["count"] == 1
        assert [chip["name"] for chip in box.concepts][-1] == "towers" and box.concepts[-1]["units"] == 2
        assert "towers" not in [chip["name"] for chip in other.concepts]
        assert "towers" in watching.posts("chips")[-1][0]["names"], "the palette is drawn anew"
        box.paint(gw.Region.box(0, 0, 0.5, 1), "towers")
        box.paint(gw.Region.box(0, 0, 0.5, 1), "towers", erase=True)
        put, taken = box.edits
        assert put.units == taken.units == (unit, 0) and taken.value == 0
        assert put.value.tolist() == pytest.approx([both.levels["layer2"][unit], both.levels["layer2"][0]])
        with pytest.raises(ConceptError, match="is a concept of the palette already"):
            box.add_chip("field", [1])
        with pytest.raises(UnitError):
            box.add_chip("far", [99])
    with PaintBox(planted.generator, both, layer="layer2", driver="inline", sets=lab.sets) as box:
        assert box.units("towers") == (unit, 0)
    with PaintBox(planted.generator, both, layer="layer1", driver="inline", sets=lab.sets) as box:
        assert "towers" not in [chip["name"] for chip in box.concepts], "they are of another layer"


def test_pictures_are_browsed_under_edits_that_are_assigned(lab, planted):
    first = shown(lab)
    edit = gw.UnitEdit("layer1", [2], 3.0)
    lab.edits = gw.EditStack().push(edit)
    under = shown(lab)
    assert list(lab.edits) == [edit] and lab.under == 1 and not np.array_equal(under, first)
    lab.tick([planted.units["field"]])
    assert len(lab.edits) == 2 and np.array_equal(shown(lab), drawn(lab))
    whole, picture = lab.edits, shown(lab)
    lab.edits = whole
    assert lab.ticked == [] and list(lab.edits) == list(whole) and np.array_equal(shown(lab), picture)
    lab.reset()
    assert len(lab.edits) == 0 and np.array_equal(shown(lab), first)
    lab.undo()
    assert np.array_equal(shown(lab), picture)
    before = chosen(lab)
    with pytest.raises(EditError, match="EditStack"):
        lab.edits = [edit]
    with pytest.raises(gw.errors.GanwidgetsError):
        lab.edits = gw.EditStack().push(gw.UnitEdit("attic", [2], 3.0))
    assert chosen(lab) == before and np.array_equal(shown(lab), picture)


def test_what_is_done_with_ticked_units_is_undone_and_a_slider_is_one_step(lab, planted):
    lab.tick([planted.units["field"]])
    off = shown(lab)
    Hand(lab).ask("set", name="change", value="boost")
    boosted = shown(lab)
    for amount in (3.0, 4.0, 5.0):
        lab.amount = amount
    assert not np.array_equal(off, boosted) and lab.edits[0].value == 5
    lab.undo()
    assert (lab.change, lab.amount) == ("boost", 2.0) and np.array_equal(shown(lab), boosted)
    lab.undo()
    assert lab.change == "ablate" and np.array_equal(shown(lab), off)
    lab.redo()
    lab.redo()
    assert (lab.change, lab.amount, lab.edits[0].value) == ("boost", 5.0, 5)


def test_a_file_is_looked_through_with_no_model(planted, both, tmp_path):
    both.with_examples(*(examples(planted.generator, both, layer=name, progress=False) for name in ("layer1", "layer2"))).save(
        tmp_path / "both.gwd")
    d = open_dissection(tmp_path / "both.gwd")
    with UnitBrowser(None, d, layer="layer2", driver="inline") as lab:
        hand = Hand(lab)
        assert lab.image_size == 0 and lab.model == "planted" and hand.posts("table") and lab.picture
        first = lab.picture
        unit = planted.units["block"]
        answer = hand.ask("rows", units=[unit, 0])
        page = np.asarray(Image.open(io.BytesIO(answer["buffers"][0])), np.float32)
        with UnitBrowser(planted.generator, both, layer="layer2", driver="inline") as live:
            wanted = Hand(live).ask("rows", units=[unit, 0])
        assert np.abs(page - np.asarray(Image.open(io.BytesIO(wanted["buffers"][0])), np.float32)).mean() < 8, "but for JPEG"
        assert hand.ask("unit", unit=unit)["status"] == "done" and lab.picture != first and f"Unit {unit}" in lab.alt
        assert hand.ask("tick", units=[unit], on=True)["status"] == "done" and lab.ticked == [unit]
        lab.keep_set("blocks")
        assert hand.ask("list", layer="layer1")["status"] == "done" and hand.ask("rows", units=[0])["status"] == "done"
        for kind, fields in (("show", {"seed": 3}), ("probe", {"x": 0.5, "y": 0.5})):
            assert "with no model" in hand.ask(kind, **fields)["message"]
        with pytest.raises(ArgumentError, match="no model"):
            lab.heatmap(1)
        lab.use_set("blocks")
        assert "gw.UnitEdit" in lab.to_script() and lab.edits[0].units == (unit,)
        with pytest.raises(ArgumentError, match="no model"):
            _ = lab.generator


def test_with_no_model_and_no_pictures_the_table_is_there_and_one_is_told(both):
    with UnitBrowser(None, both, driver="inline") as lab:
        hand = Hand(lab)
        assert hand.posts("table") and hand.ask("rows", units=[0, 1])["size"] > 0
        assert hand.ask("unit", unit=1)["status"] == "done" and "with_examples" in lab.status
    with pytest.raises(ArgumentError, match="needs a"):
        UnitBrowser(None, None)
