"""How much each unit of a classifier matters to each class (Bau et al. 2020, "Understanding the role of individual units").

A class's score is the balanced accuracy of saying it, and a unit's importance is what of it is lost where the unit is 0.
Units are ranked on one set of pictures, and what removing many of them does is measured on another.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ganwidgets.core.counting import at_least_one, ratios, same
from ganwidgets.core.edits import Origin, UnitEdit
from ganwidgets.core.errors import ArgumentError, StatisticsError, UnitError
from ganwidgets.core.jobs import Progress, Steps, stepwise
from ganwidgets.core.labelled import labelled, place_of, places_of
from ganwidgets.core.nets import Layer, LayeredClassifier, PausedRun
from ganwidgets.core.rankings import first_units

BATCH = 64                                  # pictures a step
COUNTS = (1, 2, 3, 4, 5, 8, 16, 32)         # of units removed or kept
DRAWS = 20                                  # of random units
TOP = 4                                     # units that a class is said to rest on


@final
@dataclass(frozen=True, eq=False)
class Answers:
    """What variants of a classifier said of the same pictures, counted: how many were `shown` of each class, of how many the class
    was `said`, and how often that was `right`. `a + b` are those of all pictures."""
    classes: tuple[str, ...]
    shown: Int64[np.ndarray, " classes"] = field(repr=False)
    said: Int64[np.ndarray, "variants classes"] = field(repr=False)
    right: Int64[np.ndarray, "variants classes"] = field(repr=False)

    def __add__(self, other: "Answers") -> "Answers":
        same("classes", self.classes, other.classes)
        same("variants", len(self.said), len(other.said))
        return Answers(self.classes, self.shown + other.shown, self.said + other.said, self.right + other.right)

    @property
    def pictures(self) -> int:
        """How many pictures were looked at."""
        return int(self.shown.sum())

    @property
    def balanced(self) -> Float[np.ndarray, "variants classes"]:
        """The balanced accuracy of each class: the mean of the shares of its own and of all other pictures that are told right."""
        others = self.pictures - self.shown
        return (ratios(self.right, np.broadcast_to(self.shown, self.right.shape))
                + ratios(others - (self.said - self.right), np.broadcast_to(others, self.right.shape))) / 2

    @property
    def accuracy(self) -> Float[np.ndarray, " variants"]:
        """The share of all pictures that are told right."""
        return self.right.sum(axis=1) / self.pictures

    def of(self, names: Sequence[str]) -> Float[np.ndarray, "variants classes"]:
        """The balanced accuracy of these classes. Errors: StatisticsError where a class has no picture, or all of them: its
        balanced accuracy is then no number."""
        places = [self.classes.index(name) for name in names]
        for name, shown in zip(names, self.shown[places], strict=True):
            if shown in (0, self.pictures):
                raise StatisticsError(f"{shown} of the {self.pictures} pictures are of the class {name!r}; its balanced accuracy "
                                      "needs pictures of it and of others. `classes` names those to look at.")
        return self.balanced[:, places]


@stepwise
def answers(classifier: LayeredClassifier, data: Any, *, layer: str | Layer, removed: Sequence[Sequence[int]],
            batch: int = BATCH) -> Steps[Answers]:
    """What a classifier says of labelled pictures with each of these sets of units removed; an empty set leaves it as it is.

    The layer's features are computed once, and only what follows them for each set. `data`: a pair (pictures, labels) or batches
    of such pairs. Errors: LayerError, UnitError, ArgumentError, ShapeError.
    """
    place = classifier.layer(layer)
    sets = [UnitEdit(place, tuple(units), 0.0) if len(units) else None for units in removed]
    for edit in sets:
        if edit is not None:
            edit.check(classifier)
    if not sets:
        raise ArgumentError("no set of units came; give at least one, which may be empty.")
    size, found, done = at_least_one("batch", batch), None, 0
    for images, labels in labelled(data, classifier.classes, batch=size):
        with torch.no_grad():
            features = classifier.head(images, place).features
        said = []
        for edit in sets:
            with torch.no_grad():
                said.append(_said(classifier, place, features if edit is None else edit.change(features)))
            yield Progress(done + len(images) * len(said) // len(sets), 0, "pictures")
        new = _counted(classifier.classes, torch.stack(said), labels)
        found, done = new if found is None else found + new, done + len(images)
    if found is None:
        raise ArgumentError("no picture to look at: the labelled pictures are empty.")
    return found


def _said(classifier: LayeredClassifier, layer: Layer, features: Tensor) -> Tensor:
    """The place of the class that each picture is taken for."""
    return classifier.tail(PausedRun(layer.name, features)).argmax(1).cpu()


def _counted(classes: Sequence[str], said: Tensor, labels: Tensor) -> Answers:
    """The counts of one batch: `said` (variants, n)."""
    k = len(classes)
    every = torch.stack([torch.bincount(row, minlength=k) for row in said])
    right = torch.stack([torch.bincount(row[row == labels], minlength=k) for row in said])
    return Answers(tuple(classes), torch.bincount(labels, minlength=k).numpy(), every.numpy(), right.numpy())


@final
@dataclass(frozen=True, eq=False)
class Importance:
    """How much each unit of a layer matters to each class: `whole` is each class's balanced accuracy, and `lost` (units, classes)
    what of it goes with the unit. `classes` are those that were asked about."""
    layer: str
    classes: tuple[str, ...]
    whole: Float[np.ndarray, " classes"] = field(repr=False)
    lost: Float[np.ndarray, "units classes"] = field(repr=False)
    pictures: int
    origin: Origin = field(repr=False)

    @property
    def table(self) -> pd.DataFrame:
        """A row for each unit and class, the most important first."""
        units, classes = np.indices(self.lost.shape)
        rows = pd.DataFrame({"unit": units.ravel(), "class": np.asarray(self.classes)[classes.ravel()],
                             "importance": self.lost.ravel()})
        return rows.sort_values("importance", ascending=False, kind="stable", ignore_index=True)

    def ranking(self, name: str | int) -> list[int]:
        """The units, the most important for a class first; of equal ones the lower. Errors: ArgumentError."""
        return np.argsort(-self.lost[:, place_of(name, self.classes)], kind="stable").tolist()

    def units_for(self, name: str | int, n: int = TOP) -> list[int]:
        """The n units that matter most to a class. Errors: ArgumentError, UnitError."""
        return first_units(self.ranking(name), n, self.layer)

    def edit(self, name: str | int, n: int = TOP, *, keep: bool = False) -> UnitEdit:
        """The edit that removes the n units that matter most to a class, or with `keep` all others. Errors: as `units_for`."""
        chosen = set(self.units_for(name, n))
        units = sorted(set(range(len(self.lost))) - chosen if keep else chosen)
        if not units:
            raise UnitError(f"{n} units are all of {self.layer}: none is left to remove.")
        return UnitEdit(self.layer, tuple(units), 0.0, origin=self.origin)

    def classes_of(self, n: int = TOP) -> Int64[np.ndarray, " units"]:
        """For how many classes each unit is among the n that matter most."""
        units = [unit for name in self.classes for unit in self.units_for(name, n)]
        return np.bincount(units, minlength=len(self.lost)).astype(np.int64)


@stepwise
def importance(classifier: LayeredClassifier, data: Any, *, layer: str | Layer, classes: Sequence[Any] | None = None,
               batch: int = BATCH) -> Steps[Importance]:
    """How much each unit of a layer matters to each class, on labelled pictures: each is removed alone (section 2.3).

    `classes`: those to ask about, by name or place; left out, all, each of which then needs pictures. A few will do of a classifier
    that knows a thousand. Choose units with it, and measure on other pictures: `removals`.
    Errors: LayerError, ArgumentError, ShapeError, StatisticsError.
    """
    place, asked = classifier.layer(layer), _asked(classifier, classes)
    found = yield from answers.steps(classifier, data, layer=place, removed=[[], *([unit] for unit in range(place.channels))],
                                     batch=batch)
    balanced = found.of(asked)
    return Importance(place.name, asked, balanced[0], balanced[0] - balanced[1:], found.pictures,
                      Origin(classifier.name, classifier.digest))


def _asked(classifier: LayeredClassifier, classes: Any) -> tuple[str, ...]:
    """The names of the classes to ask about, each once, in the classifier's order. Errors: ArgumentError."""
    if classes is None:
        return tuple(classifier.classes)
    places = sorted(set(places_of(classes, classifier.classes).tolist()))
    if not places:
        raise ArgumentError("no class to ask about: the list of classes is empty.")
    return tuple(classifier.classes[place] for place in places)


