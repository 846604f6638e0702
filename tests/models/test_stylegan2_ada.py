"""The NVlabs StyleGAN2 adapter: the laws, the same net in another layout, residual blocks, classes, and files that do not fit."""

import dataclasses
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import ganwidgets as gw
from ganwidgets.core.errors import ArgumentError, CheckpointError
from ganwidgets.models.contents import Contents
from ganwidgets.models.resample import resample
from ganwidgets.models.stylegan2 import stylegan2
from ganwidgets.models.stylegan2_ada import build, matches, stylegan2_ada
from ganwidgets.models.stylegan2_ada_net import LayerPlan, SynthesisLayer
from ganwidgets.models.stylegan2_net import StyleGAN2Net
from ganwidgets.testing import check_edit, check_generator

from .nvlabs_files import CLASSES, STYLE, ada, check_gradient, contents, file


def adapter(*options):
    return stylegan2_ada(ada(*options)[0], "small")


@pytest.fixture(scope="module")
def g():
    return adapter("skip", CLASSES)


@pytest.mark.parametrize("options", [("skip", 0, None), ("skip", CLASSES, 0.6), ("resnet", 0, 0.6), ("resnet", CLASSES, None),
                                     ("orig", 0, None)])
def test_it_obeys_the_laws(options):
    g = adapter(*options)
    check_generator(g)
    assert [str(layer) for layer in g.layers] == ["b4.conv1", "b8.conv0", "b8.conv1", "b16.conv0", "b16.conv1"]
    assert [layer.height for layer in g.layers] == [4, 8, 8, 16, 16] and g.image_size == 16 and g.classes == options[1]


@pytest.mark.parametrize("noise", ["none", 7])
def test_the_halves_are_the_whole_with_other_noise(noise):
    g = adapter("resnet")
    latents = dataclasses.replace(g.sample([0, 5, 9]), noise=noise)
    whole = g.images(latents)
    assert not torch.equal(whole, g.images(g.sample([0, 5, 9])))
    for layer in g.layers:
        paused = g.head(latents, layer)
        assert torch.equal(g.tail(paused), whole)
        assert torch.allclose(g.tail(paused[[2]]), whole[[2]], atol=1e-4), "the noise follows the picture, not its row"
        assert torch.allclose(g.tail(gw.PausedRun.join([paused[[1]], paused[[0, 2]]])), whole[[1, 0, 2]], atol=1e-4)


def test_it_draws_what_the_same_net_draws_in_the_other_layout():
    """rosinality's keys hold the same net: convolutions' lengths are taken out by demodulation, the rest is renamed."""
    net, _ = ada()
    for name, taps in net.named_buffers():
        if name.endswith("resample_filter"):
            row = torch.tensor([1.0, 3, 3, 1]) / 8
            taps.copy_(row[:, None] * row)
    held = {"latent_avg": net.mapping.w_avg, "input.input": net.block(0).const[None]}
    for place in range(net.count):
        layer, path = net.layer(place), f"convs.{place - 1}" if place else "conv1"
        held |= {f"{path}.conv.weight": layer.weight[None], f"{path}.noise.weight": layer.noise_strength.reshape(1),
                 f"{path}.conv.modulation.weight": layer.affine.weight, f"{path}.conv.modulation.bias": layer.affine.bias,
                 f"{path}.activate.bias": layer.bias, f"noises.noise_{place}": layer.noise_const[None, None]}
    for number in range(3):
        rgb, path = net.block(2 * number).torgb, f"to_rgbs.{number - 1}" if number else "to_rgb1"
        held |= {f"{path}.conv.weight": rgb.weight[None], f"{path}.bias": rgb.bias.reshape(1, 3, 1, 1),
                 f"{path}.conv.modulation.weight": rgb.affine.weight, f"{path}.conv.modulation.bias": rgb.affine.bias}
    other = StyleGAN2Net((8, 7, 6), latent=STYLE, mapping=2)       # w goes into both: there z is as long as w
    kept = {key: value for key, value in other.state_dict().items() if key.startswith("style") or key.endswith("kernel")}
    other.load_state_dict({**held, **kept})
    ours, theirs = stylegan2_ada(net, "ours"), stylegan2(other, "theirs")
    w = ours.styles(ours.sample([1, 2], truncation=0.7)).w
    assert torch.allclose(ours.images(ours.latents(w=w)), theirs.images(theirs.latents(w=w)), atol=1e-5)
    for pair in zip(ours.layers, theirs.layers, strict=True):
        one, same = (each.head(each.latents(w=w), layer).features for each, layer in zip((ours, theirs), pair, strict=True))
        assert torch.allclose(one, same, atol=1e-4)


