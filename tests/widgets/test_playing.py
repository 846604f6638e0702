"""play: a method's steps drawn as they are taken, pictures one after another, and what comes of stopping it."""

import time

import numpy as np
import pytest
import torch

from ganwidgets.core.errors import ArgumentError
from ganwidgets.core.images import to_bytes
from ganwidgets.core.jobs import Progress
from ganwidgets.core.stills import Still
from ganwidgets.core.walks import walk
from ganwidgets.methods.intervene_sweep import Sweep, sweep
from ganwidgets.widgets.liveview import LiveView
from ganwidgets.widgets.playing import play


@pytest.fixture
def view(monkeypatch):
    with LiveView(128, 128, driver="inline") as made:
        made.drawn = []
        real = made._change

        def change(how, *names):
            real(how, *names)
            made.drawn.append(made.alt)

        monkeypatch.setattr(made, "_change", change)
        yield made


def test_a_sweep_is_drawn_while_it_is_measured(view, planted, dissection):
    options = {"segmenter": planted.segmenter, "seeds": range(900, 906), "counts": (0, 1, 2)}
    done = play(sweep.steps(planted.generator, dissection, "block", **options), view)
    assert isinstance(done, Sweep) and view.drawn == [still.text for still in done.stills]
    assert done.left.tolist() == sweep(planted.generator, dissection, "block", progress=False, **options).left.tolist()
    assert (np.asarray(view.image)[..., 3] == 255).all()


def test_what_has_stills_and_plain_pictures_are_drawn(view, planted):
    way = walk(planted.generator, [1, 2], steps=2)
    play(way, view, rate=1000)
    assert view.drawn == [way.words(place) for place in range(4)]
    play([way[1], to_bytes(way[2])], view, rate=1000)
    assert len(view.drawn) == 6
    view.clear("labels")
    assert np.array_equal(np.asarray(view.image)[..., :3], to_bytes(way[2]))


def test_the_rate_is_kept(view):
    began = time.monotonic()
    assert play([torch.zeros(3, 4, 4)] * 4, view, rate=20) is None
    assert .14 < time.monotonic() - began < 2


def test_interrupting_it_closes_the_steps(view):
    closed = []

    def steps():
        try:
            yield Progress(1, 2, frame=Still(torch.zeros(3, 4, 4), "one"))
            raise KeyboardInterrupt
        finally:
            closed.append(torch.is_grad_enabled())

    with pytest.raises(KeyboardInterrupt):
        play(steps(), view)
    assert closed == [True] and view.alt == "one"

    def wrong():
        try:
            yield Progress(1, 2, frame="no picture")
        finally:
            closed.append("again")

    held = wrong()
    with pytest.raises(Exception, match="picture"):
        play(held, view)
    assert closed[-1] == "again"


@pytest.mark.parametrize("source, rate", [(5, None), ("words", None), ([], 0), ([], -1.0)])
def test_what_cannot_be_played(view, source, rate):
    with pytest.raises(ArgumentError):
        play(source, view, rate=rate)


def test_it_needs_a_view():
    with pytest.raises(ArgumentError, match="LiveView"):
        play([], None)
