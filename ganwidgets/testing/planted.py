"""A generator whose units are known: three of them draw three concepts, the others are noise; masks are exact."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ganwidgets.core.concepts import Concept, Segmenter
from ganwidgets.core.digests import WeightDigests
from ganwidgets.core.errors import LayerError
from ganwidgets.core.latents import Latents
from ganwidgets.core.nets import Layer, LayeredGenerator, LinearMemory, PausedRun, full_float32

GRID, COARSE, PICTURE = 64, 16, 128
BOXES = {"dot": (4, 5), "block": (14, 15), "field": (40, 41)}  # cells: 0.5, 5.1 and 40 % of the grid
COLORS = {"dot": (255, 0, 0), "block": (0, 255, 0), "field": (0, 0, 255)}
UNITS = {"dot": 2, "block": 5, "field": 7}
CHANNELS, LATENT = 12, 6
INK = 0.65        # a unit above this draws; backgrounds stay below it, planted activations above
BACKGROUND = 0.05  # scale of the noise. Its tail is exponential, so that quantiles near the top are told apart


@dataclass(frozen=True)
class Planted:
    """generator, its exact segmenter, and `units`: the unit of `layer2` that draws each concept."""

    generator: "PlantedGenerator"
    segmenter: "PlantedSegmenter"
    units: Mapping[str, int]

    level: ClassVar[float] = 2.0  # a value that draws

    @property
    def layer(self) -> Layer:
        """The layer that the units are planted in, on the segmentation grid."""
        return self.generator.layer("layer2")


def planted_generator() -> Planted:
    """Always the same one. Dissect it at `layer2`, on the segmentation grid: 64 cells for pictures of 128 px.

    Under the quantile rule a planted unit has IoU min(.01, a) / max(.01, a), a being its concept's share of the pixels.
    The segmenter answers masks of the pictures' size, in which each cell of the grid is 2 x 2 equal pixels.
    """
    layers = (Layer("layer1", CHANNELS, COARSE, COARSE), Layer("layer2", CHANNELS, GRID, GRID),
              Layer("layer3", len(UNITS), GRID, GRID))
    generator = PlantedGenerator(PlantedNet().eval().requires_grad_(False), "planted", layers, PICTURE, (LATENT,),
                                 {"segmenter": PlantedSegmenter})
    return Planted(generator, PlantedSegmenter(), dict(UNITS))


class PlantedNet(nn.Module):
    """Holds the noise and the ink.

    `turns`: each cell of each unit has its own way of turning z into a number between 0 and 1. `ink`, a 1 x 1
    convolution: which unit draws in which colour.
    """

    def __init__(self) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(0)
        self.turns = nn.Parameter(torch.rand(LATENT, CHANNELS, GRID, GRID, generator=random) * 40)
        ink = torch.zeros(len(UNITS), CHANNELS, 1, 1)
        for color, unit in enumerate(UNITS.values()):
            ink[color, unit] = 1.0
        self.ink = nn.Parameter(ink)

    def maps(self, z: Float[Tensor, "n z"]) -> Float[Tensor, "n c h w"]:
        """layer2 as drawn from z alone: graded activations from 1 up where a concept is, exponential noise elsewhere.

        Graded, because a unit of one level has no pixel above its top quantile, which the quantile rule asks for.
        """
        # summed term by term: a matrix product would depend on the batch, and a turn could then wrap around
        total = z[:, 0, None, None, None] * self.turns[0]
        for number in range(1, LATENT):
            total = total + z[:, number, None, None, None] * self.turns[number]
        grades = -torch.log((total - total.floor()).clamp(1e-6, 1))
        features = (BACKGROUND * grades).clamp(max=INK - 0.05)
        for place, (name, unit) in enumerate(UNITS.items()):
            inside = boxes(z[:, 2 * place:2 * place + 2], *BOXES[name])
            features[:, unit] = torch.where(inside, 1 + grades[:, unit], features[:, unit])
        return features


def boxes(z: Float[Tensor, "n 2"], height: int, width: int) -> Bool[Tensor, "n g g"]:
    """Where a box of that size stands in each picture: anywhere, with equal chance."""
    share = 0.5 * (1 + torch.erf(z / math.sqrt(2)))
    room = torch.tensor([GRID - height + 1, GRID - width + 1], device=z.device)
    top, left = (share * room).floor().clamp(max=room - 1).unbind(dim=1)
    cells = torch.arange(GRID, device=z.device)
    rows = (cells >= top[:, None]) & (cells < top[:, None] + height)
    columns = (cells >= left[:, None]) & (cells < left[:, None] + width)
    return rows[:, :, None] & columns[:, None, :]


@final
@dataclass(frozen=True, eq=False)
class PlantedGenerator(LayeredGenerator):
    """layer1: the means of 4 x 4 cells of layer2. layer2: the planted units. layer3: the ink of the three concepts.

    A change at layer1 is carried to layer2 as a change of those cells, so every layer is a cause of what is drawn.
    """

    net: PlantedNet = field(repr=False)
    name: str
    layers: tuple[Layer, ...] = field(repr=False)
    image_size: int
    latent_shape: tuple[int, ...]
    companions: Mapping[str, Callable[[], Any]] = field(default_factory=dict, repr=False)
    digests: WeightDigests | None = field(default=None, repr=False)

    @property
    def source(self) -> str:
        """The Python expression that makes it."""
        return "gw.testing.planted_generator().generator"

    def head(self, inputs: Latents, upto: str | Layer) -> PausedRun:
        """Run latents up to a layer. Errors: LayerError."""
        self.place(upto)
        assert inputs.z is not None
        maps = self.net.maps(inputs.z.reshape(len(inputs), LATENT))
        return self.resume(PausedRun("layer1", F.avg_pool2d(maps, GRID // COARSE), inputs.pictures, (maps,)), upto)

    def resume(self, paused: PausedRun, upto: str | Layer) -> PausedRun:
        """Run on to a later layer. Errors: LayerError for an earlier one."""
        here, end = self.onward(paused, upto)
        features, rest = paused.features, paused.rest
        if here == 0 < end:
            change = features - F.avg_pool2d(rest[0], GRID // COARSE)
            features, rest = rest[0] + F.interpolate(change, scale_factor=GRID // COARSE, mode="nearest"), ()
        if here < 2 == end:
            features = ((self.drawn(features) - INK) * 20 + 0.5).clamp(0, 1)
        return PausedRun(self.layers[end].name, features, paused.pictures, rest)

    def drawn(self, features: Float[Tensor, "n c h w"]) -> Float[Tensor, "n colors h w"]:
        """What the units draw in each colour, before it saturates."""
        with full_float32():
            return F.conv2d(features, self.net.ink)

    def memory(self, layer: str | Layer) -> "PlantedMemory":
        """The ink, at `layer3`. Errors: LayerError for the others."""
        if self.layer(layer).name != "layer3":
            raise LayerError(f"planted has a linear memory at layer3 alone, not at {self.layer(layer).name}.")
        return PlantedMemory(self)

    def tail(self, paused: PausedRun) -> Float[Tensor, "n 3 h w"]:
        """Run on to the pictures: a concept's ink is one of the three colours, twice the grid's size."""
        ink = self.resume(paused, "layer3").features.clamp(0, 1)
        return F.interpolate(ink, scale_factor=PICTURE // GRID, mode="nearest") * 2 - 1


@final
@dataclass(frozen=True, eq=False)
class PlantedMemory(LinearMemory):
    """Keys are the units of a cell, values what they draw in each colour."""

    generator: PlantedGenerator
    parameter = "ink"

    def keys(self, inputs: Latents) -> Float[Tensor, "n c h w"]:
        """The features of layer2."""
        return self.generator.head(inputs, "layer2").features

    def values(self, inputs: Latents) -> Float[Tensor, "n colors h w"]:
        """What is drawn, before it saturates."""
        return self.generator.drawn(self.keys(inputs))


@final
class PlantedSegmenter(Segmenter):
    """Reads the planted generator's pictures exactly: a concept is where its colour is on."""

    concepts = tuple(Concept(name, "object", COLORS[name]) for name in UNITS)

    def segment(self, images: Float[Tensor, "n 3 h w"]) -> Bool[Tensor, "n k h w"]:
        """Masks (n, 3, h, w)."""
        return images > 0
