"""The discriminator that storybook's generator is trained against: it grows with the pictures, and is not in the wheel."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class EqualConv(nn.Conv2d):
    """A convolution at equalized learning rate (Karras et al. 2018, section 4.1)."""

    def __init__(self, channels_in: int, channels: int, kernel: int, *, padding: int = 0, gain: float = math.sqrt(2)):
        super().__init__(channels_in, channels, kernel, padding=padding)
        nn.init.normal_(self.weight)
        assert self.bias is not None
        nn.init.zeros_(self.bias)
        self.scale = gain / math.sqrt(channels_in * kernel * kernel)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.scale, self.bias, padding=self.padding)


def add_batch_deviation(x: Tensor, group: int = 8) -> Tensor:
    """One more channel: how much the pictures of a group differ (minibatch standard deviation, section 3)."""
    n, c, h, w = x.shape
    size = math.gcd(n, group)
    deviation = (x.reshape(size, n // size, c, h, w).var(dim=0, unbiased=False) + 1e-8).sqrt().mean(dim=(1, 2, 3))
    return torch.cat([x, deviation.repeat(size).reshape(n, 1, 1, 1).expand(n, 1, h, w)], dim=1)


class Adversary(nn.Module):
    """Pictures (n, 3, size, size) to one number each, higher for rendered ones.

    `channels` maps every grid from the largest to 4 to its width; `rgb_S` reads pictures at size S, `same_S` and `down_S`
    are the two convolutions of a grid. Pictures of twice the largest grid are read as 2 x 2 pixels a cell: convolutions
    on all of their pixels would cost more than all the rest. `deviation`: whether it is told how alike a batch is.
    """

    def __init__(self, channels: dict[int, int], *, deviation: bool = True) -> None:
        super().__init__()
        self.deviation = deviation
        self.channels = dict(sorted(channels.items(), reverse=True))
        self.largest = max(self.channels)
        for size, width in self.channels.items():
            if size > 4:
                self.add_module(f"rgb_{size}", EqualConv(3, width, 1))
                self.add_module(f"same_{size}", EqualConv(width, width, 3, padding=1))
                self.add_module(f"down_{size}", EqualConv(width, self.channels[size // 2], 3, padding=1))
        self.add_module(f"rgb_{2 * self.largest}", EqualConv(12, self.channels[self.largest], 3, padding=1))
        last = self.channels[4]
        self.joint = EqualConv(last + deviation, last, 3, padding=1)
        self.dense = EqualConv(last, last, 4)
        self.verdict = EqualConv(last, 1, 1, gain=1.0)

    def forward(self, pictures: Tensor, fade: float = 1.0) -> Tensor:
        """`fade` < 1 blends in the half-size reading while a new size is young."""
        size = pictures.shape[-1]
        x = self.read(pictures)
        if size <= self.largest:
            x = self.down(x, size)
        if fade < 1 and size > 8:
            x = fade * x + (1 - fade) * self.read(F.avg_pool2d(pictures, 2))
        for smaller in self.channels:
            if 4 < smaller < size:
                x = self.down(x, smaller)
        if self.deviation:
            x = add_batch_deviation(x)
        x = F.leaky_relu(self.joint(x), 0.2)
        return self.verdict(F.leaky_relu(self.dense(x), 0.2)).flatten()

    def read(self, pictures: Tensor) -> Tensor:
        size = pictures.shape[-1]
        folded = F.pixel_unshuffle(pictures, 2) if size > self.largest else pictures
        return F.leaky_relu(self.get_submodule(f"rgb_{size}")(folded), 0.2)

    def down(self, x: Tensor, size: int) -> Tensor:
        x = F.leaky_relu(self.get_submodule(f"same_{size}")(x), 0.2)
        return F.avg_pool2d(F.leaky_relu(self.get_submodule(f"down_{size}")(x), 0.2), 2)
