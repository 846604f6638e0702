"""The painter's state as values: a history whose steps can be switched off and undone, and the pictures it gives."""

import math
import warnings
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from ganwidgets.core.concepts import Segmenter
from ganwidgets.core.edits import Edit, EditStack, UnitEdit
from ganwidgets.core.errors import ArgumentError, EditError, RegionError, one_of
from ganwidgets.core.nets import Latents, LayeredGenerator, PausedRun
from ganwidgets.core.regions import Region
from ganwidgets.methods.dissect import Dissection
from ganwidgets.widgets.timeline import Timeline

PICTURES_KEPT = 8  # pictures whose head stays in memory

Corners = tuple[float, float, float, float]  # x0, y0, x1, y1 in fractions of the picture, y down


@dataclass(frozen=True)
class Entry:
    """One step of the history: its number, its edit, and what was done in words. A step that is off stays there.

    `box` is where an object was put: it may stick out of the picture, of which the edit's region is the part inside.
    None: the step is a stroke, or something else that has no place of its own.
    """

    number: int
    edit: Edit
    label: str
    concept: str = ""
    mode: str = ""
    seed: int | None = None
    box: Corners | None = None
    on: bool = True

    @property
    def name(self) -> str:
        """What it is called in a sentence."""
        return self.concept or self.label

    def moved(self, box: Sequence[float]) -> "Entry":
        """The object in another box. Errors: EditError for a step that is no object, RegionError."""
        if self.box is None or not isinstance(self.edit, UnitEdit):
            raise EditError(
                f"step {self.number} ({self.label}) is no object that was dropped in, and only those can be moved; "
                "delete it and paint it anew."
            )
        return replace(self, edit=replace(self.edit, region=box_of(box)), box=corners_of(box))

    def record(self) -> dict[str, Any]:
        """The step as the browser lists it."""
        x0, y0, x1, y1 = self.box or (0, 0, 0, 0)
        return {
            "entry": self.number,
            "label": self.label,
            "concept": self.concept,
            "mode": self.mode,
            "on": self.on,
            "everywhere": self.edit.seeds is None,
            "seed": self.seed,
            "box": None if self.box is None else {"x": x0, "y": y0, "width": x1 - x0, "height": y1 - y0},
        }


@dataclass(frozen=True)
class History:
    """All steps, and the lists of steps before and after them that undo and redo go to. Answers new ones."""

    line: Timeline[tuple[Entry, ...]] = Timeline(())
    count: int = 0

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The steps, lowest first."""
        return self.line.now

    @property
    def past(self) -> tuple[tuple[Entry, ...], ...]:
        """What undo goes back to, the last of it first."""
        return self.line.past

    @property
    def future(self) -> tuple[tuple[Entry, ...], ...]:
        """What redo goes forward to."""
        return self.line.future

    def turned(self, entries: tuple[Entry, ...], *, count: int | None = None) -> "History":
        """These steps now; undo goes back to those before. The same steps again are no step."""
        line = self.line.turned(entries)
        return self if line is self.line else History(line, self.count if count is None else count)

    def push(self, edit: Edit, label: str, *, box: Sequence[float] | None = None, **known: Any) -> "History":
        """One more step, on top, with what else is `known` of it: concept, mode and seed."""
        place = box_in(edit) if box is None else corners_of(box)
        entry = Entry(self.count + 1, edit, label, box=place, **known)
        return self.turned((*self.entries, entry), count=entry.number)

    def replaced(self, edits: Iterable[Edit]) -> "History":
        """These edits instead of all steps."""
        entries = tuple(Entry(self.count + 1 + i, edit, described(edit), box=box_in(edit)) for i, edit in enumerate(edits))
        return self.turned(entries, count=self.count + len(entries))

    def toggled(self, number: int, on: bool) -> "History":
        """The step switched on or off. Errors: EditError, if there is no such step."""
        return self._with(replace(self.entry(number), on=on))

    def moved(self, number: int, box: Sequence[float]) -> "History":
        """The object in another box, and all else as it was. Errors: those of `Entry.moved`; EditError for no step."""
        return self._with(self.entry(number).moved(box))

    def without(self, number: int) -> "History":
        """All steps but that one. Errors: EditError, if there is no such step."""
        gone = self.entry(number)
        return self.turned(tuple(entry for entry in self.entries if entry is not gone))

    def entry(self, number: int) -> Entry:
        """The step of that number. Errors: EditError, if there is none."""
        for entry in self.entries:
            if entry.number == number:
                return entry
        raise EditError(one_of("step", number, [entry.number for entry in self.entries], where="the history"))

    def _with(self, changed: Entry) -> "History":
        return self.turned(tuple(changed if entry.number == changed.number else entry for entry in self.entries))

    def undone(self) -> "History":
        """One step back; at the beginning, the same."""
        return replace(self, line=self.line.undone())

    def redone(self) -> "History":
        """One step forward; at the end, the same."""
        return replace(self, line=self.line.redone())

    @property
    def numbers(self) -> set[int]:
        """The numbers of all steps that may come back by undo or redo."""
        return {entry.number for entries in (self.entries, *self.past, *self.future) for entry in entries}

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits that are on, lowest first."""
        return tuple(entry.edit for entry in self.entries if entry.on)

    @property
    def stack(self) -> EditStack:
        """The edits that are on, as a stack."""
        return stacked(self.edits)


