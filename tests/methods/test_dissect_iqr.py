"""The rule "iqr": planted units reach nearly all of their concepts, whatever these cover; its nulls, its files, its own sample."""

import numpy as np
import pytest
import torch

import ganwidgets as gw
from ganwidgets.core.concepts import KnownMasks
from ganwidgets.core.errors import ArgumentError, ShapeError, StatisticsError
from ganwidgets.methods.dissect import dissect

SEEDS = range(96)


@pytest.fixture(scope="module")
def found(planted):
    return dissect(planted.generator, planted.segmenter, layer=planted.layer, seeds=SEEDS, rule="iqr", progress=False)


@pytest.fixture(scope="module")
def toys(toy, colours):
    return dissect(toy, colours, layers=toy.layers, seeds=range(40), rule="iqr", calibration=15, progress=False)


def test_planted_units_reach_their_concepts_of_any_size(found, planted):
    table = found.table.set_index("unit")
    own = table.loc[list(planted.units.values())]
    assert own["concept"].tolist() == list(planted.units)
    assert (own["iou"] >= 0.95).all() and (own["iou_cap"] == 1).all() and (own["iqr"] > 0.8).all()
    assert table.drop(list(planted.units.values()))["iou"].max() < 0.05
    assert (own["threshold"] < 1.1).all()       # they are drawn from 1 up
    assert "iqr rule" in repr(found)


def test_masks_of_other_pictures_find_nothing(planted):
    g = planted.generator
    with torch.no_grad():
        masks = planted.segmenter.segment(g.images(g.sample(SEEDS)))
    shuffled = KnownMasks(planted.segmenter.concepts, masks.roll(1, 0))
    null = dissect(g, shuffled, layer=planted.layer, seeds=SEEDS, rule="iqr", progress=False)
    small = [index for index, concept in enumerate(null.concepts) if null.by_concept.set_index("concept").share[concept.name] < 0.2]
    assert null.scores.to_numpy()[:, small].max() < 0.1 and null.table["iqr"].max() < 0.1


def test_the_first_pictures_fit_and_are_not_counted(found, toys, toy, colours):
    assert found.calibration == 48 and found.pictures == 48 and toys.calibration == 15 and toys.pictures == 25
    assert set(np.concatenate([top.ravel() for top in toys.tops.values()])) <= {-1, *range(15, 40)}
    other = dissect(toy, colours, layers=toy.layers, seeds=[*range(15), *range(39, 14, -1)], rule="iqr", calibration=15, batch=3,
                    progress=False)
    assert np.allclose(other.scores, toys.scores, atol=2e-3)
    assert dissect(toy, colours, layer="second", seeds=range(6), rule="iqr", calibration="all", progress=False).calibration == 3


def test_known_masks_stand_in_the_order_of_all_pictures(toy, toys, colours):
    with torch.no_grad():
        masks = torch.cat([colours.segment(toy.images(toy.sample([seed]))) for seed in range(40)])
    known = dissect(toy, KnownMasks(colours.concepts, masks), layers=toy.layers, seeds=range(40), rule="iqr", calibration=15,
                    progress=False)
    assert np.allclose(known.scores, toys.scores, atol=2e-3)


def test_a_classifiers_pictures_in_batches(toy, toy_classifier, colours):
    images = toy.images(toy.sample(range(20)))
    layer = toy_classifier.layers[-1]
    whole = dissect(toy_classifier, colours, layer=layer, images=images, rule="iqr", calibration=8, progress=False)
    parts = dissect(toy_classifier, colours, layer=layer, images=list(images.split(3)), rule="iqr", calibration=8, progress=False)
    assert whole.pictures == parts.pictures == 12 and np.allclose(whole.scores, parts.scores, atol=2e-3)
    with pytest.raises(ArgumentError, match="a smaller calibration"):
        dissect(toy_classifier, colours, layer=layer, images=list(images.split(3)), rule="iqr", progress=False)
    with pytest.raises(ArgumentError, match="a number as calibration"):
        dissect(toy_classifier, colours, layer=layer, images=list(images.split(3)), rule="iqr", calibration="all", progress=False)
    with pytest.raises(ShapeError):
        few = KnownMasks(colours.concepts, colours.segment(images)[:9])
        dissect(toy_classifier, few, layer=layer, images=list(images.split(3)), rule="iqr", calibration=8, progress=False)


def test_it_is_saved_and_edits_follow_from_it(found, planted, tmp_path):
    found.save(tmp_path / "x.gwd")
    again = gw.open_dissection(tmp_path / "x.gwd")
    assert again.table.equals(found.table) and again.rule == "iqr" and again.by_concept.equals(found.by_concept)
    concept, unit = next(iter(planted.units.items()))
    assert again.units_for(concept, 1) == [unit]
    edit = again.edit(concept, "ablate", n=1)
    image = edit.apply(planted.generator).images(planted.generator.sample([0]))
    assert not planted.segmenter.segment(image)[:, planted.segmenter.index(concept)].any()


def test_a_file_of_one_rule_is_not_read_as_the_others(found, tmp_path):
    import zipfile

    found.save(tmp_path / "x.gwd")
    with zipfile.ZipFile(tmp_path / "x.gwd") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["dissection.json"] = members["dissection.json"].replace(b'"iqr"', b'"quantile"')
    with zipfile.ZipFile(tmp_path / "y.gwd", "w") as archive:
        for name, held in members.items():
            archive.writestr(name, held)
    with pytest.raises(StatisticsError):
        gw.open_dissection(tmp_path / "y.gwd")
