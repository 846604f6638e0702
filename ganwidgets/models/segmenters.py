"""The bundled segmenters: which concepts of storybook hold at each pixel, read by a small convolutional net."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ganwidgets.core.concepts import Concept, Segmenter
from ganwidgets.core.digests import WeightDigests
from ganwidgets.core.errors import ArgumentError, CheckpointError, ShapeError, one_of
from ganwidgets.core.nets import full_float32
from ganwidgets.models.bundled import Reader, load_bundled, save_bundled
from ganwidgets.models.segmenter_nets import ARCHITECTURES

FORMAT = "ganwidgets-segmenter-1"
THRESHOLD = .5
STEP = 16       # a picture's sides are multiples of it
Pictures: TypeAlias = Float[Tensor, "n 3 H W"] | Any      # anything may come; what does not fit is refused in words
CHUNK = 8       # pictures at once where nothing is differentiated: more do not fit the cache of one core


@dataclass(frozen=True, eq=False)
class StorybookSegmenter(Reader, Segmenter):
    """A net that gives each concept its own probability at each pixel, so that wall and house hold together.

    Pictures (n, 3, H, W) in [-1, 1]; what lies outside is cut, as it is when a picture is shown. H and W are multiples
    of 16. The net was trained at `size` px: other pictures are resized to size x size, and their masks back to H x W.
    """

    concepts: tuple[Concept, ...]
    net: nn.Module = field(repr=False)
    name: str
    architecture: str
    size: int = 64
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)      # how it was trained
    digests: WeightDigests = field(init=False, repr=False)

    def segment(self, images: Pictures) -> Bool[Tensor, "n k H W"]:
        """True where a concept's probability is above .5. Errors: ShapeError, ArgumentError as for `probabilities`."""
        with torch.no_grad():
            return self.probabilities(images) > THRESHOLD

    def probabilities(self, images: Pictures) -> Float[Tensor, "n k H W"]:
        """From 0 to 1 for each concept on its own; differentiable.

        Errors: ShapeError for what is no batch of pictures or has sides that are no multiples of 16, ArgumentError for
        bytes and what is no tensor.
        """
        images = self._checked(images)
        return self._in_chunks(lambda some: resized(self.net(self._fitted(some)), images.shape[2:]).sigmoid(), images)

    def features(self, images: Pictures) -> Float[Tensor, "n c size size"]:
        """The features that the last layer reads, for distances between pictures; differentiable. Errors as above."""
        images = self._checked(images)
        return self._in_chunks(lambda some: self.net.features(self._fitted(some)), images)  # type: ignore[operator]

    def _checked(self, images: Any) -> Tensor:
        if not isinstance(images, Tensor):
            raise ArgumentError("a segmenter reads a tensor of pictures (n, 3, height, width); "
                                f"{type(images).__name__} came.")
        if images.ndim != 4 or images.shape[1] != 3:
            raise ShapeError(f"a segmenter reads pictures (n, 3, height, width); {tuple(images.shape)} came.")
        if not all(side and side % STEP == 0 for side in images.shape[2:]):
            raise ShapeError(f"the sides of a picture are multiples of {STEP}; {tuple(images.shape[2:])} came. "
                             "Resize it first.")
        if not images.is_floating_point():
            raise ArgumentError(f"pictures are numbers in [-1, 1]; {images.dtype} came. "
                                "Bytes become such by x / 127.5 - 1.")
        return images.to(self.device, torch.float32)

    def _fitted(self, images: Tensor) -> Tensor:
        images = resized(images.clamp(-1, 1), (self.size, self.size))
        return images.contiguous(memory_format=torch.channels_last)

    def _in_chunks(self, read: Any, images: Tensor) -> Tensor:
        whole = torch.is_grad_enabled() or self.device.type != "cpu" or len(images) <= CHUNK
        if not len(images):     # torch cannot rearrange the pixels of no picture
            return self._in_chunks(read, images.new_zeros(1, *images.shape[1:]))[:0]
        with full_float32():
            return read(images) if whole else torch.cat([read(some) for some in images.split(CHUNK)])


def resized(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """On a grid of that size, by linear interpolation, averaged where it shrinks; as it is where it fits."""
    if tuple(x.shape[2:]) == tuple(size):
        return x
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False, antialias=True)


def save_segmenter_file(path: str | Path, net: nn.Module, *, name: str, architecture: str, widths: tuple[int, ...],
                        concepts: tuple[Concept, ...], size: int = 64, about: Mapping[str, Any] | None = None) -> None:
    """Writes a net built with `norm=False` as float16 weights; `about` is kept with it as JSON."""
    save_bundled(path, net, FORMAT, about, name=name, architecture=architecture, widths=list(widths), size=size,
                 concepts=[[one.name, one.kind, list(one.color)] for one in concepts])


def load_segmenter_file(path: str | Path, device: str | torch.device = "cpu") -> StorybookSegmenter:
    """The segmenter in a file that `save_segmenter_file` wrote, in float32. Errors: CheckpointError."""
    return load_bundled(path, "segmenter", FORMAT, device, empty_segmenter)


def empty_segmenter(facts: Mapping[str, str], about: Mapping[str, Any]) -> StorybookSegmenter:
    """The segmenter that these facts describe, its net still to be filled. Errors: CheckpointError for an unknown architecture."""
    concepts, architecture, size = read_concepts(facts["concepts"]), facts["architecture"], int(facts["size"])
    if architecture not in ARCHITECTURES:
        raise CheckpointError(one_of("architecture", architecture, ARCHITECTURES, where="segmenters"))
    if size < STEP or size % STEP:
        raise ValueError(f"a size of {size} px")
    net = ARCHITECTURES[architecture](json.loads(facts["widths"]), len(concepts), norm=False)
    return StorybookSegmenter(concepts, net, facts["name"], architecture, size, about)


def read_concepts(text: str) -> tuple[Concept, ...]:
    """Concepts from their JSON: a list of [name, kind, [red, green, blue]]."""
    return tuple(Concept(name, kind, (int(red), int(green), int(blue)))
                 for name, kind, (red, green, blue) in json.loads(text))
