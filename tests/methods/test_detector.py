"""A unit as a detector: the best threshold by trying all, and a planted unit that knows its concept."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

import ganwidgets as gw
from ganwidgets.core.errors import LayerError, ShapeError, StatisticsError
from ganwidgets.methods.detector import checked


@settings(max_examples=60, deadline=None)
@given(some.lists(some.tuples(some.integers(-4, 4), some.booleans()), min_size=2, max_size=25))
def test_no_threshold_is_better(pairs):
    peaks, there = np.array([float(level) for level, _ in pairs]), np.array([holds for _, holds in pairs])
    if there.all() or not there.any():
        with pytest.raises(StatisticsError, match="some without"):
            gw.detector(peaks, there)
        return
    found = gw.detector(peaks, there)

    def balanced(limit):
        return ((peaks[there] > limit).mean() + (peaks[~there] <= limit).mean()) / 2

    assert found.balanced == pytest.approx(max(balanced(limit) for limit in (*np.arange(-5, 5, 0.5),)))
    assert found.on(peaks, there) == pytest.approx(found.balanced) == pytest.approx(balanced(found.threshold))


def test_what_it_says():
    found = gw.detector(np.array([0.0, 1, 3, 4]), np.array([False, False, True, True]))
    assert (found.threshold, found.balanced) == (2.0, 1.0)
    assert found.says(np.array([1.9, 2.1])).tolist() == [False, True]
    assert found.on(np.array([1.0, 3, 3]), np.array([False, False, True])) == 0.75
    assert gw.detector(np.array([0.0, 1]), np.array([True, False])).balanced == 0.5      # a high peak is never a no


def test_a_unit_that_sees_red_detects_red_patches_and_one_that_sees_green_does_not():
    random, images = np.random.RandomState(0), torch.full((200, 3, 8, 8), -1.0)
    red, green = random.rand(200) < 0.5, random.rand(200) < 0.5
    for color, shown in ((0, red), (1, green)):
        for picture in np.flatnonzero(shown):
            x, y = random.randint(0, 7, 2)
            images[picture, color, y:y + 2, x:x + 2] = 1
    classifier = gw.wrap_classifier(torch.nn.Sequential(torch.nn.Identity(), torch.nn.Flatten()), ["0"], image_size=8,
                                    classes=tuple(map(str, range(192))))
    high = gw.peaks(classifier, images, layer="0", progress=False)
    for unit, least, most in ((0, 1.0, 1.0), (1, 0.35, 0.65), (2, 0.5, 0.5)):
        fixed = gw.detector(high[:100, unit], red[:100])
        assert least <= fixed.on(high[100:, unit], red[100:]) <= most


def test_batches_do_not_matter_and_a_classifier_reads_pictures(toy, toy_classifier):
    one, other = (gw.peaks(toy, range(7), layer="first", batch=size, progress=False) for size in (7, 2))
    assert np.allclose(one, other, atol=1e-5) and np.allclose(one, toy.head(toy.sample(range(7)), "first").features.amax((2, 3)))
    images = toy.images(toy.sample(range(3)))
    layer = toy_classifier.layers[0]
    assert gw.peaks(toy_classifier, images, layer=layer, progress=False).shape == (3, layer.channels)
    assert gw.peaks(toy, [], layer="first", progress=False).shape == (0, 6)
    with pytest.raises(LayerError):
        gw.peaks(toy, [1], layer="third", progress=False)


@pytest.mark.parametrize(("peaks", "there", "error"), [
    ([[1.0]], [True], ShapeError), ([1.0, 2], [True], ShapeError), ([1.0, float("nan")], [True, False], StatisticsError)])
def test_bad_input_is_named(peaks, there, error):
    with pytest.raises(error):
        checked(peaks, there)
