"""What a UnitBrowser can put beside its own table: other layers of the same dissection, and other dissections."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

from ganwidgets.core.errors import ArgumentError, one_of
from ganwidgets.core.nets import LayeredGenerator
from ganwidgets.methods.dissect import Dissection
from ganwidgets.widgets.painting import check_nouns
from ganwidgets.widgets.unitrows import UnitRows
from ganwidgets.widgets.unittable import Evidence, table


@dataclass(frozen=True, eq=False)
class Source:
    """A layer of a dissection, and what draws its rows."""

    dissection: Dissection
    layer: str
    rows: UnitRows = field(repr=False)
    evidence: Evidence = field(default_factory=Evidence, repr=False)


@final
class Others:
    """The tables that can be put beside, by name: a layer's name, or a dissection's and its layer's."""

    def __init__(self, d: Dissection, rows: UnitRows, evidence: Evidence, beside: Any) -> None:
        self._sources = {layer.name: Source(d, layer.name, rows, evidence) for layer in d.layers} if len(d.layers) > 1 else {}
        for name, (g, other) in _named(beside).items():
            drawn = UnitRows(g, other)
            self._sources |= {f"{name} {layer.name}": Source(other, layer.name, drawn) for layer in other.layers}

    @property
    def names(self) -> list[str]:
        """What can be put beside."""
        return list(self._sources)

    def check(self, name: str) -> str:
        """A name of these; empty: nothing beside. Errors: ArgumentError."""
        if name and name not in self._sources:
            raise ArgumentError(one_of("table", name, self._sources, where="what can be put beside") if self._sources else
                                "there is nothing to put beside; gw.UnitBrowser(g, d, beside=other) takes another dissection.")
        return name

    def table(self, name: str) -> dict[str, Any]:
        """The UnitTable of that name."""
        found = self._sources[name]
        return table(found.dissection, found.layer, found.evidence, name)

    def page(self, name: str, units: Sequence[int]) -> Generator[Any, None, dict[str, Any]]:
        """The pictures of these units' rows, in steps. Errors: UnitError, ArgumentError with nothing beside."""
        if not name:
            raise ArgumentError("nothing is put beside, so there are no rows of it.")
        found = self._sources[name]
        return (yield from found.rows.page(found.layer, units))

    def forget(self) -> None:
        """Free pictures and models."""
        for each in self._sources.values():
            each.rows.forget()


def _named(beside: Any) -> dict[str, tuple[LayeredGenerator | None, Dissection]]:
    """Dissections by name, each perhaps with its model. Errors: ArgumentError."""
    if beside is None:
        return {}
    held = beside if isinstance(beside, Mapping) else {"": beside}
    found = {}
    for name, each in held.items():
        g, d = each if isinstance(each, tuple) and len(each) == 2 else (None, each)
        if not isinstance(d, Dissection):
            raise ArgumentError(f"beside is a Dissection, a pair of a model and its Dissection, or a dict of such by name; "
                                f"{type(d).__name__} came.")
        if g is not None:
            check_nouns(g, d, None, None, lab="UnitBrowser")
        found[str(name) or d.model] = (g, d)
    return found
