"""A reader of pickles that runs nothing: each opcode is carried out here, on plain values and on functions of our own."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BufferedIOBase
from typing import Any

from ganwidgets.core.errors import CheckpointError

MARK = object()
DAMAGE = (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError)     # what damaged values lead to
LINE = 256                  # characters of a module's and of a class's name
ARGUMENTS = 16              # values that one call is given
DIGITS = 16                 # bytes of a whole number
CONSTANTS = {b"N": None, b"\x88": True, b"\x89": False}
NUMBERS = {b"J": "<i", b"K": "<B", b"M": "<H", b"G": ">d"}
BYTES = {b"C": "<B", b"B": "<I", b"\x8e": "<Q"}
TEXTS = {b"\x8c": "<B", b"X": "<I", b"\x8d": "<Q", b"U": "<B"}      # the last one of Python 2
TUPLES = {b")": 0, b"\x85": 1, b"\x86": 2, b"\x87": 3}
EMPTY: dict[bytes, type] = {b"]": list, b"}": dict, b"\x8f": list}     # sets too are lists here: nothing of them is needed
SAVES = {b"q": "<B", b"r": "<I"}
GETS = {b"h": "<B", b"j": "<I"}
LARGEST_KEY = 1 << 60       # below it no two whole numbers fall on the same place of a table
Names = Mapping[tuple[str, str], Callable[..., Any]]


@dataclass
class Allowance:
    """What reading a file may cost; the machines for its parts share one."""

    steps: int = 300_000            # a public file takes some 70,000
    text: int = 12 << 20            # bytes of text; a character may take four times its bytes


@dataclass
class Source:
    """Bytes of a file in order, never asked for beyond its end."""

    file: BufferedIOBase
    left: int
    name: str

    def take(self, count: int) -> bytes:
        """So many bytes. Errors: CheckpointError where there are not so many."""
        found = self.file.read(count) if count <= self.left else b""
        if len(found) != count:
            raise CheckpointError(f"{self.name} is cut short: {count} more bytes should follow, and {self.left} are left.")
        self.left -= count
        return found

    def number(self, form: str) -> Any:
        """A number in a form of struct."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> str:
        """Text up to the end of its line. Errors: CheckpointError for a long one."""
        found = self.file.readline(min(LINE, self.left))
        self.left -= len(found)
        if not found.endswith(b"\n"):
            raise CheckpointError(f"{self.name} holds a damaged name in its pickle stream.")
        return found[:-1].decode("ascii", "replace")


