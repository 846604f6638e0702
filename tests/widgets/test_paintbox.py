"""PaintBox: each act by hand and from Python gives the same edits and pixels; exact undo; errors change nothing."""

import io
import re
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganwidgets.core.edits import EditStack, UnitEdit
from ganwidgets.core.errors import ArgumentError, ConceptError, EditError, GanwidgetsError, RegionError, SeedError
from ganwidgets.core.images import encode_jpeg, encode_png
from ganwidgets.core.regions import Region
from ganwidgets.widgets.paintbox import PaintBox

from .conftest import Hand, disc, png, rounded, state


def pixels(lab):
    return np.asarray(lab.image)


def as_shown(tensor):
    return ((tensor.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()


def first(lab, i=0):
    return lab.concepts[i]["name"]


BY_HAND = {
    "show": (lambda hand, name: hand.ask("show", seed=5), lambda lab, name: lab.show(5)),
    "paint": (
        lambda hand, name: hand.ask("stroke", [png(disc())], concept=name, tool="insert"),
        lambda lab, name: lab.paint(rounded(disc()), name),
    ),
    "erase": (
        lambda hand, name: hand.ask("stroke", [png(disc())], concept=name, tool="ablate"),
        lambda lab, name: lab.paint(rounded(disc()), name, erase=True),
    ),
    "drop": (
        lambda hand, name: hand.ask("drop", concept=name, x=0.25, y=0.5, width=0.5, height=0.75),
        lambda lab, name: lab.drop(name, (0.25, 0.5, 0.75, 1.25)),
    ),
    "undo": (lambda hand, name: hand.ask("undo"), lambda lab, name: lab.undo()),
    "redo": (lambda hand, name: [hand.ask("undo"), hand.ask("redo")], lambda lab, name: [lab.undo(), lab.redo()]),
    "reset": (lambda hand, name: hand.ask("reset"), lambda lab, name: lab.reset()),
    "toggle": (lambda hand, name: hand.ask("toggle", entry=1, on=False), lambda lab, name: lab.toggle(1, False)),
    "shuffle": (lambda hand, name: hand.ask("strip", shuffle=True), lambda lab, name: lab.shuffle()),
    "move_strip": (lambda hand, name: hand.ask("strip", step=3), lambda lab, name: lab.move_strip(3)),
    "set_strip": (lambda hand, name: hand.ask("strip", seeds=[9, 8]), lambda lab, name: lab.set_strip([9, 8])),
    "everywhere": (
        lambda hand, name: [
            hand.ask("set", name="everywhere", value=True),
            hand.ask("stroke", [png(disc())], concept=name, tool="insert"),
        ],
        lambda lab, name: [setattr(lab, "everywhere", True), lab.paint(rounded(disc()), name)],
    ),
    "strong": (
        lambda hand, name: [
            hand.ask("set", name="level", value="high"),
            hand.ask("set", name="strength", value=0.5),
            hand.ask("stroke", [png(disc())], concept=name, tool="insert"),
        ],
        lambda lab, name: [
            setattr(lab, "level", "high"),
            setattr(lab, "strength", 0.5),
            lab.paint(rounded(disc()), name),
        ],
    ),
}


@pytest.mark.parametrize("act", BY_HAND)
def test_by_hand_and_from_python_the_same(paintbox, act):
    one, two = paintbox(), paintbox()
    hand = Hand(one)
    for lab in (one, two):
        lab.paint(disc(0.3, 0.3), first(lab, 1))
    by_hand, python = BY_HAND[act]
    before = state(two)
    by_hand(hand, first(one))
    python(two, first(two))
    one_state, two_state = state(one), state(two)
    assert [edit.to_record() for edit in one.edits] == [edit.to_record() for edit in two.edits]
    del one_state["edits"], two_state["edits"]
    assert one_state == two_state
    assert act in ("redo",) or before != state(two)
    assert not one.error


def test_heatmap_save_and_script_by_hand_and_from_python_the_same(lab, hand, tmp_path):
    lab.paint(disc())
    lab.save(tmp_path / "edits.gwe")
    found = lab.heatmap(first(lab))
    answer = hand.ask("heatmap", concept=first(lab))
    shown = np.frombuffer(answer["buffers"][0], np.uint8).reshape(answer["height"], answer["width"])
    assert np.abs(shown / 255 - found).max() <= 0.5 / 255 + 1e-6
    assert hand.ask("script")["script"] == lab.to_script()
    saved = hand.ask("save")
    assert saved["name"].endswith(".gwe")
    picture = lab.picture
    lab.reset()
    assert hand.ask("load", [saved["buffers"][0]])["status"] == "done"
    assert lab.picture == picture
    lab.reset()
    lab.load(tmp_path / "edits.gwe")
    assert lab.picture == picture


def test_handed_in_by_hand_and_from_python_the_same(lab, hand, tmp_path):
    lab.paint(disc())
    path = lab.hand_in(tmp_path)
    assert path.parent == tmp_path and path.name == f"{lab.model}-{lab.seed}.zip"
    answer = hand.ask("handin")
    assert answer["status"] == "done" and answer["name"] == path.name
    by_hand, by_python = zipfile.ZipFile(io.BytesIO(answer["buffers"][0])), zipfile.ZipFile(path)
    assert by_hand.namelist() == ["edits.gwe", "picture.png", "edits.py"]
    assert all(by_hand.read(name) == by_python.read(name) for name in by_hand.namelist())
    assert by_hand.read("picture.png") == lab.picture and by_hand.read("edits.py").decode() == lab.to_script()
    assert lab.hand_in(tmp_path / "mine.zip") == tmp_path / "mine.zip"


def test_what_was_handed_in_is_opened_as_edits_and_draws_that_picture(lab, planted, tmp_path):
    lab.show(7)
    lab.paint(disc())
    member = zipfile.ZipFile(lab.hand_in(tmp_path)).extract("edits.gwe", tmp_path)
    stack = EditStack.load(member)
    assert stack == lab.edits and len(stack) == 1
    drawn = stack.apply(planted.generator).images(planted.generator.sample([7]))
    assert encode_png(drawn[0]) == lab.picture


@pytest.mark.parametrize("model", ["../../etc/passwd", "a/b\\c", "..", "é <b>"])
def test_the_name_of_what_is_handed_in_leads_nowhere(lab, model):
    lab.say(model=model)
    assert re.fullmatch(r"[\w-][\w.-]*-\d+\.zip", lab.handed_in_as, re.ASCII)


def test_a_stroke_changes_the_picture_where_it_was_painted(lab, planted):
    before = pixels(lab).astype(int)
    lab.paint(disc(0.25, 0.25, 0.15))
    changed = np.abs(pixels(lab).astype(int) - before).max(2)
    side = changed.shape[0]
    assert changed[: side // 2, : side // 2].max() > 0
    assert changed[3 * side // 4 :, 3 * side // 4 :].max() == 0


def test_the_picture_is_what_the_edited_generator_draws(lab, planted):
    lab.paint(disc())
    lab.drop(first(lab, 1), (0.1, 0.1, 0.4, 0.4))
    drawn = lab.generator.images(planted.generator.sample([lab.seed]))[0]
    assert np.array_equal(as_shown(drawn), pixels(lab))
    stacked = lab.edits.apply(planted.generator).images(planted.generator.sample([lab.seed]))[0]
    assert torch.equal(stacked, drawn)


def test_a_stroke_belongs_to_its_picture_unless_everywhere(lab):
    plain = {}
    for seed in (0, 1):
        lab.show(seed)
        plain[seed] = lab.picture
    lab.show(0)
    lab.paint(disc())
    lab.show(1)
    assert lab.picture == plain[1]
    lab.everywhere = True
    lab.paint(disc())
    assert lab.picture != plain[1]
    assert [edit.seeds for edit in lab.edits] == [(0,), None]


def test_the_stroke_is_the_dissections_edit_at_its_levels(lab, dissection):
    name = first(lab)
    lab.level, lab.strength = "high", 0.25
    lab.paint(disc(), name)
    (edit,) = lab.edits
    wanted = dissection.edit(name, "insert", n=lab.count, region=Region.from_mask(disc()))
    assert isinstance(edit, UnitEdit)
    assert tuple(edit.units) == tuple(wanted.units)
    assert np.array_equal(np.asarray(edit.value), np.asarray(wanted.value))
    assert (edit.strength, edit.seeds) == (0.25, (lab.seed,))
    assert len(edit.units) == lab.count


def test_a_stroke_is_meant_by_the_settings_that_came_with_it(lab, hand):
    before = state(lab)
    meant = {"level": "low", "count": 12, "strength": 0.5, "everywhere": True}
    hand.ask("stroke", [png(disc())], concept=first(lab), tool="insert", **meant)
    hand.ask("stroke", [png(disc())], concept=first(lab), tool="insert", level="custom", count=3)
    one, two = lab.edits
    assert (len(one.units), one.strength, one.seeds) == (2, 0.5, None)
    assert (len(two.units), two.strength, two.seeds) == (3, 1.0, (lab.seed,))
    assert {name: getattr(lab, name) for name in meant} == {name: before[name] for name in meant}


def test_levels_count_units(lab):
    counts = []
    for level in ("low", "medium", "high"):
        lab.level = level
        counts.append(lab.count)
        assert len(lab.units()) == lab.count
    assert counts == sorted(counts)
    assert counts[0] >= 2 and counts[1] >= 4 and counts[2] >= 6
    lab.level, lab.count = "custom", 3
    assert len(lab.units()) == 3


def test_a_preview_shows_the_stroke_and_keeps_nothing(lab, hand):
    before, mask = state(lab), disc()
    hand.send("ack", frame=100)
    hand.came.clear()
    assert hand.ask("preview", [png(mask)], concept=first(lab), tool="insert")["status"] == "done"
    assert state(lab) == before
    ((frame, (data,)),) = hand.posts("frame")
    assert (frame["format"], frame["rest"], frame["preview"]) == ("jpeg", False, True)
    imagined = lab.imagined(rounded(mask))
    assert data == encode_jpeg(imagined)
    assert state(lab) == before
    lab.paint(rounded(mask))
    assert np.array_equal(as_shown(imagined), pixels(lab))


def test_switched_off_steps_stay_in_the_history(lab):
    empty = lab.picture
    lab.paint(disc(0.3, 0.3))
    one = lab.picture
    lab.paint(disc(0.7, 0.7))
    lab.toggle(2, False)
    assert lab.picture == one
    assert [step["on"] for step in lab.history] == [True, False]
    assert len(lab.edits) == 1
    lab.toggle(2)
    lab.toggle(1, False)
    lab.toggle(2, False)
    assert lab.picture == empty
    lab.undo()
    assert [step["on"] for step in lab.history] == [False, True]


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("paint"), st.floats(0.1, 0.9), st.floats(0.1, 0.9), st.booleans()),
        st.tuples(st.just("drop"), st.floats(0, 0.5), st.floats(0, 0.5), st.booleans()),
        st.tuples(st.sampled_from(["undo", "redo", "reset", "off"]), st.just(0.0), st.just(0.0), st.just(False)),
    ),
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
def test_undo_of_anything_gives_back_the_first_picture_to_the_bit(lab, acts):
    lab._history = type(lab._history)()
    lab._turn()
    empty, seen = lab.picture, {}
    for act, x, y, more in acts:
        if act == "paint":
            lab.paint(disc(x, y), first(lab, int(more)), erase=more)
        elif act == "drop":
            lab.drop(first(lab, int(more)), (x, y, x + 0.5, y + 0.5))
        elif act == "off" and lab.history:
            lab.toggle(lab.history[-1]["entry"])
        elif act != "off":
            getattr(lab, act)()
        seen[len(lab._history.past)] = lab.picture
    forward = lab.picture
    depth = len(lab._history.past)
    while lab.can_undo:
        lab.undo()
        assert lab.picture == seen.get(len(lab._history.past), empty)
    assert lab.picture == empty
    for _ in range(depth):
        lab.redo()
    assert lab.picture == forward


def test_edits_are_a_value_that_can_be_assigned(lab, planted):
    lab.paint(disc())
    kept, picture = lab.edits, lab.picture
    lab.reset()
    assert len(lab.edits) == 0
    lab.edits = kept
    assert lab.picture == picture
    lab.undo()
    assert len(lab.edits) == 0
    with pytest.raises(EditError, match="EditStack"):
        lab.edits = [1]
    lab.edits = EditStack().push(UnitEdit(planted.generator.layers[0], [0, 1], 2.0))
    assert np.array_equal(pixels(lab), as_shown(lab.generator.images(planted.generator.sample([lab.seed]))[0]))


def test_the_original_is_untouched(lab, planted):
    before = planted.generator.images(planted.generator.sample([0]))
    lab.paint(disc())
    assert torch.equal(before, planted.generator.images(planted.generator.sample([0])))
    assert np.array_equal(np.asarray(lab.original), as_shown(before[0]))


def test_own_pictures_can_be_painted_on(paintbox, planted):
    own = planted.generator.latents(planted.generator.sample([3, 4]).z)
    lab = paintbox(latents=own)
    assert lab.seed == own.pictures[0] < 0
    assert lab.strip[:2] == list(own.pictures)
    before = pixels(lab)
    assert np.array_equal(before, as_shown(planted.generator.images(own[[0]])[0]))
    lab.paint(np.ones((8, 8)), "dot")
    assert not np.array_equal(before, pixels(lab))
    assert lab.edits[0].seeds == (own.pictures[0],)
    assert np.array_equal(pixels(lab), as_shown(lab.generator.images(own[[0]])[0]))
    lab.show(7)
    assert lab.seed == 7


@pytest.mark.parametrize(
    "act, error",
    [
        (lambda lab: lab.paint(disc(), "zebra"), ConceptError),
        (lambda lab: lab.paint(np.full((8, 8), np.nan)), RegionError),
        (lambda lab: lab.paint(np.ones((2, 8, 8))), RegionError),
        (lambda lab: lab.paint(np.zeros((8, 8))), RegionError),
        (lambda lab: lab.paint(np.zeros((0, 0))), RegionError),
        (lambda lab: lab.drop("zebra", (0, 0, 1, 1)), ConceptError),
        (lambda lab: lab.drop(first(lab), (1.2, 0, 1.5, 1)), RegionError),
        (lambda lab: lab.drop(first(lab), (0.5, 0.5, 0.5, 0.9)), RegionError),
        (lambda lab: lab.drop(first(lab), (0, float("nan"), 1, 1)), RegionError),
        (lambda lab: lab.drop(first(lab), "box"), RegionError),
        (lambda lab: lab.show(-1), SeedError),
        (lambda lab: lab.show(2**32), SeedError),
        (lambda lab: lab.show("three"), SeedError),
        (lambda lab: setattr(lab, "seed", -5), SeedError),
        (lambda lab: lab.set_strip([]), ArgumentError),
        (lambda lab: lab.toggle(99), EditError),
        (lambda lab: lab.heatmap("zebra"), ConceptError),
    ],
)
def test_a_wrong_act_says_so_and_changes_nothing(lab, act, error):
    lab.paint(disc())
    before = state(lab)
    with pytest.raises(error) as caught:
        act(lab)
    assert isinstance(caught.value, GanwidgetsError)
    assert str(caught.value).endswith((".", "?"))
    assert state(lab) == before
    lab.paint(disc(0.2, 0.2))
    assert len(lab.history) == 2


def test_a_corrupt_file_changes_nothing(lab, hand, tmp_path):
    lab.paint(disc())
    before = state(lab)
    path = tmp_path / "bad.gwe"
    path.write_bytes(b"not a file of edits")
    with pytest.raises(EditError):
        lab.load(path)
    assert hand.ask("load", [b"not a file of edits"])["status"] == "error"
    assert state(lab) == before


def test_the_picture_is_told_in_words(lab, planted):
    assert set(lab.alt.split(": ")[1].rstrip(".").split(", ")) <= set(planted.segmenter.names)
    lab.paint(disc())
    assert f"Last edit: {first(lab)} painted." in lab.alt
    assert lab.status == f"{first(lab).capitalize()} painted."


def test_the_palette_offers_first_what_it_is_told(paintbox, planted):
    lab = paintbox()
    last = lab.concepts[-1]["name"]
    lab = paintbox(palette={last: "measured on 100 pictures"})
    assert (lab.concepts[0]["name"], lab.concepts[0]["measured"], lab.concepts[0]["note"]) == (
        last,
        True,
        "measured on 100 pictures",
    )
    assert lab.concept == last
    colours = {concept.name: concept.hex for concept in planted.segmenter.concepts}
    assert all(chip["color"] == colours[chip["name"]] for chip in lab.concepts)
    with pytest.raises(ConceptError, match="zebra"):
        paintbox(palette=["zebra"])


def test_things_in_the_wrong_place_are_named(planted, dissection):
    with pytest.raises(ArgumentError, match="a generator"):
        PaintBox(dissection, planted.generator)
    with pytest.raises(ArgumentError, match="a dissection"):
        PaintBox(planted.generator, None)
    with pytest.raises(ArgumentError, match="a segmenter"):
        PaintBox(planted.generator, dissection, segmenter="storybook")
