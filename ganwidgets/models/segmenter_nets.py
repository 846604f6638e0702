"""The architectures of the two bundled segmenters as torch modules: a small U-Net, and a dilated net."""

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganwidgets.core.errors import ArgumentError


class ConvUnit(nn.Module):
    """Convolution, normalisation while training, rectifier; kept weights have the normalisation folded in."""

    def __init__(self, channels_in: int, channels: int, kernel: int = 3, *, stride: int = 1, dilation: int = 1,
                 slope: float | None = 0.0, norm: bool = True) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.conv = nn.Conv2d(channels_in, channels, kernel, stride=stride, padding=padding, dilation=dilation,
                              bias=not norm)
        self.norm = nn.BatchNorm2d(channels) if norm else None
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if self.norm is not None:
            x = self.norm(x)
        if self.slope is None:
            return x
        return F.leaky_relu(x, self.slope) if self.slope else F.relu(x)

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of the one convolution that does the same in evaluation."""
        if self.norm is None or self.norm.running_mean is None or self.norm.running_var is None:
            raise ArgumentError("this net has no normalisation to fold; build it with norm=True.")
        scale = self.norm.weight * torch.rsqrt(self.norm.running_var + self.norm.eps)
        return self.conv.weight * scale[:, None, None, None], self.norm.bias - self.norm.running_mean * scale


def doubled(x: Tensor) -> Tensor:
    """Twice the height and width, by linear interpolation."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class UNet(nn.Module):
    """Down to a sixteenth of the size and up again, with sums over the skips and a last convolution at full size."""

    def __init__(self, widths: Sequence[int], concepts: int, *, norm: bool = True) -> None:
        super().__init__()
        full, half, quarter, eighth, last = widths

        def unit(a: int, b: int, kernel: int = 3, stride: int = 1) -> ConvUnit:
            return ConvUnit(a, b, kernel, stride=stride, norm=norm)

        self.down1 = unit(3, full)
        self.down2 = nn.Sequential(unit(full, half, stride=2), unit(half, half))
        self.down4 = nn.Sequential(unit(half, quarter, stride=2), unit(quarter, quarter), unit(quarter, quarter))
        self.down8 = nn.Sequential(unit(quarter, eighth, stride=2), unit(eighth, eighth))
        self.down16 = nn.Sequential(unit(eighth, eighth, stride=2), unit(eighth, eighth))
        self.up8 = unit(eighth, eighth)
        self.up4 = nn.Sequential(unit(quarter, quarter))
        self.up2 = unit(half, half)
        self.up1 = unit(2 * full, last)
        self.narrow4, self.narrow2, self.narrow1 = (unit(a, b, 1) for a, b in
                                                    ((eighth, quarter), (quarter, half), (half, full)))
        self.head = nn.Conv2d(last, concepts, 1)

    def features(self, x: Tensor) -> Tensor:
        """What the head reads, at full size."""
        d1 = self.down1(x)
        d2 = self.down2(d1)
        d4 = self.down4(d2)
        d8 = self.down8(d4)
        x = self.up8(doubled(self.down16(d8)) + d8)
        x = self.up4(doubled(self.narrow4(x)) + d4)
        x = self.up2(doubled(self.narrow2(x)) + d2)
        return self.up1(torch.cat([doubled(self.narrow1(x)), d1], 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


class DilatedBlock(nn.Module):
    """A residual bottleneck whose middle convolution looks `dilation` cells far."""

    def __init__(self, channels: int, dilation: int, *, norm: bool) -> None:
        super().__init__()
        narrow = channels // 2
        self.steps = nn.Sequential(
            ConvUnit(channels, narrow, 1, slope=.1, norm=norm),
            ConvUnit(narrow, narrow, 3, dilation=dilation, slope=.1, norm=norm),
            ConvUnit(narrow, channels, 1, slope=None, norm=norm))

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x + self.steps(x), .1)


class DilatedNet(nn.Module):
    """Residual blocks of growing dilation at a quarter of the size, and mean features, refined by colour."""

    DILATIONS = (1, 2, 4, 8, 1, 2, 4, 8, 1, 2)

    def __init__(self, widths: Sequence[int], concepts: int, *, norm: bool = True) -> None:
        super().__init__()
        half, quarter, middle, colour, last = widths

        def unit(a: int, b: int, kernel: int = 3, stride: int = 1) -> ConvUnit:
            return ConvUnit(a, b, kernel, stride=stride, slope=.1, norm=norm)

        self.stem2 = unit(12, half)
        self.stem4 = unit(half, quarter, stride=2)
        self.blocks = nn.Sequential(*(DilatedBlock(quarter, dilation, norm=norm) for dilation in self.DILATIONS))
        self.whole = nn.Linear(quarter, quarter)
        self.narrow = unit(quarter, middle, 1)
        self.refine2 = nn.Sequential(unit(middle + half, middle), unit(middle, colour, 1))
        self.colour = unit(3, colour, 5)
        self.refine1 = unit(2 * colour, last)
        self.head = nn.Conv2d(last, concepts, 1)

    def features(self, x: Tensor) -> Tensor:
        """What the head reads, at full size."""
        s2 = self.stem2(F.pixel_unshuffle(x, 2))
        deep = self.blocks(self.stem4(s2))
        deep = deep + self.whole(deep.mean((2, 3)))[:, :, None, None]
        deep = self.refine2(torch.cat([doubled(self.narrow(deep)), s2], 1))
        return self.refine1(torch.cat([doubled(deep), self.colour(x)], 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


ARCHITECTURES: Mapping[str, Callable[..., nn.Module]] = {"unet": UNet, "dilated": DilatedNet}


def folded_state(net: nn.Module) -> dict[str, Tensor]:
    """The state of the same architecture built with `norm=False`, which answers what `net` answers in evaluation."""
    state = dict(net.state_dict())
    for name, module in net.named_modules():
        if isinstance(module, ConvUnit):
            for key in [key for key in state if key.startswith(f"{name}.norm.")]:
                del state[key]
            weight, bias = module.folded()
            state[f"{name}.conv.weight"], state[f"{name}.conv.bias"] = weight.detach(), bias.detach()
    return state
