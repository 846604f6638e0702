"""The StyleGAN2 generator as a torch module, in the key layout of the public rosinality checkpoints.

`style.k`, `input.input`, `conv1`, `convs.i`, `to_rgb1`, `to_rgbs.i`, `noises.noise_j`. Layer 0 is `conv1`, layer p is
`convs.(p-1)`; layer p is modulated by row p of w, and the rgb after an even layer by row p + 1 (Karras et al. 2020).
"""

import math
from collections.abc import Callable
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganwidgets.core.nets import no_autocast
from ganwidgets.models.progan_net import pixel_norm

Net = TypeVar("Net", bound=nn.Module)

SQRT2 = math.sqrt(2)
MAPPING_RATE = 0.01     # the mapping learns so much more slowly than the rest (section 4.1 of StyleGAN)


def doubling_kernel() -> Tensor:
    """The filter that smooths what is doubled, its sum 4 because three of four cells are empty."""
    taps = (1.0, 3.0, 3.0, 1.0)
    return torch.tensor([[one * other / 16 for other in taps] for one in taps])


class EqualLinear(nn.Module):
    """A linear map at equalized learning rate."""

    def __init__(self, size_in: int, size: int, *, bias: float = 0.0, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(size, size_in).div_(rate))
        self.bias = nn.Parameter(torch.full((size,), bias))
        self.scale, self.rate = rate / math.sqrt(size_in), rate

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, self.bias * self.rate)


class PixelNorm(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return pixel_norm(z)


class MappingLayer(EqualLinear):
    """One step of the mapping from z to w."""

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(super().forward(x), 0.2) * SQRT2


class Blur(nn.Module):
    """Holds the filter under the name that checkpoints give it."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kernel", doubling_kernel())

    def forward(self, x: Tensor, pad: tuple[int, int]) -> Tensor:
        kernel: Any = self.kernel
        channels = x.shape[1]
        taps = kernel.flip(0, 1).to(x.dtype).expand(channels, 1, *kernel.shape)
        return F.conv2d(F.pad(x, (*pad, *pad)), taps, groups=channels)


class Upsample(Blur):
    """Pictures at twice the size: empty cells between, then the filter."""

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        n, c, h, w = x.shape
        spread = x.new_zeros(n, c, h, 2, w, 2)
        spread[:, :, :, 0, :, 0] = x
        return super().forward(spread.reshape(n, c, 2 * h, 2 * w), (2, 1))


def squared_lengths(weight: Tensor, style: Tensor) -> Tensor:
    """The squared length of each picture's weights for each channel, (n, channels), once they are scaled by its style."""
    with no_autocast(weight.device.type):       # these are sums of squares: half precision is too coarse
        return style.square() @ weight.square().sum((2, 3)).T


def modulated(x: Tensor, weight: Tensor, style: Tensor, *, demodulate: bool, padding: int | None = None,
              smooth: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """A convolution whose weights are scaled by the style of each picture, and brought back to unit length.

    Both are done to the features, before and after (section 2.2 of StyleGAN2): one convolution then serves the batch.
    `smooth`: filters what the convolution has doubled; left out, it doubles nothing. `padding`: left out, the size stays.
    """
    lengths = squared_lengths(weight, style) if demodulate else None
    x = x * style.to(x.dtype)[:, :, None, None]
    if smooth is not None:
        x = smooth(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2))
    else:
        x = F.conv2d(x, weight, padding=weight.shape[-1] // 2 if padding is None else padding)
    return x if lengths is None else x * torch.rsqrt(lengths + 1e-8).to(x.dtype)[:, :, None, None]


class ModulatedConv(nn.Module):
    """A modulated convolution with the weights that it needs."""

    def __init__(self, size_in: int, size: int, kernel: int, style: int, *, demodulate: bool = True, up: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, size, size_in, kernel, kernel))
        self.modulation = EqualLinear(style, size_in, bias=1.0)
        self.scale, self.demodulate, self.up = 1 / math.sqrt(size_in * kernel * kernel), demodulate, up
        if up:
            self.blur = Blur()

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        with no_autocast(x.device.type):
            style = self.modulation(w)
        smooth = (lambda spread: self.blur(spread, (1, 1))) if self.up else None
        return modulated(x, self.weight[0] * self.scale, style, demodulate=self.demodulate, smooth=smooth)


class Noise(nn.Module):
    """How strongly noise is added."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))


class Bias(nn.Module):
    """The bias before the activation, under the name that checkpoints give it."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(size))


class StyledConv(nn.Module):
    """Modulated convolution, noise, bias, leaky ReLU: a layer."""

    def __init__(self, size_in: int, size: int, style: int, *, up: bool = False) -> None:
        super().__init__()
        self.conv = ModulatedConv(size_in, size, 3, style, up=up)
        self.noise, self.activate = Noise(), Bias(size)

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        x = self.conv(x, w)
        if noise is not None:       # apart from the bias: their sum, of all channels, would not lie in the order of x
            x = x + (self.noise.weight * noise).to(x.dtype)
        return F.leaky_relu(x + self.activate.bias.to(x.dtype)[:, None, None], 0.2) * SQRT2


class ToRGB(nn.Module):
    """The rgb of a grid, added to the smaller picture enlarged (the skip architecture, section 4.1)."""

    def __init__(self, size_in: int, style: int, *, upsample: bool) -> None:
        super().__init__()
        self.conv = ModulatedConv(size_in, 3, 1, style, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))
        if upsample:
            self.upsample = Upsample()

    def forward(self, x: Tensor, w: Tensor, before: Tensor) -> Tensor:
        rgb = self.conv(x, w) + self.bias
        return rgb + self.upsample(before) if before.shape[-1] else rgb


