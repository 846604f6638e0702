"""R3GAN files: the laws, the paper's blocks written out, classes, and files that are none."""

import pickle
import sys
import types

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import ganwidgets as gw
from ganwidgets.core.errors import ArgumentError, CheckpointError, LatentsError
from ganwidgets.models.contents import Contents
from ganwidgets.models.r3gan import Basis, Bias, Block, Convolution, Doubling, R3GANNet, Resampler, build
from ganwidgets.testing import check_edit, check_generator

from .tiny_nets import STAGES, r3gan_state


def drawn(state, z):
    """The net, written out: empty cells between and a smoothing filter to double, residual blocks."""
    x, seen = state["MainLayers.0.Layers.0.Basis"] * (z @ state["MainLayers.0.Layers.0.LinearLayer.weight"].T)[:, :, None, None], []
    for number, (_, groups, blocks) in enumerate(STAGES):
        path = f"MainLayers.{number}.Layers"
        if number:
            x = F.conv2d(x, state[f"{path}.0.LinearLayer.Layer.weight"]) if f"{path}.0.LinearLayer.Layer.weight" in state else x
            spread = x.new_zeros(*x.shape[:2], x.shape[2] * 2, x.shape[3] * 2)
            spread[:, :, ::2, ::2] = x
            kernel = 4 * state[f"{path}.0.Resampler.Kernel"].expand(x.shape[1], 1, 4, 4)
            x = F.conv2d(F.pad(spread, (2, 1, 2, 1)), kernel, groups=x.shape[1])
        seen.append(x)
        for block in range(1, blocks + 1):
            y = x
            for place in (1, 2, 3):
                y = F.conv2d(y, state[f"{path}.{block}.LinearLayer{place}.Layer.weight"], padding=int(place == 2),
                             groups=groups if place == 2 else 1)
                if place < 3:
                    y = F.leaky_relu(y + state[f"{path}.{block}.NonLinearity{place}.Bias"][:, None, None], 0.2)
            x = x + y
            seen.append(x)
    return seen, F.conv2d(x, state["AggregationLayer.Layer.weight"]).clamp(-1, 1)


@pytest.mark.parametrize("classes", [0, 4])
def test_it_obeys_the_laws(loaded, same_in_any_batch, classes):
    g = loaded(r3gan_state(classes))
    check_generator(g)
    same_in_any_batch(g)
    assert g.image_size == 16 and g.latent_shape == (7,) and g.layers[0].name == "MainLayers.0.Layers.0"
    assert [layer.channels for layer in g.layers] == [12, 12, 12, 12, 12, 8, 8, 8]
    check_edit(gw.UnitEdit("MainLayers.1.Layers.1", [0, 3], value=2.0), g)


@pytest.mark.parametrize("classes", [0, 4])
def test_it_is_the_papers_net(loaded, classes):
    state = r3gan_state(classes)
    g = loaded({"G": {}, "G_ema": {f"Model.{key}": value for key, value in state.items()}, "cur_nimg": 5})
    z = torch.randn(3, 7)
    latents = g.latents(z, labels=[0, 3, 1]) if classes else g.latents(z)
    given = torch.cat([z, state["EmbeddingLayer.weight"].T[[0, 3, 1]]], dim=1) if classes else z
    seen, picture = drawn(state, given)
    assert torch.allclose(g.images(latents), picture, atol=1e-5) and picture.abs().max() == 1 > picture.abs().mean()
    for layer, features in zip(g.layers, seen, strict=True):
        assert torch.allclose(g.head(latents, layer).features, features, atol=1e-5)


def test_classes_change_the_picture_and_mix(loaded):
    g = loaded(r3gan_state(4))
    apart = g.images(g.sample([5, 5], labels=[0, 1]))
    assert not torch.allclose(apart[0], apart[1], atol=1e-2)
    assert torch.allclose(g.images(g.sample([5, 5], labels=torch.eye(4)[:2])), apart, atol=1e-5)
    assert torch.allclose(g.images(g.sample([5], labels=1)), apart[1:], atol=1e-5)
    assert {int(row.argmax()) for row in g.sample(range(40)).condition} == {0, 1, 2, 3}, "each seed draws its class"
    halves = g.sample([5], labels=[[0.5, 0.5, 0, 0]])
    assert torch.equal(halves.condition, torch.tensor([[0.5, 0.5, 0, 0]]))


@pytest.mark.parametrize("labels", [[4], [-1], [0.5], [True], [0, 1], "dog", [[1.0, 0, 0]], [[float("nan"), 0, 0, 0]]])
def test_labels_that_are_none_are_refused(loaded, labels):
    g = loaded(r3gan_state(4))
    with pytest.raises(ArgumentError, match="class number from 0 to 3"):
        g.sample([0], labels=labels)


def test_what_it_cannot_do_is_said(loaded):
    plain, g = loaded(r3gan_state()), loaded(r3gan_state(4))
    with pytest.raises(ArgumentError, match="labels"):
        plain.sample([0], labels=[1])
    for asked in ({"truncation": 0.5}, {"prompt": "a tree"}):
        with pytest.raises(ArgumentError, match=next(iter(asked))):
            g.sample([0], **asked)
    with pytest.raises(ArgumentError, match="truncation_cutoff"):
        g.latents(torch.zeros(1, 7), truncation_cutoff=3)
    with pytest.raises(LatentsError, match="4 classes"):
        g.images(plain.sample([0]))


