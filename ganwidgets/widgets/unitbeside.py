"""What a UnitBrowser can put beside its own table: other layers of the same dissection, and other dissections."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, final

from ganwidgets.core.errors import ArgumentError, one_of
from ganwidgets.core.nets import LayeredGenerator
from ganwidgets.methods.dissect import Dissection
from ganwidgets.widgets.painting import check_nouns
from ganwidgets.widgets.unitmaps import UnitMaps
from ganwidgets.widgets.unitrows import UnitRows
from ganwidgets.widgets.unittable import Evidence, table


@dataclass(frozen=True, eq=False)
class Source:
    """A layer of a dissection, and what draws its rows and its units' maps; None: there is no model to draw maps."""

    dissection: Dissection
    layer: str
    rows: UnitRows = field(repr=False)
    maps: UnitMaps | None = field(repr=False)
    evidence: Evidence = field(default_factory=Evidence, repr=False)


@final
class Others:
    """The tables that can be put beside, by name: a layer's name, or a dissection's and its layer's."""

    def __init__(self, d: Dissection, rows: UnitRows, maps: UnitMaps | None, evidence: Evidence, beside: Any) -> None:
        layers = d.layers if len(d.layers) > 1 else ()
        self._sources = {layer.name: Source(d, layer.name, rows, maps, evidence) for layer in layers}
        for name, (g, other) in _named(beside).items():
            drawn, known = UnitRows(g, other), None if g is None else UnitMaps(g, other)
            self._sources |= {f"{name} {layer.name}": Source(other, layer.name, drawn, known) for layer in other.layers}

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
        found = self._source(name)
        return (yield from found.rows.page(found.layer, units))

    def maps(self, name: str, unit: int, *, lowest: bool) -> Generator[Any, None, dict[str, Any]]:
        """A unit's pictures and maps, in steps. Errors: UnitError, ArgumentError with nothing beside, or with no model of it."""
        found = self._source(name)
        if found.maps is None:
            raise ArgumentError(f"{name} is beside with no model, so its pictures are those of its row; "
                                "beside=(its model, it) has more.")
        return (yield from found.maps.answer(found.layer, unit, lowest=lowest))

    def _source(self, name: str) -> Source:
        if not name:
            raise ArgumentError("nothing is put beside, so there are no units of it.")
        return self._sources[name]

    def forget(self) -> None:
        """Free pictures and models."""
        for each in self._sources.values():
            each.rows.forget()
        self._sources = {name: replace(each, maps=None) for name, each in self._sources.items()}


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
