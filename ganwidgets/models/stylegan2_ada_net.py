"""The StyleGAN2 generator in the key layout of the NVlabs repositories: `mapping.fcN`, `synthesis.bR.conv0`, `.conv1`, `.torgb`.

Layer 0 is `b4.conv1`, layer 2k - 1 the `conv0` of block k and layer 2k its `conv1`; layer p is modulated by row p of w, and the
rgb after an even layer by row p + 1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganwidgets.models.nvlabs import COLORS, ClassMapping
from ganwidgets.models.resample import doubling, resample
from ganwidgets.models.stylegan2_net import SQRT2, EqualLinear, modulated, squared_lengths

HALF = math.sqrt(0.5)       # by which both ways of a residual block are weakened


@dataclass(frozen=True)
class LayerPlan:
    """How a layer is built: channels, the side of its kernel, the shape of its filter, whether it has noise, how it learned."""

    size_in: int
    size: int
    kernel: int
    taps: tuple[int, ...]
    noise: bool
    rate: float
    clamp: float | None


@dataclass(frozen=True)
class BlockPlan:
    """How a block is built: its two layers (the first block has but one), and how its rgb learned and is clamped, if it has one."""

    layers: tuple[LayerPlan, ...]
    taps: tuple[int, ...]
    rgb: tuple[float, float | None] | None
    shortcut: tuple[int, ...] | None        # the shape of its filter


class SynthesisLayer(nn.Module):
    """Modulated convolution, noise, bias, leaky ReLU, and a bound."""

    def __init__(self, plan: LayerPlan, style: int, side: int) -> None:
        super().__init__()
        self.clamp = plan.clamp
        self.weight = nn.Parameter(torch.randn(plan.size, plan.size_in, plan.kernel, plan.kernel))
        self.bias = nn.Parameter(torch.zeros(plan.size))
        self.affine = EqualLinear(style, plan.size_in, bias=1.0, rate=plan.rate)
        self.register_buffer("resample_filter", torch.zeros(plan.taps))
        self.register_buffer("noise_const", torch.randn(side, side) if plan.noise else None)
        if plan.noise:
            self.noise_strength = nn.Parameter(torch.zeros([]))

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None, *, up: bool = False, gain: float = 1.0) -> Tensor:
        style, total = self.affine(w), SQRT2 * gain     # a leaky ReLU lets gains through: they go onto what is small
        scale = squared_lengths(self.weight, style).add(1e-8).rsqrt() * total
        x = modulated(x, self.weight, style, demodulate=False, smooth=self.smooth if up else None)
        x = torch.addcmul(self.bias[:, None, None] * total, x, scale[:, :, None, None])
        if noise is not None:
            x = x.add_(noise * (self.noise_strength * total))
        x = F.leaky_relu(x, 0.2, inplace=True)
        return x if self.clamp is None else x.clamp(-self.clamp * gain, self.clamp * gain)

    def smooth(self, spread: Tensor) -> Tensor:
        """Filter what a transposed convolution has doubled, and cut it to twice the size."""
        taps: Any = self.resample_filter
        kernel, (before, after, *_) = self.weight.shape[-1], doubling(taps)
        before, after = before + kernel // 2 - kernel + 1, after + kernel // 2 - kernel + 2
        return resample(spread, taps, padding=(before, after, before, after), gain=4.0)


class ToRGB(nn.Module):
    """The rgb of a block."""

    def __init__(self, size_in: int, style: int, rate: float, clamp: float | None) -> None:
        super().__init__()
        self.clamp = clamp
        self.weight = nn.Parameter(torch.randn(COLORS, size_in, 1, 1))
        self.bias = nn.Parameter(torch.zeros(COLORS))
        self.affine = EqualLinear(style, size_in, bias=1.0, rate=rate)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        style = self.affine(w) / math.sqrt(self.weight.shape[1])
        rgb = modulated(x, self.weight, style, demodulate=False) + self.bias[:, None, None]
        return rgb if self.clamp is None else rgb.clamp(-self.clamp, self.clamp)


class Shortcut(nn.Module):
    """The way around a residual block's layers."""

    def __init__(self, size_in: int, size: int, taps: tuple[int, ...]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(size, size_in, 1, 1))
        self.register_buffer("resample_filter", torch.zeros(taps))

    def forward(self, x: Tensor) -> Tensor:
        taps: Any = self.resample_filter
        x = F.conv2d(x, self.weight / math.sqrt(self.weight.shape[1]))
        return HALF * resample(x, taps, up=2, padding=doubling(taps), gain=4.0)


