"""What a checkpoint holds, as plain tensors and values, and how a net is filled from it."""

from collections.abc import Mapping
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
    "nvlabs" or "folder".
    """

    name: str
    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any] = field(default_factory=dict)
    layout: str = "torch"


def fill(net: nn.Module, tensors: Mapping[str, Tensor], name: str) -> None:
    """Fill a net, in float32. Errors: CheckpointError, naming a key that is missing, surplus, misshapen or not finite."""
    wanted = net.state_dict()
    for words, keys in (("lacks", wanted.keys() - tensors.keys()), ("has no place for", tensors.keys() - wanted.keys())):
        if keys:
            more = f" and {len(keys) - 1} more keys" if len(keys) > 1 else ""
            raise CheckpointError(f"{name} {words} {sorted(keys)[0]}{more}.")
    for key, value in tensors.items():
        if value.shape != wanted[key].shape:
            raise CheckpointError(f"{key} in {name} has the shape {tuple(value.shape)}; by the other weights it should be "
                                  f"{tuple(wanted[key].shape)}.")
        if value.is_floating_point() != wanted[key].is_floating_point() or value.is_complex():
            raise CheckpointError(f"{key} in {name} is of the kind {value.dtype}, which is none that weights have.")
        if value.is_floating_point() and value.numel() and not torch.stack(value.aminmax()).isfinite().all():
            raise CheckpointError(f"{name} holds numbers that are not finite, first in {key}.")
    with torch.no_grad():
        net.load_state_dict(dict(tensors))


def has(tensors: Mapping[str, Tensor], key: str, ndim: int) -> bool:
    """Whether there is a tensor of that key with so many sides."""
    return key in tensors and tensors[key].ndim == ndim
