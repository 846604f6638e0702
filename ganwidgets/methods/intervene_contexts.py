"""Where an object can be drawn: its units set in boxes on each context, and how often it came ("doors only grow on walls").

GAN Dissection, section 4.4 and figure 9. A segmenter that does not know an object out of its place would make this true of any
generator: so each cell stands beside how often the judge reads *rendered* objects that were pasted into that context.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int64

from ganwidgets.core.concepts import Concept, Segmenter
from ganwidgets.core.counting import at_least_one, ratios
from ganwidgets.core.edits import UnitEdit
from ganwidgets.core.errors import ArgumentError, ConceptError, one_of
from ganwidgets.core.jobs import Progress, Steps, stepwise
from ganwidgets.core.latents import check_seeds
from ganwidgets.core.nets import LayeredGenerator
from ganwidgets.methods.intervene import BECAME, insertion, places

SHARE, ROOM = 0.06, 0.6    # of the picture: a box; of a box: the context
PICTURES = 200             # of each context, at most
LEAST_RECALL = 0.8         # below it the judge would miss the object where it is, and a cell says nothing
LEVEL = 0.01               # of the corrected tests; intervals are of 99 %
Z = 2.5758                 # of a normal curve, 0.5 % lie above it

Cell = tuple[str, str]


@final
@dataclass(frozen=True, eq=False)
class ContextMatrix:
    """How often each object came in boxes on each context: in `drawn` of `pictures` boxes (objects x contexts).

    `recall`: the share of rendered objects, pasted into that context, that the judge reads; NaN where nobody said.
    """
    objects: tuple[str, ...]
    contexts: tuple[str, ...]
    drawn: Int64[np.ndarray, "objects contexts"] = field(repr=False)
    pictures: Int64[np.ndarray, "objects contexts"] = field(repr=False)
    recall: Float[np.ndarray, "objects contexts"] = field(repr=False)

    @property
    def shares(self) -> Float[np.ndarray, "objects contexts"]:
        """The share of the boxes in which the object came; NaN where no picture had room."""
        return np.where(self.pictures > 0, ratios(self.drawn, self.pictures), np.nan)

    @property
    def findings(self) -> Bool[np.ndarray, "objects contexts"]:
        """Which cells say something: some picture had room, and the judge reads 80 % of pasted objects there or more."""
        return (self.pictures > 0) & (np.nan_to_num(self.recall, nan=0.0) >= LEAST_RECALL)

    @property
    def table(self) -> pd.DataFrame:
        """A row a cell: object, context, drawn, pictures, share, the ends of its 99 % interval, recall, finding."""
        rows = []
        for (o, c), drawn in np.ndenumerate(self.drawn):
            low, high = wilson(int(drawn), int(self.pictures[o, c]))
            rows.append({"object": self.objects[o], "context": self.contexts[c], "drawn": int(drawn),
                         "pictures": int(self.pictures[o, c]), "share": self.shares[o, c], "low": low, "high": high,
                         "recall": self.recall[o, c], "finding": bool(self.findings[o, c])})
        return pd.DataFrame(rows)

    def compare(self, pairs: Sequence[tuple[Cell, Cell]]) -> pd.DataFrame:
        """Whether cells differ, a row a pair of (object, context): Fisher's exact test, corrected by Holm over all these pairs.

        `difference` of the shares, with its 99 % interval (Newcombe); `p` after correction; `apart`: p below 0.01; `finding`:
        apart, and both cells are findings. Errors: ConceptError for a cell that is not there, ArgumentError for no pair.
        """
        if not pairs:
            raise ArgumentError('no pair to compare; give such as [(("door", "wall"), ("door", "sky"))].')
        rows = []
        for first, second in pairs:
            places = [self._place(first), self._place(second)]
            (a, n), (b, m) = ((int(self.drawn[place]), int(self.pictures[place])) for place in places)
            low, high = newcombe(a, n, b, m)
            rows.append({"first": " on ".join(first), "second": " on ".join(second), "difference": _share(a, n) - _share(b, m),
                         "low": low, "high": high, "p": fisher(a, n, b, m),
                         "findings": all(bool(self.findings[place]) for place in places)})
        table = pd.DataFrame(rows)
        table["p"] = holm(table["p"].tolist())
        table["apart"] = table["p"] < LEVEL
        table["finding"] = table["apart"] & table.pop("findings")
        return table

    def _place(self, cell: Cell) -> tuple[int, int]:
        """The row and the column of a cell. Errors: ConceptError."""
        for what, name, known in zip(("object", "context"), cell, (self.objects, self.contexts), strict=True):
            if name not in known:
                raise ConceptError(one_of(what, name, known, where="this matrix"))
        return self.objects.index(cell[0]), self.contexts.index(cell[1])


@stepwise
def context_matrix(g: LayeredGenerator, judge: Segmenter, edits: Mapping[str, UnitEdit], contexts: Sequence[str | Concept],
                   seeds: Any, *, recall: Mapping[Cell, float | int] | None = None, share: float | int = SHARE,
                   least: float | int = ROOM, pictures: int = PICTURES) -> Steps[ContextMatrix]:
    """How often each object comes when its units are set in a box on each context, as the judge reads it.

    `edits`: for each object the edit that draws it, such as `gw.causes(...).edit("door", "insert")`; a region of its own is
    replaced by the box. A box covers `share` of the picture, and the context `least` of the box or more; at most `pictures` boxes
    are used, the first of `seeds` that have room. An object came where 15 % of the box became it. `recall`: by (object, context),
    the share of rendered objects pasted there that the judge reads. Objects are not put on themselves.
    Errors: ConceptError, LayerError, UnitError, SeedError, ArgumentError.
    """
    numbers, most = check_seeds(seeds), at_least_one("pictures", pictures)
    objects, grounds = tuple(edits), tuple(judge.names[judge.index(context)] for context in contexts)
    for name, edit in edits.items():
        judge.index(name)
        edit.check(g)
    if not objects or not grounds:
        raise ArgumentError("a matrix has at least one object and one context; give an edit for each object, and contexts.")
    known = _recalls(recall or {}, objects, grounds)
    drawn, count = np.zeros((2, len(objects), len(grounds)), np.int64)
    for column, context in enumerate(grounds):
        boxes = dict(list((yield from places.steps(g, judge, context, numbers, share=share, least=least)).items())[:most])
        for row, name in enumerate(objects):
            if name != context and boxes:
                seen = yield from insertion.steps(g, judge, name, edits[name], list(boxes.values()), list(boxes))
                drawn[row, column], count[row, column] = seen.succeeded(BECAME), len(boxes)
            yield Progress(column * len(objects) + row + 1, len(objects) * len(grounds), f"{name} on {context}")
    return ContextMatrix(objects, grounds, drawn, count, known)


def _recalls(recall: Mapping[Cell, float | int], objects: Sequence[str], contexts: Sequence[str]) -> Float[np.ndarray, "o c"]:
    """The recall of each cell; NaN where none came. Errors: ArgumentError for one outside 0..1."""
    table = np.array([[float(recall.get((name, context), np.nan)) for context in contexts] for name in objects])
    if ((table < 0) | (table > 1)).any():
        raise ArgumentError(f"recall is a share from 0 to 1; {table[(table < 0) | (table > 1)][0]:g} came.")
    return table


def _share(successes: int, n: int) -> float:
    return successes / n if n else float("nan")


def wilson(successes: int, n: int, z: float = Z) -> tuple[float, float]:
    """Wilson's interval of a share, of 99 %; NaN for none of none."""
    if not n:
        return float("nan"), float("nan")
    share, square = successes / n, z * z
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = z / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def newcombe(a: int, n: int, b: int, m: int) -> tuple[float, float]:
    """The 99 % interval of a / n - b / m, from the intervals of both (Newcombe 1998, method 10)."""
    (low, high), (other_low, other_high) = wilson(a, n), wilson(b, m)
    p, q = _share(a, n), _share(b, m)
    return p - q - math.hypot(p - low, other_high - q), p - q + math.hypot(high - p, q - other_low)


def fisher(a: int, n: int, b: int, m: int) -> float:
    """The probability, were both shares one, of tables no likelier than a of n and b of m: Fisher's exact test, two-sided."""
    def log_chance(x: int) -> float:
        return sum(math.lgamma(total + 1) - math.lgamma(part + 1) - math.lgamma(total - part + 1)
                   for total, part in ((n, x), (m, a + b - x)))

    chances = [log_chance(x) for x in range(max(0, a + b - m), min(n, a + b) + 1)]
    top = max(chances)
    weights = np.exp(np.array(chances) - top)
    mine = math.exp(log_chance(a) - top) * (1 + 1e-9)      # equal ones count, whatever rounding says
    return float(min(1.0, weights[weights <= mine].sum() / weights.sum()))


def holm(chances: Sequence[float]) -> list[float]:
    """Each p corrected for the number of tests (Holm 1979): below a level with at most that chance of any false alarm."""
    order, corrected, highest = np.argsort(chances, kind="stable"), list(chances), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(chances) - rank) * chances[place]))
        corrected[place] = highest
    return corrected
