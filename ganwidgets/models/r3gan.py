"""R3GAN generators as layered nets: `MainLayers.i.Layers.j`, the features after each change of grid and each residual block."""

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
from ganwidgets.models.chains import ClassGenerator
from ganwidgets.models.contents import Contents, agreed, fill, unmade

KIND = "r3gan"
FACTS = ()
PREFIX = "Model."       # of the training code's own wrapper


class Convolution(nn.Module):
    """A convolution without bias, under the name that checkpoints give it."""

    def __init__(self, size_in: int, size: int, kernel: int, groups: int = 1) -> None:
        super().__init__()
        self.Layer = nn.Conv2d(size_in, size, kernel, padding=kernel // 2, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.Layer(x)


class Bias(nn.Module):
    """The bias before a leaky ReLU, and the activation itself."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.Bias = nn.Parameter(torch.zeros(size))

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x + self.Bias[:, None, None], 0.2)


class Block(nn.Module):
    """1 x 1 to more channels, a grouped convolution, 1 x 1 back, added to what came (Huang et al. 2024, section 4.2)."""

    def __init__(self, size: int, inner: int, groups: int, kernel: int) -> None:
        super().__init__()
        self.LinearLayer1, self.LinearLayer2 = Convolution(size, inner, 1), Convolution(inner, inner, kernel, groups)
        self.LinearLayer3 = Convolution(inner, size, 1)
        self.NonLinearity1, self.NonLinearity2 = Bias(inner), Bias(inner)

    def forward(self, x: Tensor) -> Tensor:
        y = self.LinearLayer2(self.NonLinearity1(self.LinearLayer1(x)))
        return x + self.LinearLayer3(self.NonLinearity2(y))


class Basis(nn.Module):
    """The 4 x 4 features that z begins with: one map a channel, as strong as z says."""

    def __init__(self, latent: int, size: int) -> None:
        super().__init__()
        self.Basis = nn.Parameter(torch.randn(size, 4, 4))
        self.LinearLayer = nn.Linear(latent, size, bias=False)

    def forward(self, z: Tensor) -> Tensor:
        return self.Basis * self.LinearLayer(z)[:, :, None, None]


class Resampler(nn.Module):
    """Twice the grid: empty cells between, then the filter, whose sum is made 4 because three of four cells are empty."""

    def __init__(self, taps: int) -> None:
        super().__init__()
        self.register_buffer("Kernel", torch.zeros(taps, taps))

    def forward(self, x: Tensor) -> Tensor:
        kernel: Any = self.Kernel
        channels = x.shape[1]
        taps = (4 * kernel).expand(channels, 1, *kernel.shape)
        return F.conv_transpose2d(x, taps, stride=2, padding=len(kernel) // 2 - 1, groups=channels)


class Doubling(nn.Module):
    """From one stage to the next: to other channels where their number changes, then to twice the grid."""

    def __init__(self, before: int, size: int, taps: int) -> None:
        super().__init__()
        self.Resampler = Resampler(taps)
        if before != size:
            self.LinearLayer = Convolution(before, size, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.Resampler(self.LinearLayer(x) if "LinearLayer" in self._modules else x)


@dataclass(frozen=True)
class Stage:
    """What is on one grid: its width, and each block's inner width, groups and kernel; the taps of the filter before it."""
    width: int
    blocks: tuple[tuple[int, int, int], ...]
    taps: int = 0


class R3GANNet(nn.Module):
    """`stages` from 4 x 4 up; `latent` is the length of z, `embedding` that of a class's vector, `classes` 0 for none."""

    def __init__(self, stages: tuple[Stage, ...], *, latent: int, classes: int = 0, embedding: int = 0) -> None:
        super().__init__()
        self.stages, self.latent, self.classes = stages, latent, classes
        self.MainLayers = nn.ModuleList()
        for number, stage in enumerate(stages):
            before = stages[number - 1].width if number else latent + embedding
            first = Doubling(before, stage.width, stage.taps) if number else Basis(before, stage.width)
            held = nn.Module()
            held.Layers = nn.ModuleList([first, *(Block(stage.width, *block) for block in stage.blocks)])
            self.MainLayers.append(held)
        self.AggregationLayer = Convolution(stages[-1].width, 3, 1)
        if classes:
            self.EmbeddingLayer = nn.Linear(classes, embedding, bias=False)
        self.steps = [(number, place) for number, stage in enumerate(stages) for place in range(len(stage.blocks) + 1)]

    def step(self, place: int, x: Tensor) -> Tensor:
        """The features of a layer from those of the layer before; from z and the class's vector for the first."""
        stage, layer = self.steps[place]
        return self.get_submodule(f"MainLayers.{stage}.Layers.{layer}")(x)

    def picture(self, x: Tensor) -> Tensor:
        """Pictures in [-1, 1]."""
        return self.AggregationLayer(x).clamp(-1, 1)


@final
@dataclass(frozen=True, eq=False)
class R3GAN(ClassGenerator):
    """A generator of residual blocks without normalization (Huang et al. 2024). It has no truncation and no noise."""

    net: R3GANNet = field(repr=False)
    name: str
    layers: tuple[Layer, ...] = field(repr=False)
    image_size: int
    latent_shape: tuple[int, ...]
    companions: Mapping[str, Callable[[], Any]] = field(default_factory=dict, repr=False)
    digests: WeightDigests | None = field(default=None, repr=False)
    loaded: Loaded | None = None

    def begin(self, inputs: Latents) -> tuple[Tensor, tuple[Tensor, ...]]:
        """z with the class's vector after it. Errors: LatentsError."""
        z = self.own_z(inputs)
        if not self.net.classes:
            return z, ()
        return torch.cat([z, self.net.EmbeddingLayer(self.own_condition(inputs))], dim=1), ()


def r3gan(net: R3GANNet, name: str) -> R3GAN:
    """The adapter around a net, which is set to eval mode and asks for no gradient from here on."""
    layers = [Layer(f"MainLayers.{stage}.Layers.{place}", net.stages[stage].width, 4 << stage, 4 << stage)
              for stage, place in net.steps]
    return R3GAN(net.eval().requires_grad_(False), name, tuple(layers), 4 << (len(net.stages) - 1), (net.latent,))


def matches(contents: Contents) -> bool:
    """Whether these are the keys of an R3GAN's generator; a discriminator has an ExtractionLayer."""
    keys = {key.removeprefix(PREFIX) for key in contents.tensors}
    return "AggregationLayer.Layer.weight" in keys or "MainLayers.0.Layers.0.Basis" in keys


def build(contents: Contents) -> R3GAN:
    """A generator from the public keys; stages, blocks, groups, filters and classes are read from the shapes.

    Errors: CheckpointError, naming the key.
    """
    held, name = {key.removeprefix(PREFIX): value for key, value in contents.tensors.items()}, contents.name
    prefix = PREFIX if any(key.startswith(PREFIX) for key in contents.tensors) else ""
    stages = stages_of(held, name)
    classes = embedding = 0
    if "EmbeddingLayer.weight" in held:
        embedding, classes = (agreed(held, name, ("EmbeddingLayer.weight", axis)) for axis in (0, 1))
    latent = agreed(held, name, ("MainLayers.0.Layers.0.LinearLayer.weight", 1)) - embedding
    if latent < 1:
        raise CheckpointError(f"MainLayers.0.Layers.0.LinearLayer.weight in {name} reads {latent + embedding} numbers, too few for "
                              f"the {embedding} of EmbeddingLayer.weight and z.")
    with unmade():
        net = R3GANNet(stages, latent=latent, classes=classes, embedding=embedding)
    fill(net, held, name, spelled=lambda key: prefix + key)
    return r3gan(net, name)


def stages_of(held: Mapping[str, Tensor], name: str) -> tuple[Stage, ...]:
    """The stages, by the shapes of their weights. Errors: CheckpointError."""
    found = [re.match(r"MainLayers\.(\d+)\.Layers\.(\d+)\.", key) for key in held]
    parts: dict[int, set[int]] = {}
    for each in found:
        if each:
            parts.setdefault(int(each[1]), set()).add(int(each[2]))
    for number in range(max(1, len(parts))):
        own = parts.get(number, set())
        missing = [place for place in range(max(1, len(own))) if place not in own]
        if missing:
            first = "LinearLayer1.Layer.weight" if missing[0] else "Resampler.Kernel" if number else "Basis"
            raise CheckpointError(f"{name} holds no whole r3gan: it lacks MainLayers.{number}.Layers.{missing[0]}.{first}.")
    return tuple(stage_of(held, number, len(parts[number]) - 1, name) for number in range(len(parts)))


def stage_of(held: Mapping[str, Tensor], number: int, blocks: int, name: str) -> Stage:
    """One stage. Errors: CheckpointError."""
    path = f"MainLayers.{number}.Layers"
    inner = [(f"{path}.{block}.LinearLayer1.Layer.weight", 1) for block in range(1, blocks + 1)]
    inner += [(f"{path}.{block}.LinearLayer3.Layer.weight", 0) for block in range(1, blocks + 1)]
    own = (f"{path}.0.LinearLayer.Layer.weight" if number else f"{path}.0.Basis", 0)
    last = f"MainLayers.{number + 1}.Layers.0.Resampler.Kernel" not in held
    after = "AggregationLayer.Layer.weight" if last else f"MainLayers.{number + 1}.Layers.0.LinearLayer.Layer.weight"
    width = agreed(held, name, own, *inner, (after, 1))
    taps = agreed(held, name, (f"{path}.0.Resampler.Kernel", 0)) if number else 0
    if taps % 2:
        raise CheckpointError(f"{path}.0.Resampler.Kernel in {name} has {taps} taps a side; their number must be even.")
    return Stage(width, tuple(block_of(held, f"{path}.{block}", name) for block in range(1, blocks + 1)), taps)


def block_of(held: Mapping[str, Tensor], path: str, name: str) -> tuple[int, int, int]:
    """A block's inner width, groups and kernel. Errors: CheckpointError."""
    grouped = f"{path}.LinearLayer2.Layer.weight"
    inner = agreed(held, name, (f"{path}.LinearLayer1.Layer.weight", 0), (f"{path}.NonLinearity1.Bias", 0),
                   (f"{path}.NonLinearity2.Bias", 0), (grouped, 0))
    each = agreed(held, name, (grouped, 1))
    if not each or inner % each:
        raise CheckpointError(f"{grouped} in {name} reads {each} channels a group, which do not divide its {inner}.")
    return inner, inner // each, agreed(held, name, (grouped, 3))
