"""`check`: grades an answer by what is true, and says what to try next. For lessons that ask to predict, try and look."""

import html
import reprlib
import sys
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganwidgets.core.errors import ArgumentError

FILL_IN = "put your answer where the dots are, in the cell that says `# your turn`; run that cell, then this one"
_failed: dict[str, int] = {}  # by question: the failed attempts since it was last answered right, in this process


@dataclass(frozen=True)
class Verdict:
    """Whether the answer holds; `seen`: what came, for the end of the line; `wrong`: what is wrong, without the truth."""

    holds: bool
    seen: str = ""
    wrong: str = ""
    blank: bool = False


def check(question: str, answer: object, *, truth: Any = None, one_of: Any = None, at_least: Any = None, at_most: Any = None,
          tolerance: Any = 0, hint: str | Sequence[str] = "", tries: int | None = None) -> bool:
    """Show whether the answer holds, with what came and what to try if it does not; answer it as a bool.

    What holds: `truth`, the right answer itself, or one of `one_of`; a number from `at_least` to `at_most`; with none of
    them, an answer that is a condition. `truth` may be a number (`tolerance`: how far off), a text (capitals do not
    count), a sequence, a set (in any order), a mapping (by key), numbers in an array, or a mask (h, w) of yes and no, of
    which the answer, a mask or a Region, needs an IoU of 1 - `tolerance`. `hint`: one, or several of which each failed
    attempt at the same question shows one more; an empty answer (None or ...) is no attempt. `tries`: after as many
    failed attempts the truth is told.

    Whatever the answer is, nothing is raised: a lesson ends in `assert check(...)` where it must hold.
    Errors: ArgumentError for a question that cannot be asked in this way.
    """
    told = _asked(truth, one_of, at_least, at_most, tolerance, tries)
    try:
        verdict = _judged(answer, truth, one_of, at_least, at_most, tolerance)
    except Exception as error:  # the answer is somebody's object: its own methods may raise whatever they like
        verdict = Verdict(False, wrong=f"{shown(answer)} came, which cannot be compared: {type(error).__name__}")
    hints = [hint] if isinstance(hint, str) else list(hint)
    if verdict.holds:
        _failed.pop(question, None)
        _show([f"✓ {question}{verdict.seen}"], good=True)
        return True
    failed = _failed.get(question, 0) + (not verdict.blank)
    _failed[question] = failed
    lines = [f"✗ not yet: {question}{verdict.seen}"] + ([verdict.wrong] if verdict.wrong else [])
    lines += [f"try: {FILL_IN}"] if verdict.blank else []
    lines += [f"hint: {each}" for each in hints[:max(1, failed)] if each]
    lines += [f"the answer: {told}"] if told and tries is not None and failed >= tries else []
    _show(lines, good=False)
    return False


def _asked(truth: Any, one_of: Any, at_least: Any, at_most: Any, tolerance: Any, tries: Any) -> str:
    """The truth in words, if it can be put so. Errors: ArgumentError for what contradicts itself."""
    if sum((truth is not None, one_of is not None, at_least is not None or at_most is not None)) > 1:
        raise ArgumentError("a question takes truth, or one_of, or at_least with at_most; several of them came.")
    for name, limit in (("at_least", at_least), ("at_most", at_most), ("tolerance", tolerance)):
        number = 0.0 if limit is None else _number(limit)
        if number is None or np.isnan(number) or (name == "tolerance" and number < 0):
            raise ArgumentError(f"{name} is a number{' from 0 up' if name == 'tolerance' else ''}; {shown(limit)} came.")
    if one_of is not None and not (isinstance(one_of, (Sequence, AbstractSet)) and not isinstance(one_of, str) and len(one_of)):
        raise ArgumentError(f"one_of lists the answers that are right; {shown(one_of)} came.")
    if tries is not None and (isinstance(tries, bool) or not isinstance(tries, int) or tries < 1):
        raise ArgumentError(f"tries is a whole number from 1 up; {shown(tries)} came.")
    if one_of is not None:
        return "one of " + ", ".join(shown(each) for each in one_of)
    return "" if truth is None or _is_mask(truth) else shown(truth)


def _judged(answer: Any, truth: Any, one_of: Any, at_least: Any, at_most: Any, tolerance: Any) -> Verdict:
    if _is_blank(answer):
        return Verdict(False, wrong=f"no answer came yet: {shown(answer)}", blank=True)
    if truth is not None:
        holds, wrong = _equal(answer, truth, float(_number(tolerance) or 0))
        return Verdict(holds, wrong=wrong)
    if one_of is not None:
        holds = any(_equal(answer, each, float(_number(tolerance) or 0))[0] for each in one_of)
        return Verdict(holds, wrong="" if holds else f"{shown(answer)} is not it")
    if at_least is not None or at_most is not None:
        return _within(answer, at_least, at_most)
    return _condition(answer)


