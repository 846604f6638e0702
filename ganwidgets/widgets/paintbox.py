"""PaintBox: paint into a generator's pictures with its own units, by hand or from Python."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
import traitlets
from PIL import Image
from torch import Tensor

from ganwidgets.core.causes import Causes
from ganwidgets.core.concepts import Segmenter
from ganwidgets.core.edits import Edit, EditStack, Origin, UnitEdit
from ganwidgets.core.errors import ArgumentError, ConceptError, EditError, GanwidgetsError, one_of
from ganwidgets.core.images import to_pil
from ganwidgets.core.nets import Latents, LayeredGenerator, check_seeds
from ganwidgets.core.regions import Region
from ganwidgets.methods.dissect import Dissection
from ganwidgets.methods.intervene import level_units, unit_heat
from ganwidgets.methods.intervene_typical import Reading
from ganwidgets.widgets.base import LabWidget
from ganwidgets.widgets.beside import Beside
from ganwidgets.widgets.by_hand import act_steps
from ganwidgets.widgets.desk import Work
from ganwidgets.widgets.gallery import Kept
from ganwidgets.widgets.messages import LEVELS, SETTINGS, TOOLS, Message
from ganwidgets.widgets.meter import Meter
from ganwidgets.widgets.pages import Page, recorded_seeds
from ganwidgets.widgets.painting import Easel, History, box_of, change, check_nouns, region_of
from ganwidgets.widgets.paintpage import paint_page
from ganwidgets.widgets.palette import Chip, chips, paints

STRIP = 8  # pictures in the strip


def _setting(name: str, kind: Any, default: Any) -> Any:
    spec = SETTINGS[name]
    limits = {"min": spec.low, "max": spec.high} if spec.type in ("number", "integer") else {}
    return kind(default, help=spec.doc, **limits).tag(sync=True)


@final
class PaintBox(Beside, LabWidget):
    """A picture of the generator, a palette of its units' concepts, a brush and an eraser.

    `g` draws, `d` says which units draw what; with `segmenter` the picture is also described in words. `latents` are
    pictures of your own to paint on, instead of seeds. `palette` names the concepts to offer first, as measured to work
    (a mapping adds a note to each). `causes` are the units that make each concept come and go, as `gw.causes` finds them;
    left out, those that come with the model; False: none, so that units are chosen by their IoU alone. `sets` are the
    `sets` of a UnitBrowser: those of the layer get chips of their own. `layer` is needed only where `d` holds several.
    Traits are arguments too.
    Errors: ArgumentError, ConceptError, LayerError, SeedError; TypeError for unknown keyword arguments.

    From the first edit on a meter shows how usual the picture's features are, at the layers after the painted one: `how_usual()`.

    Every act of the hand is a method: show, paint, drop, move, delete, undo, redo, reset, toggle, heatmap, shuffle, save,
    load, hand_in and to_script.
    """

    front = "paintbox"
    layer = traitlets.Unicode(read_only=True).tag(sync=True)
    image_size = traitlets.Int(read_only=True).tag(sync=True)
    seed = traitlets.Int(help="picture number; assign to show another").tag(sync=True)
    strip = traitlets.List(traitlets.Int(), help="picture numbers in the strip").tag(sync=True)
    concepts: Any = traitlets.List(read_only=True).tag(sync=True)
    history: Any = traitlets.List(read_only=True).tag(sync=True)
    can_undo = traitlets.Bool(False, read_only=True).tag(sync=True)
    can_redo = traitlets.Bool(False, read_only=True).tag(sync=True)
    concept = _setting("concept", traitlets.Unicode, "")
    tool = traitlets.Enum(TOOLS, TOOLS[0], help=SETTINGS["tool"].doc).tag(sync=True)
    size = _setting("size", traitlets.Float, 0.15)
    soft = _setting("soft", traitlets.Float, 0.3)
    level = traitlets.Enum(LEVELS, "high", help=SETTINGS["level"].doc).tag(sync=True)
    count = _setting("count", traitlets.Int, 4)
    strength = _setting("strength", traitlets.Float, 1.0)
    everywhere = _setting("everywhere", traitlets.Bool, False)
    heat = _setting("heat", traitlets.Bool, False)
    meter = traitlets.Enum(SETTINGS["meter"].choices, "auto", help=SETTINGS["meter"].doc).tag(sync=True)
    reading = traitlets.Dict(read_only=True).tag(sync=True)

    def __init__(
        self,
        g: LayeredGenerator,
        d: Dissection,
        *,
        segmenter: Segmenter | None = None,
        latents: Latents | None = None,
        palette: Sequence[str] | Mapping[str, str] | None = None,
        causes: Causes | Literal[False] | None = None,
        sets: Sequence[Mapping[str, Any]] = (),
        layer: Any = None,
        seed: int | None = None,
        driver: str | None = None,
        **settings: Any,
    ) -> None:
        check_nouns(g, d, segmenter, latents)
        name = g.layer(layer if layer is not None else d.layers[0]).name
        known = segmenter.concepts if segmenter is not None else ()
        self._paints = paints(g, d, name, causes)
        self._chips: dict[str, Chip] = {each.concept.name: each for each in chips(self._paints, palette=palette, known=known)}
        self._dissection, self._segmenter, self._channels = d, segmenter, g.layer(name).channels
        self._easel = Easel(g, name, latents)
        self._meter = Meter(self._easel)
        self._history, self._seed, self._shuffles = History(), 0, 0
        self._thumbnails: dict[int, tuple[Edit, Image.Image]] = {}
        self._small: Kept = {}
        super().__init__(g, driver=driver, **{"concept": next(iter(self._chips), ""), **settings})
        own = tuple(latents.pictures) if latents is not None else ()
        first = seed if seed is not None else own[0] if own else 0
        self.say(
            layer=name,
            image_size=int(g.image_size),
            concepts=[chip.record() for chip in self._chips.values()],
        )
        if "strip" not in settings:
            self.strip = list(dict.fromkeys([*own, first, *range(STRIP)]))[: max(STRIP, len(own))]
        self._set_count()
        self.show(first)
        for each in sets:
            if each["layer"] == name:
                self.add_chip(each["name"], each["units"])

    # Acts: each has a message of the same name and effect.

    def show(self, seed: int) -> None:
        """Show another picture. Errors: SeedError."""
        with self.acting():
            self._turn(seed=self._checked(seed))

    def paint(self, where: Any, concept: str | None = None, *, erase: bool = False) -> None:
        """Insert a concept in a region, or with `erase` remove it.

        `where` is a Region, a soft mask (h, w) from 0 to 1, or a grey PIL picture. The concept is the chip in hand if
        none is named. How many units, how far and in which pictures: `level`, `strength`, `everywhere`.
        Errors: ConceptError, RegionError.
        """
        with self.acting():
            chosen = self._chip(concept if concept is not None else self.concept)
            mode = "ablate" if erase else "insert"
            verb = "erased" if erase else "painted"
            self._push(self.edit_for(chosen, mode, region_of(where)), f"{chosen} {verb}", chosen, mode)

    def drop(self, concept: str, box: Sequence[float]) -> None:
        """Insert a concept in a box (x0, y0, x1, y1), fractions of the picture, y down; what sticks out is cut off."""
        with self.acting():
            chosen = self._chip(concept)
            self._push(self.edit_for(chosen, "insert", box_of(box)), f"{chosen} dropped in", chosen, "insert", box)

    def move(self, entry: int, box: Sequence[float]) -> None:
        """Put an object that was dropped in elsewhere, or make it another size: its new box, as in `drop`.

        It keeps its place in the history, its units, level and strength. A stroke cannot be moved.
        Errors: EditError for no such step and for strokes, RegionError.
        """
        with self.acting():
            before = self._history.entry(entry)
            history = self._history.moved(entry, box)
            self._turn(history, last=f"{before.name} {change(before, history.entry(entry))}")

    def delete(self, entry: int) -> None:
        """Take a step out of the history, object or stroke; that can be undone. Errors: EditError for no such step."""
        with self.acting():
            gone = self._history.entry(entry)
            self._turn(self._history.without(entry), last=f"{gone.name if gone.box else f'{gone.label}:'} taken away")

    def undo(self) -> None:
        """Take the last step back; at the beginning, nothing."""
        with self.acting():
            self._turn(self._history.undone(), said="Undone.")

    def redo(self) -> None:
        """Take the step forward again; at the end, nothing."""
        with self.acting():
            self._turn(self._history.redone(), said="Redone.")

    def reset(self) -> None:
        """Take every edit away; that can be undone too."""
        with self.acting():
            self._turn(self._history.turned(()), said="All edits taken away.")

    def toggle(self, entry: int, on: bool | None = None) -> None:
        """Switch a step of the history on or off (None: the other way). Errors: EditError, if there is no such step."""
        with self.acting():
            if on is None:
                on = not any(step.on for step in self._history.entries if step.number == entry)
            self._turn(self._history.toggled(entry, on), said=f"Step {entry} switched {'on' if on else 'off'}.")

    def heatmap(self, concept: str | None = None) -> np.ndarray:
        """Where the concept's units act on the picture as it is, 0..1 on the layer's grid: 1 where each is lit."""
        with self.acting():
            units, thresholds = self.units(concept), self._dissection.thresholds[self.layer]
            run = self._easel.paused(self._seed, self._history.edits)
            return unit_heat(self._easel.generator, run, units, thresholds)

    def shuffle(self) -> None:
        """Other pictures in the strip, by chance, though the same ones in every new lab; the first of them is shown."""
        with self.acting():
            self._shuffles += 1
            drawn = [int(seed) for seed in np.random.RandomState(self._shuffles).randint(0, 2**31, STRIP)]
            self._turn(seed=drawn[0])
            self.set_strip(drawn)

    def move_strip(self, step: int) -> None:
        """Move the strip along by `step` pictures, round the end of the numbers."""
        self.set_strip([(seed + step) % 2**32 for seed in self.strip])

    def set_strip(self, seeds: Sequence[int]) -> None:
        """These pictures in the strip; the large one stays. Errors: SeedError, ArgumentError if there is none."""
        with self.acting():
            checked = [self._checked(seed) for seed in seeds]
            if not checked:
                raise ArgumentError("the strip needs at least one picture number.")
            self.say(strip=checked)
            if self._views:
                self.later("thumbs", self._draw_thumbs)

    def add_chip(self, name: str, units: Any) -> None:
        """A chip of your own in the palette: these units of the layer paint together. Errors: UnitError, ConceptError."""
        with self.acting():
            self._paints, self._chips[name] = self._paints.with_set(name, units)
            self.say(concepts=[chip.record() for chip in self._chips.values()])
            if self._views:
                self.later("chips", self._draw_chips, "drawing the palette")

    def load(self, path: str | Path) -> None:
        """Take the edits of a file instead of the present ones; that can be undone. Errors: EditError."""
        self._replace(EditStack.load(path), "Edits loaded.")

    # What there is.

    @property
    def edits(self) -> EditStack:
        """The edits that are on, as a value. Assign a stack to replace them; that can be undone."""
        return self._history.stack

    @edits.setter
    def edits(self, stack: EditStack) -> None:
        if not isinstance(stack, EditStack):
            raise EditError(f"edits are an EditStack; what came is a {type(stack).__name__}. Try EditStack().push(edit).")
        self._replace(stack, "Edits replaced.")

    @property
    def original(self) -> Image.Image:
        """The picture before all edits."""
        with self.acting():
            return to_pil(self._easel.image(self._seed)[0])

    def how_usual(self) -> Reading | None:
        """How usual the picture's features are after the edits; None where that cannot be told. The first time takes a while."""
        with self.acting():
            self._meter.learn()
            return self._meter.read(self._seed, self._history.edits)

    def units(self, concept: str | None = None) -> tuple[int, ...]:
        """The units that a stroke with the concept uses now."""
        return tuple(self.edit_for(self._chip(concept if concept is not None else self.concept), "insert", None).units)

    def described(self) -> list[str]:
        """The few words that stand in the repr."""
        steps = len(self._history.entries)
        return [self.model, self.layer, f"{len(self._chips)} concepts", f"{steps} edit{'' if steps == 1 else 's'}"]

    def recorded(self, seeds: Sequence[int] | None) -> Page:
        """The history as it was made, and for some pictures each concept taken out and put in."""
        return paint_page(self, self._easel, self._history.entries, recorded_seeds(seeds, self._seed))

    def imagined(self, where: Any, concept: str | None = None, *, erase: bool = False) -> Tensor:
        """The picture (3, h, w) in [-1, 1] as `paint` with these arguments would make it; nothing is kept."""
        with self.acting():
            edit = self.edit_for(
                self._chip(concept if concept is not None else self.concept),
                "ablate" if erase else "insert",
                region_of(where),
            )
            return self._easel.image(self._seed, [*self._history.edits, edit])[0]

    def imagined_move(self, entry: int, box: Sequence[float]) -> Tensor:
        """The picture (3, h, w) in [-1, 1] as `move` with these arguments would make it; nothing is kept."""
        with self.acting():
            return self._easel.image(self._seed, self._history.moved(entry, box).edits)[0]

    def edit_for(self, concept: str, mode: str, region: Region | None) -> UnitEdit:
        """The edit that a stroke would push, by the present settings, or by those that came with it."""
        meant = self.request.fields if self.request is not None else {}
        level, count = meant.get("level", "custom"), meant.get("count", self.count)
        count = min(count, self._channels) if level == "custom" else self._level_count(level)
        seeds = None if meant.get("everywhere", self.everywhere) else (self._seed,)
        strength = meant.get("strength", self.strength)
        return self._paints.edit(concept, mode, n=count, region=region, strength=strength, seeds=seeds,
                                 origin=Origin.of(self._easel.generator))

    # Inside.

    def _replace(self, stack: EditStack, said: str) -> None:
        """Another stack instead of the present one, if all of it applies here."""
        with self.acting():
            stack.apply(self._easel.generator)
            digest = self._easel.generator.digest
            foreign = sum(edit.origin is not None and edit.origin.digest != digest for edit in stack)
            warning = f" {foreign} of {len(stack)} were made on other weights." if foreign else ""
            self._turn(self._history.replaced(stack), said=said + warning)

    def _push(self, edit: UnitEdit, label: str, concept: str, mode: str, box: Sequence[float] | None = None) -> None:
        everywhere = edit.seeds is None
        seed = None if everywhere else self._seed
        history = self._history.push(edit, label, concept=concept, mode=mode, seed=seed, box=box)
        self._turn(history, said=f"{label.capitalize()}{' on every picture' if everywhere else ''}.")

    def _turn(self, history: History | None = None, seed: int | None = None, said: str = "", last: str = "") -> None:
        """Draw the picture as it is to be, and only if that went well make it so. `last`: the edit, if it is no new step."""
        history = self._history if history is None else history
        number = self._seed if seed is None else seed
        image = self._easel.image(number, history.edits)
        shown = number != self._seed or not self.picture
        self._history, self._seed, self._last = history, number, last
        self.show_image(image[0], number)
        self.say(
            seed=number,
            history=[entry.record() for entry in history.entries],
            can_undo=bool(history.past),
            can_redo=bool(history.future),
            status=said or f"{last or f'picture {number}'}.".capitalize(),
            alt=self._words(()),
        )
        self._background(shown)

    def rest(self) -> None:
        """Free the kept heads and thumbnails, and once closed the model itself."""
        self._easel.forget()
        if self._closed:
            self._thumbnails.clear()
            self._small.clear()
            self._easel = Easel(None, self.layer)  # type: ignore[arg-type]
            self._meter = Meter(self._easel)

    def _words(self, names: Sequence[str]) -> str:
        on = [entry for entry in self._history.entries if entry.on]
        last = self._last or (on[-1].label if on else "")
        told = f" Last edit: {last}." if last else ""
        return f"Picture {self._seed} of {self.model}{': ' if names else ''}{', '.join(names)}.{told}"

    def _checked(self, seed: int) -> int:
        """A picture number that can be drawn. Errors: SeedError."""
        own = self._easel.own
        return int(seed) if isinstance(seed, int) and seed in own else check_seeds([seed])[0]

    def _chip(self, name: str) -> str:
        if name not in self._chips:
            if not name and self._chips:
                raise ConceptError(f"no concept is in hand; choose one of {', '.join(self._chips)}.")
            raise ConceptError(one_of("concept", name, self._chips, where="the palette"))
        return name

    def _level_count(self, level: str) -> int:
        return level_units(self._channels, level)

    @traitlets.validate("concept")
    def _known_concept(self, proposal: Any) -> str:
        return self._chip(proposal["value"]) if proposal["value"] else ""

    @traitlets.validate("count")
    def _counted(self, proposal: Any) -> int:
        return min(proposal["value"], self._channels)

    @traitlets.observe("level")
    def _set_count(self, _change: Any = None) -> None:
        if self.level != "custom" and getattr(self, "_channels", None):
            self.count = self._level_count(self.level)

    @traitlets.observe("meter")
    def _meter_switched(self, _change: Any) -> None:
        if getattr(self, "_views", None) and not self._closed:
            self._watch_meter()

    @traitlets.observe("seed")
    def _seed_assigned(self, change: Any) -> None:
        """`lab.seed = 5` shows that picture; a number that cannot be drawn is put back."""
        if getattr(self, "_seed", None) is None or change["new"] == self._seed or not self.picture:
            return
        try:
            self.show(change["new"])
        except GanwidgetsError:
            self.say(seed=self._seed)
            raise

    def work(self, message: Message) -> tuple[Work, str]:
        """The steps of an act that the browser asks for, and what it is in words."""
        return act_steps(self, message)
