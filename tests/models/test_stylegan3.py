"""The StyleGAN3 adapter: the laws, the paper's formulas written out, classes, mixing, and files that do not fit."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import ganwidgets as gw
from ganwidgets.core.errors import CheckpointError
from ganwidgets.models.contents import Contents
from ganwidgets.models.resample import resample
from ganwidgets.models.stylegan3 import build, matches, stylegan3
from ganwidgets.testing import check_edit, check_generator

from .nvlabs_files import CLASSES, alias_free, check_gradient, contents, file


@pytest.fixture(scope="module")
def g():
    return stylegan3(alias_free()[0], "small")


@pytest.mark.parametrize("options", [(3, 0), (3, CLASSES), (1, 0), (1, CLASSES)])
def test_it_obeys_the_laws(options):
    g = stylegan3(alias_free(*options)[0], "small")
    check_generator(g)
    assert [str(layer) for layer in g.layers] == ["L0_12_8", "L1_16_7", "L2_16_6"]
    assert [layer.height for layer in g.layers] == [4, 8, 16] and g.image_size == 16 and g.classes == options[1]


def test_the_input_is_waves_that_w_turns_and_moves(g):
    """sin(2 pi (f . x + phase)), x counted in pictures from the middle, turned by w's angle after its translation (section 3.2)."""
    first = g.net.synthesis.get_submodule("input")
    w = g.styles(g.sample([4])).w[:, 0]
    cos, sin, right, down = (w @ first.affine.weight.T / math.sqrt(w.shape[1]) + first.affine.bias)[0].double().numpy()
    length = math.hypot(cos, sin)
    cos, sin, right, down = (value / length for value in (cos, sin, right, down))
    freqs = first.freqs.double().numpy()
    turned = freqs @ np.array([[cos, -sin], [sin, cos]])
    phases = first.phases.double().numpy() + turned @ np.array([-right, -down])
    strength = np.clip(1 - (np.linalg.norm(turned, axis=1) - 1.5) / (4 / 2 - 1.5), 0, 1)
    assert 0 < strength.min() < strength.max() == 1 or strength.min() == 0 < strength.max()
    place = (np.arange(12) - 5.5) / 4
    x, y = np.meshgrid(place, place)
    waves = np.sin(2 * np.pi * (x[..., None] * turned[:, 0] + y[..., None] * turned[:, 1] + phases)) * strength
    wanted = waves @ first.weight.double().numpy().T / math.sqrt(8)
    assert np.allclose(first(w)[0].numpy(), np.moveaxis(wanted, 2, 0), atol=1e-4)


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("cells", [1, 3000])
def test_on_a_cpu_it_is_bent_in_parts_that_change_nothing(monkeypatch, kernel, cells):
    g = stylegan3(alias_free(kernel)[0], "small")
    latents = g.sample([0, 1, 2])
    whole, features = g.images(latents), g.head(latents, "L1_16_7").features
    monkeypatch.setattr("ganwidgets.models.stylegan3_net.CELLS", cells)
    check_generator(g)
    assert torch.allclose(g.images(latents), whole, atol=1e-6)
    assert torch.allclose(g.head(latents, "L1_16_7").features, features, atol=1e-6)
    assert g.images(latents[[]]).shape == (0, 3, 16, 16)


@pytest.mark.parametrize("kernel", [1, 3])
def test_a_layer_is_that_of_the_paper(kernel):
    """Demodulated convolution over the mean length of its input, bias, and a leaky ReLU between two filters (section 3.3)."""
    net, _ = alias_free(kernel)
    layer = net.synthesis.get_submodule("L1_16_7")
    torch.manual_seed(0)
    x, w = torch.randn(3, 8, 12, 12), torch.randn(3, 10)
    style = w @ layer.affine.weight.T / math.sqrt(10) + layer.affine.bias
    weights = layer.weight * style[:, None, :, None, None]
    weights = weights / weights.square().sum((2, 3, 4), keepdim=True).sqrt() / math.sqrt(0.8)
    wanted = torch.cat([F.conv2d(x[[row]], weights[row], padding=kernel - 1) for row in range(3)]) + layer.bias[:, None, None]
    wanted = resample(wanted, layer.up_filter, up=4, padding=layer.plan.padding, gain=16.0)
    wanted = resample(F.leaky_relu(wanted, 0.2) * math.sqrt(2), layer.down_filter, down=2)
    assert wanted.shape == (3, 7, 16, 16) and torch.allclose(layer(x, w), wanted, atol=1e-5)


def test_features_lie_where_the_picture_does(g):
    """What is beyond the picture is kept when features change, and is needed: cut off, the picture would be another."""
    latents = g.sample([1])
    w = g.styles(latents).w
    whole = g.net.begin(w)
    assert whole.shape[2:] == (12, 12) and torch.equal(g.head(latents, "L0_12_8").features, whole[:, :, 4:8, 4:8])
    paused = g.head(latents, "L0_12_8")
    changed = g.resume(dataclasses.replace(paused, features=paused.features + 1), "L1_16_7")
    whole[:, :, 4:8, 4:8] += 1
    assert torch.equal(changed.features, g.net.advance(whole, w, 1)[:, :, 4:12, 4:12])
    bare = torch.zeros_like(whole)
    bare[:, :, 4:8, 4:8] = whole[:, :, 4:8, 4:8]
    assert not torch.allclose(changed.features, g.net.advance(bare, w, 1)[:, :, 4:12, 4:12])


def test_the_last_layer_makes_the_picture(g):
    latents = g.sample([1])
    last, w = g.net.synthesis.get_submodule("L3_16_3"), g.styles(latents).w[:, 4]
    style = (w @ last.affine.weight.T / math.sqrt(10) + last.affine.bias) / math.sqrt(6)
    wanted = F.conv2d(g.head(latents, "L2_16_6").features, last.weight * style[:, :, None, None]) / math.sqrt(0.8)
    assert torch.allclose(g.images(latents), 0.25 * (wanted + last.bias[:, None, None]), atol=1e-5)