def _is_blank(answer: Any) -> bool:
    """Whether the dots of the question still stand, alone or at every place."""
    if isinstance(answer, (Mapping, list, tuple)) and answer:
        return all(_is_blank(each) for each in (answer.values() if isinstance(answer, Mapping) else answer))
    return answer is None or answer is ...


def _condition(answer: Any) -> Verdict:
    size = getattr(answer, "size", None)
    many = np.size(_plain(answer)) if size is not None else 1
    if many != 1:
        return Verdict(False, wrong=f"{shown(answer)} came; one yes or no is wanted, as (a == b).all() or len(a) > 0")
    return Verdict(bool(answer))


def _within(answer: Any, at_least: Any, at_most: Any) -> Verdict:
    plain = _plain(answer)
    number = float(plain) if isinstance(plain, bool) else _number(plain)
    if number is None:
        return Verdict(False, wrong=f"{shown(answer)} came; one number is wanted")
    limits = [(word, float(_number(limit) or 0)) for word, limit in (("at least", at_least), ("at most", at_most))
              if limit is not None]
    holds = not np.isnan(number) and all(number >= limit if word == "at least" else number <= limit for word, limit in limits)
    wanted = " and ".join(f"{word} {_digits(limit)}" for word, limit in limits)
    exact = any(_digits(number) == _digits(limit) and number != limit for _, limit in limits)
    return Verdict(holds, f" ({repr(number) if exact else _digits(number)}, wanted {wanted})")


def _equal(answer: Any, truth: Any, tolerance: float) -> tuple[bool, str]:
    """Whether the answer is the truth, and what is wrong if not, in words that do not tell the truth."""
    if isinstance(truth, Mapping):
        return _same_mapping(answer, truth, tolerance)
    if _is_mask(truth):
        return _same_mask(answer, truth, tolerance)
    if isinstance(truth, str):
        if not isinstance(answer, str):
            return False, f"{shown(answer)} came; a text is wanted, in quotes"
        return _word(answer) == _word(truth), f"{shown(answer)} is not it"
    if isinstance(truth, (bool, np.bool_)):
        plain = _plain(answer)
        wrong = "is not it" if isinstance(plain, bool) else "came; True or False is wanted"
        return plain is bool(truth), f"{shown(answer)} {wrong}"
    if isinstance(truth, AbstractSet):
        return _same_set(answer, truth)
    if isinstance(_plain(truth), (Sequence, np.ndarray)):
        return _same_sequence(answer, truth, tolerance)
    if (number := _number(truth)) is not None:
        came = _number(answer)
        if came is None:
            return False, f"{shown(answer)} came; one number is wanted{', without quotes' if isinstance(answer, str) else ''}"
        return abs(came - number) <= tolerance or came == number, f"{_digits(came)} is not it"
    return bool(answer == truth), f"{shown(answer)} is not it"


def _same_mapping(answer: Any, truth: Mapping, tolerance: float) -> tuple[bool, str]:
    if not isinstance(answer, Mapping):
        return False, f"{shown(answer)} came; a dict is wanted, with an answer for each of {', '.join(map(str, truth))}"
    wrong = [str(key) for key, value in truth.items()
             if key not in answer or answer[key] is None or answer[key] is ... or not _equal(answer[key], value, tolerance)[0]]
    beside = [str(key) for key in answer if key not in truth]
    said = [f"{len(truth) - len(wrong)} of {len(truth)} are right; look again at {', '.join(wrong)}"] if wrong else []
    said += [f"not asked for: {', '.join(beside)}"] if beside else []
    return not said, "; ".join(said)


def _same_set(answer: Any, truth: AbstractSet) -> tuple[bool, str]:
    plain = _plain(answer)
    if isinstance(plain, (str, Mapping)) or not hasattr(plain, "__iter__"):
        return False, f"{shown(answer)} came; several answers are wanted, in square brackets"
    found = {_plain(each) for each in plain}
    right, beside = len(found & set(truth)), len(found - set(truth))
    said = f"{right} of {len(truth)} are there" + (f", and {beside} that do not belong" if beside else "")
    return found == set(truth), said


