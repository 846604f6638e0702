"""Archives that others made: what they announce is looked at before anything is unfolded, and nothing is ever unpickled."""

import io
import math
import re
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from ganwidgets.core.errors import StatisticsError, cut, cut_text

MOST_BYTES = 2 << 30       # what an archive may unfold to
MOST_MEMBERS = 4096
MOST_AXES = 8
# How numpy writes an array of numbers or of text. Others, as of objects, which ask for pickle, do not begin so; and numpy reads
# these lines as Python, which goes deep, takes long, and is not for several threads.
MAGIC = b"\x93NUMPY\x01\x00"
SIDES = rb"(?:\d{1,18}, ?)*(?:\d{1,18})?"
HEADER = re.compile(rb"\{'descr': '([<|][biufU]\d{1,9})', 'fortran_order': (True|False), 'shape': \((%s)\), \}\s*" % SIDES)


def check_members(archive: zipfile.ZipFile, belongs: Callable[[str], Any], *, most: int = MOST_BYTES) -> None:
    """Every member once, of a name that `belongs`, stored or deflated, not encrypted, and all together not too large.

    Errors: StatisticsError.
    """
    members, seen = archive.infolist(), set()
    if len(members) > MOST_MEMBERS:
        raise StatisticsError(f"it has {len(members):,} members; {MOST_MEMBERS:,} are possible.")
    for each in members:
        if not belongs(each.filename):
            raise StatisticsError(f"its member {cut(each.filename)} is none of ours.")
        if each.filename in seen:
            raise StatisticsError(f"its member {cut(each.filename)} is there twice.")
        if each.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or each.flag_bits & 1:
            raise StatisticsError(f"its member {cut(each.filename)} is packed in a way that is not ours.")
        seen.add(each.filename)
    if (size := sum(each.file_size for each in members)) > most:
        raise StatisticsError(f"it unfolds to {size / 2**20:,.0f} MiB; {most / 2**20:,.0f} are possible.")


def arrays_of(content: bytes, *, most: int = MOST_BYTES) -> dict[str, np.ndarray]:
    """The arrays of an .npz, by name, read only. An array takes memory only where it is as large as its member says.

    Errors: StatisticsError for whatever is wrong with it.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            check_members(archive, lambda name: name.endswith(".npy"), most=most)
            return {each.filename.removesuffix(".npy"): _array(archive, each) for each in archive.infolist()}
    except StatisticsError:
        raise
    # a broken file makes zipfile and numpy raise many kinds of error, and all mean the same
    except Exception as error:
        raise StatisticsError(f"these numbers cannot be read: {cut_text(str(error))}") from error


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as file:
        start = file.read(10)
        said = HEADER.fullmatch(file.read(int.from_bytes(start[8:], "little"))) if start[:8] == MAGIC else None
        if said is None:
            raise StatisticsError(f"{cut(member.filename)} does not begin as an array of numbers.")
        dtype, shape = np.dtype(said[1].decode()), tuple(int(side) for side in said[3].replace(b",", b" ").split())
        size = math.prod(shape) * dtype.itemsize
        if len(shape) > MOST_AXES or file.tell() + size != member.file_size:
            raise StatisticsError(f"{cut(member.filename)} announces {cut(shape)} and holds {member.file_size} bytes.")
        held = file.read(size)
        if len(held) != size or file.read(1):       # the second reads to the end, where the checksum is
            raise StatisticsError(f"{cut(member.filename)} announces {size} bytes and holds others.")
    if not size:
        return np.zeros(shape, dtype)
    return np.frombuffer(held, dtype).reshape(shape, order="F" if said[2] == b"True" else "C")