class Block(nn.Module):
    """The layers of one grid."""

    def __init__(self, plan: BlockPlan, style: int, side: int) -> None:
        super().__init__()
        first, last = plan.layers[0], plan.layers[-1]
        self.register_buffer("resample_filter", torch.zeros(plan.taps))
        if len(plan.layers) == 1:
            self.const = nn.Parameter(torch.randn(last.size_in, side, side))
        else:
            self.conv0 = SynthesisLayer(first, style, side)
        self.conv1 = SynthesisLayer(last, style, side)
        if plan.rgb:
            self.torgb = ToRGB(last.size, style, *plan.rgb)
        if plan.shortcut:
            self.skip = Shortcut(first.size_in, last.size, plan.shortcut)


class StyleGAN2ADANet(nn.Module):
    """`blocks`: from 4 x 4 up. `architecture`: "skip" adds up the rgb of all blocks, "resnet" leads around each, "orig" neither.

    What is carried beside the features is, in "skip", the picture so far; in "resnet", within a block, the way around it.
    """

    def __init__(self, mapping: ClassMapping, blocks: Sequence[BlockPlan], architecture: str) -> None:
        super().__init__()
        self.mapping, self.architecture, self.count = mapping, architecture, 2 * len(blocks) - 1
        self.synthesis = nn.Module()
        style = len(mapping.get_buffer("w_avg"))
        for number, plan in enumerate(blocks):
            self.synthesis.add_module(f"b{4 << number}", Block(plan, style, 4 << number))

    @staticmethod
    def grid(layer: int) -> int:
        """The side of a layer's features."""
        return 4 << ((layer + 1) // 2)

    def block(self, layer: int) -> Any:
        """The block of a layer."""
        return self.synthesis.get_submodule(f"b{self.grid(layer)}")

    def layer(self, place: int) -> SynthesisLayer:
        """The layer of that place."""
        return self.block(place).conv0 if place % 2 else self.block(place).conv1

    def stored_noise(self, place: int) -> Tensor | None:
        """The noise that comes with the weights, (1, 1, s, s); None for a layer that has none."""
        noise: Any = self.layer(place).noise_const
        return None if noise is None else noise[None, None]

    def begin(self, w: Tensor, noise: Tensor | None) -> Tensor:
        """The features of layer 0 from w (n, rows, d)."""
        block = self.block(0)
        return block.conv1(block.const.expand(len(w), -1, -1, -1), w[:, 0], noise)

    def step(self, x: Tensor, w: Tensor, place: int, before: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """The features of a layer after the first, and what is carried, from both at the layer before."""
        block = self.block(place)
        if place % 2 == 0:
            return block.conv1(x, w[:, place], noise, gain=HALF if self.architecture == "resnet" else 1.0), before
        x, before = self.leave(x, w, place - 1, before)
        if self.architecture == "resnet":
            before = block.skip(x)
        return block.conv0(x, w[:, place], noise, up=True), before

    def leave(self, x: Tensor, w: Tensor, place: int, before: Tensor) -> tuple[Tensor, Tensor]:
        """The features and the picture after a block, from those of its last layer."""
        block = self.block(place)
        if self.architecture == "resnet":
            return (x + before, x.new_zeros(len(x), COLORS, 0, 0)) if place else (x, before)
        if self.architecture == "orig":
            return x, before
        rgb = block.torgb(x, w[:, place + 1])
        if place:
            rgb = rgb + resample(before, block.resample_filter, up=2, padding=doubling(block.resample_filter), gain=4.0)
        return x, rgb

    def picture(self, x: Tensor, w: Tensor, before: Tensor) -> Tensor:
        """The picture, from the features of the last layer and what is carried."""
        x, before = self.leave(x, w, self.count - 1, before)
        return before if self.architecture == "skip" else self.block(self.count - 1).torgb(x, w[:, self.count])
