"""The parts of BigGAN as torch modules, under the names of either public layout: Hugging Face's, or that of ajbrock's code."""

from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganwidgets.core.errors import CheckpointError

Linear = TypeVar("Linear", nn.Linear, nn.Conv2d)


@dataclass(frozen=True)
class Spelling:
    """How a layout names the parts, and what it stores beside a weight that is to be divided by its largest singular value."""

    norms: tuple[str, ...]
    convs: tuple[str, ...]
    gain: str
    bias: str
    mean: str
    variance: str
    attention: tuple[str, str, str, str]        # theta, phi, g and the way back
    gamma: tuple[int, ...]                      # the shape of its strength
    vectors: Literal["both", "left", "none"]


HUGGING_FACE = Spelling(("bn_0", "bn_1", "bn_2", "bn_3"), ("conv_0", "conv_1", "conv_2", "conv_3"), "scale", "offset",
                        "running_means", "running_vars",
                        ("snconv1x1_theta", "snconv1x1_phi", "snconv1x1_g", "snconv1x1_o_conv"), (1,), "both")
AJBROCK = Spelling(("bn1", "bn2", "bn3", "bn4"), ("conv1", "conv2", "conv3", "conv4"), "gain", "bias", "stored_mean", "stored_var",
                   ("theta", "phi", "g", "o"), (), "left")


def stored(layer: Linear, spelling: Spelling) -> Linear:
    """The layer with the keys that a file holds: its weight not yet divided, and singular vectors beside it."""
    weight = layer.get_parameter("weight")
    if spelling.vectors == "both":
        del layer._parameters["weight"]
        layer.register_parameter("weight_orig", weight)
        layer.register_buffer("weight_u", torch.zeros(len(weight)))
        layer.register_buffer("weight_v", torch.zeros(weight[0].numel()))
    elif spelling.vectors == "left":
        layer.register_buffer("u0", torch.zeros(1, len(weight)))
        layer.register_buffer("sv0", torch.ones(1))
    return layer


@torch.no_grad()
def divide(net: nn.Module, name: str) -> None:
    """Divide each weight by its largest singular value, once and for all (Miyato et al. 2018): a net that draws never changes it.

    Errors: CheckpointError where the stored vectors tell no such value.
    """
    for path, layer in net.named_modules():
        held: Any = layer._buffers
        if "weight_u" in held:
            key, weight = "weight_u", layer._parameters.pop("weight_orig")
            assert weight is not None
            sigma = held.pop("weight_u") @ (weight.flatten(1) @ held.pop("weight_v"))
            layer.register_parameter("weight", weight)
        elif "u0" in held:
            key, weight = "u0", layer.get_parameter("weight")
            flat = weight.flatten(1)
            v = F.normalize(held.pop("u0") @ flat)
            sigma = (v @ flat.T) @ F.normalize(v @ flat.T).T
            del held["sv0"]     # a log of the training
        else:
            continue
        weight.div_(sigma.squeeze())
        if not torch.isfinite(weight).all():
            raise CheckpointError(f"{path}.{key} in {name} does not fit its weight, whose largest singular value it tells as "
                                  f"{sigma.item():g}.")


def at_rows(stored: Tensor, where: Tensor | None) -> Tensor:
    """Statistics (n or 1, channels), mixed from the rows that `where` (n, 3) names: a row, its weight, the next one's weight."""
    if where is None:
        return stored[None]
    row = where[:, 0].long()
    after = (row + 1).clamp(max=len(stored) - 1)
    return stored[row] * where[:, 1:2] + stored[after] * where[:, 2:3]


