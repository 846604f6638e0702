"""Every kind of generator, small and with random weights: what the tests of one adapter, and those of all, begin with.

A new adapter is a new line of `NETS`.
"""

import math
import tempfile
from pathlib import Path

import pytest
import torch
from torch import nn

import ganwidgets as gw
from ganwidgets.models import biggan, dcgan, r3gan
from ganwidgets.models.contents import Contents
from ganwidgets.models.progan import progan
from ganwidgets.models.progan_net import ProGANNet
from ganwidgets.models.stylegan2 import build as build_stylegan2
from ganwidgets.models.stylegan2 import mean_w, stylegan2
from ganwidgets.models.stylegan2_ada import stylegan2_ada
from ganwidgets.models.stylegan2_net import StyleGAN2Net
from ganwidgets.models.stylegan3 import stylegan3

from .nvlabs_files import CLASSES as NVLABS_CLASSES
from .nvlabs_files import ada, alias_free

CHANNELS, WIDTHS = (16, 16, 12, 12, 8, 8), (12, 10, 8)
STAGES = ((12, 3, 2), (12, 6, 1), (8, 2, 2))       # width, groups, blocks
WIDTH, LATENT, CLASSES, ROWS = 4, 6, 5, 51
LAYERS = [[False, 16, 16], [True, 16, 8], [False, 8, 4], [False, 4, 2], [True, 2, 1]]
CONFIG = {"output_dim": 16, "z_dim": LATENT, "class_embed_dim": LATENT, "channel_width": WIDTH, "num_classes": CLASSES,
          "layers": LAYERS, "attention_layer_position": 2, "eps": 1e-4, "n_stats": ROWS}


def progan_net(upsample="bilinear", replicate_from=16, *, channels=CHANNELS, latent=16):
    torch.manual_seed(0)
    return ProGANNet(channels, latent=latent, upsample=upsample, replicate_from=replicate_from)


def stylegan2_net(widths=WIDTHS, *, latent=16, mapping=2):
    torch.manual_seed(0)
    made = StyleGAN2Net(widths, latent=latent, mapping=mapping)
    for name, weight in made.named_parameters():
        if name.endswith("noise.weight"):
            weight.data.fill_(0.3)      # as a trained net has it; it begins at 0
        if name.endswith(("activate.bias", "style.1.bias")):
            weight.data.normal_()
    made.latent_avg.copy_(mean_w(made))
    return made


def port(state, *, apart=False):
    """The keys of the sequential port, written by hand for this size."""
    names = {"conv1": "layer2.conv", **{f"convs.{n}": f"layer{n + 3}.sconv" for n in range(4)}}
    written = {"latents.latent_avg": state["latent_avg"]}
    for key, value in state.items():
        path = next((path for path in names if key.startswith(f"{path}.")), None)
        if path:
            key = key.replace(f"{path}.conv.", f"{path}.mconv.").replace(path, names[path], 1)
            key = key.replace("mconv.weight", "mconv.dconv.weight") if apart else key
        key = key.replace("to_rgb1.", "to_rgb1.rgb.")
        for number in range(2):
            key = key.replace(f"to_rgbs.{number}.upsample.", f"up_rgb{number + 1}.")
            key = key.replace(f"to_rgbs.{number}.", f"to_rgb{number + 2}.rgb.")
        written[key] = value
    del written["latent_avg"]
    return written


