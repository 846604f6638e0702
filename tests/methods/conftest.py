"""A net of two layers with random weights, as a generator and as a classifier, and a judge that goes by colours."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ganwidgets.core.concepts import Concept, Segmenter
from ganwidgets.core.digests import WeightDigests
from ganwidgets.core.nets import Layer, LayeredClassifier, LayeredGenerator, PausedRun
from ganwidgets.testing import planted_generator
from ganwidgets.testing.planted import PlantedNet


class Net(nn.Module):
    """4 cells, 8 cells, 16 pixels."""

    def __init__(self, seed=0):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.start, self.one = nn.Linear(6, 6 * 16), nn.Conv2d(6, 5, 3, padding=1)
            self.two, self.see = nn.Conv2d(5, 3, 3, padding=1), nn.Conv2d(3, 6, 4, stride=4)
        self.requires_grad_(False)


@dataclass(frozen=True, eq=False)
class Toy(LayeredGenerator):
    """Random shapes in random colours."""

    net: nn.Module
    name: str = "toy"
    layers: tuple[Layer, ...] = (Layer("first", 6, 4, 4), Layer("second", 5, 8, 8))
    image_size: int = 16
    latent_shape: tuple[int, ...] = (6,)
    companions: Any = field(default_factory=dict)
    digests: WeightDigests | None = None

    def head(self, inputs, upto):
        first = torch.tanh(self.net.start(inputs.z).reshape(-1, 6, 4, 4)) * 2
        return self.resume(PausedRun("first", first, inputs.pictures), upto)

    def resume(self, paused, upto):
        if self.layer(upto).name == paused.layer:
            return paused
        return PausedRun("second", self.net.one(F.interpolate(paused.features, scale_factor=2.0)), paused.pictures)

    def tail(self, paused):
        second = self.resume(paused, "second").features
        return torch.tanh(self.net.two(F.interpolate(second, scale_factor=2.0)) * 3)


@dataclass(frozen=True, eq=False)
class ToyClassifier(LayeredClassifier):
    """Looks at 16 px."""

    net: nn.Module
    name: str = "toy classifier"
    layers: tuple[Layer, ...] = (Layer("seen", 6, 4, 4),)
    image_size: int = 16
    companions: Any = field(default_factory=dict)
    digests: WeightDigests | None = None
    classes: tuple[str, ...] = ("a", "b")

    def head(self, inputs, upto):
        self.place(upto)
        return PausedRun("seen", F.relu(self.net.see(inputs)))

    def resume(self, paused, upto):
        return paused

    def tail(self, paused):
        return paused.features.mean((2, 3))[:, :2]


class Colours(Segmenter):
    """Three objects that cut the picture up, and a material that lies over them; nothing is ever invisible."""

    concepts = (Concept("red"), Concept("green"), Concept("blue"), Concept("bright", "material"), Concept("invisible"))

    def segment(self, images):
        first = F.one_hot(images.argmax(1), 3).permute(0, 3, 1, 2).bool()
        bright = images.mean(1, keepdim=True) > 0.3
        return torch.cat([first, bright, torch.zeros_like(bright)], 1)


class Copied(PlantedNet):
    """The planted net, in which unit 9 is twice unit 5 (a block), unit 1 is unit 7 the other way round, and unit 0 rests."""

    def __init__(self):
        super().__init__()
        self.copies = nn.Parameter(torch.ones(1), requires_grad=False)      # so that its digest is another

    def maps(self, z):
        features = super().maps(z)
        features[:, 9], features[:, 1], features[:, 0] = 2 * features[:, 5], -features[:, 7], 0.25
        return features


@pytest.fixture(scope="session")
def toy():
    return Toy(Net())


@pytest.fixture(scope="session")
def toy_classifier():
    return ToyClassifier(Net())


@pytest.fixture(scope="session")
def colours():
    return Colours()


@pytest.fixture(scope="session")
def planted():
    return planted_generator()


@pytest.fixture(scope="session")
def copied(planted):
    return replace(planted.generator, net=Copied(), digests=None)
