"""The frame gate: never more than two unacknowledged, the latest wins, a silent browser does not stop it for ever."""

import pytest

from ganwidgets.widgets.frames import PATIENCE, Frame, FrameGate
from ganwidgets.widgets.messages import IN_FLIGHT


class Wire:
    def __init__(self):
        self.sent, self.now = [], 0.0
        self.gate = FrameGate(lambda content, buffers: self.sent.append((content, buffers)), clock=lambda: self.now)

    def offer(self, *names, rest=True):
        for name in names:
            self.gate.offer(Frame(name.encode(), "jpeg", 0, rest=rest, preview=not rest))

    @property
    def names(self):
        return [buffers[0].decode() for _, buffers in self.sent]


@pytest.fixture
def wire():
    return Wire()


def test_two_go_and_of_the_rest_the_latest(wire):
    wire.offer("a", "b", "c", "d", "e")
    assert wire.names == ["a", "b"]
    wire.gate.acknowledge(1)
    assert wire.names == ["a", "b", "e"]
    assert wire.gate.in_flight == IN_FLIGHT
    wire.gate.acknowledge(3)
    assert wire.gate.in_flight == 0


def test_frames_are_numbered_from_one_and_say_what_they_are(wire):
    wire.gate.offer(Frame(b"x", "png", 7, id=3, view="v"))
    assert wire.sent == [
        (
            {
                "kind": "frame",
                "frame": 1,
                "id": 3,
                "view": "v",
                "format": "png",
                "rest": True,
                "seed": 7,
                "preview": False,
            },
            [b"x"],
        )
    ]


def test_an_acknowledgement_of_nothing_is_harmless(wire):
    wire.gate.acknowledge(99)
    wire.offer("a")
    wire.gate.acknowledge(0)
    assert wire.names == ["a"]
    assert wire.gate.in_flight == 1


def test_a_view_that_went_away_does_not_hold_up_the_next(wire):
    wire.offer("a", "b", "c")
    wire.now += PATIENCE
    wire.offer("d")
    assert wire.names == ["a", "b", "d"]
    wire.offer("e", "f")
    wire.gate.reset()
    wire.offer("g")
    assert wire.names == ["a", "b", "d", "e", "g"]


def test_a_picture_at_rest_does_not_wait_for_previews(wire):
    wire.offer("p1", "p2", "p3", rest=False)
    assert wire.names == ["p1"]
    wire.offer("rest")
    assert wire.names == ["p1", "rest"]
    wire.offer("p4", rest=False)
    wire.gate.acknowledge(1)
    assert wire.names == ["p1", "rest"]
    wire.gate.acknowledge(2)
    assert wire.names == ["p1", "rest", "p4"]
