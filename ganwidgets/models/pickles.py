"""Pickles of the NVlabs StyleGAN repositories, and of R3GAN's, read without running them: modules' tensors and plain attributes.

Such a file keeps each module as its state, and its source text or the name of its class. No source is run and no class is looked
for; the state is enough.
"""

import io
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganwidgets.core.errors import CheckpointError
from ganwidgets.models.contents import Contents
from ganwidgets.models.pickle_machine import Allowance, Machine, Names, Source

ENTRIES, DEPTH = 100_000, 8     # how much the tables of all modules may hold, and how deep modules may lie
SHORT = 16                      # numbers of an array or a tuple that is an attribute; longer ones are left unread
LONG = 256                      # values of a list that is an attribute
MAGIC, VERSION = 0x1950a86a20f9469cfc6c, 1001       # what torch begins a storage with
NUMBERS = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")
STORAGES = {"Half": torch.float16, "Float": torch.float32, "Double": torch.float64, "BFloat16": torch.bfloat16,
            "Byte": torch.uint8, "Char": torch.int8, "Short": torch.int16, "Int": torch.int32, "Long": torch.int64,
            "Bool": torch.bool}
# the modules that R3GAN's training code keeps by name, and torch's among them; the code was called BaselineGAN before
R3GAN = {"Networks": ("Convolution", "DiscriminativeBasis", "Discriminator", "DiscriminatorStage", "DownsampleLayer", "Generator",
                      "GenerativeBasis", "GeneratorStage", "ResidualBlock", "UpsampleLayer"),
         "FusedOperators": ("BiasedActivationCUDA", "BiasedActivationReference"),
         "Resamplers": ("InterpolativeDownsamplerCUDA", "InterpolativeDownsamplerReference", "InterpolativeUpsamplerCUDA",
                        "InterpolativeUpsamplerReference")}
TRAINED = {**{f"{code}.{module}": names for code in ("R3GAN", "BaselineGAN") for module, names in R3GAN.items()},
           **dict.fromkeys(("training.networks", "training.networks_baseline"), ("Discriminator", "Generator")),
           "torch.nn.modules.container": ("ModuleList",), "torch.nn.modules.conv": ("Conv2d",),
           "torch.nn.modules.linear": ("Linear",)}
GENERATIONS = {"block_resolutions": "stylegan2", "layer_names": "stylegan3"}


@dataclass(eq=False)
class Module:
    """A module of the file: the name of its class, and its state, a table of texts."""

    kind: str
    state: dict[str, Any]

    def filled(self, state: Any) -> None:
        """Take the state of a module that was made by name. Errors: ValueError."""
        if self.state or type(state) is not dict:
            raise ValueError("a module has two states, or one that is none")
        self.state = state


@dataclass(eq=False)
class Storage:
    """Numbers in a row, as bytes of the file."""

    dtype: torch.dtype
    numbers: memoryview


@dataclass(eq=False)
class Array:
    """A tensor: how it lies in its storage."""

    storage: Storage
    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def tensor(self) -> Tensor:
        """The tensor itself, in memory of its own. Errors: ValueError where it does not fill its part of the storage."""
        dense, size = 1, torch.empty(0, dtype=self.storage.dtype).element_size()
        for stride, side in sorted(zip(self.strides, self.shape, strict=True)):
            if side > 1 and stride != dense:
                raise ValueError("a tensor does not lie in one piece")
            dense *= side
        held = self.storage.numbers[self.start * size:(self.start + dense) * size]
        if len(held) != dense * size:
            raise ValueError("a tensor is longer than its numbers")
        if not dense:
            return torch.empty(self.shape, dtype=self.storage.dtype)
        return torch.frombuffer(bytearray(held), dtype=self.storage.dtype).as_strided(self.shape, self.strides)


@dataclass(eq=False)
class Kind:
    """numpy.dtype."""

    code: str
    order: str = "<"

    def filled(self, state: Any) -> None:
        """Take the order of bytes from its state. Errors: ValueError."""
        order = state[1]
        if order not in ("<", ">", "|", "="):
            raise ValueError("the order of bytes is not known")
        self.order = order

    def read(self, held: bytes) -> np.ndarray:
        """Numbers of this kind."""
        return np.frombuffer(held, np.dtype(self.order + self.code))


@dataclass(eq=False)
class Numbers:
    """numpy.ndarray, if it is short, as (nested) lists."""

    values: Any = None

    def filled(self, state: Any) -> None:
        """Take the numbers from its state, if they are few. Errors: ValueError."""
        _, shape, kind, columns_first, held = state
        if type(kind) is not Kind or type(held) is not bytes or len(shape) > 2 or math.prod(shape) > SHORT or len(held) > 8 * SHORT:
            return
        self.values = kind.read(held).reshape(shape, order="F" if columns_first else "C").tolist()


