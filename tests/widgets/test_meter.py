"""PaintBox's meter: learnt once and between acts, read after the picture, moved by undo and redo; hidden where it cannot be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganwidgets.core.edits import EditStack, UnitEdit
from ganwidgets.methods.intervene_typical import typicality, usual_features
from ganwidgets.testing import planted_generator
from ganwidgets.widgets import meter as meter_file
from ganwidgets.widgets.meter import FIRST, UNEDITED, USUAL, Meter, place
from ganwidgets.widgets.paintbox import PaintBox
from ganwidgets.widgets.painting import Easel

from .conftest import Hand, disc, png


@pytest.fixture(scope="module")
def fresh():
    """A generator that no other test has taught a meter about."""
    return planted_generator()


@pytest.fixture
def unlearnt():
    """As if nothing had been learnt yet; what was is put back."""
    kept = dict(meter_file._known)
    meter_file._known.clear()
    yield
    meter_file._known.update(kept)


def absurd(lab):
    """Every unit of the layer far too high in the whole picture."""
    return UnitEdit(lab.layer, range(lab._channels), 300.0)


def test_a_stroke_is_read_and_undo_and_redo_move_the_meter(unlearnt, lab, hand):
    lab.meter = "on"
    assert lab.reading == {}, "nothing is edited yet"
    hand.ask("stroke", [png(disc())], concept=lab.concepts[0]["name"], tool="insert")
    painted = lab.reading
    lab.edits = lab.edits.push(absurd(lab))
    wild = lab.reading
    assert wild["state"] == "read" and wild["word"] == "never seen" and wild["place"] > 0.75 and wild["times"] > painted["times"]
    assert "0 of 100" in wild["note"]
    hand.ask("undo")
    assert lab.reading == painted
    hand.ask("redo")
    assert lab.reading == wild
    hand.ask("undo")
    hand.ask("undo")
    plain = lab.reading
    assert plain["word"] == "usual" and plain["place"] <= 0.5 and plain["times"] < painted["times"], "the picture as it was"
    hand.ask("redo")
    assert lab.reading == painted
    hand.ask("toggle", entry=lab.history[-1]["entry"], on=False)
    assert lab.reading == plain


def test_the_reading_is_the_methods(planted, lab):
    g = planted.generator
    lab.paint(disc(), lab.concepts[0]["name"])
    later = g.layers[g.place(lab.layer) + 1:]
    usual = usual_features(g, range(FIRST, FIRST + USUAL), layers=later, progress=False)
    method = typicality(g, usual, range(FIRST + USUAL, FIRST + USUAL + UNEDITED), progress=False)
    for edits in (lab.edits, EditStack(), EditStack().push(absurd(lab)), EditStack().push(UnitEdit("layer1", [0], 2.0))):
        lab.edits = edits
        read = method.read(edits.apply(g), g.sample([lab.seed]))
        assert np.allclose(lab.how_usual().distances, read.distances, rtol=1e-4), edits
        assert lab.how_usual().layers == later and lab.how_usual().rarity == pytest.approx(read.rarity)
    assert lab.reading == {}, "no view is there to see it"


def test_edits_of_a_later_layer_are_read_behind_it(planted, lab):
    last, middle = planted.generator.layers[-1], planted.generator.layers[-2]
    easel = Easel(planted.generator, planted.generator.layers[0].name)
    meter = Meter(easel)
    meter.learn()
    assert [layer.name for layer in meter.read(3, [UnitEdit(middle, [0], 5.0)]).layers] == [last.name]
    assert meter.read(3, [UnitEdit(last, [0], 5.0)]) is None, "nothing comes after it"
    assert meter.read(3, [UnitEdit(last, [0], 5.0, seeds=[4])]).layers == planted.generator.layers[1:], "another picture's edit"
    assert meter.record(3, [UnitEdit(last, [0], 5.0)]) == {}


def test_it_is_learnt_once_for_a_generator(fresh, dissection, unlearnt, monkeypatch):
    drawn = []
    sample = type(fresh.generator).sample
    monkeypatch.setattr(type(fresh.generator), "sample",
                        lambda self, seeds, **more: (drawn.extend(seeds), sample(self, seeds, **more))[1])
    for _ in range(2):
        lab = PaintBox(fresh.generator, dissection, driver="inline", meter="on")
        Hand(lab).ask("stroke", [png(disc())], concept=lab.concepts[0]["name"], tool="insert")
        assert lab.reading["state"] == "read"
        assert [seed for seed in drawn if seed >= FIRST] == list(range(FIRST, FIRST + USUAL + UNEDITED))
        lab.close()


def test_a_reading_costs_no_more_than_the_rest_of_one_run(planted, lab, hand, monkeypatch):
    lab.meter = "on"
    hand.ask("stroke", [png(disc())], concept=lab.concepts[0]["name"], tool="insert")
    runs = []
    kind = type(planted.generator)
    head, resume = kind.head, kind.resume
    monkeypatch.setattr(kind, "head", lambda self, *given: (runs.append("head"), head(self, *given))[1])
    monkeypatch.setattr(kind, "resume", lambda self, *given: (runs.append("resume"), resume(self, *given))[1])
    lab._meter.read(lab.seed, lab.edits)
    after = planted.generator.layers[planted.generator.place(lab.layer) + 1:]
    assert runs == ["resume"] * len(after), "the kept head, and each later layer once"


def test_an_act_amid_the_learning_is_done_at_the_next_step(fresh, dissection, unlearnt):
    lab = PaintBox(fresh.generator, dissection, driver="inline", meter="on")
    hand = Hand(lab)
    lab._desk.run = lambda *_: True
    hand.send("stroke", [png(disc())], concept=lab.concepts[0]["name"], tool="insert")
    while lab._meter._looked < 7:
        lab._desk.step()
    assert lab.reading == {**meter_file.told("learning"), "done": 5}
    number = hand.send("undo")
    lab._desk.step()
    assert hand.answers[-1][0]["id"] == number and hand.answers[-1][0]["status"] == "done" and lab.history == []
    assert lab._meter._looked == 7
    lab._desk.step()
    assert lab._meter._looked == 8, "and it goes on where it was"
    lab.close()


def test_what_takes_long_waits_until_it_is_asked_for_and_can_be_given_up(fresh, dissection, unlearnt, monkeypatch):
    monkeypatch.setattr(meter_file, "QUICK", 0.0)
    lab = PaintBox(fresh.generator, dissection, driver="inline")
    hand = Hand(lab)
    hand.ask("stroke", [png(disc())], concept=lab.concepts[0]["name"], tool="insert")
    assert lab._meter._looked == meter_file.TRIED and lab.meter == "auto"
    assert lab.reading["state"] == "off" and lab.reading["note"].startswith("about ")
    run, lab._desk.run = lab._desk.run, lambda *_: True
    hand.send("set", name="meter", value="on")
    for _ in range(6):
        lab._desk.step()
    looked = lab._meter._looked
    assert lab.reading["state"] == "learning" and meter_file.TRIED < looked <= meter_file.TRIED + 6
    hand.send("set", name="meter", value="off")
    lab._desk.run = run
    assert lab.wait(60) and lab.reading["state"] == "off" and lab._meter._looked == looked and not lab.error
    hand.ask("undo")
    assert lab.reading["state"] == "off" and lab._meter._looked == looked, "it stays off"
    lab.close()


@pytest.mark.parametrize("broken", ["no seeds", "no later layer"])
def test_it_is_hidden_where_it_cannot_be(planted, dissection, paintbox, unlearnt, monkeypatch, broken):
    from ganwidgets.core.errors import SeedError

    g = planted.generator
    lab = paintbox(meter="on", latents=g.sample([3]))
    hand = Hand(lab)
    if broken == "no seeds":
        def refuse(self, seeds, **more):
            raise SeedError("this one draws from no seeds.")

        monkeypatch.setattr(type(g), "sample", refuse)
    else:
        lab._meter = Meter(Easel(g, g.layers[-1].name))
    lab.set_strip([3])
    hand.ask("stroke", [png(disc())], concept=lab.concepts[0]["name"], tool="insert")
    assert lab.reading == {} and not [each for each in lab.history if not each["on"]] and len(lab.edits) == 1
    assert "unedited" not in str(lab.error) and lab.how_usual() is None


def test_the_worker_reads_it_too_and_nothing_of_it_outlives_the_lab(planted, paintbox):
    lab = paintbox(driver="thread", meter="on")
    hand = Hand(lab)
    hand.ask("stroke", [png(disc())], concept=lab.concepts[0]["name"], tool="insert")
    assert lab.wait(30) and lab.reading["state"] == "read"
    lab.close()
    assert lab._meter.known is None and lab.reading["state"] == "read", "the last reading stays in a saved notebook"


@given(st.floats(0.01, 50), st.floats(0.01, 10), st.floats(0.01, 10))
def test_places_rise_with_the_distance_and_keep_to_their_zones(times, seldom, more):
    most = seldom + more
    here = place(times, seldom, most)
    assert place(0.0, 0.0, 0.0) == 0 and 0 <= here <= 1 and here <= place(times * 1.01, seldom, most)
    assert (here < 0.5) <= (times <= seldom) <= (here <= 0.5) and (here > 0.75) <= (times > most)
