"""A generator whose units are known and entangled: causes, duplicates, units of two concepts, and units that only go along."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, final

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ganwidgets.core.concepts import Concept, Segmenter
from ganwidgets.core.digests import WeightDigests
from ganwidgets.core.latents import Latents
from ganwidgets.core.nets import Layer, LayeredGenerator, PausedRun, full_float32

GRID, PICTURE = 32, 64
BOXES = {"a": (8, 8), "b": (6, 7), "c": (9, 10), "d": (12, 12)}   # cells of 1024; each box keeps to its quarter, so none meet
COLORS = {"pair": (255, 0, 0), "leaf": (0, 255, 0), "stem": (0, 0, 255)}
PARTS = {"pair": "ab", "leaf": "c", "stem": "cd"}                  # the boxes in which each concept is
LIT = ("a", "a", "b", "ab", "c", "d", "c", "cd")                   # where each unit is lit; all later ones are noise
CAUSES = {"pair": (0, 1, 2), "leaf": (4,), "stem": (4, 5)}         # 1 is 0 again; 4 draws two concepts
CORRELATES = {"pair": (3,), "leaf": (6,), "stem": (7,)}            # lit wherever the concept is, without drawing it
CHANNELS, LATENT = 16, 2 * len(BOXES)
BACKGROUND, MOST = 0.05, 0.2     # scale of the noise, and where it ends: three units of it draw nothing yet


@dataclass(frozen=True)
class Entangled:
    """generator, its exact and differentiable segmenter, and by concept the units that draw it, and those that only light up
    where it is."""

    generator: "EntangledGenerator"
    segmenter: "EntangledSegmenter"
    causes: Mapping[str, tuple[int, ...]]
    correlates: Mapping[str, tuple[int, ...]]

    @property
    def layer(self) -> Layer:
        """The layer that the units are planted in, on the segmentation grid."""
        return self.generator.layers[0]

    def overlap(self, unit: int, concept: str) -> float:
        """The IoU of where a planted unit is lit with where the concept is, from the sizes of their boxes."""
        lit, there = set(LIT[unit]), set(PARTS[concept])
        return cells(lit & there) / cells(lit | there)


def cells(names: set[str]) -> int:
    """How many cells these boxes have."""
    return sum(math.prod(BOXES[name]) for name in names)


def share(concept: str) -> float:
    """The part of every picture that is the concept."""
    return cells(set(PARTS[concept])) / GRID**2


def entangled_generator() -> Entangled:
    """Always the same one. Dissect it at `layer1`: three concepts, and eight units that are lit in their boxes, of 16.

    How much is drawn rises smoothly with the units, so that methods which follow a gradient find their way. Unit 0 and its
    duplicate 1, and 2, draw "pair" in a box each; 4 draws "leaf" and "stem", 5 the rest of "stem"; 3, 6 and 7 agree best with
    the three and draw nothing.
    """
    layers = (Layer("layer1", CHANNELS, GRID, GRID),)
    generator = EntangledGenerator(EntangledNet().eval().requires_grad_(False), "entangled", layers, PICTURE, (LATENT,),
                                   {"segmenter": EntangledSegmenter})
    return Entangled(generator, EntangledSegmenter(), dict(CAUSES), dict(CORRELATES))


class EntangledNet(nn.Module):
    """Holds the noise (`turns`, as the planted generator's) and the ink, a 1 x 1 convolution."""

    def __init__(self) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(0)
        self.turns = nn.Parameter(torch.rand(LATENT, CHANNELS, GRID, GRID, generator=random) * 40)
        ink = torch.zeros(len(COLORS), CHANNELS, 1, 1)
        for color, name in enumerate(COLORS):
            ink[color, list(CAUSES[name])] = 1.0
        self.ink = nn.Parameter(ink)

    def maps(self, z: Float[Tensor, "n z"]) -> Float[Tensor, "n c h w"]:
        """The units: from 1 up where they are lit, exponential noise elsewhere."""
        total = z[:, 0, None, None, None] * self.turns[0]
        for number in range(1, LATENT):      # summed term by term: a matrix product would depend on the batch
            total = total + z[:, number, None, None, None] * self.turns[number]
        grades = -torch.log((total - total.floor()).clamp(1e-6, 1))
        features = (BACKGROUND * grades).clamp(max=MOST)
        lit = boxes(z)
        for unit, names in enumerate(LIT):
            inside = torch.stack([lit[name] for name in names]).any(0)
            features[:, unit] = torch.where(inside, 1 + grades[:, unit], features[:, unit])
        features[:, 1] = features[:, 0]
        return features


def boxes(z: Float[Tensor, "n z"]) -> dict[str, Bool[Tensor, "n h w"]]:
    """Where each box stands in each picture: anywhere in its quarter, with equal chance."""
    found = {}
    half = GRID // 2
    for place, (name, (height, width)) in enumerate(BOXES.items()):
        chance = 0.5 * (1 + torch.erf(z[:, 2 * place:2 * place + 2] / math.sqrt(2)))
        room = torch.tensor([half - height + 1, half - width + 1], device=z.device)
        first = torch.tensor(divmod(place, 2), device=z.device) * half
        top, left = ((chance * room).floor().clamp(max=room - 1) + first).unbind(dim=1)
        at = torch.arange(GRID, device=z.device)
        rows = (at >= top[:, None]) & (at < top[:, None] + height)
        columns = (at >= left[:, None]) & (at < left[:, None] + width)
        found[name] = rows[:, :, None] & columns[:, None, :]
    return found


@final
@dataclass(frozen=True, eq=False)
class EntangledGenerator(LayeredGenerator):
    """layer1: the planted units. The picture: 1 - exp(-ink) of each colour, twice the grid's size."""

    net: EntangledNet = field(repr=False)
    name: str
    layers: tuple[Layer, ...] = field(repr=False)
    image_size: int
    latent_shape: tuple[int, ...]
    companions: Mapping[str, Callable[[], Any]] = field(default_factory=dict, repr=False)
    digests: WeightDigests | None = field(default=None, repr=False)

    @property
    def source(self) -> str:
        """The Python expression that makes it."""
        return "gw.testing.entangled_generator().generator"

    def head(self, inputs: Latents, upto: str | Layer) -> PausedRun:
        """Run latents up to a layer. Errors: LayerError."""
        assert inputs.z is not None
        return PausedRun(self.layer(upto).name, self.net.maps(inputs.z.reshape(len(inputs), LATENT)), inputs.pictures)

    def resume(self, paused: PausedRun, upto: str | Layer) -> PausedRun:
        """There is one layer. Errors: LayerError."""
        self.onward(paused, upto)
        return paused

    def tail(self, paused: PausedRun) -> Float[Tensor, "n 3 h w"]:
        """Run on to the pictures."""
        with full_float32():
            drawn = F.conv2d(paused.features, self.net.ink).clamp(min=0)
        return F.interpolate(1 - torch.exp(-drawn), scale_factor=PICTURE // GRID, mode="nearest") * 2 - 1


@final
class EntangledSegmenter(Segmenter):
    """Reads the entangled generator's pictures exactly: a concept is where more than half of its colour is."""

    concepts = tuple(Concept(name, "object", color) for name, color in COLORS.items())

    def segment(self, images: Float[Tensor, "n 3 h w"]) -> Bool[Tensor, "n k h w"]:
        """Masks (n, 3, h, w)."""
        return images > 0

    def probabilities(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n k h w"]:
        """How much of the colour is there."""
        return (images + 1) / 2
