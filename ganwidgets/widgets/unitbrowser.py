"""UnitBrowser: every unit of a layer with the pictures that light it most, and what a picture is without it."""

import io
import json
from collections import OrderedDict
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import traitlets
from PIL import Image

from ganwidgets.core.edits import EditStack, Origin, UnitEdit
from ganwidgets.core.errors import MessageError
from ganwidgets.core.latents import check_seeds
from ganwidgets.core.nets import LayeredGenerator
from ganwidgets.core.unit_edits import check_fits, check_units
from ganwidgets.methods.dissect import Dissection
from ganwidgets.methods.dissect_examples import examples
from ganwidgets.methods.intervene import unit_heat
from ganwidgets.widgets.base import LabWidget
from ganwidgets.widgets.by_hand import heat_answer
from ganwidgets.widgets.desk import Work
from ganwidgets.widgets.frames import Frame
from ganwidgets.widgets.messages import CHANGES, SETTINGS, Message
from ganwidgets.widgets.painting import Easel, check_nouns

SHOWN = 6                  # pictures in a row
THUMB = 72                 # pixels along the side of each
ROWS_KEPT = 256            # rows whose pictures stay in memory
FIRING = 12                # units that a probe answers


@dataclass(frozen=True)
class Choice:
    """Which units of which layer are changed."""

    ticked: tuple[int, ...] = ()
    layer: str = ""


