"""Fields of records that come from files: each of the kind that it must be, or refused by its name."""

import math
from collections.abc import Mapping
from typing import Any

from ganwidgets.core.errors import EditError, cut

KINDS: dict[str, tuple[type, ...]] = {
    "text": (str,), "a number": (int, float), "a whole number": (int,), "a list": (list, tuple), "a record": (Mapping,)}
MISSING = object()
LARGEST = 1 << 63


def field_of(record: Any, name: str, kind: str, *, optional: bool = False) -> Any:
    """The field of that name, which is "text", "a number", "a whole number", "a list" or "a record"; optional: or None, or missing.

    Numbers are finite, whole ones below 2**63, and True and False are none. Errors: EditError, naming the field and what came.
    """
    if not isinstance(record, Mapping):
        raise EditError(f"a record has named fields; {cut(record)} came.")
    value = record.get(name, MISSING)
    if optional and (value is None or value is MISSING):
        return None
    if value is MISSING:
        raise EditError(f"this record lacks {name!r}.")
    if not _fits(value, kind):
        raise EditError(f"{name!r} of this record must be {kind}; {cut(value)} came.")
    return value


def numbers_of(record: Any, name: str, *, whole: bool = False, optional: bool = False) -> Any:
    """A field that is a list of finite numbers, or of `whole` ones. Errors: as `field_of`."""
    values = field_of(record, name, "a list", optional=optional)
    kind = "a whole number" if whole else "a number"
    for value in values or ():
        if not _fits(value, kind):
            raise EditError(f"{name!r} of this record holds {kind} in each place; {cut(value)} came.")
    return values


def _fits(value: Any, kind: str) -> bool:
    if isinstance(value, bool) or not isinstance(value, KINDS[kind]):
        return False
    if isinstance(value, int):
        return abs(value) < LARGEST
    return not isinstance(value, float) or math.isfinite(value)
