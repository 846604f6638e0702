"""Files that would do something if they were read as pickles are, or that want far more than they hold, each from a number.

`MARK` in them is the path of a file that a plain reader of pickles would leave behind.
"""

import pickle
import random
import struct
import zipfile

from .damage import archive, opcodes, pickle_of, whole, written, zipped

LEAVING = 15
MARK = "MARK"
LEAVE, TOUCH = f"open({MARK!r}, 'w').close()", f"touch {MARK}"
TARGETS = (         # module, name and arguments; the first LEAVING of them would leave the mark
    ("os", "system", (TOUCH,)), ("posix", "system", (TOUCH,)), ("builtins", "eval", (LEAVE,)), ("builtins", "exec", (LEAVE,)),
    ("__builtin__", "eval", (LEAVE,)), ("subprocess", "getoutput", (TOUCH,)), ("builtins", "open", (MARK, "w")),
    ("io", "open", (MARK, "w")), ("_io", "FileIO", (MARK, "w")), ("os", "mkdir", (MARK,)), ("os", "mknod", (MARK,)),
    ("timeit", "timeit", ("pass", LEAVE)), ("cProfile", "run", (LEAVE,)), ("logging", "FileHandler", (MARK,)),
    ("shutil", "copy", ("/dev/null", MARK)), ("torch.serialization", "os.system", (TOUCH,)), ("torch", "os.system", (TOUCH,)),
    ("torch.utils.collect_env", "run", (TOUCH,)), ("torch.serialization", "open", (MARK, "w")),
    ("nt", "system", (TOUCH,)), ("torch", "load", (MARK,)), ("torch.hub", "load", (MARK, MARK)), ("ctypes", "CDLL", (MARK,)),
    ("numpy", "load", (MARK,)), ("webbrowser", "open", (MARK,)), ("importlib", "import_module", (MARK,)),
    ("runpy", "run_path", (MARK,)), ("ganwidgets.models.checkpoints", "read_torch", (MARK,)))


def text(words):
    return b"X" + struct.pack("<I", len(words.encode())) + words.encode()


def named(module, name):
    return f"c{module}\n{name}\n".encode()


def given(words):
    return b"(" + b"".join(map(text, words)) + b"t"


def attributed(module, name):
    """A name by way of getattr, part by part."""
    made = named("importlib", "import_module") + given([module]) + b"R"
    for part in name.split("."):
        made = named("builtins", "getattr") + b"(" + made + text(part) + b"tR"
    return made


def within(held):
    return b"B" + struct.pack("<I", len(held)) + held


def called(module, name, words):
    return named(module, name) + given(words) + b"R"


FORMS = {       # how a pickle calls a name with texts
    "reduced": called,
    "stacked": lambda module, name, words: text(module) + text(name) + b"\x93" + given(words) + b"R",
    "new": lambda module, name, words: named(module, name) + given(words) + b"\x81",
    "new with keys": lambda module, name, words: named(module, name) + given(words) + b"}\x92",
    "instance": lambda module, name, words: b"(" + b"".join(map(text, words)) + f"i{module}\n{name}\n".encode(),
    "object": lambda module, name, words: b"(" + named(module, name) + b"".join(map(text, words)) + b"o",
    "state": lambda module, name, words: (named("argparse", "Namespace") + b")\x81}" + text("__setstate__") + named(module, name)
                                          + b"sb" + text(words[0]) + b"b"),
    "kept": lambda module, name, words: named(module, name) + b"q\x63h\x63" + given(words) + b"R",
    "attributes": lambda module, name, words: attributed(module, name) + given(words) + b"R",
    "mapped": lambda module, name, words: (named("builtins", "list") + b"(" + named("builtins", "map") + b"(" + named(module, name)
                                           + b"](" + text(words[0]) + b"etRtR"),
    "a pickle within": lambda *call: named("pickle", "loads") + b"(" + within(b"\x80\x02" + called(*call) + b".") + b"tR",
    "a storage": lambda *call: (named("torch.storage", "_load_from_bytes") + b"(" + within(b"\x80\x02" + called(*call) + b".")
                                + b"tR"),
    "extension": lambda module, name, words: b"\x82\x01" + given(words) + b"R",
    "long extension": lambda module, name, words: b"\x84\x01\x00\x00\x00" + given(words) + b"R",
    "text id": lambda module, name, words: f"P{module}.{name} {words[0]}\n".encode(),
    "id": lambda module, name, words: b"(" + text("storage") + named(module, name) + text(words[0]) + text("cpu") + b"K\x01tQ",
    "id that calls": lambda *call: b"(" + text("storage") + called(*call) + text("0") + text("cpu") + b"K\x01tQ",
    "tensor": lambda *call: (named("torch._utils", "_rebuild_tensor_v2") + b"(" + called(*call) + b"K\x00K\x01\x85K\x01\x85\x89"
                             + b"}tR"),
    "hooks": lambda *call: named("torch._utils", "_rebuild_parameter") + b"(N\x88" + called(*call) + b"tR",
    "module": lambda module, name, words: (
        named("torch_utils.persistence", "_reconstruct_persistent_obj") + b"(}(" + text("type") + text("class") + text("version")
        + b"K\x06" + text("module_src") + text(words[0]) + text("class_name") + text(name) + text("state")
        + called(module, name, words) + b"utR"),
}
PLACES = {      # where in a file it stands
    "alone": lambda bad, _: b"\x80\x02" + bad + b".",
    "generator": lambda bad, _: b"\x80\x02}(" + text("g_ema") + bad + text("G_ema") + b"Nu.",
    "weight": lambda bad, _: b"\x80\x02}" + text("state_dict") + b"}" + text("layer1.conv.weight") + bad + b"ss.",
    "key": lambda bad, _: b"\x80\x02}" + bad + b"Ns.", "list": lambda bad, _: b"\x80\x04](](" + bad + b"ee.",
    "after": lambda bad, stream: stream[:-1] + bad + b"0.",
}


