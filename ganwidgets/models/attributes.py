"""What a file says of each module beside its tensors: numbers and texts, asked for by name and kind."""

import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ganwidgets.core.errors import CheckpointError
from ganwidgets.models.contents import Contents, told


@dataclass(frozen=True)
class Attributes:
    """The attributes of the modules of a file by their dotted names. Errors of all: CheckpointError, naming both."""

    name: str
    held: dict[str, dict[str, Any]]

    @staticmethod
    def of(contents: Contents) -> "Attributes":
        """Those in a file's facts, where a converted file holds them as JSON."""
        held = told(contents.facts, "attributes")
        tables = isinstance(held, dict) and all(isinstance(table, dict) for table in held.values())
        return Attributes(contents.name, held if tables else {})

    def has(self, module: str, attribute: str) -> bool:
        """Whether the file says so."""
        return attribute in self.held.get(module, {})

    def value(self, module: str, attribute: str) -> Any:
        """The attribute, of whatever kind."""
        if not self.has(module, attribute):
            raise CheckpointError(f"{self.name} does not say {attribute} of {module or 'the generator'}.")
        return self.held[module][attribute]

    def number(self, module: str, attribute: str) -> float:
        """A finite number."""
        found = self.value(module, attribute)
        if type(found) not in (int, float) or not math.isfinite(found):
            raise self.wrong(module, attribute, "a number")
        return float(found)

    def whole(self, module: str, attribute: str) -> int:
        """A whole number of 0 or more."""
        found = self.number(module, attribute)
        if found != int(found) or found < 0:
            raise self.wrong(module, attribute, "a whole number")
        return int(found)

    def numbers(self, module: str, attribute: str, count: int) -> list[int]:
        """So many whole numbers, which may be below 0."""
        found = self.value(module, attribute)
        if type(found) is not list or len(found) != count or any(type(each) is not int for each in found):
            raise self.wrong(module, attribute, f"a list of {count} whole numbers")
        return found

    def bound(self, module: str, attribute: str) -> float | None:
        """A number above 0, or None."""
        found = None if self.value(module, attribute) is None else self.number(module, attribute)
        if found is not None and found <= 0:
            raise self.wrong(module, attribute, "above 0")
        return found

    def expect(self, module: str, attribute: str, *wanted: Any) -> None:
        """Errors: CheckpointError where the attribute is none of these."""
        if self.value(module, attribute) not in wanted:
            raise self.wrong(module, attribute, " or ".join(map(str, wanted)))

    def rate(self, module: str, weight: Tensor) -> float:
        """How much more slowly than usual a linear map has learned, said by its gains."""
        rate, gain = self.number(module, "bias_gain"), self.number(module, "weight_gain")
        if rate <= 0 or abs(gain * math.sqrt(weight.shape[-1]) / rate - 1) > 1e-5:
            raise CheckpointError(f"{self.name} says gains of {module} that do not belong to its weights: {gain:g} and {rate:g}.")
        return rate

    def wrong(self, module: str, attribute: str, words: str) -> CheckpointError:
        """The error that says what the attribute should be."""
        return CheckpointError(f"{self.name} says {attribute} = {str(self.held[module][attribute])[:64]} of "
                               f"{module or 'the generator'}; it should be {words}.")