class Constant(nn.Module):
    """The 4 x 4 features that every picture begins with."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.input = nn.Parameter(torch.randn(1, size, 4, 4))


def channels_last(net: Net) -> Net:
    """The net, its weights in the order that is fastest on a CPU; its convolutions' have one side more than torch can order.

    One that has no memory yet is filled in that order: nothing of it is ever held twice.
    """
    for weight in net.parameters():
        four = weight.data[0] if weight.ndim == 5 else weight.data
        if four.ndim == 4:
            four = four.contiguous(memory_format=torch.channels_last)
            weight.data = four[None] if weight.ndim == 5 else four
    return net


class StyleGAN2Net(nn.Module):
    """`widths`: the channels of each grid, from 4 x 4 up. `latent`: the length of z and w. `mapping`: steps from z to w."""

    def __init__(self, widths: tuple[int, ...], *, latent: int, mapping: int) -> None:
        super().__init__()
        self.widths, self.latent, self.depth = tuple(widths), latent, mapping
        self.style = nn.Sequential(PixelNorm(), *(MappingLayer(latent, latent, rate=MAPPING_RATE) for _ in range(mapping)))
        self.input = Constant(widths[0])
        self.conv1 = StyledConv(widths[0], widths[0], latent)
        self.to_rgb1 = ToRGB(widths[0], latent, upsample=False)
        self.convs, self.to_rgbs = nn.ModuleList(), nn.ModuleList()
        for before, width in zip(widths, widths[1:], strict=False):
            self.convs.extend([StyledConv(before, width, latent, up=True), StyledConv(width, width, latent)])
            self.to_rgbs.append(ToRGB(width, latent, upsample=True))
        self.noises = nn.Module()
        for layer in range(self.count):
            self.noises.register_buffer(f"noise_{layer}", torch.randn(1, 1, self.grid(layer), self.grid(layer)))
        self.register_buffer("latent_avg", torch.zeros(latent))

    @property
    def count(self) -> int:
        """How many layers there are."""
        return 2 * len(self.widths) - 1

    @property
    def size(self) -> int:
        """The picture's side in pixels."""
        return 4 << (len(self.widths) - 1)

    @staticmethod
    def grid(layer: int) -> int:
        """The side of a layer's features."""
        return 4 << ((layer + 1) // 2)

    def stored_noise(self, layer: int) -> Tensor:
        """The noise that comes with the weights, (1, 1, s, s)."""
        return self.noises.get_buffer(f"noise_{layer}")

    def begin(self, w: Tensor, noise: Tensor | None) -> Tensor:
        """The features of layer 0 from w (n, rows, latent)."""
        return self.conv1(self.input.input.expand(len(w), -1, -1, -1), w[:, 0], noise)

    def advance(self, x: Tensor, w: Tensor, layer: int, noise: Tensor | None) -> Tensor:
        """The features of a layer after the first, from those of the layer before."""
        return self.convs[layer - 1](x, w[:, layer], noise)

    def rgb(self, x: Tensor, w: Tensor, layer: int, before: Tensor) -> Tensor:
        """The picture so far, once the features of this layer are there; odd layers add nothing to it."""
        if layer % 2:
            return before
        to_rgb = self.to_rgb1 if layer == 0 else self.to_rgbs[layer // 2 - 1]
        return to_rgb(x, w[:, layer + 1], before)

    def step(self, x: Tensor, w: Tensor, layer: int, before: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """The features of a layer after the first, and the picture so far, from both at the layer before."""
        return self.advance(x, w, layer, noise), self.rgb(x, w, layer - 1, before)

    def picture(self, x: Tensor, w: Tensor, before: Tensor) -> Tensor:
        """The picture, from the features of the last layer and the picture so far."""
        return self.rgb(x, w, self.count - 1, before)
