"""Sweeps: the planted unit takes its concept away at once, random ones never; figures against the definition."""

import numpy as np
import pytest
import torch

from ganwidgets.core.causes import Causes
from ganwidgets.core.edits import Origin
from ganwidgets.core.errors import ArgumentError, ConceptError, EditError, LayerError, UnitError
from ganwidgets.core.jobs import Job
from ganwidgets.core.regions import Region
from ganwidgets.methods.dissect import dissect
from ganwidgets.methods.intervene import removal
from ganwidgets.methods.intervene_sweep import sweep

SEEDS = range(900, 911)


@pytest.fixture(scope="module")
def found(planted):
    return dissect(planted.generator, planted.segmenter, layer=planted.layer, seeds=range(24), progress=False)


def swept(planted, d, concept="block", **options):
    return sweep(planted.generator, d, concept, **{"segmenter": planted.segmenter, "seeds": SEEDS, "progress": False, **options})


@pytest.mark.parametrize("concept", ["dot", "block", "field"])
def test_the_planted_unit_removes_its_concept_and_random_ones_do_not(planted, found, concept):
    done = swept(planted, found, concept, counts=(0, 1, 2), draws=4)
    assert done.units[0] == planted.units[concept] and done.counts == (0, 1, 2)
    assert done.left.tolist() == [1, 0, 0] and (done.before > 0).all() and not done.shares[1:].any()
    by_chance = done.random_left
    assert by_chance.shape == (4, 3) and (by_chance[:, 0] == 1).all()
    assert (by_chance[:, 1] == 1).all(), "a draw is never the chosen unit itself"


def test_counts_double_up_to_half_the_layer(planted, found):
    done = swept(planted, found, draws=1)
    assert done.counts == (0, 1, 2, 4) and len(done) == 4
    assert done.images.shape == (4, 4, 3, 128, 128), "a few pictures are kept, however many are measured"
    table = done.table
    assert table["count"].tolist() == [0, 1, 2, 4] and table.left.tolist() == done.left.tolist()
    assert table.share[0] == pytest.approx(done.before.mean()) and table.random_left[0] == 1


def test_the_figures_are_those_of_removal(planted, found):
    done = swept(planted, found, counts=(2,), batch=4, draws=0)
    one = removal(planted.generator, planted.segmenter, "block", found.edit("block", "ablate", n=2), SEEDS, progress=False)
    np.testing.assert_allclose(done.before, one.before)
    np.testing.assert_allclose(done.shares[0], one.after)
    assert done.left[0] == pytest.approx(1 - one.fraction) and np.isnan(done.table.random_left[0])


def test_pictures_are_those_under_the_edit(planted, found):
    done = swept(planted, found, counts=(0, 1), batch=2)
    g, edit = planted.generator, found.edit("block", "ablate", n=1)
    latents = g.sample(SEEDS[:4])
    assert torch.allclose(done.images[0], g.images(latents), atol=1e-4)
    assert torch.allclose(done.images[1], edit.apply(g).images(latents), atol=1e-4)


def test_stills_show_the_picture_that_has_most_of_it(planted, found):
    done = swept(planted, found, "block", counts=(0, 1))
    most = int(done.before[:4].argmax())
    first, second = done.stills
    assert torch.equal(second.image, done.images[1, most])
    assert first.heat is None and second.heat.shape == (64, 64) and second.heat.max() == 1
    truth = planted.segmenter.segment(done.images[0, [most]])[0, 1].numpy()
    assert np.array_equal(first.outline, truth) and np.array_equal(second.outline, truth)
    assert first.text == "0 units off: block 100%" and second.text.startswith("1 unit off: block 0% (random units: 100%")


def test_of_the_pictures_kept_the_one_with_most_is_shown(toy, colours):
    d = dissect(toy, colours, layer="second", seeds=range(6), grid=8, progress=False)
    done = sweep(toy, d, "green", units=[0], counts=(0,), seeds=range(9), segmenter=colours, progress=False)
    most = int(done.before[:4].argmax())
    assert most > 0 and torch.allclose(done.stills[0].image, toy.images(toy.sample([most]))[0], atol=1e-4)


def test_inserting_within_a_region(planted, found):
    box = Region.box(0, 0, .5, .5)
    done = swept(planted, found, "block", counts=(0, 1, 2), mode="insert", region=box)
    assert (done.shares[1] >= .25).all() and (done.shares[1] <= .25 + done.before).all()
    assert "1 unit high: block 2" in done.stills[1].text


def test_units_and_causes_of_your_own(planted, found):
    wrong = [unit for unit in range(12) if unit not in planted.units.values()]
    assert swept(planted, found, units=wrong[:3], counts=(1, 3)).left.tolist() == [1, 1]
    order = (planted.units["block"], *(unit for unit in range(12) if unit != planted.units["block"]))
    g = planted.generator
    causes = Causes("layer2", (2.0,) * 12, {"ablate": {"block": order}, "insert": {}}, Origin(g.name, g.digest))
    assert swept(planted, causes, counts=(0, 1)).left.tolist() == [1, 0]
    with pytest.raises(ArgumentError, match="of layer2, not of layer1"):
        swept(planted, causes, layer="layer1")


def test_with_no_segmenter_nothing_is_measured(planted, found, toy, colours):
    assert swept(planted, found, segmenter=None, counts=(1,)).left.tolist() == [0], "the companion is asked"
    d = dissect(toy, colours, layer="second", seeds=range(6), grid=8, progress=False)
    done = sweep(toy, d, "red", units=[3, 1], counts=(0, 1), progress=False)
    assert done.before is None and done.stills[1].text == "1 unit off" and done.stills[1].outline is None
    with pytest.raises(ArgumentError, match="give sweep a segmenter"):
        done.left


def test_each_count_is_shown_as_soon_as_it_is_measured(planted, found):
    shown = []
    job = Job(sweep.steps(planted.generator, found, "block", segmenter=planted.segmenter, seeds=SEEDS, counts=(0, 1, 2)),
              lambda step: shown.append(step.frame), driver="pull")
    steps = 0
    while len([frame for frame in shown if frame is not None]) < 2:
        job.take_step()
        steps += 1
    assert not job.ended and steps > 6, "a step is a batch, not a count"
    job.cancel()
    assert job.state == "cancelled"


@pytest.mark.parametrize("wrong, error, words", [
    ({"counts": (0, 12)}, UnitError, "from 0 to 11"), ({"counts": (2, 1)}, UnitError, "rising"),
    ({"counts": ()}, UnitError, "rising"), ({"counts": (1.5,)}, UnitError, "whole"),
    ({"units": [1], "counts": (2,)}, UnitError, "give more units"), ({"units": [12]}, UnitError, "layer2 has the units"),
    ({"mode": "erase"}, EditError, "ablate"), ({"layer": "layer9"}, LayerError, "layer9"),
    ({"seeds": []}, ArgumentError, "needs seeds"), ({"draws": -1}, ArgumentError, "draws from 0 up"),
])
def test_what_cannot_be_is_refused_before_anything_is_run(planted, found, wrong, error, words):
    with pytest.raises(error, match=words):
        swept(planted, found, **wrong)


def test_concepts_that_are_not_there(planted, found, toy, colours):
    with pytest.raises(ConceptError, match="tree"):
        swept(planted, found, "tree")
    d = dissect(toy, colours, layer="second", seeds=range(6), grid=8, progress=False)
    with pytest.raises(ConceptError, match="shows invisible"):
        sweep(toy, d, "invisible", units=[0, 1], counts=(1,), segmenter=colours, layer="second", progress=False)
