"""Words for units with no segmenter: those that pictures fit better where a unit is high (CLIP-Dissect, Oikarinen & Weng 2023).

As there (section 3), a unit's activations over pictures are held against how well each picture fits each word, and only those
in which it is highest count, with what a word scores anyway taken off (their soft-WPMI, section 3.2). Two things differ. Pictures
are looked at in parts, since in a small world nearly all of them have sky, and only their parts tell where. And the similarity
is a mean in standard deviations of the word's scores instead of logarithms of a softmax over the words: it needs no temperature,
so that any scorer's scale will do, does not change with the other words asked for, and has an exact null with other pictures.
"""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from ganwidgets.core.concepts import TextImageScorer
from ganwidgets.core.counting import at_least_one
from ganwidgets.core.errors import ArgumentError, ConceptError, one_of
from ganwidgets.core.inputs import looked_at
from ganwidgets.core.jobs import Progress, Steps, stepwise
from ganwidgets.core.nets import Layer, LayeredNet
from ganwidgets.core.statistics import peaks_of

BATCH = 8                  # pictures a step
PARTS = 4                  # rows and columns of the squares that a picture is looked at in
LEAST = 1 / 3              # of a picture's side, that of such a square at least: with more than three in a row they overlap
HIGH = 0.05                # of all parts: those in which a unit is highest
SHUFFLES = 100
BEYOND = 0.95              # the share of the shuffles that a unit's best word must beat
Box = tuple[float, float, float, float]
UnitsByWords = Float[np.ndarray, "units words"]


@final
@dataclass(frozen=True, eq=False)
class UnitWords:
    """How much better words fit where a unit of a layer is high.

    `lead` (units, words): how many standard deviations of the word's scores the 5 % of all parts in which the unit is highest lie
    above the mean; `lead_other`: the same with the parts of other pictures, over all pairs: what position alone gives; `chance`:
    what the best word of each unit reached in 95 % of 100 shuffles of the pictures; `live`: it goes to more than one height.
    """
    model: str
    digest: str
    layer: Layer
    words: tuple[str, ...]
    pictures: int
    lead: UnitsByWords = field(repr=False)
    lead_other: UnitsByWords = field(repr=False)
    chance: Float[np.ndarray, " units"] = field(repr=False)
    live: Bool[np.ndarray, " units"] = field(repr=False)

    @property
    def scores(self) -> pd.DataFrame:
        """`lead` of units (rows) with words (columns)."""
        return pd.DataFrame(self.lead, columns=list(self.words)).rename_axis("unit")

    @property
    def table(self) -> pd.DataFrame:
        """A row a unit, the highest lead first: layer, unit, word, lead, lead_other, chance, beyond, second, live.

        `beyond`: the lead is above chance; `second` is the next best word. A unit that is not live has the word "".
        """
        order = np.argsort(-self.lead, axis=1, kind="stable")
        units, best = np.arange(len(order)), order[:, 0]
        lead = self.lead[units, best]
        second = [self.words[row[1]] if len(row) > 1 and live else "" for row, live in zip(order, self.live, strict=True)]
        rows = pd.DataFrame({
            "layer": self.layer.name, "unit": units,
            "word": [self.words[index] if live else "" for index, live in zip(best, self.live, strict=True)],
            "lead": lead, "lead_other": self.lead_other[units, best], "chance": self.chance,
            "beyond": (lead > self.chance) & self.live, "second": second, "live": self.live})
        return rows.sort_values("lead", ascending=False, kind="stable", ignore_index=True)

    def units_for(self, word: str, n: int = 4) -> list[int]:
        """The n units with the highest lead for a word, best first. Errors: ConceptError for a word that was not asked for."""
        if word not in self.words:
            raise ConceptError(one_of("word", word, self.words, where="these labels"))
        ranked = np.argsort(-self.lead[:, self.words.index(word)], kind="stable")
        return [int(unit) for unit in ranked[:at_least_one("n", n)]]


