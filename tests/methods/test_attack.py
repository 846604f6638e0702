"""The attack on a linear classifier, whose smallest change is known, and on the bundled one beside noise of the same length."""

import numpy as np
import pytest
import torch
from torch import nn

import ganwidgets as gw
from ganwidgets.core.errors import ArgumentError, ShapeError

SIDE = 4
FEW = {"steps": 80, "searches": 4, "rate": 0.02, "progress": False}


@pytest.fixture(scope="module")
def linear():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Identity(), nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 3))
    return gw.wrap_classifier(net, ["0"], image_size=SIDE, classes=("a", "b", "c"))


@pytest.fixture(scope="module")
def grey():
    return torch.from_numpy(np.random.RandomState(0).uniform(-0.2, 0.2, (6, 3, SIDE, SIDE)).astype(np.float32))


def smallest(linear, images, target):
    """The length of the way to the nearest point that is taken for the target, by projection: for two classes exact, for three a
    bound from below."""
    weights, logits = linear.net[2].weight, linear.logits(images)
    lengths = [(logits[:, other] - logits[:, target]) / (weights[other] - weights[target]).norm()
               for other in range(3) if other != target]
    return torch.stack(lengths).amax(0).clamp(min=0) / 2


def test_it_finds_the_smallest_change(linear, grey):
    found = gw.attack(linear, grey, "b", **FEW)
    assert found.success.all() and found.rate == 1 and (linear.logits(found.images).argmax(1) == 1).all()
    bound = smallest(linear, grey, 1)
    assert (found.norm >= bound * 0.999).all() and (found.norm <= bound * 1.1 + 0.01).all()
    own = ((found.images - grey) / 2).flatten(1).norm(dim=1)
    assert torch.allclose(own, found.norm, atol=1e-6) and found.images.abs().max() <= 1


def test_pictures_that_are_taken_for_the_target_already_stay(linear, grey):
    seen = linear.logits(grey).argmax(1)
    found = gw.attack(linear, grey, seen, steps=5, searches=1, progress=False)
    assert torch.equal(found.images, grey) and not found.norm.any() and found.success.all()


def test_a_margin_costs_more(linear, grey):
    near, far = (gw.attack(linear, grey, 0, confidence=margin, **FEW) for margin in (0.0, 0.5))
    logits = linear.logits(far.images)
    assert near.success.all() and far.success.all() and (far.norm > near.norm).all()
    assert (logits[:, 0] - logits[:, 1:].amax(1) >= 0.499).all()
    seen = linear.logits(grey).argmax(1)        # taken for it, but by less than is asked for
    assert (gw.attack(linear, grey, seen, confidence=5, steps=1, searches=1, progress=False).norm == 0).all()
    assert (gw.attack(linear, grey, seen, confidence=0.5, **FEW).norm > 0).any()


def test_without_steps_enough_it_says_so(linear, grey):
    found = gw.attack(linear, grey, [(int(each) + 1) % 3 for each in linear.logits(grey).argmax(1)], steps=1, searches=1, rate=1e-6,
                      progress=False)
    assert not found.success.any() and torch.equal(found.images, grey) and not found.norm.any() and "0 of 6" in repr(found)


def test_batches_are_for_memory_alone(linear, grey):
    one, parts = (gw.attack(linear, grey, 0, steps=40, batch=size, progress=False) for size in (6, 4))
    assert torch.allclose(one.images, parts.images, atol=1e-4) and torch.equal(one.success, parts.success)


def test_noise_has_the_length_that_is_asked_for(grey):
    norm = torch.tensor([0.0, 0.1, 0.5, 1, 2, 1.5])
    noisy = gw.noise_of_length(grey, norm)
    assert torch.allclose(((noisy - grey) / 2).flatten(1).norm(dim=1), norm, atol=0.02) and noisy.abs().max() <= 1
    assert torch.equal(noisy, gw.noise_of_length(grey, norm)) and not torch.equal(noisy, gw.noise_of_length(grey, norm, seed=1))


def test_peaks(linear, grey):
    brighter = grey.clone()
    brighter[:, 1, 2, 3] = 0.9
    change = gw.peak_changes(linear, grey, brighter, layer="0")
    assert change.shape == (6, 3) and (change[:, [0, 2]] == 0).all()
    assert np.allclose(change[:, 1], 0.9 - grey[:, 1].amax((1, 2)).numpy())
    assert np.allclose(gw.peak_changes(linear, grey, brighter, layer="0", levels=[1.0, 2.0, 1.0]), change * [1, 0.5, 1])
    with pytest.raises(ShapeError):
        gw.peak_changes(linear, grey, brighter[:3], layer="0")


def test_the_bundled_classifier_is_fooled_by_less_than_noise_takes():
    classifier = gw.load_classifier("storybook", device="cpu")
    images = torch.from_numpy(gw.pictures(range(90_000, 90_008))).permute(0, 3, 1, 2).float() / 127.5 - 1
    target = [(int(each) + 1) % len(classifier.classes) for each in classifier.logits(images).argmax(1)]
    found = gw.attack(classifier, images, target, steps=40, searches=2, rate=0.03, progress=False)
    assert found.rate > 0.9
    noisy = classifier.logits(gw.noise_of_length(images, found.norm)).argmax(1)
    assert (noisy == torch.tensor(target)).float().mean() < 0.3


@pytest.mark.parametrize(("images", "target", "error", "words"), [
    (torch.zeros(0, 3, 4, 4), 0, ShapeError, "tensor"),
    (torch.full((1, 3, 4, 4), 255.0), 0, ArgumentError, "127.5"), (torch.zeros(2, 3, 4, 4), "d", ArgumentError, "'d'"),
    (torch.zeros(2, 3, 4, 4), [0], ShapeError, "1 targets for 2"), (torch.zeros(2, 3, 4, 4), 3, ArgumentError, "0 to 2"),
    (torch.zeros(1, 3, 4, 4), 1.5, ArgumentError, "labels"),
])
def test_bad_input_is_named(linear, images, target, error, words):
    with pytest.raises(error, match=words):
        gw.attack(linear, images, target, progress=False)