@final
@dataclass(frozen=True, eq=False)
class Removals:
    """The balanced accuracy of each class without the units that matter most to it, with no others, and without random ones.

    `without` and `alone` (classes, counts), `random` (draws, counts, classes), `whole` (classes,); `overall` (classes, counts) is
    the accuracy over all classes where `without` is the class's own.
    """
    layer: str
    classes: tuple[str, ...]
    counts: tuple[int, ...]
    whole: Float[np.ndarray, " classes"] = field(repr=False)
    without: Float[np.ndarray, "classes counts"] = field(repr=False)
    alone: Float[np.ndarray, "classes counts"] = field(repr=False)
    random: Float[np.ndarray, "draws counts classes"] = field(repr=False)
    overall: Float[np.ndarray, "classes counts"] = field(repr=False)
    accuracy: float
    pictures: int

    @property
    def table(self) -> pd.DataFrame:
        """The means over the classes, a row for each number of units."""
        return pd.DataFrame({"units": self.counts, "without": self.without.mean(0), "alone": self.alone.mean(0),
                             "without random": self.random.mean((0, 2)), "whole": self.whole.mean(),
                             "all classes, without": self.overall.mean(0)})


@stepwise
def removals(classifier: LayeredClassifier, found: Importance, data: Any, *, counts: Sequence[int] = COUNTS, draws: int = DRAWS,
             seed: int = 0, batch: int = BATCH) -> Steps[Removals]:
    """What removing, or keeping alone, the units that matter most does to each class of `found` on other labelled pictures.

    `counts`: of units; those that the layer does not have are left out. `draws`: how often as many random units are removed.
    Errors: ArgumentError, ShapeError, LayerError, StatisticsError.
    """
    layer = classifier.layer(found.layer)
    if len(found.lost) != layer.channels or not set(found.classes) <= set(classifier.classes):
        raise ArgumentError(f"this importance is of {len(found.lost)} units and {len(found.classes)} classes; {layer.name} of "
                            f"{classifier.name} has others.")
    sizes = tuple(sorted({at_least_one("a count", n) for n in counts if n < layer.channels}))
    if not sizes:
        raise ArgumentError(f"{layer.name} has {layer.channels} units; give counts below that.")
    random = np.random.RandomState(seed)
    every = set(range(layer.channels))
    sets: list[Sequence[int]] = [[]]
    for name in found.classes:
        ranked = found.ranking(name)
        sets += [ranked[:n] for n in sizes] + [sorted(every - set(ranked[:n])) for n in sizes]
    orders = [random.permutation(layer.channels).tolist() for _ in range(draws)]
    sets += [order[:n] for order in orders for n in sizes]
    told = yield from answers.steps(classifier, data, layer=layer, removed=sets, batch=batch)
    balanced, k, m = told.of(found.classes), len(found.classes), len(sizes)
    own = balanced[1:1 + 2 * k * m].reshape(k, 2, m, k)[np.arange(k), :, :, np.arange(k)]
    overall = told.accuracy[1:1 + 2 * k * m].reshape(k, 2, m)[:, 0]
    return Removals(layer.name, found.classes, sizes, balanced[0], own[:, 0], own[:, 1],
                    balanced[1 + 2 * k * m:].reshape(draws, m, k), overall, float(told.accuracy[0]), told.pictures)

