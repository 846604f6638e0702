"""What a message between a lab and the browser is made of: fields with their ranges, and the check that each must pass."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ganwidgets.core.errors import MessageError, listed

SAFE = 2**53 - 1  # the largest whole number that JavaScript holds exactly
LABEL = 200  # characters in a name, at most


@dataclass(frozen=True)
class Field:
    """One field of a message or one trait: its name, type and range.

    `type` is "integer", "number", "text", "flag", "integers", or a TypeScript type for what only the kernel sends.
    `low` and `high` bound the number, the text's length or each of the integers; `most` bounds how many integers.
    """

    name: str
    type: str
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    optional: bool = False
    most: int = 64
    doc: str = ""


@dataclass(frozen=True)
class Request:
    """One kind of message from the browser: its fields, whether it carries a buffer, whether it is answered, and whether it is
    quiet: no act of the user's, which is neither waited for nor wipes away what went wrong before."""

    kind: str
    fields: tuple[Field, ...] = ()
    buffer: str = ""  # "", "mask" or "file"
    answered: bool = True
    quiet: bool = False
    doc: str = ""


@dataclass(frozen=True)
class Post:
    """One kind of message from the kernel: its fields, and what its buffers hold."""

    kind: str
    fields: tuple[Field, ...] = ()
    buffers: str = ""
    doc: str = ""


@dataclass(frozen=True)
class Message:
    """A message from the browser that has passed every check; `fields` holds the named fields only."""

    kind: str
    id: int
    view: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    buffers: tuple[bytes, ...] = field(default=(), repr=False)

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    @property
    def key(self) -> tuple[str, int]:
        """What tells this request from every other: the view and its number."""
        return self.view, self.id


def check(spec: Field, value: Any, where: str) -> Any:
    """The value, if it fits the field. Errors: MessageError, naming the field, what came and what is possible."""
    what = f"{spec.name!r} of {where!r}"
    if spec.type == "any":
        return value
    if spec.type == "flag":
        return _demand(value, isinstance(value, bool), what, "true or false")
    if spec.type == "text":
        return _text(spec, value, what)
    if spec.type == "integers":
        _demand(
            value,
            isinstance(value, list) and len(value) <= spec.most,
            what,
            f"a list of at most {spec.most} whole numbers",
        )
        return tuple(_number(spec, each, what, whole=True) for each in value)
    return _number(spec, value, what, whole=spec.type == "integer")


def _text(spec: Field, value: Any, what: str) -> str:
    if spec.choices:
        return _demand(value, isinstance(value, str) and value in spec.choices, what, f"one of {listed(spec.choices)}")
    fits = isinstance(value, str) and spec.low <= len(value) <= spec.high and value.isprintable()
    return _demand(value, fits, what, f"a text of {max(0, int(spec.low))} to {int(spec.high)} printable characters")


def _number(spec: Field, value: Any, what: str, *, whole: bool) -> float | int:
    allowed = int if whole else (int, float)
    fits = isinstance(value, allowed) and not isinstance(value, bool) and abs(value) <= SAFE and spec.low <= value <= spec.high
    _demand(value, fits, what, f"a {'whole ' if whole else ''}number from {plain(spec.low)} to {plain(spec.high)}")
    return value if whole else float(value)


def _demand(value: Any, fits: bool, what: str, wanted: str) -> Any:
    if not fits:
        raise MessageError(f"{what} is {shown(value)}; it must be {wanted}.")
    return value


def plain(number: float) -> str:
    """A number as one writes it: 4, not 4.0."""
    return str(int(number)) if math.isfinite(number) and float(number).is_integer() else str(number)


def shown(value: Any) -> str:
    """A value for a sentence: short, whatever it is."""
    if value is None or isinstance(value, (bool, int, float)):
        text = str(value)
    elif isinstance(value, str):
        text = repr(value)
    else:
        return f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."
