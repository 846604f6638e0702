"""What a checkpoint holds, as plain tensors and values, and how a net is filled from it."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ganwidgets.core.errors import CheckpointError


@dataclass(frozen=True, eq=False)
class Contents:
    """A checkpoint that was read and not run.

    `tensors`: the generator's weights by key, as the file holds them (half precision stays half); `facts`: the plain values
    that stand beside them (`latent_avg`, config.json, an NVlabs module's own attributes); `layout`: "torch", "safetensors",
    "nvlabs", "folder" or "diffusers".
    """

    name: str
    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any] = field(default_factory=dict)
    layout: str = "torch"


def fill(net: nn.Module, tensors: Mapping[str, Tensor], name: str, *, spelled: Callable[[str], str] = str,
         assign: bool = False) -> None:
    """Fill a net, in float32. `spelled`: how the file itself writes one of the net's keys; `assign`: a net without memory.

    Errors: CheckpointError, naming a key that is missing, surplus, misshapen or not finite.
    """
    wanted = net.state_dict()
    for words, keys in (("lacks", wanted.keys() - tensors.keys()), ("has no place for", tensors.keys() - wanted.keys())):
        if keys:
            more = f" and {len(keys) - 1} more keys" if len(keys) > 1 else ""
            raise CheckpointError(f"{name} {words} {spelled(min(keys))}{more}.")
    for key, value in tensors.items():
        if value.shape != wanted[key].shape:
            raise CheckpointError(f"{spelled(key)} in {name} has the shape {tuple(value.shape)}; by the other weights it should "
                                  f"be {tuple(wanted[key].shape)}.")
        if value.is_floating_point() != wanted[key].is_floating_point() or value.is_complex():
            raise CheckpointError(f"{spelled(key)} in {name} is of the kind {value.dtype}, which is none that weights have.")
    check_finite(tensors, name, spelled=spelled)
    with torch.no_grad():
        if assign:
            tensors = {key: value.to(wanted[key].dtype) for key, value in tensors.items()}
        net.load_state_dict(dict(tensors), assign=assign)


def check_finite(tensors: Mapping[str, Tensor], name: str, *, spelled: Callable[[str], str] = str) -> None:
    """Errors: CheckpointError, naming the first key whose numbers are not all finite."""
    for key, value in tensors.items():
        if value.is_floating_point() and value.numel() and not torch.stack(value.aminmax()).isfinite().all():
            raise CheckpointError(f"{name} holds numbers that are not finite, first in {spelled(key)}.")


def agreed(tensors: Mapping[str, Tensor], name: str, *sides: tuple[str, int], spelled: Callable[[str], str] = str) -> int:
    """The length on which most of these sides agree, each a key and an axis: `fill` then names the one tensor that differs.

    Errors: CheckpointError where none of them is there, or where they are empty.
    """
    lengths = [tensors[key].shape[axis] for key, axis in sides if key in tensors and tensors[key].ndim > axis]
    found = statistics.mode(lengths) if lengths else 0
    if not found:
        raise CheckpointError(f"{name} lacks {spelled(sides[0][0])}, or it is empty or has another shape.")
    return found


def has(tensors: Mapping[str, Tensor], key: str, ndim: int) -> bool:
    """Whether there is a tensor of that key with so many sides."""
    return key in tensors and tensors[key].ndim == ndim
