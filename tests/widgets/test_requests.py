"""Requests from the browser: each answered exactly once, whatever it says; errors in words; drivers; frames."""

import gc
import random
import threading
import time
from contextlib import contextmanager

import numpy as np
import psutil
import pytest

from ganwidgets.core.errors import GanwidgetsError
from ganwidgets.widgets import by_hand, unitacts
from ganwidgets.widgets.messages import MASK_BYTES, REQUESTS, SAFE

from .conftest import Hand, disc, png, state

HOSTILE = [
    None,
    True,
    False,
    0,
    -1,
    1.5,
    2**32,
    2**70,
    float("nan"),
    float("inf"),
    -float("inf"),
    "",
    "tree",
    "__class__",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "tree<img src=x onerror=alert(1)>",
    7,
    "x" * 5000,
    "\x00",
    "\ud800",
    [],
    [1, 2],
    [None] * 100,
    {},
    {"kind": "undo"},
    {f"<script>{i}</script>": i for i in range(1000)},
    b"bytes",
    object(),
    "zebra",
    [[[[]]]],
    10**400,
    -0.0,
    "NaN",
    "1e999",
]
HUGE = bytes(100_000_000)
BUFFERS = [b"", b"x", b"\x89PNG\r\n\x1a\n", png(disc())[:60], b"\xff" * 1000, b"0" * (MASK_BYTES + 1), HUGE, "text", None, 3]


def broken(rng):
    """A message with something wrong in it."""
    kind = rng.choice([*REQUESTS, *REQUESTS, rng.choice(HOSTILE)])
    spec = REQUESTS.get(kind) if isinstance(kind, str) else None
    content = {
        "kind": kind,
        "id": rng.choice([rng.randint(1, SAFE), rng.choice(HOSTILE)]),
        "view": rng.choice(["v", rng.choice(HOSTILE)]),
    }
    for field in spec.fields if spec else ():
        if rng.random() < 0.85:
            content[field.name] = rng.choice(HOSTILE)
    if rng.random() < 0.2:
        content[rng.choice(["extra", "path", "__init__", "id"])] = rng.choice(HOSTILE)
    if rng.random() < 0.1:
        content = rng.choice(HOSTILE)
    buffers = [rng.choice(BUFFERS) for _ in range(rng.choice([0, 0, 1, 1, 2]))]
    return content, buffers


def resident():
    """This process's memory, in MB."""
    return psutil.Process().memory_info().rss / 1e6


@contextmanager
def memory_stays(figure, name, most=40):
    """Messages that are refused leave nothing behind: printed, and at most so many MB."""
    gc.collect()
    before = resident()
    yield
    gc.collect()
    grown = resident() - before
    figure(f"{name}: 10,000 malformed messages, memory {before:.0f} MB and {grown:+.1f} MB")
    assert grown <= most


def asked_badly(hand, rng, times):
    """Send malformed messages; the one answer to each that is owed one."""
    for _ in range(times):
        content, buffers = broken(rng)
        hand.came.clear()
        hand.raw(content, buffers)
        hand.lab.wait(5)
        if isinstance(content, dict) and content.get("kind") == "ack" and not hand.answers:
            continue
        ((answer, _),) = hand.answers
        assert answer["id"] is None or answer["id"] == content["id"]
        yield answer


def test_ten_thousand_malformed_messages_get_one_answer_each_and_change_nothing(lab, figure):
    hand = Hand(lab)
    lab.paint(disc())
    before, rng, refused = state(lab), random.Random(7), 0
    with memory_stays(figure, "PaintBox"):
        for answer in asked_badly(hand, rng, 10_000):
            if answer["status"] == "error":
                refused += 1
                assert answer["message"] and len(answer["message"]) < 1000
                assert lab.error["message"] == answer["message"]
                assert state(lab) == before
            else:  # by chance nothing was wrong with it
                assert answer["status"] == "done"
                lab._history, lab.strip = type(lab._history)(), before["strip"]
                lab.edits, lab.seed = before["edits"], before["seed"]
                for name in ("size", "soft", "level", "strength", "everywhere", "heat", "concept", "tool", "count"):
                    setattr(lab, name, before[name])
                before = state(lab)
    assert refused > 7500
    answer = hand.ask("stroke", [png(disc(0.3, 0.3))], concept=lab.concept, tool="insert")
    assert answer["status"] == "done"
    assert not lab.error


def test_an_error_is_told_in_words_and_goes_with_the_next_act(lab):
    hand = Hand(lab)
    answer = hand.ask("stroke", [png(disc())], concept="zebra", tool="insert")
    assert answer["status"] == "error"
    assert "zebra" in answer["message"] and "Traceback" not in answer["message"]
    assert lab.error == {"message": answer["message"], "details": answer["details"]}
    assert "Traceback" in answer["details"]
    hand.ask("undo")
    assert lab.error == {}


