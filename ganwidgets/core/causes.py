"""Which units of a layer make each concept come or go: rankings to paint with, and what they were seen to draw."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, final

from ganwidgets.core.concepts import Concept
from ganwidgets.core.edits import Origin, UnitEdit
from ganwidgets.core.errors import ArgumentError, ConceptError, GanwidgetsError, StatisticsError, one_of
from ganwidgets.core.nets import LayeredNet
from ganwidgets.core.rankings import MODES, check_mode, first_units, ranked_edit
from ganwidgets.core.regions import Region

FORMAT = "ganwidgets-causes-1"
OFTEN, SELDOM = 0.6, 0.15        # drawn on that part of the pictures or more, and by random units on that part or less


@final
@dataclass(frozen=True)
class Drawn:
    """On how many of some other pictures a concept was drawn in a box on its `context` by so many units; `chance`: the
    same of as many random ones, the median of several draws. A judge that did not choose the units says so."""
    context: str
    units: int
    pictures: int
    drawn: int
    chance: float | int

    @property
    def often(self) -> float:
        """The part of the pictures on which it was drawn."""
        return self.drawn / self.pictures if self.pictures else 0.0

    @property
    def works(self) -> bool:
        """Drawn on 60 % of the pictures or more, and by random units on 15 % or less."""
        return self.often >= OFTEN and self.chance <= SELDOM * self.pictures

    def __str__(self) -> str:
        return (f"{self.units} units drew it in {self.drawn} of {self.pictures} boxes on {self.context}; "
                f"random ones in {self.chance:g}")


@final
@dataclass(frozen=True, eq=False)
class Causes:
    """For every concept the units of a layer in the order in which to set them: `rankings` by mode and concept.

    Mode "insert" draws the concept, each unit at its own high level (`levels`, one for every unit of the layer); "ablate"
    removes it, each unit at 0. `drawn`: what insertions were seen to do, by concept.
    """
    layer: str
    levels: tuple[float, ...] = field(repr=False)
    rankings: Mapping[str, Mapping[str, tuple[int, ...]]] = field(repr=False)
    origin: Origin
    drawn: Mapping[str, Drawn] = field(default_factory=dict, repr=False)

    def concepts(self, mode: str) -> tuple[str, ...]:
        """The concepts that there is a ranking for. Errors: EditError."""
        return tuple(self.rankings.get(check_mode(mode), ()))

    def units_for(self, concept: str | Concept, n: int | None = None, mode: str = "insert") -> list[int]:
        """The first n units; left out: 4 % of the layer, at least 4. Errors: ConceptError, UnitError, EditError."""
        name, known = concept.name if isinstance(concept, Concept) else concept, self.concepts(mode)
        if name not in known:
            raise ConceptError(one_of("concept", name, known, where=f"these causes, to {mode}"))
        return first_units(self.rankings[mode][name], n, self.layer)

    def edit(self, concept: str | Concept, mode: str, *, n: int | None = None, region: Region | None = None,
             **settings: Any) -> UnitEdit:
        """The edit that draws a concept with the first units of its ranking ("insert"), or removes it ("ablate").

        `n` as in `units_for`; `region` None: the whole picture; `settings` are those of UnitEdit. Errors: ConceptError,
        UnitError, EditError.
        """
        units = self.units_for(concept, n, mode)
        return ranked_edit(self.layer, units, mode, self.levels, region=region, **{"origin": self.origin, **settings})

    def check(self, net: LayeredNet) -> None:
        """Errors: ArgumentError where they are of another net, or of a layer of another width; LayerError."""
        if self.origin.digest != net.digest:
            raise ArgumentError(f"these causes were learned on {self.origin.name} with other weights than those of {net.name}; "
                                "learn them with gw.causes.")
        channels = net.layer(self.layer).channels
        if len(self.levels) != channels:
            raise ArgumentError(f"these causes are of {len(self.levels)} units; {self.layer} has {channels}.")

    def __or__(self, other: "Causes") -> "Causes":
        """Both together; they are of one layer of one net. Errors: ArgumentError."""
        if (self.layer, self.levels, self.origin) != (other.layer, other.levels, other.origin):
            raise ArgumentError("causes of different layers, or learned on different pictures, cannot be put together.")
        rankings = {mode: {**self.rankings.get(mode, {}), **other.rankings.get(mode, {})} for mode in MODES}
        return replace(self, rankings=rankings, drawn={**self.drawn, **other.drawn})

    def save(self, path: str | os.PathLike) -> None:
        """Write them as JSON, a ranking a line."""
        record = {"format": FORMAT, "layer": self.layer, "origin": self.origin.to_record(), "levels": _line(self.levels),
                  "rankings": {mode: {name: _line(units) for name, units in held.items()}
                               for mode, held in self.rankings.items()},
                  "drawn": {name: asdict(each) for name, each in self.drawn.items()}}
        Path(path).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def open_causes(path: str | os.PathLike) -> Causes:
    """Read what `Causes.save` wrote. Errors: StatisticsError for a file that is missing, damaged or something else."""
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise StatisticsError("it does not begin as one")
        levels, origin = tuple(map(float, record["levels"].split())), Origin.from_record(record["origin"])
        rankings = {mode: {str(name): _order(units, len(levels)) for name, units in held.items()}
                    for mode, held in record["rankings"].items() if check_mode(mode)}
        drawn = {str(name): Drawn(**each) for name, each in record["drawn"].items()}
        if origin is None:
            raise StatisticsError("it does not say of which net")
        return Causes(str(record["layer"]), levels, rankings, origin, drawn)
    except (OSError, KeyError, TypeError, ValueError, AttributeError, GanwidgetsError) as error:
        raise StatisticsError(f"{path} cannot be opened as a file of causes: {error}") from error


def _line(values: Iterable[float | int]) -> str:
    return " ".join(map(repr, values))


def _order(line: str, channels: int) -> tuple[int, ...]:
    units = tuple(map(int, line.split()))
    if sorted(units) != list(range(channels)):
        raise StatisticsError(f"a ranking does not name each of {channels} units once")
    return units
