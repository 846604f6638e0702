"""DCGAN files of the PyTorch tutorial: plain, nested, wrapped, grey, of any width and depth, and those that are none."""

import pytest
import torch
import torch.nn.functional as F

import ganwidgets as gw
from ganwidgets.core.errors import CheckpointError
from ganwidgets.models.contents import Contents
from ganwidgets.models.dcgan import build
from ganwidgets.testing import check_edit, check_generator

from .tiny_nets import tutorial


def drawn(state, z):
    """The tutorial's net, written out."""
    places = sorted(int(key.split(".")[1]) for key, value in state.items() if value.ndim == 4)
    x, seen = z.reshape(len(z), -1, 1, 1), []
    for place in places:
        first = place == 0
        x = F.conv_transpose2d(x, state[f"main.{place}.weight"], stride=1 if first else 2, padding=0 if first else 1)
        if place != places[-1]:
            norm = [state[f"main.{place + 1}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
            x = F.relu(F.batch_norm(x, *norm))
            seen.append(x)
    return seen, x.tanh()


def test_it_obeys_the_laws(loaded, same_in_any_batch):
    g = loaded(tutorial(), "netG_epoch_24.pth")
    check_generator(g)
    same_in_any_batch(g)
    assert g.name == "netG_epoch_24" and g.latent_shape == (10, 1, 1) and g.image_size == 32 and not g.loaded.verified
    layers = [(str(layer), layer.channels, layer.height) for layer in g.layers]
    assert layers == [("main.2", 12, 4), ("main.5", 8, 8), ("main.8", 6, 16)]
    check_edit(gw.UnitEdit("main.5", [0, 3], value=2.0, region=gw.Region.box(0, 0, 0.5, 1)), g)


def test_it_is_the_tutorials_net(loaded):
    state = tutorial()
    g = loaded(state)
    z = torch.randn(3, 10)
    seen, picture = drawn(state, z)
    latents = g.latents(z)
    assert torch.allclose(g.images(latents), picture, atol=1e-5)
    for layer, features in zip(g.layers, seen, strict=True):
        assert torch.allclose(g.head(latents, layer).features, features, atol=1e-5)


def test_grey_pictures_have_three_equal_colours(loaded):
    state = tutorial(colors=1)
    g = loaded(state)
    check_generator(g)
    z = torch.randn(2, 10)
    assert torch.allclose(g.images(g.latents(z)), drawn(state, z)[1].expand(-1, 3, -1, -1), atol=1e-5)


@pytest.mark.parametrize(("widths", "latent", "kernel", "size"),
                         [((6,), 3, 4, 8), ((9, 8, 7, 6, 5), 128, 4, 128), ((8, 4), 7, 3, 12)])
def test_depth_widths_and_first_grid_are_read(loaded, widths, latent, kernel, size):
    g = loaded(tutorial(widths, latent, kernel=kernel))
    check_generator(g)
    assert g.image_size == size and tuple(layer.channels for layer in g.layers) == widths and g.latent_shape == (latent, 1, 1)


def test_a_net_without_norms_has_its_relus_elsewhere(loaded):
    state = tutorial(normed=False)
    state |= {f"main.{place}.bias": torch.randn(state[f"main.{place}.weight"].shape[1]) for place in (0, 2, 4, 6)}
    g = loaded(state)
    check_generator(g)
    assert [str(layer) for layer in g.layers] == ["main.1", "main.3", "main.5"]
    x = F.relu(F.conv_transpose2d(torch.ones(1, 10, 1, 1), state["main.0.weight"], state["main.0.bias"]))
    assert torch.allclose(g.head(g.latents(torch.ones(1, 10)), "main.1").features, x, atol=1e-5)


@pytest.mark.parametrize("wrap", [
    lambda state: {"netG": state, "netD": {"main.0.weight": torch.zeros(4, 3, 4, 4)}, "epoch": 3, "optimizerG": {"state": {}}},
    lambda state: {"generator_state_dict": state, "discriminator_state_dict": {"main.0.weight": torch.zeros(4, 3, 4, 4)}},
    lambda state: {"G_state_dict": state, "loss": [0.1, 0.2]},
    lambda state: {"epoch": 1, "model_state_dict": state},
    lambda state: {"state_dict": {f"generator.{key}": value for key, value in state.items()}
                   | {"discriminator.main.0.weight": torch.zeros(4, 3, 4, 4)}},
    lambda state: {f"module.{key}": value for key, value in state.items()},
    lambda state: {f"_orig_mod.module.{key}": value for key, value in state.items()},
    lambda state: {"netG": {f"module.{key}": value.half() if value.is_floating_point() else value for key, value in state.items()}},
    lambda state: {"models": {"discriminator": {"main.0.weight": torch.zeros(4, 3, 4, 4)}, "generator": state}},
    lambda state: {"state_dict": {f"gen.{key}": value for key, value in state.items()}
                   | {"disc.main.0.weight": torch.zeros(4, 3, 4, 4), "loss.weight": torch.zeros(2)}},
])
def test_it_is_found_wherever_training_scripts_keep_it(loaded, wrap):
    plain, g = loaded(tutorial()), loaded(wrap(tutorial()))
    assert g.layers == plain.layers and torch.allclose(g.images(g.sample([1])), plain.images(plain.sample([1])), atol=2e-2)


NAMES = ("netG", "net_g", "netg", "netG_state_dict", "state_dict_G", "Generator", "generator_state", "generator_weights",
         "gen_model", "G_state", "model_G", "modelG_state_dict", "g_model", "netGE", "gen_ema", "ema_model",
         "state_dict", "params", "network")


@pytest.mark.parametrize("name", NAMES)
def test_it_is_found_under_any_of_the_usual_names(loaded, name):
    other = {key: value * 0 for key, value in tutorial().items()}
    beside = {"netD_state_dict": other, "d_ema": other, "state": {0: {"exp_avg": torch.zeros(2)}}, "optimizer_G": {"state": other}}
    assert loaded(beside | {name: tutorial()}).digest == loaded(tutorial()).digest


@pytest.mark.parametrize(("better", "worse"), [("g_ema", "g"), ("netG_ema", "netG"), ("ema", "generator"), ("G_ema", "ema"),
                                               ("generator", "model"), ("G_state_dict", "state_dict")])
def test_of_several_the_one_that_draws_best_is_taken(loaded, better, worse):
    other = {key: value * 0 for key, value in tutorial().items()}
    for held in ({better: tutorial(), worse: other}, {worse: other, better: tutorial()}):
        assert loaded(held).digest == loaded(tutorial()).digest


def test_under_another_name_its_parts_are_listed(loaded):
    with pytest.raises(CheckpointError, match="its parts are painter, epoch.*by itself"):
        loaded({"painter": tutorial(), "epoch": 3})


def test_older_files_do_not_count_batches():
    state = {key: value for key, value in tutorial().items() if not key.endswith("num_batches_tracked")}
    g = build(Contents("old", state))
    assert torch.equal(g.images(g.sample([0])), build(Contents("new", tutorial())).images(g.sample([0])))


def test_what_is_wrong_with_a_file_is_named(names_the_key):
    state = tutorial()
    # a batch may go uncounted, and where a convolution is gone the step after it is told
    names_the_key(build, state, apart=[key for key, value in state.items() if not value.ndim or value.ndim == 4])


@pytest.mark.parametrize(("change", "words"), [
    ({"main.0.weight": None}, "main.0.weight"), ({"main.3.weight": None}, "between main.0 and main.6"),
    ({"main.9.weight": torch.zeros(6, 2, 4, 4)}, "main.9.weight.* 2 colours"),
    ({"main.3.weight": torch.zeros(12, 8, 5, 5)}, "main.3.*wrap"),
    ({"main.3.weight": torch.zeros(11, 8, 4, 4)}, "main.3.weight"), ({"main.0.weight": torch.zeros(10, 12, 4, 3)}, "main.0.weight"),
    ({"main.6.weight": torch.full((8, 6, 4, 4), float("inf"))}, "main.6.weight"),
    ({"main.1.running_mean": None, "main.1.running_var": None}, "main.1.running_mean"),
])
def test_a_chain_that_cannot_be_told_is_refused(change, words):
    state = {key: value for key, value in (tutorial() | change).items() if value is not None}
    with pytest.raises(CheckpointError, match=words):
        build(Contents("bad", state))


def test_a_discriminator_is_no_generator(loaded):
    state = {"main.0.weight": torch.zeros(6, 3, 4, 4), "main.2.weight": torch.zeros(8, 6, 4, 4),
             "main.3.running_mean": torch.zeros(8), "main.5.weight": torch.zeros(1, 8, 4, 4)}
    with pytest.raises(CheckpointError, match="no kind"):
        loaded(state)