def test_rows_of_w_begin_with_the_inputs_own(g):
    one, other = g.sample([1]), g.sample([2])
    mixed = g.mixed(one, other, "L1_16_7")
    assert torch.equal(mixed.w[:, :2], g.styles(one).w[:, :2]) and torch.equal(mixed.w[:, 2:], g.styles(other).w[:, 2:])
    assert torch.allclose(g.head(mixed, "L0_12_8").features, g.head(one, "L0_12_8").features, atol=1e-5)
    assert g.styles(one).w.shape == (1, 5, 10)
    cut = g.styles(g.latents(one.z, truncation=0.5, truncation_cutoff=2)).w
    assert torch.allclose(cut[:, 1], g.net.mapping.w_avg.lerp(g.styles(one).w[:, 1], 0.5), atol=1e-6)
    assert torch.equal(cut[:, 2:], g.styles(one).w[:, 2:])


def test_gradients_reach_w(g):
    check_gradient(g)


def test_classes_and_edits():
    g = stylegan3(alias_free(3, CLASSES)[0], "small")
    one, other = g.images(g.sample([3, 3], labels=[0, 1]))
    assert not torch.allclose(one, other)
    check_edit(gw.UnitEdit(g.layer("L1_16_7"), [0, 3], value=2.0, region=gw.Region.box(0, 0, 0.5, 1)), g)


@pytest.mark.parametrize("kernel", [1, 3])
def test_a_file_is_read_by_its_shapes_and_attributes(tmp_path, kernel):
    net, says = alias_free(kernel, CLASSES)
    (tmp_path / "small.pkl").write_bytes(file(net, says))
    read, made = gw.load_checkpoint(tmp_path / "small.pkl", device="cpu"), stylegan3(net, "small")
    assert read.layers == made.layers and read.name == "small"
    assert torch.allclose(read.images(read.sample([3], truncation=0.6)), made.images(made.sample([3], truncation=0.6)), atol=1e-5)


def test_attributes_may_be_json_as_a_converted_file_has_them(g, tmp_path):
    held = contents(tmp_path, *alias_free())
    again = build(Contents("again", held.tensors, {"attributes": json.dumps(held.facts["attributes"])}))
    assert torch.allclose(again.images(again.sample([3])), g.images(g.sample([3])), atol=1e-5)
    assert not matches(Contents("again", held.tensors, {"attributes": "{no json"}))


@pytest.mark.parametrize(("module", "attribute", "value", "words"), [
    ("synthesis", "layer_names", ["L0_12_8", "L0_12_8"], "named like"), ("synthesis", "layer_names", "L0", "named like"),
    ("synthesis", "layer_names", ["L0_12_8", "L1_16_7"], "is_torgb"), ("synthesis", "output_scale", None, "output_scale"),
    ("synthesis.L1_16_7", "padding", [0, 0, 0, 0], "padding"), ("synthesis.L1_16_7", "up_factor", 3, "padding|in_sampling_rate"),
    ("synthesis.L1_16_7", "up_factor", 0, "factors"), ("synthesis.L1_16_7", "down_factor", 1 << 40, "factors"),
    ("synthesis.L1_16_7", "out_size", [16, 17], "equal sides"), ("synthesis.L1_16_7", "in_size", [16, 16], "layer before"),
    ("synthesis.L1_16_7", "conv_clamp", -1, "conv_clamp"), ("synthesis.L1_16_7", "out_sampling_rate", 6, "sampling_rate"),
    ("synthesis.L1_16_7", "out_sampling_rate", 0, "sampling_rate"), ("synthesis.L3_16_3", "out_sampling_rate", 8, "sampling_rate"),
    ("synthesis.L3_16_3", "is_torgb", False, "is_torgb"),
    ("synthesis.input", "bandwidth", 2.5, "bandwidth"), ("synthesis.input", "sampling_rate", 8.0, "in_sampling_rate"),
    ("synthesis.input", "size", [1 << 30, 1 << 30], "size"), ("synthesis.input", "size", 12, "size"),
    ("", "img_resolution", 32, "img_resolution"), ("mapping", "num_ws", 7, "num_ws"), ("mapping", "num_layers", 0, "no step"),
])
def test_attributes_that_do_not_fit_are_named(tmp_path, module, attribute, value, words):
    held = contents(tmp_path, *alias_free())
    held.facts["attributes"][module][attribute] = value
    with pytest.raises(CheckpointError, match=words):
        build(held)


@pytest.mark.parametrize(("key", "value", "words"), [
    ("synthesis.L1_16_7.up_filter", None, "padding"), ("synthesis.L1_16_7.up_filter", torch.zeros(3, 4), "filter"),
    ("synthesis.L1_16_7.weight", torch.zeros(7, 8, 2, 2), "odd"), ("synthesis.L1_16_7.magnitude_ema", None, "magnitude_ema"),
    ("synthesis.input.freqs", torch.zeros(9, 2), "input.weight"), ("synthesis.input.weight", torch.zeros(1 << 20, 1), "input"),
    ("synthesis.L2_16_6.bias", torch.full((6,), float("inf")), "not finite.*L2_16_6.bias"),
])
def test_weights_that_do_not_fit_are_named(tmp_path, key, value, words):
    held = contents(tmp_path, *alias_free())
    tensors = {name: each for name, each in {**held.tensors, key: value}.items() if each is not None}
    with pytest.raises(CheckpointError, match=words):
        build(Contents("bad", tensors, held.facts))
