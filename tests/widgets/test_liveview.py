"""LiveView with no browser: what is drawn is exact, what is sent is little and whole, and nothing is left behind."""

import base64
import builtins
import gc
import io
import subprocess
import sys
import threading
import time

import ipywidgets
import numpy as np
import pytest
import torch
from PIL import Image

from ganwidgets.core.concepts import Concept
from ganwidgets.core.errors import ArgumentError, ConceptError, GanwidgetsError, ShapeError
from ganwidgets.core.images import to_bytes
from ganwidgets.core.stills import Still
from ganwidgets.widgets import canvases
from ganwidgets.widgets.canvases import Pace
from ganwidgets.widgets.layers import wrapped
from ganwidgets.widgets.liveview import LiveView
from ganwidgets.widgets.walkplayer import WalkPlayer

HALF = np.zeros((8, 8), bool)
HALF[:, :4] = True


def picture(seed=0, side=16):
    return torch.rand(3, side, side, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def sizes(view):
    return np.asarray(view.image)


@pytest.fixture
def view():
    with LiveView(64, 64, driver="thread") as made:
        yield made


class Wire:
    """Keeps what the canvases send."""

    def __init__(self, view, monkeypatch):
        self.sent = []
        manager = view.canvas._canvas_manager
        monkeypatch.setattr(manager, "send", lambda content, buffers=None: self.sent.append((content, buffers)))

    def pictures(self):
        return [np.asarray(Image.open(io.BytesIO(buffer))) for _, buffers in self.sent for buffer in buffers[1:]]


def test_a_picture_is_magnified_as_squares_and_exact(view):
    image = picture()
    view.show(image)
    shown = sizes(view)
    assert shown.shape == (64, 64, 4) and (shown[..., 3] == 255).all()
    assert np.array_equal(shown[..., :3], to_bytes(image).repeat(4, 0).repeat(4, 1))
    view.show(to_bytes(image))
    assert np.array_equal(sizes(view), shown), "bytes give the same"
    view.show(Image.fromarray(to_bytes(image)))
    assert np.array_equal(sizes(view), shown), "and so does PIL"
    view.show(image.numpy())
    assert np.array_equal(sizes(view), shown)


def test_another_shape_stands_in_the_middle(view):
    view.show(picture()[:, :8])
    shown = sizes(view)[..., 3]
    assert (shown[16:48] == 255).all() and not shown[:16].any() and not shown[48:].any()
    view.heat(np.ones((2, 4)))
    view.contours(np.ones((2, 4), bool), color="red")
    assert not sizes(view)[:16].any(), "what lies over the picture stays on it"
    view.show(picture(side=100))
    assert sizes(view)[..., 3].all()


def test_heat_is_a_veil_of_one_colour(view):
    view.show(torch.full((3, 4, 4), -1.0))
    view.heat(HALF.astype(float), color=(255, 0, 0), opacity=0.5)
    shown = sizes(view)
    assert abs(int(shown[30, 5, 0]) - 128) <= 1 and not shown[..., 1:3].any() and not shown[30, 60, 0]
    assert 0 < shown[30, 31, 0] < 128, "smooth between cells"
    view.heat(torch.zeros(3, 3))
    assert not sizes(view)[..., :3].any(), "one heat map replaces another"


def test_contours_are_lines_inside_the_edge(view):
    view.contours(HALF, color=(0, 255, 0), width=3)
    shown = sizes(view)
    green = (shown[..., 1] == 255) & (shown[..., 3] == 255)
    assert green[:, 29:32].all() and green[:3, :32].all() and not green[:, 32:].any() and not green[10:50, 10:25].any()
    view.contours(~HALF, color="#0000ff")
    assert (sizes(view)[:, 32:, 2] == 255).any() and green[20, 30], "outlines add up"


def test_a_concept_is_outlined_where_the_segmenter_finds_it(view, planted):
    image = planted.generator.images(planted.generator.sample([3]))[0]
    with pytest.raises(ArgumentError, match="show a picture and give a segmenter"):
        view.contours("block", segmenter=planted.segmenter)
    view.show(image)
    before = sizes(view)
    view.contours(Concept("block"), segmenter=planted.segmenter, color="white")
    changed = (sizes(view) != before).any(2)
    rows, columns = np.nonzero(changed)
    mask = planted.segmenter.segment(image[None])[0, 1].numpy()
    where = np.argwhere(mask)
    assert abs(rows.min() - where[:, 0].min() / 2) <= 1 and abs(columns.max() - where[:, 1].max() / 2) <= 1
    with pytest.raises(ConceptError, match="tree"):
        view.contours("tree", segmenter=planted.segmenter)


def test_words_stay_inside(view):
    view.label("8 off", 1, 1, color="yellow")
    shown = sizes(view)[..., 3] > 0
    rows, columns = np.nonzero(shown)
    assert rows.max() == columns.max() == 63 and columns.min() > 0 and rows.min() > 30
    assert view.alt == "8 off" and "<" not in LiveView(8, 8).alt
    view.label("two")
    assert view.alt == "8 off; two"
    assert wrapped("one two three", len, 7) == "one two\nthree" and wrapped("incomprehensible a", len, 5) == "incomprehensible\na"
    view.clear("labels")
    view.label("many words that take several lines")
    assert (sizes(view)[..., 3] > 0).any(1).sum() > 55 and view.alt.startswith("many words")


def test_layers_are_cleared_one_by_one_or_all(view):
    view.draw(Still(picture(), "words", np.ones((2, 2)), HALF))
    full = sizes(view)
    view.clear("labels")
    view.clear("contours")
    assert not np.array_equal(sizes(view), full) and view.alt != "words"
    view.clear("heat")
    assert np.array_equal(sizes(view)[..., :3], to_bytes(picture()).repeat(4, 0).repeat(4, 1))
    view.clear()
    assert not sizes(view).any()
    with pytest.raises(ArgumentError, match="labels"):
        view.clear("label")


@pytest.mark.parametrize("act, error", [
    (lambda view: view.show(torch.zeros(1, 4, 4)), ShapeError), (lambda view: view.show(np.zeros((4, 4), np.uint8)), ShapeError),
    (lambda view: view.heat(np.ones((3, 3, 3))), ShapeError), (lambda view: view.heat(np.full((3, 3), 2.0)), ArgumentError),
    (lambda view: view.heat(np.full((3, 3), np.nan)), ArgumentError),
    (lambda view: view.heat(np.ones((3, 3)), opacity=3), ArgumentError),
    (lambda view: view.contours(np.ones((3, 3))), ArgumentError), (lambda view: view.contours(HALF, width=0), ArgumentError),
    (lambda view: view.contours(HALF, color="no colour"), ArgumentError), (lambda view: view.label("a", 40, 2), ArgumentError),
    (lambda view: LiveView(0, 5), ArgumentError), (lambda view: LiveView(1.5), ArgumentError),
    (lambda view: LiveView(driver="magic"), ArgumentError), (lambda view: LiveView(widht=5), TypeError),
])
def test_what_cannot_be_drawn_is_refused_and_nothing_changes(view, act, error):
    view.draw(Still(picture(), "words"))
    before = sizes(view)
    with pytest.raises(error):
        act(view)
    assert np.array_equal(sizes(view), before)


def test_exact_colours_travel_in_the_pictures_own_size(view, monkeypatch):
    wire, image = Wire(view, monkeypatch), picture()
    view.show(image)
    view._pace.finish()
    (sent,) = [each for each in wire.pictures() if each.shape == (16, 16, 4)]
    assert np.array_equal(sent[..., :3], to_bytes(image)) and (sent[..., 3] == 255).all()
    assert len(wire.sent) == 1, "all in one message"


def test_a_new_page_gets_everything_again(view, monkeypatch):
    view.draw(Still(picture(), "words", np.ones((2, 2)), HALF))
    view._pace.finish()
    view._canvases[0].stroke_line(0, 0, 1, 1)      # the canvas that comes first is the one that was drawn on last
    wire = Wire(view, monkeypatch)
    view.canvas._handle_frontend_event(None, {"event": "client_ready"}, [])
    assert len(wire.pictures()) == 4
    first = bytes(wire.sent[0][1][0])
    assert first.startswith(b"[[") and view.canvas._canvas_manager._current_canvas is None
    code = int(first[2:].split(b",")[0])
    from ipycanvas.canvas import COMMANDS

    assert code == COMMANDS["switchCanvas"], "a page loaded anew knows no current canvas"


def test_together_is_one_message_and_survives_what_is_raised(view, monkeypatch):
    wire = Wire(view, monkeypatch)
    with pytest.raises(ZeroDivisionError), view.together():
        view.show(picture())
        view.canvas.fill_rect(0, 0, 5)
        view.label("half")
        1 / 0
    assert len(wire.sent) == 1 and len(wire.pictures()) == 2
    manager = view.canvas._canvas_manager
    assert not manager._caching and not manager._commands_cache
    with view.together(), view.together():
        view.canvas.fill_rect(0, 0, 5)
    assert not manager._caching


def test_what_one_view_holds_is_its_own(view):
    with LiveView(8, 8) as other, view.together():
        managers = [each.canvas._canvas_manager for each in (view, other)]
        assert managers[0]._caching and not managers[1]._caching
        assert all(layer._canvas_manager is managers[1] for layer in other._canvases)
    from ipycanvas.canvas import _CANVAS_MANAGER

    assert not _CANVAS_MANAGER._caching and _CANVAS_MANAGER not in managers


def test_drawing_never_waits_for_whom_may_wait_for_us(view, monkeypatch):
    wire, entered, leave = Wire(view, monkeypatch), threading.Event(), threading.Event()

    def hold():
        with view.together():
            entered.set()
            leave.wait(10)

    other = threading.Thread(target=hold)
    other.start()
    assert entered.wait(10)
    began = time.monotonic()
    view.show(picture())
    assert time.monotonic() - began < 5 and not wire.pictures()
    leave.set()
    other.join()
    assert wait_for(lambda: len(wire.pictures()) == 1), "and is made up for"


def test_a_flood_is_thinned_and_its_last_picture_shown(view, monkeypatch):
    wire = Wire(view, monkeypatch)
    began, threads = time.monotonic(), threading.active_count()
    for number in range(200):
        view.show(picture(number))
        assert threading.active_count() <= threads + 2
    last = to_bytes(picture(199))
    assert wait_for(lambda: len(wire.pictures()) and np.array_equal(wire.pictures()[-1][..., :3], last))
    assert len(wire.pictures()) <= (time.monotonic() - began) * 15 + 2 < 200


def test_where_no_thread_may_draw_the_pace_waits(monkeypatch):
    drawn = []
    pace = Pace(lambda: drawn.append(time.monotonic()), interval=.02, wait=True)
    for _ in range(4):
        pace.ask()
    assert len(drawn) == 4 and all(later - earlier > .019 for earlier, later in zip(drawn, drawn[1:], strict=False))
    pace.close()
    pace.ask()
    assert len(drawn) == 4


def test_a_script_sends_nothing(monkeypatch):
    with LiveView(32, 32, driver="inline") as view:
        wire = Wire(view, monkeypatch)
        view.show(picture())
        assert not wire.sent and sizes(view).any()
        view._greet()
        assert wire.pictures()


@pytest.mark.parametrize("canvas", [None, False])
def test_png_is_what_a_saved_notebook_shows(canvas, tmp_path):
    view = LiveView(32, 32, canvas=canvas, driver="thread")
    view.show(picture())
    data, _ = view._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    shown = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert np.array_equal(np.asarray(shown), sizes(view))
    view.save(tmp_path / "view.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "view.png")), sizes(view))
    assert view.snapshot().data == view.picture
    view.close()


def test_without_ipycanvas_the_picture_shows_with_a_sentence(monkeypatch):
    real, real_import = canvases.importlib.util.find_spec, builtins.__import__

    def no_canvas(name, *rest):
        assert not name.startswith("ipycanvas"), "it is not there"
        return real_import(name, *rest)

    monkeypatch.setattr(canvases.importlib.util, "find_spec", lambda name: None if name == "ipycanvas" else real(name))
    monkeypatch.setattr(builtins, "__import__", no_canvas)
    with LiveView(32, 32, driver="thread") as view:
        view.show(picture())
        view._pace.finish()
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(view.children[0].value))), sizes(view))
        assert "pip install ipycanvas" in view.children[-1].value
        with pytest.raises(GanwidgetsError, match="ipycanvas is not installed"):
            view.canvas
        with view.together():
            view.label("words")


