"""What a checkpoint holds, as plain tensors and values, and how a net is filled from it."""

import contextlib
import json
import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ganwidgets.core.errors import CheckpointError

LONGEST = 1 << 20       # characters of a fact that is JSON


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


class Unfilled(TorchFunctionMode):
    """Within, new weights are neither drawn at random nor divided by numbers: a file fills them, and torch would first import its
    compiler to do so on "meta"."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ARG002
        name, kwargs = getattr(func, "__name__", ""), kwargs or {}
        if name in ("normal_", "uniform_", "kaiming_uniform_", "div_"):
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return (torch.empty if name == "randn" else func)(*args, **kwargs)


@contextlib.contextmanager
def unmade() -> Iterator[None]:
    """Nets that are built within have shapes and no memory, on torch's device "meta": `fill` makes them."""
    with torch.device("meta"), Unfilled():
        yield


def fill(net: nn.Module, tensors: Mapping[str, Tensor], name: str, *, spelled: Callable[[str], str] = str,
         made: Mapping[str, Callable[[], Tensor]] | None = None) -> None:
    """Fill a net, in float32. `spelled`: how the file itself writes one of the net's keys. `made`: what a file may lack, or never
    says because it follows from the rest, and what makes it.

    An `unmade` net takes its memory here, once it is known that the file fits: a small file can speak of large tensors.
    Errors: CheckpointError, naming a key that is missing, surplus, misshapen or not finite.
    """
    wanted, made = net.state_dict(), {key: make for key, make in (made or {}).items() if key not in tensors}
    unsaid = {key for key, _ in net.named_buffers()} - wanted.keys()
    missing = wanted.keys() - tensors.keys() - made.keys()
    for words, keys in (("lacks", missing), ("has no place for", tensors.keys() - wanted.keys())):
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
    if any(value.is_meta for value in wanted.values()):
        left = unsaid - made.keys()
        assert not left, f"{left} of {type(net).__name__} would hold what lay in the memory; a file does not say them."
        net.to_empty(device="cpu")
    with torch.no_grad():
        net.load_state_dict({**tensors, **{key: make() for key, make in made.items() if key in wanted}})
        for key in unsaid & made.keys():
            net.get_buffer(key).copy_(made[key]())


def check_finite(tensors: Mapping[str, Tensor], name: str, *, spelled: Callable[[str], str] = str) -> None:
    """Errors: CheckpointError, naming the first key whose numbers are not all finite."""
    for key, value in tensors.items():
        if value.is_floating_point() and value.numel() and not torch.stack(value.aminmax()).isfinite().all():
            raise CheckpointError(f"{name} holds numbers that are not finite, first in {spelled(key)}.")


def told(facts: Mapping[str, Any], key: str) -> Any:
    """What a file says under a key, nothing where it says nothing. In safetensors all is text: lists and tables are JSON there."""
    found = facts.get(key)
    if not isinstance(found, str):
        return found
    try:
        return json.loads(found) if len(found) <= LONGEST else None
    except (ValueError, RecursionError):
        return None


def texts(facts: Mapping[str, Any]) -> dict[str, str]:
    """Facts as safetensors hold them: texts as they are, all else as JSON."""
    return {key: each if isinstance(each, str) else json.dumps(each) for key, each in facts.items()}


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
