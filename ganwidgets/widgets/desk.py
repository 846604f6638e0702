"""The work of one lab: acts in their order, of the previews the latest, and the background when nothing else waits."""

import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, final

from ganwidgets.core.errors import CancelledError

Work = Callable[[], Generator[Any, None, dict[str, Any] | None]]


@dataclass(eq=False)
class Task:
    """One piece of work: `start()` answers its steps; `end(status, result or error)` is called exactly once."""

    start: Work = field(repr=False)
    end: Callable[[str, Any], None] = field(default=lambda status, result: None, repr=False)
    words: str = ""
    key: tuple[str, int] | None = None
    preview: bool = False
    name: str = ""
    cancelled: bool = False
    steps: Generator[Any, None, Any] | None = field(default=None, repr=False)
    _ended: bool = False

    def finish(self, status: str, result: Any = None) -> None:
        """Close the steps and tell the one who asked, once."""
        if self._ended:
            return
        self._ended = True
        if self.steps is not None:
            self.steps.close()
        self.end(status, result)

    def advance(self) -> tuple[bool, Any]:
        """Take one step: whether that was the last, and what it gave."""
        if self.steps is None:
            self.steps = self.start()
        try:
            return False, next(self.steps)
        except StopIteration as stop:
            return True, stop.value


@final
class Desk:
    """A lab's tasks. `lock` is the model's: held during each step and free between two. Usable from any thread."""

    def __init__(
        self,
        lock: AbstractContextManager[Any],
        *,
        watch: Callable[[Task | None, Any], None] = lambda task, progress: None,
    ) -> None:
        self._turn, self._watch = lock, watch
        self._changed = threading.Condition()
        self._acts: deque[Task] = deque()
        self._background: dict[str, Task] = {}
        self._current: Task | None = None
        self._running = False

    def add(self, task: Task) -> None:
        """Queue an act. What it makes pointless, a preview that still waits, is superseded."""
        with self._changed:
            stale = [waiting for waiting in self._acts if waiting.preview]
            for waiting in stale:
                self._acts.remove(waiting)
            self._acts.append(task)
        for waiting in stale:
            waiting.finish("superseded")

    def later(self, task: Task) -> None:
        """Queue work for when no act waits; it takes the place of background work of the same name."""
        with self._changed:
            stale = self._background.pop(task.name, None)
            self._background[task.name] = task
            if stale is not None:
                stale.cancelled = True
        if stale is not None and stale is not self._current:
            stale.finish("superseded")

    def cancel(self, key: tuple[str, int]) -> bool:
        """Give up an act: at once if it waits, before its next step if under way. False if there is no such act."""
        with self._changed:
            waiting = next((task for task in self._acts if task.key == key), None)
            if waiting is not None:
                self._acts.remove(waiting)
            elif self._current is not None and self._current.key == key:
                self._current.cancelled = True
                return True
        if waiting is not None:
            waiting.finish("cancelled")
        return waiting is not None

    def knows(self, key: tuple[str, int]) -> bool:
        """Whether an act of that view and number waits or is under way."""
        with self._changed:
            return any(task.key == key for task in (*self._acts, *([self._current] if self._current else [])))

    def clear(self) -> None:
        """Give up everything."""
        with self._changed:
            tasks = [*self._acts, *self._background.values()]
            self._acts.clear()
            self._background.clear()
            if self._current is not None:
                self._current.cancelled = True
                tasks = [task for task in tasks if task is not self._current]
        for task in tasks:
            task.finish("cancelled")

    @property
    def busy(self) -> bool:
        """Whether anything waits or is under way."""
        with self._changed:
            return bool(self._acts or self._background or self._running or self._current)

    def step(self) -> bool:
        """Take one step of what comes first; whether there is more to do. Within a step, nothing: that step goes on."""
        with self._turn:
            if self._running:
                return False
            task = self._choose()
            try:
                if task is not None:
                    self._advance(task)
            finally:
                with self._changed:
                    self._running = False
                    self._changed.notify_all()
        return self.busy

    def run(self, seconds: float | None = None) -> bool:
        """Take steps until nothing is left or the time is up; whether there is more to do."""
        until = None if seconds is None else time.monotonic() + seconds
        more = self.busy
        while more and (until is None or time.monotonic() < until):
            more = self.step()
        return more

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until others have done everything; False if the time ran out first."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._acts or self._background or self._running or self._current), seconds)

    def _choose(self) -> Task | None:
        """The act under way, else the next act, else background work, which waits as it stands while acts pass it."""
        with self._changed:
            if self._current is not None and self._current.name and self._acts:
                self._current = None
            if self._current is None:
                self._current = self._acts.popleft() if self._acts else next(iter(self._background.values()), None)
            self._running = self._current is not None
            return self._current

    def _advance(self, task: Task) -> None:
        """One step of the task, and its end if that was the last, whatever it raised."""
        status, result, last = "cancelled", None, True
        if not task.cancelled:
            try:
                last, result = task.advance()
                status = "done"
            except CancelledError:
                pass
            except KeyboardInterrupt:
                self._end(task, "cancelled", None)
                raise
            except Exception as error:  # whatever went wrong belongs to the one who asked, not to the worker
                status, result = "error", error
        if last:
            self._end(task, status, result)
        else:
            self._watch(task, result)

    def _end(self, task: Task, status: str, result: Any) -> None:
        with self._changed:
            self._current = None
            if self._background.get(task.name) is task:
                del self._background[task.name]
        try:
            task.finish(status, result)
        finally:
            self._watch(None, None)
