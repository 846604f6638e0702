"""Digests of weights: which net an edit was made on."""

import hashlib
from collections.abc import Mapping
from functools import cached_property

import torch
from torch import Tensor, nn


class WeightDigests:
    """SHA-256 of each parameter and buffer of a net, and of the whole, computed when first asked for and then kept."""

    def __init__(self, net: nn.Module) -> None:
        self._tensors: Mapping[str, Tensor] | None = {**dict(net.named_parameters()), **dict(net.named_buffers())}

    @cached_property
    def by_name(self) -> Mapping[str, str]:
        """The digest of each tensor by its dotted name."""
        tensors, self._tensors = self._tensors or {}, None
        return {name: tensor_digest(name, tensor) for name, tensor in sorted(tensors.items())}

    @cached_property
    def whole(self) -> str:
        """The digest of all tensors together."""
        return hashlib.sha256("".join(self.by_name.values()).encode()).hexdigest()


def tensor_digest(name: str, tensor: Tensor) -> str:
    """SHA-256 over a tensor's name, kind of number, shape and bytes, as hexadecimal digits."""
    held = tensor.detach().cpu().contiguous()
    content = hashlib.sha256(f"{name} {held.dtype} {tuple(held.shape)}\n".encode())
    content.update(held.reshape(-1).view(torch.uint8).numpy().tobytes() if held.numel() else b"")
    return content.hexdigest()


def digest(net: nn.Module) -> str:
    """SHA-256 over the names, shapes and bytes of a net's parameters and buffers."""
    return WeightDigests(net).whole
