"""The bundled classifier of scenes: a small VGG-like net whose convolutions are layers, `conv1_1` ... `conv4_2`."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ganwidgets.core.digests import WeightDigests
from ganwidgets.core.errors import ArgumentError, ShapeError
from ganwidgets.core.nets import Layer, LayeredClassifier, PausedRun, full_float32
from ganwidgets.models.bundled import load_bundled, save_bundled
from ganwidgets.models.segmenter_nets import ConvUnit
from ganwidgets.models.segmenters import resized

FORMAT = "ganwidgets-classifier-1"


class ScenesNet(nn.Module):
    """Blocks of 3x3 convolutions, each block on half the grid of the one before; a linear map reads the means of the last."""

    def __init__(self, widths: Sequence[Sequence[int]], classes: int, *, norm: bool = True) -> None:
        super().__init__()
        self.blocks = tuple(tuple(block) for block in widths)
        before = 3
        self.names: list[str] = []
        for number, block in enumerate(self.blocks, start=1):
            for place, width in enumerate(block, start=1):
                self.names.append(f"conv{number}_{place}")
                self.add_module(self.names[-1], ConvUnit(before, width, norm=norm))
                before = width
        self.drop = nn.Dropout(0.2)
        self.read = nn.Linear(before, classes)

    def run(self, x: Tensor, start: int, stop: int) -> Tensor:
        """The convolutions from place `start` up to, not with, `stop`; a new block begins with the maxima of 2 x 2 cells."""
        for name in self.names[start:stop]:
            if name.endswith("_1") and name != "conv1_1":
                x = F.max_pool2d(x, 2)
            x = self.get_submodule(name)(x)
        return x

    def scores(self, x: Tensor) -> Tensor:
        """The classes' scores from the last features."""
        return self.read(self.drop(x.mean((2, 3))))

    def forward(self, x: Tensor) -> Tensor:
        """Scores of pictures."""
        return self.scores(self.run(x, 0, len(self.names)))


@final
@dataclass(frozen=True, eq=False)
class StorybookClassifier(LayeredClassifier):
    """Which kind of scene a picture shows. Pictures (n, 3, H, W) in [-1, 1] of another size are brought to the net's."""

    net: ScenesNet = field(repr=False)
    name: str
    layers: tuple[Layer, ...] = field(repr=False)
    classes: tuple[str, ...]
    image_size: int = 64
    companions: Mapping[str, Callable[[], Any]] = field(default_factory=dict, repr=False)
    digests: WeightDigests | None = field(default=None, repr=False)
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)      # how it was trained

    @property
    def source(self) -> str:
        """The Python expression that makes this net."""
        return f"gw.load_classifier({self.name!r})"

    def head(self, inputs: Any, upto: str | Layer) -> PausedRun:
        """Run pictures up to a layer. Errors: LayerError, ShapeError, ArgumentError."""
        last = self.place(upto) + 1
        with full_float32():
            return PausedRun(self.layers[last - 1].name, self.net.run(self._checked(inputs), 0, last))

    def resume(self, paused: PausedRun, upto: str | Layer) -> PausedRun:
        """Run on to a later layer. Errors: LayerError for an earlier one."""
        here, end = self.onward(paused, upto)
        with full_float32():
            return PausedRun(self.layers[end].name, self.net.run(paused.features, here + 1, end + 1))

    def tail(self, paused: PausedRun) -> Float[Tensor, "n classes"]:
        """Run on to the scores."""
        end = self.resume(paused, self.layers[-1])
        with full_float32():
            return self.net.scores(end.features)

    def _checked(self, images: Any) -> Tensor:
        """Pictures on the net's device and grid. Errors: ArgumentError, ShapeError."""
        if not isinstance(images, Tensor) or not images.is_floating_point():
            raise ArgumentError(f"{self.name} reads pictures as a tensor (n, 3, h, w) from -1 to 1; what came is "
                                f"{images.dtype if isinstance(images, Tensor) else type(images).__name__}.")
        if images.ndim != 4 or images.shape[1] != 3 or 0 in images.shape[2:]:
            raise ShapeError(f"{self.name} reads pictures (n, 3, h, w); {tuple(images.shape)} came.")
        images = resized(images.to(self.device, torch.float32).clamp(-1, 1), (self.image_size, self.image_size))
        return images.contiguous(memory_format=torch.channels_last)


def scenes_classifier(net: ScenesNet, name: str, classes: Sequence[str], size: int,
                      about: Mapping[str, Any] | None = None) -> StorybookClassifier:
    """The adapter around a net, which is set to eval mode and asks for no gradient from here on."""
    layers = [Layer(f"conv{number}_{place}", width, size >> (number - 1), size >> (number - 1))
              for number, block in enumerate(net.blocks, start=1) for place, width in enumerate(block, start=1)]
    return StorybookClassifier(net.eval().requires_grad_(False), name, tuple(layers), tuple(classes), size, about=dict(about or {}))


def save_classifier_file(path: str | Path, net: ScenesNet, *, name: str, classes: Sequence[str], size: int,
                         about: Mapping[str, Any] | None = None) -> None:
    """Writes a net built with `norm=False` as float16 weights; `about` is kept with it as JSON."""
    save_bundled(path, net, FORMAT, about, name=name, classes=list(classes), widths=net.blocks, size=size)


def load_classifier_file(path: str | Path, device: str | torch.device = "cpu") -> StorybookClassifier:
    """The classifier in a file that `save_classifier_file` wrote, in float32. Errors: CheckpointError."""
    return load_bundled(path, "classifier", FORMAT, device, empty_classifier)


def empty_classifier(facts: Mapping[str, str], about: Mapping[str, Any]) -> StorybookClassifier:
    """The classifier that these facts describe, its net still to be filled."""
    classes = [str(each) for each in json.loads(facts["classes"])]
    net = ScenesNet(json.loads(facts["widths"]), len(classes), norm=False)
    return scenes_classifier(net, facts["name"], classes, int(facts["size"]), about)
