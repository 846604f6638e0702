"""The StyleGAN2 adapter: the laws, the paper's formulas written out, mixing, truncation, noise, and files that are none."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

import ganwidgets as gw
from ganwidgets.core.errors import ArgumentError, CheckpointError, LatentsError, LayerError
from ganwidgets.models.checkpoints import open_generator
from ganwidgets.models.contents import Contents
from ganwidgets.models.stylegan2 import build, stylegan2
from ganwidgets.models.stylegan2_net import ModulatedConv, Upsample
from ganwidgets.testing import check_edit, check_generator

from .tiny_nets import stylegan2_net


@pytest.fixture(scope="module")
def g():
    return stylegan2(stylegan2_net(), "small")


def test_it_obeys_the_laws(g):
    check_generator(g)
    assert [str(layer) for layer in g.layers] == ["conv1", "convs.0", "convs.1", "convs.2", "convs.3"]
    assert [layer.height for layer in g.layers] == [4, 8, 8, 16, 16] and g.image_size == 16


@pytest.mark.parametrize("noise", ["none", 7])
def test_the_halves_are_the_whole_with_other_noise(g, noise):
    latents = dataclasses.replace(g.sample([0, 5, 9]), noise=noise)
    whole = g.images(latents)
    assert not torch.equal(whole, g.images(g.sample([0, 5, 9])))
    for layer in g.layers:
        paused = g.head(latents, layer)
        assert torch.equal(g.tail(paused), whole)
        assert torch.allclose(g.tail(paused[[2]]), whole[[2]], atol=1e-4), "the noise follows the picture, not its row"


def test_noise_is_of_the_seed_and_of_the_picture(g):
    z = g.sample([3]).z.expand(2, -1)
    same = gw.Latents((3, 4), z=z)
    assert torch.allclose(*g.images(same), atol=1e-4), "stored noise is the same for all"
    own = g.images(dataclasses.replace(same, noise=1))
    assert not torch.allclose(own[0], own[1]) and not torch.allclose(own, g.images(dataclasses.replace(same, noise=2)))


def test_runs_with_different_noise_can_be_joined(g):
    runs = [g.head(dataclasses.replace(g.sample([seed]), noise=noise), "convs.0")
            for seed, noise in ((0, "stored"), (1, "none"), (2, 5))]
    apart = torch.cat([g.tail(run) for run in runs])
    assert torch.allclose(g.tail(gw.PausedRun.join(runs)), apart, atol=1e-4)


def test_modulation_is_that_of_the_paper():
    """Weights scaled by the style and brought to unit length, picture by picture (StyleGAN2, equations 1 and 3)."""
    torch.manual_seed(1)
    for up in (False, True):
        layer = ModulatedConv(6, 5, 3, 8, up=up)
        x, w = torch.randn(3, 6, 7, 7), torch.randn(3, 8)
        weights = layer.scale * layer.weight * layer.modulation(w)[:, None, :, None, None]
        weights = weights * torch.rsqrt(weights.square().sum((2, 3, 4), keepdim=True) + 1e-8)
        if up:
            kernel = torch.tensor([1.0, 3, 3, 1])
            kernel = (kernel[:, None] * kernel / 16).expand(5, 1, 4, 4)
            wanted = torch.cat([F.conv2d(F.pad(F.conv_transpose2d(x[[i]], weights[i].transpose(0, 1), stride=2), (1,) * 4), kernel,
                                         groups=5) for i in range(3)])
        else:
            wanted = torch.cat([F.conv2d(x[[i]], weights[i], padding=1) for i in range(3)])
        assert torch.allclose(layer(x, w), wanted, atol=1e-5)


def test_doubling_keeps_a_flat_picture_flat():
    doubled = Upsample()(torch.ones(1, 3, 6, 6))
    assert doubled.shape == (1, 3, 12, 12) and torch.allclose(doubled[..., 2:-2, 2:-2], torch.ones(1, 3, 8, 8))


def test_truncation_draws_w_to_its_mean_up_to_the_cutoff(g):
    full = g.styles(g.sample([1, 2])).w
    half = g.styles(g.sample([1, 2], truncation=0.5)).w
    assert torch.allclose(half - g.net.latent_avg, 0.5 * (full - g.net.latent_avg), atol=1e-6)
    cut = g.styles(g.latents(g.sample([1, 2]).z, truncation=0.5, truncation_cutoff=2)).w
    assert torch.equal(cut[:, :2], half[:, :2]) and torch.equal(cut[:, 2:], full[:, 2:])
    at_0 = g.images(g.sample([1, 2], truncation=0.0))
    assert torch.allclose(at_0[0], at_0[1], atol=1e-4)
    with pytest.raises(ArgumentError, match="how many rows of w are truncated.*-1 came"):
        g.latents(g.sample([1, 2]).z, truncation=0.5, truncation_cutoff=-1)


def test_the_same_pictures_from_z_and_from_their_w(g):
    latents = g.sample([4, 5], truncation=0.7)
    whole = g.images(latents)
    assert torch.equal(g.images(g.styles(latents)), whole)
    again = g.latents(w=g.styles(latents).w)
    assert torch.equal(g.images(again), whole) and all(number < 0 for number in again.pictures)
    flat = g.styles(g.sample([4])).w[:, 0]
    assert torch.allclose(g.images(g.latents(w=flat)), g.images(g.sample([4])), atol=1e-6)


def test_mixing_takes_the_late_rows_of_the_other(g):
    one, other = g.sample([1]), g.sample([2, 3, 4])
    mixed = g.mixed(one, other, "convs.1")
    assert torch.equal(mixed.w[:, :2], g.styles(one).w[:, :2].expand(3, -1, -1))
    assert torch.equal(mixed.w[:, 2:], g.styles(other).w[:, 2:])
    early = g.head(mixed, "convs.0").features
    assert torch.allclose(early, g.head(one, "convs.0").features.expand(3, -1, -1, -1), atol=1e-5)
    assert len(set(mixed.pictures)) == 3
    with pytest.raises(LatentsError, match="2 coarse and 3 fine"):
        g.mixed(g.sample([1, 2]), other, "convs.1")
    with pytest.raises(LayerError):
        g.mixed(one, other, "convs.9")


def test_residuals_are_added_on_the_way(g):
    latents = g.sample([0, 1])
    added = torch.randn(2, 10, 8, 8)
    paused = g.head(latents, "convs.1")
    wanted = g.tail(dataclasses.replace(paused, features=paused.features + added))
    assert torch.equal(g.images(dataclasses.replace(latents, residuals=(("convs.1", added),))), wanted)


def test_units_can_be_edited_and_undone(g):
    check_edit(gw.UnitEdit(g.layer("convs.1"), [0, 3], value=2.0, region=gw.Region.box(0, 0, 0.5, 1)), g)
    check_edit(gw.UnitEdit(g.layer("conv1"), [1], value=0.0, seeds=(0,)), g)


@pytest.mark.parametrize(("asked", "error", "words"), [
    ({"truncation": 1.5}, ArgumentError, "0 .* to 1"), ({"truncation": float("nan")}, ArgumentError, "nan"),
    ({"labels": [1]}, ArgumentError, "labels"),
])
def test_what_it_cannot_do_is_said(g, asked, error, words):
    with pytest.raises(error, match=words):
        g.sample([0], **asked)


@pytest.mark.parametrize("given", [{}, {"z": torch.zeros(1, 16), "w": torch.zeros(1, 16)}, {"w": torch.zeros(1, 5, 16)},
                                   {"w": "words"}, {"z": torch.zeros(1, 15)}])
def test_vectors_of_another_shape_are_refused(g, given):
    with pytest.raises(LatentsError, match="small|numbers"):
        g.latents(**given)


def test_a_public_file_is_read_by_its_shapes(g, tmp_path):
    state = {key: value for key, value in g.net.state_dict().items() if key != "latent_avg"}
    torch.save({"g_ema": state, "latent_avg": g.net.latent_avg, "g_optim": {"state": {}}}, tmp_path / "church.pt")
    read = open_generator(tmp_path / "church.pt")
    assert read.name == "church" and read.layers == g.layers and read.net.depth == 2
    assert torch.allclose(read.images(read.sample([3], truncation=0.6)), g.images(g.sample([3], truncation=0.6)), atol=1e-5)
    check_generator(read)


def test_noise_and_mean_that_a_file_does_not_store_are_made(g):
    bare = {key: value for key, value in g.net.state_dict().items() if not key.startswith("noises") and key != "latent_avg"}
    made = build(Contents("bare", bare))
    assert torch.allclose(made.net.latent_avg, g.net.latent_avg, atol=1e-5)
    assert torch.equal(made.images(made.sample([0])), build(Contents("bare", bare)).images(made.sample([0])))


@pytest.mark.parametrize(("change", "words"), [
    ({"convs.1.conv.weight": None}, "convs.1.conv.weight"), ({"input.input": None}, "no kind"),
    ({"conv1.activate.bias": torch.zeros(3)}, "conv1.activate.bias"), ({"convs.3.conv.weight": torch.zeros(3)}, "another shape"),
    ({"to_rgb1.bias": torch.full((1, 3, 1, 1), float("nan"))}, "not finite.*to_rgb1.bias"),
    ({"surplus": torch.zeros(1)}, "surplus"),
])
def test_what_is_wrong_with_a_file_is_named(g, tmp_path, change, words):
    state = {key: value.contiguous() for key, value in (dict(g.net.state_dict()) | change).items() if value is not None}
    save_file(state, tmp_path / "bad.safetensors")
    with pytest.raises(CheckpointError, match=words):
        open_generator(tmp_path / "bad.safetensors")


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_page_of_html_is_no_checkpoint(tmp_path, suffix):
    (tmp_path / f"page{suffix}").write_text("<html>404</html>")
    with pytest.raises(CheckpointError, match="page"):
        open_generator(tmp_path / f"page{suffix}")
