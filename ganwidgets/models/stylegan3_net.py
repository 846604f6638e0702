"""The StyleGAN3 generator in the key layout of its repository: `mapping.fcN`, `synthesis.input`, `synthesis.L0_36_512` ..."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ganwidgets.models.nvlabs import ClassMapping
from ganwidgets.models.resample import resample
from ganwidgets.models.stylegan2_net import SQRT2, EqualLinear, modulated

CELLS = 1 << 21     # that features have at once at their higher sampling rate, on a CPU


@dataclass(frozen=True)
class InputPlan:
    """How the Fourier features are made: their channels, the side of their grid, cells per picture, and the highest frequency."""

    channels: int
    side: int
    rate: float
    bandwidth: float
    learned: float


@dataclass(frozen=True)
class LayerPlan:
    """How a layer is built: channels, side of the kernel, shapes of its filters, sampling factors, padding, bound.

    `side`: of its features, of which `margin` cells on each side lie beyond the picture.
    `learned`: how slowly its styles learned. `last`: whether it makes the picture.
    """

    name: str
    size_in: int
    size: int
    kernel: int
    side: int
    margin: int
    filters: tuple[tuple[int, ...] | None, tuple[int, ...] | None]
    factors: tuple[int, int]
    padding: tuple[int, ...]
    clamp: float | None
    learned: float
    last: bool


class FourierInput(nn.Module):
    """Waves on a grid, turned and moved by w (Karras et al. 2021, section 3.2)."""

    def __init__(self, plan: InputPlan, style: int) -> None:
        super().__init__()
        self.plan = plan
        self.weight = nn.Parameter(torch.randn(plan.channels, plan.channels))
        self.affine = EqualLinear(style, 4, rate=plan.learned)
        self.register_buffer("transform", torch.eye(3))
        self.register_buffer("freqs", torch.randn(plan.channels, 2))
        self.register_buffer("phases", torch.randn(plan.channels))

    def forward(self, w: Tensor) -> Float[Tensor, "n c h w2"]:
        plan, transform = self.plan, self.placed(w)
        held: Any = self.freqs
        phases = self.phases + (held @ transform[:, :2, 2:]).squeeze(2)
        freqs = held @ transform[:, :2, :2]
        # waves that the user's transform makes too quick for the grid are weakened
        above = (freqs.norm(dim=2) - plan.bandwidth) / (plan.rate / 2 - plan.bandwidth)
        along = (torch.arange(plan.side, device=w.device, dtype=w.dtype) + 0.5 - plan.side / 2) / plan.rate
        x, y = freqs[:, None, None].unbind(-1)
        waves = x * along[:, None] + y * along[:, None, None] + phases[:, None, None]
        waves = torch.sin(waves * (2 * math.pi)) * (1 - above).clamp(0, 1)[:, None, None]
        return (waves @ self.weight.T / math.sqrt(plan.channels)).permute(0, 3, 1, 2)

    def placed(self, w: Tensor) -> Float[Tensor, "n 3 3"]:
        """How the waves lie: w's rotation after its translation, after the user's transform."""
        cos, sin, right, down = (moved := self.affine(w)).div(moved[:, :2].norm(dim=1, keepdim=True)).unbind(1)
        zero, one = torch.zeros_like(cos), torch.ones_like(cos)
        rotation = torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], dim=1).reshape(-1, 3, 3)
        translation = torch.stack([one, zero, -right, zero, one, -down, zero, zero, one], dim=1).reshape(-1, 3, 3)
        return rotation @ translation @ self.get_buffer("transform")


class FilteredLayer(nn.Module):
    """Modulated convolution, bias, and a leaky ReLU at a higher sampling rate, filtered before and after it."""

    def __init__(self, plan: LayerPlan, style: int) -> None:
        super().__init__()
        self.plan = plan
        self.weight = nn.Parameter(torch.randn(plan.size, plan.size_in, plan.kernel, plan.kernel))
        self.bias = nn.Parameter(torch.zeros(plan.size))
        self.affine = EqualLinear(style, plan.size_in, bias=1.0, rate=plan.learned)
        self.register_buffer("magnitude_ema", torch.ones([]))
        for name, taps in zip(("up_filter", "down_filter"), plan.filters, strict=True):
            self.register_buffer(name, None if taps is None else torch.zeros(taps))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        plan = self.plan
        style: Tensor = self.affine(w)
        weight: Tensor = self.weight
        if plan.last:
            style = style / math.sqrt(plan.size_in * plan.kernel ** 2)
        else:
            style = style * style.square().mean(1, keepdim=True).rsqrt()
            weight = weight * weight.square().mean((1, 2, 3), keepdim=True).rsqrt()
        x = modulated(x, weight, style, demodulate=not plan.last, padding=plan.kernel - 1)
        x = x * self.get_buffer("magnitude_ema").rsqrt() + self.bias[:, None, None]
        if not len(x):
            return self.bent(x)
        planes = x.flatten(0, 1)[None]      # no channel of any picture hears of another from here on
        parts = planes.split(self.together(planes), dim=1)
        return torch.cat([self.bent(some) for some in parts], dim=1)[0].unflatten(0, x.shape[:2])

    def bent(self, x: Tensor) -> Tensor:
        """The leaky ReLU and the bound, at a higher sampling rate."""
        plan, (up, down) = self.plan, self.plan.factors
        x = resample(x, self._buffers["up_filter"], up=up, padding=plan.padding, gain=float(up * up))
        x = x if plan.last else F.leaky_relu(x, 0.2) * SQRT2
        x = x if plan.clamp is None else x.clamp(-plan.clamp, plan.clamp)
        return resample(x, self._buffers["down_filter"], down=down)

    def together(self, planes: Tensor) -> int:
        """How many channels are bent at once: all on a GPU; on a CPU, where large features are slow to get memory for, few."""
        if planes.device.type != "cpu":
            return planes.shape[1]
        return max(1, CELLS // (planes.shape[2] * planes.shape[3] * self.plan.factors[0] ** 2))


class StyleGAN3Net(nn.Module):
    """`layers`: in running order, the last makes the picture. Layer p is modulated by row p + 1 of w, the input by row 0."""

    def __init__(self, mapping: ClassMapping, first: InputPlan, layers: Sequence[LayerPlan], scale: float) -> None:
        super().__init__()
        self.mapping, self.plans, self.scale = mapping, tuple(layers), scale
        style = len(mapping.get_buffer("w_avg"))
        self.synthesis = nn.Module()
        self.synthesis.add_module("input", FourierInput(first, style))
        for plan in layers:
            self.synthesis.add_module(plan.name, FilteredLayer(plan, style))

    def begin(self, w: Tensor) -> Tensor:
        """The features of layer 0 from w (n, rows, d)."""
        return self.advance(self.synthesis.get_submodule("input")(w[:, 0]), w, 0)

    def advance(self, x: Tensor, w: Tensor, place: int) -> Tensor:
        """The features of a layer from those of the one before."""
        return self.synthesis.get_submodule(self.plans[place].name)(x, w[:, place + 1])

    def picture(self, x: Tensor, w: Tensor) -> Tensor:
        """The picture, from the features of the last layer before it."""
        return self.scale * self.advance(x, w, len(self.plans) - 1)