def test_hosts_that_may_not_show_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", object())
    with LiveView(32, 32) as view:
        assert "Colab" in view.notice and isinstance(view.children[0], ipywidgets.Image)
    with LiveView(32, 32, canvas=True) as view:
        assert not view.notice and view.canvas is not None
    monkeypatch.setitem(sys.modules, "marimo", object())
    assert "marimo" in canvases.why_not()


def test_nobody_else_imports_ipycanvas():
    code = ("import sys, ganwidgets as gw; gw.PaintBox, gw.UnitBrowser, gw.LiveView, gw.WalkPlayer, gw.play; "
            "assert 'ipycanvas' not in sys.modules; gw.LiveView(8, 8); assert 'ipycanvas' in sys.modules")
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_canvas_is_deaf_unless_asked(view):
    assert "gw-deaf" in view.children[0]._dom_classes
    with LiveView(8, 8, mouse=True) as other:
        assert "gw-deaf" not in other.children[0]._dom_classes


def test_closed_views_leave_nothing():
    def lived():
        with LiveView(32, 32, driver="thread") as view:
            view.draw(Still(picture(), "words"))
            view._greet()
        return view

    lived()
    gc.collect()
    before = len(registry()), threading.active_count()
    for _ in range(10):
        view = lived()
    gc.collect()
    assert len(registry()) == before[0] and wait_for(lambda: threading.active_count() <= before[1])
    assert repr(view) == "LiveView(closed)" and sizes(view).any()
    view.close()
    with pytest.raises(GanwidgetsError, match="closed; make a new one"):
        view.show(picture())
    with pytest.raises(GanwidgetsError, match="closed"):
        view.canvas


def registry():
    found = getattr(ipywidgets.widgets.widget, "_instances", None)
    return found if found is not None else ipywidgets.Widget.widgets


def wait_for(true, seconds=10):
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        time.sleep(.01)
    return true()


def test_no_name_of_ours_is_one_of_the_widget_library(planted):
    box = set(dir(ipywidgets.VBox()))
    with LiveView(8, 8) as view, WalkPlayer(planted.generator, driver="inline") as player:
        for ours in (view, player):
            own = {*vars(type(ours)), *(vars(ours).keys() - vars(ipywidgets.VBox()).keys())}
            shared = {name for name in own & box if not name.startswith("__")}
            assert shared <= {"close", "_repr_mimebundle_", "_all_trait_default_generators", "_descriptors", "_instance_inits",
                              "_static_immutable_initial_values", "_trait_default_generators", "_traits"}, shared
