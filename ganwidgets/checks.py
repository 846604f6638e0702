"""`check`: a tick or a kind hint, for lessons that ask the reader to predict, try and look."""

import math


def check(what: str, value: object, *, at_least: float | None = None, hint: str = "") -> bool:
    """Print whether `what` holds, with `hint` if it does not, and answer it as a bool.

    `value` is a condition, or with `at_least` a number that should reach it (NaN never does). Never raises for an
    answer that is wrong: a lesson ends in `assert check(...)` where it must hold.
    """
    if at_least is None:
        holds, seen = bool(value), ""
    else:
        number = float(value)  # type: ignore[arg-type]
        holds = not math.isnan(number) and number >= at_least
        seen = f" ({number:.3g}, wanted at least {at_least:.3g})"
    print(f"✓ {what}{seen}" if holds else f"✗ not yet: {what}{seen}" + (f"\n  hint: {hint}" if hint else ""))
    return holds