def hostile(name, folder, seed, mark):
    """Writes a hostile file of a format into a folder; answers what it is."""
    random_ = random.Random(f"{name} {seed}")
    path, held = [*whole(name).items()][-1]
    if seed % 4:
        form, place = [*FORMS][(seed - seed // 4) % len(FORMS)], random_.choice([*PLACES, "amid"])
        module, target, words = random_.choice(TARGETS)
        bad = FORMS[form](module, target, [each.replace(MARK, str(mark)) for each in words])
        stream = pickle_of(held) if held.startswith(b"PK") else held
        made = amid(bad, stream, random_) if place == "amid" else PLACES[place](bad, whole_pickle(stream))
        what = f"{form} {place}"
    else:
        bombs = [*BOMBS, *(PACKED if held.startswith(b"PK") else ())] if held[:1] in b"P\x80" else [*BOMBS, *PACKED]
        what = "endless lists" if seed == 0 else random_.choice(bombs)
        made = BOMBS[what](random_) if what in BOMBS else None
        if made is None:
            written(name, folder, {path: PACKED[what](held if held.startswith(b"PK") else whole_archive(), random_)})
            return what
    written(name, folder, {path: contained(made, held, random_)})
    return what


def whole_archive():
    return [*whole("progan").values()][-1]


def whole_pickle(stream):
    """A pickle that a plain reader takes, in the place of one of safetensors or of torch's older files."""
    return stream if stream[:1] == b"\x80" and stream[2:4] != b"\x8a\x0a" else b"\x80\x02}."


def amid(bad, stream, random_):
    """The pickle of a file with a call somewhere in it, after a value that is taken off again."""
    if whole_pickle(stream) is not stream:
        return PLACES["alone"](bad, b"")
    place = random_.choice(opcodes(stream)[1:])[1]
    return stream[:place] + bad + stream[place:]


def contained(stream, held, random_):
    """A file of the same layout whose pickle this is; for safetensors one of torch's under its name."""
    if held.startswith(b"PK"):
        return archive(held, stream)
    if held[:1] == b"\x80" and held[2:4] == b"\x8a\x0a":
        begin = sum(len(pickle.dumps(each, 2)) for each in (0x1950a86a20f9469cfc6c, 1001)) if random_.random() < 0.8 else 0
        return held[:begin] + stream
    return stream if held[:1] == b"\x80" or random_.random() < 0.5 else archive(whole_archive(), stream)


# --- what wants too much ------------------------------------------------------------------------------------------------------


def table(value, key="state_dict"):
    return b"\x80\x02}" + text(key) + value + b"s."


def storage(count, key="0", kind="FloatStorage"):
    """A storage that says how many numbers it has."""
    number = b"\x8a\x08" + struct.pack("<q", count)
    return b"(" + text("storage") + named("torch", kind) + text(key) + text("cpu") + number + b"tQ"


def rebuilt(held, *shape):
    """A tensor of a storage, each number of which lies in the same place."""
    sides = b"(" + b"".join(b"\x8a\x08" + struct.pack("<q", side) for side in shape) + b"t"
    return (named("torch._utils", "_rebuild_tensor_v2") + b"(" + held + b"K\x00" + sides + b"(" + b"K\x00" * len(shape) + b"t\x89"
            + named("collections", "OrderedDict") + b")RtR")


def lists(random_):
    """Lists of which each holds the one before twice: as many ways through them as 2 to their number."""
    depth = random_.randrange(40, 90)
    made = b"]q\x00" + b"".join(b"]q" + bytes([n + 1]) + b"(h" + bytes([n]) + b"h" + bytes([n]) + b"e" for n in range(depth))
    return b"\x80\x02(" + made + b"t."


def tables(random_):
    """The same of tables, below the name of a generator."""
    depth = random_.randrange(40, 90)
    inner = b"}q\x00"
    for n in range(depth):
        inner += b"}q" + bytes([n + 1]) + b"(" + text("a") + b"h" + bytes([n]) + text("b") + b"h" + bytes([n]) + b"u"
    return b"\x80\x02}(" + text("rest") + b"(" + inner + b"t" + text("model") + b"h" + bytes([depth]) + b"u."


def words_of(random_, low, high):
    """A whole number of eight bytes."""
    return b"\x8a\x08" + struct.pack("<q", random_.randrange(low, high))


BOMBS = {
    "endless lists": lambda _: b"\x80\x02" + b"]" * 700_000 + b".",
    "deep lists": lambda random_: table((depth := random_.randrange(500, 20_000)) * b"]" + b"a" * (depth - 1)),
    "deep tuples": lambda random_: table(b"N" + b"\x85" * random_.randrange(500, 20_000)),
    "deep tables": lambda random_: (b"\x80\x02" + (b"}" + text("g_ema")) * (depth := random_.randrange(20, 5_000)) + b"N"
                                    + b"s" * depth + b"."),
    "doubled lists": lists, "doubled tables": tables,
    "long text": lambda random_: b"\x80\x04\x8d" + struct.pack("<Q", random_.randrange(1 << 21, 1 << 62)) + b"a" * 99,
    "long bytes": lambda random_: b"\x80\x04\x8e" + struct.pack("<Q", random_.randrange(1 << 21, 1 << 62)) + b"a" * 99,
    "long number": lambda random_: b"\x80\x02\x8b" + struct.pack("<i", random_.randrange(1 << 20, 1 << 31)) + b"a" * 99,
    "long frame": lambda random_: b"\x80\x04\x95" + struct.pack("<Q", random_.randrange(1 << 40, 1 << 62)) + b"}.",
    "far memo": lambda random_: b"\x80\x02Nr" + struct.pack("<I", random_.randrange(1 << 30, 1 << 32)) + b"0}.",
    "bytearray": lambda random_: table(named("builtins", "bytearray") + words_of(random_, 1 << 33, 1 << 40) + b"\x85R"),
    "new storage": lambda random_: table(named("torch.storage", "UntypedStorage") + words_of(random_, 1 << 33, 1 << 40) + b"\x85R"),
    "large storage": lambda random_: table(b"}" + text("a") + rebuilt(storage(random_.randrange(1 << 20, 1 << 62)), 2, 2) + b"s"),
    "negative storage": lambda random_: table(b"}" + text("a") + rebuilt(storage(-random_.randrange(1, 1 << 40)), 2) + b"s"),
    "large tensor": lambda random_: table(b"}" + text("a") + rebuilt(storage(1), *[1 << random_.randrange(20, 60)] * 3) + b"s"),
    "tensors of one place": lambda random_: table(
        b"}(" + b"".join(text(f"a{n}") + rebuilt(storage(1), 1 << 30) for n in range(random_.randrange(2, 300))) + b"u"),
    "many keys": lambda random_: table(
        b"}(" + b"".join(text(f"a{n}") + rebuilt(storage(1), 1) for n in range(random_.randrange(4097, 5000))) + b"u"),
    "pairs again and again": lambda random_: table(
        b"](" + b"".join(text(f"a{n}") + b"N\x86" for n in range(5000)) + b"eq\x01]("
        + (named("collections", "OrderedDict") + b"h\x01\x85R") * random_.randrange(500, 3000) + b"e"),
    "numbers on one place": lambda random_: table(
        b"}(" + b"".join(b"\x8a\x0f" + (n * ((1 << 61) - 1)).to_bytes(15, "little") + b"N" for n in range(2000)) + b"u"),
}


def overlapping(held, count):
    """An archive of so many parts more, which all lie in the same place."""
    begin, end = held.index(b"PK\x01\x02"), held.rindex(b"PK\x05\x06")
    line = held[begin:begin + 46 + held[begin + 28]]
    many = b"".join(line[:-4] + f"{n:04}"[:4].encode() for n in range(count))
    lines = held[begin:end] + many
    return held[:begin] + lines + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9, 9, len(lines), begin, 0)


PACKED = {
    "packed zeros": lambda held, _: archive(held, b"\x80\x02" + b"N0" * (8 << 20) + b".", packed=zipfile.ZIP_DEFLATED),
    "packed storage": lambda held, _: zipped(
        {"a/data.pkl": table(b"}" + text("a") + rebuilt(storage(4 << 20), 2) + b"s"), "a/data/0": bytes(16 << 20)},
        zipfile.ZIP_DEFLATED),
    "many parts": lambda _, random_: zipped(
        {f"a/data/{n}": b"" for n in range(random_.randrange(1000, 3000))}, zipfile.ZIP_STORED),
    "too many parts": lambda held, _: overlapping(held, 60_000), "parts in one place": lambda held, random_: overlapping(
        held, random_.randrange(500, 9000)),
    "an archive in an archive": lambda held, _: zipped({"a/data.pkl": held, "a/data/0": held}, zipfile.ZIP_STORED),
    "elsewhere": lambda held, _: zipped({"../../outside": b"x", "../data.pkl": b"\x80\x02}."}, zipfile.ZIP_STORED),
    "a program": lambda held, _: zipped({"a/data.pkl": b"\x80\x02}.", "a/constants.pkl": b"\x80\x02)."}, zipfile.ZIP_STORED),
}
