"""The layers of a live view as values: what is on each, and the pixels that it gives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np
import torch
from PIL import Image, ImageColor, ImageDraw, ImageFont
from torch import Tensor

from ganwidgets.core.errors import ArgumentError, ShapeError
from ganwidgets.core.images import to_pil, to_tensor

NAMES = ("picture", "heat", "contours", "labels")     # from the lowest up
DARK = (20, 20, 20)
FONT = 15                                             # pixels
Color = tuple[int, int, int]
Box = tuple[int, int, int, int]                       # left, top, width, height


@dataclass(frozen=True, eq=False)
class Heat:
    """A heat map 0..1, its colour, and how much of it covers the picture where it is 1."""

    map: np.ndarray = field(repr=False)
    color: Color
    opacity: float


@dataclass(frozen=True, eq=False)
class Contour:
    """The outline of a mask."""

    mask: np.ndarray = field(repr=False)
    color: Color
    width: int


@dataclass(frozen=True)
class Label:
    """A few words; x and y are where their top left corner is, as fractions of the view."""

    text: str
    x: float
    y: float
    color: Color


@final
@dataclass(frozen=True, eq=False)
class Layers:
    """What a view of `width` x `height` pixels shows. Answers new ones."""

    width: int
    height: int
    picture: Image.Image | None = None
    heat: Heat | None = None
    contours: tuple[Contour, ...] = ()
    labels: tuple[Label, ...] = ()

    def cleared(self, name: str) -> "Layers":
        """The same without what is on that layer."""
        return replace(self, **{name: None if name in ("picture", "heat") else ()})  # type: ignore[arg-type]

    @property
    def box(self) -> Box:
        """Where the picture is: as large as fits, centred; with no picture, everywhere."""
        if self.picture is None:
            return 0, 0, self.width, self.height
        scale = min(self.width / self.picture.width, self.height / self.picture.height)
        width, height = max(1, round(self.picture.width * scale)), max(1, round(self.picture.height * scale))
        return (self.width - width) // 2, (self.height - height) // 2, width, height

    def drawn(self, name: str) -> tuple[Image.Image, Box] | None:
        """A layer's pixels (RGBA), and the box of the view that they fill; None for an empty layer.

        A picture that is magnified a whole number of times comes in its own size: cells are drawn as squares, so that it can
        be magnified exactly wherever it is shown.
        """
        if not getattr(self, name):
            return None
        box = self.box
        if name == "picture":
            return scaled(self.picture, box), box
        if name == "labels":
            return written(self.labels, self.width, self.height), (0, 0, self.width, self.height)
        return (tinted(self.heat, box) if name == "heat" else outlined(self.contours, box)), box

    def composite(self) -> Image.Image:
        """All layers as one RGBA picture; see-through where nothing is."""
        page = Image.new("RGBA", (self.width, self.height))
        for name in NAMES:
            found = self.drawn(name)
            if found is not None:
                pixels, (left, top, width, height) = found
                page.alpha_composite(pixels.resize((width, height), Image.Resampling.NEAREST), (left, top))
        return page


def scaled(picture: Any, box: Box) -> Image.Image:
    """The picture in its own size, if that goes a whole number of times into the box, else in the size of the box."""
    size = box[2:]
    if size[0] % picture.width == 0 and size[1] % picture.height == 0:
        return picture
    larger = size[0] >= picture.width
    return picture.resize(size, Image.Resampling.NEAREST if larger else Image.Resampling.LANCZOS)


def tinted(heat: Any, box: Box) -> Image.Image:
    """A heat map as its colour, the more opaque the hotter; smooth between cells."""
    small = Image.fromarray((heat.map * 255).round().astype(np.uint8))
    strength = np.asarray(small.resize(box[2:], Image.Resampling.BILINEAR), dtype=np.float32) * heat.opacity
    pixels = np.empty((*strength.shape, 4), np.uint8)
    pixels[..., :3], pixels[..., 3] = heat.color, strength.round()
    return Image.fromarray(pixels, "RGBA") if strength.any() else Image.new("RGBA", box[2:])


def outlined(contours: Sequence[Contour], box: Box) -> Image.Image:
    """Lines just inside the masks' edges, with a dark one beside them; the picture's edge is an edge too."""
    pixels = np.zeros((box[3], box[2], 4), np.uint8)
    for contour in contours:
        mask = np.asarray(Image.fromarray(contour.mask).resize(box[2:], Image.Resampling.NEAREST), dtype=bool)
        line = eroded(mask, contour.width)
        pixels[mask & ~line] = (*contour.color, 255)
        pixels[line & ~eroded(line, 1)] = (*DARK, 255)      # so that a bright line is seen on snow
    return Image.fromarray(pixels, "RGBA")


def eroded(mask: np.ndarray, times: int) -> np.ndarray:
    """The mask without its outermost pixels, so many times; outside of it there is nothing."""
    for _ in range(times):
        held = np.pad(mask, 1)
        mask = mask & held[:-2, 1:-1] & held[2:, 1:-1] & held[1:-1, :-2] & held[1:-1, 2:]
    return mask


def written(labels: Sequence[Label], width: int, height: int) -> Image.Image:
    """Words on dark plates, so that they can be read on every picture; broken into lines and moved where they do not fit."""
    page = Image.new("RGBA", (width, height))
    draw, font, edge = ImageDraw.Draw(page), ImageFont.load_default(FONT), FONT // 3
    for label in labels:
        text = wrapped(label.text, lambda line: draw.textlength(line, font=font), width - 2 * edge)
        left, top, right, bottom = draw.multiline_textbbox((0, 0), text, font=font)
        wide, high = round(right - left) + 2 * edge, round(bottom - top) + 2 * edge
        x = max(0, min(round(label.x * width), width - wide))
        y = max(0, min(round(label.y * height), height - high))
        draw.rounded_rectangle((x, y, x + wide - 1, y + high - 1), edge, fill=(*DARK, 255))
        draw.multiline_text((x + edge - left, y + edge - top), text, font=font, fill=(*label.color, 255))
    return page


def wrapped(text: str, length: Callable[[str], float], room: float) -> str:
    """The text with as many words on a line as there is room for; a longer word has a line of its own."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and length(longer) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)


