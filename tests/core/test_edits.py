"""Edits change what they say and nothing else; stacks of them can be undone, replayed, saved and read back."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import ganwidgets.core.errors as errors
from ganwidgets.core.edits import EditStack, Origin, UnitEdit
from ganwidgets.core.regions import Region
from ganwidgets.testing import check_edit, check_generator, planted_generator

G = planted_generator().generator
LATENTS = G.sample([0, 3])
FIRST = G.images(LATENTS)

regions = st.one_of(
    st.none(),
    st.tuples(st.floats(0, 0.7), st.floats(0, 0.7), st.floats(0.1, 0.3), st.floats(0.1, 0.3)),
    arrays(np.float32, (5, 7), elements=st.floats(0, 1, width=32)),
)


def region_of(drawn):
    if drawn is None:
        return None
    return Region.from_mask(drawn) if isinstance(drawn, np.ndarray) else Region.box(
        drawn[0], drawn[1], drawn[0] + drawn[2], drawn[1] + drawn[3])


@st.composite
def unit_edits(draw):
    """What makes an edit: checked types draw random numbers of their own, which a strategy must not."""
    units = draw(st.lists(st.integers(0, 11), min_size=1, max_size=4, unique=True))
    numbers = st.floats(-2, 6, width=32)
    value = draw(st.one_of(numbers, st.lists(numbers, min_size=len(units), max_size=len(units))))
    layer, mode = draw(st.sampled_from(["layer1", "layer2"])), draw(st.sampled_from(["set", "add", "scale"]))
    region, strength = draw(regions), draw(st.floats(0, 1))
    seeds = draw(st.sampled_from([None, (0,), (3,), (0, 3)]))
    weights = draw(st.sampled_from([None, [0.5] * len(units)]))
    return lambda: UnitEdit(layer, units, value, mode=mode, region=region_of(region), strength=strength, seeds=seeds,
                            weights=weights)


@settings(max_examples=15, deadline=None)
@given(unit_edits())
def test_every_edit_keeps_the_laws(make):
    check_edit(make(), G)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.one_of(unit_edits(), st.sampled_from(["undo", "redo", "cleared", "without"])), max_size=7))
def test_undoing_everything_gives_back_the_first_picture_bit_for_bit(acts):
    stack = EditStack()
    for act in acts:
        if callable(act):
            stack = stack.push(act())
        elif act != "without":
            stack = getattr(stack, act)()
        elif len(stack):
            stack = stack.without(len(stack) - 1)
    last, undone = stack, 0
    while stack.can_undo:
        stack, undone = stack.undo(), undone + 1
    assert stack.edits == () and torch.equal(stack.apply(G).images(LATENTS), FIRST)
    for _ in range(undone):
        stack = stack.redo()
    assert stack.edits == last.edits and stack.future == last.future
    assert torch.equal(stack.apply(G).images(LATENTS), last.apply(G).images(LATENTS))


@settings(max_examples=10, deadline=None)
@given(st.lists(unit_edits(), min_size=1, max_size=4))
def test_a_file_of_edits_draws_the_same(tmp_path_factory, edits):
    stack = EditStack()
    for make in edits:
        stack = stack.push(make())
    again = EditStack.load(stack.save(tmp_path_factory.mktemp("edits") / "x.gwe"))
    assert again == stack
    assert torch.equal(again.apply(G).images(LATENTS), stack.apply(G).images(LATENTS))


@settings(max_examples=10, deadline=None)
@given(st.lists(unit_edits(), min_size=1, max_size=3))
def test_a_kept_head_and_one_tail_draw_the_whole_edited_run(edits):
    edited, edits = G, [make() for make in edits]
    for edit in edits:
        edited = edit.apply(edited)
    whole = edited.images(LATENTS)
    assert torch.equal(EditStack(tuple(edits)).apply(G).images(LATENTS), whole)
    for place, layer in enumerate(G.layers):
        kept = G.head(LATENTS, layer)
        if place <= edited.last_stop:
            assert torch.equal(edited.finish(kept), whole)
            assert torch.equal(edited.tail(edited.run_edits(kept)), whole)
        else:
            with pytest.raises(errors.EditError, match="stop it at"):
                edited.finish(kept)
    for layer in G.layers:  # and a run of the edited net has that layer's edits in it
        assert torch.equal(edited.tail(edited.head(LATENTS, layer)), whole)


def test_edits_at_the_layer_of_a_paused_run_act_once():
    edited = UnitEdit("layer2", [2, 5, 7], 0.4, mode="add").apply(G)
    base, run = G.head(LATENTS, "layer2"), edited.head(LATENTS, "layer2")
    assert torch.equal(run.features[:, [2, 5, 7]], base.features[:, [2, 5, 7]] + 0.4)
    assert torch.equal(edited.run_edits(base).features, run.features)
    assert torch.equal(edited.resume(run, "layer2").features, run.features)
    with pytest.raises(errors.LayerError):
        edited.resume(edited.head(LATENTS, "layer3"), "layer2")


def test_a_live_preview_costs_one_tail(monkeypatch):
    kept, calls = G.head(LATENTS, "layer2"), []
    for name in ("head", "resume", "tail"):
        method = getattr(type(G), name)
        monkeypatch.setattr(type(G), name, lambda self, *a, _m=method, _n=name: calls.append(_n) or _m(self, *a))
    UnitEdit("layer2", [2], 3.0).apply(G).finish(kept)
    assert "head" not in calls and calls.count("tail") == 1


def test_an_edited_generator_shares_every_tensor_and_can_be_edited_again():
    first = UnitEdit("layer2", [2], 3.0, seeds=(0,)).apply(G)
    both = UnitEdit("layer1", [5], 1.0).apply(first)
    assert both.base is G and len(both.edits) == 2 and len(first.edits) == 1
    assert {id(weight) for weight in both.net.parameters()} == {id(weight) for weight in G.net.parameters()}
    check_generator(both, seeds=(0, 3))


def test_a_script_makes_the_same_edits():
    stack = EditStack().push(UnitEdit("layer2", [2, 5], [1.5, 3.0], region=Region.box(0.1, 0.2, 0.5, 0.75), seeds=(3,)))
    stack = stack.push(UnitEdit("layer1", [1], 2.0, mode="add", strength=0.25,
                                region=Region.from_mask(np.linspace(0, 1, 30).reshape(5, 6))))
    assert "g = gw.load('storybook')" in stack.to_script()
    names = {}
    exec(stack.to_script(G), names)
    assert names["stack"] == stack
    assert torch.equal(names["pictures"], stack.apply(G).images(G.sample([3])))


def test_replay_on_other_seeds_changes_those_and_no_others():
    edit = UnitEdit("layer2", [7], 0.0, seeds=(0,))
    stack = EditStack().push(edit)
    here, there, all_of_them = (stack.on(seeds).apply(G).images(LATENTS) for seeds in ((0,), (3,), None))
    assert torch.equal(here[1], FIRST[1]) and not torch.equal(here[0], FIRST[0])
    assert torch.equal(there[0], FIRST[0]) and not torch.equal(there[1], FIRST[1])
    assert torch.equal(all_of_them, torch.stack([here[0], there[1]]))


def test_a_set_edit_is_the_formula_of_the_paper():
    features = torch.randn(2, 4, 3, 5)
    mask, alpha = torch.rand(3, 5), torch.tensor([0.25, 1.0])
    edit = UnitEdit("x", [3, 1], [2.0, -1.0], region=Region.from_mask(mask), weights=alpha, strength=0.5)
    blend = 0.5 * mask * alpha[:, None, None]
    wanted = features.clone()
    wanted[:, [3, 1]] = features[:, [3, 1]] * (1 - blend) + blend * torch.tensor([2.0, -1.0])[:, None, None]
    assert torch.allclose(edit.change(features), wanted, atol=1e-6)


def test_a_donor_patch_is_laid_in_cell_by_cell():
    patch = G.head(G.sample([8]), "layer2").features[0, [2, 5, 7]]
    edit = UnitEdit("layer2", [2, 5, 7], patch)
    assert torch.equal(edit.apply(G).images(LATENTS), G.images(G.sample([8])).expand(2, -1, -1, -1))


def test_overlapping_strokes_compose_like_layers_of_paint():
    features = torch.zeros(1, 1, 1, 1)
    for strength, value in ((0.5, 2.0), (0.5, 4.0)):
        features = UnitEdit("x", [0], value, strength=strength).change(features)
    assert float(features) == pytest.approx((0 * 0.5 + 2 * 0.5) * 0.5 + 4 * 0.5)


def test_an_edit_on_other_weights_is_applied_with_a_warning():
    edit = UnitEdit("layer2", [2], origin=Origin("another", "0" * 64))
    with pytest.warns(UserWarning, match="another"):
        edit.apply(G)


@pytest.mark.parametrize(("make", "error", "words"), [
    (lambda: UnitEdit("layer2", [5, 5]), errors.UnitError, "twice"),
    (lambda: UnitEdit("layer2", [-1]), errors.UnitError, "-1"),
    (lambda: UnitEdit("layer2", [1.5]), errors.UnitError, "1.5"),
    (lambda: UnitEdit("layer2", 3), errors.UnitError, "list"),
    (lambda: UnitEdit("layer2", [True]), errors.UnitError, "True"),
    (lambda: UnitEdit("layer2", [1], float("nan")), errors.EditError, "finite"),
    (lambda: UnitEdit("layer2", [1, 2], [1.0, 2.0, 3.0]), errors.ShapeError, "2 units"),
    (lambda: UnitEdit("layer2", [1], mode="paint"), errors.EditError, "set, add, scale"),
    (lambda: UnitEdit("layer2", [1], strength=2), errors.EditError, "strength"),
    (lambda: UnitEdit("layer2", [1], seeds=["a"]), errors.SeedError, "a"),
    (lambda: UnitEdit("layer2", [1], region=[[1]]), errors.EditError, "gw.Region"),
    (lambda: UnitEdit("layer9", [1]).apply(G), errors.LayerError, "layer9"),
    (lambda: UnitEdit("layer2", [12]).apply(G), errors.UnitError, "0 to 11"),
    (lambda: UnitEdit("layer2", [1], torch.zeros(1, 3, 3)).apply(G), errors.ShapeError, "grid"),
    (lambda: UnitEdit("layer2", [1]).apply(None), errors.EditError, "NoneType"),
    (lambda: EditStack().push("edit"), errors.EditError, "str"),
    (lambda: EditStack().without(0), errors.EditError, "0"),
])
def test_bad_input_is_named(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize("content", [
    b"", b"{", b"\xff\xfe\x00", b"[1, 2]", b'{"format": "ganwidgets edits", "version": 99, "edits": []}',
    b'{"format": "ganwidgets edits", "version": 1}', b'[' * 100_000,
    b'{"format": "ganwidgets edits", "version": 1, "edits": [{"kind": "exec"}]}',
    b'{"format": "ganwidgets edits", "version": 1, "edits": [7]}',
])
def test_a_corrupt_file_is_an_edit_error(tmp_path, content):
    path = tmp_path / "bad.gwe"
    path.write_bytes(content)
    with pytest.raises(errors.EditError):
        EditStack.load(path)


@pytest.mark.parametrize(("field", "value"), [
    ("units", ["x"]), ("value", "f32:3:zzz"), ("region", {"kind": "hole"}), ("strength", "much"), ("seeds", [-1.5]),
    ("mode", None), ("layer", 3), ("origin", "me"), ("weights", "u8:99999999x9999999:"),
])
def test_a_record_with_one_bad_field_is_refused(tmp_path, field, value):
    record = UnitEdit("layer2", [2], 1.0).to_record() | {field: value}
    path = tmp_path / "bad.gwe"
    path.write_text(json.dumps({"format": "ganwidgets edits", "version": 1, "edits": [record]}))
    with pytest.raises(errors.EditError):
        EditStack.load(path)


def test_an_edit_is_a_value():
    edit = UnitEdit("layer2", [2], 1.0)
    assert edit == dataclasses.replace(edit) and edit != dataclasses.replace(edit, strength=0.5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        edit.strength = 0.1
