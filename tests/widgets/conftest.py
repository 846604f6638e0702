"""A PaintBox on planted units with no browser: a hand that sends what a browser would, and keeps what comes back."""

import io
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from ganwidgets.methods.dissect import dissect
from ganwidgets.testing import planted_generator
from ganwidgets.widgets.paintbox import PaintBox
from ganwidgets.widgets.unitbrowser import UnitBrowser


@pytest.fixture(scope="session")
def planted():
    return planted_generator()


@pytest.fixture(scope="session")
def dissection(planted):
    return dissect(planted.generator, planted.segmenter, layer=planted.layer, seeds=range(24), rule="quantile", progress=False)


@pytest.fixture(scope="session")
def both(planted):
    """A dissection of two layers."""
    return dissect(planted.generator, planted.segmenter, layers=["layer1", "layer2"], seeds=range(12), progress=False)


@pytest.fixture
def units(planted, both):
    """A UnitBrowser of the second of two layers."""
    with UnitBrowser(planted.generator, both, layer="layer2", driver="inline") as lab:
        yield lab


@pytest.fixture
def paintbox(planted, dissection):
    """Makes labs, and closes them after the test."""
    labs = []

    def make(**options):
        labs.append(PaintBox(planted.generator, dissection, **{"segmenter": planted.segmenter, "driver": "inline", **options}))
        return labs[-1]

    yield make
    for lab in labs:
        lab.close()


@pytest.fixture
def lab(paintbox):
    return paintbox()


@pytest.fixture
def hand(lab):
    return Hand(lab)


class Hand:
    """A browser's side of a lab: sends requests with rising numbers, and keeps every message that comes."""

    def __init__(self, lab, view="view1", *, ready=True):
        self.lab, self.view, self.number, self.came = lab, view, 0, []
        lab.send = self.receive
        if ready:
            self.ask("ready", dpr=1)

    def receive(self, content, buffers=None):
        self.came.append((content, buffers or []))

    def send(self, kind, buffers=(), **fields):
        """Send a request; its number."""
        self.number += 1
        self.raw({"kind": kind, "id": self.number, "view": self.view, **fields}, list(buffers))
        return self.number

    def raw(self, content, buffers=()):
        self.lab._handle_custom_msg(content, [memoryview(each) if isinstance(each, bytes) else each for each in buffers])

    def ask(self, kind, buffers=(), **fields):
        """Send a request and wait; its answer, with the buffers under "buffers"."""
        number = self.send(kind, buffers, **fields)
        self.lab.wait(20)
        ((content, data),) = [each for each in self.answers if each[0]["id"] == number and each[0]["view"] == self.view]
        return {**content, "buffers": data}

    @property
    def answers(self):
        return [each for each in self.came if each[0]["kind"] == "answer"]

    def answered(self):
        """How often each request was answered."""
        return Counter((content["view"], content["id"]) for content, _ in self.answers)

    def posts(self, kind):
        return [each for each in self.came if each[0]["kind"] == kind]


def disc(x=0.5, y=0.5, radius=0.2, side=64):
    """A soft round stroke as a mask, 0..1."""
    rows, columns = np.mgrid[:side, :side] / (side - 1)
    return np.clip(1.5 - np.hypot(rows - y, columns - x) / radius, 0, 1).astype(np.float32)


def png(mask):
    """The mask as the browser sends it; what it says is rounded to 1/255."""
    buffer = io.BytesIO()
    Image.fromarray((mask * 255).round().astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def rounded(mask):
    """The mask as it arrives."""
    return (mask * 255).round().astype(np.uint8).astype(np.float32) / 255


def state(lab):
    """All that an act may change."""
    names = (
        "seed",
        "strip",
        "history",
        "can_undo",
        "can_redo",
        "picture",
        "concept",
        "tool",
        "size",
        "soft",
        "level",
        "count",
        "strength",
        "everywhere",
        "heat",
    )
    return {**{name: getattr(lab, name) for name in names}, "edits": lab.edits}