def stacked(edits: Iterable[Edit]) -> EditStack:
    """The edits as a stack, lowest first."""
    stack = EditStack()
    for edit in edits:
        stack = stack.push(edit)
    return stack


def described(edit: Edit) -> str:
    """An edit in a few words, where nothing else is known about it."""
    if isinstance(edit, UnitEdit):
        return f"{edit.mode} {len(edit.units)} units of {edit.layer}"
    return type(edit).__name__


def change(before: Entry, after: Entry) -> str:
    """What became of an object, in a word."""
    (x0, y0, x1, y1), (u0, v0, u1, v1) = (entry.box or (0, 0, 0, 0) for entry in (before, after))
    same = abs((x1 - x0) - (u1 - u0)) < 1e-6 and abs((y1 - y0) - (v1 - v0)) < 1e-6
    return "moved" if same else "resized"


def touches(edit: Edit, picture: int) -> bool:
    """Whether the edit changes that picture."""
    return edit.seeds is None or picture in edit.seeds


@final
class Easel:
    """A generator with the heads of a few pictures kept, so that an edit at `layer` costs one tail. For one thread."""

    def __init__(self, generator: LayeredGenerator, layer: str, own: Latents | None = None) -> None:
        self.generator, self.layer, self._own = generator, layer, own
        self._heads: OrderedDict[int, PausedRun] = OrderedDict()

    @property
    def own(self) -> tuple[int, ...]:
        """The numbers of your own pictures."""
        return tuple(self._own.pictures) if self._own is not None else ()

    def latents(self, picture: int) -> Latents:
        """The latents of a picture: one of your own, else of that seed. Errors: SeedError."""
        if self._own is not None and picture in self.own:
            return self._own[[self.own.index(picture)]]
        return self.generator.sample([picture])

    def head(self, picture: int) -> PausedRun:
        """The picture's run, stopped at the layer."""
        if picture not in self._heads:
            with torch.no_grad():
                self._heads[picture] = self.generator.head(self.latents(picture), self.layer)
        self._heads.move_to_end(picture)
        while len(self._heads) > PICTURES_KEPT:
            self._heads.popitem(last=False)
        return self._heads[picture]

    def image(self, picture: int, edits: Sequence[Edit] = ()) -> Float[Tensor, "1 3 h w"]:
        """The picture under the edits, in [-1, 1]: one tail, where they are all at the layer."""
        edits = [edit for edit in edits if touches(edit, picture)]
        with torch.no_grad():
            if self.at_layer(edits):
                return self.generator.tail(self._changed(picture, edits))
            return stacked(edits).apply(self.generator).images(self.latents(picture))

    def paused(self, picture: int, edits: Sequence[Edit] = ()) -> PausedRun:
        """The picture's run under the edits, stopped at the layer."""
        edits = [edit for edit in edits if touches(edit, picture)]
        with torch.no_grad():
            if self.at_layer(edits):
                return self._changed(picture, edits)
            return stacked(edits).apply(self.generator).head(self.latents(picture), self.layer)

    def _changed(self, picture: int, edits: Sequence[Any]) -> PausedRun:
        """The kept head under edits at the layer."""
        paused = self.head(picture)
        for edit in edits:
            paused = replace(paused, features=edit.change(paused.features))
        return paused

    def at_layer(self, edits: Iterable[Edit]) -> bool:
        """Whether the edits only change the kept features."""
        return all(isinstance(edit, UnitEdit) and edit.layer == self.layer for edit in edits)

    def forget(self) -> None:
        """Free the heads; they come back when asked for."""
        self._heads.clear()


