"""Files of torch.save, new and old, read as tensors and plain values: their pickles are carried out here, and nothing is run.

torch's own reader with `weights_only` runs nothing either, but takes what memory a file asks for: a file of a few bytes can ask
for any amount. Here each byte of the file is read for one storage at most.
"""

import io
import math
import re
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganwidgets.core.errors import CheckpointError
from ganwidgets.models.pickle_machine import Allowance, Machine, Names, Source
from ganwidgets.models.pickles import MAGIC, STORAGES, VERSION, check_rest, check_shape, kind_of

DIRECTORY = 2 << 20             # bytes that a list of an archive's parts may have
LOCAL = "<4s5H3L2H"             # what stands before each part of an archive
NUMBERS = 1 << 48               # more than any tensor has
KINDS = STORAGES | {"ComplexFloat": torch.complex64, "ComplexDouble": torch.complex128}
WHOLE = (" If that is a module which was saved whole, load it where its code is and save its weights alone, net.state_dict(), or "
         "give it to gw.wrap.")
SCRIPTED = " It is TorchScript, which is a program: save the weights alone, torch.jit.load(file).state_dict()."
DTYPES = ("float16", "float32", "float64", "bfloat16", "uint8", "int8", "int16", "int32", "int64", "bool")


class Table(dict):
    """A table that may also have attributes, which are left out."""

    def filled(self, _state: Any) -> None:
        """Attributes come: nothing of them is needed."""


class Beside:
    """What stands beside the weights and is none of them, as arguments of a training script do."""

    def filled(self, _state: Any) -> None:
        """Its parts come: nothing of them is needed."""


@dataclass
class Storages:
    """The numbers of a file, by their keys. `left`: bytes that those still to come may have. `fill`: reads one as it is met."""

    left: int
    fill: Callable[[str, Tensor], None] | None = None
    rows: dict[str, Tensor] = field(default_factory=dict)

    def row(self, found: Any) -> Tensor:
        """The storage that a persistent id names, as a tensor (n,). Errors: ValueError, CheckpointError."""
        word, of, key, _, count, *view = found
        if word != "storage" or type(key) is not str or type(count) is not int or count < 0 or any(view):
            raise ValueError("a persistent id is no storage")
        dtype = of()
        if key not in self.rows:
            self.left -= count * dtype.itemsize
            if self.left < 0:
                raise ValueError("the storages have more numbers than the file")
            self.rows[key] = torch.empty(count, dtype=dtype)
            if self.fill:
                self.fill(key, self.rows[key])
        if (self.rows[key].dtype, len(self.rows[key])) != (dtype, count):
            raise ValueError("a storage is of two kinds")
        return self.rows[key]


def read_torch_file(path: Path) -> Any:
    """What torch.save wrote: mostly tables of tensors. Errors: CheckpointError; zipfile's and struct's for a damaged archive."""
    with Bounded(open(path, "rb", buffering=0)) as file:
        return archived(file, path) if file.peek(2)[:2] == b"PK" else in_a_row(file, path)


class Bounded(io.BufferedReader):
    """A file of which no large piece is read at once, so that the list of an archive's parts cannot be a large one."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Bytes from here on. Errors: ValueError where a large piece is asked for."""
        wanted = DIRECTORY if size is None or size < 0 else size
        if wanted > DIRECTORY:
            raise ValueError("the archive lists more parts than any net has")
        return super().read(wanted)


def archived(file: Bounded, path: Path) -> Any:
    """A file of torch since 1.6: an archive of a pickle and of storages, none of them packed. Errors: see read_torch_file."""
    with zipfile.ZipFile(file) as archive:
        parts = {part.filename: part for part in archive.infolist()}
        if len(parts) != len(archive.infolist()):
            raise ValueError("the archive has several parts of one name")
    tops = [name.removesuffix("data.pkl") for name in parts if re.fullmatch(r"[^/]+/data\.pkl", name)]
    if len(tops) != 1 or f"{tops[0]}constants.pkl" in parts:
        scripted = f"{tops[0] if tops else ''}constants.pkl" in parts
        raise CheckpointError(f"{path.name} is an archive, but none of torch.save with weights in it." + SCRIPTED * scripted)

    def begin(name: str) -> int:
        """Go to the beginning of a part; answers how long it is."""
        part = parts[tops[0] + name]
        file.seek(part.header_offset)
        sign, *_, named, extra = struct.unpack(LOCAL, file.read(struct.calcsize(LOCAL)))
        if sign != b"PK\x03\x04" or part.compress_type or part.flag_bits & 1 or part.compress_size != part.file_size:
            raise ValueError(f"{part.filename[:64]} is packed, or not in its place")
        file.seek(named + extra, io.SEEK_CUR)
        return part.file_size

    def fill(key: str, row: Tensor) -> None:
        """Read a storage."""
        here = file.tell()
        if begin(f"data/{key}") != row.nbytes:
            raise ValueError("a storage has another length than it says")
        read_into(file, row)
        file.seek(here)

    if f"{tops[0]}byteorder" in parts and file.read(begin("byteorder")) != b"little":
        raise CheckpointError(f"{path.name} was written on a machine whose numbers begin with their other end; save it anew on "
                              "another one.")
    size, allowance = path.stat().st_size, allowed(path)
    length = begin("data.pkl")
    return machine(Source(file, length, path.name), allowance, Storages(size, fill)).run()