def test_a_layer_is_that_of_the_paper_within_its_bound():
    """Weights scaled by the style and brought to unit length, noise, bias, leaky ReLU times sqrt 2, and the bound."""
    torch.manual_seed(1)
    layer = SynthesisLayer(LayerPlan(6, 5, 3, (4, 4), True, 1.0, 0.8), 8, 7)
    layer.bias.data.normal_(), layer.noise_strength.data.fill_(0.5)
    x, w = torch.randn(3, 6, 7, 7), torch.randn(3, 8)
    style = w @ layer.affine.weight.T / math.sqrt(8) + layer.affine.bias
    weights = layer.weight * style[:, None, :, None, None]
    weights = weights / weights.square().sum((2, 3, 4), keepdim=True).sqrt()
    wanted = torch.cat([F.conv2d(x[[row]], weights[row], padding=1) for row in range(3)])
    wanted = F.leaky_relu(wanted + 0.5 * layer.noise_const + layer.bias[:, None, None], 0.2) * math.sqrt(2)
    assert wanted.abs().max() > 0.8, "the bound is felt"
    assert torch.allclose(layer(x, w, layer.noise_const[None, None]), wanted.clamp(-0.8, 0.8), atol=1e-5)
    weaker = layer(x, w, layer.noise_const[None, None], gain=0.5)
    assert torch.allclose(weaker, (0.5 * wanted).clamp(-0.4, 0.4), atol=1e-5)


@pytest.mark.parametrize(("up", "down", "padding", "shape"), [
    (1, 1, (1, 1, 2, 0), (4, 4)), (2, 1, (2, 1, 2, 1), (4, 4)), (2, 2, (3, -2, -1, 4), (5,)), (4, 2, (0, 0, 0, 0), (6,)),
    (1, 2, (0, 0, 0, 0), (3, 3)), (1, 1, (-1, -2, 0, -1), None)])
def test_resampling_is_what_its_words_say(up, down, padding, shape):
    """Every cell of the result summed up one by one: zeros between, padding or cutting, the filter reversed, every n-th kept."""
    random = np.random.RandomState(0)
    x, taps = random.standard_normal((2, 5, 6)), np.ones((1, 1)) if shape is None else random.standard_normal(shape)
    square = np.outer(taps, taps) if taps.ndim == 1 else taps
    left, right, top, bottom = padding
    spread = np.zeros((2, 5 * up, 6 * up))
    spread[:, ::up, ::up] = x
    spread = np.pad(spread, ((0, 0), (max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))))
    spread = spread[:, max(-top, 0):spread.shape[1] - max(-bottom, 0), max(-left, 0):spread.shape[2] - max(-right, 0)]
    k = len(square)
    wanted = [[(spread[:, row:row + k, column:column + k] * square[::-1, ::-1]).sum((1, 2))
               for column in range(0, spread.shape[2] - k + 1, down)] for row in range(0, spread.shape[1] - k + 1, down)]
    given = None if shape is None else torch.from_numpy(taps)
    found = resample(torch.from_numpy(x)[None], given, up=up, down=down, padding=padding, gain=3.0)
    assert np.allclose(found[0].numpy(), 3 * np.moveaxis(np.array(wanted), 2, 0))


