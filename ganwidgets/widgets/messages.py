"""The one place that says what a lab and the browser tell each other; `messages.ts` is generated from it.

`python -m ganwidgets.widgets.messages` prints the TypeScript twin. Lasting state is a synced trait (STATE), traffic
is a message: the browser's are in REQUESTS and are checked by `parse` before all else, the kernel's are in POSTS.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ganwidgets.core.errors import MessageError, one_of
from ganwidgets.widgets.fields import LABEL as LABEL
from ganwidgets.widgets.fields import SAFE as SAFE
from ganwidgets.widgets.fields import Field as Field
from ganwidgets.widgets.fields import Message as Message
from ganwidgets.widgets.fields import Post as Post
from ganwidgets.widgets.fields import Request as Request
from ganwidgets.widgets.fields import check as check
from ganwidgets.widgets.fields import plain as plain
from ganwidgets.widgets.fields import shown as shown

PROTOCOL = 1
MASK_SIDE = 256  # pixels along a mask's longer side, at most
MASK_BYTES = 1 << 18
FILE_BYTES = 1 << 26
IN_FLIGHT = 2  # frames sent and not yet acknowledged, at most

PAINTING = ("insert", "ablate")
TOOLS = (*PAINTING, "select")
LEVELS = ("low", "medium", "high", "custom")
DRIVERS = ("thread", "pull", "inline")
CHANGES = ("ablate", "boost", "set")
ROWS = 24  # units asked for at once, at most
PREVIEWS = ("preview", "peek")  # requests of which only the latest is done
FIRING = 12  # units that a probe answers, at most
STATUSES = ("done", "error", "cancelled", "superseded")


def _seed(name: str = "seed") -> Field:
    return Field(name, "integer", -SAFE, 2**32 - 1, doc="picture number; negative: one of your own pictures")


_CONCEPT = Field("concept", "text", 1, LABEL, doc="name of a chip")
_TOOL = Field("tool", "text", choices=PAINTING)
_UNIT = Field("unit", "integer", 0, 65535, doc="number of a unit of the layer")
_NAME = Field("name", "text", 1, LABEL, doc="name of a set of units")
_ENTRY = Field("entry", "integer", 1, SAFE, doc="number of a step in the history")
_BOX = (
    *(Field(name, "number", -1, 1) for name in ("x", "y")),
    *(Field(name, "number", 0.005, 1) for name in ("width", "height")),
)

SETTINGS = {
    spec.name: spec
    for spec in (
        Field("concept", "text", 0, LABEL, doc="the chip in hand; empty: none"),
        Field("tool", "text", choices=TOOLS, doc="brush, eraser, or what selects objects"),
        Field("size", "number", 0.02, 0.6, doc="brush diameter, as a fraction of the picture"),
        Field("soft", "number", 0, 1, doc="how soft the brush's edge is"),
        Field("level", "text", choices=LEVELS, doc="how many units a stroke uses"),
        Field("count", "integer", 1, 65536, doc="units a stroke uses at level custom"),
        Field("strength", "number", 0, 1, doc="how far the units are taken to their level"),
        Field("everywhere", "flag", doc="a stroke goes to every picture"),
        Field("heat", "flag", doc="the heat map is shown"),
        Field("meter", "text", choices=("auto", "on", "off"), doc="how usual the picture is; auto: if that is soon known"),
        Field("change", "text", choices=CHANGES, doc="what happens to ticked units"),
        Field("amount", "number", 0, 10, doc="boost: times so much"),
    )
}

# Traits are sent once the kernel has taken the one before, messages at once: so an act says by which settings it is meant.
_MEANT = tuple(replace(SETTINGS[name], optional=True) for name in ("level", "count", "strength", "everywhere"))

# What every lab has, and what each has beside it.
EVERY_LAB = (
    Field("protocol", "integer"),
    Field("version", "text"),
    Field("model", "text"),
    Field("layer", "text"),
    Field("image_size", "integer", doc="pixels; 0: there is no generator to draw with"),
    Field("picture", "DataView", doc="PNG of the picture at rest"),
    _seed(),
    SETTINGS["heat"],
    Field("can_undo", "flag"),
    Field("can_redo", "flag"),
    Field("busy", "text", doc="what is under way, in words; empty: nothing"),
    Field("progress", "Progress | Record<string, never>"),
    Field("error", "Trouble | Record<string, never>"),
    Field("status", "text", doc="said aloud in the live region"),
    Field("alt", "text", doc="the picture in words"),
    Field("read_only", "flag"),
    Field("driver", "text", choices=DRIVERS),
)
PAINTBOX = (
    Field("strip", "integers", doc="picture numbers in the strip"),
    Field("concepts", "Chip[]", doc="the palette"),
    *(SETTINGS[name] for name in ("concept", "tool", "size", "soft", "level", "count", "strength", "everywhere", "meter")),
    Field("reading", "Reading | Record<string, never>", doc="the meter; empty: it has nothing to say"),
    Field("history", "Step[]"),
)
UNIT_BROWSER = (
    Field("layers", "string[]", doc="the layers that were dissected"),
    Field("ticked", "number[]", doc="units of the layer that are changed"),
    Field("sets", "UnitSet[]", doc="units kept under a name"),
    Field("under", "integer", doc="edits that lie under what is ticked"),
    SETTINGS["change"],
    SETTINGS["amount"],
    Field("thresholds", "Threshold[]", doc="units of the layer whose threshold is another than the dissection's"),
    Field("others", "string[]", doc="what can be put beside: other layers, other dissections"),
    Field("beside", "text", doc="which of them is; empty: none"),
)
STATE = (*EVERY_LAB, *PAINTBOX, *UNIT_BROWSER)

REQUESTS = {
    spec.kind: spec
    for spec in (
        Request("ready", (Field("dpr", "number", 0.1, 16, optional=True),), doc="a view has been drawn and listens", quiet=True),
        Request("show", (_seed(),), doc="show another picture"),
        Request(
            "strip",
            (
                Field("seeds", "integers", -SAFE, 2**32 - 1, optional=True),
                Field("shuffle", "flag", optional=True),
                Field("step", "integer", -1000, 1000, optional=True),
            ),
            doc="change the strip: these seeds, new ones, or move along",
        ),
        Request("preview", (_CONCEPT, _TOOL, *_MEANT), "mask", doc="show what the stroke so far would do", quiet=True),
        Request("stroke", (_CONCEPT, _TOOL, *_MEANT), "mask", doc="paint"),
        Request("drop", (_CONCEPT, *_BOX, *_MEANT), doc="insert a concept in a box: fractions of the picture, y down"),
        Request("peek", (_ENTRY, *_BOX), doc="show an object in another box; nothing is kept", quiet=True),
        Request("move", (_ENTRY, *_BOX), doc="put an object in another box"),
        Request("delete", (_ENTRY,), doc="take a step out of the history"),
        Request("undo"),
        Request("redo"),
        Request("reset", doc="take every edit away"),
        Request("toggle", (_ENTRY, Field("on", "flag")), doc="switch a step of the history on or off"),
        Request("heatmap", (_CONCEPT,), doc="where the concept's units act on this picture", quiet=True),
        Request("list", (Field("layer", "text", 1, LABEL),), doc="list the units of another layer"),
        Request(
            "rows",
            (Field("units", "integers", 0, 65535, most=ROWS), Field("beside", "flag", optional=True)),
            doc="the pictures that light them most; beside: of what is beside",
            quiet=True,
        ),
        Request(
            "maps",
            (_UNIT, Field("lowest", "flag"), Field("beside", "flag", optional=True)),
            doc="the pictures in which it goes highest or lowest, and its maps; beside: a unit of what is beside",
            quiet=True,
        ),
        Request(
            "threshold",
            (_UNIT, Field("value", "number", -SAFE, SAFE, optional=True)),
            doc="another threshold; without a value, the dissection's own",
        ),
        Request("beside", (Field("name", "text", 0, LABEL),), doc="put another table beside; empty: none"),
        Request("unit", (_UNIT,), doc="where the unit acts on this picture", quiet=True),
        Request(
            "probe",
            (Field("x", "number", 0, 1), Field("y", "number", 0, 1)),
            doc="which units act there: fractions of the picture, y down",
            quiet=True,
        ),
        Request(
            "tick",
            (Field("units", "integers", 0, 65535, most=4096), Field("on", "flag")),
            doc="change these units on every picture, or leave them as they are",
        ),
        Request("keep", (_NAME,), doc="keep the ticked units as a set"),
        Request("use", (_NAME,), doc="tick the units of a set"),
        Request("forget", (_NAME,), doc="forget a set"),
        Request("palette", (_NAME,), doc="offer a set in the palette of every open PaintBox"),
        Request("set", (Field("name", "text", choices=tuple(SETTINGS)), Field("value", "any")), doc="change a setting", quiet=True),
        Request("save", doc="the edits as a file"),
        Request("handin", doc="the edits and the picture as one zip"),
        Request("load", (), "file", doc="edits from a file"),
        Request("script", doc="the edits as Python"),
        Request("cancel", (Field("target", "integer", 1, SAFE),), doc="give up a request of this view", quiet=True),
        Request("ack", (Field("frame", "integer", 0, SAFE),), answered=False, doc="the frame has been drawn", quiet=True),
        Request("next", doc="pull driver: do the next slice of work", quiet=True),
    )
}

POSTS = {
    spec.kind: spec
    for spec in (
        Post(
            "answer",
            (
                Field("id", "number | null"),
                Field("view", "text"),
                Field("status", "text", choices=STATUSES),
                Field("message", "text", optional=True),
                Field("details", "text", optional=True),
                Field("request", "text", optional=True, doc="the kind that is answered"),
                Field("more", "flag", optional=True, doc="next: there is more to do"),
                Field("name", "text", optional=True, doc="save, handin: the file's name"),
                Field("script", "text", optional=True, doc="script: the Python"),
                Field("concept", "text", optional=True, doc="heatmap: whose it is"),
                Field("height", "integer", optional=True),
                Field("width", "integer", optional=True),
                Field("units", "number[]", optional=True, doc="rows: whose they are; probe: the units, strongest first"),
                Field("values", "number[]", optional=True, doc="probe: how high each is, 1 at its threshold"),
                Field("count", "integer", optional=True, doc="palette: in how many"),
                Field("size", "integer", optional=True, doc="rows, maps: pixels along a picture's side"),
                Field("numbers", "number[]", optional=True, doc="maps: which pictures; -1: there are fewer"),
            ),
            "save, handin: the file; heatmap, unit: height x width bytes, 0..255; rows: JPEG, a row of squares a unit; "
            "maps: JPEG, a row of squares, and height x width float32 for each",
            "every request gets exactly one",
        ),
        Post(
            "frame",
            (
                Field("frame", "integer"),
                Field("id", "number | null"),
                Field("view", "text"),
                Field("format", "text", choices=("jpeg", "png")),
                Field("rest", "flag"),
                _seed(),
                Field("preview", "flag"),
            ),
            "the picture",
            f"at most {IN_FLIGHT} are unacknowledged",
        ),
        Post("original", (_seed(),), "PNG", "the picture before all edits"),
        Post(
            "thumbs",
            (Field("seeds", "integers"), Field("size", "integer")),
            "PNG, one row of squares",
            "the strip's pictures",
        ),
        Post(
            "chips",
            (Field("names", "string[]"), Field("size", "integer")),
            "PNG, one row of squares",
            "what each concept draws",
        ),
        Post(
            "table",
            (Field("layer", "text"), Field("beside", "flag")),
            "JSON, a UnitTable",
            "the units of a layer, or those beside",
        ),
        Post(
            "steps",
            (Field("entries", "integers"), Field("size", "integer")),
            "PNG, one row of squares",
            "the history's thumbnails",
        ),
    )
}


def parse(content: Any, buffers: Sequence[Any] | None = None) -> Message:
    """The message that came from the browser, checked. Errors: MessageError, which says what was wrong with it."""
    if not isinstance(content, Mapping):
        raise MessageError(f"the browser sent {shown(content)} where a message belongs.")
    kind: Any = content.get("kind")
    spec = REQUESTS.get(kind) if isinstance(kind, str) else None
    if spec is None:
        said = kind if isinstance(kind, str) and len(kind) <= LABEL else shown(kind)
        raise MessageError(one_of("message", said, REQUESTS, where="this lab"))
    number, view = address(content)
    if number is None and (spec.answered or "id" in content):
        raise MessageError(f"the number of {kind!r} is {shown(content.get('id'))}; it must be a whole number, 1 or more.")
    fields = {
        each.name: check(each, content[each.name], kind) for each in spec.fields if each.name in content or _missing(each, kind)
    }
    if kind == "set":
        fields["value"] = check(SETTINGS[fields["name"]], fields["value"], "set")
    return Message(kind, number or 0, view, fields, _buffers(spec, buffers or ()))


def address(content: Any) -> tuple[int | None, str]:
    """The request's number, None if it has no usable one, and its view, "" if it has no usable one."""
    if not isinstance(content, Mapping):
        return None, ""
    number, view = content.get("id"), content.get("view")
    whole = isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= SAFE
    return (number if whole else None), (view if isinstance(view, str) and len(view) <= LABEL else "")


