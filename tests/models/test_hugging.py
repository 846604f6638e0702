"""Nets of transformers, tiny and random: prepared as their processors prepare, differentiable, and read as the library reads."""

import json
import string

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

import ganwidgets as gw
from ganwidgets.core.errors import ArgumentError, CheckpointError
from ganwidgets.core.images import to_tensor
from ganwidgets.models.hugging import Preparation, preparation, task_tokens
from ganwidgets.testing import check_classifier
from ganwidgets.world.render import pictures

library = pytest.importorskip("transformers")
PICTURES = pictures([5_000, 5_001], 40)
IMAGES = torch.stack([to_tensor(picture) for picture in PICTURES])
NAMES = {0: "wall", 1: "sky", 2: "tree"}
SMALL = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
LENGTH = 24
TEXT = {"vocab_size": 54, "max_position_embeddings": LENGTH, "bos_token_id": 0, "eos_token_id": 1}
OWN = {"OneFormer": {"class_info_file": None, "num_text": 0}}


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


@pytest.mark.parametrize("kind", ["Mask2Former", "OneFormer"])
@pytest.mark.parametrize("side", [40, 52, 90, 33])
def test_the_longer_side_is_held_and_sides_are_made_even(kind, side):
    """As published processors of these two have it: a shorter and a longer edge, and Mask2Former's multiples."""
    given = processor(kind, size={"shortest_edge": 48, "longest_edge": 70}, **OWN.get(kind, {}))
    for shape in [(side, 40), (40, side)]:
        picture = Image.fromarray(PICTURES[0]).resize(shape)
        told = {"task_inputs": ["semantic"]} if kind == "OneFormer" else {}
        wanted = given([picture], return_tensors="pt", **told)["pixel_values"]
        prepared = preparation(given)(to_tensor(picture)[None])
        assert prepared.shape == wanted.shape and (prepared - wanted).abs().max() < 0.04


@pytest.mark.parametrize("how", [{"do_rescale": False}, {"rescale_factor": 1 / 128}, {"size": {"max_height": 9, "max_width": 9}},
                                 {"resample": 1}, {"pad_size": {"height": 99, "width": 99}}])
def test_a_processor_that_does_something_else_is_refused(how):
    with pytest.raises(ArgumentError, match="unknown here"):
        preparation(processor("Mask2Former", **how))


def test_gradients_pass_the_preparation():
    x = IMAGES.clone().mul_(0.9).requires_grad_()
    Preparation((24, 24), mode="bicubic", crop=(20, 20), mean=(0.5,) * 3, deviation=(0.2,) * 3)(x).square().sum().backward()
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
    one = library.OneFormerConfig(backbone_config=swin, num_queries=5, conv_dim=32, mask_dim=32, hidden_dim=32, encoder_layers=1,
                                  encoder_feedforward_dim=16, decoder_layers=2, num_attention_heads=2, dim_feedforward=16,
                                  task_seq_len=LENGTH, text_encoder_num_layers=1, text_encoder_vocab_size=54, **labels)
    library.OneFormerForUniversalSegmentation(one).save_pretrained(home / "oneformer")
    processor("OneFormer", size={"height": 64, "width": 64}, **OWN["OneFormer"]).save_pretrained(home / "oneformer")
    for name in ("oneformer", "clip", "siglip", "clipseg", "sam3"):
        tokenizer(home / name)
    clips(home)
    return home


