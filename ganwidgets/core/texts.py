"""Tensors as short texts, for records and scripts: exact, checked, and never more than a fixed size when read."""

import base64
import binascii
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.errors import EditError

MOST_BYTES = 1 << 28  # of the numbers that a text may unfold to
MOST_AXES = 8
BYTE_LEVELS = np.arange(256, dtype=np.float32) / np.float32(255)
_left: ContextVar[int | None] = ContextVar("bytes of numbers that texts may still unfold to", default=None)


@contextmanager
def together_at_most(size: int) -> Iterator[None]:
    """All texts that are read within unfold to numbers of at most so many bytes; the one that would be more is refused."""
    token = _left.set(size)
    try:
        yield
    finally:
        _left.reset(token)


def tensor_to_text(tensor: Float[Tensor, "..."]) -> str:
    """A float tensor as "kind:shape:packed"; kind u8 where every number is a byte divided by 255, as in masks."""
    numbers = tensor.detach().cpu().numpy().astype("<f4")
    levels = np.clip(np.rint(numbers * 255), 0, 255).astype(np.uint8)
    as_bytes = np.array_equal(BYTE_LEVELS[levels].view(np.uint32), numbers.view(np.uint32))
    kind, content = ("u8", levels.tobytes()) if as_bytes else ("f32", numbers.tobytes())
    packed = base64.b85encode(zlib.compress(content, 9)).decode()
    return f"{kind}:{'x'.join(map(str, numbers.shape))}:{packed}"


def tensor_from_text(text: Any) -> Float[Tensor, "..."]:
    """The tensor of a text, bit for bit. Errors: EditError for anything else."""
    try:
        kind, sides, packed = text.split(":", 2)
        if len(sides) > 100:
            raise ValueError("a shape is short")
        shape = tuple(int(side) for side in sides.split("x")) if sides else ()
        width = {"u8": 1, "f32": 4}[kind]
        size = int(np.prod(shape, dtype=object)) * width if shape else width
        left, held = _left.get(), size // width * 4
        if len(shape) > MOST_AXES or min(shape, default=1) < 0 or held > (MOST_BYTES if left is None else min(left, MOST_BYTES)):
            raise ValueError(f"the shape {shape} is not possible, or too large")
        # what was packed is hardly longer than what it unfolds to, and 4 bytes take 5 characters
        if len(packed) > 100 + size * 1.3:
            raise ValueError(f"{size} bytes were announced and more came")
        if left is not None:
            _left.set(left - held)
        unfolding = zlib.decompressobj()
        content = unfolding.decompress(base64.b85decode(packed), size + 1)
        if len(content) != size or not (unfolding.eof or size == 0):
            raise ValueError(f"{size} bytes were announced and others came")
    except (AttributeError, KeyError, TypeError, ValueError, binascii.Error, zlib.error) as error:
        raise EditError(f"these packed numbers cannot be read ({error}); the text was cut or changed.") from None
    if kind == "u8":
        return torch.from_numpy(BYTE_LEVELS[np.frombuffer(content, np.uint8)].reshape(shape))
    return torch.from_numpy(np.frombuffer(content, "<f4").astype(np.float32).reshape(shape))
