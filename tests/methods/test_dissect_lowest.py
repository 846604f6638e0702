"""The lowest pictures of each unit are those of a brute-force search, and show what is missing where it is silent."""

import numpy as np
import pytest
import torch

from ganwidgets.core.errors import ArgumentError, LayerError, UnitError
from ganwidgets.methods.dissect import dissect
from ganwidgets.methods.dissect_lowest import lowest_examples

SEEDS = [*range(5, 40)]


@pytest.fixture(scope="module")
def dissection(planted):
    return dissect(planted.generator, planted.segmenter, layer=planted.layer, seeds=SEEDS, progress=False)


@pytest.mark.parametrize("batch_of", [SEEDS, SEEDS[:9]])
def test_the_lowest_pictures_are_those_of_a_search(planted, dissection, batch_of):
    peaks = planted.generator.head(planted.generator.sample(batch_of), "layer2").features.amax((2, 3)).numpy()
    wanted = np.array(batch_of)[np.argsort(peaks, axis=0, kind="stable")[:4].T]
    found = lowest_examples(planted.generator, dissection, k=4, seeds=batch_of, progress=False)
    assert np.array_equal(found.numbers, wanted)
    g, unit = planted.generator, planted.units["dot"]
    run = g.head(g.sample(found.numbers[unit].tolist()), "layer2")
    large = torch.nn.functional.interpolate(run.features[:, [unit]], size=(128, 128), mode="bilinear", align_corners=False)
    assert np.array_equal(found.lit[unit], large[:, 0].numpy() > np.float32(dissection.thresholds["layer2"][unit]))
    assert np.array_equal(found.pictures[unit], ((g.tail(run).clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy())


def test_what_is_left_out_is_the_first_pictures_and_no_more_than_were_dissected(planted, dissection):
    found = lowest_examples(planted.generator, dissection, [3], k=2, progress=False)
    same = lowest_examples(planted.generator, dissection, [3], k=2, seeds=range(len(SEEDS)), progress=False)
    assert np.array_equal(found.numbers, same.numbers)


def test_of_equally_low_pictures_the_first_come_first(toy_classifier, colours):
    images = torch.zeros(12, 3, 16, 16)
    d = dissect(toy_classifier, colours, layer="seen", images=images, progress=False)
    found = lowest_examples(toy_classifier, d, k=3, images=images, progress=False)
    assert (found.numbers == [0, 1, 2]).all()


@pytest.mark.parametrize("more, error", [
    ({"k": 9}, ArgumentError), ({"layer": "attic"}, LayerError), ({"units": [99]}, UnitError), ({"seeds": []}, ArgumentError),
])
def test_what_cannot_be_is_refused(planted, dissection, more, error):
    with pytest.raises(error):
        lowest_examples(planted.generator, dissection, progress=False, **more)
