"""Interventions: planted units do what they were planted for, random ones do not; figures against the definition."""

import numpy as np
import pytest
import torch

from ganwidgets.core.concepts import Concept, Segmenter
from ganwidgets.core.edits import UnitEdit
from ganwidgets.core.errors import ArgumentError, ConceptError, LayerError, RegionError, SeedError, UnitError
from ganwidgets.core.nets import Layer
from ganwidgets.core.regions import Region
from ganwidgets.methods.dissect import dissect
from ganwidgets.methods.intervene import (
    best_box,
    effect,
    insertion,
    level_units,
    levels_for,
    places,
    random_units,
    removal,
    unit_heat,
)

SEEDS = range(900, 912)
BOX = Region.box(.25, .5, .625, .875)


@pytest.fixture(scope="module")
def found(planted):
    return dissect(planted.generator, planted.segmenter, layer=planted.layer, seeds=range(24), progress=False)


def test_strength_levels():
    assert levels_for(Layer("x", 512, 8, 8)) == {"low": 5, "medium": 10, "high": 15}
    assert levels_for(Layer("x", 112, 8, 8)) == {"low": 2, "medium": 4, "high": 6}
    assert level_units(3, "high") == 3
    with pytest.raises(ArgumentError, match="no level 'strong'"):
        level_units(10, "strong")


def test_removal_of_a_planted_concept(planted, found):
    g, judge = planted.generator, planted.segmenter
    done = removal(g, judge, "block", found.edit("block", "ablate", n=1), SEEDS, progress=False)
    assert done.fraction == 1 and done.seeds == tuple(SEEDS) and (done.before > .05).all() and not done.after.any()
    assert done.kept_share > .99, "the other concepts are as they were"
    other = removal(g, judge, "dot", found.edit("block", "ablate", n=1), SEEDS, progress=False)
    assert other.fraction == 0


def test_removal_by_the_definition(toy, colours):
    edit = UnitEdit("second", [0, 3], 0.0)
    done = removal(toy, colours, "green", edit, range(9), batch=4, progress=False)
    before, after = toy.images(toy.sample(range(9))), edit.apply(toy).images(toy.sample(range(9)))
    masks, still = colours.segment(before)[:, 1], colours.segment(after)[:, 1]
    np.testing.assert_allclose(done.before, masks.float().mean((1, 2)), atol=1e-7)
    np.testing.assert_allclose(done.after, still.float().mean((1, 2)), atol=1e-7)
    assert done.fraction == pytest.approx(1 - float(still.sum() / masks.sum()), abs=1e-6)
    objects = [0, 1, 2, 4]
    labels, now = (colours.probabilities(each)[:, objects].argmax(1) for each in (before, after))
    kept = [float((labels[row] == now[row])[~masks[row]].float().mean()) for row in range(9)]
    np.testing.assert_allclose(done.kept, kept, atol=1e-6)


def test_insertion_of_a_planted_concept(planted, found):
    edit = found.edit("block", "insert", n=1)
    done = insertion(planted.generator, planted.segmenter, "block", edit, BOX, SEEDS, progress=False)
    assert done.succeeded() == len(SEEDS) and (done.after == 1).all()
    np.testing.assert_allclose(done.became, 1 - done.before)
    assert done.spill == 0 and (done.inside > 0).all()


def test_insertion_by_the_definition(toy, colours):
    edit = UnitEdit("second", [1], 3.0)
    regions = [Region.box(0, 0, .5, .5), Region.box(.25, .5, .75, 1), Region.box(.5, .125, 1, .625)]
    done = insertion(toy, colours, "green", edit, regions, range(3), batch=2, progress=False)
    before = toy.images(toy.sample(range(3)))
    for row, region in enumerate(regions):
        boxed = UnitEdit("second", [1], 3.0, region=region)
        after = boxed.apply(toy).images(toy.sample(range(3)))[row]
        inside = region.on(16, 16) > 0
        was, is_now = colours.segment(before)[row, 1], colours.segment(after[None])[0, 1]
        assert done.before[row] == pytest.approx(float(was[inside].float().mean()))
        assert done.became[row] == pytest.approx(float((is_now & ~was)[inside].float().mean()))
        moved = (after - before[row]).abs().mean(0)
        x0, y0, x1, y1 = (round(edge * 8) for edge in region.corners)
        near = torch.zeros(8, 8, dtype=torch.bool)
        near[max(0, y0 - 1):y1 + 1, max(0, x0 - 1):x1 + 1] = True
        outside = ~near.repeat_interleave(2, 0).repeat_interleave(2, 1)
        assert done.inside[row] == pytest.approx(float(moved[inside].mean()), rel=1e-4)
        assert done.outside[row] == pytest.approx(float(moved[outside].mean()), rel=1e-4, abs=1e-7)


def test_effect_beside_random_units(planted, found):
    g, judge, levels = planted.generator, planted.segmenter, found.levels["layer2"]
    gone = effect(g, judge, "block", found.edit("block", "ablate", n=1), SEEDS, draws=5, progress=False)
    assert gone.fraction == 1 and gone.random_median < .25 and len(gone.random) == 5
    assert gone.random[0].kept is None and np.isnan(gone.random[0].kept_share) and gone.chosen.kept_share > .99
    put = effect(g, judge, "block", found.edit("block", "insert", n=1), SEEDS, region=BOX, draws=5, levels=levels,
                 progress=False)
    assert put.fraction > .5 > put.random_median and put.beyond_chance
    assert [each.succeeded() for each in put.random].count(0) >= 3
    alone = removal(g, judge, "block", found.edit("block", "ablate", n=1), SEEDS, progress=False)
    assert np.array_equal(alone.after, gone.chosen.after) and np.array_equal(alone.kept, gone.chosen.kept)