def in_a_row(file: Bounded, path: Path) -> Any:
    """A file of torch before 1.6: five pickles (a number that says so, a version, the machine, the values, the storages' keys),
    then each storage after the count of its numbers. Errors: see read_torch_file."""
    size, allowance = path.stat().st_size, allowed(path)
    source, storages = Source(file, size, path.name), Storages(size)

    def part() -> Any:
        """The next of the pickles."""
        return machine(source, allowance, storages).run()

    magic, version, system, whole, keys = part(), part(), part(), part(), part()
    if (magic, version) != (MAGIC, VERSION) or not isinstance(system, dict) or system.get("little_endian") is not True:
        raise ValueError("it does not begin as torch's files do")
    if not isinstance(keys, list) or len(keys) != len(storages.rows) or set(keys) != set(storages.rows):
        raise ValueError("its storages are not those that its tensors lie in")
    for key in keys:
        if source.number("<q") != len(storages.rows[key]):
            raise ValueError("a storage has another length than it says")
        read_into(file, storages.rows[key])
    if file.peek(1):
        raise ValueError("something follows after its last storage")
    return whole


def allowed(path: Path) -> Allowance:
    """What reading may cost: a large file may also hold the records of its training."""
    usual = Allowance()
    return Allowance(usual.steps + path.stat().st_size // 256, usual.text)


def read_into(file: Bounded, row: Tensor) -> None:
    """Read as many numbers as a row has. Errors: ValueError where the file ends before."""
    held: Any = row.view(torch.uint8).numpy()
    if row.nbytes and file.readinto(held) != row.nbytes:
        raise ValueError("it ends within a storage")


def machine(source: Source, allowance: Allowance, storages: Storages) -> Machine:
    """The machine for a pickle of torch's, which may ask for these names and no others."""
    kinds = {(module, f"{name}Storage"): partial(kind_of, dtype) for name, dtype in KINDS.items()
             for module in ("torch", "torch.cuda")}
    dtypes = {("torch", name): partial(kind_of, getattr(torch, name)) for name in DTYPES}
    names: Names = kinds | dtypes | {
        ("collections", "OrderedDict"): partial(table, allowance), ("collections", "Counter"): partial(table, allowance),
        ("argparse", "Namespace"): Beside, ("torch", "Size"): sides, ("torch", "device"): str_alone, ("builtins", "set"): sides,
        ("torch._utils", "_rebuild_tensor"): tensor, ("torch._utils", "_rebuild_tensor_v2"): tensor,
        ("torch._utils", "_rebuild_parameter"): parameter}
    return Machine(source, names, allowance, longest=min(source.left, DIRECTORY), persistent=storages.row, numbered=True,
                   advice=WHOLE)


def table(allowance: Allowance, pairs: Any = ()) -> Table:
    """collections.OrderedDict, which Python 2 gives its pairs. Errors: ValueError."""
    pairs = list(pairs.items()) if isinstance(pairs, dict) else pairs
    allowance.steps -= len(pairs)       # each costs as much as a step
    if allowance.steps < 0 or any(len(pair) != 2 or type(pair[0]) is not str for pair in pairs):
        raise ValueError("a table has other entries than pairs, or too many")
    return Table((key, value) for key, value in pairs)


def sides(values: Any = ()) -> Any:
    """torch.Size and builtins.set: their values, not copied. Errors: ValueError."""
    if type(values) not in (list, tuple):
        raise ValueError("a shape or a set is of no list")
    return values


def str_alone(*values: Any) -> Any:
    """torch.device: its name, which is not used."""
    return values[0]


def tensor(row: Tensor, start: int, shape: tuple, strides: tuple, *rest: Any) -> Tensor:
    """A tensor in its storage. Errors: ValueError where it does not lie within it."""
    if not isinstance(row, Tensor) or row.ndim != 1:
        raise ValueError("a tensor has no storage")
    check_shape(start, shape, strides)
    check_rest(rest)
    reach = start + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True)) if all(shape) else start - 1
    if reach >= len(row) or math.prod(shape) > NUMBERS:
        raise ValueError("a tensor is longer than its numbers")
    return row.as_strided(shape, strides, start)


def parameter(data: Tensor, *rest: Any) -> Tensor:
    """A parameter is its tensor. Errors: ValueError."""
    if not isinstance(data, Tensor):
        raise ValueError("a parameter is no tensor")
    check_rest(rest)
    return data
