"""Planted duplicates are found, and only they; what agrees by position alone shows it."""

import numpy as np
import pytest
import torch

from ganwidgets.core.errors import ArgumentError, LayerError
from ganwidgets.methods.dissect_alike import alike

SEEDS = range(12)


@pytest.fixture(scope="module")
def found(copied):
    return alike(copied, layer="layer2", seeds=SEEDS, progress=False)


def test_planted_duplicates_and_no_others(found):
    assert found.groups() == ((5, 9),) and found.duplicates() == 1
    assert found.correlation[7, 1] == pytest.approx(-1) and not found.correlation[0].any()
    first = found.table.iloc[0]
    assert {first.unit, first.nearest} == {5, 9} and first.correlation == pytest.approx(1) and abs(first.correlation_other) < .2


def test_without_the_copies_there_are_none(planted):
    assert alike(planted.generator, layer=planted.layer, seeds=SEEDS, progress=False).groups(.5) == ()


def test_a_unit_that_follows_two_goes_with_the_nearer(found):
    agree = np.eye(12)
    for a, b, value in ((2, 0, .96), (2, 1, .98), (3, 2, .99)):
        agree[a, b] = agree[b, a] = value

    class Fake:
        correlation = agree
    made = type(found).groups(Fake(), .95)
    assert made == ((1, 2),), "unit 3 agrees with 2 alone, which is not the first of a group"


def test_batches_do_not_matter_and_a_classifier_looks_at_images(copied, toy_classifier, found):
    assert alike(copied, layer="layer2", seeds=SEEDS, batch=5, progress=False).counts == found.counts
    images = torch.rand(9, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    seen = alike(toy_classifier, layer="seen", images=images, progress=False)
    rows = toy_classifier.head(images, "seen").features.transpose(0, 1).flatten(1).numpy()
    np.testing.assert_allclose(seen.correlation, np.corrcoef(rows), atol=.005)


def test_the_first_pictures_tell_the_range_and_the_rest_still_counts_in_full(planted):
    one, other = (alike(planted.generator, layer="layer2", seeds=seeds, progress=False) for seeds in (range(40), range(39, -1, -1)))
    np.testing.assert_allclose(one.correlation, other.correlation, atol=2e-3)
    assert not np.array_equal(one.counts.scales, other.counts.scales)


def test_bad_arguments_are_said(copied, toy_classifier, found):
    for call, error, words in (
        (lambda: alike(copied, layer="layer9", progress=False), LayerError, "layer9"),
        (lambda: alike(copied, layer="layer2", images=torch.zeros(1, 3, 8, 8), progress=False), ArgumentError, "give seeds"),
        (lambda: alike(copied, layer="layer2", seeds=[], progress=False), ArgumentError, "no picture"),
        (lambda: alike(copied, layer="layer2", batch=0, progress=False), ArgumentError, "batch must be"),
        (lambda: alike(toy_classifier, layer="seen", seeds=[1], progress=False), ArgumentError, "give images"),
        (lambda: alike(toy_classifier, layer="seen", images=torch.zeros(2, 8, 8), progress=False), ArgumentError, "n, 3"),
        (lambda: found.groups(0), ArgumentError, "above 0"),
    ):
        with pytest.raises(error, match=words):
            call()


def test_no_unit_is_its_own_neighbour(found):
    assert (found.table.unit != found.table.nearest).all() and sorted(found.table.unit) == list(range(12))
