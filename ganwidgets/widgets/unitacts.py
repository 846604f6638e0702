"""What each message from the browser does in a UnitBrowser: the method of the same name, and what its answer carries."""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from ganwidgets.core.errors import MessageError
from ganwidgets.widgets.by_hand import heat_answer
from ganwidgets.widgets.desk import Work
from ganwidgets.widgets.messages import REQUESTS, Message

if TYPE_CHECKING:
    from ganwidgets.widgets.unitbrowser import UnitBrowser


def act_steps(lab: "UnitBrowser", message: Message) -> tuple[Work, str]:
    """The steps of an act that the browser asks for, and what it is in words. Errors: MessageError."""
    if message.kind not in ACTS and message.kind not in LOOKS:
        raise MessageError(f"a UnitBrowser does not do {message.kind!r}.")

    def steps() -> Generator[Any, None, dict[str, Any] | None]:
        if message.kind in LOOKS:
            return (yield from LOOKS[message.kind](lab, message))
        with lab.acting(message):
            return ACTS[message.kind](lab, message)

    return steps, "" if REQUESTS[message.kind].quiet else "drawing"


def heat(lab: "UnitBrowser", message: Message) -> dict[str, Any] | None:
    """Where a unit acts; with no model, its pictures."""
    if lab.image_size:
        return heat_answer(lab.heatmap(message["unit"]))
    lab.look(message["unit"])
    return None


def probe(lab: "UnitBrowser", message: Message) -> dict[str, Any]:
    """The units that act at a point."""
    found = lab.probe(message["x"], message["y"])
    return {"units": [unit for unit, _ in found], "values": [value for _, value in found]}


# looks take many steps, between which other labs of the model may act
LOOKS: dict[str, Any] = {
    "rows": lambda lab, message: lab._page(message["units"], message.fields.get("beside", False)),
    "maps": lambda lab, message: lab._maps_of(message["unit"], message["lowest"], message.fields.get("beside", False)),
}
ACTS: dict[str, Any] = {
    "show": lambda lab, message: lab.show(message["seed"]),
    "list": lambda lab, message: lab.list_layer(message["layer"]),
    "tick": lambda lab, message: lab.tick(message["units"], message["on"]),
    "threshold": lambda lab, message: lab.set_threshold(message["unit"], message.fields.get("value")),
    "beside": lambda lab, message: lab.put_beside(message["name"]),
    "keep": lambda lab, message: lab.keep_set(message["name"]),
    "use": lambda lab, message: lab.use_set(message["name"]),
    "forget": lambda lab, message: lab.forget_set(message["name"]),
    "palette": lambda lab, message: {"count": lab.to_palette(message["name"])},
    "undo": lambda lab, message: lab.undo(),
    "redo": lambda lab, message: lab.redo(),
    "reset": lambda lab, message: lab.reset(),
    "unit": heat,
    "probe": probe,
    "script": lambda lab, message: {"script": lab.to_script()},
}