def region_of(where: Any) -> Region:
    """A Region from a Region, a soft mask or a PIL picture. Errors: RegionError, also if it covers nothing."""
    if isinstance(where, Region):
        return where
    if isinstance(where, Image.Image):
        where = np.asarray(where.convert("L"), dtype=np.float32) / 255
    mask = np.asarray(where.detach().cpu() if isinstance(where, Tensor) else where)
    if mask.size and not np.any(mask):
        raise RegionError("the stroke covers nothing; paint inside the picture.")
    return Region.from_mask(mask)


def box_of(box: Sequence[float]) -> Region:
    """The part of a box (x0, y0, x1, y1) that lies on the picture. Errors: RegionError, if there is none."""
    x0, y0, x1, y1 = (min(1.0, max(0.0, edge)) for edge in corners_of(box))
    if not (x0 < x1 and y0 < y1):
        raise RegionError(f"the box {tuple(box)!r} lies outside the picture or is empty; x and y go from 0 to 1, y down.")
    return Region.box(x0, y0, x1, y1)


def corners_of(box: Sequence[float]) -> Corners:
    """A box as four numbers, no further out than the picture is wide. Errors: RegionError, if it is none."""
    try:
        x0, y0, x1, y1 = (float(edge) for edge in box)
    except (TypeError, ValueError):
        raise RegionError(f"a box is (x0, y0, x1, y1), fractions of the picture; what came is {box!r}.") from None
    if any(math.isnan(edge) for edge in (x0, y0, x1, y1)):
        raise RegionError(f"the box {tuple(box)!r} has an edge that is no number.")
    x0, y0, x1, y1 = (min(2.0, max(-1.0, edge)) for edge in (x0, y0, x1, y1))
    return x0, y0, x1, y1


def box_in(edit: Edit) -> Corners | None:
    """The box that an edit can be moved from; None, if it has none, or draws something else in another place."""
    movable = isinstance(edit, UnitEdit) and edit.region is not None and edit.value.ndim < 3  # no patch of one place
    return edit.region.corners if movable else None  # type: ignore[attr-defined]


def check_nouns(g: Any, d: Any, segmenter: Any, latents: Any, *, lab: str = "PaintBox") -> None:
    """Errors: ArgumentError, for arguments in the wrong place."""
    for value, kind, word, hint in (
        (g, LayeredGenerator, "a generator", "gw.load(name)"),
        (d, Dissection, "a dissection", "gw.dissect(g, segmenter)"),
        (segmenter, Segmenter, "a segmenter", "gw.load_segmenter(name)"),
        (latents, Latents, "latents", "g.sample(seeds)"),
    ):
        if not isinstance(value, kind) and not (value is None and kind in (Segmenter, Latents)):
            raise ArgumentError(f"{lab} needs {word} here, as {hint} gives; what came is a {type(value).__name__}.")
    if d.digest != g.digest:
        warnings.warn(
            f"this dissection was made on other weights ({d.model}, {d.digest[:8]}) than those of {g.name} "
            f"({g.digest[:8]}): its units may draw something else here.",
            stacklevel=3,
        )