def test_an_error_of_ours_is_no_silence(lab, monkeypatch):
    hand = Hand(lab)
    monkeypatch.setattr(type(lab), "undo", lambda self: 1 / 0)
    answer = hand.ask("undo")
    assert answer["status"] == "error"
    assert "ZeroDivisionError" in answer["message"]


@pytest.mark.parametrize("mask", [np.zeros((64, 64), np.float32), np.ones((300, 300), np.float32)])
def test_a_mask_that_covers_nothing_or_too_much_is_refused(lab, mask):
    hand = Hand(lab)
    assert hand.ask("stroke", [png(mask)], concept=lab.concept, tool="insert")["status"] == "error"
    assert not lab.history


def test_a_number_in_use_is_refused_and_the_first_still_answered(lab, paintbox):
    lab = paintbox(driver="pull")
    hand = Hand(lab)
    lab.wait(5)
    hand.came.clear()
    with held(lab):
        hand.raw({"kind": "undo", "id": 50, "view": "view1"})
        hand.raw({"kind": "undo", "id": 50, "view": "view1"})
        hand.raw({"kind": "undo", "id": 50, "view": "view2"})
    lab.wait(5)
    assert sorted((content["view"], content["status"]) for content, _ in hand.answers) == [
        ("view1", "done"),
        ("view1", "error"),
        ("view2", "done"),
    ]


class held:
    """Keeps the model busy, as a long act would, so that requests pile up."""

    def __init__(self, lab):
        self.lab = lab

    def __enter__(self):
        self.run, self.lab._desk.run = self.lab._desk.run, lambda *_: True
        return self

    def __exit__(self, *_):
        self.lab._desk.run = self.run


def test_of_previews_that_pile_up_the_latest_is_drawn(paintbox):
    lab = paintbox(driver="pull")
    hand = Hand(lab)
    lab.wait(5)
    hand.came.clear()
    with held(lab):
        numbers = [hand.send("preview", [png(disc(0.1 * i + 0.2, 0.5))], concept=lab.concept, tool="insert") for i in range(5)]
        stroke = hand.send("stroke", [png(disc())], concept=lab.concept, tool="insert")
        late = hand.send("preview", [png(disc())], concept=lab.concept, tool="insert")
    lab.wait(5)
    status = {content["id"]: content["status"] for content, _ in hand.answers}
    assert status == {**dict.fromkeys(numbers, "superseded"), stroke: "done", late: "done"}


def test_a_waiting_act_can_be_cancelled_and_changes_nothing(paintbox):
    lab = paintbox(driver="pull")
    hand = Hand(lab)
    lab.wait(5)
    before = state(lab)
    with held(lab):
        number = hand.send("stroke", [png(disc())], concept=lab.concept, tool="insert")
        cancel = hand.send("cancel", target=number)
    lab.wait(5)
    status = {content["id"]: content["status"] for content, _ in hand.answers}
    assert (status[number], status[cancel]) == ("cancelled", "done")
    assert state(lab) == before
    assert set(hand.answered().values()) == {1}


def test_not_more_than_two_frames_are_on_their_way(lab):
    hand = Hand(lab)
    hand.came.clear()
    lab._gate.reset()
    for seed in range(1, 8):
        hand.ask("show", seed=seed)
    frames = [content for content, _ in hand.posts("frame")]
    assert [frame["seed"] for frame in frames] == [1, 2]
    hand.send("ack", frame=frames[-1]["frame"])
    assert [content["seed"] for content, _ in hand.posts("frame")] == [1, 2, 7]
    assert all(content["kind"] != "answer" or content["request"] != "ack" for content, _ in hand.came)


def test_ready_is_answered_with_all_there_is_to_see(paintbox):
    lab = paintbox()
    hand = Hand(lab, ready=False)
    lab.paint(disc())
    assert not hand.came, "nobody listens yet"
    hand.ask("ready", dpr=2)
    kinds = {content["kind"] for content, _ in hand.came}
    assert {"answer", "original", "frame", "thumbs", "chips", "steps"} <= kinds
    ((thumbs, (sprite,)),) = hand.posts("thumbs")
    assert thumbs["seeds"] == lab.strip and sprite.startswith(b"\x89PNG")
    ((chips, _),) = hand.posts("chips")
    assert chips["names"] == [chip["name"] for chip in lab.concepts]


# Drivers.


