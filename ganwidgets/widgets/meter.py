"""The meter of a PaintBox: how usual the features are that its edits lead to, as learnt from unedited pictures."""

import time
import weakref
from collections.abc import Generator, Iterator, Sequence
from typing import Any, final

import numpy as np

from ganwidgets.core.edits import Edit
from ganwidgets.core.errors import GanwidgetsError, LayerError
from ganwidgets.core.jobs import Progress, Steps
from ganwidgets.core.nets import LayeredGenerator
from ganwidgets.methods.intervene_typical import Reading, Typicality, typicality, usual_features
from ganwidgets.widgets.painting import Easel, stacked, touches

FIRST = 1_000_000          # pictures from this number on are looked at: none that people are likely to paint on
USUAL, UNEDITED = 60, 100  # pictures that say what is usual, and pictures that say how far unedited ones are from it
SELDOM = 5                 # fewer unedited pictures than this being as far: unusual; none: never seen
TRIED = 4                  # pictures after which it is known how long all of them take
QUICK = 6.0                # seconds; what takes longer is learnt only if it is asked for
TOLD = 5                   # pictures from one word about progress to the next

_known: weakref.WeakKeyDictionary[LayeredGenerator, dict[str, Typicality]] = weakref.WeakKeyDictionary()


def told(state: str, **more: Any) -> dict[str, Any]:
    """What the browser is told of the meter."""
    return {"state": state, "done": 0, "total": USUAL + UNEDITED, "word": "", "times": 0.0, "place": 0.0, "note": "", **more}


@final
class Meter:
    """How usual the pictures of an easel are, at the layers after the easel's own: there the net takes up what was painted.

    It is learnt once for a generator and a layer, a picture a step, and goes on where it was left. For one thread.
    """

    def __init__(self, easel: Easel) -> None:
        self._easel, self._looked, self._spent = easel, 0, 0.0
        self._steps: Steps[Typicality] | None = None
        self._never = False

    @property
    def known(self) -> Typicality | None:
        """What was learnt; None before that is done."""
        return None if self._easel.generator is None else _known.get(self._easel.generator, {}).get(self._easel.layer)

    def learn(self) -> None:
        """Look at all the unedited pictures, as far as that was not done."""
        for _ in self.learning(asked=True):
            pass

    def learning(self, *, asked: bool) -> Iterator[dict[str, Any]]:
        """Look at the unedited pictures, one between two pauses, which say how far it is; given up where no picture can be drawn.

        Not `asked`: only if it is soon done.
        """
        while self.known is None and not self._never and (asked or not self.slow):
            self._look()
            yield told("learning", done=self._looked - self._looked % TOLD)

    @property
    def slow(self) -> bool:
        """Whether looking at all pictures is seen to take long."""
        return self._looked >= TRIED and self.seconds > QUICK

    @property
    def seconds(self) -> float:
        """How long it takes for all pictures, by those that were looked at; the first of them is slower and does not count."""
        return self._spent / max(1, self._looked - 1) * (USUAL + UNEDITED)

    def read(self, picture: int, edits: Sequence[Edit]) -> Reading | None:
        """How usual the picture is under the edits, by running on from the easel's layer; None where that cannot be told."""
        if self.known is None:
            return None
        edits = [edit for edit in edits if touches(edit, picture)]
        g = self._easel.generator
        if self._easel.at_layer(edits):
            return self.known.read(g, self._easel.paused(picture, edits))
        places = [g.place(edit.layer) for edit in edits if hasattr(edit, "layer")]
        after = g.layers[max([g.place(self._easel.layer), *places])]
        try:
            return self.known.read(stacked(edits).apply(g), self._easel.latents(picture), after=after)
        except LayerError:  # no layer comes after the edits
            return None

    def record(self, picture: int, edits: Sequence[Edit]) -> dict[str, Any]:
        """The reading as the browser shows it; empty where there is nothing to say."""
        if self.known is None:
            return {} if self._never else told("off", note=f"about {self.seconds:.0f} s")
        reading = self.read(picture, edits)
        return {} if reading is None else told("read", done=USUAL + UNEDITED, **shown(reading, self.known))

    def _look(self) -> None:
        """Look at one more picture, or put down what all of them say."""
        g, layer = self._easel.generator, self._easel.layer
        began = time.perf_counter()
        try:
            if self._steps is None:
                self._steps = learnt(g, layer)
            next(self._steps)
        except StopIteration as end:
            self._steps = None
            _known.setdefault(g, {})[layer] = end.value
            return
        except GanwidgetsError:  # no seeds, or no layer after this one: the meter has nothing to say
            self._never = True
            return
        except BaseException:
            self._never = True
            raise
        self._spent += time.perf_counter() - began if self._looked else 0
        self._looked += 1


def learnt(g: LayeredGenerator, layer: str) -> Generator[Progress, None, Typicality]:
    """What is usual at the layers after that one, a picture a step: no stroke waits for more. Errors: GanwidgetsError."""
    layers = g.layers[g.place(layer) + 1:]
    seeds = range(FIRST, FIRST + USUAL + UNEDITED)
    usual = yield from usual_features.steps(g, seeds[:USUAL], layers=layers, batch=1)
    return (yield from typicality.steps(g, usual, seeds[USUAL:], batch=1))


def shown(reading: Reading, meter: Typicality) -> dict[str, Any]:
    """A picture's reading in a word, a number, a place on the meter (see `told`), and a sentence."""
    columns = [meter.usual.layers.index(layer) for layer in reading.layers]
    worst = np.sort(meter.unedited[:, columns].max(1))
    times, far = float(reading.times[0]), int((worst >= reading.times[0]).sum())
    word = "never seen" if far == 0 else "unusual" if far < SELDOM else "usual"
    layer = reading.layers[int(reading.distances[0].argmax())].name
    note = (f"{times:.1f} times as far from the usual as unedited pictures are, at {layer}; "
            f"{far} of {len(worst)} unedited pictures are as far")
    return {"word": word, "times": times, "place": place(times, float(worst[-SELDOM]), float(worst[-1])), "note": note}


def place(times: float, seldom: float, most: float) -> float:
    """Where a distance is on the meter: the usual ones have its first half, those never seen its last quarter."""
    if times <= seldom:
        return 0.5 * times / seldom if times else 0.0
    if times <= most:
        return 0.5 + 0.25 * (times - seldom) / (most - seldom)
    return 1 - 0.25 * most / times
