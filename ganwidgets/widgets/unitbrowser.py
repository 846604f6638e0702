"""UnitBrowser: every unit of a layer with the pictures that light it most, and what a picture is without it."""

import json
import math
from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace
from typing import Any, final

import numpy as np
import traitlets
from torch import Tensor

from ganwidgets.core.edits import Edit, EditStack, Origin
from ganwidgets.core.errors import ArgumentError, EditError
from ganwidgets.core.images import to_tensor
from ganwidgets.core.latents import check_seeds
from ganwidgets.core.nets import LayeredGenerator
from ganwidgets.core.unit_edits import check_fits, check_units
from ganwidgets.methods.dissect import Dissection
from ganwidgets.methods.intervene import unit_heat
from ganwidgets.widgets.base import LabWidget, open_labs
from ganwidgets.widgets.choice import Choice
from ganwidgets.widgets.desk import Work
from ganwidgets.widgets.frames import Frame
from ganwidgets.widgets.messages import CHANGES, FIRING, SETTINGS, Message
from ganwidgets.widgets.pages import Page
from ganwidgets.widgets.painting import Easel, check_nouns, stacked
from ganwidgets.widgets.timeline import Timeline
from ganwidgets.widgets.unitacts import act_steps
from ganwidgets.widgets.unitbeside import Others
from ganwidgets.widgets.unitmaps import UnitMaps, relit
from ganwidgets.widgets.unitpage import unit_page
from ganwidgets.widgets.unitrows import UnitRows
from ganwidgets.widgets.unittable import Evidence, rows, table


