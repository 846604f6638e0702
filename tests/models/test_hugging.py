"""Nets of transformers, tiny and random: prepared as their processors prepare, differentiable, and read as the library reads."""

import json

import pytest
import torch
from PIL import Image

import ganwidgets as gw
from ganwidgets.core.errors import ArgumentError, CheckpointError
from ganwidgets.core.images import to_tensor
from ganwidgets.models.hugging import Preparation, preparation
from ganwidgets.testing import check_classifier
from ganwidgets.world.render import pictures

library = pytest.importorskip("transformers")
PICTURES = pictures([5_000, 5_001], 40)
IMAGES = torch.stack([to_tensor(picture) for picture in PICTURES])
NAMES = {0: "wall", 1: "sky", 2: "tree"}


def processor(kind, **how):
    return getattr(library, f"{kind}ImageProcessorPil")(**how)


@pytest.mark.parametrize("how", [
    {"size": {"height": 64, "width": 64}}, {"size": {"height": 24, "width": 24}, "resample": 3},
    {"size": {"shortest_edge": 32}, "resample": 3, "do_center_crop": True, "crop_size": {"height": 28, "width": 28}},
    {"do_resize": False}, {"size": {"height": 24, "width": 24}, "do_normalize": False},
])
@pytest.mark.parametrize("side", [40, 52])
def test_it_prepares_as_the_processor_does(how, side):
    wide = [Image.fromarray(picture).resize((side, 40)) for picture in PICTURES]
    given = processor("CLIP", **({"do_center_crop": False} | how))
    wanted = given(wide, return_tensors="pt")["pixel_values"]
    prepared = preparation(given)(torch.stack([to_tensor(picture) for picture in wide]))
    assert prepared.shape == wanted.shape
    assert (prepared - wanted).abs().max() < 0.04, "bytes are rounded in between, tensors are not"


@pytest.mark.parametrize("side", [32, 384])
def test_a_part_may_be_cut_off(side):
    given = processor("ConvNext", size={"shortest_edge": side}, crop_pct=0.8)
    wanted = given([Image.fromarray(picture) for picture in PICTURES], return_tensors="pt")["pixel_values"]
    prepared = preparation(given)(IMAGES)
    assert prepared.shape == wanted.shape == (2, 3, side, side) and (prepared - wanted).abs().max() < 0.04