def test_a_residual_block_leads_around_its_layers():
    g = adapter("resnet")
    latents = g.sample([1])
    block = g.net.block(2)
    x, w = g.head(latents, "b4.conv1").features, g.styles(latents).w
    around = F.conv2d(x, block.skip.weight / math.sqrt(8))
    around = resample(around, block.skip.resample_filter, up=2, padding=(2, 1, 2, 1), gain=4.0) / math.sqrt(2)
    inner = g.head(latents, "b8.conv1").features
    noise = g.net.stored_noise(3)
    assert torch.allclose(g.head(latents, "b16.conv0").features, g.net.layer(3)(inner + around, w[:, 3], noise, up=True), atol=1e-5)


def test_classes_are_numbers_or_shares_or_drawn_by_the_seed(g):
    assert g.sample([0]).condition.shape == (1, CLASSES)
    drawn = g.sample(range(30)).condition
    assert drawn.sum(1).eq(1).all() and drawn.sum(0).ge(3).all(), "every class is drawn"
    assert torch.equal(drawn[7], g.sample([7]).condition[0])
    numbered, shares = g.sample([5, 5], labels=[0, 2]), g.sample([5, 5], labels=torch.eye(CLASSES)[[0, 2]])
    assert torch.equal(g.images(numbered), g.images(shares))
    assert not torch.allclose(*g.images(numbered))
    between = g.styles(g.sample([5], labels=[[0.5, 0, 0.5]])).w
    x = g.net.mapping.embed(torch.tensor([[0.5, 0, 0.5]]))
    z = g.sample([5]).z
    both = torch.cat([z / z.square().mean().sqrt(), x / x.square().mean().sqrt()], dim=1)
    assert torch.allclose(between[:, 0], g.net.mapping.fc1(g.net.mapping.fc0(both)), atol=1e-5)
    assert torch.equal(g.sample([5, 6], labels=2).condition, torch.eye(CLASSES)[[2, 2]])
    own = g.latents(g.sample([5]).z, labels=[2])
    assert torch.allclose(g.images(own), g.images(numbered)[[1]], atol=1e-5)
    bare = gw.Latents((7,), z=g.sample([7]).z)
    assert torch.allclose(g.images(bare), g.images(g.sample([7])), atol=1e-5)


@pytest.mark.parametrize("labels", [[3], [-1], [0, 1], [[1.0, 0.0]], [0.5], "cat", [True], [[float("nan"), 0, 0]], 3, [1j]])
def test_labels_that_are_none_are_refused(g, labels):
    with pytest.raises(ArgumentError, match="labels for small are a class number from 0 to 2"):
        g.sample([0], labels=labels)


def test_labels_where_there_is_no_place_for_them(g):
    with pytest.raises(ArgumentError, match="labels"):
        adapter().sample([0], labels=[0])
    with pytest.raises(ArgumentError, match="w holds its class"):
        g.latents(w=g.styles(g.sample([0])).w, labels=[0])


def test_truncation_mixing_and_edits(g):
    full, half = g.styles(g.sample([1, 2])).w, g.styles(g.sample([1, 2], truncation=0.5)).w
    assert torch.allclose(half - g.net.mapping.w_avg, 0.5 * (full - g.net.mapping.w_avg), atol=1e-6)
    cut = g.styles(g.latents(g.sample([1, 2]).z, labels=g.sample([1, 2]).condition, truncation=0.5, truncation_cutoff=2)).w
    assert torch.allclose(cut[:, :2], half[:, :2]) and torch.allclose(cut[:, 2:], full[:, 2:])
    mixed = g.mixed(g.sample([1]), g.sample([2]), "b8.conv1")
    assert torch.allclose(mixed.w[:, :2], full[[0], :2]) and torch.allclose(mixed.w[:, 2:], full[[1], 2:])
    check_edit(gw.UnitEdit(g.layer("b8.conv1"), [0, 3], value=2.0, region=gw.Region.box(0, 0, 0.5, 1)), g)


@pytest.mark.parametrize("architecture", ["skip", "resnet"])
def test_gradients_reach_w(architecture):
    check_gradient(adapter(architecture))


