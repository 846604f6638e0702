"""The protocol: what is let in, what is refused and in which words, and that the TypeScript twin is up to date."""

from pathlib import Path

import pytest

from ganwidgets.core.errors import MessageError
from ganwidgets.widgets import messages
from ganwidgets.widgets.messages import REQUESTS, SETTINGS, STATE, parse

MASK = b"\x89PNG not looked at here"
GOOD = {
    "ready": ({"dpr": 2}, []),
    "show": ({"seed": 4}, []),
    "strip": ({"shuffle": True}, []),
    "preview": ({"concept": "tree", "tool": "insert"}, [MASK]),
    "stroke": ({"concept": "tree", "tool": "ablate"}, [MASK]),
    "drop": ({"concept": "tree", "x": 0.1, "y": 0.2, "width": 0.3, "height": 1}, []),
    "peek": ({"entry": 1, "x": -0.1, "y": 0.2, "width": 0.3, "height": 1}, []),
    "move": ({"entry": 1, "x": -0.1, "y": 0.2, "width": 0.3, "height": 1}, []),
    "delete": ({"entry": 1}, []),
    "undo": ({}, []),
    "redo": ({}, []),
    "reset": ({}, []),
    "toggle": ({"entry": 1, "on": False}, []),
    "heatmap": ({"concept": "tree"}, []),
    "list": ({"layer": "layer4"}, []),
    "rows": ({"units": [3, 4]}, []),
    "maps": ({"unit": 3, "lowest": True}, []),
    "threshold": ({"unit": 3, "value": 0.5}, []),
    "beside": ({"name": "layer4"}, []),
    "unit": ({"unit": 3}, []),
    "probe": ({"x": 0.25, "y": 1}, []),
    "tick": ({"units": [3], "on": True}, []),
    "keep": ({"name": "towers"}, []),
    "use": ({"name": "towers"}, []),
    "forget": ({"name": "towers"}, []),
    "palette": ({"name": "towers"}, []),
    "set": ({"name": "size", "value": 0.2}, []),
    "save": ({}, []),
    "handin": ({}, []),
    "load": ({}, [b"file"]),
    "script": ({}, []),
    "cancel": ({"target": 2}, []),
    "ack": ({"frame": 0}, []),
    "next": ({}, []),
}


def sent(kind, fields=None, buffers=None, **more):
    default, data = GOOD[kind]
    return parse(
        {"kind": kind, "id": 7, "view": "v", **(default if fields is None else fields), **more},
        data if buffers is None else buffers,
    )


@pytest.mark.parametrize("kind", REQUESTS)
def test_a_whole_message_passes(kind):
    message = sent(kind)
    assert (message.kind, message.id, message.view) == (kind, 7, "v")
    assert message.fields == {name: tuple(each) if isinstance(each, list) else each for name, each in GOOD[kind][0].items()}
    assert message.buffers == tuple(GOOD[kind][1])


@pytest.mark.parametrize(
    "kind, name", [(kind, each.name) for kind, spec in REQUESTS.items() for each in spec.fields if not each.optional]
)
def test_each_needed_field_is_missed_by_name(kind, name):
    fields = {key: value for key, value in GOOD[kind][0].items() if key != name}
    with pytest.raises(MessageError, match=f"without '{name}'"):
        sent(kind, fields)


@pytest.mark.parametrize(
    "kind, name, value",
    [
        ("show", "seed", 2**32),
        ("show", "seed", True),
        ("show", "seed", "3"),
        ("show", "seed", 3.5),
        ("show", "seed", float("nan")),
        ("show", "seed", None),
        ("drop", "x", float("nan")),
        ("drop", "x", float("inf")),
        ("drop", "width", 0),
        ("drop", "height", -0.1),
        ("drop", "x", "0.5"),
        ("drop", "x", 10**400),
        ("move", "entry", 0),
        ("move", "width", float("nan")),
        ("move", "x", -2),
        ("delete", "entry", "1"),
        ("stroke", "tool", "hammer"),
        ("stroke", "tool", "select"),
        ("stroke", "tool", []),
        ("stroke", "concept", ""),
        ("stroke", "concept", "x" * 1000),
        ("stroke", "concept", "a\x00b"),
        ("stroke", "concept", {"name": "tree"}),
        ("toggle", "on", 1),
        ("toggle", "entry", 0),
        ("strip", "seeds", [1] * 65),
        ("strip", "seeds", "12"),
        ("strip", "seeds", [1, "2"]),
        ("ack", "frame", -1),
        ("set", "name", "picture"),
        ("set", "name", "__class__"),
        ("set", "value", 99),
        ("set", "value", float("nan")),
        ("set", "value", True),
    ],
)
def test_hostile_fields_are_refused_by_name(kind, name, value):
    with pytest.raises(MessageError) as caught:
        sent(kind, **{name: value})
    assert len(str(caught.value)) < 400
    assert f"'{name}'" in str(caught.value) or "'size' of 'set'" in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        None,
        3,
        "undo",
        [],
        {},
        {"kind": None, "id": 1},
        {"kind": ["undo"], "id": 1},
        {"kind": "evaluate", "id": 1},
        {"kind": "undo"},
        {"kind": "undo", "id": 0},
        {"kind": "undo", "id": "1"},
        {"kind": "undo", "id": True},
        {"kind": "undo", "id": 2**60},
        {"kind": "undo", "id": 1.0},
    ],
)
def test_what_is_no_message_is_refused(content):
    with pytest.raises(MessageError):
        parse(content, [])


def test_a_near_miss_is_told_the_right_name():
    with pytest.raises(MessageError, match="Did you mean 'undo'"):
        parse({"kind": "undoo", "id": 1}, [])


@pytest.mark.parametrize(
    "kind, buffers",
    [
        ("undo", [b"x"]),
        ("stroke", []),
        ("stroke", [MASK, MASK]),
        ("stroke", [b""]),
        ("stroke", ["text"]),
        ("stroke", [b"x" * (messages.MASK_BYTES + 1)]),
        ("load", [b"x" * (messages.FILE_BYTES + 1)]),
    ],
)
def test_wrong_data_is_refused(kind, buffers):
    with pytest.raises(MessageError):
        sent(kind, buffers=buffers)


def test_fields_that_nobody_asked_for_do_not_get_in():
    assert "path" not in sent("save", path="/etc/passwd").fields


def test_buffers_are_copied():
    memory = bytearray(MASK)
    message = sent("stroke", buffers=[memoryview(memory)])
    memory[:] = bytes(len(memory))
    assert message.buffers == (MASK,)


def test_every_setting_is_a_trait():
    assert set(SETTINGS) <= {spec.name for spec in STATE}


def test_the_typescript_twin_is_up_to_date():
    twin = Path(__file__).parents[2] / "js" / "src" / "messages.ts"
    assert twin.read_text() == messages.typescript(), "run: python -m ganwidgets.widgets.messages > js/src/messages.ts"
