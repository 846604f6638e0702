"""Files that are broken in their structure, each from a number: cut short, or hurt in header, pickle stream, names, shapes,
kinds of number or numbers. Every one of them is to be refused."""

import io
import pickletools
import random
import re
import struct
import zipfile
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from .small_files import SMALL

# what a file may lack, or have of another shape
NOT_NEEDED = r".*(noises?\.|noise_const|num_batches|sv0|latent_avg|EmbeddingLayer|main\.0\.weight|resample_filter).*"
ACTS = {"REDUCE", "NEWOBJ", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "SETITEM", "SETITEMS", "BUILD", "GLOBAL", "STACK_GLOBAL", "MARK",
        "BINPERSID"}                                            # opcodes without which nothing fits any more
TYPOS = (lambda key: key + "_", str.upper, lambda key: key.replace(".", "_", 1), lambda key: "x." + key, lambda key: key[:-1])
DTYPES = (torch.int64, torch.int32, torch.uint8, torch.bool)
CENTRAL = b"PK\x01\x02"         # what each line of an archive's list of parts begins with


@cache
def whole(name):
    """The small checkpoint of a format: its files' bytes by their paths, the weights last."""
    with TemporaryDirectory() as folder:
        SMALL[name](Path(folder))
        return {path.relative_to(folder): path.read_bytes() for path in sorted(Path(folder).rglob("*.*")) if path.is_file()}


def written(name, folder, change):
    """Writes the small checkpoint of a format with other bytes in some of its paths; answers where its weights are."""
    for path, held in (whole(name) | change).items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(held)
    return folder / [*whole(name)][-1]


def broken(name, folder, seed):
    """Writes a broken file of a format into a folder; answers how it is broken."""
    random_ = random.Random(f"{name} {seed}")
    way = WAYS[seed % len(WAYS)]
    if way in WEIGHTS:
        SMALL[name](folder, lambda state: WEIGHTS[way](dict(state), random_))
    else:
        first, *_, last = *whole(name), *whole(name)
        settings = first != last and way == "header" and random_.random() < 0.5
        path, change = (first, config) if settings else (last, BYTES[way])
        written(name, folder, {path: change(whole(name)[path], random_)})
    return way


def cut(held, random_):
    return held[:random_.randrange(1, len(held))]


def header(held, random_):
    """The first bytes lost, zeroed or moved, or what only this layout has there."""
    count, way = random_.randrange(2, 17), random_.randrange(6)
    if way < 3:
        return (held[count:], b"\0" * count + held[count:], random_.randbytes(count) + held)[way]
    if held.startswith(b"PK"):
        return listed(bytearray(held), random_)
    if held[:1] == b"\x80" and held[2:4] == b"\x8a\x0a":       # the number that tells torch's older files, and the version
        place, end = random_.choice([*range(4, 14), 17, 18, -1]), held.index(b"little_endian")
        place = end + 3 if place < 0 else place
        return held[:place] + bytes([held[place] ^ 1]) + held[place + 1:]
    if held[:1] == b"\x80":
        return b"\x80" + random_.choice([b"\x00", b"\x01", b"\x09", b"\xff", b""]) + held[2:]
    return texted(held, random_)


def listed(held, random_):
    """An archive whose list of parts is not true: another length, place, name or packing of what is needed."""
    places = [found.start() for found in re.finditer(re.escape(CENTRAL), held)]
    places = [place for place in places if b"/data" in held[place + 46:place + 46 + held[place + 28]]]
    place = random_.choice(places)
    change = random_.choice(["sign", "packed", "locked", "longer", "elsewhere", "renamed", "end"])
    if change == "end":
        held[len(held) - 22] ^= 1
    elif change == "longer":
        struct.pack_into("<L", held, place + random_.choice([20, 24]), random_.randrange(1 << 31))
    else:
        at = {"sign": 0, "packed": 10, "locked": 8, "elsewhere": 42, "renamed": 46 + held[place + 28] - 1}[change]
        held[place + at] ^= 1 if change != "packed" else 8
    return bytes(held)


def texted(held, random_):
    """A safetensors file whose header says something else."""
    length = int.from_bytes(held[:8], "little")
    if random_.random() < 0.3:
        return struct.pack("<Q", random_.choice([0, 1, length - 1, length + 8, 1 << 62, 100_000_000])) + held[8:]
    words = held[8:8 + length].decode()
    begin = words.index('"dtype"')
    if random_.random() < 0.5:
        signs = [place for place in range(begin, len(words)) if words[place] in '{}[]":,']
        place = random_.choice(signs)
        words = words[:place] + "x" + words[place + 1:]
    else:
        found = random_.choice(list(re.finditer(r'"F32"|"shape"|"data_offsets"|[1-9](?=\d*[\],])', words)))
        other = {"F": '"F16"', "s": '"shaqe"', "d": '"data_offsett"'}.get(found[0][1:2], str((ord(found[0][0]) - 47) % 10))
        words = words[:found.start()] + other + words[found.end():]
    return struct.pack("<Q", len(words)) + words.encode() + held[8 + length:]