def normalized(x: Tensor, mean: Tensor, variance: Tensor, gain: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Features brought to mean 0 and variance 1 by stored statistics, then scaled and moved; all are (n or 1, channels)."""
    scale = gain * torch.rsqrt(variance + eps)
    return torch.addcmul((bias - mean * scale)[:, :, None, None], x, scale[:, :, None, None])


class ConditionalNorm(nn.Module):
    """Batch norm by stored statistics; gain and bias follow from the condition. `rows`: of statistics, 0 for a single one."""

    def __init__(self, size: int, condition: int, spelling: Spelling, *, rows: int, eps: float) -> None:
        super().__init__()
        self.spelling, self.eps = spelling, eps
        for part in (spelling.gain, spelling.bias):
            self.add_module(part, stored(nn.Linear(condition, size, bias=False), spelling))
        shape = (rows, size) if rows else (size,)
        self.register_buffer(spelling.mean, torch.zeros(shape))
        self.register_buffer(spelling.variance, torch.ones(shape))

    def forward(self, x: Tensor, condition: Tensor, where: Tensor | None) -> Tensor:
        own = self.spelling
        mean, variance = (at_rows(self.get_buffer(part), where) for part in (own.mean, own.variance))
        gain, bias = (self.get_submodule(part)(condition) for part in (own.gain, own.bias))
        return normalized(x, mean, variance, 1 + gain, bias, self.eps)


class LastNorm(nn.Module):
    """The batch norm before the picture, the same for all classes."""

    def __init__(self, size: int, gain: str, spelling: Spelling, *, rows: int, eps: float) -> None:
        super().__init__()
        self.spelling, self.eps, self.gain_name = spelling, eps, gain
        self.register_parameter(gain, nn.Parameter(torch.ones(size)))
        self.bias = nn.Parameter(torch.zeros(size))
        shape = (rows, size) if rows else (size,)
        self.register_buffer(spelling.mean, torch.zeros(shape))
        self.register_buffer(spelling.variance, torch.ones(shape))

    def forward(self, x: Tensor, where: Tensor | None) -> Tensor:
        mean, variance = (at_rows(self.get_buffer(part), where) for part in (self.spelling.mean, self.spelling.variance))
        return normalized(x, mean, variance, self.get_parameter(self.gain_name)[None], self.bias[None], self.eps)


def doubled(x: Tensor) -> Tensor:
    """Each cell four times."""
    return F.interpolate(x, scale_factor=2, mode="nearest")


class DeepBlock(nn.Module):
    """Four convolutions on a quarter of the channels, added to what came, of which surplus channels are dropped (BigGAN, B.2)."""

    def __init__(self, size_in: int, size: int, condition: int, spelling: Spelling, *, up: bool, rows: int, eps: float) -> None:
        super().__init__()
        self.spelling, self.size, self.up = spelling, size, up
        inner = size_in // 4
        for name, width in zip(spelling.norms, (size_in, inner, inner, inner), strict=True):
            self.add_module(name, ConditionalNorm(width, condition, spelling, rows=rows, eps=eps))
        shapes = ((size_in, inner, 1), (inner, inner, 3), (inner, inner, 3), (inner, size, 1))
        for name, (before, width, kernel) in zip(spelling.convs, shapes, strict=True):
            self.add_module(name, stored(nn.Conv2d(before, width, kernel, padding=kernel // 2), spelling))

    def forward(self, x: Tensor, condition: Tensor, where: Tensor | None) -> Tensor:
        h = x
        for number, (norm, conv) in enumerate(zip(self.spelling.norms, self.spelling.convs, strict=True)):
            h = F.relu(self.get_submodule(norm)(h, condition, where))
            h = doubled(h) if self.up and number == 1 else h
            h = self.get_submodule(conv)(h)
        x = x[:, :self.size]
        return h + (doubled(x) if self.up else x)


class WideBlock(nn.Module):
    """Two convolutions at twice the grid, added to a 1 x 1 convolution of what came (BigGAN, B.1)."""

    bn1: ConditionalNorm
    bn2: ConditionalNorm

    def __init__(self, size_in: int, size: int, condition: int, spelling: Spelling, *, eps: float) -> None:
        super().__init__()
        for name, width in (("bn1", size_in), ("bn2", size)):
            self.add_module(name, ConditionalNorm(width, condition, spelling, rows=0, eps=eps))
        self.conv1 = stored(nn.Conv2d(size_in, size, 3, padding=1), spelling)
        self.conv2 = stored(nn.Conv2d(size, size, 3, padding=1), spelling)
        self.conv_sc = stored(nn.Conv2d(size_in, size, 1), spelling)

    def forward(self, x: Tensor, condition: Tensor, where: Tensor | None) -> Tensor:
        h = self.conv1(doubled(F.relu(self.bn1(x, condition, where))))
        h = self.conv2(F.relu(self.bn2(h, condition, where)))
        return h + doubled(self.conv_sc(x))     # a 1 x 1 convolution may as well run before the doubling


class Attention(nn.Module):
    """Each cell looks at all cells of half the grid (Zhang et al. 2019)."""

    def __init__(self, size: int, spelling: Spelling) -> None:
        super().__init__()
        self.spelling = spelling
        shapes = ((size, size // 8), (size, size // 8), (size, size // 2), (size // 2, size))
        for name, (before, width) in zip(spelling.attention, shapes, strict=True):
            self.add_module(name, stored(nn.Conv2d(before, width, 1, bias=False), spelling))
        self.gamma = nn.Parameter(torch.zeros(spelling.gamma))

    def forward(self, x: Tensor) -> Tensor:
        theta, phi, g, back = (self.get_submodule(name) for name in self.spelling.attention)
        seen, keys, values = theta(x).flatten(2), F.max_pool2d(phi(x), 2).flatten(2), F.max_pool2d(g(x), 2).flatten(2)
        looked = values @ (seen.transpose(1, 2) @ keys).softmax(-1).transpose(1, 2)
        return x + self.gamma * back(looked.unflatten(2, tuple(x.shape[2:])))
