"""Edits of weights add up and are refused on other weights; edits of latents belong to their pictures."""

import dataclasses

import numpy as np
import pytest
import torch

import ganwidgets.core.errors as errors
from ganwidgets.core.edits import EditStack, LatentEdit, Origin, UnitEdit, WeightEdit
from ganwidgets.core.nets import with_parameter
from ganwidgets.core.regions import Region
from ganwidgets.testing import check_edit, check_generator, planted_generator

PLANTED = planted_generator()
G = PLANTED.generator
LATENTS = G.sample([0, 3])
FIRST = G.images(LATENTS)
DOT, BLOCK, FIELD = (PLANTED.units[name] for name in ("dot", "block", "field"))


def drawn_in(color, unit, amount=1.0, **how):
    """An edit that makes a unit draw in another colour too."""
    left, right = torch.zeros(3, 1, 1, 1), torch.zeros(1, 12)
    left[color], right[0, unit] = amount, 1
    return WeightEdit("layer3", left, right, origin=Origin.of(G, "ink"), **how)


def test_a_rewritten_rule_holds_in_every_picture():
    edit = drawn_in(0, BLOCK)  # blocks are drawn in the dots' colour as well
    check_edit(edit, G)
    pictures = edit.apply(G).images(LATENTS)
    assert torch.equal(pictures[:, 0], torch.maximum(FIRST[:, 0], FIRST[:, 1]))
    assert torch.equal(pictures[:, 1:], FIRST[:, 1:])


def test_edits_of_weights_add_up_and_any_one_can_be_dropped():
    stack = EditStack().push(drawn_in(0, BLOCK)).push(drawn_in(1, FIELD)).push(drawn_in(0, BLOCK, -1.0))
    edited = stack.apply(G)
    wanted = G.net.ink.clone()
    wanted[1, FIELD] += 1
    assert torch.equal(edited.net.ink, wanted)
    assert torch.equal(stack.without(1).apply(G).images(LATENTS), FIRST)
    assert edited.net.turns is G.net.turns and edited.digest == G.digest
    assert edited.memory("layer3").generator.net.ink is edited.net.ink


def test_a_rule_for_some_pictures_leaves_the_others():
    edit = drawn_in(0, BLOCK, seeds=(3,))
    check_edit(edit, G)
    edited = EditStack().push(edit).push(UnitEdit("layer2", [FIELD], seeds=(0,))).apply(G)
    check_generator(edited, seeds=(0, 3))
    alone = drawn_in(0, BLOCK).apply(G).images(LATENTS)
    pictures = edited.images(LATENTS)
    assert torch.equal(pictures[1], alone[1])
    assert not bool((pictures[0, 2] > 0).any()) and torch.equal(pictures[0, :2], FIRST[0, :2])


def test_a_kept_head_serves_edits_of_weights_after_it():
    edited = drawn_in(0, BLOCK).apply(G)
    assert torch.equal(edited.finish(G.head(LATENTS, "layer2")), edited.images(LATENTS))
    with pytest.raises(errors.EditError, match="stop it at layer2"):
        edited.finish(G.head(LATENTS, "layer3"))


def test_a_rule_is_refused_where_its_own_layer_differs_and_kept_where_another_does():
    def loaded(name, factor):  # as if from another file: digests of its own
        return dataclasses.replace(G, net=with_parameter(G.net, name, G.net.get_parameter(name) * factor), digests=None)
    with pytest.raises(errors.EditError, match="layer3 of planted"):
        drawn_in(0, BLOCK).apply(loaded("ink", 1.01))
    other = loaded("turns", 1.01)
    assert other.digest != G.digest
    drawn_in(0, BLOCK).apply(other)
    adapted = G.with_net(with_parameter(G.net, "ink", G.net.ink * 1.01))  # keeps the digests of the net as loaded
    drawn_in(0, BLOCK).apply(adapted)


def test_with_net_keeps_edits_and_counts_those_of_weights_once():
    stack = EditStack().push(drawn_in(0, BLOCK)).push(UnitEdit("layer2", [DOT]))
    edited = stack.apply(G)
    assert torch.equal(edited.with_net(edited.net).images(LATENTS), edited.images(LATENTS))