def config(held, random_):
    """A config.json that is none, or is of another net."""
    words = held.decode()
    swaps = (('"layers"', '"layer"'), ("[", "{"), ("16", "1e400"), ("_position\": 2", "_position\": -9"), ("0.0001", "NaN"))
    other = [words[:random_.randrange(1, len(words))], "[" * 100_000, '{"layers": ' + "[" * 5000 + "]" * 5000 + "}", "null",
             *(words.replace(*swap) for swap in swaps)]
    return random_.choice(other).encode()


@cache
def opcodes(stream):
    """The opcodes of the pickles that a file begins with, by where they begin and end."""
    found, start = [], 0
    for _ in range(5 if stream[2:4] == b"\x8a\x0a" else 1):
        own = list(pickletools.genops(io.BytesIO(stream[start:])))
        ends = [place for _, _, place in own[1:]] + [own[-1][2] + 1]
        found += [(code.name, start + place, start + end) for (code, _, place), end in zip(own, ends, strict=True)]
        start += ends[-1]
    return found


def streamed(held, random_):
    """A file whose pickle stream lacks an opcode, has another one or one twice, or ends before its end."""
    if not held.startswith(b"PK"):
        return changed(held, random_) if held[:1] == b"\x80" else texted(held, random_)
    return archive(held, changed(pickle_of(held), random_))


def changed(stream, random_):
    first = 14 if stream[2:4] == b"\x8a\x0a" else 0
    _, begin, end = random_.choice([each for each in opcodes(stream) if each[0] in ACTS and each[1] >= first])
    own = stream[begin:end]
    return stream[:begin] + random_.choice([b"", b"\xff" + own[1:], own + own, b".", b"\x00" + own]) + stream[end:]


def pickle_of(held):
    """The pickle of one of torch's archives."""
    return next(part for name, part in parts_of(held).items() if name.endswith("data.pkl"))


@cache
def parts_of(held):
    """The parts of one of torch's archives by their names."""
    with zipfile.ZipFile(io.BytesIO(held)) as old:
        return {name: old.read(name) for name in old.namelist()}


def zipped(parts, packed):
    """An archive of parts by their names."""
    with zipfile.ZipFile(made := io.BytesIO(), "w", packed) as new:
        for name, held in parts.items():
            new.writestr(name, held)
    return made.getvalue()


def archive(held, stream, *, packed=zipfile.ZIP_STORED):
    """One of torch's archives with another pickle in it."""
    return zipped({name: stream if name.endswith("data.pkl") else part for name, part in parts_of(held).items()}, packed)


def needed(state, random_, most=None):
    """One of the weights that cannot be done without."""
    keys = [key for key, value in state.items() if not re.fullmatch(NOT_NEEDED, key) and value.is_floating_point()
            and value.numel() > (most or 0)]
    return random_.choice(keys)


def names(state, random_):
    key, way = needed(state, random_), random_.randrange(4)
    value = state[key]
    if way == 0:
        del state[key]
    elif way == 1:
        del state[key]
        state[random_.choice(TYPOS)(key)] = value
    elif way == 2:
        state[random_.choice(["surplus", "surplus_of_it", "a" * 300, "new\nline"])] = value.clone()
    else:
        other = random_.choice([each for each in state if state[each].shape != value.shape and not re.fullmatch(NOT_NEEDED, each)])
        state[key], state[other] = state[other], value
    return state


def shapes(state, random_):
    key = needed(state, random_, 1)
    value = state[key]
    state[key] = random_.choice([
        torch.cat([value, value[:1]]), value.reshape(*value.shape, 1, 1), value.flatten()[:-1].clone(), value[:0].clone(),
        value.new_zeros(1 << 20, *value.shape[1:-1], 0), value.new_zeros(()), value[:-1].clone()])
    return state


def dtypes(state, random_):
    key = needed(state, random_)
    state[key] = state[key].to(random_.choice(DTYPES))
    return state


def numbers(state, random_):
    key = random_.choice([key for key, value in state.items() if value.is_floating_point() and not re.fullmatch(NOT_NEEDED, key)])
    value = state[key].clone()
    value.view(-1)[random_.randrange(value.numel())] = random_.choice([float("nan"), float("inf"), -float("inf")])
    state[key] = value
    return state


WEIGHTS = {"names": names, "shapes": shapes, "dtypes": dtypes, "numbers": numbers}
BYTES = {"cut": cut, "header": header, "stream": streamed}
WAYS = (*BYTES, *WEIGHTS)
