"""Objects pasted onto a context: whole, on it, reproducible; the recall counts what a segmenter calls by its name."""

import numpy as np
import pytest
import torch

from ganwidgets.core.concepts import Segmenter
from ganwidgets.core.errors import ArgumentError, ConceptError, SeedError
from ganwidgets.world.pasted import Recall, one_thing, pasted, pasted_recall
from ganwidgets.world.scenes import CONCEPTS


def test_an_object_lies_on_the_context_and_comes_again_by_its_seed():
    first, again, other = pasted("door", "sky", 3), pasted("door", "sky", 3), pasted("door", "sky", 4)
    assert (first.picture == again.picture).all() and (first.mask == again.mask).all()
    assert (first.picture != other.picture).any()
    assert first.picture.shape == (64, 64, 3) and first.picture.dtype == np.uint8 and first.mask.sum() >= 12
    sizes = [pasted("door", "sky", seed).mask.sum() for seed in range(8)]
    assert min(sizes) >= 40, "doors are whole, whatever stood before them"
    heights = [np.flatnonzero(pasted("door", "sky", seed).mask.any(1)).mean() for seed in range(8)]
    assert np.mean(heights) < 32, "the sky is above"


def test_one_thing_is_one_whole_part():
    mask = np.zeros((16, 16), bool)
    mask[2:6, 2:6] = mask[9:14, 9:14] = True
    parts = {one_thing(np.random.RandomState(seed), mask).sum() for seed in range(12)}
    assert parts == {16, 25}
    mask[:] = False
    mask[0:6, 2:6] = True
    assert one_thing(np.random.RandomState(0), mask) is None, "cut off by the edge"


class Everywhere(Segmenter):
    """Calls the upper half of each picture by every name."""

    concepts = CONCEPTS

    def segment(self, images):
        upper = (torch.arange(images.shape[2]) < 32)[:, None].expand(images.shape[2:])
        return upper.expand(len(images), len(CONCEPTS), -1, -1)


def test_the_recall_counts_what_is_called_by_its_name():
    found = pasted_recall(Everywhere(), ["door"], ["sky", "grass", "door"], range(20))
    assert set(found) == {("door", "sky"), ("door", "grass")}
    assert found["door", "sky"].pasted == 20
    upper = sum(pasted("door", "sky", seed).mask[:32].sum() * 2 >= pasted("door", "sky", seed).mask.sum() for seed in range(20))
    assert found["door", "sky"].read == upper > found["door", "grass"].read
    assert np.isnan(Recall(1, 2).share) and Recall(15, 20).share == 0.75


def test_an_object_is_read_by_as_much_as_was_asked_for():
    sizes = [int(pasted("door", "sky", seed).mask[:32].sum()) for seed in range(20)]
    for least in (1, 60, 100, 400):
        found = pasted_recall(Everywhere(), ["door"], ["sky"], range(20), part=least / 64 ** 2)
        assert found["door", "sky"].read == sum(size >= least for size in sizes)
    for wrong in (0, 1, -.1):
        with pytest.raises(ArgumentError, match="share of the picture"):
            pasted_recall(Everywhere(), ["door"], ["sky"], range(2), part=wrong)


def test_what_has_no_room_is_none_and_bad_arguments_are_said():
    assert pasted("church", "door", 0) is None
    with pytest.raises(ConceptError, match="dragon"):
        pasted("dragon", "sky", 0)
    with pytest.raises(SeedError):
        pasted("door", "sky", -1)
    with pytest.raises(ArgumentError, match="lists"):
        pasted_recall(Everywhere(), "door", ["sky"], range(2))
