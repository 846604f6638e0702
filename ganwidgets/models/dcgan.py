"""DCGAN generators as layered nets, in the layout of the PyTorch tutorial: `main.2`, `main.5` ..., each after its ReLU."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganwidgets.core.digests import WeightDigests
from ganwidgets.core.errors import CheckpointError
from ganwidgets.core.latents import Latents
from ganwidgets.core.nets import Layer, Loaded
from ganwidgets.models.chains import ChainGenerator
from ganwidgets.models.contents import Contents, agreed, fill, unmade
from ganwidgets.models.stylegan2_net import channels_last

KIND = "dcgan"
FACTS = ()


class DCGANNet(nn.Module):
    """Transposed convolutions, the first from z, each other one doubling the grid; batch norm and ReLU between them."""

    def __init__(self, widths: tuple[int, ...], *, latent: int, colors: int, kernel: int, norms: tuple[bool, ...],
                 biases: tuple[bool, ...]) -> None:
        super().__init__()
        self.widths, self.latent, self.kernel = tuple(widths), latent, kernel
        self.main = nn.Sequential()
        self.stops: list[int] = []      # the place of each layer's ReLU in `main`
        sizes = [latent, *widths, colors]
        for number, (before, width) in enumerate(zip(sizes, sizes[1:], strict=False)):
            side, stride, padding = (kernel, 1, 0) if number == 0 else (4, 2, 1)
            self.main.append(nn.ConvTranspose2d(before, width, side, stride, padding, bias=biases[number]))
            if number < len(widths):
                if norms[number]:
                    self.main.append(nn.BatchNorm2d(width))
                self.main.append(nn.ReLU())
                self.stops.append(len(self.main) - 1)
        self.main.append(nn.Tanh())

    def step(self, place: int, x: Tensor) -> Tensor:
        """The features after a ReLU, from those after the one before; from z (n, latent) for the first."""
        if place == 0:
            return self._through(x[:, :, None, None], 0, self.stops[0])
        return self._through(x, self.stops[place - 1] + 1, self.stops[place])

    def picture(self, x: Tensor) -> Tensor:
        """Pictures (n, 3, h, w) from the last layer's features; grey ones three times over."""
        return self._through(x, self.stops[-1] + 1, len(self.main) - 1).expand(-1, 3, -1, -1)

    def _through(self, x: Tensor, first: int, last: int) -> Tensor:
        for number in range(first, last + 1):
            x = F.relu(x) if isinstance(self.main[number], nn.ReLU) else self.main[number](x)
        return x


@final
@dataclass(frozen=True, eq=False)
class DCGAN(ChainGenerator):
    """A deep convolutional generator (Radford et al. 2016). It draws from z alone: no truncation, classes or noise."""

    net: DCGANNet = field(repr=False)
    name: str
    layers: tuple[Layer, ...] = field(repr=False)
    image_size: int
    latent_shape: tuple[int, ...]
    companions: Mapping[str, Callable[[], Any]] = field(default_factory=dict, repr=False)
    digests: WeightDigests | None = field(default=None, repr=False)
    loaded: Loaded | None = None

    def begin(self, inputs: Latents) -> tuple[Tensor, tuple[Tensor, ...]]:
        """z, and nothing else. Errors: LatentsError."""
        return self.own_z(inputs), ()


def dcgan(net: DCGANNet, name: str) -> DCGAN:
    """The adapter around a net, which is set to eval mode and asks for no gradient from here on."""
    layers = [Layer(f"main.{stop}", width, net.kernel << place, net.kernel << place)
              for place, (stop, width) in enumerate(zip(net.stops, net.widths, strict=True))]
    return DCGAN(net.eval().requires_grad_(False), name, tuple(layers), net.kernel << len(layers), (net.latent, 1, 1))


def matches(contents: Contents) -> bool:
    """Whether convolutions follow each other as transposed ones do: the widths of a discriminator are stored the other way."""
    held = contents.tensors
    first, *others = [held[f"main.{number}.weight"] for number in convolutions(held)] or [torch.zeros(0)]
    return bool(others) and "main.0.weight" in held and first.shape[1] == others[0].shape[0]


def convolutions(held: Mapping[str, Tensor]) -> list[int]:
    """The places in `main` that hold a convolution."""
    found = (re.fullmatch(r"main\.(\d+)\.weight", key) for key in held)
    return sorted(int(each[1]) for each in found if each and held[each[0]].ndim == 4)


def build(contents: Contents) -> DCGAN:
    """A generator from the tutorial's keys; widths, depth, colours and the length of z are read from the shapes.

    Errors: CheckpointError, naming the key.
    """
    held, name = dict(contents.tensors), contents.name
    places = convolutions(held)
    if len(places) < 2 or places[0] != 0:
        raise CheckpointError(f"{name} holds no dcgan: it lacks main.0.weight, or a second convolution after it.")
    check_steps(held, places, name)
    keys = [f"main.{place}.weight" for place in places]
    norms = tuple(f"main.{place + 1}.running_mean" in held for place in places[:-1])
    widths = tuple(agreed(held, name, (key, 1), (after, 0), (f"main.{place + 1}.running_mean", 0), (f"main.{place + 1}.bias", 0))
                   for key, after, place in zip(keys, keys[1:], places, strict=False))
    colors = held[keys[-1]].shape[1]
    if colors not in (1, 3):
        raise CheckpointError(f"{keys[-1]} in {name} draws {colors} colours; pictures have 3, or 1 where they are grey.")
    for place, normed in zip(places, norms, strict=False):
        if normed:      # files older than torch 0.4.1 do not count their batches
            held.setdefault(f"main.{place + 1}.num_batches_tracked", torch.tensor(0))
    with unmade():
        net = channels_last(DCGANNet(
            widths, latent=held[keys[0]].shape[0], colors=colors, kernel=held[keys[0]].shape[-1], norms=norms,
            biases=tuple(f"main.{place}.bias" in held for place in places)))
    fill(net, held, name)
    return dcgan(net, name)


def check_steps(held: Mapping[str, Tensor], places: list[int], name: str) -> None:
    """Errors: CheckpointError for a chain whose strides or activations its weights do not tell."""
    own = "gw.wrap opens a net of another build."
    for place, after in zip(places, places[1:], strict=False):
        weights = 1 + any(key.startswith(f"main.{place + 1}.") for key in held)
        if after - place - weights != 1:
            raise CheckpointError(f"{name} has {after - place - weights} steps without weights between main.{place} and "
                                  f"main.{after}; a dcgan has one, its ReLU. {own}")
        if weights == 2 and f"main.{place + 1}.running_mean" not in held:
            raise CheckpointError(f"{name} lacks main.{place + 1}.running_mean. {own}")
    for place in places[1:]:
        sides = tuple(held[f"main.{place}.weight"].shape[2:])
        if sides != (4, 4):
            raise CheckpointError(f"main.{place}.weight in {name} has the kernel {sides}; a dcgan doubles its grid with (4, 4). "
                                  f"{own}")
