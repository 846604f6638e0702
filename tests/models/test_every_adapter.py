"""The same lines on every kind of generator: batches, dissection, edits kept in files, causes, walks, PaintBox, UnitBrowser."""

import numpy as np
import pytest
import torch

import ganwidgets as gw
from ganwidgets.testing import check_edit

from .tiny_nets import NETS


class Brightness(gw.Segmenter):
    """What is brighter than its picture is on the whole, and what is redder than it is blue."""

    concepts = (gw.Concept("bright"), gw.Concept("red", "color"))

    def segment(self, images):
        light = images.mean(1)
        return torch.stack([light > light.mean((1, 2), keepdim=True), images[:, 0] > images[:, 2]], dim=1)


@pytest.fixture(scope="module", params=NETS)
def g(request):
    return NETS[request.param]()


@pytest.fixture(scope="module")
def layer(g):
    return g.layers[len(g.layers) // 2]


@pytest.fixture(scope="module")
def dissection(g, layer):
    return gw.dissect(g, Brightness(), layers=[g.layers[0], layer], seeds=range(16), progress=False)


def test_pictures_are_the_same_in_any_batch(g, same_in_any_batch):
    same_in_any_batch(g)


def test_no_seed_makes_no_picture(g, layer):
    none = g.sample([0])[[]]
    assert g.images(none).shape == g.tail(g.head(none, layer)).shape == (0, 3, g.image_size, g.image_size)


def test_units_are_told_apart(g, layer, dissection):
    d = dissection.at(layer)
    assert sorted(d.table.unit) == list(range(layer.channels)) and set(d.table.concept) <= {"", "bright", "red"}
    assert d.table.iou.max() > 0 and d.digest == g.digest and d.calibration == 16
    edit = d.edit("bright", "insert", n=2)
    assert not torch.equal(edit.apply(g).images(g.sample([3])), g.images(g.sample([3])))


def test_edits_are_kept_in_a_file(g, layer, dissection, tmp_path):
    stack = gw.EditStack().push(gw.UnitEdit(layer, [0, 2], 1.5, region=gw.Region.box(0, 0, 0.6, 1), seeds=[3]))
    stack = stack.push(dissection.at(layer).edit("bright", "ablate", n=3))
    for edit in (gw.LatentEdit(g.sample([5]), seeds=(8,)),
                 gw.LatentEdit(g.sample([6]), seeds=(0,), region=gw.Region.box(0, 0, 0.5, 1))):
        check_edit(edit, g, seeds=(0, 3, 8))
        stack = stack.push(edit)
    stack.save(tmp_path / "edits.json")
    latents, again = g.sample([0, 3, 8]), gw.EditStack.load(tmp_path / "edits.json")
    pictures = stack.apply(g).images(latents)
    assert again == stack and torch.equal(again.apply(g).images(latents), pictures)
    assert torch.equal(again.undo().undo().undo().undo().apply(g).images(latents), g.images(latents))
    assert not torch.equal(pictures, g.images(latents))


def test_units_that_cause_a_concept_are_ranked(g, layer):
    found = gw.causes(g, Brightness(), layer=layer, seeds=range(4), concepts=["bright"], grown=1, progress=False)
    for mode in ("insert", "ablate"):
        assert sorted(found.rankings[mode]["bright"]) == list(range(layer.channels))


def test_a_walk_goes_from_picture_to_picture(g):
    walk = gw.walk(g, [3, 8], steps=2, loop=False)
    whole = g.images(g.sample([3, 8]))
    assert torch.allclose(walk[0], whole[0], atol=1e-4) and torch.allclose(walk[2], whole[1], atol=1e-4)
    assert not torch.allclose(walk[1], whole[0], atol=1e-3) and walk[1].isfinite().all()


def test_a_stroke_is_painted_and_taken_back(g, layer, dissection):
    with gw.PaintBox(g, dissection, layer=layer, segmenter=Brightness(), seed=3, driver="inline") as lab:
        first = np.asarray(lab.image)
        lab.paint(gw.Region.box(0, 0, 0.6, 0.6), lab.concepts[0]["name"])
        painted = np.asarray(lab.image)
        assert not np.array_equal(painted, first) and len(lab.edits) == 1
        lab.undo()
        assert np.array_equal(np.asarray(lab.image), first)
        lab.redo()
        assert np.array_equal(np.asarray(lab.image), painted)
        lab.drop(lab.concepts[0]["name"], (0.4, 0.4, 0.9, 0.9))
        lab.reset()
        assert np.array_equal(np.asarray(lab.image), first) and lab.heatmap(lab.concepts[0]["name"]).shape == (layer.height,) * 2


def test_units_are_looked_through_and_switched_off(g, layer, dissection):
    with gw.UnitBrowser(g, dissection, layer=layer, seed=3, driver="inline") as lab:
        first, units = np.asarray(lab.image), list(range(layer.channels))
        lab.tick(units)
        assert lab.ticked == units and not np.array_equal(np.asarray(lab.image), first)
        lab.tick(units, on=False)
        assert np.array_equal(np.asarray(lab.image), first)
        lab.list_layer(g.layers[0])
        assert lab.layer == g.layers[0].name and lab.heatmap(units[0]).shape == (g.layers[0].height,) * 2
