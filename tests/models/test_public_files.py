"""ProGAN and StyleGAN2 as others publish them: key layouts, wrappers, half precision, other devices, training files."""

import argparse
import io
import re
import zipfile

import pytest
import torch
from safetensors.torch import save_file

import ganwidgets as gw
from ganwidgets.core.errors import ArgumentError, CheckpointError
from ganwidgets.models.contents import Contents
from ganwidgets.models.progan import build as build_progan
from ganwidgets.models.progan_net import ProGANNet
from ganwidgets.models.stylegan2 import build, mean_w
from ganwidgets.models.stylegan2_net import StyleGAN2Net
from ganwidgets.models.stylegan2_sequential import FROM_ROSINALITY, TO_ROSINALITY, changed
from ganwidgets.testing import check_generator

from .tiny_nets import CHANNELS, WIDTHS, port


@pytest.fixture(scope="module")
def progan_state():
    torch.manual_seed(0)
    return ProGANNet(CHANNELS, latent=10).state_dict()


def older(state):
    """The same under the keys of the first releases, with scales that say nothing new."""
    renamed = {re.sub(r"^layer(\d+)", lambda found: f"features.{int(found[1]) - 1}", key).replace("output_16x16", "output"): value
               for key, value in state.items()}
    return renamed | {f"{path}.wscale.scale": torch.ones(1) for path in [*(f"features.{n}" for n in range(6)), "output"]}


@pytest.mark.parametrize(("write", "far"), [
    (lambda state: state, 0), (older, 0),
    (lambda state: {"state_dict": state, "epoch": 7}, 0), (lambda state: {"state_dict": older(state)}, 0),
    (lambda state: {f"module.{key}": value for key, value in state.items()}, 0),
    (lambda state: {"state_dict": {f"module.{key}": value for key, value in older(state).items()}}, 0),
    (lambda state: {key: value.half() for key, value in state.items()}, 2e-2),
    (lambda state: {f"module.{key}": value.to(torch.bfloat16) for key, value in older(state).items()}, 2e-1),
    (lambda state: {key: torch.nn.Parameter(value) for key, value in state.items()}, 0),
])
def test_progan_is_read_from_every_public_layout(loaded, same_in_any_batch, progan_state, write, far):
    g, same = loaded(write(progan_state), "church-7e701dd5.pth"), build_progan(Contents("same", progan_state))
    check_generator(g)
    same_in_any_batch(g)
    assert g.layers == same.layers and g.latent_shape == (10,) and g.name == "church-7e701dd5"
    assert torch.allclose(g.images(g.sample([3])), same.images(same.sample([3])), atol=far + 1e-6)


