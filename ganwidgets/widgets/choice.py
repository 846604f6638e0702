"""Which units of which layer are changed, and how, and which sets of units have a name: values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ganwidgets.core.edits import Edit, Origin, UnitEdit
from ganwidgets.core.errors import ArgumentError, UnitError, one_of
from ganwidgets.widgets.messages import CHANGES, LABEL


@dataclass(frozen=True)
class UnitSet:
    """Some units of a layer under a name."""

    name: str
    layer: str
    units: tuple[int, ...]

    def record(self) -> dict[str, Any]:
        """The set as the browser lists it."""
        return {"name": self.name, "layer": self.layer, "units": list(self.units)}


@dataclass(frozen=True)
class Choice:
    """Ticked units of a layer and what is done with them, the edits that lie under that, the sets that were kept, thresholds
    (layer, unit, value) that are not the dissection's, and what is put beside."""

    layer: str = ""
    ticked: tuple[int, ...] = ()
    change: str = CHANGES[0]
    amount: float = 2.0
    under: tuple[Edit, ...] = ()
    sets: tuple[UnitSet, ...] = ()
    thresholds: tuple[tuple[str, int, float], ...] = ()
    beside: str = ""

    def edits(self, levels: Sequence[float], origin: Origin) -> tuple[Edit, ...]:
        """What it does to pictures; `levels` are the high levels of the layer's units."""
        if not self.ticked:
            return self.under
        value: Any = {"ablate": 0.0, "boost": self.amount, "set": [float(levels[unit]) for unit in self.ticked]}[self.change]
        mode = "scale" if self.change == "boost" else "set"
        return (*self.under, UnitEdit(self.layer, self.ticked, value, mode=mode, origin=origin))

    def named(self, name: str) -> UnitSet:
        """The set of that name. Errors: UnitError."""
        for each in self.sets:
            if each.name == name:
                return each
        raise UnitError(one_of("set", name, [each.name for each in self.sets], where="this browser"))

    def keeping(self, name: str) -> tuple[UnitSet, ...]:
        """The sets, and the ticked units as one of that name. Errors: UnitError if none is ticked; ArgumentError."""
        if not isinstance(name, str) or not name.strip() or len(name) > LABEL or not name.isprintable():
            raise ArgumentError(f"a set of units needs a name of 1 to {LABEL} printable characters; {name!r} came.")
        if not self.ticked:
            raise UnitError("no unit is ticked; tick those that belong together, then keep them under a name.")
        kept = UnitSet(name.strip(), self.layer, self.ticked)
        return (*(each for each in self.sets if each.name != kept.name), kept)

    def lit_from(self, layer: str) -> dict[int, float]:
        """The thresholds of a layer's units that are not the dissection's."""
        return {unit: value for place, unit, value in self.thresholds if place == layer}

    def lighting(self, layer: str, unit: int, value: float | None) -> tuple[tuple[str, int, float], ...]:
        """The thresholds, that of one unit another; None: the dissection's own."""
        kept = tuple(each for each in self.thresholds if each[:2] != (layer, unit))
        return kept if value is None else (*kept, (layer, unit, value))