def clips(home):
    """What compares pictures with text, or finds it in them."""
    text, vision = {**SMALL, **TEXT}, {**SMALL, "image_size": 32, "patch_size": 8}
    library.CLIPModel(library.CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)).save_pretrained(home / "clip")
    processor("CLIP", size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(home / "clip")
    library.SiglipModel(library.SiglipConfig(text_config={**text, "projection_size": 16},
                                             vision_config=vision)).save_pretrained(home / "siglip")
    processor("Siglip", size={"height": 32, "width": 32}).save_pretrained(home / "siglip")
    found = library.CLIPSegConfig(text_config=text, vision_config={**vision, "num_hidden_layers": 2},
                                  projection_dim=8, extract_layers=[0, 1], reduce_dim=16, decoder_num_attention_heads=2,
                                  decoder_intermediate_size=16)
    library.CLIPSegForImageSegmentation(found).save_pretrained(home / "clipseg")
    processor("ViT", size={"height": 32, "width": 32}).save_pretrained(home / "clipseg")


def tokenizer(home):
    """A tokenizer that spells, saved into a folder."""
    parts = ["<|startoftext|>", "<|endoftext|>", *(letter + end for letter in string.ascii_lowercase for end in ("", "</w>"))]
    home.mkdir(exist_ok=True)
    (home / "vocab.json").write_text(json.dumps({part: place for place, part in enumerate(parts)}))
    (home / "merges.txt").write_text("#version: 0.2\n")
    library.CLIPTokenizer(str(home / "vocab.json"), str(home / "merges.txt")).save_pretrained(home)


@pytest.mark.parametrize("name", ["segformer", "mask2former", "oneformer"])
def test_a_segmenter_reads_as_the_library_does(folder, name):
    segmenter = gw.load_segmenter(str(folder / name), device="cpu")
    assert segmenter.names == tuple(NAMES.values())
    likely, masks = segmenter.probabilities(IMAGES), segmenter.segment(IMAGES)
    assert likely.shape == masks.shape == (2, 3, 40, 40) and torch.allclose(likely.sum(1), torch.ones(2, 40, 40), atol=1e-4)
    assert (masks.sum(1) == 1).all() and torch.equal(masks.long().argmax(1), likely.argmax(1))
    given = library.AutoImageProcessor.from_pretrained(folder / name)
    with torch.no_grad():
        answer = segmenter.net(**inputs(folder, name, given))
    whole = torch.stack(given.post_process_semantic_segmentation(answer, target_sizes=[(40, 40)] * 2))
    assert (whole == masks.long().argmax(1)).float().mean() > 0.9, "but for rounding of bytes, and ties"
    x = IMAGES.clone().requires_grad_()
    segmenter.probabilities(x)[:, 1].sum().backward()
    assert x.grad.abs().max() > 0


def inputs(folder, name, given):
    """What the library's own processor makes of the pictures, and of the task where the net wants to be told one."""
    if name != "oneformer":
        return {"pixel_values": given(list(PICTURES), return_tensors="pt")["pixel_values"]}
    whole = library.OneFormerProcessor(given, library.AutoTokenizer.from_pretrained(folder / name), task_seq_length=LENGTH)
    made = whole(list(PICTURES), ["semantic"] * 2, return_tensors="pt")
    return {key: made[key] for key in ("pixel_values", "task_inputs")}


def test_oneformer_is_told_its_task_as_its_processor_tells_it(folder):
    config = library.AutoConfig.from_pretrained(folder / "oneformer")
    given = library.AutoImageProcessor.from_pretrained(folder / "oneformer")
    tokens = task_tokens(str(folder / "oneformer"), config, torch.device("cpu"))
    assert torch.equal(tokens, inputs(folder, "oneformer", given)["task_inputs"][:1]) and tokens[0, -1] == 0


@pytest.mark.parametrize("name", ["clipseg", "sam3"])
def test_a_segmenter_finds_what_it_is_told(folder, name):
    if name == "sam3":
        sam3(folder / "sam3")
    segmenter = gw.load_segmenter(str(folder / name), device="cpu", words=["a red house", "tree"])
    assert segmenter.names == ("a red house", "tree") and not segmenter.exclusive
    likely, masks = segmenter.probabilities(IMAGES), segmenter.segment(IMAGES)
    assert likely.shape == (2, 2, 40, 40) and torch.equal(masks, likely > 0.5)
    given = library.AutoImageProcessor.from_pretrained(folder / name)(list(PICTURES), return_tensors="pt")["pixel_values"]
    prepared = segmenter.prepare(IMAGES)
    assert (prepared - given).abs().max() < 0.04
    fill = {"padding": "max_length", "max_length": LENGTH} if name == "sam3" else {}
    for place, words in enumerate(segmenter.names):
        tokens = library.AutoTokenizer.from_pretrained(folder / name)([words] * 2, return_tensors="pt", **fill)
        with torch.no_grad():
            answer = segmenter.net(pixel_values=prepared, **tokens)
        wanted = (answer.semantic_seg if name == "sam3" else answer.logits[:, None]).sigmoid()
        wanted = F.interpolate(wanted, (40, 40), mode="bilinear", align_corners=False)
        assert torch.allclose(likely[:, place], wanted[:, 0], atol=1e-4)
    assert (likely[:, 0] - likely[:, 1]).abs().max() > 1e-5, "what it is told matters"
    x = IMAGES.clone().requires_grad_()
    segmenter.probabilities(x)[:, 1].sum().backward()
    assert x.grad.abs().max() > 0
    for words in ([], "tree"):
        with pytest.raises(ArgumentError, match="finds what it is told"):
            gw.load_segmenter(str(folder / name), device="cpu", words=words)


def sam3(home):
    """SAM 3, where this installation has it."""
    if not hasattr(library, "Sam3Model"):
        pytest.skip("this transformers has no SAM 3")
    pytest.importorskip("torchvision", reason="SAM 3 needs torchvision")
    vit = {**SMALL, "hidden_size": 32, "image_size": 56, "patch_size": 14, "window_size": 2, "global_attn_indexes": [0],
           "pretrain_image_size": 28, "model_type": "sam3_vit_model"}
    part = {"hidden_size": 16, "num_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = library.Sam3Config(
        vision_config={"backbone_config": vit, "fpn_hidden_size": 16, "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]]},
        text_config={**SMALL, **TEXT, "projection_dim": 16},
        geometry_encoder_config=part, detr_encoder_config=part, detr_decoder_config={**part, "num_queries": 4},
        mask_decoder_config={"hidden_size": 16, "num_attention_heads": 2})
    library.Sam3Model(config).save_pretrained(home)
    library.Sam3ImageProcessor(size={"height": 56, "width": 56}).save_pretrained(home)


@pytest.mark.parametrize("name", ["clip", "siglip"])
def test_a_scorer_compares_as_the_library_does(folder, name):
    scorer = gw.load_scorer(str(folder / name), device="cpu")
    words = scorer.read("a red house")
    scores = scorer.score(IMAGES, words)
    assert scores.shape == (2,) and torch.equal(scores, scorer.score(IMAGES, "a red house"))
    assert torch.allclose(scorer.score(IMAGES[:1], words), scores[:1], atol=1e-5)
    assert (scorer.score(IMAGES, "a tree") - scores).abs().max() > 1e-4, "what is asked matters"
    given = library.AutoImageProcessor.from_pretrained(folder / name)(list(PICTURES), return_tensors="pt")["pixel_values"]
    # SigLIP learned from texts filled up to one length, and reads the filling as well
    fill = {"padding": "max_length", "max_length": LENGTH, "return_attention_mask": False} if name == "siglip" else {}
    tokens = library.AutoTokenizer.from_pretrained(folder / name)(["a red house"], return_tensors="pt", **fill)
    with torch.no_grad():
        answer = scorer.net(pixel_values=given, **tokens)
    bias = scorer.net.logit_bias if name == "siglip" else 0
    assert torch.allclose(scores, (answer.logits_per_image[:, 0] - bias) / scorer.net.logit_scale.exp(), atol=5e-3)
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