def picture_of(image: Any) -> Image.Image:
    """A tensor or array (3, h, w) in [-1, 1], bytes (h, w, 3), or a PIL image, as RGBA without holes. Errors: ShapeError."""
    held = torch.from_numpy(image) if isinstance(image, np.ndarray) and image.dtype != np.uint8 else image
    tensor = held if isinstance(held, Tensor) else to_tensor(held)
    shown = to_pil(tensor.detach())
    if not shown.width or not shown.height:
        raise ShapeError("this picture has no pixels; nothing can be shown.")
    return shown.convert("RGBA")


def map_of(heat: Any) -> np.ndarray:
    """A heat map (h, w), numbers from 0 to 1. Errors: ShapeError, ArgumentError."""
    found = np.asarray(heat.detach().cpu() if isinstance(heat, Tensor) else heat, dtype=np.float32)
    if found.ndim != 2 or not found.size:
        raise ShapeError(f"a heat map has the shape (height, width); {found.shape} came.")
    if not np.isfinite(found).all() or found.min() < 0 or found.max() > 1:
        raise ArgumentError(f"a heat map has numbers from 0 to 1; what came goes from {found.min():g} to {found.max():g}.")
    return found


def mask_of(mask: Any) -> np.ndarray:
    """A mask (h, w) of True and False. Errors: ShapeError, ArgumentError."""
    found = np.asarray(mask.detach().cpu() if isinstance(mask, Tensor) else mask)
    if found.ndim != 2 or not found.size:
        raise ShapeError(f"a mask has the shape (height, width); {found.shape} came.")
    if found.dtype != bool:
        raise ArgumentError(f"a mask is True where it holds, as in heat > 0.5; {found.dtype} came.")
    return found


def color_of(color: Any) -> Color:
    """A colour's three numbers from 0 to 255, from them or from a name as CSS has it. Errors: ArgumentError."""
    try:
        levels = ImageColor.getrgb(color)[:3] if isinstance(color, str) else tuple(int(level) for level in color)
    except (TypeError, ValueError):
        levels = ()
    if len(levels) != 3 or not all(0 <= level <= 255 for level in levels):
        raise ArgumentError(f'a colour is three numbers from 0 to 255, or a name such as "red" or "#ff7800"; {color!r} came.')
    return levels[0], levels[1], levels[2]
