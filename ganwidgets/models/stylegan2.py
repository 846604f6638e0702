"""StyleGAN2 generators as layered nets: `conv1`, `convs.0`, `convs.1` ..., each stopped after its activation."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.digests import WeightDigests
from ganwidgets.core.errors import CheckpointError
from ganwidgets.core.nets import Layer, Loaded, full_float32
from ganwidgets.models.contents import Contents, agreed, fill, has, unmade
from ganwidgets.models.styled import NoisyStyleBased, noise_map
from ganwidgets.models.stylegan2_net import StyleGAN2Net, channels_last
from ganwidgets.models.stylegan2_sequential import sequential, spelling, translated

KIND = "stylegan2"
FACTS = ("latent_avg",)
MOST_GRIDS = 9              # 2048 pixels: a file of a few bytes could ask for any number
AVERAGED = 4096             # z whose w are averaged where a file does not say their mean


@final
@dataclass(frozen=True, eq=False)
class StyleGAN2(NoisyStyleBased):
    """A style-based generator (Karras et al. 2020): z is mapped to w, a row of which modulates each layer.

    A paused run holds beside its features w, the picture of the smaller grids, and where its noise comes from.
    """

    net: StyleGAN2Net = field(repr=False)
    name: str
    layers: tuple[Layer, ...] = field(repr=False)
    image_size: int
    latent_shape: tuple[int, ...]
    companions: Mapping[str, Callable[[], Any]] = field(default_factory=dict, repr=False)
    digests: WeightDigests | None = field(default=None, repr=False)
    loaded: Loaded | None = None

    def mean(self) -> Float[Tensor, " d"]:
        """The mean of w, to which truncation draws."""
        return self.net.get_buffer("latent_avg")

    def mapped(self, z: Tensor, condition: Tensor | None) -> Float[Tensor, "n d"]:
        """w of z."""
        return self.net.style(z)


def stylegan2(net: StyleGAN2Net, name: str) -> StyleGAN2:
    """The adapter around a net, which is set to eval mode and asks for no gradient from here on."""
    layers = []
    for place in range(net.count):
        side = net.grid(place)
        layers.append(Layer(f"convs.{place - 1}" if place else "conv1", net.widths[(place + 1) // 2], side, side))
    return StyleGAN2(net.eval().requires_grad_(False), name, tuple(layers), net.size, (net.latent,))


def matches(contents: Contents) -> bool:
    """Whether these are rosinality's keys, or the sequential port's."""
    held = contents.tensors
    return has(held, "input.input", 4) and (has(held, "conv1.conv.weight", 5) or sequential(held))


def build(contents: Contents) -> StyleGAN2:
    """A generator from rosinality's keys, or the sequential port's; widths and sizes are read from the shapes.

    Where no mean of w is given it is taken over 4,096 pictures; noise that a file does not store is drawn from a seed.
    Errors: CheckpointError, naming the key.
    """
    held, name = dict(contents.tensors), contents.name
    spelled: Callable[[str], str] = str
    if sequential(held):
        held, spelled = translated(held), spelling(held)
    with unmade():
        net = channels_last(StyleGAN2Net(**_architecture(held, name, spelled)))
    noises = {f"noises.noise_{place}": partial(own_noise, place, net.grid(place)) for place in range(net.count)}
    average = held.pop("latent_avg", contents.facts.get("latent_avg"))
    held["latent_avg"] = torch.zeros(net.latent) if average is None else average.reshape(-1)
    fill(net, held, name, spelled=spelled, made=noises)
    if average is None:
        with torch.no_grad():
            net.latent_avg.copy_(mean_w(net))  # type: ignore[operator]
    return stylegan2(net, name)


def own_noise(place: int, size: int) -> Float[Tensor, "1 1 size size"]:
    """The noise of a layer whose file stores none."""
    return noise_map(0, 0, place, size)[None]


def _architecture(held: Mapping[str, Tensor], name: str, spelled: Callable[[str], str]) -> dict[str, Any]:
    """How the net was built, by the shapes of its weights. Errors: CheckpointError."""
    steps = {found[1] for key in held if (found := re.match(r"style\.(\d+)\.", key))}
    grids = {found[1] for key in held if (found := re.match(r"to_rgbs\.(\d+)\.", key))}
    needed = ["input.input", "style.1.weight", *(f"convs.{2 * place + 1}.conv.weight" for place in range(len(grids)))]
    if len(grids) > MOST_GRIDS:
        raise CheckpointError(f"{name} has {len(grids)} grids above 4 x 4; a stylegan2 has at most {MOST_GRIDS}.")
    missing = [key for key in needed if key not in held]
    if missing:
        raise CheckpointError(f"{name} holds no whole stylegan2: it has no {spelled(missing[0])}.")
    misshapen = [key for key in needed if held[key].ndim != (4 if key == needed[0] else 2 if key == needed[1] else 5)]
    if misshapen:
        raise CheckpointError(f"{name} holds no whole stylegan2: {spelled(misshapen[0])} has another shape than a stylegan2's.")
    first = agreed(held, name, ("input.input", 1), ("conv1.conv.weight", 1), ("conv1.activate.bias", 0), ("to_rgb1.conv.weight", 2))
    widths = [agreed(held, name, (key, 1), (key.replace("conv.weight", "activate.bias"), 0),
                     (f"to_rgbs.{place}.conv.weight", 2)) for place, key in enumerate(needed[2:])]
    latent = agreed(held, name, ("style.1.weight", 1), ("style.1.bias", 0), ("conv1.conv.modulation.weight", 1))
    return {"widths": (first, *widths), "latent": latent, "mapping": len(steps)}


@torch.no_grad()
def mean_w(net: StyleGAN2Net, count: int = AVERAGED) -> Float[Tensor, " d"]:
    """The mean of w over so many z, from a fixed seed."""
    z = np.random.RandomState(0).standard_normal((count, net.latent)).astype(np.float32)
    with full_float32():
        return net.style(torch.from_numpy(z).to(net.input.input)).mean(0)
