"""The bundled classifier obeys the laws, says what is wrong with a file or with pictures, and reads scenes as its card says."""

import json
import re

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import ganwidgets as gw
from ganwidgets.core.errors import ArgumentError, CheckpointError, ShapeError
from ganwidgets.core.images import look_distance, to_tensor
from ganwidgets.models.classifiers import FORMAT, ScenesNet, load_classifier_file, save_classifier_file, scenes_classifier
from ganwidgets.models.segmenter_nets import folded_state
from ganwidgets.testing import check_classifier
from ganwidgets.world.render import picture
from ganwidgets.world.scenes import PLACES, scene
from ganwidgets.world.train.classifier_card import evaluate
from ganwidgets.world.train.segmenter_card import RENDERS, WEIGHTS

WIDTHS = ((4, 6), (8, 8), (10,))
CARD = WEIGHTS / "storybook-classifier.md"


def small(norm=False):
    torch.manual_seed(0)
    return ScenesNet(WIDTHS, 3, norm=norm)


@pytest.fixture(scope="module")
def classifier():
    return gw.load_classifier("storybook", device="cpu")


@pytest.fixture(scope="module")
def renders():
    return torch.stack([to_tensor(picture(seed, 64)) for seed in RENDERS[:12]])


def test_a_small_one_obeys_the_laws():
    images = torch.rand(3, 3, 32, 32) * 2 - 1
    check_classifier(scenes_classifier(small(), "small", ("a", "b", "c"), 32), images)


def test_the_bundled_one_obeys_the_laws(classifier, renders):
    check_classifier(classifier, renders[:3])
    assert classifier.classes == PLACES and [str(layer) for layer in classifier.layers][::7] == ["conv1_1", "conv4_2"]
    assert gw.load("storybook", device="cpu").companions["classifier"]().digest == classifier.digest


def test_a_law_that_is_broken_is_named():
    class Other(ScenesNet):
        def scores(self, x):
            return super().scores(x) + torch.rand(1)

    broken = Other(WIDTHS, 3, norm=False)
    with pytest.raises(AssertionError, match="broken law"):
        check_classifier(scenes_classifier(broken, "broken", ("a", "b", "c"), 32), torch.rand(2, 3, 32, 32))


def test_a_file_comes_back_as_it_was_and_norm_is_folded_in(tmp_path):
    trained = small(norm=True).eval()
    for module in trained.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-1, 1), module.running_var.uniform_(0.5, 2)
    net = small()
    net.load_state_dict(folded_state(trained))
    save_classifier_file(tmp_path / "c.safetensors", net, name="small", classes=("a", "b", "c"), size=32, about={"seed": 5})
    again = load_classifier_file(tmp_path / "c.safetensors")
    images = torch.rand(2, 3, 32, 32)
    assert again.name == "small" and again.classes == ("a", "b", "c") and again.about == {"seed": 5} and again.image_size == 32
    assert torch.allclose(again.logits(images), trained(images), atol=2e-2)


@pytest.mark.parametrize(("meta", "tensors", "words"), [
    ({"format": "something else"}, {}, "no classifier"),
    ({"widths": "[[4, 6]]"}, {}, "damaged"),
    ({"classes": "not json"}, {}, "damaged"),
    ({}, {"read.bias": torch.full((3,), float("nan"))}, "read.bias"),
    ({}, {"read.bias": torch.zeros(7)}, "damaged"),
])
def test_a_file_with_something_wrong_is_refused_in_words(tmp_path, meta, tensors, words):
    facts = {"format": FORMAT, "name": "small", "classes": '["a", "b", "c"]', "widths": json.dumps(WIDTHS), "size": "32"}
    state = {key: value.half().contiguous() for key, value in {**small().state_dict(), **tensors}.items()}
    save_file(state, tmp_path / "c.safetensors", metadata={**facts, **meta})
    with pytest.raises(CheckpointError, match=words):
        load_classifier_file(tmp_path / "c.safetensors")
    (tmp_path / "d.safetensors").write_bytes(b"no such thing")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_classifier_file(tmp_path / "d.safetensors")


@pytest.mark.parametrize(("images", "error"), [
    (torch.zeros(2, 3, 64), ShapeError), (torch.zeros(2, 1, 64, 64), ShapeError), (torch.zeros(2, 3, 64, 64).byte(), ArgumentError),
    (np.zeros((2, 3, 64, 64)), ArgumentError), ("a picture", ArgumentError),
])
def test_what_is_no_picture_is_refused_in_words(classifier, images, error):
    with pytest.raises(error, match="reads pictures"):
        classifier.head(images, "conv1_1")


def test_pictures_of_another_size_are_read_too(classifier, renders):
    large = torch.nn.functional.interpolate(renders, scale_factor=2, mode="bilinear")
    same = (classifier.logits(large).argmax(1) == classifier.logits(renders).argmax(1)).float().mean()
    assert same >= 0.8


def test_it_reads_held_out_scenes_as_its_card_says(classifier):
    stated = float(re.search(r"Top-1 on .*?: \*\*([\d.]+)\*\*", CARD.read_text()).group(1))
    assert f"`{classifier.digest[:16]}`" in CARD.read_text()
    found = evaluate(classifier, RENDERS[:200])
    assert abs(found.top1 - stated) <= 3 * np.sqrt(stated * (1 - stated) / 200) + 1e-3
    assert set(found.by["hour"]) >= {"day", "night"} and found.confusion.sum() == 200
    truth = [scene(seed).place for seed in RENDERS[:200]]
    assert found.confusion.sum(1).tolist() == [truth.count(name) for name in classifier.classes]


def test_it_tells_how_differently_pictures_look(classifier, renders):
    worn = (renders + 0.05 * torch.randn(renders.shape, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)
    assert look_distance(renders, worn, classifier).max() < look_distance(renders, renders.roll(1, 0), classifier).min()
    assert look_distance(renders, renders, classifier).abs().max() < 1e-6
