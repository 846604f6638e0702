"""A net with one layer of 4,096 units, most of them noise, and its dissection: for the list of units."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

import ganwidgets as gw
from ganwidgets.core.digests import WeightDigests

UNITS = 4096


@dataclass(frozen=True, eq=False)
class Wide(gw.LayeredGenerator):
    """The first three units are the colours."""

    net: nn.Module = field(default_factory=lambda: nn.Linear(1, 1))
    name: str = "wide"
    layers: tuple[gw.Layer, ...] = (gw.Layer("cells", UNITS, 8, 8),)
    image_size: int = 32
    latent_shape: tuple[int, ...] = (1,)
    companions: Any = field(default_factory=dict)
    digests: WeightDigests | None = None

    def head(self, inputs, upto):
        turns = torch.arange(1, UNITS * 64 + 1).reshape(UNITS, 8, 8)
        return gw.PausedRun("cells", (inputs.z.reshape(-1, 1, 1, 1) * turns).sin(), inputs.pictures)

    def resume(self, paused, upto):
        return paused

    def tail(self, paused):
        return nn.functional.interpolate(paused.features[:, :3], scale_factor=4.0)


class Colours(gw.Segmenter):
    """Which colour is the strongest."""

    concepts = (gw.Concept("red"), gw.Concept("green"), gw.Concept("blue"))

    def segment(self, images):
        return nn.functional.one_hot(images.argmax(1), 3).permute(0, 3, 1, 2).bool()


def made():
    """The net and its dissection."""
    g = Wide()
    return g, gw.dissect(g, Colours(), seeds=range(12), progress=False)
