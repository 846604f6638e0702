"""WalkPlayer: a walk through the latents to play and to scrub, drawn as it is looked at and a little ahead."""

import itertools
import threading
import weakref
from collections import OrderedDict
from collections.abc import Generator
from pathlib import Path
from typing import Any, final

import ipywidgets
import traitlets
from PIL import Image

from ganwidgets.core.edits import EditStack
from ganwidgets.core.errors import GanwidgetsError
from ganwidgets.core.images import to_pil
from ganwidgets.core.jobs import Job, Progress
from ganwidgets.core.nets import LayeredGenerator
from ganwidgets.core.walks import Walk, walk
from ganwidgets.core.workers import Act, Worker
from ganwidgets.widgets import drivers
from ganwidgets.widgets.liveview import LiveView
from ganwidgets.widgets.shown import Shown, belongings, close_whole

KEPT = 64 << 20      # bytes of pictures that stay in memory
SPEEDS = (1, 15)     # pictures a second
SEEDS = (0, 1, 2, 3)

_players: "weakref.WeakSet[WalkPlayer]" = weakref.WeakSet()


@final
class WalkPlayer(Shown, ipywidgets.VBox):
    """A walk from picture to picture with buttons to play it, a slider to scrub, and a speed.

    Pictures are drawn when the slider asks for them; while nothing else is to be done the model's worker draws those that
    follow, and as many as fit into memory are kept. `position` is the picture shown, and can be set. The arguments are those
    of `gw.walk`. Errors: those of `gw.walk` and LiveView; TypeError for unknown keyword arguments.
    """

    position = traitlets.Int(0, min=0)

    def __init__(self, g: LayeredGenerator, *, seeds: Any = SEEDS, edits: EditStack | None = None, steps: int = 16,
                 loop: bool = True, width: int = 384, height: int = 384, canvas: bool | None = None,
                 driver: str | None = None) -> None:
        self._walk: Walk | None = walk(g, seeds, steps=steps, edits=edits, loop=loop)
        self.view = LiveView(width, height, canvas=canvas, driver=driver)
        self._owner: Any = g
        self._worker = Worker.of(g)
        self._driver = driver or drivers.detect()
        self._frames: OrderedDict[int, Image.Image] = OrderedDict()
        self._guard = threading.RLock()
        self._browser = threading.local()
        self._turns, self._shown = itertools.count(1), 0
        self._act: Act | None = None
        self._ahead: Job | None = None
        self._closed = False
        self._slider, self._speed, self._play, self._words = _controls(len(self._walk), loop)
        self._link = ipywidgets.jslink((self._play, "value"), (self._slider, "value"))
        bar = ipywidgets.HBox([self._play, self._slider, self._speed], layout={"flex_flow": "row wrap"})
        super().__init__([self.view, bar, self._words])
        self._slider.observe(self._scrubbed, "value")
        self._speed.observe(self._paced, "value")
        for other in [player for player in _players if player._owner is g]:
            other.rest()
        _players.add(self)
        self._show(self.position)

    def __len__(self) -> int:
        return self._slider.max + 1

    def show(self, position: int) -> None:
        """Go to a picture of the walk. Errors: TraitError outside of it."""
        self.position = position

    def wait(self, seconds: float | None = None) -> bool:
        """Finish what is under way; False if `seconds` ran out first."""
        act, job = self._act, self._ahead
        done = act is None or act.wait(seconds)
        return done and (job is None or job.wait(seconds))

    def rest(self) -> None:
        """Draw no further ahead, and keep no picture: all can be drawn again."""
        job, self._ahead = self._ahead, None
        if job is not None:
            job.cancel()
        with self._guard:
            self._frames.clear()

    def close(self) -> None:
        """Give up what is under way and free everything; the last picture stays in `image`."""
        if getattr(self, "_closed", True):
            return
        self._closed = True
        _players.discard(self)
        self._slider.unobserve(self._scrubbed, "value")
        self._speed.unobserve(self._paced, "value")
        self.rest()
        self._walk = self._owner = None
        self._link.close()
        self.view.close()
        bar, own = self.children[1], belongings(self)
        close_whole(*bar.children, bar, self._words)
        super().close()
        close_whole(*own)

    def __repr__(self) -> str:
        return f"WalkPlayer({'closed' if self._closed else f'picture {self.position} of {len(self)}'})"

    # What there is.

    @property
    def image(self) -> Image.Image:
        """What is seen."""
        return self.view.image

    @property
    def picture(self) -> bytes:
        """The same as PNG."""
        return self.view.picture

    @property
    def alt(self) -> str:
        """Where on the walk the picture is, in words."""
        return self._words.value

    def save(self, path: str | Path) -> None:
        """Save what is seen as PNG."""
        self.view.save(path)

    # Inside.

    @traitlets.validate("position")
    def _within(self, proposal: Any) -> int:
        if proposal["value"] >= len(self):
            raise traitlets.TraitError(f"this walk has the pictures 0 to {len(self) - 1}; {proposal['value']} came.")
        return proposal["value"]

    @traitlets.observe("position")
    def _moved(self, change: Any) -> None:
        """Draw at once what a cell asks for; what the browser asks for, when the worker comes to it."""
        if self._closed:
            raise GanwidgetsError("this WalkPlayer is closed; make a new one.")
        driven = getattr(self._browser, "here", False) and self._driver == "thread"
        self._slider.value = change["new"]
        kept = self._kept(change["new"])
        if kept is not None or not driven:
            self._show(change["new"])
        else:
            self._act = self._worker.submit(self._catch_up, kind=f"walk {id(self)}", latest_wins=True, done=self._told)

    def _scrubbed(self, change: Any) -> None:
        self._browser.here = True
        try:
            self.position = change["new"]
        finally:
            self._browser.here = False

    def _paced(self, change: Any) -> None:
        self._play.interval = round(1000 / change["new"])

    def _catch_up(self) -> None:
        if not self._closed:
            self._show(self.position)

    def _told(self, status: str, value: Any) -> None:
        """What went wrong while the worker drew, in place of the words."""
        if status == "error" and not self._closed:
            known = isinstance(value, GanwidgetsError)
            self._words.value = str(value) if known else f"something went wrong inside: {type(value).__name__}: {value}"

    def _show(self, place: int) -> None:
        """Show one picture, and see to it that those after it are drawn."""
        walked = self._walk
        if walked is None:
            return
        turn = next(self._turns)
        image = self._kept(place) or self._drawn(walked, place)
        with self._guard:
            if self._closed or turn < self._shown:     # another picture was asked for later, and shown before
                return
            self._shown = turn
            self.view.show(image)
            self._words.value = walked.words(place)
        if self._driver == "thread" and (self._ahead is None or self._ahead.ended) and self._next() is not None:
            self._ahead = Job(self._go_ahead(walked), owner=self._owner)

    def _kept(self, place: int) -> Image.Image | None:
        with self._guard:
            return self._frames.get(place)

    def _drawn(self, walked: Walk, place: int) -> Image.Image:
        """A picture drawn by the model, and kept in place of the ones longest kept."""
        with self._worker.lock:
            image = to_pil(walked[place])
        with self._guard:
            self._frames[place] = image
            while len(self._frames) > self._room(image):
                self._frames.popitem(last=False)
        return image

    def _room(self, image: Image.Image) -> int:
        return max(2, KEPT // (3 * image.width * image.height))

    def _next(self) -> int | None:
        """The next picture that is not kept; None where all are, or as many as there is room for."""
        with self._guard:
            held = next(iter(self._frames.values()), None)
            if held is not None and len(self._frames) >= self._room(held):
                return None
            after = range(self.position + 1, self.position + len(self))
            return next((place % len(self) for place in after if place % len(self) not in self._frames), None)

    def _go_ahead(self, walked: Walk) -> Generator[Progress, None, None]:
        """Draw what follows the picture that is shown, wherever that has got to."""
        while not self._closed and (place := self._next()) is not None:
            self._drawn(walked, place)
            yield Progress(len(self._frames), len(self))


def _controls(count: int, loop: bool) -> tuple[Any, Any, Any, Any]:
    """The slider, the speed, the buttons, and the words below."""
    slow, fast = SPEEDS
    slider = ipywidgets.IntSlider(0, 0, count - 1, description="Picture")
    speed = ipywidgets.IntSlider(8, slow, fast, description="Speed", tooltip="pictures a second", layout={"width": "220px"})
    play = ipywidgets.Play(value=0, min=0, max=count - 1, interval=round(1000 / speed.value))
    setattr(play, "repeat" if play.has_trait("repeat") else "_repeat", loop)     # the second in ipywidgets 7
    return slider, speed, play, ipywidgets.Label()