def read_nvlabs(path: Path) -> Contents:
    """The generator `G_ema` of an NVlabs pickle, or of one of R3GAN's training.

    `facts`: "generation" ("stylegan2", "stylegan3" or ""), "class_name", and each module's plain "attributes" by its dotted
    name ("" for the generator itself).

    Errors: CheckpointError.
    """
    size, allowance = path.stat().st_size, Allowance()
    with open(path, "rb") as file:
        whole = Machine(Source(file, size, path.name), names(path.name, allowance), allowance, longest=size).run()
    if not isinstance(whole, dict) or not isinstance(whole.get("G_ema"), Module):
        parts = ", ".join(key[:32] for key in list(whole)[:8]) if isinstance(whole, dict) else type(whole).__name__
        raise CheckpointError(f"{path.name} is a pickle without the generator G_ema of the NVlabs repositories, or of R3GAN's; "
                              f"it holds {parts or 'nothing'}.")
    generator = whole.pop("G_ema")
    whole.clear()           # what the other nets hold can go before tensors are made
    found = dict(modules(generator, path.name))
    attributes = {name: plain_attributes(module.state) for name, module in found.items()}
    generation = next((kind for key, kind in GENERATIONS.items() if key in attributes.get("synthesis", {})), "")
    return Contents(path.stem, tensors(found, path.name, size), {"class_name": generator.kind, "generation": generation,
                                                                "attributes": attributes}, "nvlabs")


def names(file: str, allowance: Allowance) -> Names:
    """All that such a pickle may ask for, and what stands in its place."""
    numpy = {(f"numpy.{core}.multiarray", name): act for core in ("core", "_core")
             for name, act in (("scalar", scalar), ("_reconstruct", array))}
    named = {(where, name): partial(blank, name) for where, names in TRAINED.items() for name in names}
    precisions = {("torch", name): precision for name in ("bfloat16", "float16", "float32")}
    return numpy | named | precisions | {
        ("collections", "OrderedDict"): table, ("dnnlib.util", "EasyDict"): table, ("builtins", "set"): elements,
        ("numpy", "dtype"): kind, ("numpy", "ndarray"): array, ("torch._utils", "_rebuild_parameter"): parameter,
        ("torch._utils", "_rebuild_tensor_v2"): tensor, ("torch.storage", "_load_from_bytes"): partial(storage, file, allowance),
        ("torch_utils.persistence", "_reconstruct_persistent_obj"): module}


def table() -> dict[str, Any]:
    """collections.OrderedDict and dnnlib.util.EasyDict: an empty table."""
    return {}


def elements(values: list = []) -> list:  # noqa: B006 (nobody changes it)
    """builtins.set: the list of its elements, not copied: a file could ask for a thousand copies. Errors: ValueError."""
    if type(values) is not list:
        raise ValueError("a set is of no list")
    return values


def kind(code: str, *_: Any) -> Kind:
    """numpy.dtype. Errors: ValueError for one that is no number's."""
    if code not in NUMBERS:
        raise ValueError("a kind of number is not known")
    return Kind(code)


def scalar(of: Kind, held: bytes) -> Any:
    """A number of numpy's as a plain one. Errors: ValueError."""
    if type(of) is not Kind or type(held) is not bytes or len(held) > 8:
        raise ValueError("a number is none")
    return of.read(held).reshape(()).item()


def array(*_: Any) -> Numbers:
    """An array of numpy's, still empty."""
    return Numbers()


def parameter(data: Array, *rest: Any) -> Array:
    """A parameter is its tensor. Errors: ValueError."""
    if type(data) is not Array:
        raise ValueError("a parameter is no tensor")
    check_rest(rest)
    return data


def tensor(held: Storage, start: int, shape: tuple, strides: tuple, *rest: Any) -> Array:
    """A tensor in its storage. Errors: ValueError for a shape that is none."""
    if type(held) is not Storage:
        raise ValueError("a tensor has no storage")
    check_shape(start, shape, strides)
    check_rest(rest)
    return Array(held, start, shape, strides)


def check_shape(start: int, shape: tuple, strides: tuple) -> None:
    """Errors: ValueError for what is no shape and its place in a storage."""
    if len(shape) != len(strides) or len(shape) > 8:
        raise ValueError("a tensor has no shape")
    if any(type(number) is not int or number < 0 for number in (start, *shape, *strides)):
        raise ValueError("a tensor has a shape that is none")


def check_rest(rest: tuple) -> None:
    """Errors: ValueError for what does not follow after a tensor: whether it asks for a gradient, hooks, perhaps facts."""
    if len(rest) > 3 or any(each is not None and not isinstance(each, bool | dict) for each in rest):
        raise ValueError("a tensor is followed by what no tensor has")