def _same_sequence(answer: Any, truth: Any, tolerance: float) -> tuple[bool, str]:
    right, came = _plain(truth), _plain(answer)
    if isinstance(came, (str, Mapping, AbstractSet)) or not hasattr(came, "__len__"):
        return False, f"{shown(answer)} came; {len(right)} answers in their order are wanted, in square brackets"
    if np.shape(right) != np.shape(came):
        return False, f"{_sized(came)} came; {_sized(right)} is wanted"
    if isinstance(right, np.ndarray):
        off = np.abs(np.asarray(came, float) - np.asarray(right, float))
        good = int(((off <= tolerance) | (np.asarray(came) == right)).sum())
        return good == right.size, f"{good} of {right.size} are right"
    good = sum(_equal(one, other, tolerance)[0] for one, other in zip(came, right, strict=True))
    return good == len(right), f"{good} of {len(right)} are right"


def _same_mask(answer: Any, truth: Any, tolerance: float) -> tuple[bool, str]:
    right = np.asarray(_plain(truth))
    came = answer.on(*right.shape[-2:], how="mean") >= 0.5 if callable(getattr(answer, "on", None)) else answer
    came = np.asarray(_plain(came))
    if came.shape != right.shape:
        return False, f"{shown(answer)} came; a mask of {' x '.join(map(str, right.shape))} pixels is wanted"
    if came.dtype != bool and not np.isin(came, (0, 1)).all():
        return False, "a mask says yes or no at each pixel; compare the numbers with a threshold, as in heat > 0.5"
    either = int((came.astype(bool) | right).sum())
    iou = int((came.astype(bool) & right).sum()) / either if either else 1.0
    return iou >= 1 - tolerance, f"its IoU with the truth is {iou:.2f}, wanted at least {1 - tolerance:.2f}"


def _is_mask(truth: Any) -> bool:
    plain = _plain(truth) if hasattr(truth, "dtype") else None
    return isinstance(plain, np.ndarray) and plain.dtype == bool and plain.ndim >= 2


def _plain(value: Any) -> Any:
    """Tensors and tables as arrays, an array of one number without a shape as that number."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    elif hasattr(value, "to_numpy"):
        value = value.to_numpy()
    return value.item() if isinstance(value, (np.ndarray, np.generic)) and np.ndim(value) == 0 else value


def _number(value: Any) -> float | None:
    """The one number that a value is, or None; a yes or no is none, and a text neither."""
    plain = _plain(value)
    if isinstance(plain, np.ndarray) and plain.size == 1:
        plain = plain.reshape(()).item()
    if isinstance(plain, (bool, str, bytes)) or not hasattr(plain, "__float__"):
        return None
    try:
        return float(plain)
    except (TypeError, ValueError, OverflowError):
        return None


def _word(text: str) -> str:
    return " ".join(text.split()).casefold()


def _digits(number: float) -> str:
    return str(int(number)) if number.is_integer() and abs(number) < 1e9 else f"{number:.3g}"


def _sized(value: Any) -> str:
    shape = np.shape(value)
    return f"{shape[0]} answer{'' if shape[0] == 1 else 's'}" if len(shape) == 1 else f"the shape {shape}"


def shown(value: object) -> str:
    """A value for a sentence: one short line, whatever it is."""
    if value is ...:
        return "..."
    try:
        shape = getattr(value, "shape", None)
        if isinstance(shape, tuple) and len(shape) > 0:
            return f"a {type(value).__name__} of the shape {tuple(int(side) for side in shape)}"
        text = " ".join(reprlib.repr(_plain(value)).split())
    except Exception:  # somebody's own repr or shape
        return f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."


def _show(lines: list[str], *, good: bool) -> None:
    """Show lines as a notebook or else a terminal shows them: the sign tells good from bad, the colour repeats it."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    text = "\n  ".join(lines)
    if shell is not None:
        from IPython.display import display

        display({"text/plain": text, "text/html": _page(lines, good)}, raw=True)
        return
    try:
        print(text)
    except UnicodeEncodeError:  # a terminal that knows no more than its own letters
        print(text.replace("✓", "OK").replace("✗", "NO").encode("ascii", "replace").decode("ascii"))


def _page(lines: list[str], good: bool) -> str:
    color = "#0a7d4b" if good else "#b3400f"
    sign, first = lines[0][:1], lines[0][1:].strip()
    rest = "".join(f'<div style="margin-top:.25em">{html.escape(line)}</div>' for line in lines[1:])
    badge = (f'<span style="background:{color};color:#fff;border-radius:.8em;padding:0 .45em;margin-right:.5em;'
             f'font-weight:bold">{html.escape(sign)}</span>')
    return (f'<div role="status" style="border-left:.3em solid {color};padding:.3em .8em;margin:.2em 0">'
            f'<div>{badge}{html.escape(first)}</div>{rest}</div>')