@stepwise
def label_units(net: LayeredNet, scorer: TextImageScorer, words: Iterable[str], *, layer: str | Layer, seeds=None, images=None,
                parts: int = PARTS, seed: int = 0, batch: int = BATCH) -> Steps[UnitWords]:
    """For each unit of a layer the word that fits best where it is high.

    A generator draws the pictures of `seeds` (left out: the first 200), a classifier looks at `images` (n, 3, h, w) in [-1, 1].
    `parts`: a picture is looked at in parts x parts squares, which overlap where they are more than three in a row; 1: only as
    a whole. `seed`: of the shuffles. A scorer that can (`look` and `compare`, as the bundled one) reads each part once for all
    words. Words that it was never taught are refused. Errors: ArgumentError, LayerError, SeedError, ShapeError.
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
            peaks.append(torch.stack([peaks_of(_cells(run.features, box)) for box in boxes], 1))
            scores.append(torch.stack([_scores(scorer, _cells(pictures, box), texts) for box in boxes], 1).float().cpu())
        done += len(pictures)
        yield Progress(done, len(inputs), "pictures")
    high, spread = torch.cat(peaks).double().numpy(), _standard(torch.cat(scores).double().numpy())
    weights = _highest(high)
    chance = yield from _chance(weights, spread, seed, done)
    return UnitWords(net.name, net.digest, place, asked, done, _lead(weights, spread), _lead_other(weights, spread), chance,
                     np.ptp(high, axis=(0, 1)) > 0)


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
    """Squares in rows and columns that together cover a picture, as fractions (top, left, bottom, right)."""
    side = max(LEAST, 1 / parts)
    starts = [place * (1 - side) / max(1, parts - 1) for place in range(parts)]
    return [(top, left, top + side, left + side) for top in starts for left in starts]


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


def _standard(scores: Float[np.ndarray, "n parts words"]) -> Float[np.ndarray, "n parts words"]:
    """Each word's scores with mean 0 and standard deviation 1; those of a word that are all the same become 0."""
    apart = scores - scores.mean((0, 1))
    spread = apart.std((0, 1))
    return np.divide(apart, spread, out=np.zeros_like(apart), where=spread > 1e-6 * np.abs(scores).max((0, 1), initial=0))


def _highest(peaks: Float[np.ndarray, "n parts units"]) -> Float[np.ndarray, "n parts units"]:
    """Each part's share in the 5 % in which a unit is highest, at least one part; of equal ones each has an equal share."""
    count = max(1, round(HIGH * peaks.shape[0] * peaks.shape[1]))
    flat = peaks.reshape(-1, peaks.shape[2])
    limits = np.partition(flat, len(flat) - count, axis=0)[len(flat) - count]
    above, level = flat > limits, flat == limits
    rest = (count - above.sum(0)) / level.sum(0)
    return ((above + level * rest) / count).reshape(peaks.shape)


def _lead(weights: Float[np.ndarray, "n parts units"], spread: Float[np.ndarray, "n parts words"]) -> UnitsByWords:
    return weights.reshape(-1, weights.shape[2]).T @ spread.reshape(-1, spread.shape[2])


def _lead_other(weights: Float[np.ndarray, "n parts units"], spread: Float[np.ndarray, "n parts words"]) -> UnitsByWords:
    """The lead with the same parts of other pictures, over all pairs i != j: all pairs, without the pictures themselves."""
    every = weights.sum(0).T @ spread.sum(0)
    return (every - _lead(weights, spread)) / max(1, len(weights) - 1)


def _chance(weights: Float[np.ndarray, "n parts units"], spread: Float[np.ndarray, "n parts words"], seed: int,
            done: int) -> Generator[Progress, None, Float[np.ndarray, " units"]]:
    """What the best word of each unit reaches in 95 % of the shuffles; infinite for one picture, which cannot be shuffled."""
    best = []
    for place, order in enumerate(_shuffles(len(weights), SHUFFLES, seed)):
        best.append(_lead(weights, spread[order]).max(1))
        if place % 10 == 9:
            yield Progress(done, done, "shuffled pictures")
    return np.quantile(best, BEYOND, axis=0) if best else np.full(weights.shape[2], np.inf)


def _shuffles(pictures: int, count: int, seed: int) -> list[Int64[np.ndarray, " pictures"]]:
    """Orders of the pictures in which none stays where it was, drawn from the seed; of one picture there is none."""
    random, found = np.random.RandomState(seed), []
    for _ in range(count if pictures > 1 else 0):
        order = random.permutation(pictures)
        # each picture takes the place of the one before it in a random round: none meets itself
        moved = np.empty(pictures, np.int64)
        moved[order] = np.roll(order, 1)
        found.append(moved)
    return found
