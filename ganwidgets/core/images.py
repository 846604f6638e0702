"""Pictures between tensors, PIL, bytes and sheets, and how alike two pictures look to a classifier."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ganwidgets.core.errors import ArgumentError, RegionError, ShapeError
from ganwidgets.core.nets import LayeredClassifier


def to_bytes(image: Tensor) -> UInt8[np.ndarray, "h w 3"]:
    """A picture (3, h, w) or (1, 3, h, w) in [-1, 1] as bytes; what lies outside is cut. Errors: ShapeError."""
    if image.ndim == 4 and len(image) == 1:
        image = image[0]
    if image.ndim != 3 or image.shape[0] != 3:
        raise ShapeError(f"a picture has the shape (3, height, width); {tuple(image.shape)} came.")
    levels = ((image.detach().float() + 1) * 127.5).nan_to_num(0.0).clamp(0, 255).round().to(torch.uint8)
    return levels.permute(1, 2, 0).contiguous().cpu().numpy()


def to_pil(image: Tensor) -> Image.Image:
    """A picture (3, h, w) or (1, 3, h, w) in [-1, 1] as a PIL image. Errors: ShapeError."""
    return Image.fromarray(to_bytes(image)) if image.numel() else Image.new("RGB", (0, 0))


def to_tensor(image: Any) -> Float[Tensor, "3 h w"]:
    """A PIL image, or bytes (h, w, 3), as a picture in [-1, 1]; see-through parts become white. Errors: ShapeError."""
    if isinstance(image, Image.Image):
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            shown = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown)
        image = image.convert("RGB")
    levels = np.asarray(image)
    if levels.ndim != 3 or levels.shape[2] != 3 or levels.dtype != np.uint8:
        raise ShapeError(f"a picture is bytes (height, width, 3); {levels.dtype} {levels.shape} came.")
    return torch.from_numpy(levels.astype(np.float32)).permute(2, 0, 1).contiguous() / 127.5 - 1


def encode_png(image: Tensor) -> bytes:
    """A picture (3, h, w) in [-1, 1] as PNG."""
    return encoded(to_pil(image), format="PNG", compress_level=1)


def encode_jpeg(image: Tensor, quality: int = 90) -> bytes:
    """A picture (3, h, w) in [-1, 1] as JPEG, quality 1..95."""
    return encoded(to_pil(image), format="JPEG", quality=quality)


def encoded(image: Image.Image, **how: Any) -> bytes:
    """A picture as a file, `how` as PIL's save takes it."""
    held = io.BytesIO()
    image.save(held, **how)
    return held.getvalue()


def decode_png_mask(content: bytes, max_size: int = 256) -> Float[np.ndarray, "h w"]:
    """A grey PNG as a soft mask, 0 to 1. Errors: RegionError where it is broken, no PNG, or a side over `max_size`."""
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            width, height = image.size
            if max(width, height) > max_size:
                raise RegionError(f"the mask has {width} x {height} pixels; at most {max_size} x {max_size} are taken.")
            return np.asarray(image.convert("L"), dtype=np.float32) / np.float32(255)
    except RegionError:
        raise
    except Exception as error:  # PIL raises many kinds for broken files, SyntaxError among them
        raise RegionError(f"the mask is no PNG picture that can be read: {error}.") from None


def sheet(images: Any, columns: int = 8, *, gap: int = 2) -> Image.Image:
    """Pictures in rows on one page: a batch (n, 3, h, w) in [-1, 1], or tensors and PIL images of one size.

    Errors: ArgumentError for no pictures or no columns; ShapeError for different sizes.
    """
    pictures = [image if isinstance(image, Image.Image) else to_pil(image) for image in images]
    if not pictures or columns < 1:
        raise ArgumentError(f"a sheet needs a picture and a column; {len(pictures)} pictures, {columns} columns came.")
    width, height = pictures[0].size
    if any(picture.size != (width, height) for picture in pictures):
        raise ShapeError(f"the pictures of a sheet have one size; {sorted({p.size for p in pictures})} came.")
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    page = Image.new("RGB", (columns * (width + gap) - gap, rows * (height + gap) - gap), "white")
    for place, picture in enumerate(pictures):
        page.paste(picture.convert("RGB"), ((place % columns) * (width + gap), (place // columns) * (height + gap)))
    return page


def look_distance(a: Float[Tensor, "n 3 h w"], b: Float[Tensor, "n 3 h w"], net: LayeredClassifier, *,
                  layers: Sequence[str] | None = None) -> Float[Tensor, " n"]:
    """How differently each pair looks to a classifier: the mean squared distance of unit-length features, 0..4.

    The features of each cell get length 1; distances are meant over cells, then over the three layers that divide the
    net (or `layers`). Print it beside its value for two unrelated pictures: the scale depends on the classifier.
    """
    last = len(net.layers) - 1
    chosen = layers or [net.layers[round(last * part / 3)].name for part in (1, 2, 3)]
    distances = []
    for layer in dict.fromkeys(chosen):
        one, other = (F.normalize(net.head(images, layer).features, dim=1) for images in (a, b))
        distances.append((one - other).square().sum(1).mean((1, 2)))
    return torch.stack(distances).mean(0)
