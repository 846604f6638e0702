"""A device that is none: its numbers lie in the CPU's memory, and it refuses what MPS and CUDA refuse.

Its tensors say that they are on `DEVICE`. None of them is float64; those of the CPU do not mix with them, but for single
numbers and places; and they become arrays only after `.cpu()`.
"""

import contextlib

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

DEVICE = torch.device("meta")       # torch knows it on every machine, and asks it for no memory
TRANSFERS = ("aten::_to_copy", "aten::copy_")
PLACES = ("aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_")


class Held(torch.Tensor):
    """A tensor of the device; `numbers` are its own."""

    @staticmethod
    def __new__(cls, numbers):
        if numbers.dtype in (torch.float64, torch.complex128):
            raise TypeError("this device has no float64")
        made = torch.Tensor._make_wrapper_subclass(cls, numbers.shape, strides=numbers.stride(), dtype=numbers.dtype,
                                                   device=DEVICE, storage_offset=numbers.storage_offset())
        made.numbers = numbers
        return made

    def tolist(self):
        return self.cpu().tolist()

    def __repr__(self, **_):
        return f"Held({tuple(self.shape)})"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return carried_out(func, args, kwargs or {})


class Operations(TorchDispatchMode):
    """What is done with tensors, and those that are made empty or full."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return carried_out(func, args, kwargs or {})


class Written(TorchFunctionMode):
    """Numbers and places that stand in Python, of which torch makes tensors before any operation."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        how = kwargs or {}
        if func is torch.Tensor.new_tensor:
            return torch.tensor(*args[1:], **{"dtype": args[0].dtype, **how}).to(args[0].device)
        if func in (torch.tensor, torch.as_tensor) and how.get("device") == DEVICE:
            return func(*args, **{**how, "device": "cpu"}).to(DEVICE)
        if func in (torch.Tensor.__getitem__, torch.Tensor.__setitem__):
            places = args[1] if isinstance(args[1], tuple) else (args[1],)
            return func(args[0], tuple(map(_listed, places)), *args[2:])
        return func(*args, **how)


@contextlib.contextmanager
def accelerator():
    """Within it, `to(DEVICE)` and `device=DEVICE` lead to the device."""
    with Operations(), Written():
        yield DEVICE


def carried_out(func, args, kwargs):
    """What an operation answers, on the device where its tensors are."""
    name, to = func._schema.name, kwargs.get("device")
    given = [each for each in tree_flatten((args, kwargs))[0] if isinstance(each, torch.Tensor)]
    held = [each for each in given if isinstance(each, Held)]
    beside = [each for each in given if not isinstance(each, Held) and each.ndim]
    assert not any(each.device == DEVICE for each in beside), f"{name} is given a tensor of the device that has no numbers"
    if held and beside and name not in TRANSFERS and not (name in PLACES and isinstance(args[0], Held)):
        raise RuntimeError(f"{name} is given tensors of the device and of the CPU")
    on = bool(held) if to is None else torch.device(to) == DEVICE
    if not held and not on:
        return func(*args, **kwargs)
    found = func(*_bare(args), **_bare(kwargs if to is None else {**kwargs, "device": torch.device("cpu")}))
    if func._schema.is_mutable and isinstance(found, torch.Tensor):
        return next(value for value, said in zip(args, func._schema.arguments, strict=False)
                    if said.alias_info and said.alias_info.is_write)
    return tree_map_only(torch.Tensor, Held, found) if on else found


def _listed(places):
    return torch.tensor(places, dtype=None if places else torch.long) if isinstance(places, list) else places


def _bare(values):
    return tree_map_only(Held, lambda each: each.numbers, values)
