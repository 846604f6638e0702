"""Words for units without a segmenter: the word that pictures fit best where a unit is high (CLIP-Dissect, Oikarinen & Weng 2023).

As there (section 3), a unit's activations over pictures are compared with how well each picture fits each word. Two things
differ. Pictures are also looked at in parts, since in a small world nearly every picture has sky, and only its parts tell where.
And the similarity is the rank correlation instead of soft-WPMI (section 3.2): it needs no temperature and no prior of the words, so
that any scorer's scale will do, and with shuffled pictures it has a null of the same unit. Like an IoU it has a cap: of a unit
that is high in few parts it cannot be near 1.
"""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ganwidgets.core.concepts import TextImageScorer
from ganwidgets.core.counting import at_least_one
from ganwidgets.core.errors import ArgumentError, ConceptError, one_of
from ganwidgets.core.inputs import looked_at
from ganwidgets.core.jobs import Progress, Steps, stepwise
from ganwidgets.core.nets import Layer, LayeredNet
from ganwidgets.core.ranks import ranks, shuffles, standard

BATCH = 8                  # pictures a step
PARTS = 3                  # rows and columns of overlapping squares, each half a picture's side
SHUFFLES = 100
BEYOND = 0.95              # the share of the shuffles that a unit's best word must beat
Box = tuple[float, float, float, float]


@final
@dataclass(frozen=True, eq=False)
class UnitWords:
    """How well the activations of a layer's units agree with words.

    `agreement` (units, words): the rank correlation, -1 to 1, of a unit's peak with a word's score, over all parts of all pictures;
    `agreement_other`: the same with the parts of other pictures, the mean of the shuffles: what position alone gives; `chance`: for
    each unit what the best of its words reached in 95 % of the shuffles; `live`: it goes to more than one height.
    """
    model: str
    digest: str
    layer: Layer
    words: tuple[str, ...]
    pictures: int
    agreement: Float[np.ndarray, "units words"] = field(repr=False)
    agreement_other: Float[np.ndarray, "units words"] = field(repr=False)
    chance: Float[np.ndarray, " units"] = field(repr=False)
    live: Bool[np.ndarray, " units"] = field(repr=False)

    @property
    def scores(self) -> pd.DataFrame:
        """`agreement` of units (rows) with words (columns)."""
        return pd.DataFrame(self.agreement, columns=list(self.words)).rename_axis("unit")

    @property
    def table(self) -> pd.DataFrame:
        """A row a unit, the highest agreement first: layer, unit, word, agreement, agreement_other, chance, beyond, second, live.

        `beyond`: the agreement is above chance; `second` is the next best word. A unit that is not live has the word "".
        """
        order = np.argsort(-self.agreement, axis=1, kind="stable")
        units, best = np.arange(len(order)), order[:, 0]
        agreement = self.agreement[units, best]
        second = [self.words[row[1]] if len(row) > 1 and live else "" for row, live in zip(order, self.live, strict=True)]
        rows = pd.DataFrame({
            "layer": self.layer.name, "unit": units,
            "word": [self.words[index] if live else "" for index, live in zip(best, self.live, strict=True)],
            "agreement": agreement, "agreement_other": self.agreement_other[units, best], "chance": self.chance,
            "beyond": (agreement > self.chance) & self.live, "second": second, "live": self.live})
        return rows.sort_values("agreement", ascending=False, kind="stable", ignore_index=True)

    def units_for(self, word: str, n: int = 4) -> list[int]:
        """The n units that agree best with a word, best first. Errors: ConceptError for a word that was not asked for."""
        if word not in self.words:
            raise ConceptError(one_of("word", word, self.words, where="these labels"))
        ranked = np.argsort(-self.agreement[:, self.words.index(word)], kind="stable")
        return [int(unit) for unit in ranked[:at_least_one("n", n)]]


