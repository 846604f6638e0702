"""Every error the package raises on purpose, and the sentence that names what came and what is possible."""

import difflib
import re
from collections.abc import Iterable

LONGEST = 100              # characters of what came that a sentence repeats


class GanwidgetsError(Exception):
    """What all errors of the package have in common; its text is meant for the user."""


class ArgumentError(GanwidgetsError, ValueError):
    """An argument of the wrong kind or out of its range."""


class ShapeError(ArgumentError):
    """A tensor or array whose shape does not fit."""


class LayerError(GanwidgetsError, LookupError):
    """A layer that the net does not have, or that cannot be used that way."""


class UnitError(GanwidgetsError, ValueError):
    """Units that are not whole numbers, occur twice, or lie outside the layer."""


class ConceptError(GanwidgetsError, LookupError):
    """A concept that the segmenter or the dissection does not know."""


class RegionError(GanwidgetsError, ValueError):
    """A region that is no soft mask on the picture."""


class SeedError(GanwidgetsError, ValueError):
    """A picture number that is not a whole number from 0 to 2**32 - 1."""


class LatentsError(GanwidgetsError, ValueError):
    """Latents that do not fit the generator."""


class CheckpointError(GanwidgetsError, ValueError):
    """A file of weights that cannot be read, or is not what it says."""


class EditError(GanwidgetsError, ValueError):
    """An edit, or a file of edits, that cannot be read or applied."""


class OtherWeightsWarning(UserWarning):
    """An edit is used on other weights than it was made on."""


class StatisticsError(GanwidgetsError, ValueError):
    """Statistics that cannot be merged, read or computed."""


class MessageError(GanwidgetsError, ValueError):
    """A message from the browser with missing or unusable fields."""


class NameLookupError(GanwidgetsError, LookupError):
    """A name that the catalog does not list."""


class CancelledError(GanwidgetsError):
    """A job that was stopped before its end; everything is as it was."""


JobCancelled = CancelledError


def one_of(kind: str, came: object, possible: Iterable[object], *, where: str = "") -> str:
    """The sentence "no layer 'layer99' in storybook; its layers are layer1 ... layer10.", with the nearest name.

    `kind` is the singular noun, `where` the thing that was asked (left out: "possible layers are").
    """
    names = [str(name) for name in possible]
    place, owner = (f" in {where}", "its") if where else ("", "possible")
    # looking for the nearest name takes long where what came is long, which no name is
    nearest = difflib.get_close_matches(str(came)[:LONGEST], names, n=1)
    hint = f" Did you mean '{nearest[0]}'?" if nearest else ""
    if not names:
        return f"no {kind} {cut(came)}{place}; there is none at all."
    verb = f"{kind} is" if len(names) == 1 else f"{plural(kind)} are"
    return f"no {kind} {cut(came)}{place}; {owner} {verb} {listed(names)}.{hint}"


def cut(came: object) -> str:
    """What came, as Python writes it, short enough for a sentence."""
    short = came[:LONGEST] if isinstance(came, (str, bytes, list, tuple)) and len(came) > LONGEST else came
    said = repr(short)
    return said if short is came and len(said) <= LONGEST else f"{said[:LONGEST]}..."


def cut_text(text: str) -> str:
    """A text as it is, short enough for a sentence."""
    return text if len(text) <= 4 * LONGEST else f"{text[:4 * LONGEST]}..."


def listed(names: Iterable[object], *, most: int = 24) -> str:
    """Names for a sentence: a numbered run as "layer1 ... layer10", a long list cut after `most` with a count."""
    texts = [str(name) for name in names]
    parts = [re.fullmatch(r"(.*?)(\d+)", text) for text in texts]
    if len(texts) > 4 and all(parts):
        stems = {part[1] for part in parts if part}
        numbers = [int(part[2]) for part in parts if part]
        if len(stems) == 1 and numbers == list(range(numbers[0], numbers[0] + len(numbers))):
            return f"{texts[0]} ... {texts[-1]}"
    cut = texts[:most]
    rest = len(texts) - len(cut)
    return ", ".join(cut) + (f" and {rest} more" if rest else "")


def plural(noun: str) -> str:
    """The plural of a glossary noun."""
    return noun[:-1] + "ies" if noun.endswith("y") and noun[-2] not in "aeiou" else noun + "s"
