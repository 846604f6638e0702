"""A ranking of a layer's units, and the edit that its first units make."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from ganwidgets.core.edits import UnitEdit
from ganwidgets.core.errors import EditError, UnitError, one_of
from ganwidgets.core.latents import whole_number

HIGH = 0.995                     # the quantile of a unit's own values at which it is inserted
MODES = ("insert", "ablate")


def default_count(channels: int) -> int:
    """How many units an edit uses when nothing is said: 4 % of the layer (the paper's 20 of 512), at least 4."""
    return min(channels, max(4, round(0.04 * channels)))


def first_units(ranking: Sequence[int], n: Any, layer: str) -> list[int]:
    """The first n of a ranking of all units of a layer; None: `default_count`. Errors: UnitError."""
    count = default_count(len(ranking)) if n is None else whole_number(n)
    if count is None or not 1 <= count <= len(ranking):
        raise UnitError(f"{n!r} units of {layer}: give a whole number from 1 to {len(ranking)}.")
    return [int(unit) for unit in ranking[:count]]


def ranked_edit(layer: str, units: Sequence[int], mode: str, levels: Sequence[float] | Float[np.ndarray, " units"],
                **settings: Any) -> UnitEdit:
    """The edit that brings units to their levels ("insert"; `levels` has one for every unit of the layer) or to 0 ("ablate").

    `settings` are those of UnitEdit. Errors: EditError.
    """
    value = 0.0 if check_mode(mode) == "ablate" else [float(levels[unit]) for unit in units]
    return UnitEdit(layer, tuple(units), value, **settings)


def check_mode(mode: str) -> str:
    """Errors: EditError for what is neither "insert" nor "ablate"."""
    if mode not in MODES:
        raise EditError(one_of("mode", mode, MODES, where="a ranking's edits"))
    return mode
