"""The progressively grown generator as a torch module, in the public key layout (`layerN.conv.weight`, `layerN.wscale.b`)."""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Upsampling = Literal["nearest", "bilinear"]


def pixel_norm(x: Tensor) -> Tensor:
    """Divide each pixel's features by their root mean square (Karras et al. 2018, section 4.2)."""
    return x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + 1e-8)


class WeightScale(nn.Module):
    """Equalized learning rate: weights are stored at unit variance and scaled in the run; holds the bias."""

    def __init__(self, fan_in: int, channels: int, gain: float) -> None:
        super().__init__()
        self.scale = gain / math.sqrt(fan_in)
        self.b = nn.Parameter(torch.zeros(channels))


class ScaledConv(nn.Module):
    """A convolution whose scale lives in `wscale`; `replicate` repeats the border, where zeros would draw a seam."""

    def __init__(self, channels_in: int, channels: int, kernel: int, *, padding: int, gain: float,
                 replicate: bool = False) -> None:
        super().__init__()
        mode: Literal["replicate", "zeros"] = "replicate" if replicate else "zeros"
        self.conv = nn.Conv2d(channels_in, channels, kernel, padding=padding, bias=False, padding_mode=mode)
        self.wscale = WeightScale(channels_in * kernel * kernel, channels, gain)
        nn.init.normal_(self.conv.weight)

    def forward(self, x: Tensor) -> Tensor:
        conv = self.conv
        if conv.padding_mode == "replicate":
            pad = int(conv.padding[0])
            x = F.pad(x, (pad, pad, pad, pad), mode="replicate")
            return F.conv2d(x, conv.weight * self.wscale.scale, self.wscale.b)
        return F.conv2d(x, conv.weight * self.wscale.scale, self.wscale.b, padding=conv.padding)


class Block(ScaledConv):
    """(pixel norm) -> (double the size) -> convolution -> leaky ReLU."""

    def __init__(self, channels_in: int, channels: int, kernel: int, *, padding: int, upsample: Upsampling | None,
                 replicate: bool = False, pixel_norm: bool = True) -> None:
        super().__init__(channels_in, channels, kernel, padding=padding, gain=math.sqrt(2), replicate=replicate)
        self.upsample, self.pixel_norm = upsample, pixel_norm

    def forward(self, x: Tensor) -> Tensor:
        if self.pixel_norm:
            x = pixel_norm(x)
        if self.upsample == "nearest":
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        elif self.upsample == "bilinear":  # equals nearest doubling followed by the [1, 2, 1] blur
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return F.leaky_relu(super().forward(x), 0.2)


class ProGANNet(nn.Module):
    """layer1 ... layerN and the outputs; layers 2k+1 (k >= 1) double the size, from 4 px.

    `channels` holds one width per layer; `outputs` the picture sizes that have an `output_SxS` (the last alone in a
    finished net, all of them while it grows). `replicate_from`: the smallest size whose borders are repeated.
    `pixel_norm`: off for a study of what it does; then z is not normed either.
    """

    def __init__(self, channels: tuple[int, ...], *, latent: int, outputs: tuple[int, ...] | None = None,
                 upsample: Upsampling = "nearest", replicate_from: int = 1 << 30, pixel_norm: bool = True) -> None:
        super().__init__()
        self.channels, self.latent, self.replicate_from = tuple(channels), latent, replicate_from
        self.pixel_norm = pixel_norm
        self.upsample: Upsampling = upsample
        for number, width in enumerate(channels, start=1):
            before = latent if number == 1 else channels[number - 2]
            up = upsample if number > 1 and number % 2 else None
            kernel, padding = (4, 3) if number == 1 else (3, 1)
            self.add_module(f"layer{number}", Block(before, width, kernel, padding=padding, upsample=up,
                                                    replicate=self.size_after(number) >= replicate_from,
                                                    pixel_norm=pixel_norm))
        for size in outputs or (self.size_after(len(channels)),):
            width = channels[self.last_layer(size) - 1]
            self.add_module(f"output_{size}x{size}", ScaledConv(width, 3, 1, padding=0, gain=1.0))

    @staticmethod
    def size_after(number: int) -> int:
        """The grid of layer `number` in pixels."""
        return 4 << ((number - 1) // 2)

    @staticmethod
    def last_layer(size: int) -> int:
        """The number of the last layer on a grid of `size` pixels."""
        return 2 * int(math.log2(size)) - 2

    @property
    def size(self) -> int:
        return self.size_after(len(self.channels))

    def layer(self, number: int) -> nn.Module:
        return self.get_submodule(f"layer{number}")

    def run(self, x: Tensor, first: int, last: int) -> Tensor:
        """Layers `first` to `last`, both included; (n, latent, 1, 1) for the first, features for the others."""
        for number in range(first, last + 1):
            x = self.layer(number)(x)
        return x

    def picture(self, features: Tensor, size: int | None = None) -> Tensor:
        """Features of the last layer at `size` to pictures in [-1, 1]."""
        size = size or self.size
        return self.colors(features, size).clamp(-1, 1)

    def colors(self, features: Tensor, size: int) -> Tensor:
        """The same before they are cut to [-1, 1]: what gradients flow through in training."""
        return self.get_submodule(f"output_{size}x{size}")(self.normed(features))

    def normed(self, features: Tensor) -> Tensor:
        """Features as the next convolution reads them."""
        return pixel_norm(features) if self.pixel_norm else features

    def forward(self, z: Tensor) -> Tensor:
        x = z.reshape(len(z), self.latent, 1, 1)
        return self.picture(self.run(x, 1, len(self.channels)))