class Machine:
    """Carries out the opcodes that pickles of nets consist of.

    `names`: the exact (module, name) pairs that may be asked for, each with a function of ours that stands in its place.
    `longest`: bytes that one text or run of bytes may have. `persistent`: what a persistent id stands for. `numbered`: whether
    the keys of a table may be whole numbers too. `advice`: what to do about a file that asks for another name.
    """

    def __init__(self, source: Source, names: Names, allowance: Allowance, *, longest: int,
                 persistent: Callable[[Any], Any] | None = None, numbered: bool = False, advice: str = "") -> None:
        self.source, self.names, self.allowance, self.longest, self.persistent = source, names, allowance, longest, persistent
        self.numbered, self.advice = numbered, advice
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.known = {id(act) for act in names.values()}

    def run(self) -> Any:
        """The value that the stream stands for. Errors: CheckpointError."""
        while (code := self.source.take(1)) != b".":
            self.allowance.steps -= 1
            if self.allowance.steps < 0:
                raise self.refusal("has a pickle stream of more steps than any net needs")
            act = ACTS.get(code)
            if act is None:
                raise self.refusal(f"has the opcode {code!r} in its pickle stream, which no net needs")
            act(self)
        found = self.pop()
        self.memo.clear()
        if self.stack:
            raise self.refusal("has a damaged pickle stream: values are left over at its end")
        return found

    def refusal(self, words: str, advice: str = "") -> CheckpointError:
        """The error that says so of this file."""
        shown = "".join(each if each.isprintable() else "?" for each in words)
        return CheckpointError(f"{self.source.name} {shown}; nothing in it was run.{advice}")

    def pop(self) -> Any:
        """The last value."""
        if not self.stack or self.stack[-1] is MARK:
            raise self.refusal("has a damaged pickle stream: a value is missing")
        return self.stack.pop()

    def marked(self) -> list[Any]:
        """The values since the last mark."""
        for place in range(len(self.stack) - 1, -1, -1):
            if self.stack[place] is MARK:
                found = self.stack[place + 1:]
                del self.stack[place:]
                return found
        raise self.refusal("has a damaged pickle stream: a mark is missing")

    def protocol(self) -> None:
        """Errors: CheckpointError for a protocol that is not known."""
        if self.source.number("<B") not in (2, 3, 4, 5):
            raise self.refusal("is a pickle of a protocol that is not known")

    def length(self, form: str) -> int:
        """How many bytes follow. Errors: CheckpointError for too many."""
        found = self.source.number(form)
        if found > self.longest:
            raise self.refusal(f"has {found} bytes in a row in its pickle stream, more than any net needs")
        return found

    def long(self) -> None:
        """A whole number of some bytes. Errors: CheckpointError for a huge one."""
        count = self.source.number("<B")
        if count > DIGITS:
            raise self.refusal("has a damaged number in its pickle stream")
        self.stack.append(int.from_bytes(self.source.take(count), "little", signed=True))

    def text(self, form: str) -> None:
        """Bytes as text. Errors: CheckpointError where the file has had its share."""
        count = self.length(form)
        self.allowance.text -= count
        if self.allowance.text < 0:
            raise self.refusal("holds more text than any net needs")
        self.stack.append(self.source.take(count).decode("utf-8", "replace"))

    def save(self, place: int) -> None:
        """Keep the last value under a number. Errors: CheckpointError where there is none."""
        if not self.stack:
            raise self.refusal("has a damaged pickle stream: a value is missing")
        self.memo[place] = self.stack[-1]

    def get(self, place: int) -> None:
        """The value kept under a number. Errors: CheckpointError where there is none."""
        if place not in self.memo:
            raise self.refusal("has a damaged pickle stream: it refers to a value that is not there")
        self.stack.append(self.memo[place])

    def extend(self, values: list[Any]) -> None:
        """Values onto the list that lies below them."""
        held = self.pop()
        if type(held) is not list:
            raise self.refusal("has a damaged pickle stream: values go onto what is no list")
        held.extend(values)
        self.stack.append(held)

    def item(self) -> None:
        """One key and its value into a table."""
        value, key = self.pop(), self.pop()
        self.items([key, value])

    def items(self, pairs: list[Any]) -> None:
        """Keys and values into the table that lies below them. Of keys that are no texts some would take hours to be sorted in;
        what an optimizer keeps by number is left out, where numbers are not asked for.
        """
        held, kept = self.pop(), [self.is_key(key) for key in pairs[::2]]
        passed = all(fits or (type(key) is int and not self.numbered) for key, fits in zip(pairs[::2], kept, strict=True))
        if not isinstance(held, dict) or len(pairs) % 2 or not passed:
            raise self.refusal("has a damaged pickle stream: entries go into what is no table of texts")
        held.update((key, value) for key, value, fits in zip(pairs[::2], pairs[1::2], kept, strict=True) if fits)
        self.stack.append(held)

    def is_key(self, key: Any) -> bool:
        """Whether a table may have this key."""
        return type(key) is str or (self.numbered and type(key) is int and 0 <= key < LARGEST_KEY)

    def ask(self, module: str, name: str) -> None:
        """A name of the list, or the error that says which name is not on it."""
        if module.startswith("dnnlib.tflib"):
            raise self.refusal("is an original TensorFlow pickle and needs a conversion: legacy.py of the stylegan3 repository "
                               "makes a .pkl of it that opens here")
        if (module, name) not in self.names:
            raise self.refusal(f"asks for {module[:LINE]}.{name[:LINE]}, which no net needs", self.advice)
        self.stack.append(self.names[module, name])

    def ask_stacked(self) -> None:
        """A name whose two parts are the last values. Errors: CheckpointError."""
        name, module = self.pop(), self.pop()
        if type(name) is not str or type(module) is not str:
            raise self.refusal("has a damaged pickle stream: a name is no text")
        self.ask(module, name)

    def call(self) -> None:
        """What a name of the list makes of these arguments: our own function in its place is called, never one of the file."""
        arguments, act = self.pop(), self.pop()
        if type(arguments) is not tuple or len(arguments) > ARGUMENTS or id(act) not in self.known:
            raise self.refusal("calls what is no name of the list")
        self.stack.append(self.made(act, *arguments))

    def made(self, act: Callable[..., Any], *arguments: Any) -> Any:
        """What a function of ours makes of values of the file. Errors: CheckpointError where they are damaged."""
        try:
            return act(*arguments)
        except CheckpointError:
            raise
        except DAMAGE as error:
            raise self.refusal(f"has damaged values in its pickle stream ({str(error)[:80]})") from error

    def build(self) -> None:
        """A state into an object that is made in two steps."""
        state, held = self.pop(), self.pop()
        if type(held) is dict and type(state) is dict and not state:
            self.stack.append(held)         # older Pythons write so of a table that has no attributes
            return
        if not hasattr(type(held), "filled"):
            raise self.refusal("fills what cannot be filled")
        self.made(held.filled, state)
        self.stack.append(held)

    def identify(self) -> None:
        """What a persistent id stands for. Errors: CheckpointError where there should be none."""
        if self.persistent is None:
            raise self.refusal("has a persistent id, which no net of this kind has")
        self.stack.append(self.made(self.persistent, self.pop()))


