"""Classes as a generator's condition: numbers of classes, shares of them, or drawn by the picture's number."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.errors import ArgumentError


def class_shares(labels: Any, pictures: Sequence[int], classes: int, *, name: str) -> Float[Tensor, "n classes"]:
    """Labels as shares of each class, a row per picture; None: each picture's class is drawn by its number.

    `labels`: a class number for all, (n,) of them, or shares (n, classes). Errors: ArgumentError.
    """
    if labels is None:
        labels = [drawn_class(picture, classes) for picture in pictures]
    possible = f"a class number from 0 to {classes - 1}, {len(pictures)} of them, or shares ({len(pictures)}, {classes})"
    try:
        found = torch.as_tensor(labels)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentError(f"labels for {name} are {possible}; {str(labels)[:64]} came.") from error
    found = found.expand(len(pictures)) if found.ndim == 0 else found
    if found.shape == (len(pictures), classes) and not found.is_complex() and found.isfinite().all():
        return found.to(torch.float32)
    whole = not found.is_floating_point() and not found.is_complex() and found.dtype != torch.bool
    if not whole or found.shape != (len(pictures),) or (len(found) and not 0 <= int(found.min()) <= int(found.max()) < classes):
        raise ArgumentError(f"labels for {name} are {possible}; {str(found.tolist())[:64]} came.")
    return F.one_hot(found.long(), classes).to(torch.float32)


def drawn_class(picture: int, classes: int) -> int:
    """The class that a picture's number draws, apart from its z."""
    number = abs(picture)
    return int(np.random.RandomState([number % 2**32, number >> 32, int(picture < 0), classes]).randint(classes))
