"""What each message from the browser does in a PaintBox: the method of the same name, and what its answer carries."""

import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from ganwidgets.core.errors import MessageError
from ganwidgets.core.images import decode_png_mask, encode_jpeg
from ganwidgets.widgets.desk import Work
from ganwidgets.widgets.frames import Frame
from ganwidgets.widgets.messages import MASK_SIDE, Message

if TYPE_CHECKING:
    from ganwidgets.widgets.paintbox import PaintBox

Act = Callable[["PaintBox", Message], dict[str, Any] | None]


def act_steps(lab: "PaintBox", message: Message) -> tuple[Work, str]:
    """The act that the message asks for, as steps not yet started, and what it is in words. Errors: MessageError."""
    if message.kind not in ACTS:
        raise MessageError(f"a PaintBox does not do {message.kind!r}.")
    act, words = ACTS[message.kind]

    def steps() -> Generator[Any, None, dict[str, Any] | None]:
        with lab.acting(message):
            return act(lab, message)
        yield

    return steps, words


def preview(lab: "PaintBox", message: Message) -> None:
    """Show what the stroke so far would do; nothing is kept."""
    imagine(lab, message, lab.imagined(mask(message), message["concept"], erase=message["tool"] == "ablate"))


def peek(lab: "PaintBox", message: Message) -> None:
    """Show an object in another box; nothing is kept."""
    imagine(lab, message, lab.imagined_move(message["entry"], box(message)))


def imagine(lab: "PaintBox", message: Message, image: Tensor) -> None:
    """Show a picture that is only tried out."""
    lab.show_frame(Frame(encode_jpeg(image), "jpeg", lab.seed, rest=False, preview=True, id=message.id, view=message.view))


def stroke(lab: "PaintBox", message: Message) -> None:
    """Paint."""
    lab.paint(mask(message), message["concept"], erase=message["tool"] == "ablate")


def drop(lab: "PaintBox", message: Message) -> None:
    """Insert a concept in a box."""
    lab.drop(message["concept"], box(message))


def strip(lab: "PaintBox", message: Message) -> None:
    """Other pictures in the strip."""
    if "seeds" in message.fields:
        lab.set_strip(message["seeds"])
    elif message.fields.get("shuffle"):
        lab.shuffle()
    else:
        lab.move_strip(message.fields.get("step", len(lab.strip)))


def heatmap(lab: "PaintBox", message: Message) -> dict[str, Any]:
    """Where the concept's units act, as bytes."""
    return {"concept": message["concept"], **heat_answer(lab.heatmap(message["concept"]))}


def heat_answer(found: np.ndarray) -> dict[str, Any]:
    """A heat map (h, w) from 0 to 1 as an answer carries it."""
    height, width = found.shape
    return {"height": height, "width": width, "buffers": [(found * 255).round().astype(np.uint8).tobytes()]}


def save(lab: "PaintBox", message: Message) -> dict[str, Any]:
    """The edits' file, for the browser to keep: it never names a path of ours."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "edits.gwe"
        lab.save(path)
        return {"name": f"{lab.model}.gwe", "buffers": [path.read_bytes()]}


def handin(lab: "PaintBox", message: Message) -> dict[str, Any]:
    """The edits and the picture as one zip, for the browser to keep."""
    return {"name": lab.handed_in_as, "buffers": [lab.handed_in()]}


def load(lab: "PaintBox", message: Message) -> None:
    """The edits of a file that the browser sent."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "edits.gwe"
        path.write_bytes(message.buffers[0])
        lab.load(path)


def mask(message: Message) -> np.ndarray:
    """The stroke's mask, 0..1. Errors: GanwidgetsError, if the picture is broken or too large."""
    return decode_png_mask(message.buffers[0], MASK_SIDE)


def box(message: Message) -> tuple[float, float, float, float]:
    """The box that a message names, as corners."""
    x, y = message["x"], message["y"]
    return x, y, x + message["width"], y + message["height"]


ACTS: dict[str, tuple[Act, str]] = {
    "show": (lambda lab, message: lab.show(message["seed"]), "drawing"),
    "strip": (strip, "drawing"),
    "preview": (preview, ""),
    "stroke": (stroke, "painting"),
    "drop": (drop, "painting"),
    "peek": (peek, ""),
    "move": (lambda lab, message: lab.move(message["entry"], box(message)), "drawing"),
    "delete": (lambda lab, message: lab.delete(message["entry"]), "drawing"),
    "undo": (lambda lab, message: lab.undo(), "undoing"),
    "redo": (lambda lab, message: lab.redo(), "redoing"),
    "reset": (lambda lab, message: lab.reset(), "drawing"),
    "toggle": (lambda lab, message: lab.toggle(message["entry"], message["on"]), "drawing"),
    "heatmap": (heatmap, ""),
    "save": (save, "saving"),
    "handin": (handin, "saving"),
    "load": (load, "loading"),
    "script": (lambda lab, message: {"script": lab.to_script()}, ""),
}