def hub_state():
    """A state dict of BigGAN-deep in Hugging Face's layout."""
    torch.manual_seed(0)
    state = {"embeddings.weight": torch.randn(LATENT, CLASSES)}

    def spectral(path, *shape, bias=True):
        weight = torch.randn(shape)
        u, _, v = torch.linalg.svd(weight.flatten(1), full_matrices=False)
        state[f"{path}.weight_orig"] = weight
        if bias:
            state[f"{path}.bias"] = torch.randn(shape[0]) / 3
        state[f"{path}.weight_u"], state[f"{path}.weight_v"] = u[:, 0].clone(), v.mH[:, 0].clone()

    def norm(path, size):
        for part in ("scale", "offset"):
            spectral(f"{path}.{part}", size, 2 * LATENT, bias=False)
        statistics(path, size)

    def statistics(path, size):
        state[f"{path}.running_means"], state[f"{path}.running_vars"] = torch.randn(ROWS, size) / 2, torch.rand(ROWS, size) + 0.3

    spectral("generator.gen_z", 256 * WIDTH, 2 * LATENT)
    for number, (_, before, width) in enumerate(LAYERS):
        before, width = before * WIDTH, width * WIDTH
        if number == 2:
            path = "generator.layers.2.snconv1x1"
            for part, shape in (("theta", (before // 8, before)), ("phi", (before // 8, before)), ("g", (before // 2, before)),
                                ("o_conv", (before, before // 2))):
                spectral(f"{path}_{part}", *shape, 1, 1, bias=False)
            state["generator.layers.2.gamma"] = torch.tensor([0.7])
        path, inner = f"generator.layers.{number + (number >= 2)}", before // 4
        for step, size in enumerate((before, inner, inner, inner)):
            norm(f"{path}.bn_{step}", size)
        for step, shape in enumerate(((inner, before, 1, 1), (inner, inner, 3, 3), (inner, inner, 3, 3), (width, inner, 1, 1))):
            spectral(f"{path}.conv_{step}", *shape)
    last = LAYERS[-1][2] * WIDTH
    state |= {"generator.bn.weight": torch.rand(last) + 0.5, "generator.bn.bias": torch.randn(last)}
    statistics("generator.bn", last)
    spectral("generator.conv_to_rgb", last, last, 3, 3)
    return state


def ajbrock_state(*, deep=False, hier=True, spectral=True, shared=7, chunk=3, widths=(32, 16, 8)):
    """A state dict in the layout of ajbrock's code: attention after the last block."""
    torch.manual_seed(1)
    widths = (32, 32, 16, 16, 8) if deep else widths
    blocks = len(widths) - 1
    latent = chunk if deep or not hier else chunk * (blocks + 1)
    condition, state = shared + (chunk if hier else 0), {"shared.weight": torch.randn(CLASSES, shared)}

    def weight(path, *shape, bias=True):
        state[f"{path}.weight"] = torch.randn(shape) / (1 if spectral else math.prod(shape[1:]) ** 0.5)
        if bias:
            state[f"{path}.bias"] = torch.randn(shape[0]) / 3
        if spectral:
            state[f"{path}.u0"], state[f"{path}.sv0"] = torch.randn(1, shape[0]), torch.ones(1)

    def norm(path, size):
        for part in ("gain", "bias"):
            weight(f"{path}.{part}", size, condition, bias=False)
        state[f"{path}.stored_mean"], state[f"{path}.stored_var"] = torch.randn(size) / 2, torch.rand(size) + 0.5

    weight("linear", widths[0] * 16, condition if deep else chunk if hier else latent)
    for number, (before, width) in enumerate(zip(widths, widths[1:], strict=False)):
        path, inner = f"blocks.{number}.0", before // 4
        shapes = (((inner, before, 1), (inner, inner, 3), (inner, inner, 3), (width, inner, 1)) if deep else
                  ((width, before, 3), (width, width, 3)))
        for step, (size, size_in, kernel) in enumerate(shapes, start=1):
            weight(f"{path}.conv{step}", size, size_in, kernel, kernel)
            norm(f"{path}.bn{step}", size_in)
        if not deep:
            weight(f"{path}.conv_sc", width, before, 1, 1)
    path, width = f"blocks.{blocks - 1}.1", widths[-1]
    for part, size, size_in in (("theta", width // 8, width), ("phi", width // 8, width), ("g", width // 2, width),
                                ("o", width, width // 2)):
        weight(f"{path}.{part}", size, size_in, 1, 1, bias=False)
    state[f"{path}.gamma"] = torch.tensor(0.7)
    state |= {"output_layer.0.gain": torch.rand(width) + 0.5, "output_layer.0.bias": torch.randn(width),
              "output_layer.0.stored_mean": torch.randn(width) / 2, "output_layer.0.stored_var": torch.rand(width) + 0.5}
    weight("output_layer.2", 3, width, 3, 3)
    return state


def tutorial(widths=(12, 8, 6), latent=10, colors=3, normed=True, kernel=4):
    """A state dict as the tutorial's training script saves it."""
    torch.manual_seed(0)
    state, place, sizes = {}, 0, [latent, *widths, colors]
    for number, (before, width) in enumerate(zip(sizes, sizes[1:], strict=False)):
        side = kernel if number == 0 else 4
        state[f"main.{place}.weight"] = torch.randn(before, width, side, side) / (before * (1 if number == 0 else 4)) ** 0.5
        if number < len(widths) and normed:
            state |= {f"main.{place + 1}.weight": torch.rand(width) + 0.5, f"main.{place + 1}.bias": torch.randn(width),
                      f"main.{place + 1}.running_mean": torch.randn(width),
                      f"main.{place + 1}.running_var": torch.rand(width) + 0.5,
                      f"main.{place + 1}.num_batches_tracked": torch.tensor(7)}
        place += 3 if normed else 2
    return state


def r3gan_state(classes=0, latent=7, embedding=5):
    """A state dict in the public layout."""
    torch.manual_seed(0)
    taps = torch.tensor([1.0, 3, 3, 1])
    state = {"MainLayers.0.Layers.0.Basis": torch.randn(12, 4, 4),
             "MainLayers.0.Layers.0.LinearLayer.weight": torch.randn(12, latent + (embedding if classes else 0)) / 3}
    before = 12
    for number, (width, groups, blocks) in enumerate(STAGES):
        path, inner = f"MainLayers.{number}.Layers", 2 * width
        if number:
            state[f"{path}.0.Resampler.Kernel"] = taps[:, None] * taps / 64
            if width != before:
                state[f"{path}.0.LinearLayer.Layer.weight"] = torch.randn(width, before, 1, 1) / before**0.5
        for block in range(1, blocks + 1):
            shapes = ((inner, width, 1, 1), (inner, inner // groups, 3, 3), (width, inner, 1, 1))
            for place, shape in enumerate(shapes, start=1):
                state[f"{path}.{block}.LinearLayer{place}.Layer.weight"] = torch.randn(shape) / (shape[1] * shape[2] ** 2) ** 0.5
            for place in (1, 2):
                state[f"{path}.{block}.NonLinearity{place}.Bias"] = torch.randn(inner)
        before = width
    state["AggregationLayer.Layer.weight"] = torch.randn(3, before, 1, 1) / 9
    if classes:
        state["EmbeddingLayer.weight"] = torch.randn(embedding, classes)
    return state


class Tutorial(nn.Module):
    """The shape of the PyTorch tutorial's DCGAN."""

    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(10, 16, 4, 1, 0, bias=False), nn.BatchNorm2d(16), nn.ReLU(True),
            nn.ConvTranspose2d(16, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(True),
            nn.ConvTranspose2d(8, 3, 4, 2, 1, bias=False), nn.Tanh())

    def forward(self, z):
        return self.main(z)


class Skips(nn.Module):
    """A second way past a layer."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.ConvTranspose2d(10, 6, 4), nn.Conv2d(6, 6, 3, padding=1)
        self.last = nn.Conv2d(12, 3, 1)

    def forward(self, z):
        a = self.first(z)
        return self.last(torch.cat([a, self.second(a).relu()], dim=1))


def wrapped(kind, *layers, **how):
    """A module of one's own with random weights."""
    torch.manual_seed(0)
    return gw.wrap(kind(), list(layers), (10, 1, 1), name="mine", **how)


def of_state(module, state, **facts):
    """The generator that an adapter makes of these weights."""
    return module.build(Contents("tiny", state, facts))


def one_step_diffusion():
    """SD-Turbo in small, where diffusers is installed."""
    pytest.importorskip("diffusers")
    from ganwidgets.models.diffusion import one_step

    from . import turbo

    with tempfile.TemporaryDirectory() as home:
        tokenizer = turbo.tokenizer(Path(home))
    return one_step(turbo.unet(), turbo.kl(), [turbo.encoder()], [tokenizer], turbo.scheduler().config, name="tiny")


NETS = {
    "progan": lambda: progan(progan_net(), "tiny"),
    "stylegan2": lambda: stylegan2(stylegan2_net(), "tiny"),
    "stylegan2, the port": lambda: build_stylegan2(Contents("tiny", port(stylegan2_net().state_dict()))),
    "stylegan2-ada": lambda: stylegan2_ada(ada()[0], "tiny"),
    "stylegan2-ada of classes": lambda: stylegan2_ada(ada("skip", NVLABS_CLASSES, 0.6)[0], "tiny"),
    "stylegan2-ada, resnet": lambda: stylegan2_ada(ada("resnet")[0], "tiny"),
    "stylegan3-t": lambda: stylegan3(alias_free(3)[0], "tiny"),
    "stylegan3-r of classes": lambda: stylegan3(alias_free(1, NVLABS_CLASSES)[0], "tiny"),
    "biggan-deep": lambda: of_state(biggan, hub_state(), **CONFIG),
    "biggan": lambda: of_state(biggan, ajbrock_state()),
    "biggan-deep, ajbrock's": lambda: of_state(biggan, ajbrock_state(deep=True)),
    "dcgan": lambda: of_state(dcgan, tutorial()),
    "r3gan": lambda: of_state(r3gan, r3gan_state()),
    "r3gan of classes": lambda: of_state(r3gan, r3gan_state(4)),
    "one-step diffusion": one_step_diffusion,
    "a wrapped chain": lambda: wrapped(Tutorial, "main.2", "main.5"),
    "a replayed module": lambda: wrapped(Skips, "first", "second"),
}
