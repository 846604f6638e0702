"""The highest pictures of each unit are those of a brute-force search, lit where the unit is, also after a file."""

import numpy as np
import pytest
import torch

from ganwidgets.core.errors import ArgumentError, LayerError, ShapeError, StatisticsError, UnitError
from ganwidgets.core.examples import Examples
from ganwidgets.core.nets import Layer
from ganwidgets.methods.dissect import dissect, open_dissection
from ganwidgets.methods.dissect_examples import examples

SEEDS = [*range(5, 40)]


@pytest.fixture(scope="module")
def dissection(planted):
    return dissect(planted.generator, planted.segmenter, layer=planted.layer, seeds=SEEDS, progress=False)


def peaks(planted):
    features = planted.generator.head(planted.generator.sample(SEEDS), "layer2").features
    return features, features.amax((2, 3)).numpy()


def test_the_highest_pictures_are_those_of_a_search(planted, dissection, tmp_path):
    _, high = peaks(planted)
    wanted = np.array(SEEDS)[np.argsort(-high, axis=0, kind="stable")[:8].T]
    assert np.array_equal(dissection.tops["layer2"], wanted)
    dissection.save(tmp_path / "a.gwd")
    assert np.array_equal(open_dissection(tmp_path / "a.gwd").tops["layer2"], wanted)
    few = dissect(planted.generator, planted.segmenter, layer=planted.layer, seeds=[3, 4], progress=False)
    assert set(few.tops["layer2"][:, 2:].ravel()) == {-1} and set(few.tops["layer2"][:, :2].ravel()) == {3, 4}


def test_a_planted_unit_is_lit_within_its_concept(planted, dissection):
    g = planted.generator
    found = examples(g, dissection, [planted.units["block"], 0], k=3, progress=False)
    assert np.array_equal(found.numbers, dissection.tops["layer2"][[planted.units["block"], 0], :3])
    for slot, number in enumerate(found.numbers[0]):
        picture = g.images(g.sample([int(number)]))
        block = planted.segmenter.segment(picture)[0, planted.segmenter.index("block")].numpy()
        grown = torch.nn.functional.max_pool2d(torch.from_numpy(block).float()[None], 5, stride=1, padding=2)[0].numpy() > 0
        assert found.lit[0, slot].any() and not (found.lit[0, slot] & ~grown).any()
        row = found.row(planted.units["block"])[slot]
        shown = ((picture[0].clamp(-1, 1) + 1) * 127.5).round().permute(1, 2, 0).numpy()
        light = np.where(found.lit[0, slot], 1, .3)[..., None]
        assert np.abs(np.asarray(row) - shown * light).max() <= 1
    assert found.sheet().width > found.sheet().height


def test_where_there_are_fewer_pictures_the_row_is_shorter(planted):
    few = dissect(planted.generator, planted.segmenter, layer=planted.layer, seeds=[3, 4], progress=False)
    found = examples(planted.generator, few, [1], progress=False)
    assert len(found.row(1)) == 2 and not found.pictures[0, 2:].any() and found.sheet()


def test_a_classifier_is_shown_the_images_again(toy_classifier, colours):
    images = torch.rand(12, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    d = dissect(toy_classifier, colours, layer="seen", images=images, progress=False)
    found = examples(toy_classifier, d, [2], images=images, progress=False)
    high = toy_classifier.head(images, "seen").features.amax((2, 3))[:, 2]
    assert found.numbers[0, 0] == int(high.argmax())
    assert np.array_equal(found.pictures[0, 0], ((images[int(high.argmax())] + 1) * 127.5).round().permute(1, 2, 0).numpy())
    with pytest.raises(ArgumentError, match="give the images"):
        examples(toy_classifier, d, progress=False)
    with pytest.raises(ShapeError, match="12 pictures were dissected"):
        examples(toy_classifier, d, images=images[:5], progress=False)


def test_bad_arguments_are_said(planted, dissection, toy):
    g = planted.generator
    for call, error, words in (
        (lambda: examples(g, dissection, [12], progress=False), UnitError, "0 to 11"),
        (lambda: examples(g, dissection, [], progress=False), UnitError, "empty"),
        (lambda: examples(g, dissection, k=9, progress=False), ArgumentError, "keeps 8 pictures"),
        (lambda: examples(g, dissection, layer="layer3", progress=False), LayerError, "layer3"),
        (lambda: examples(g, dissection, images=torch.zeros(1, 3, 8, 8), progress=False), ArgumentError, "no images"),
        (lambda: examples(toy, dissection, progress=False), ArgumentError, "other weights"),
        (lambda: examples(g, dissection, [1], progress=False).row(2), UnitError, "not among"),
    ):
        with pytest.raises(error, match=words):
            call()


def test_examples_are_kept_in_the_file(planted, dissection, tmp_path):
    found = examples(planted.generator, dissection, progress=False)
    dissection.with_examples(found).save(tmp_path / "a.gwd")
    again = open_dissection(tmp_path / "a.gwd")
    (held,) = again.examples
    assert held.layer == found.layer and held.units == found.units and np.array_equal(held.numbers, found.numbers)
    assert np.array_equal(held.lit, found.lit)
    assert np.abs(held.pictures.astype(int) - found.pictures).mean() < 3, "but for JPEG"
    assert again.at("layer2").examples == again.examples and not dissection.examples
    assert len(found.unique) == len(set(found.numbers[found.numbers >= 0].tolist()))
    whole = dissection.with_examples(found)
    assert whole.with_examples(held).examples == (held,), "of one layer there is one"


def test_examples_of_something_else_are_refused(planted, dissection):
    other = dissect(planted.generator, planted.segmenter, layer=planted.layer, seeds=[3, 4], progress=False)
    found = examples(planted.generator, other, k=2, progress=False)
    with pytest.raises(ArgumentError, match="not of this dissection"):
        dissection.with_examples(found)


@pytest.mark.parametrize("harm", ["units", "jpeg", "lit", "side", "ends"])
def test_a_damaged_file_of_examples_is_refused(planted, dissection, tmp_path, harm):
    found = examples(planted.generator, dissection, [1, 2], k=2, progress=False)
    state = found.to_arrays()
    state[harm] = {"units": np.array([1, 99]), "jpeg": state["jpeg"][::-1].copy(), "lit": state["lit"][1:],
                   "side": np.array([0]), "ends": state["ends"][:-1]}[harm]
    with pytest.raises(StatisticsError):
        Examples.from_arrays(found.layer, state)


def test_large_pictures_are_kept_small():
    rng = np.random.RandomState(0)
    pictures = np.repeat(np.repeat(rng.randint(0, 255, (1, 2, 64, 64, 3), np.uint8), 4, 2), 4, 3)
    lit = np.repeat(np.repeat(rng.rand(1, 2, 64, 64) > .5, 4, 2), 4, 3)
    found = Examples(Layer("layer2", 12, 8, 8), (4,), np.array([[7, -1]]), pictures, lit)
    held = Examples.from_arrays(found.layer, found.to_arrays())
    assert held.pictures.shape == (1, 2, 128, 128, 3) and held.lit.shape == (1, 2, 128, 128)
    assert np.array_equal(held.lit, lit[:, :, ::2, ::2]) and len(held.row(4)) == 1
