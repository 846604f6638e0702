"""Draws strokes in fractions of the picture into a picture and, by the same calls, into a label image."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from .parts import Color, Number

OVERSAMPLING = 2
Point = tuple[Number, Number]


class Canvas:
    """A picture under way. A stroke names the concepts that hold where it lands; it is left out if one is hidden."""

    def __init__(self, size: int, hidden: frozenset[str], *, labelled: bool):
        self.size, self.side, self.hidden = size, size * OVERSAMPLING, hidden
        self.image = Image.new("RGB", (self.side, self.side))
        self.brush = ImageDraw.Draw(self.image)
        self.glaze = ImageDraw.Draw(self.image, "RGBA")
        self.labels = Image.new("L", (self.side, self.side)) if labelled else None
        self.pencil = ImageDraw.Draw(self.labels) if self.labels else None
        self.sets: list[tuple[str, ...]] = [()]

    def _at(self, points: Sequence[Point]) -> list[tuple[int, int]]:
        return [(int(round(x * self.side)), int(round(y * self.side))) for x, y in points]

    def _label(self, concepts: tuple[str, ...]) -> int:
        if concepts not in self.sets:
            self.sets.append(concepts)
        return self.sets.index(concepts)

    def polygon(self, points: Sequence[Point], color: Color, *concepts: str) -> None:
        if self.hidden.isdisjoint(concepts):
            corners = self._at(points)
            self.brush.polygon(corners, fill=color)
            if self.pencil:
                self.pencil.polygon(corners, fill=self._label(concepts))

    def ellipse(self, x: Number, y: Number, rx: Number, ry: Number, color: Color, *concepts: str) -> None:
        if self.hidden.isdisjoint(concepts):
            corners = self._at([(x - rx, y - ry), (x + rx, y + ry)])
            self.brush.ellipse(corners, fill=color)
            if self.pencil:
                self.pencil.ellipse(corners, fill=self._label(concepts))

    def rectangle(self, x: Number, y: Number, width: Number, height: Number, color: Color, *concepts: str) -> None:
        self.polygon([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], color, *concepts)

    def wash(self, points: Sequence[Point], top: Color, bottom: Color, *concepts: str) -> None:
        """A polygon whose colour runs from `top` at its highest point to `bottom` at its lowest within the picture."""
        corners = self._at(points)
        heights = [y for _, y in corners]
        self._gradient("polygon", corners, min(heights), max(heights), top, bottom, concepts)

    def round_wash(self, x: Number, y: Number, rx: Number, ry: Number, top: Color, bottom: Color,
                   *concepts: str) -> None:
        """The same in an ellipse."""
        corners = self._at([(x - rx, y - ry), (x + rx, y + ry)])
        self._gradient("ellipse", corners, corners[0][1], corners[1][1], top, bottom, concepts)

    def _gradient(self, shape: str, corners: list[tuple[int, int]], first: int, last: int, top: Color, bottom: Color,
                  concepts: tuple[str, ...]) -> None:
        first, last = max(0, first), min(self.side, last + 1)
        if first >= last or not self.hidden.isdisjoint(concepts):
            return
        steps = np.linspace(0, 1, last - first)[:, None, None]
        column = (np.array(top) * (1 - steps) + np.array(bottom) * steps).round().astype(np.uint8)
        gradient = Image.fromarray(column).resize((self.side, last - first), Image.Resampling.NEAREST)
        mask = Image.new("L", gradient.size)
        getattr(ImageDraw.Draw(mask), shape)([(x, y - first) for x, y in corners], fill=255)
        self.image.paste(gradient, (0, first), mask)
        if self.labels:
            getattr(self.pencil, shape)(corners, fill=self._label(concepts))

    def tone(self, x: Number, y: Number, rx: Number, ry: Number, color: Color, alpha: int, *owners: str) -> None:
        """A translucent ellipse that changes no label: a shadow or a glow. It goes when one of its owners is hidden."""
        if self.hidden.isdisjoint(owners):
            self.glaze.ellipse(self._at([(x - rx, y - ry), (x + rx, y + ry)]), fill=(*color, alpha))

    def picture(self) -> np.ndarray:
        """(size, size, 3) uint8: the mean of each 2 x 2 block, so that no stroke reaches beyond its pixels."""
        return np.array(self.image.reduce(OVERSAMPLING))

    def masks(self, concepts: Sequence[str]) -> np.ndarray:
        """(len(concepts), size, size) bool: what holds at one point of each pixel."""
        labels = np.asarray(self.labels)[::OVERSAMPLING, ::OVERSAMPLING]
        holds = np.array([[name in found for found in self.sets] for name in concepts])
        return holds[:, labels]
