"""What every lab has: traits that say how it stands, requests each answered once, and an end that frees everything."""

import difflib
import functools
import sys
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets
from torch import Tensor

from ganwidgets.core.errors import GanwidgetsError, MessageError
from ganwidgets.core.images import encode_png
from ganwidgets.core.jobs import Worker
from ganwidgets.widgets import drivers
from ganwidgets.widgets.desk import Desk, Task, Work
from ganwidgets.widgets.frames import Frame, FrameGate
from ganwidgets.widgets.messages import DRIVERS, PREVIEWS, PROTOCOL, REQUESTS, SETTINGS, Message, address, check, parse
from ganwidgets.widgets.pictured import Pictured
from ganwidgets.widgets.shown import Shown

STATIC = Path(__file__).parents[1] / "static"
KEPT = 8  # labs of one kind that stay open on one model; older ones are closed

_open: list["weakref.ref[LabWidget]"] = []


@functools.cache
def built(name: str) -> str:
    """A built file of the front end, or what says that it is missing."""
    path = STATIC / name
    if path.is_file():
        return path.read_text(encoding="utf-8")
    said = "The front end is not built; run: make js"
    return f"export default {{ render({{ el }}) {{ el.textContent = '{said}'; }} }};" if name.endswith(".js") else ""


class LabWidget(Shown, Pictured, anywidget.AnyWidget):
    """A lab on a model: a widget whose every act is a method, a message, and a line in the history.

    Subclasses name their front end in `front`, answer `edits`, `work(message)` and `greet()`, and act inside `acting()`.
    """

    front: ClassVar[str]
    _esm = traitlets.Unicode().tag(sync=True)  # traits, since anywidget keeps every widget with a path alive for ever
    _css = traitlets.Unicode().tag(sync=True)
    protocol = traitlets.Int(PROTOCOL, read_only=True).tag(sync=True)
    version = traitlets.Unicode(read_only=True).tag(sync=True)
    model = traitlets.Unicode(read_only=True).tag(sync=True)
    picture = traitlets.Bytes(read_only=True).tag(sync=True)
    busy = traitlets.Unicode(read_only=True).tag(sync=True)
    progress = traitlets.Dict(read_only=True).tag(sync=True)
    error = traitlets.Dict(read_only=True).tag(sync=True)
    status = traitlets.Unicode(read_only=True).tag(sync=True)
    alt = traitlets.Unicode(read_only=True).tag(sync=True)
    read_only = traitlets.Bool(False, read_only=True).tag(sync=True)
    driver = traitlets.Enum(DRIVERS, "inline").tag(sync=True)

    def __init__(self, owner: Any, *, driver: str | None = None, **settings: Any) -> None:
        refuse_unknown(type(self), settings)
        self._owner: Any = owner
        self._worker = Worker.of(owner)
        self._writes = threading.RLock()
        self._writing = threading.local()
        self._views: set[str] = set()
        self.request: Message | None = None
        self._closed = self._draining = False
        self._cell = drivers.cell()
        self._gate = FrameGate(self._post)
        self._desk = Desk(self._worker.lock, watch=self._watched)
        super().__init__(driver=driver or drivers.detect(), **settings)
        version = getattr(sys.modules["ganwidgets"], "__version__", "")
        self.say(version=version, model=getattr(owner, "name", type(owner).__name__))
        self.on_msg(self._received)
        _register(self)

    @traitlets.default("_esm")
    def _built_script(self) -> str:
        return built(f"{self.front}.js")

    @traitlets.default("_css")
    def _built_style(self) -> str:
        return built(f"{self.front}.css")

    # What a subclass answers.

    def work(self, message: Message) -> tuple[Work, str]:
        """The steps that do what the browser asks, not yet started, and a word for them. Errors: GanwidgetsError."""
        raise MessageError(f"{type(self).__name__} does not do {message.kind!r}.")

    def greet(self) -> None:
        """Send a new view what it cannot read from the traits."""

    def rest(self) -> None:
        """Free what can be computed again; another lab has taken the model over, or this one is closed."""

    # What a subclass uses.

    @contextmanager
    def acting(self, request: Message | None = None) -> Iterator[None]:
        """An act, perhaps for a request: the model is ours meanwhile. Errors: GanwidgetsError, if the lab is closed."""
        if self._closed:
            raise GanwidgetsError(f"this {type(self).__name__} is closed; make a new one.")
        with self._worker.lock:
            before, self.request = self.request, request or self.request
            try:
                yield
            finally:
                self.request = before

    def say(self, **traits: Any) -> None:
        """Set traits that the user cannot, from any thread."""
        with self._writes:
            for name, value in traits.items():
                self.set_trait(name, value)

    def post(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        """Send a message to the views, if there are any."""
        if self._views:
            self._post(content, buffers)

    def show_frame(self, frame: Frame) -> None:
        """Show a picture, and only then make it the trait that a saved notebook keeps, if it is one at rest."""
        if self._views:
            self._gate.offer(frame)
        if frame.rest:
            self.say(picture=frame.data)

    def show_image(self, image: Tensor, number: int) -> None:
        """Show a picture (3, h, w) at rest, as what the present request asked for, if there is one."""
        asked = (self.request.id, self.request.view) if self.request is not None else (None, "")
        self.show_frame(Frame(encode_png(image), "png", number, True, False, *asked))

    def later(self, name: str, steps: Work, words: str = "") -> None:
        """Do this when nothing else is to be done, unless another of the name follows. Errors show in `error`."""

        def end(status: str, result: Any) -> None:
            if status == "error":
                self.complain(result)

        self._desk.later(Task(steps, end, words, name=name))
        self._drive()

    def complain(self, error: BaseException) -> dict[str, str]:
        """Show an error under the widget: the sentence, and the traceback for whoever unfolds it."""
        known = isinstance(error, GanwidgetsError)
        said = str(error) if known else f"something went wrong inside: {type(error).__name__}: {error}"
        record = {"message": said, "details": "".join(traceback.format_exception(error))}
        self.say(error=record)
        return record

    # Life.

    def wait(self, seconds: float | None = None) -> bool:
        """Finish what is under way; False if `seconds` ran out first."""
        if self.driver == "thread" and not self._worker.is_current():
            return self._desk.wait(seconds)
        return not self._desk.run(seconds)

    def close(self) -> None:
        """Give up what is under way and free everything; the last picture and the edits stay readable."""
        if getattr(self, "_closed", True):
            return
        self._closed = True
        self._desk.clear()
        self._views.clear()
        self.on_msg(self._received, remove=True)
        _forget(self)
        self.rest()
        self._owner = None
        layout = self.layout
        super().close()
        if layout is not None:
            layout.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(['closed'] if self._closed else self.described())})"

    def described(self) -> list[str]:
        """The few words that stand in the repr."""
        return [self.model]

    # Messages.

    def set_state(self, sync_data: Mapping[str, Any]) -> None:
        """Take what the browser has set: settings within their ranges; anything else is refused and set right again."""
        good, bad = {}, []
        for name, value in sync_data.items():
            try:
                good[name] = check(SETTINGS[name], value, "the lab")
            except (KeyError, MessageError) as error:
                bad.append((name, error))
        self._writing.browser = True
        try:
            with self._writes:
                super().set_state({name: value for name, value in good.items() if self.has_trait(name)})
        finally:
            self._writing.browser = False
        known = [name for name, _ in bad if name in self.keys]
        if known:
            self.send_state(known)
        for _, wrong in bad:
            if isinstance(wrong, MessageError):
                self.complain(wrong)

    def _received(self, _widget: Any, content: Any, buffers: Any) -> None:
        """A message from the browser: check it, put it on the desk, return."""
        try:
            message = parse(content, buffers)
            if message.kind == "ack":
                self._gate.acknowledge(message["frame"])
                return
            if message.kind in _AT_ONCE:
                self._answer(message.key, message.kind, "done", _AT_ONCE[message.kind](self, message))
                return
            task = self._task(message)
        except Exception as error:  # an answer is owed, whatever went wrong
            number, view = address(content)
            self._answer((view, number), "", "error", error)
            return
        self._desk.add(task)
        self._drive()

    def _task(self, message: Message) -> Task:
        """The work that a message asks for. Errors: GanwidgetsError."""
        if self._desk.knows(message.key):
            raise MessageError(f"the browser used number {message.id} twice; reload the page if this goes on.")
        steps, words = self.work(message)

        def end(status: str, result: Any) -> None:
            self._answer(message.key, message.kind, status, result)

        return Task(steps, end, words, key=message.key, preview=message.kind in PREVIEWS)

    def _answer(self, key: tuple[str, int | None], kind: str, status: str, result: Any = None) -> None:
        """The one answer to a request."""
        content: dict[str, Any] = {"kind": "answer", "id": key[1], "view": key[0], "status": status, "request": kind}
        buffers: list[bytes] = []
        if status == "error":
            content.update(self.complain(result))
        elif status == "done":
            payload = dict(result or {})
            buffers = payload.pop("buffers", [])
            content.update(payload)
            if not REQUESTS[kind].quiet and self.error:
                self.say(error={})
        self._post(content, buffers)

    def _post(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        if not self._closed or content["kind"] == "answer":
            self.send(content, buffers)

    def _ready(self, message: Message) -> dict[str, Any]:
        self._views.add(message.view)
        self._gate.reset()
        self.greet()
        return {}

    def _cancel(self, message: Message) -> dict[str, Any]:
        self._desk.cancel((message.view, message["target"]))
        return {}

    def _set(self, message: Message) -> dict[str, Any]:
        if not self.has_trait(message["name"]):
            raise MessageError(f"{type(self).__name__} has no setting {message['name']!r}.")
        with self._writes:
            setattr(self, message["name"], message["value"])
        return {}

    def _next(self, message: Message) -> dict[str, Any]:
        return {"more": self._desk.run(drivers.PULL_SECONDS) if self.driver != "thread" else self._desk.busy}

    # Work.

    def _drive(self) -> None:
        """See to it that what lies on the desk gets done."""
        if self.driver == "inline":
            self._desk.run()
        elif self.driver == "pull":
            self._desk.run(drivers.PULL_SECONDS)
        elif not self._draining:
            self._draining = True
            self._worker.submit(self._drain)

    def _drain(self) -> None:
        self._draining = False
        self._desk.run()

    def _watched(self, task: Task | None, progress: Any) -> None:
        """Keep `busy` and `progress` true from the second step on: each change is a message, which a short act can spare."""
        if task is not None and (task.preview or not task.words):
            return
        words = task.words if task is not None else ""
        told = {}
        if progress is not None and progress.total:
            told = {"done": progress.done, "total": progress.total, "note": progress.note}
        if words != self.busy:
            self.say(busy=words, progress=told)
        elif told and told != self.progress:
            self.say(progress=told)


_AT_ONCE: dict[str, Callable[[LabWidget, Message], dict[str, Any]]] = {
    "ready": LabWidget._ready,
    "cancel": LabWidget._cancel,
    "set": LabWidget._set,
    "next": LabWidget._next,
}


def refuse_unknown(kind: type[LabWidget], settings: Mapping[str, Any]) -> None:
    """Errors: TypeError for keyword arguments that the lab does not have, with the nearest name."""
    known = [name for name in kind.class_trait_names() if not name.startswith("_")]
    for name in settings:
        if name not in known:
            near = difflib.get_close_matches(name, [*known, *(kind.__init__.__kwdefaults__ or ())], n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"{kind.__name__} takes no argument {name!r}.{hint}")
        if kind.class_traits()[name].read_only:
            raise TypeError(f"{kind.__name__} sets {name!r} itself.")


def _register(lab: LabWidget) -> None:
    """Let a new lab have the model: older ones rest; the one from the same cell, and all beyond a few, are closed."""
    _open[:] = [ref for ref in _open if ref() is not None]
    kind = type(lab).__name__  # not the class itself: anywidget makes one per lab
    before = [old for old in open_labs() if old._owner is lab._owner and type(old).__name__ == kind]
    _open.append(weakref.ref(lab))
    again = [old for old in before if lab._cell is not None and old._cell == lab._cell]
    for old in before:
        if old in again or old in before[: max(0, len(before) + 1 - KEPT)]:
            old.close()
        else:
            old._desk.clear()
            old.rest()


def open_labs() -> list[LabWidget]:
    """The labs that are open."""
    return [lab for ref in _open if (lab := ref()) is not None]


def _forget(lab: LabWidget) -> None:
    _open[:] = [ref for ref in _open if ref() is not None and ref() is not lab]