def _missing(spec: Field, kind: str) -> bool:
    """Whether to go on without the field: never, if it is needed."""
    if not spec.optional:
        raise MessageError(f"the browser sent {kind!r} without {spec.name!r}; reload the page if this goes on.")
    return False


def _buffers(spec: Request, buffers: Sequence[Any]) -> tuple[bytes, ...]:
    """Copies of the buffers, whose memory is not ours to keep."""
    wanted = 1 if spec.buffer else 0
    if not isinstance(buffers, Sequence) or len(buffers) != wanted:
        came = len(buffers) if isinstance(buffers, Sequence) else shown(buffers)
        raise MessageError(f"the browser sent {spec.kind!r} with {came} pieces of data; it takes {wanted}.")
    most = MASK_BYTES if spec.buffer == "mask" else FILE_BYTES
    for each in buffers:
        if not isinstance(each, (bytes, bytearray, memoryview)):
            raise MessageError(f"the data of {spec.kind!r} is {shown(each)}; it must be bytes.")
        size = each.nbytes if isinstance(each, memoryview) else len(each)
        if not 0 < size <= most:
            raise MessageError(f"the {spec.buffer} of {spec.kind!r} has {size} bytes; it must have 1 to {most}.")
    return tuple(bytes(each) for each in buffers)


def typescript() -> str:
    """The text of `js/src/messages.ts`."""
    from ganwidgets.widgets.typescript import twin

    return twin()


if __name__ == "__main__":
    print(typescript(), end="")
