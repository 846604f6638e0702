"""Classes as a generator's condition: numbers of classes, shares of them, or drawn by the picture's number."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.errors import LatentsError

CLASS = 2**31               # the stream of random numbers that classes come from, which no layer's noise takes


def picture_random(seed: int, picture: int, stream: int) -> np.random.RandomState:
    """Random numbers of a picture's own: from the seed, its number, which may be negative, and what they are for."""
    number = abs(picture)
    return np.random.RandomState([seed, number % 2**32, number >> 32, int(picture < 0), stream])


def conditions(labels: Any, pictures: Sequence[int], classes: int, *, name: str) -> Float[Tensor, "n classes"]:
    """A row of shares per picture. `labels`: numbers of classes (n,), shares (n, classes), or None: drawn by each picture's number.

    Errors: LatentsError.
    """
    if labels is None:
        labels = [int(picture_random(0, picture, CLASS).randint(classes)) for picture in pictures]
    try:
        found = torch.as_tensor(labels)
    except (TypeError, ValueError, RuntimeError) as error:
        raise LatentsError(f"labels must be numbers: {error}.") from error
    if found.shape == (len(pictures), classes) and not found.is_complex():
        return found.to(torch.float32)
    if found.shape != (len(pictures),) or found.is_floating_point() or found.is_complex() or found.dtype == torch.bool:
        raise LatentsError(f"labels have the shape {tuple(found.shape)}; {name} needs {len(pictures)} numbers of classes, one per "
                           f"picture, or shares ({len(pictures)}, {classes}).")
    if len(found) and not 0 <= int(found.min()) <= int(found.max()) < classes:
        raise LatentsError(f"{name} has {classes} classes, numbered from 0; the labels {found.tolist()[:8]} go beyond.")
    return F.one_hot(found.long(), classes).to(torch.float32)