def test_thread_driver_returns_at_once_and_answers_later(paintbox):
    lab = paintbox(driver="thread")
    hand = Hand(lab)
    assert lab.wait(20)
    hand.came.clear()
    with lab.acting():  # a cell is at the model
        began = time.perf_counter()
        hand.send("stroke", [png(disc())], concept=lab.concept, tool="insert")
        assert time.perf_counter() - began < 0.05
        assert not hand.answers
    assert lab.wait(20)
    assert [content["status"] for content, _ in hand.answers] == ["done"]
    assert len(lab.history) == 1


def test_requests_from_many_threads_are_each_answered_once(paintbox):
    lab = paintbox(driver="thread")
    hands = [Hand(lab, f"view{i}") for i in range(4)]
    lab.send = hands[0].receive
    senders = [
        threading.Thread(
            target=lambda hand=hand: [
                hand.send("stroke", [png(disc(0.2 + 0.05 * i, 0.5))], concept=lab.concept, tool="insert")
                if i % 2
                else hand.send("undo")
                for i in range(10)
            ]
        )
        for hand in hands
    ]
    for sender in senders:
        sender.start()
    for _ in range(5):  # meanwhile a cell works too
        lab.paint(disc(0.8, 0.8))
    for sender in senders:
        sender.join()
    assert lab.wait(60)
    answered = hands[0].answered()
    assert {(hand.view, number): 1 for hand in hands for number in range(2, 12)}.items() <= answered.items()
    assert not lab.error


def test_pull_driver_takes_slices_when_asked(paintbox, monkeypatch):
    lab = paintbox(driver="pull")
    hand = Hand(lab)
    lab.wait(20)
    hand.came.clear()

    def slow(message):
        def steps():
            for _ in range(12):
                time.sleep(0.04)
                yield
            return {"script": "slow"}

        return steps, "slowly"

    monkeypatch.setattr(type(lab), "work", lambda self, message: slow(message))
    began = time.perf_counter()
    number = hand.send("script")
    assert time.perf_counter() - began < 0.3
    assert lab.busy == "slowly"
    pulls, more = 0, True
    while more:
        began = time.perf_counter()
        pull = hand.send("next")
        assert time.perf_counter() - began < 0.3
        more = next(content["more"] for content, _ in hand.answers if content["id"] == pull)
        pulls += 1
        assert pulls < 50
    assert pulls > 1
    assert next(content for content, _ in hand.answers if content["id"] == number)["script"] == "slow"
    assert lab.busy == ""


def test_python_acts_end_before_they_return_under_every_driver(paintbox):
    for driver in ("thread", "pull", "inline"):
        lab = paintbox(driver=driver)
        lab.paint(disc())
        assert len(lab.history) == 1


def test_the_driver_fits_the_host(monkeypatch):
    import sys
    import types

    from ganwidgets.widgets import drivers

    assert drivers.detect() == "inline"
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    assert drivers.detect() == "pull"
    monkeypatch.delitem(sys.modules, "google.colab")
    kernel = types.SimpleNamespace(kernel=object(), get_parent=lambda: {"metadata": {"cellId": "abc"}})
    monkeypatch.setattr("IPython.get_ipython", lambda: kernel)
    assert drivers.detect() == "thread"
    assert drivers.cell() == "abc"
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5")
    assert drivers.detect() == "pull"


# Traits that the browser writes.


def test_settings_from_the_browser_are_checked_and_set_right_again(lab):
    hand, sent = Hand(lab), []
    lab.send_state = lambda key=None: sent.append(key)
    lab.set_state({"size": 0.4, "level": "high"})
    assert (lab.size, lab.level) == (0.4, "high")
    before = state(lab)
    lab.set_state(
        {
            "size": float("nan"),
            "picture": b"evil",
            "history": [1],
            "tool": "hammer",
            "strength": 7,
            "_esm": "evil",
            "nothing": 1,
        }
    )
    assert state(lab) == before
    assert {"size", "picture", "history", "tool", "strength", "_esm"} <= {
        name for each in sent for name in (each if isinstance(each, list) else [each])
    }
    assert lab.error["message"]
    assert not hand.answers[1:]


def test_every_request_has_an_act():
    assert set(by_hand.ACTS) | set(unitacts.ACTS) | set(unitacts.LOOKS) | {"ready", "cancel", "set", "next", "ack"} == set(REQUESTS)


def test_what_another_lab_does_is_refused(lab):
    hand = Hand(lab)
    answer = hand.ask("tick", units=[1], on=True)
    assert answer["status"] == "error" and "PaintBox does not do 'tick'" in answer["message"]


def test_a_setting_can_be_set_by_message(lab):
    hand = Hand(lab)
    assert hand.ask("set", name="soft", value=0.75)["status"] == "done"
    assert lab.soft == 0.75
    assert hand.ask("set", name="soft", value=2)["status"] == "error"
    assert lab.soft == 0.75
    with pytest.raises(GanwidgetsError):
        lab.concept = "zebra"