def module(meta: dict) -> Module:
    """A module of the file; its source is left where it is. Errors: ValueError, KeyError."""
    kind, state = meta["class_name"], meta["state"]
    if type(kind) is not str or type(state) is not dict:
        raise ValueError("a module has no name or no state")
    return Module(kind, state)


def blank(kind: str) -> Module:
    """A module that a file keeps by the name of its class, still without a state."""
    return Module(kind, {})


def precision() -> None:
    """torch.float32 and the like, which modules keep: where numbers were rounded in training does not matter here."""


def storage(file: str, allowance: Allowance, held: bytes) -> Storage:
    """What torch.save wrote of a storage: five pickles (a number that says so, a version, the machine, the storage, its keys),
    then the count of numbers and they themselves."""
    if type(held) is not bytes:
        raise ValueError("a storage is no bytes")
    source = Source(io.BytesIO(held), len(held), file)

    def part() -> Any:
        """The next of its pickles."""
        dtypes: Names = {("torch", f"{name}Storage"): partial(kind_of, dtype) for name, dtype in STORAGES.items()}
        return Machine(source, dtypes, allowance, longest=1024, persistent=lambda found: found).run()

    magic, version, machine, (word, of, key, _, count, *view), keys = part(), part(), part(), part(), part()
    if (magic, version, word, keys) != (MAGIC, VERSION, "storage", [key]) or machine.get("little_endian") is not True:
        raise ValueError("a storage is not as torch writes it")
    if any(part is not None for part in view):
        raise ValueError("a storage is a part of another, as it was before torch 0.4")
    dtype = of()
    numbers = memoryview(held)[len(held) - source.left + 8:]
    if source.number("<q") != count or len(numbers) != count * torch.empty(0, dtype=dtype).element_size():
        raise ValueError("a storage has another length than it says")
    return Storage(dtype, numbers)


def kind_of(dtype: torch.dtype) -> torch.dtype:
    """What stands in the place of a class of storages."""
    return dtype


def modules(generator: Module, file: str) -> Iterator[tuple[str, Module]]:
    """Each module by its dotted name, the generator itself first. Errors: CheckpointError for what is no tree of modules."""
    waiting, left, seen = [("", generator)], ENTRIES, set[int]()
    while waiting:
        path, found = waiting.pop()
        tables = [found.state, *(found.state.get(part) or {} for part in ("_modules", "_parameters", "_buffers"))]
        left -= sum(map(len, tables)) if all(type(table) is dict for table in tables) else left + 1
        inner = found.state.get("_modules")
        if type(inner) is not dict or left < 0 or path.count(".") > DEPTH or id(found) in seen:
            raise CheckpointError(f"{file} holds no tree of modules at {path or 'its top'}; nothing in it was run.")
        seen.add(id(found))
        yield path, found
        for name, part in inner.items():
            if part is not None and (type(part) is not Module or not re.fullmatch(r"\w{1,64}", name)):
                raise CheckpointError(f"{file} holds no module at {path}.{name[:64]}; nothing in it was run.")
            if part is not None:
                waiting.append((f"{path}.{name}".lstrip("."), part))


def tensors(found: Mapping[str, Module], file: str, size: int) -> dict[str, Tensor]:
    """Parameters and buffers by their dotted names. Errors: CheckpointError, naming the key."""
    made: dict[str, Tensor] = {}
    for path, owner in found.items():
        for part in ("_parameters", "_buffers"):
            for name, held in (owner.state.get(part) or {}).items():
                key = f"{path}.{name}".lstrip(".")
                if held is None:
                    continue
                if type(held) is not Array:
                    raise CheckpointError(f"{file} holds no tensor at {key[:128]}; nothing in it was run.")
                try:
                    made[key] = held.tensor()
                except (ValueError, TypeError, RuntimeError, OverflowError) as error:
                    raise CheckpointError(f"{file} holds a damaged tensor at {key[:128]}: {error}.") from error
                size -= made[key].nbytes        # each byte of the file is read for one tensor
                if size < 0:
                    raise CheckpointError(f"{file} holds tensors of more bytes than the file has; nothing in it was run.")
                held.storage.numbers = memoryview(b"")
    return made


def plain_attributes(state: Mapping[str, Any]) -> dict[str, Any]:
    """What of a module's state is a number, a text or a list of such, and its own rather than torch's."""
    found = {key: plain(value) for key, value in state.items() if not key.startswith("_") and key != "training"}
    return {key: value for key, value in found.items() if value is not ...}


def plain(value: Any) -> Any:
    """The value, arrays and tuples as lists; ... for what is none of these."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    values = value.values if type(value) is Numbers else value
    values = list(values) if type(values) is tuple and len(values) <= SHORT else values
    short = type(values) is list and len(values) <= LONG
    return values if short and all(type(each) in (int, float, str) for each in values) else ...