@final
class UnitBrowser(LabWidget):
    """The units of a dissected layer as rows: the pictures in which each goes highest, its label, its IoU and its null.

    `g` drew the pictures that `d` is of. A unit's heat map lies over the current picture; a point of the picture says which
    units act there; ticked units are switched off, boosted or set to their high level, on every picture; they can be kept
    under a name and sent to the palette of a PaintBox. With `g` None a dissection is looked through with no model: its
    pictures are those that `d.with_examples` has put beside it. `causes`, what gw.causes or gw.ace answered, one or several, give
    more orders; `untrained`, the dissection of the same net before training, is a second null; `alike`, what gw.alike answered,
    tells duplicates. `beside`: a Dissection, a pair (its model, it), or a dict of such by name, to be put beside; so can other
    layers be. Errors: ArgumentError, LayerError, SeedError; TypeError for unknown keyword arguments.

    Every act of the hand is a method: show, list_layer, tick, set_threshold, put_beside, keep_set, use_set, forget_set,
    to_palette, undo, redo, reset, probe, heatmap, save and to_script.
    """

    front = "unitbrowser"
    layer = traitlets.Unicode(read_only=True).tag(sync=True)
    layers: Any = traitlets.List(read_only=True).tag(sync=True)
    image_size = traitlets.Int(read_only=True).tag(sync=True)
    seed = traitlets.Int(read_only=True).tag(sync=True)
    ticked: Any = traitlets.List(read_only=True).tag(sync=True)
    sets: Any = traitlets.List(read_only=True).tag(sync=True)
    under = traitlets.Int(0, read_only=True).tag(sync=True)
    can_undo = traitlets.Bool(False, read_only=True).tag(sync=True)
    can_redo = traitlets.Bool(False, read_only=True).tag(sync=True)
    heat = traitlets.Bool(False, help=SETTINGS["heat"].doc).tag(sync=True)
    change = traitlets.Enum(CHANGES, CHANGES[0], help=SETTINGS["change"].doc).tag(sync=True)
    amount = traitlets.Float(2.0, min=SETTINGS["amount"].low, max=SETTINGS["amount"].high).tag(sync=True)
    thresholds: Any = traitlets.List(read_only=True).tag(sync=True)
    others: Any = traitlets.List(read_only=True).tag(sync=True)
    beside = traitlets.Unicode(read_only=True).tag(sync=True)

    def __init__(self, g: LayeredGenerator | None, d: Dissection, *, layer: Any = None, seed: int = 0, causes: Any = None,
                 untrained: Dissection | None = None, alike: Any = None, beside: Any = None, driver: str | None = None,
                 **settings: Any) -> None:
        if g is not None or not isinstance(d, Dissection):
            check_nouns(g, d, None, None, lab="UnitBrowser")
        self._dissection = d
        name = d.at(layer if layer is not None else d.layers[0]).layers[0].name
        self._easel = Easel(g, name)  # type: ignore[arg-type]
        self._rows, self._maps = UnitRows(g, d), None if g is None else UnitMaps(g, d)
        self._evidence = Evidence.of(d, causes, untrained, alike)
        self._others = Others(d, self._rows, self._maps, self._evidence, beside)
        self._choices: Timeline[Choice] | None = None
        super().__init__(g if g is not None else d, driver=driver, **settings)
        self._choices = Timeline(Choice(name, change=self.change, amount=self.amount))
        self.say(model=d.model, layer=name, layers=[each.name for each in d.layers], image_size=int(g.image_size) if g else 0,
                 others=self._others.names)
        if g is not None:
            self._turn(seed)
        else:
            self._look_at(int(d.at(name).table.unit.iloc[0]))

    # Acts: each has a message of the same name and effect.

    def show(self, seed: int) -> None:
        """Show another picture. Errors: SeedError, ArgumentError with no model."""
        with self.acting():
            self._model("pictures")
            self._turn(seed)

    def list_layer(self, layer: Any) -> None:
        """List the units of another layer; ticks of this one are taken off, which can be undone. Errors: LayerError."""
        with self.acting():
            name = self._dissection.at(layer).layers[0].name
            if name != self.layer:
                self._choose(replace(self._now, layer=name, ticked=()), f"The units of {name}.")

    def tick(self, units: Any, on: bool = True) -> None:
        """Change these units on every picture, as `change` says, or with `on` False leave them as they are. Errors: UnitError."""
        with self.acting():
            asked = check_units(units)
            check_fits(asked, self._dissection.at(self.layer).layers[0].channels, self.layer)
            kept = [unit for unit in self.ticked if unit not in asked]
            self._tick((*kept, *asked) if on else tuple(kept), self.layer)

    def set_threshold(self, unit: int, value: float | None = None) -> None:
        """Light a unit above this value, in its pictures and on the picture; None: above the dissection's own threshold.

        What was counted, and what edits do, stay as they are. Errors: UnitError, ArgumentError.
        """
        with self.acting():
            check_fits(check_units([unit]), self._dissection.at(self.layer).layers[0].channels, self.layer)
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value)):
                raise ArgumentError(f"a threshold is a number, or None for the dissection's own; {value!r} came.")
            own = float(self._dissection.thresholds[self.layer][unit])
            wanted = None if value is None or value == own else float(value)
            held, past = self._now.lit_from(self.layer).get(unit), self._all.past
            # a slider that goes on moving is one step
            on = bool(past) and None not in (wanted, held) and (
                replace(past[-1], thresholds=past[-1].lighting(self.layer, unit, held)) == self._now)
            said = f"Unit {unit} is lit above {own if wanted is None else wanted:.3g}{', as dissected' if wanted is None else ''}."
            self._choose(replace(self._now, thresholds=self._now.lighting(self.layer, unit, wanted)), said, on=on)

    def put_beside(self, name: str = "") -> None:
        """Put another table beside, one of `others`; empty: none. Errors: ArgumentError."""
        with self.acting():
            said = f"{name} is beside." if self._others.check(name) else "Nothing is beside."
            self._choose(replace(self._now, beside=name), said)

    def keep_set(self, name: str) -> None:
        """Keep the ticked units under a name; one of that name gives way. Errors: UnitError, ArgumentError."""
        with self.acting():
            self._choose(replace(self._now, sets=self._now.keeping(name)), f"{name.strip()} is kept: {len(self.ticked)} units.")

    def use_set(self, name: str) -> None:
        """Tick the units of a set and no others. Errors: UnitError, if there is no such set."""
        with self.acting():
            found = self._now.named(name)
            self._tick(found.units, found.layer)

    def forget_set(self, name: str) -> None:
        """Forget a set; that can be undone. Errors: UnitError, if there is no such set."""
        with self.acting():
            gone = self._now.named(name)
            self._choose(replace(self._now, sets=tuple(each for each in self._now.sets if each != gone)), f"{name} is forgotten.")

    def to_palette(self, name: str) -> int:
        """Offer a set in every open PaintBox of this model and layer; answers in how many. Errors: UnitError, ArgumentError."""
        with self.acting():
            found = self._now.named(name)
            boxes: list[Any] = [lab for lab in open_labs() if lab._owner is self._owner and hasattr(lab, "add_chip")]
            fitting = [box for box in boxes if box.layer == found.layer]
            if not fitting:
                open_ones = f" (open: at {', '.join(sorted({box.layer for box in boxes}))})" if boxes else ""
                raise ArgumentError(f"no PaintBox at {found.layer} is open on this model{open_ones}; make one with "
                                    f"gw.PaintBox(g, d, layer={found.layer!r}, sets=browser.sets).")
            for box in fitting:
                box.add_chip(found.name, found.units)
            self.say(status=f"{found.name} is in the palette.")
            return len(fitting)

    def undo(self) -> None:
        """Take the last choice back; at the beginning, nothing."""
        with self.acting():
            self._go(self._all.undone(), "Undone.")

    def redo(self) -> None:
        """Take the choice forward again; at the end, nothing."""
        with self.acting():
            self._go(self._all.redone(), "Redone.")

    def reset(self) -> None:
        """Leave all units as they are; that can be undone too."""
        with self.acting():
            self._choose(replace(self._now, ticked=(), under=()), "No unit is changed.")

    def heatmap(self, unit: int) -> np.ndarray:
        """Where the unit acts on the picture as it is, 0..1 on the layer's grid: 1 where it is lit. Errors: UnitError,
        ArgumentError with no model."""
        with self.acting():
            g = self._model("heat maps")
            run = self._easel.paused(self.seed, self._edits(self._now))
            return unit_heat(g, run, [unit], self._lit().thresholds[self.layer])

    def look(self, unit: int) -> None:
        """With no model: show the pictures of a unit, large. Errors: UnitError."""
        with self.acting():
            self._look_at(unit)

    def probe(self, x: float, y: float) -> list[tuple[int, float]]:
        """The units that act most at a point of the picture (fractions, y down): number and value, 1 at its threshold.

        Errors: ArgumentError with no model.
        """
        with self.acting():
            self._model("activations")
            run = self._easel.paused(self.seed, self._edits(self._now))
            height, width = run.features.shape[-2:]
            row, column = min(int(y * height), height - 1), min(int(x * width), width - 1)
            values = run.features[0, :, row, column].float().cpu().numpy()
            limits = self._lit().thresholds[self.layer]
            share = np.divide(values, limits, out=np.zeros(len(limits)), where=limits > 0)
            strongest = np.argsort(-share, kind="stable")[:FIRING]
            return [(int(unit), round(float(share[unit]), 3)) for unit in strongest if share[unit] > 0]

    # What there is.

    @property
    def edits(self) -> EditStack:
        """What is changed, as a value. Assign a stack to browse pictures under its edits; that can be undone."""
        return stacked(self._edits(self._now))

    @edits.setter
    def edits(self, stack: EditStack) -> None:
        if not isinstance(stack, EditStack):
            raise EditError(f"edits are an EditStack; what came is a {type(stack).__name__}. Try EditStack().push(edit).")
        with self.acting():
            if self._rows.generator is not None:
                stack.apply(self._rows.generator)
            self._choose(replace(self._now, ticked=(), under=tuple(stack)), "Edits replaced.")

    @property
    def generator(self) -> LayeredGenerator:
        """The generator under the edits; the one that came is untouched. Errors: ArgumentError with no model."""
        with self.acting():
            return self.edits.apply(self._model("a generator"))

    def to_script(self) -> str:
        """The edits, as Python."""
        return self.edits.to_script(self._rows.generator)

    def table(self) -> list[dict[str, Any]]:
        """The units of the layer, the highest IoU first, as the browser lists them."""
        return rows(self._dissection, self.layer, self._evidence)

    def recorded(self, seeds: Sequence[int] | None) -> Page:
        """Every unit of every layer, and where each acts on some pictures under the present edits."""
        return unit_page(self, self._dissection, seeds, self._table)

    def described(self) -> list[str]:
        """The few words that stand in the repr."""
        return [self.model, self.layer, f"{len(self.ticked)} units changed"]

    # Inside.

    @property
    def _all(self) -> Timeline[Choice]:
        assert self._choices is not None
        return self._choices

    @property
    def _now(self) -> Choice:
        return self._all.now

    def _model(self, what: str) -> LayeredGenerator:
        """The generator. Errors: ArgumentError, where there is none to give what is asked for."""
        if self._rows.generator is None:
            raise ArgumentError(f"this browser shows a dissection with no model, so there are no {what} but those that it keeps; "
                                "gw.UnitBrowser(g, d) has them.")
        return self._rows.generator

    def _turn(self, seed: int) -> None:
        number = check_seeds([seed])[0]
        self._show(self._easel.image(number, self._edits(self._now))[0], number, "")

    def _tick(self, units: Iterable[int], layer: str) -> None:
        ticked = tuple(units)
        said = f"{len(ticked)} unit{'' if len(ticked) == 1 else 's'} {'changed' if self.image_size else 'ticked'}."
        self._choose(replace(self._now, ticked=ticked, layer=layer), said)

    def _choose(self, choice: Choice, said: str, *, on: bool = False) -> None:
        self._go(self._all.turned(choice, on=on), said)

    def _go(self, choices: Timeline[Choice], said: str) -> None:
        """Make a choice the present one, with its picture, which is drawn first: if that fails, nothing has happened."""
        if choices is self._all:
            return
        now, before = choices.now, self._now
        other = now.layer != before.layer
        # thresholds and what is beside are seen elsewhere
        drawn = replace(now, thresholds=before.thresholds, beside=before.beside) != before
        easel = Easel(self._easel.generator, now.layer) if other else self._easel
        image = easel.image(self.seed, self._edits(now)) if self.image_size and drawn else None
        for layer, unit, _ in set(now.thresholds) ^ set(before.thresholds):
            self._rows.drop(layer, unit)
        self._choices, self._easel = choices, easel
        lit = [{"unit": unit, "value": value} for unit, value in now.lit_from(now.layer).items()]
        self.say(layer=now.layer, ticked=list(now.ticked), sets=[each.record() for each in now.sets], under=len(now.under),
                 thresholds=lit, beside=now.beside, change=now.change, amount=now.amount, can_undo=bool(choices.past),
                 can_redo=bool(choices.future), status=said)
        if image is not None:
            self._show(image[0], self.seed, said)
        if other:
            self._send_table()
        if now.beside != before.beside:
            self._send_beside()

    def _edits(self, choice: Choice) -> tuple[Edit, ...]:
        d = self._dissection
        return choice.edits(d.levels[choice.layer].tolist(), Origin(d.model, d.digest))

    def _show(self, image: Tensor, number: int, said: str) -> None:
        self.say(seed=number)
        self.show_image(image, number)
        changed = f", {len(self.ticked)} units changed" if self.ticked else ""
        self.say(status=said or f"Picture {number}.", alt=f"Picture {number} of {self.model}{changed}.")

    def _look_at(self, unit: int) -> None:
        """With no model: the pictures of a unit, large."""
        check_fits((unit,), self._dissection.at(self.layer).layers[0].channels, self.layer)
        self.show_image(to_tensor(self._rows.large(self.layer, unit)), 0)
        hint = "" if self._rows.kept(self.layer, unit) else (
            " This dissection keeps no pictures of it: d.with_examples(gw.examples(g, d)) puts them there.")
        self.say(alt=f"Unit {unit} of {self.layer} in {self.model}: the pictures that light it most.{hint}",
                 status=hint.strip() or f"Unit {unit}.")

    def _lit(self) -> Dissection:
        """The dissection with the present thresholds."""
        return relit(self._dissection, self.layer, self._now.lit_from(self.layer))

    def _table(self, layer: str) -> dict[str, Any]:
        return table(self._dissection, layer, self._evidence)

    def _send_table(self) -> None:
        self.post({"kind": "table", "layer": self.layer, "beside": False}, [json.dumps(self._table(self.layer)).encode()])

    def _send_beside(self) -> None:
        if self.beside:
            found = self._others.table(self.beside)
            self.post({"kind": "table", "layer": self.layer, "beside": True}, [json.dumps(found).encode()])

    def greet(self) -> None:
        """Send a new view the table and the picture."""
        self._send_table()
        self._send_beside()
        self.show_frame(Frame(self.picture, "png", self.seed))

    def rest(self) -> None:
        """Free the kept heads, and once closed the rows and the model."""
        self._easel.forget()
        if self._closed:
            self._rows.forget()
            self._others.forget()
            self._maps = None
            self._easel = Easel(None, self.layer)  # type: ignore[arg-type]

    @traitlets.observe("change", "amount")
    def _changed_otherwise(self, change: Any) -> None:
        """A slider that goes on moving is one step."""
        if getattr(self, "_choices", None) is None:
            return
        with self.acting():
            past = self._all.past
            on = change["name"] == "amount" and bool(past) and replace(past[-1], amount=self._now.amount) == self._now
            self._choose(replace(self._now, change=self.change, amount=self.amount), "", on=on)

    def work(self, message: Message) -> tuple[Work, str]:
        """The steps of an act that the browser asks for, and what it is in words. Errors: MessageError."""
        return act_steps(self, message)

    def _page(self, units: Sequence[int], beside: bool) -> Generator[Any, None, dict[str, Any]]:
        return self._others.page(self.beside, units) if beside else self._rows.page(self.layer, units, self._lit())

    def _maps_of(self, unit: int, lowest: bool, beside: bool) -> Generator[Any, None, dict[str, Any]]:
        if beside:
            return self._others.maps(self.beside, unit, lowest=lowest)
        self._model("maps")
        assert self._maps is not None
        return self._maps.answer(self.layer, unit, lowest=lowest)