def test_own_vectors_carry_their_class(loaded):
    g = loaded(r3gan_state(4))
    z = torch.randn(2, 7)
    one, other = g.latents(z, labels=0), g.latents(z, labels=1)
    assert not set(one.pictures) & set(other.pictures) and all(number < 0 for number in one.pictures)
    assert torch.equal(g.latents(z).condition, g.latents(z).condition)


@pytest.mark.parametrize("classes", [0, 4])
def test_what_is_wrong_with_a_file_is_named(names_the_key, classes):
    # without its embedding, a net of classes is one that reads a longer z
    names_the_key(build, r3gan_state(classes), apart=["EmbeddingLayer.weight"])


@pytest.mark.parametrize(("change", "words"), [
    ({"EmbeddingLayer.weight": torch.zeros(20, 4)}, "EmbeddingLayer.weight"),
    ({"MainLayers.1.Layers.0.Resampler.Kernel": torch.zeros(3, 3)}, "MainLayers.1.Layers.0.Resampler.Kernel"),
    ({"MainLayers.1.Layers.1.LinearLayer2.Layer.weight": torch.zeros(24, 5, 3, 3)}, "MainLayers.1.Layers.1.LinearLayer2"),
    ({"Model.MainLayers.7.Layers.1.NonLinearity1.Bias": torch.zeros(4)}, "MainLayers.3"),
])
def test_a_net_that_cannot_be_built_is_refused(change, words):
    with pytest.raises(CheckpointError, match=words):
        build(Contents("bad", r3gan_state(4) | change))


# --- the training's own pickles -----------------------------------------------------------------------------------------------

CLASSES = {Basis: "Networks.GenerativeBasis", Bias: "FusedOperators.BiasedActivationReference", Block: "Networks.ResidualBlock",
           Convolution: "Networks.Convolution", Doubling: "Networks.UpsampleLayer", R3GANNet: "Networks.Generator",
           Resampler: "Resamplers.InterpolativeUpsamplerReference", nn.Module: "Networks.GeneratorStage"}


class Trained:
    """Writes pickles whose classes exist only meanwhile, in modules of the training's names."""

    def __init__(self, code="R3GAN", top="training.networks"):
        self.code, self.top, self.held = code, top, {}

    def made(self, path, state):
        """A module of the class of that name."""
        where, _, name = path.rpartition(".")
        for each in (where.partition(".")[0], where):
            self.held.setdefault(each, types.ModuleType(each))
        if not hasattr(self.held[where], name):
            setattr(self.held[where], name, type(name, (nn.Module,), {"__module__": where}))
        found = nn.Module.__new__(getattr(self.held[where], name))
        found.__dict__.update(state)
        return found

    def part(self, net):
        """A module as the training code has it."""
        state = {**vars(net), "_modules": {key: self.part(each) for key, each in net.named_children()}}
        if type(net) in CLASSES:
            state = {key: value for key, value in state.items() if key in vars(nn.Module())}
            return self.made(f"{self.code}.{CLASSES[type(net)]}", {**state, "DataType": torch.bfloat16})
        found = nn.Module.__new__(type(net))
        found.__dict__.update(state)
        return found

    def file(self, net):
        """The bytes of a snapshot, with the state of an optimizer beside the nets."""
        says = {"z_dim": net.latent, "c_dim": net.classes}
        whole = self.made(f"{self.top}.Generator", {**vars(nn.Module()), **says, "_modules": {"Model": self.part(net)}})
        weight = torch.zeros(3, requires_grad=True)
        adam = torch.optim.Adam([weight])
        weight.sum().backward()
        adam.step()
        sys.modules.update(self.held)
        try:
            return pickle.dumps({"G": whole, "D": None, "G_ema": whole, "training_set_kwargs": {"path": "pictures.zip"},
                                 "cur_nimg": 200_000, "G_opt_state": adam.state_dict()})
        finally:
            for name in self.held:
                del sys.modules[name]


@pytest.mark.parametrize("classes", [0, 4])
@pytest.mark.parametrize("names", [("R3GAN", "training.networks"), ("BaselineGAN", "training.networks_baseline")])
def test_the_trainings_pickles_are_read_and_not_run(tmp_path, names, classes):
    g = build(Contents("g", r3gan_state(classes)))
    (tmp_path / "network-snapshot-000000200.pkl").write_bytes(Trained(*names).file(g.net))
    read = gw.load_checkpoint(tmp_path / "network-snapshot-000000200.pkl", device="cpu")
    assert read.layers == g.layers and read.digest == g.digest and not read.loaded.verified
    assert torch.equal(read.images(read.sample([3])), g.images(g.sample([3])))


@pytest.mark.parametrize(("change", "words"), [
    (lambda held: held.replace(b"GenerativeBasis", b"GenerativeBasin"), "asks for R3GAN.Networks.GenerativeBasin"),
    (lambda held: held.replace(b"training.networks", b"training.netw0rks"), "asks for training.netw0rks.Generator"),
    (lambda held: held.replace(b"torch.nn.modules.conv", b"torch.nn.modules.c0nv"), "asks for torch.nn.modules.c0nv.Conv2d"),
    (lambda held: held.replace(b"G_ema", b"G_emb"), "without the generator"), (lambda held: held[:-200], "cut short"),
    (lambda held: held.replace(b"\x8c\x05Model\x94", b"\x8c\x05Mod l\x94"), "no module at"),
])
def test_a_pickle_of_other_classes_is_refused(tmp_path, change, words):
    held = Trained().file(build(Contents("g", r3gan_state())).net)
    assert change(held) != held
    (tmp_path / "other.pkl").write_bytes(change(held))
    with pytest.raises(CheckpointError, match=words):
        gw.load_checkpoint(tmp_path / "other.pkl", device="cpu")
