"""Dissections that would do something, want far more than they hold, or say what no dissection says; each from a whole one."""

import io
import json
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image

MARK = "left-behind"


class Leaves:
    """Unpickled, it leaves a file."""

    def __reduce__(self):
        return open, (MARK, "w")


def parts_of(whole):
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(parts, packing=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as archive:
        for name, content in parts:
            archive.writestr(name, content)
    return out.getvalue()


def with_members(*more, packing=zipfile.ZIP_DEFLATED):
    return lambda whole: zipped([*parts_of(whole).items(), *more], packing)


def with_member(name, content):
    return lambda whole: zipped([*{**parts_of(whole), name: content}.items()])


def record(**changes):
    """The record with fields changed; a text is taken as JSON is written, so that it may say what Python does not."""
    def change(whole):
        parts = parts_of(whole)
        said = {name: json.dumps(value) for name, value in json.loads(parts["dissection.json"]).items()}
        said |= {name: value if isinstance(value, str) else json.dumps(value) for name, value in changes.items()}
        parts["dissection.json"] = ("{" + ", ".join(f'"{name}": {value}' for name, value in said.items()) + "}").encode()
        return zipped([*parts.items()])
    return change


def first_of(field, place, value):
    """The record with one place of the first concept or layer changed."""
    def change(whole):
        held = json.loads(parts_of(whole)["dissection.json"])[field]
        held[0][place] = "HERE"
        return record(**{field: json.dumps(held).replace('"HERE"', value)})(whole)
    return change


def arrays_of(content):
    with np.load(io.BytesIO(content)) as file:
        return {name: file[name] for name in file.files}


def numbers(member="layer0.npz", **changes):
    def change(whole):
        held = arrays_of(parts_of(whole)[member])
        out = io.BytesIO()
        np.savez(out, **{name: array for name, array in {
            **held, **{name: each(held.get(name)) if callable(each) else each for name, each in changes.items()}}.items()
            if array is not None})
        return with_member(member, out.getvalue())(whole)
    return change


def header(said, *, data=b"\0" * 64, magic=b"\x93NUMPY\x01\x00", length=None):
    """The array `thresholds` with that header, as it stands in the member."""
    def change(whole):
        text = said.encode("latin1")
        npy = magic + struct.pack("<H", len(text) if length is None else length) + text + data
        held = [(f"{name}.npy", content) for name, content in raw(parts_of(whole)["layer0.npz"]).items() if name != "thresholds"]
        return with_member("layer0.npz", zipped([("thresholds.npy", npy), *held]))(whole)
    return change


def raw(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name.removesuffix(".npy"): archive.read(name) for name in archive.namelist()}


def shaped(shape, descr="<f8"):
    return header(f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}\n")


def announcing(size):
    """The directory says that the first member unfolds to that size."""
    def change(whole):
        at = whole.index(b"PK\x01\x02")
        return whole[:at + 24] + struct.pack("<I", size) + whole[at + 28:]
    return change


def flagged(whole):
    """Said to be encrypted."""
    at = whole.index(b"PK\x01\x02")
    return whole[:6] + b"\x01" + whole[7:at + 8] + b"\x01" + whole[at + 9:]


def bomb(whole):
    """A layer that unfolds to 200 MB of nothing."""
    return with_member("layer0.npz", bytes(200 << 20))(whole)


def inner_bomb(whole):
    """An array that is all that it announces, packed to a thousandth, and far too large for the layer."""
    text = b"{'descr': '<i8', 'fortran_order': False, 'shape': (8000000, 1), }\n"
    npy = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(64_000_000)
    held = [(f"{name}.npy", content) for name, content in raw(parts_of(whole)["layer0.npz"]).items() if name != "both"]
    return with_member("layer0.npz", zipped([("both.npy", npy), *held]))(whole)


def pickled(value):
    out = io.BytesIO()
    np.save(out, np.array([value], dtype=object), allow_pickle=True)
    return out.getvalue()


def jpeg_of(size, form="JPEG"):
    out = io.BytesIO()
    Image.new("RGB", size).save(out, form)
    return out.getvalue()


def huge_jpeg():
    """A small JPEG that says that it is 65,500 pixels wide and high."""
    held = jpeg_of((16, 16))
    at = held.index(b"\xff\xc0") + 5
    return held[:at] + struct.pack(">HH", 65500, 65500) + held[at + 4:]


def examples(**changes):
    return numbers("examples0.npz", **changes)


def picture(content):
    """The first picture of the examples in another's place."""
    def change(whole):
        held = arrays_of(parts_of(whole)["examples0.npz"])
        ends, old = held["ends"], held["jpeg"].tobytes()
        more = len(content) - ends[0]
        return examples(ends=ends + more, jpeg=np.frombuffer(content + old[ends[0]:], np.uint8))(whole)
    return change


def negative(array):
    return -array - 1


def filled(value):
    return lambda array: np.full_like(array, value)


HOSTILE = {
    # members
    "slip": with_members(("../../evil.txt", b"x")), "absolute": with_members(("/etc/evil", b"x")),
    "backslash": with_members(("..\\evil", b"x")), "stranger": with_members(("readme", b"x")),
    "one layer more": with_members(("layer7.npz", b"x")), "twice a layer": with_members(("layer0.npz", b"x")),
    "twice the record": with_members(("dissection.json", b"{}")), "folder": with_members(("layer0.npz/", b"")),
    "lzma": with_members(packing=zipfile.ZIP_LZMA), "bzip2": with_members(packing=zipfile.ZIP_BZIP2), "encrypted": flagged,
    "many members": with_members(*((f"x{n}", b"") for n in range(5000))), "cut": lambda whole: whole[:-100],
    "half": lambda whole: whole[:len(whole) // 2], "empty": lambda whole: b"",
    "wrong sum": lambda whole: whole.replace(whole[14:18], b"\1\2\3\4"), "4 GB announced": announcing(0xFFFFFFF0),
    "a byte announced": announcing(1), "bomb": bomb, "inner bomb": inner_bomb,
    "bomb of words": lambda whole: with_member("dissection.json", b" " * (100 << 20))(whole),
    "a gzip": lambda whole: zlib.compress(whole), "a pickle": lambda whole: pickled(Leaves()),
    # arrays
    "pickle as layer": with_member("layer0.npz", pickled(Leaves())),
    "npy as layer": with_member("layer0.npz", b"\x93NUMPY\x01\x00"),
    "pickle as array": lambda whole: with_member("layer0.npz", zipped([("thresholds.npy", pickled(Leaves()))]))(whole),
    "objects": shaped("(6,)", "|O"), "1e9 numbers": shaped("(1000000000,)"), "1e36 numbers": shaped(f"({10**18}, {10**18})"),
    "below zero": shaped("(-8,)"), "forty axes": shaped(str((1,) * 40)), "no shape": shaped("'six'"),
    "big-endian": shaped("(6,)", ">f8"), "complex": shaped("(4,)", "<c16"),
    "structured": header("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (8,), }\n"),
    "wide text": shaped("(1,)", "<U100000000"), "nothing wide": shaped("(9000000000000000000,)", "|V0"),
    "unended": header("{'descr': '<f8', 'shape': (6,"), "nested": header("(" * 5000 + ")" * 5000),
    "no dictionary": header("[1, 2]\n"), "code": header(f"open({MARK!r}, 'w')\n"), "long header": header("{}\n", length=65535),
    "version 3": header("{}", magic=b"\x93NUMPY\x03\x00"), "no magic": header("{}", magic=b"\x93NUMPO\x01\x00"),
    "NaN thresholds": numbers(thresholds=filled(np.nan)), "endless thresholds": numbers(thresholds=filled(np.inf)),
    "NaN quantiles": numbers(quantiles=filled(np.nan)),
    "falling quantiles": numbers(quantiles=lambda held: held[::-1] - np.arange(6)[:, None]),
    "negative meetings": numbers(both=negative), "more meetings than light": numbers(both=filled(1 << 40)),
    "more than pictures": numbers(unit_cells=filled(1 << 40)),
    "overflow": numbers(unit_cells=filled(1 << 62), pictures=np.array(1 << 62)),
    "pictures below zero": numbers(pictures=np.array(-3)),
    "no pictures": numbers(pictures=np.array(0), both=filled(0), unit_cells=filled(0), concept_cells=filled(0)),
    "grid of 0": numbers(grid=np.array([0, 0])), "grid of 1e12": numbers(grid=np.array([1 << 40, 1 << 40])),
    "grid below zero": numbers(grid=np.array([-8, -8])), "grid of a layer alone": numbers(grid=np.array([1, 64])),
    "1e9 units": lambda whole: first_of("layers", 1, "1000000000")(whole), "NaN tops": numbers(top_values=filled(np.nan)),
    "rising tops": numbers(top_values=lambda held: held[:, ::-1].copy() + np.arange(8, dtype=np.float32)),
    "tops of no pictures": numbers(top_pictures=negative), "floats": numbers(both=lambda held: held.astype(float)),
    "three tops": numbers(top_values=lambda held: held[:, :3], top_pictures=lambda held: held[:, :3]),
    "lacking": numbers(both=None),
    # words
    "deep": record(share="[" * 100_000 + "]" * 100_000), "5,000 digits": record(calibration="9" * 5000),
    "300 digits": record(calibration="9" * 300), "share 1e400": record(share="1e400"), "share NaN": record(share="NaN"),
    "share true": record(share=True), "share 0": record(share=0), "share in words": record(share='"0.01"'),
    "calibration 1e400": record(calibration="1e400"), "calibration true": record(calibration=True),
    "calibration 2.5": record(calibration=2.5), "calibration list": record(calibration=[]), "calibration 0": record(calibration=0),
    "calibration words": record(calibration='"some"'), "format in words": record(format='"2"'),
    "another rule": record(rule='"median"'), "rule list": record(rule=["quantile"]), "model number": record(model=5),
    "model record": record(model={"a": 1}), "digest list": record(digest=[]), "quantiles NaN": record(quantiles="[NaN]"),
    "concepts record": record(concepts={}), "concepts flat": record(concepts=["red"] * 5),
    "100,000 concepts": record(concepts=[["a", "object", [0, 0, 0]]] * 100_000), "layers record": record(layers={"a": 1}),
    "concept number": first_of("concepts", 0, "5"), "concept empty": first_of("concepts", 0, '""'),
    "concept list": first_of("concepts", 0, '["red"]'), "concept of 1 MB": first_of("concepts", 0, json.dumps("x" * 1_000_000)),
    "kind unknown": first_of("concepts", 1, '"hole"'), "kind list": first_of("concepts", 1, "[]"),
    "kind of 1 MB": first_of("concepts", 1, json.dumps("x" * 1_000_000)), "color NaN": first_of("concepts", 2, "[NaN, 0, 0]"),
    "color 1e400": first_of("concepts", 2, "[1e400, 0, 0]"), "color words": first_of("concepts", 2, '["1", "2", "3"]'),
    "color 300": first_of("concepts", 2, "[300, 0, 0]"), "color number": first_of("concepts", 2, "5"),
    "layer number": first_of("layers", 0, "5"), "layer null": first_of("layers", 0, "null"),
    "layer twice": first_of("layers", 0, '"second"'), "units in words": first_of("layers", 1, '"6"'),
    "height below zero": first_of("layers", 2, "-4"), "height true": first_of("layers", 2, "true"),
    "height of 400 digits": first_of("layers", 2, "1" * 400), "width 1e400": first_of("layers", 3, "1e400"),
    "width 4.5": first_of("layers", 3, "4.5"),
    "UTF-16": lambda whole: with_member("dissection.json", parts_of(whole)["dissection.json"].decode().encode("utf-16-be"))(whole),
    "bytes": with_member("dissection.json", b"\xff\xfe\x00{"), "null": with_member("dissection.json", b"null"),
    # examples
    "little light": examples(lit=lambda held: held[:-1]), "no side": examples(side=np.array([0])),
    "side 1e9": examples(side=np.array([10**9])), "units out of range": examples(units=lambda held: held + 100),
    "units below zero": examples(units=negative), "units twice": examples(units=filled(0)),
    "ends fall": examples(ends=lambda held: held[::-1].copy()), "1e9 examples": examples(numbers=np.zeros((2, 500_000), np.int64)),
    "no picture": picture(b"\xff\xd8nonsense"), "PNG": picture(jpeg_of((16, 16), "PNG")), "huge JPEG": picture(huge_jpeg()),
    "other JPEG": picture(jpeg_of((99, 7))), "cut JPEG": picture(jpeg_of((16, 16))[:200]),
}
ODD_NAMES = ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "it's \"quoted\" \\ 'twice'", "two\nlines\r\nand\ttabs",
             "a\u2028b\u2029c", "\u202eright to left", "nul\0byte", "{not} %s $format", "\ud800 half", "= 1 + 1", "../../up")
