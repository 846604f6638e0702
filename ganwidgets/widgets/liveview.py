"""LiveView: what the kernel computes, drawn while it computes: a picture, a heat map, outlines and words, on ipycanvas."""

import html
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, final

import ipywidgets
from PIL import Image

from ganwidgets.core.concepts import Concept, Segmenter
from ganwidgets.core.errors import ArgumentError, GanwidgetsError, one_of
from ganwidgets.core.images import encoded, to_tensor
from ganwidgets.core.jobs import DRIVERS
from ganwidgets.core.latents import whole_number
from ganwidgets.core.stills import MAGENTA, Still
from ganwidgets.widgets import canvases, drivers
from ganwidgets.widgets.layers import NAMES, Contour, Heat, Label, Layers, color_of, map_of, mask_of, picture_of
from ganwidgets.widgets.shown import Shown, belongings, close_whole

LARGEST = 4096      # pixels along a side
WHITE = (255, 255, 255)
OPACITY, MARGIN = 0.4, 0.02      # of a heat map where it is 1; of the view, around words
# `interactivity` takes the canvas out of the way of Tab, in browsers that know it
STYLE = "<style>.gw-deaf { pointer-events: none; interactivity: inert; }</style>"


@final
class LiveView(Shown, ipywidgets.VBox):
    """A view that the kernel draws on: a picture, a heat map over it, outlines, words, and a canvas of your own on top.

    `width` and `height` in pixels; the picture is as large as fits. All is computed here: `image` is exact with no browser at
    all. `canvas` is a plain ipycanvas Canvas to draw on within `together()`, which does here what hold_canvas does elsewhere;
    what you draw there is in the browser alone, neither in `image` nor there after a reload, unless drawn again in
    `canvas.on_client_ready`. With `mouse` it hears mouse, touch and keys; it does not unless asked, since ipycanvas sends every
    move to the kernel, and while it has the focus keeps each key to itself, Tab too. `canvas=False`, or where ipycanvas is
    missing, gives a view that shows the same picture with no canvas.
    Drawing more often than 15 times a second leaves pictures out, never the last.
    Errors: ArgumentError for another size; TypeError for unknown keyword arguments.
    """

    def __init__(self, width: int = 512, height: int = 512, *, canvas: bool | None = None, mouse: bool = False,
                 driver: str | None = None) -> None:
        sides = [whole_number(side) for side in (width, height)]
        if not all(side is not None and 1 <= side <= LARGEST for side in sides):
            raise ArgumentError(f"a view has from 1 to {LARGEST} pixels along a side; {width!r} x {height!r} came.")
        if driver is not None and driver not in DRIVERS:
            raise ArgumentError(one_of("driver", driver, DRIVERS))
        self._layers = Layers(width, height)
        self._changed = set[str]()
        self._guard, self._drawing = threading.RLock(), threading.RLock()
        self._seen = self._closed = False
        self._depth = 0
        self._driver = driver or drivers.detect()
        self._pace = canvases.Pace(self._draw, wait=self._driver != "thread")
        self.notice = canvases.why_not() if canvas is None else "" if canvas else "This view was made without a canvas."
        self._screen, self._canvases = _screen(width, height, bare=bool(self.notice))
        if not mouse:
            self._screen.add_class("gw-deaf")
        note = [] if not self.notice or canvas is False else [ipywidgets.HTML(html.escape(self.notice))]
        self._spoken = ipywidgets.HTML(STYLE, layout={"height": "0px", "margin": "0px", "overflow": "hidden"})
        super().__init__([self._screen, self._spoken, *note])
        if self._canvases:
            self._canvases[-1].on_client_ready(self._greet)

    # Drawing: each answers nothing, and shows at once or a moment later.

    def show(self, image: Any) -> None:
        """Show a picture: a tensor (3, h, w) in [-1, 1], bytes (h, w, 3), or a PIL image. Errors: ShapeError."""
        shown = picture_of(image)
        # where the picture is, the rest is too
        self._change(lambda layers: replace(layers, picture=shown), "picture", "heat", "contours")

    def heat(self, map: Any, *, color: Any = MAGENTA, opacity: float = OPACITY) -> None:
        """Lay a heat map (h, w), 0..1, over the picture, in place of the one before. Errors: ShapeError, ArgumentError."""
        if not 0 <= opacity <= 1:
            raise ArgumentError(f"opacity goes from 0 to 1; {opacity!r} came.")
        found = Heat(map_of(map), color_of(color), float(opacity))
        self._change(lambda layers: replace(layers, heat=found), "heat")

    def contours(self, mask: Any, *, segmenter: Segmenter | None = None, color: Any = None, width: int = 2) -> None:
        """Draw the outline of a mask (h, w), or of a concept that a segmenter finds in the picture, with those before.

        `color` left out: white, or the concept's. Errors: ShapeError, ConceptError, ArgumentError.
        """
        lines = whole_number(width)
        if lines is None or lines < 1:
            raise ArgumentError(f"lines are 1 pixel wide or more; {width!r} came.")
        if isinstance(mask, (str, Concept)):
            mask, own = self._found(mask, segmenter)
            color = own if color is None else color
        found = Contour(mask_of(mask), color_of(WHITE if color is None else color), lines)
        self._change(lambda layers: replace(layers, contours=(*layers.contours, found)), "contours")

    def label(self, text: str, x: float = MARGIN, y: float = MARGIN, *, color: Any = WHITE) -> None:
        """Write words, their top left corner at x, y (fractions of the view, y down), with those before. Errors: ArgumentError."""
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise ArgumentError(f"x and y are fractions of the view, from 0 to 1; {x!r}, {y!r} came.")
        found = Label(str(text), float(x), float(y), color_of(color))
        self._change(lambda layers: replace(layers, labels=(*layers.labels, found)), "labels")

    def draw(self, still: Still) -> None:
        """Show a picture with all that lies over it, in place of everything before. Errors: as the layers'."""
        page = Layers(self._layers.width, self._layers.height, picture_of(still.image))
        if still.heat is not None:
            page = replace(page, heat=Heat(map_of(still.heat), color_of(still.color), OPACITY))
        if still.outline is not None:
            page = replace(page, contours=(Contour(mask_of(still.outline), WHITE, 2),))
        if still.text:
            page = replace(page, labels=(Label(still.text, MARGIN, MARGIN, WHITE),))
        self._change(lambda _: page, *NAMES)

    def clear(self, layer: str | None = None) -> None:
        """Take away what is on a layer; left out, on all but your own canvas. Errors: ArgumentError."""
        if layer is None:
            self._change(lambda layers: Layers(layers.width, layers.height), *NAMES)
        elif layer in NAMES:
            self._change(lambda layers: layers.cleared(layer), *(NAMES[:3] if layer == "picture" else (layer,)))
        else:
            raise ArgumentError(one_of("layer", layer, NAMES, where="a LiveView"))

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is drawn within, on `canvas` too, reaches the browser at once, even if something is raised.

        For one thread at a time: others draw after it. Errors: GanwidgetsError, if the view is closed.
        """
        self._check()
        with self._drawing, self._holding():
            self._depth += 1       # only who holds the lock changes it
            try:
                yield
            finally:
                self._depth -= 1
                self._pour()

    # What there is.

    @property
    def canvas(self) -> Any:
        """Your own layer, above all others: an ipycanvas Canvas. Errors: GanwidgetsError where this view has none."""
        if not self._canvases:
            raise GanwidgetsError(self.notice or "this LiveView is closed; make a new one.")
        return self._canvases[-1]

    @property
    def image(self) -> Image.Image:
        """All layers but your own as one RGBA picture, exactly as drawn."""
        return self._layers.composite()

    @property
    def picture(self) -> bytes:
        """The same as PNG."""
        return encoded(self.image, format="PNG", compress_level=1)

    @property
    def alt(self) -> str:
        """What is seen, in words."""
        return "; ".join(label.text for label in self._layers.labels) or "What the kernel draws."

    def save(self, path: str | Path) -> None:
        """Save what is seen as PNG."""
        Path(path).write_bytes(self.picture)

    def close(self) -> None:
        """Free the canvases; `image` stays."""
        if getattr(self, "_closed", True):
            return
        self._pace.close()
        with self._drawing:
            self._pour()
            self._closed = True
        manager = [self._canvases[-1]._canvas_manager] if self._canvases else []
        if self._canvases:
            self._canvases[-1].on_client_ready(self._greet, remove=True)
        close_whole(*self._canvases, *manager, *self.children)
        own = belongings(self)
        super().close()
        close_whole(*own)
        self._canvases = ()

    def __repr__(self) -> str:
        return f"LiveView({'closed' if self._closed else f'{self._layers.width} x {self._layers.height}'})"

    # Inside.

    def _found(self, concept: Any, segmenter: Segmenter | None) -> tuple[Any, Any]:
        """Where a concept is in the picture shown, and its colour."""
        if segmenter is None or self._layers.picture is None:
            raise ArgumentError("to outline a concept, show a picture and give a segmenter, as gw.load_segmenter(name) does.")
        index = segmenter.index(concept)
        masks = segmenter.segment(to_tensor(self._layers.picture)[None])
        return masks[0, index], segmenter.concepts[index].color

    def _check(self) -> None:
        if self._closed:
            raise GanwidgetsError("this LiveView is closed; make a new one.")

    def _change(self, how: Callable[[Layers], Layers], *names: str) -> None:
        self._check()
        with self._guard:
            self._layers = how(self._layers)
            self._changed.update(names)
        if self._seen or self._driver != "inline":     # a script has no browser
            self._pace.ask()

    def _draw(self) -> None:
        """Send what has changed. Never waits for somebody who is drawing: that one may wait for us."""
        if not self._drawing.acquire(blocking=False):
            self._pace.ask(busy=True)
            return
        try:
            self._pour()
        finally:
            self._drawing.release()

    def _pour(self) -> None:
        """Send what has changed, once nobody draws together any more. The lock is ours."""
        if self._depth or self._closed:
            return
        with self._guard:
            layers, names = self._layers, [name for name in NAMES if name in self._changed]
            self._changed.clear()
        if "labels" in names:
            self._spoken.value = f"{STYLE}<span>{html.escape(self.alt)}</span>"
        if names and not self._canvases:
            self._screen.value = self.picture
        with self._holding():
            for name, canvas in zip(NAMES, self._canvases, strict=False):
                if name in names:
                    canvases.put(canvas, layers.drawn(name))

    def _holding(self) -> AbstractContextManager[Any]:
        return canvases.held(self._canvases[-1]) if self._canvases else nullcontext()

    def _greet(self) -> None:
        """A page has come, or come again: it has nothing yet."""
        self._seen = True
        with self._guard:
            self._changed.update(NAMES)
        self._draw()


def _screen(width: int, height: int, *, bare: bool) -> tuple[Any, tuple[Any, ...]]:
    """What the view shows itself on, and its canvases from the lowest up, if there are any."""
    fits = {"width": f"{width}px", "max_width": "100%", "height": "auto", "align_self": "flex-start"}   # else a box stretches it
    if bare:
        empty = encoded(Image.new("RGBA", (width, height)), format="PNG")
        return ipywidgets.Image(value=empty, format="png", width=width, height=height, layout=fits), ()
    return canvases.screen(len(NAMES) + 1, width, height, layout=fits)
