"""The table that comparisons print: a row for a net, with its worst differences in pictures and in features."""

from dataclasses import dataclass

BOUND = 1e-4


def heading() -> str:
    """The heads of the columns."""
    return (f"{'format':28}{'reference':36}{'size':>5}{'layers':>7}{'deviation':>10}{'picture':>10}{'layer':>10}"
            "  worst layer (its largest)")


@dataclass(frozen=True)
class Row:
    """What was found of a net. `deviation`: of its pictures; `worst`: a layer's difference, its name and its largest number."""

    format: str
    reference: str
    size: int
    layers: int
    deviation: float
    picture: float
    worst: tuple[float, str, float]

    @property
    def kept(self) -> bool:
        """Whether both differences are within the bound."""
        return max(self.picture, self.worst[0]) <= BOUND

    def __str__(self) -> str:
        far, name, largest = self.worst
        return (f"{self.format:28}{self.reference:36}{self.size:5}{self.layers:7}{self.deviation:10.2f}{self.picture:10.1e}"
                f"{far:10.1e}  {name} ({largest:.1f}){'' if self.kept else '  NOT KEPT'}")
