"""UnitBrowser with no browser: rows, ticks, heat, probe; by hand and from Python the same; exact undo; errors change nothing."""

import gc
import io
import json
import random
import weakref

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ganwidgets.core.errors import ArgumentError, GanwidgetsError, LayerError, SeedError, UnitError
from ganwidgets.methods.dissect_examples import examples
from ganwidgets.widgets.messages import CHANGES, EVERY_LAB, UNIT_BROWSER
from ganwidgets.widgets.unitbrowser import UnitBrowser
from ganwidgets.widgets.unitrows import SHOWN, THUMB

from .conftest import Hand
from .test_life import counted
from .test_requests import asked_badly, memory_stays


@pytest.fixture
def lab(units):
    return units


@pytest.fixture
def hand(lab):
    return Hand(lab)


def state(lab):
    names = ("seed", "layer", "ticked", "sets", "under", "change", "amount", "heat", "thresholds", "beside", "can_undo", "can_redo",
             "picture")
    return {name: getattr(lab, name) for name in names}


def shown(lab):
    return np.asarray(lab.image)


def drawn(lab):
    g = lab.generator
    return ((g.images(g.sample([lab.seed]))[0].clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()


def test_a_new_view_gets_the_table_and_the_picture(lab, hand, both):
    ((content, (data,)),) = hand.posts("table")
    rows = json.loads(data)["rows"]
    table = both.at("layer2").table
    assert content["layer"] == "layer2" and [row["unit"] for row in rows] == table.unit.tolist()
    assert [row["iou"] for row in rows] == pytest.approx(table.iou.tolist(), abs=1e-4)
    assert hand.posts("frame") and np.array_equal(shown(lab), drawn(lab))
    assert lab.layers == ["layer1", "layer2"] and repr(lab) == "UnitBrowser(planted, layer2, 0 units changed)"


def test_rows_are_the_examples_of_the_units_asked_for(lab, hand, planted, both):
    answer = hand.ask("rows", units=[7, 2])
    page = Image.open(io.BytesIO(answer["buffers"][0]))
    assert answer["units"] == [7, 2] and page.size == (SHOWN * THUMB, 2 * THUMB)
    wanted = examples(planted.generator, both, [7, 2], layer="layer2", k=SHOWN, progress=False)
    for row, unit in enumerate((7, 2)):
        first = np.asarray(wanted.row(unit)[0].resize((THUMB, THUMB), Image.Resampling.BICUBIC), np.float32)
        seen = np.asarray(page.crop((0, row * THUMB, THUMB, (row + 1) * THUMB)), np.float32)
        assert np.abs(seen - first).mean() < 8, "but for JPEG"
    again = hand.ask("rows", units=[2])
    assert again["status"] == "done" and set(lab._rows._rows) == {("layer2", 7), ("layer2", 2)}


@pytest.mark.parametrize("change", CHANGES)
def test_ticked_units_are_changed_on_the_picture(lab, hand, planted, both, change):
    unit = planted.units["field"]
    first = shown(lab)
    lab.change = change
    assert hand.ask("tick", units=[unit], on=True)["status"] == "done"
    assert lab.ticked == [unit] and np.array_equal(shown(lab), drawn(lab))
    (edit,) = lab.edits
    assert edit.mode == ("scale" if change == "boost" else "set")
    assert edit.value.tolist() == {"ablate": 0.0, "boost": 2.0, "set": [pytest.approx(both.levels["layer2"][unit])]}[change]
    if change != "boost":
        assert not np.array_equal(shown(lab), first)
    lab.change = "ablate"
    assert np.array_equal(shown(lab), drawn(lab)) and lab.edits[0].value == 0
    assert hand.ask("tick", units=[unit], on=False)["status"] == "done" and np.array_equal(shown(lab), first)
    assert "gw.UnitEdit" not in lab.to_script()


def test_heat_and_probe(lab, hand, planted, both):
    unit = planted.units["field"]
    answer = hand.ask("unit", unit=unit)
    heat = np.frombuffer(answer["buffers"][0], np.uint8).reshape(answer["height"], answer["width"])
    assert heat.shape == (64, 64) and heat.max() == 255 and np.array_equal(heat, (lab.heatmap(unit) * 255).round())
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    found = hand.ask("probe", x=float((column + 0.5) / 64), y=float((row + 0.5) / 64))
    assert found["units"][0] == unit or found["values"][found["units"].index(unit)] >= 1
    assert list(zip(found["units"], found["values"], strict=True)) == lab.probe((column + 0.5) / 64, (row + 0.5) / 64)
    assert found["values"] == sorted(found["values"], reverse=True)
    assert hand.ask("probe", x=1, y=1)["status"] == "done"


def test_another_layer_is_listed_and_that_can_be_undone(lab, hand, planted):
    lab.tick([3])
    hand.came.clear()
    assert hand.ask("list", layer="layer1")["status"] == "done"
    assert (lab.layer, lab.ticked) == ("layer1", []) and len(hand.posts("table")) == 1
    assert hand.ask("rows", units=[0])["status"] == "done"
    lab.undo()
    assert (lab.layer, lab.ticked) == ("layer2", [3]) and np.array_equal(shown(lab), drawn(lab))


def chosen_in(state):
    return {name: state[name] for name in ("layer", "ticked", "sets", "under", "change", "amount", "thresholds", "beside")}


def chosen(lab):
    return chosen_in(state(lab))


ACTS = st.sampled_from(["tick", "untick", "reset", "list", "boost", "amount", "keep", "use", "light", "beside", "undo",
                        "redo"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(ACTS, st.integers(0, 11)), max_size=12))
def test_undo_gives_back_the_first_picture_and_redo_the_last(planted, both, acts):
    with UnitBrowser(planted.generator, both, layer="layer2", driver="inline") as lab:
        first = state(lab)
        for act, unit in acts:
            {"tick": lambda u: lab.tick([u]), "untick": lambda u: lab.tick([u], on=False), "reset": lambda u: lab.reset(),
             "list": lambda u: lab.list_layer(f"layer{1 + u % 2}"), "undo": lambda u: lab.undo(),
             "boost": lambda u: setattr(lab, "change", CHANGES[u % 3]), "amount": lambda u: setattr(lab, "amount", u / 2),
             "keep": lambda u: lab.ticked and lab.keep_set(f"set {u % 2}"),
             "use": lambda u: lab.sets and lab.use_set(lab.sets[-1]["name"]),
             "light": lambda u: lab.set_threshold(u % 3, u / 4 if u % 4 else None),
             "beside": lambda u: lab.put_beside(["", *lab.others][u % 3]),
             "redo": lambda u: lab.redo()}[act](unit)
            assert np.array_equal(shown(lab), drawn(lab)), "the picture is that of the edits"
            assert lab.can_undo or chosen(lab) == chosen_in(first)
        while lab.can_redo:
            lab.redo()
        last = (chosen(lab), lab.picture)
        while lab.can_undo:
            lab.undo()
        assert lab.picture == first["picture"] and chosen(lab) == chosen_in(first)
        while lab.can_redo:
            lab.redo()
        assert (chosen(lab), lab.picture) == last


@pytest.mark.parametrize("kind, fields", [
    ("tick", {"units": [99], "on": True}), ("rows", {"units": [12]}), ("unit", {"unit": 12}), ("list", {"layer": "attic"}),
    ("show", {"seed": -5}), ("stroke", {}), ("probe", {"x": 2, "y": 0}), ("tick", {"units": [-1], "on": True}),
    ("threshold", {"unit": 12, "value": 1}), ("threshold", {"unit": 1, "value": float("nan")}),
    ("maps", {"unit": 12, "lowest": True}),
    ("beside", {"name": "attic"}), ("rows", {"units": [1], "beside": True}),
    ("set", {"name": "size", "value": 0.2}), ("set", {"name": "amount", "value": 99}),
])
def test_what_cannot_be_is_refused_in_words(lab, hand, kind, fields):
    lab.tick([2])
    before = state(lab)
    answer = hand.ask(kind, **fields)
    assert answer["status"] == "error" and answer["message"] and state(lab) == before
    assert hand.ask("tick", units=[3], on=True)["status"] == "done" and not lab.error


def test_ten_thousand_malformed_messages_get_one_answer_each_and_change_nothing(lab, figure):
    hand, rng = Hand(lab), random.Random(5)
    lab.tick([2, 3])
    before, first = state(lab), lab._choices
    with memory_stays(figure, "UnitBrowser"):
        for answer in asked_badly(hand, rng, 10_000):
            if answer["status"] == "error":
                assert answer["message"] and len(answer["message"]) < 1000 and state(lab) == before
            else:  # by chance nothing was wrong with it
                lab._choose(first.now, "")
                lab._choices, lab.heat = first, before["heat"]
                lab.say(can_undo=before["can_undo"], can_redo=before["can_redo"])
                lab.show(before["seed"])
                before = state(lab)


def test_bad_arguments_are_said(planted, both):
    for make, error, words in (
        (lambda: UnitBrowser(both, planted.generator), ArgumentError, "UnitBrowser needs a generator"),
        (lambda: UnitBrowser(planted.generator, both, layer="attic"), LayerError, "attic"),
        (lambda: UnitBrowser(planted.generator, both, seed=-1), SeedError, "-1"),
        (lambda: UnitBrowser(planted.generator, both, colour="red"), TypeError, "colour"),
        (lambda: UnitBrowser(planted.generator, both, driver="inline").tick([50]), UnitError, "0 to 11"),
    ):
        with pytest.raises(error, match=words):
            make()


def test_traits_and_protocol_agree(lab):
    synced = {name for name in lab.traits(sync=True) if not name.startswith("_")} - {"layout", "tabbable", "tooltip"}
    assert synced == {spec.name for spec in (*EVERY_LAB, *UNIT_BROWSER)}
    assert lab._esm and len(lab._esm.encode()) <= 60_000


def test_fifty_labs_closed_leave_nothing(planted, both):
    def lived():
        lab = UnitBrowser(planted.generator, both, driver="thread")
        hand = Hand(lab)
        hand.send("rows", units=[1, 2])
        hand.send("tick", units=[1], on=True)
        assert lab.wait(20)
        return lab

    lived().close()
    before, refs = counted(planted), []
    for _ in range(50):
        with lived() as lab:
            refs.append(weakref.ref(lab))
    del lab
    gc.collect()
    assert counted(planted) == before
    assert not [ref for ref in refs if ref() is not None]


def test_a_closed_lab_frees_the_model_and_says_so(planted, both):
    lab = UnitBrowser(planted.generator, both, driver="inline")
    lab.tick([1])
    easel = weakref.ref(lab._easel)
    lab.close()
    gc.collect()
    assert easel() is None and lab.ticked == [1] and "closed" in repr(lab)
    with pytest.raises(GanwidgetsError, match="closed"):
        lab.show(2)
