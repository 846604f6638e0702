"""ipycanvas with its sharp edges covered: a manager for each view, drawing that always ends, exact pictures, and no flood."""

import importlib.util
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, final

import numpy as np
from PIL import Image

from ganwidgets.widgets.layers import Box

INTERVAL = 1 / 15      # seconds between two drawings: more than a browser draws is thrown away
INSTEAD = "this view shows its picture, without a canvas to draw on."


def why_not() -> str:
    """Why ipycanvas cannot be relied on here, as a sentence; "" where it can."""
    if importlib.util.find_spec("ipycanvas") is None:
        return f"ipycanvas is not installed: {INSTEAD} To have it: pip install ipycanvas"
    if "marimo" in sys.modules:
        return f"marimo shows no ipycanvas: {INSTEAD}"
    if "google.colab" in sys.modules:
        return f"Colab does not always find ipycanvas: {INSTEAD} To try it: LiveView(canvas=True)"
    return ""


def screen(count: int, width: int, height: int, **options: Any) -> tuple[Any, tuple[Any, ...]]:
    """A MultiCanvas and its canvases, the lowest first, with a manager of their own.

    ipycanvas has one manager for all canvases of the process: what is held for one is held for all, and one command that the
    page cannot carry out, for a canvas just closed, ends all drawing on that page.
    """
    import ipycanvas

    made = ipycanvas.MultiCanvas(count, width=width, height=height, **options)
    layers = tuple(made[place] for place in range(count))
    manager = type(layers[0]._canvas_manager)()
    for canvas in (made, *layers):
        canvas._canvas_manager = manager
    return made, layers


@contextmanager
def held(canvas: Any) -> Iterator[None]:
    """What is drawn within reaches the browser at once, at the end; whatever is raised, drawing goes on as before after it."""
    manager = canvas._canvas_manager
    before, manager._caching = manager._caching, True
    # a page that was loaded anew does not know which canvas was drawn on last, and would give up for good
    manager._current_canvas = None
    try:
        yield
    finally:
        manager.flush()
        manager._caching, manager._current_canvas = before, None


def put(canvas: Any, found: tuple[Image.Image, Box] | None) -> None:
    """Make these pixels all that is on the canvas. RGBA, because ipycanvas sends RGB as JPEG."""
    canvas.clear_rect(0, 0, canvas.width, canvas.height)   # clear() would blank the screen until the picture is there
    if found is None:
        return
    pixels, (left, top, width, height) = found
    canvas.image_smoothing_enabled = False
    canvas.save()
    canvas.translate(left, top)
    canvas.scale(width / pixels.width, height / pixels.height)
    canvas.put_image_data(np.asarray(pixels), 0, 0)
    canvas.restore()


@final
class Pace:
    """Calls `draw()` whenever asked, but only so often: what comes too early is drawn together, a moment later.

    With `wait`, for hosts where other threads cannot draw, it waits for that moment. For any thread.
    """

    def __init__(self, draw: Callable[[], None], *, interval: float = INTERVAL, wait: bool = False) -> None:
        self._draw, self._interval, self._wait = draw, interval, wait
        self._lock = threading.Lock()
        self._last = -interval
        self._timer: threading.Timer | None = None
        self._closed = False

    def ask(self, *, busy: bool = False) -> None:
        """Draw now or soon; `busy`: soon."""
        with self._lock:
            rest = self._interval if busy else self._last + self._interval - time.monotonic()
            if self._closed or self._timer is not None:
                return
            if rest > 0 and not self._wait:
                self._timer = threading.Timer(rest, self._due)
                self._timer.daemon = True
                self._timer.start()
                return
        if rest > 0:
            time.sleep(rest)
        self._now()

    def finish(self) -> None:
        """Draw now what waits."""
        with self._lock:
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
            self._now()

    def close(self) -> None:
        """Draw no more."""
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        with self._lock:
            if self._timer is None:
                return
            self._timer = None
        self._now()

    def _now(self) -> None:
        with self._lock:
            self._last = time.monotonic()
        if not self._closed:
            self._draw()
