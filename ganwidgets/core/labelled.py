"""Pictures with the class of each, in batches: what a classifier is judged by."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ganwidgets.core.errors import ArgumentError, ShapeError, one_of

Pairs = Iterator[tuple[Float[Tensor, "n 3 h w"], Int[Tensor, " n"]]]


def labelled(data: Any, classes: Sequence[str], *, batch: int) -> Pairs:
    """Batches of at most `batch` pictures (n, 3, h, w) in [-1, 1] and the places of their classes.

    `data`: a pair (pictures, labels), or batches of such pairs, as a data loader gives; labels are places or names.
    Errors: ArgumentError, ShapeError.
    """
    for pictures, labels in pairs_of(data):
        places = places_of(labels, classes)
        if not isinstance(pictures, Tensor) or pictures.ndim != 4 or pictures.shape[1] != 3 or not pictures.is_floating_point():
            came = tuple(pictures.shape) if isinstance(pictures, Tensor) else type(pictures).__name__
            raise ShapeError(f"pictures are a tensor (n, 3, height, width) in [-1, 1]; {came} came.")
        if len(pictures) != len(places):
            raise ShapeError(f"{len(places)} labels for {len(pictures)} pictures; give one for each.")
        yield from zip(pictures.split(batch), places.split(batch), strict=True)


def pairs_of(data: Any) -> Iterable[tuple[Any, Any]]:
    """The pairs (pictures, labels). Errors: ArgumentError for what is neither a pair nor batches that can be gone through again."""
    if isinstance(data, tuple) and len(data) == 2:
        return [data]
    if not isinstance(data, Iterable) or isinstance(data, (str, bytes, dict, Tensor, np.ndarray)):
        raise ArgumentError("labelled pictures are a pair (pictures, labels), or batches of such pairs; a "
                            f"{type(data).__name__} came.")
    if iter(data) is data:
        raise ArgumentError("labelled pictures are gone through more than once: give a pair, a list or a data loader, not an "
                            "iterator that runs out.")
    return data


def places_of(labels: Any, classes: Sequence[str]) -> Int[Tensor, " n"]:
    """Labels, which are places or names, as places among the classes. Errors: ArgumentError."""
    if isinstance(labels, (Tensor, np.ndarray)):
        labels = labels.tolist()
    if not isinstance(labels, Iterable) or isinstance(labels, (str, bytes)):
        raise ArgumentError(f"labels are one for each picture; a {type(labels).__name__} came.")
    return torch.tensor([place_of(label, classes) for label in labels], dtype=torch.long)


def place_of(label: Any, classes: Sequence[str]) -> int:
    """The place of a class, given by its name or its place. Errors: ArgumentError."""
    if isinstance(label, str):
        if label not in classes:
            raise ArgumentError(one_of("class", label, classes))
        return list(classes).index(label)
    if isinstance(label, bool) or not isinstance(label, (int, np.integer)) or not 0 <= label < len(classes):
        raise ArgumentError(f"a label is a class's name, or its place from 0 to {len(classes) - 1}; {label!r} came.")
    return int(label)