def test_latents_exchange_whole_pictures():
    own = G.latents(G.sample([8]).z)
    edit = LatentEdit(own, seeds=(3,), words="another")
    check_edit(edit, G)
    pictures = edit.apply(G).images(LATENTS)
    assert torch.equal(pictures[0], FIRST[0])
    assert torch.equal(pictures[1], G.images(own)[0])
    later = EditStack().push(edit).push(UnitEdit("layer2", [FIELD], seeds=(3,))).apply(G).images(LATENTS)
    assert not bool((later[1, 2] > 0).any()) and torch.equal(later[0], FIRST[0])  # numbers stay, so edits find them


def test_each_picture_gets_its_own_row():
    own = G.sample([8, 9])
    pictures = LatentEdit(own, seeds=(3, 0)).apply(G).images(LATENTS)
    assert torch.equal(pictures, G.images(own).flip(0))


def test_latents_within_a_region_change_that_part_alone():
    edit = LatentEdit(G.sample([8]), seeds=(0, 3), region=Region.box(0, 0, 0.5, 1), layer="layer2")
    check_edit(edit, G)
    pictures, other = edit.apply(G).images(LATENTS), G.images(G.sample([8]))
    assert torch.equal(pictures[..., :64], other[..., :64].expand(2, -1, -1, -1))
    assert torch.equal(pictures[..., 64:], FIRST[..., 64:])
    check_edit(dataclasses.replace(edit, layer=None), G)


def test_replay_moves_rules_and_lists_latents_as_left_out():
    stack = EditStack().push(LatentEdit(G.sample([8]), seeds=(3,))).push(drawn_in(0, BLOCK, seeds=(3,)))
    moved = stack.on([0])
    assert moved.left_out == (stack[0],) and moved[0] is stack[0] and moved[1].seeds == (0,)
    assert stack.on(None)[1].seeds is None


def test_all_kinds_in_one_file_and_one_script(tmp_path):
    stack = EditStack()
    for edit in (UnitEdit("layer2", [DOT], torch.rand(1, 64, 64)), drawn_in(0, BLOCK, 0.123456, seeds=(0,)),
                 LatentEdit(G.sample([8]), seeds=(3,), region=Region.from_mask(np.linspace(0, 1, 12).reshape(3, 4)),
                            words='a "dot"'), drawn_in(1, FIELD)):
        stack = stack.push(edit)
    again = EditStack.load(stack.save(tmp_path / "all.gwe"))
    assert again == stack and [edit.origin for edit in again] == [edit.origin for edit in stack]
    names = {}
    exec(stack.to_script(G), names)
    assert torch.equal(names["pictures"], stack.apply(G).images(G.sample([0, 3])))


@pytest.mark.parametrize(("make", "error", "words"), [
    (lambda: WeightEdit("layer3", torch.zeros(3, 2, 1, 1), torch.zeros(1, 12)), errors.ShapeError, "together"),
    (lambda: WeightEdit("layer3", torch.zeros(3), torch.zeros(1, 12)), errors.ShapeError, "left"),
    (lambda: WeightEdit("layer3", "left", torch.zeros(1, 12)), errors.EditError, "numbers"),
    (lambda: WeightEdit("layer3", torch.full((3, 1), float("nan")), torch.zeros(1, 12)), errors.EditError, "finite"),
    (lambda: WeightEdit("layer3", torch.zeros(3, 1, 1, 1), torch.zeros(1, 9)).apply(G), errors.ShapeError, "planted"),
    (lambda: WeightEdit("layer2", torch.zeros(3, 1, 1, 1), torch.zeros(1, 12)).apply(G), errors.LayerError, "layer3"),
    (lambda: WeightEdit("layer9", torch.zeros(3, 1, 1, 1), torch.zeros(1, 12)).apply(G), errors.LayerError, "layer9"),
    (lambda: LatentEdit(LATENTS, seeds=(1, 2, 3)), errors.LatentsError, "2 rows"),
    (lambda: LatentEdit(LATENTS, seeds=None), errors.EditError, "seeds"),
    (lambda: LatentEdit(LATENTS, seeds=(0, 3), words=3), errors.EditError, "text"),
    (lambda: LatentEdit(LATENTS, seeds=(0, 3), region=Region.box(0, 0, 1, 1), layer="up").apply(G),
     errors.LayerError, "up"),
])
def test_bad_input_is_named(make, error, words):
    with pytest.raises(error, match=words):
        make()