@stepwise
def label_units(net: LayeredNet, scorer: TextImageScorer, words: Iterable[str], *, layer: str | Layer, seeds=None, images=None,
                parts: int = PARTS, seed: int = 0, batch: int = BATCH) -> Steps[UnitWords]:
    """For each unit of a layer the word whose scores go up and down with it.

    A generator draws the pictures of `seeds` (left out: the first 200), a classifier looks at `images` (n, 3, h, w) in [-1, 1].
    `parts`: the picture is looked at in parts x parts overlapping squares of half its side; 1: only as a whole. `seed`: of the
    shuffles. A scorer that can (`look` and `compare`, as the bundled one) reads each picture once for all words. Words that it was
    never taught are refused. Errors: ArgumentError, LayerError, SeedError, ShapeError.
    """
    place = net.layer(layer)
    asked = _words(scorer, words)
    inputs, boxes = looked_at(net, seeds=seeds, images=images), _boxes(at_least_one("parts", parts))
    texts = [scorer.read(word) for word in asked]
    peaks: list[Tensor] = []
    scores: list[Tensor] = []
    done = 0
    for each in inputs.batches(batch):
        with torch.no_grad():
            run = net.head(each, place)
            pictures = inputs.pictures(run, each)
            peaks.append(torch.stack([_cells(run.features, box).amax((2, 3)) for box in boxes], 1).float().cpu())
            scores.append(torch.stack([_scores(scorer, _cells(pictures, box), texts) for box in boxes], 1).float().cpu())
        done += len(pictures)
        yield Progress(done, len(inputs), "pictures")
    agreement = yield from _agreement(torch.cat(peaks).double().numpy(), torch.cat(scores).double().numpy(), seed, done)
    return UnitWords(net.name, net.digest, place, asked, done, *agreement)


def _words(scorer: TextImageScorer, words: Any) -> tuple[str, ...]:
    """The words, each once. Errors: ArgumentError."""
    if isinstance(words, str) or not isinstance(words, Iterable):
        raise ArgumentError(f"words are a list of texts, as ['a tree', 'the sky']; {words!r} came.")
    asked = tuple(dict.fromkeys(words))
    if not asked or not all(isinstance(word, str) and word.strip() for word in asked):
        raise ArgumentError("give at least one word, each a text that is not empty.")
    unknown = {word: found for word in asked if (found := scorer.unknown(word))}
    if unknown:
        said = "; ".join(f"{', '.join(found)} in {word!r}" for word, found in list(unknown.items())[:8])
        raise ArgumentError(f"the scorer was never taught {said}: leave them out, or take a scorer that knows them.")
    return asked


def _boxes(parts: int) -> list[Box]:
    """Squares of half a picture's side in rows and columns that overlap, as fractions (top, left, bottom, right); 1: the whole."""
    if parts == 1:
        return [(0.0, 0.0, 1.0, 1.0)]
    starts = [place / (2 * (parts - 1)) for place in range(parts)]
    return [(top, left, top + 0.5, left + 0.5) for top in starts for left in starts]


def _cells(maps: Float[Tensor, "n c h w"], box: Box) -> Float[Tensor, "n c rows columns"]:
    """What of a map or a picture lies in a box: the cells whose middles do, at least one."""
    (rows, columns) = (_span(box[axis], box[axis + 2], maps.shape[axis + 2]) for axis in (0, 1))
    return maps[:, :, rows, columns]


def _span(start: float, end: float, side: int) -> slice:
    first = min(side - 1, round(start * side))
    return slice(first, max(first + 1, round(end * side)))


def _scores(scorer: Any, pictures: Float[Tensor, "n 3 h w"], texts: Sequence[Any]) -> Float[Tensor, "n words"]:
    """How well each picture fits each text."""
    if hasattr(scorer, "look") and hasattr(scorer, "compare"):
        seen = scorer.look(pictures)
        return torch.stack([scorer.compare(seen, text) for text in texts], 1)
    return torch.stack([scorer.score(pictures, text) for text in texts], 1)


UnitsByWords = Float[np.ndarray, "units words"]
Found = tuple[UnitsByWords, UnitsByWords, Float[np.ndarray, " units"], Bool[np.ndarray, " units"]]


def _agreement(peaks: Float[np.ndarray, "n parts units"], scores: Float[np.ndarray, "n parts words"], seed: int,
               done: int) -> Generator[Progress, None, Found]:
    """The agreement, and what it is where each picture's parts are held against the same parts of another picture."""
    one, other = (standard(ranks(each.reshape(-1, each.shape[2]))) for each in (peaks, scores))
    agreement, shape = one.T @ other, scores.shape
    total, best, orders = np.zeros_like(agreement), [], shuffles(len(peaks), SHUFFLES, seed)
    for place, order in enumerate(orders):
        shuffled = one.T @ other.reshape(shape)[order].reshape(-1, shape[2])
        total += shuffled
        best.append(shuffled.max(1))
        if place % 10 == 9:
            yield Progress(done, done, "shuffled pictures")
    chance = np.quantile(best, BEYOND, axis=0) if best else np.ones(len(agreement))
    return agreement, total / max(1, len(orders)), chance, np.ptp(peaks, axis=(0, 1)) > 0