def test_a_layer_without_noise_has_none(tmp_path):
    net, says = ada()
    del net.layer(1).noise_strength
    net.layer(1).noise_const = None
    says["synthesis.b8.conv0"]["use_noise"] = False
    g = build(contents(tmp_path, net, says))
    check_generator(g)
    paused = g.head(g.sample([0]), "b4.conv1")
    silent = dataclasses.replace(paused, rest=(*paused.rest[:-1], torch.tensor([-2])))
    assert torch.equal(g.resume(paused, "b8.conv0").features, g.resume(silent, "b8.conv0").features)
    assert not torch.equal(g.resume(paused, "b8.conv1").features, g.resume(silent, "b8.conv1").features)


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_a_file_is_read_by_its_shapes_and_attributes(g, tmp_path, protocol):
    (tmp_path / "small.pkl").write_bytes(file(*ada("skip", CLASSES), protocol))
    read = gw.load_checkpoint(tmp_path / "small.pkl", device="cpu")
    assert read.name == "small" and read.layers == g.layers and read.classes == CLASSES and not read.loaded.verified
    assert torch.allclose(read.images(read.sample([3], truncation=0.6)), g.images(g.sample([3], truncation=0.6)), atol=1e-5)
    assert "verified=False" in repr(read)
    check_generator(read)


@pytest.mark.parametrize(("module", "attribute", "value", "words"), [
    ("synthesis", "block_resolutions", [4, 8], "img_resolution"), ("synthesis", "block_resolutions", 7, "grids"),
    ("synthesis.b4", "architecture", "tree", "architecture = tree"), ("synthesis.b8", "architecture", "orig", "= orig"),
    ("mapping", "num_layers", 3, "mapping.fc2.weight"), ("mapping", "num_layers", "two", "num_layers"),
    ("mapping.fc0", "bias_gain", 0.02, "gains of mapping.fc0"), ("mapping.fc0", "activation", "relu", "activation = relu"),
    ("", "img_channels", 1, "img_channels = 1"), ("", "num_ws", 9, "num_ws"), ("mapping", "c_dim", 2, "c_dim"),
    ("synthesis.b8.conv0", "conv_clamp", 3.0, "conv_clamp"), ("synthesis.b8.conv0", "use_noise", False, "has no place for"),
    ("synthesis.b8.conv0", "activation", None, "does not say|activation"), ("mapping", "z_dim", -1, "z_dim"),
    ("mapping", "z_dim", float("inf"), "z_dim"),
])
def test_attributes_that_do_not_fit_are_named(tmp_path, module, attribute, value, words):
    held = contents(tmp_path, *ada())
    held.facts["attributes"][module][attribute] = value
    with pytest.raises(CheckpointError, match=words):
        build(held)


@pytest.mark.parametrize(("key", "value", "words"), [
    ("synthesis.b8.conv0.weight", None, "b8.conv0.weight"), ("synthesis.b8.conv0.weight", torch.zeros(3), "b8.conv0.weight"),
    ("synthesis.b4.conv1.bias", torch.zeros(3), "b4.conv1.bias"), ("surplus", torch.zeros(1), "surplus"),
    ("synthesis.b16.torgb.bias", torch.full((3,), float("nan")), "not finite.*b16.torgb.bias"),
    ("mapping.w_avg", None, "w_avg"), ("synthesis.b4.conv1.resample_filter", torch.zeros(0, 0), "resample_filter"),
    ("synthesis.b8.conv0.affine.weight", torch.zeros(1 << 20, 10), "gains|affine"),
    ("synthesis.b4.const", torch.zeros(1 << 20, 4, 4), "1048576"),
    ("synthesis.b4.conv1.weight", torch.zeros(1 << 20, 8, 1, 1), "1048576"),
])
def test_weights_that_do_not_fit_are_named(tmp_path, key, value, words):
    held = contents(tmp_path, *ada())
    tensors = {name: each for name, each in {**held.tensors, key: value}.items() if each is not None}
    with pytest.raises(CheckpointError, match=words):
        build(Contents("bad", tensors, held.facts))


def test_only_its_own_files_are_taken(g):
    net, says = ada()
    assert matches(Contents("a", net.state_dict(), {"attributes": says}))
    assert not matches(Contents("a", net.state_dict())) and not matches(Contents("a", {}, {"attributes": says}))