def test_gradients_pass_the_preparation():
    x = IMAGES.clone().mul_(0.9).requires_grad_()
    Preparation((24, 24), "bicubic", (20, 20), (0.5,) * 3, (0.2,) * 3)(x).square().sum().backward()
    assert x.grad.abs().max() > 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Tiny random nets, saved as the library saves them."""
    home, labels = tmp_path_factory.mktemp("hugging"), {"id2label": NAMES, "label2id": {v: k for k, v in NAMES.items()}}
    torch.manual_seed(0)
    seg = library.SegformerConfig(depths=[1] * 4, hidden_sizes=[8, 8, 16, 16], num_attention_heads=[1, 1, 2, 2],
                                  decoder_hidden_size=16, **labels)
    library.SegformerForSemanticSegmentation(seg).save_pretrained(home / "segformer")
    processor("Segformer", size={"height": 64, "width": 64}).save_pretrained(home / "segformer")
    swin = library.SwinConfig(embed_dim=8, depths=[1] * 4, num_heads=[1] * 4, window_size=2, image_size=64,
                              out_features=["stage1", "stage2", "stage3", "stage4"])
    mask = library.Mask2FormerConfig(backbone_config=swin, hidden_dim=32, feature_size=32, mask_feature_size=32, num_queries=5,
                                     encoder_layers=1, decoder_layers=2, num_attention_heads=2, dim_feedforward=16,
                                     encoder_feedforward_dim=16, **labels)
    library.Mask2FormerForUniversalSegmentation(mask).save_pretrained(home / "mask2former")
    processor("Mask2Former", size={"height": 64, "width": 64}).save_pretrained(home / "mask2former")
    res = library.ResNetConfig(embedding_size=8, hidden_sizes=[8, 12], depths=[1, 1], layer_type="basic", **labels)
    library.ResNetForImageClassification(res).save_pretrained(home / "resnet")
    processor("ConvNext", size={"shortest_edge": 32}, crop_pct=0.8).save_pretrained(home / "resnet")
    clip(home / "clip")
    return home


def clip(home):
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = library.CLIPConfig(text_config={**small, "vocab_size": 20, "max_position_embeddings": 12},
                                vision_config={**small, "image_size": 32, "patch_size": 8}, projection_dim=8)
    library.CLIPModel(config).save_pretrained(home)
    processor("CLIP", size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(home)
    words = ["a</w>", "red</w>", "house</w>", "tree</w>", "<|startoftext|>", "<|endoftext|>"]
    (home / "vocab.json").write_text(json.dumps({word: place for place, word in enumerate(words)}))
    (home / "merges.txt").write_text("#version: 0.2\n")
    library.CLIPTokenizer(str(home / "vocab.json"), str(home / "merges.txt")).save_pretrained(home)


@pytest.mark.parametrize("name", ["segformer", "mask2former"])
def test_a_segmenter_reads_as_the_library_does(folder, name):
    segmenter = gw.load_segmenter(str(folder / name), device="cpu")
    assert segmenter.names == tuple(NAMES.values())
    likely, masks = segmenter.probabilities(IMAGES), segmenter.segment(IMAGES)
    assert likely.shape == masks.shape == (2, 3, 40, 40) and torch.allclose(likely.sum(1), torch.ones(2, 40, 40), atol=1e-4)
    assert (masks.sum(1) == 1).all() and torch.equal(masks.long().argmax(1), likely.argmax(1))
    given = library.AutoImageProcessor.from_pretrained(folder / name)
    with torch.no_grad():
        answer = segmenter.net(pixel_values=given(list(PICTURES), return_tensors="pt")["pixel_values"])
    whole = torch.stack(given.post_process_semantic_segmentation(answer, target_sizes=[(40, 40)] * 2))
    assert (whole == masks.long().argmax(1)).float().mean() > 0.9, "but for rounding of bytes, and ties"
    x = IMAGES.clone().requires_grad_()
    segmenter.probabilities(x)[:, 1].sum().backward()
    assert x.grad.abs().max() > 0


def test_a_scorer_compares_as_the_library_does(folder):
    scorer = gw.load_scorer(str(folder / "clip"), device="cpu")
    words = scorer.read("a red house")
    scores = scorer.score(IMAGES, words)
    assert scores.shape == (2,) and torch.equal(scores, scorer.score(IMAGES, "a red house"))
    assert torch.allclose(scorer.score(IMAGES[:1], words), scores[:1], atol=1e-5)
    given = library.AutoImageProcessor.from_pretrained(folder / "clip")(list(PICTURES), return_tensors="pt")["pixel_values"]
    tokens = library.AutoTokenizer.from_pretrained(folder / "clip")(["a red house"], return_tensors="pt")
    with torch.no_grad():
        answer = scorer.net(pixel_values=given, **tokens)
    assert torch.allclose(scores, answer.logits_per_image[:, 0] / scorer.net.logit_scale.exp(), atol=5e-3)
    x = IMAGES.clone().requires_grad_()
    scorer.score(x, words).sum().backward()
    assert x.grad.abs().max() > 0
    with pytest.raises(ArgumentError, match="needs words"):
        scorer.read(" ")


def test_a_classifier_is_stopped_at_its_modules(folder):
    c = gw.load_classifier(str(folder / "resnet"), layers=["resnet.encoder.stages.0", "resnet.encoder.stages.1"], device="cpu")
    check_classifier(c, torch.rand(3, 3, 32, 32) * 2 - 1)
    assert c.classes == tuple(NAMES.values()) and [layer.channels for layer in c.layers] == [8, 12]


@pytest.mark.parametrize(("act", "error", "words"), [
    (lambda home: gw.load_segmenter(str(home / "nowhere" / "net"), device="cpu"), CheckpointError, "nowhere"),
    (lambda home: gw.load_scorer(str(home / "resnet"), device="cpu"), ArgumentError, "CLIP and SigLIP"),
    (lambda home: gw.load_segmenter(str(home / "resnet"), device="cpu"), CheckpointError, "could not be loaded"),
])
def test_what_does_not_fit_is_said(folder, act, error, words):
    with pytest.raises(error, match=words):
        act(folder)