def each(table: Mapping[bytes, Any], act: Callable[[Machine, Any], Any]) -> dict[bytes, Callable[[Machine], Any]]:
    """The same act for the opcodes of a table, given to each what stands there."""
    def with_own(own: Any) -> Callable[[Machine], Any]:
        return lambda machine: act(machine, own)

    return {code: with_own(own) for code, own in table.items()}


ACTS: Mapping[bytes, Callable[[Machine], Any]] = {
    **each({**CONSTANTS, b"(": MARK}, lambda machine, value: machine.stack.append(value)),
    **each(EMPTY, lambda machine, kind: machine.stack.append(kind())),
    **each(NUMBERS, lambda machine, form: machine.stack.append(machine.source.number(form))),
    **each(BYTES, lambda machine, form: machine.stack.append(machine.source.take(machine.length(form)))),
    **each(TEXTS, Machine.text), b"\x80": Machine.protocol, b"\x8a": Machine.long,
    b"\x95": lambda machine: machine.source.number("<Q"),
    **each(TUPLES, lambda machine, count: machine.stack.append(tuple([machine.pop() for _ in range(count)][::-1]))),
    b"t": lambda machine: machine.stack.append(tuple(machine.marked())),
    **each(SAVES, lambda machine, form: machine.save(machine.source.number(form))),
    **each(GETS, lambda machine, form: machine.get(machine.source.number(form))),
    b"\x94": lambda machine: machine.save(len(machine.memo)),
    b"a": lambda machine: machine.extend([machine.pop()]), b"e": lambda machine: machine.extend(machine.marked()),
    b"\x90": lambda machine: machine.extend(machine.marked()), b"s": Machine.item,
    b"u": lambda machine: machine.items(machine.marked()),
    b"c": lambda machine: machine.ask(machine.source.line(), machine.source.line()), b"\x93": Machine.ask_stacked,
    b"R": Machine.call, b"\x81": Machine.call, b"b": Machine.build, b"Q": Machine.identify}