@final
class UnitBrowser(LabWidget):
    """The units of a dissected layer as rows: the pictures in which each goes highest, its label, its IoU and its null.

    `g` drew the pictures that `d` is of. A unit's heat map lies over the current picture; a point of the picture says which
    units act there; ticked units are switched off, boosted or set to their high level, on every picture.
    Errors: ArgumentError, LayerError, SeedError; TypeError for unknown keyword arguments.

    Every act of the hand is a method: show, list_layer, tick, undo, redo, reset, probe, heatmap, save and to_script.
    """

    front = "unitbrowser"
    layer = traitlets.Unicode(read_only=True).tag(sync=True)
    layers: Any = traitlets.List(read_only=True).tag(sync=True)
    image_size = traitlets.Int(read_only=True).tag(sync=True)
    seed = traitlets.Int(read_only=True).tag(sync=True)
    ticked: Any = traitlets.List(read_only=True).tag(sync=True)
    can_undo = traitlets.Bool(False, read_only=True).tag(sync=True)
    can_redo = traitlets.Bool(False, read_only=True).tag(sync=True)
    heat = traitlets.Bool(False, help=SETTINGS["heat"].doc).tag(sync=True)
    change = traitlets.Enum(CHANGES, CHANGES[0], help=SETTINGS["change"].doc).tag(sync=True)
    amount = traitlets.Float(2.0, min=SETTINGS["amount"].low, max=SETTINGS["amount"].high).tag(sync=True)

    def __init__(self, g: LayeredGenerator, d: Dissection, *, layer: Any = None, seed: int = 0, driver: str | None = None,
                 **settings: Any) -> None:
        check_nouns(g, d, None, None, lab="UnitBrowser")
        self._dissection = d
        name = d.at(layer if layer is not None else d.layers[0]).layers[0].name
        self._easel = Easel(g, name)
        self._choice, self._past, self._future = Choice(layer=name), list[Choice](), list[Choice]()
        self._rows: OrderedDict[tuple[str, int], list[Image.Image]] = OrderedDict()
        super().__init__(g, driver=driver, **settings)
        self.say(layer=name, layers=[each.name for each in d.layers], image_size=int(g.image_size))
        self._draw(seed=check_seeds([seed])[0])

    # Acts: each has a message of the same name and effect.

    def show(self, seed: int) -> None:
        """Show another picture. Errors: SeedError."""
        with self.acting():
            self._draw(seed=check_seeds([seed])[0])

    def list_layer(self, layer: Any) -> None:
        """List the units of another layer; ticks of this one are taken off, which can be undone. Errors: LayerError."""
        with self.acting():
            name = self._dissection.at(layer).layers[0].name
            self._choose(Choice(layer=name), f"The units of {name}.")

    def tick(self, units: Any, on: bool = True) -> None:
        """Change these units on every picture, as `change` says, or with `on` False leave them as they are. Errors: UnitError."""
        with self.acting():
            asked = check_units(units)
            check_fits(asked, self._easel.generator.layer(self.layer).channels, self.layer)
            kept = [unit for unit in self.ticked if unit not in asked]
            chosen = (*kept, *asked) if on else tuple(kept)
            said = f"{len(chosen)} unit{'' if len(chosen) == 1 else 's'} changed."
            self._choose(Choice(chosen, self.layer), said)

    def undo(self) -> None:
        """Take the last choice of units back; at the beginning, nothing."""
        with self.acting():
            if self._past:
                self._future.append(self._choice)
                self._go(self._past.pop(), "Undone.")

    def redo(self) -> None:
        """Take the choice forward again; at the end, nothing."""
        with self.acting():
            if self._future:
                self._past.append(self._choice)
                self._go(self._future.pop(), "Redone.")

    def reset(self) -> None:
        """Leave all units as they are; that can be undone too."""
        with self.acting():
            self._choose(Choice(layer=self.layer), "No unit is changed.")

    def heatmap(self, unit: int) -> np.ndarray:
        """Where the unit acts on the picture as it is, 0..1 on the layer's grid: 1 where it is lit. Errors: UnitError."""
        with self.acting():
            run = self._easel.paused(self.seed, list(self.edits))
            return unit_heat(self._easel.generator, run, [unit], self._dissection.thresholds[self.layer])

    def probe(self, x: float, y: float) -> list[tuple[int, float]]:
        """The units that act most at a point of the picture (fractions, y down): number and value, 1 at its threshold."""
        with self.acting():
            run = self._easel.paused(self.seed, list(self.edits))
            height, width = run.features.shape[-2:]
            row, column = min(int(y * height), height - 1), min(int(x * width), width - 1)
            values = run.features[0, :, row, column].float().cpu().numpy()
            limits = self._dissection.thresholds[self.layer]
            share = np.divide(values, limits, out=np.zeros(len(limits)), where=limits > 0)
            strongest = np.argsort(-share, kind="stable")[:FIRING]
            return [(int(unit), round(float(share[unit]), 3)) for unit in strongest if share[unit] > 0]

    # What there is.

    @property
    def edits(self) -> EditStack:
        """What the ticked units do, as a value."""
        if not self.ticked:
            return EditStack()
        units, levels = tuple(self.ticked), self._dissection.levels[self.layer]
        value: Any = {"ablate": 0.0, "boost": self.amount, "set": [float(levels[unit]) for unit in units]}[self.change]
        mode = "scale" if self.change == "boost" else "set"
        return EditStack().push(UnitEdit(self.layer, units, value, mode=mode, origin=Origin.of(self._easel.generator)))

    def table(self) -> list[dict[str, Any]]:
        """The units of the layer, the highest IoU first, as the browser lists them."""
        colors = {concept.name: concept.hex for concept in self._dissection.concepts}
        return [{"unit": int(row.unit), "concept": row.concept, "kind": row.kind, "color": colors.get(row.concept, "#888888"),
                 "iou": round(float(row.iou), 4), "cap": round(float(row.iou_cap), 4), "other": round(float(row.iou_other), 4),
                 "live": bool(row.live)} for row in self._dissection.at(self.layer).table.itertuples()]

    def described(self) -> list[str]:
        """The few words that stand in the repr."""
        return [self.model, self.layer, f"{len(self.ticked)} units changed"]

    # Inside.

    def _choose(self, choice: Choice, said: str) -> None:
        if choice != self._choice:
            self._past.append(self._choice)
            self._future.clear()
            self._go(choice, said)

    def _go(self, choice: Choice, said: str) -> None:
        """Make a choice the present one, with its picture."""
        other = choice.layer != self._choice.layer
        self._choice = choice
        if other:
            self._easel = Easel(self._easel.generator, choice.layer)
        self.say(layer=choice.layer, ticked=list(choice.ticked), can_undo=bool(self._past), can_redo=bool(self._future))
        self._draw(said=said)
        if other:
            self._send_table()

    def _draw(self, seed: int | None = None, said: str = "") -> None:
        number = self.seed if seed is None else seed
        image = self._easel.image(number, list(self.edits))
        self.say(seed=number)
        self.show_image(image[0], number)
        changed = f", {len(self.ticked)} units changed" if self.ticked else ""
        self.say(status=said or f"Picture {number}.", alt=f"Picture {number} of {self.model}{changed}.")

    def _send_table(self) -> None:
        self.post({"kind": "table", "layer": self.layer}, [json.dumps(self.table()).encode()])

    def greet(self) -> None:
        """Send a new view the table and the picture."""
        self._send_table()
        self.show_frame(Frame(self.picture, "png", self.seed))

    def rest(self) -> None:
        """Free the kept heads, and once closed the rows and the model."""
        self._easel.forget()
        if self._closed:
            self._rows.clear()
            self._easel = Easel(None, self.layer)  # type: ignore[arg-type]

    def rows(self, units: Sequence[int]) -> Generator[Any, None, dict[str, Any]]:
        """The pictures of these units' rows, in steps: one page, a row a unit."""
        layer = self.layer
        missing = [unit for unit in dict.fromkeys(units) if (layer, unit) not in self._rows]
        if missing:
            check_fits(missing, self._easel.generator.layer(layer).channels, layer)
            found = yield from examples.steps(self._easel.generator, self._dissection, missing, layer=layer, k=SHOWN)
            for unit in missing:
                self._rows[layer, unit] = [each.resize((THUMB, THUMB), Image.Resampling.BICUBIC) for each in found.row(unit)]
        page = Image.new("RGB", (SHOWN * THUMB, len(units) * THUMB))
        for row, unit in enumerate(units):
            for column, picture in enumerate(self._rows[layer, unit]):
                page.paste(picture, (column * THUMB, row * THUMB))
            self._rows.move_to_end((layer, unit))
        while len(self._rows) > max(ROWS_KEPT, len(units)):
            self._rows.popitem(last=False)
        held = io.BytesIO()
        page.save(held, "JPEG", quality=85)
        return {"units": list(units), "size": THUMB, "buffers": [held.getvalue()]}

    @traitlets.observe("change", "amount")
    def _changed_otherwise(self, _change: Any) -> None:
        if getattr(self, "_choice", None) is not None and self._choice.ticked and self.picture:
            with self.acting():
                self._draw()

    def work(self, message: Message) -> tuple[Work, str]:
        """The steps of an act that the browser asks for, and what it is in words. Errors: MessageError."""
        if message.kind not in ACTS:
            raise MessageError(f"a UnitBrowser does not do {message.kind!r}.")

        def steps() -> Generator[Any, None, dict[str, Any] | None]:
            if message.kind == "rows":
                return (yield from self.rows(message["units"]))
            with self.acting(message):
                return ACTS[message.kind](self, message)

        return steps, "" if message.kind in ("rows", "unit", "probe") else "drawing"


def _heat(lab: UnitBrowser, message: Message) -> dict[str, Any]:
    return heat_answer(lab.heatmap(message["unit"]))


def _probe(lab: UnitBrowser, message: Message) -> dict[str, Any]:
    found = lab.probe(message["x"], message["y"])
    return {"units": [unit for unit, _ in found], "values": [value for _, value in found]}


ACTS: dict[str, Any] = {
    "rows": None,
    "show": lambda lab, message: lab.show(message["seed"]),
    "list": lambda lab, message: lab.list_layer(message["layer"]),
    "tick": lambda lab, message: lab.tick(message["units"], message["on"]),
    "undo": lambda lab, message: lab.undo(),
    "redo": lambda lab, message: lab.redo(),
    "reset": lambda lab, message: lab.reset(),
    "unit": _heat,
    "probe": _probe,
    "script": lambda lab, message: {"script": lab.to_script()},
}
