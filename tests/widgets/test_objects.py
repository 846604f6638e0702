"""Objects in a PaintBox: moved, resized and taken away, by hand and from Python, each taken back to the bit."""

import numpy as np
import pytest

from ganwidgets.core.edits import EditStack, UnitEdit
from ganwidgets.core.errors import EditError, RegionError
from ganwidgets.core.regions import Region

from .conftest import Hand, disc, state

OLD, NEW = (0.0, 0.0, 0.5, 0.5), (0.5, 0.25, 0.75, 1.25)


def names(lab):
    return [chip["name"] for chip in lab.concepts[:2]]


def records(lab):
    return [edit.to_record() for edit in lab.edits]


@pytest.fixture
def three(lab):
    """A lab with a stroke over an object over a stroke."""
    one, two = names(lab)
    lab.paint(disc(0.3, 0.3), two)
    lab.drop(one, OLD)
    lab.paint(disc(0.6, 0.4), two)
    return lab


def test_moving_is_dropping_it_there_from_the_start(three, paintbox):
    other = paintbox()
    one, two = names(three)
    other.paint(disc(0.3, 0.3), two)
    other.drop(one, NEW)
    other.paint(disc(0.6, 0.4), two)
    assert three.picture != other.picture
    three.level, three.strength, three.everywhere = "low", 0.2, True  # of strokes to come, not of what is there
    three.move(2, NEW)
    assert three.picture == other.picture and records(three) == records(other)
    assert [step["entry"] for step in three.history] == [1, 2, 3]
    assert three.history[1]["box"] == {"x": 0.5, "y": 0.25, "width": 0.25, "height": 1.0}, "what sticks out is not forgotten"


@pytest.mark.parametrize("act", [lambda lab: lab.move(2, NEW), lambda lab: lab.delete(2), lambda lab: lab.delete(1)])
def test_one_undo_takes_it_back_to_the_bit(three, act):
    before = state(three)
    act(three)
    after = state(three)
    assert after["picture"] != before["picture"]
    three.undo()
    assert {**state(three), "can_redo": False} == before
    three.redo()
    assert state(three) == after


def test_a_step_that_is_taken_away_is_as_if_it_had_never_been(three, paintbox):
    other = paintbox()
    one, two = names(three)
    other.paint(disc(0.3, 0.3), two)
    other.drop(one, OLD)
    three.delete(3)
    assert three.picture == other.picture and records(three) == records(other)
    three.drop(one, OLD)
    assert [step["entry"] for step in three.history] == [1, 2, 4], "its number is not used again"


def test_by_hand_and_from_python_the_same(three, paintbox):
    other = paintbox()
    one, two = names(three)
    for where, name in ((disc(0.3, 0.3), two), (None, one), (disc(0.6, 0.4), two)):
        other.paint(where, name) if where is not None else other.drop(name, OLD)
    hand = Hand(three)
    assert hand.ask("move", entry=2, x=0.5, y=0.25, width=0.25, height=1)["status"] == "done"
    assert hand.ask("delete", entry=1)["status"] == "done"
    other.move(2, NEW)
    other.delete(1)
    assert state(three) | {"edits": 0} == state(other) | {"edits": 0} and records(three) == records(other)


def test_a_peek_shows_the_move_and_keeps_nothing(three):
    hand = Hand(three)
    hand.send("ack", frame=100)
    hand.came.clear()
    before = state(three)
    assert hand.ask("peek", entry=2, x=0.5, y=0.25, width=0.25, height=1)["status"] == "done"
    ((frame, _),) = hand.posts("frame")
    assert state(three) == before and frame["preview"] and not frame["rest"]
    imagined = three.imagined_move(2, NEW)
    three.move(2, NEW)
    shown = ((imagined.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    assert np.array_equal(shown, np.asarray(three.image))


def test_the_thumbnail_of_a_moved_object_is_drawn_anew(three):
    hand = Hand(three)
    (_, (before,)) = hand.posts("steps")[-1]
    hand.ask("move", entry=2, x=0.5, y=0.25, width=0.25, height=1)
    (_, (after,)) = hand.posts("steps")[-1]
    hand.ask("undo")
    (_, (again,)) = hand.posts("steps")[-1]
    assert before != after and before == again


def test_off_and_elsewhere_it_is_moved_as_well(three):
    three.toggle(2, False)
    picture = three.picture
    three.move(2, NEW)
    assert three.picture == picture and not three.history[1]["on"]
    three.show(3)
    elsewhere = three.picture
    three.move(2, OLD)
    assert three.picture == elsewhere
    three.everywhere = True
    three.drop(names(three)[0], OLD)
    everywhere = three.picture
    three.move(4, NEW)
    assert three.picture != everywhere and three.edits[-1].seeds is None


def test_edits_with_a_box_are_objects_and_patches_of_one_place_are_not(lab):
    units = UnitEdit(lab.layer, [0, 1], 2.0, region=Region.box(*OLD))
    side = lab._easel.generator.layer(lab.layer).height
    patch = UnitEdit(lab.layer, [0], np.ones((1, side, side)), region=Region.box(*OLD))
    lab.edits = EditStack().push(units).push(patch)
    assert [step["box"] is not None for step in lab.history] == [True, False]
    lab.move(lab.history[0]["entry"], NEW)
    assert lab.edits[0].region == Region.box(0.5, 0.25, 0.75, 1.0)


def test_what_happened_is_told_in_words(three):
    name = names(three)[0]
    three.move(2, (0.1, 0.1, 0.6, 0.6))
    assert three.status == f"{name} moved.".capitalize() and f"Last edit: {name} moved." in three.alt
    three.move(2, NEW)
    assert three.status == f"{name} resized.".capitalize()
    three.delete(2)
    assert three.status == f"{name} taken away.".capitalize() and f"Last edit: {name} taken away." in three.alt


@pytest.mark.parametrize(
    "act, error, words",
    [
        (lambda lab: lab.move(1, NEW), EditError, "no object"),
        (lambda lab: lab.move(99, NEW), EditError, "99"),
        (lambda lab: lab.delete(99), EditError, "99"),
        (lambda lab: lab.move(2, (1.2, 0, 1.5, 1)), RegionError, "outside"),
        (lambda lab: lab.move(2, (0.5, 0.5, 0.5, 0.9)), RegionError, "empty"),
        (lambda lab: lab.move(2, (0, float("nan"), 1, 1)), RegionError, "no number"),
        (lambda lab: lab.move(2, "box"), RegionError, "fractions"),
    ],
)
def test_a_wrong_act_says_so_and_changes_nothing(three, act, error, words):
    before = state(three)
    with pytest.raises(error, match=words):
        act(three)
    assert state(three) == before