def test_a_file_from_another_device_is_read_on_this_one(tmp_path, progan_state):
    """As a file that was saved on a GPU: every storage in it says so."""
    torch.save(progan_state, buffer := io.BytesIO())
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(tmp_path / "cuda.pth", "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("data.pkl"):
                content, before = content.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:3"), content
                assert content != before, "torch writes the device otherwise"
            new.writestr(name, content)
    g = gw.load_checkpoint(tmp_path / "cuda.pth", device="cpu")
    assert g.device.type == "cpu" and g.digest == build_progan(Contents("same", progan_state)).digest


def test_a_safetensors_file_is_read_too(tmp_path, progan_state):
    save_file(older(progan_state), tmp_path / "old.safetensors")
    g = gw.load_checkpoint(str(tmp_path / "old.safetensors"), "progan", device="cpu")
    assert g.digest == build_progan(Contents("same", progan_state)).digest
    with pytest.raises(ArgumentError, match="no kind 'progam'.*Did you mean 'progan'"):
        gw.load_checkpoint(tmp_path / "old.safetensors", "progam")


def test_what_is_wrong_with_a_progan_is_named_as_the_file_writes_it(names_the_key, progan_state):
    scales = [key for key in older(progan_state) if key.endswith("scale")]
    names_the_key(build_progan, progan_state, apart=["layer6.conv.weight", "output_16x16.conv.weight"])
    names_the_key(build_progan, older(progan_state), apart=["features.5.conv.weight", "output.conv.weight", *scales])
    with pytest.raises(CheckpointError, match="features.2.wscale.scale"):
        build_progan(Contents("spoilt", older(progan_state) | {"features.2.wscale.scale": torch.tensor([float("nan")])}))
    with pytest.raises(CheckpointError, match="holds 5 layers"):
        build_progan(Contents("odd", {key: value for key, value in progan_state.items() if not key.startswith("layer6")}))


# --- StyleGAN2 ----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    net = StyleGAN2Net(WIDTHS, latent=16, mapping=2)
    for name, weight in net.named_parameters():
        if name.endswith("noise.weight"):
            weight.data.fill_(0.3)
    net.latent_avg.copy_(mean_w(net))
    return net.state_dict()


@pytest.mark.parametrize("apart", [False, True])
def test_the_sequential_port_is_the_same_net(loaded, same_in_any_batch, state, apart):
    same, g = build(Contents("same", state)), loaded(port(state, apart=apart), "church.pt")
    assert {"layer2.conv.mconv.dconv.weight" if apart else "layer2.conv.mconv.weight", "layer3.sconv.mconv.blur.kernel",
            "up_rgb1.kernel", "to_rgb3.rgb.conv.weight", "latents.latent_avg",
            "layer6.sconv.activate.bias"} <= set(port(state, apart=apart))
    check_generator(g)
    same_in_any_batch(g, truncation=0.5)
    assert g.layers == same.layers and g.digest == same.digest
    assert torch.equal(g.images(g.sample([3], truncation=0.6)), same.images(same.sample([3], truncation=0.6)))


def test_a_mean_that_the_port_never_filled_is_measured(state):
    empty = port(state) | {"latents.latent_avg": torch.tensor(0.0)}
    assert torch.allclose(build(Contents("empty", empty)).net.latent_avg, state["latent_avg"], atol=1e-5)


def test_keys_go_to_the_port_and_back(state):
    for apart in (False, True):
        for key in port(state, apart=apart):
            there = changed(key, TO_ROSINALITY)
            assert there in state and changed(there, FROM_ROSINALITY) == key.replace("dconv.", "")


def test_what_is_wrong_with_a_port_is_named_as_the_file_writes_it(names_the_key, state):
    made = [key for key in port(state) if key.startswith(("noises", "latents"))]        # may be missing
    for apart in (False, True):
        names_the_key(build, port(state, apart=apart), every=3, apart=made)
    names_the_key(build, state, every=3, apart=[key for key in state if key.startswith(("noises", "latent"))])


def training_file(state, **changes):
    """What rosinality's training script saves: the generator, its moving average, and much beside them."""
    own = {key: value for key, value in state.items() if key != "latent_avg"}
    other = {key: value * 0.5 for key, value in own.items()}
    return {"g": other, "d": {"convs.0.0.weight": torch.zeros(3, 3, 1, 1)}, "g_ema": own,
            "g_optim": {"state": {0: {"step": torch.zeros(1)}}}, "d_optim": {"state": {}},
            "args": argparse.Namespace(size=16, latent=16, path="lmdb"), "ada_aug_p": 0.1} | changes


def test_a_training_file_gives_the_moving_average(loaded, state):
    g = loaded(training_file(state), "110000.pt")
    check_generator(g)
    assert torch.equal(g.net.conv1.conv.weight, state["conv1.conv.weight"]), "g_ema, and not g beside it"
    assert torch.allclose(g.net.latent_avg, state["latent_avg"], atol=1e-5), "the mean of w is measured"
    only = training_file(state)
    del only["g_ema"]
    assert torch.equal(loaded(only).net.conv1.conv.weight, 0.5 * state["conv1.conv.weight"])


@pytest.mark.parametrize("write", [lambda state: state, port])
def test_a_conversion_without_noise_gets_the_same_noise_each_time(loaded, same_in_any_batch, state, write):
    bare = {key: value for key, value in write(state).items() if not key.startswith("noises")}
    g, again = loaded(bare, "one.pt"), loaded(bare, "two.pt")
    same_in_any_batch(g)
    assert torch.equal(g.images(g.sample([0])), again.images(again.sample([0])))
    assert not torch.allclose(g.images(g.sample([0])), g.images(g.latents(g.sample([0]).z, noise="none")), atol=1e-3)


def test_other_code_in_a_training_file_is_not_run(loaded, state):
    with pytest.raises(CheckpointError, match="asks for argparse.ArgumentParser, which no net needs; nothing in it was run"):
        loaded(training_file(state, args=argparse.ArgumentParser))