def test_an_effect_of_useless_units_is_not_beyond_chance(planted):
    """The control: units that draw nothing."""
    idle = [unit for unit in range(12) if unit not in planted.units.values()][:2]
    done = effect(planted.generator, planted.segmenter, "block", UnitEdit(planted.layer, idle), SEEDS, draws=12,
                  progress=False)
    assert done.fraction == 0 and not done.beyond_chance
    none = effect(planted.generator, planted.segmenter, "block", UnitEdit(planted.layer, idle), SEEDS, draws=0,
                  progress=False)
    assert not none.beyond_chance and np.isnan(none.random_median)


def test_random_units(planted, found):
    g = planted.generator
    edit = found.edit("block", "insert", n=3)
    drawn = [random_units(edit, g, draw, levels=found.levels["layer2"]) for draw in range(40)]
    assert all(len(set(each.units)) == 3 and set(each.units) != set(edit.units) for each in drawn)
    assert {unit for each in drawn for unit in each.units} == set(range(12))
    np.testing.assert_allclose(drawn[0].value, found.levels["layer2"][list(drawn[0].units)], rtol=1e-6)
    assert random_units(edit, g, 7, levels=found.levels["layer2"]) == drawn[7]
    assert random_units(UnitEdit("layer2", [1, 2]), g, 0).value == 0
    with pytest.raises(ArgumentError, match="give levels"):
        random_units(edit, g, 0)
    with pytest.raises(ArgumentError, match="3 levels for the 12 units"):
        random_units(edit, g, 0, levels=np.zeros(3))
    with pytest.raises(UnitError, match="all 12 units"):
        random_units(UnitEdit("layer2", range(12)), g, 0)


def test_places_hold_the_context(planted):
    g, judge = planted.generator, planted.segmenter
    spots = places(g, judge, "field", range(30), share=.04, least=.9)
    assert len(spots) == 30
    with torch.no_grad():
        masks = judge.segment(g.images(g.sample(list(spots))))[:, 2]
    for mask, region in zip(masks, spots.values(), strict=True):
        assert mask[region.on(128, 128) > 0].float().mean() >= .9
        assert region.area == pytest.approx(.04, abs=.005)
    assert places(g, judge, "dot", range(4), share=.15) == {}
    with pytest.raises(ArgumentError, match="covers more than 0"):
        places(g, judge, "dot", range(4), share=0)


def test_best_box():
    mask = torch.zeros(20, 20, dtype=torch.bool)
    mask[4:14, 9:19] = True
    region, held = best_box(mask, .25)
    assert region.corners == (.45, .2, .95, .7) and held == 1
    assert best_box(torch.ones(20, 20, dtype=torch.bool), 1)[0].corners == (0, 0, 1, 1)


def test_heat(planted, found):
    g = planted.generator
    paused = g.head(g.sample([5]), planted.layer)
    heat = unit_heat(g, paused, [planted.units["block"]], found.thresholds["layer2"])
    mask = planted.segmenter.segment(g.tail(paused))[0, 1, ::2, ::2].numpy()
    assert heat.shape == (64, 64) and heat.min() >= 0 and heat.max() == 1
    assert heat[mask].mean() > .5 > .2 > heat[~mask].mean()
    flat = unit_heat(g, paused, [0, 1], np.zeros(12))
    assert (flat == (paused.features[0, :2].numpy() > 0).mean(0)).all()
    with pytest.raises(UnitError, match="0 to 11"):
        unit_heat(g, paused, [12], found.thresholds["layer2"])
    with pytest.raises(ArgumentError, match="one picture"):
        unit_heat(g, g.head(g.sample([5, 6]), planted.layer), [1], found.thresholds["layer2"])


class NoObjects(Segmenter):
    """Knows a material alone."""

    concepts = (Concept("grey", "material"),)

    def segment(self, images):
        return images.mean(1, keepdim=True) > 0


def test_bad_arguments(planted, toy):
    g, judge, edit = planted.generator, planted.segmenter, UnitEdit("layer2", [1])
    for seeds, error in (([], ArgumentError), ([-1], SeedError), (["a"], SeedError)):
        with pytest.raises(error):
            removal(g, judge, "block", edit, seeds, progress=False)
    with pytest.raises(ConceptError, match="no concept 'blok'"):
        removal(g, judge, "blok", edit, SEEDS, progress=False)
    with pytest.raises(LayerError, match="layer9"):
        removal(g, judge, "block", UnitEdit("layer9", [1]), SEEDS, progress=False)
    with pytest.raises(UnitError, match="0 to 11"):
        removal(g, judge, "block", UnitEdit("layer2", [12]), SEEDS, progress=False)
    with pytest.raises(ConceptError, match="no concept of kind object"):
        removal(toy, NoObjects(), "grey", UnitEdit("first", [1]), SEEDS, progress=False)
    with pytest.raises(ArgumentError, match="2 regions for 12 pictures"):
        insertion(g, judge, "block", edit, [BOX, BOX], SEEDS, progress=False)
    with pytest.raises(ArgumentError, match="draws"):
        effect(g, judge, "block", edit, SEEDS, draws=-1, progress=False)


def test_steps_can_be_stopped(planted):
    steps = effect.steps(planted.generator, planted.segmenter, "block", UnitEdit("layer2", [5]), SEEDS, draws=2)
    first = next(steps)
    assert (first.done, first.total, first.note) == (1, 6, "removing block")
    assert torch.is_grad_enabled()
    steps.close()


def test_regions_are_checked():
    from ganwidgets.methods.intervene import _regions
    with pytest.raises(RegionError, match="something else"):
        _regions([BOX, "box"], 2)
