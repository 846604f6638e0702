"""One lock and one worker per model: acts in their order, of previews the latest, jobs a step at a time in between."""

import logging
import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, final, runtime_checkable

LOG = logging.getLogger("ganwidgets")

_workers: dict[int, tuple[weakref.ref, "Worker"]] = {}
_registry = threading.RLock()


@runtime_checkable
class Stepping(Protocol):
    """What a worker takes in turn: a Job."""

    @property
    def ended(self) -> bool:
        """Whether no step will follow."""

    @property
    def ready(self) -> bool:
        """Whether a step can be taken now."""

    def take_step(self) -> None:
        """Take one step."""


@final
class Turn:
    """A reentrant lock whose waiters get it in the order they came.

    Python's own RLock lets the thread that gives it back take it again at once: a job of short steps would shut out
    everyone else until its end.
    """

    def __init__(self) -> None:
        self._guard = threading.RLock()      # reentrant, because a finalizer may run amid our own lines
        self._waiting: deque[threading.Lock] = deque()
        self._owner: int | None = None
        self._depth = 0

    def acquire(self, blocking: bool = True, timeout: float | int = -1) -> bool:
        """Take the lock, once more if it is ours; False if it could not be had in time."""
        me = threading.get_ident()
        with self._guard:
            if self._owner in (None, me):
                self._owner, self._depth = me, self._depth + 1
                return True
            if not blocking:
                return False
            ticket = threading.Lock()
            ticket.acquire()
            self._waiting.append(ticket)
        got = False
        try:
            got = ticket.acquire(timeout=timeout)
        finally:
            # an interrupt may come just as the lock is handed over: then it is ours, and must be given on
            with self._guard:
                if ticket in self._waiting:
                    self._waiting.remove(ticket)
                elif got:
                    self._owner = me
                else:
                    self._hand_over()
        return got

    def release(self) -> None:
        """Give it back; after the last time the first who waits has it. Errors: RuntimeError if it is not ours."""
        with self._guard:
            if self._owner != threading.get_ident():
                raise RuntimeError("this lock is not held by this thread")
            self._depth -= 1
            if not self._depth:
                self._hand_over()

    def _hand_over(self) -> None:
        self._owner, self._depth = None, 0
        if self._waiting:
            self._owner, self._depth = 0, 1      # nobody's yet, so that no newcomer gets in between
            self._waiting.popleft().release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


@final
class Act:
    """A piece of work that was handed to a worker: `status` is "waiting", "running", "done", "error", "superseded" or
    "cancelled"; `value` what it answered or raised."""

    def __init__(self, work: Callable[[], Any], kind: str, done: Callable[[str, Any], Any] | None) -> None:
        self.work: Callable[[], Any] | None = work
        self.kind, self.status, self.value = kind, "waiting", None
        self._done, self._ended = done, threading.Event()

    def wait(self, timeout: float | int | None = None) -> bool:
        """Wait for its end; False if the time ran out first."""
        return self._ended.wait(timeout)

    def end(self, status: str, value: Any = None) -> None:
        """Its end, told once. For the worker."""
        self.status, self.value, self.work = status, value, None
        try:
            if self._done is not None:
                self._done(status, value)
            elif status == "error":
                LOG.error("an act failed", exc_info=value)
        except Exception:
            LOG.exception("what was to hear of the end of an act failed")
        finally:
            self._ended.set()


@final
class Worker:
    """The worker of a model: a thread of its own, begun by the first work, and `lock`, which guards the model."""

    def __init__(self) -> None:
        self.lock = Turn()
        self.changed = threading.Condition()
        self._acts: deque[Act] = deque()
        self._jobs: deque[Stepping] = deque()
        self._thread: threading.Thread | None = None
        self._closed = False

    @staticmethod
    def of(owner: Any) -> "Worker":
        """The worker of that object, always the same; it goes when the object goes."""
        key = id(owner)
        with _registry:
            if key not in _workers or _workers[key][0]() is not owner:
                worker = Worker()
                _workers[key] = (weakref.ref(owner, lambda ref: _forget(key, ref)), worker)
            return _workers[key][1]

    def submit(self, work: Callable[[], Any], *, kind: str = "act", latest_wins: bool = False,
               done: Callable[[str, Any], Any] | None = None) -> Act:
        """Do this on the worker's thread, after what was submitted before; never blocks.

        `latest_wins`: whatever of the same kind still waits is superseded. `done(status, value)` is called once.
        The work takes `lock` itself where it touches the model.
        """
        act = Act(work, kind, done)
        with self.changed:
            stale = [each for each in self._acts if each.kind == kind] if latest_wins else []
            for each in stale:
                self._acts.remove(each)
            self._acts.append(act)
            self._begin()
        for each in stale:
            each.end("superseded")
        return act

    def rotate(self, job: Stepping) -> None:
        """Take the steps of this job when no act waits, in turn with other jobs."""
        with self.changed:
            self._jobs.append(job)
            self._begin()

    def is_current(self) -> bool:
        """Whether we are on the worker's thread."""
        return threading.current_thread() is self._thread

    def close(self) -> None:
        """Give up what waits; what is under way comes to its end."""
        with self.changed:
            self._closed = True
            waiting = list(self._acts)
            self._acts.clear()
            self._jobs.clear()
            self.changed.notify_all()
        for act in waiting:
            act.end("cancelled")

    def _begin(self) -> None:
        self.changed.notify_all()
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._work, name="ganwidgets worker", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while (chosen := self._next()) is not None:
            if isinstance(chosen, Act):
                self._do(chosen)
            else:
                try:
                    chosen.take_step()
                except BaseException:
                    LOG.exception("a step failed")
            del chosen           # else it lives on while we wait for the next

    def _do(self, act: Act) -> None:
        assert act.work is not None
        act.status = "running"
        try:
            value = act.work()
        except BaseException as error:
            return act.end("error", error)
        return act.end("done", value)

    def _next(self) -> Act | Stepping | None:
        """The next act, else the next job that can go on; waits for one. None once closed."""
        with self.changed:
            while True:
                self._jobs = deque(job for job in self._jobs if not job.ended)
                if self._acts:
                    return self._acts.popleft()
                for _ in range(len(self._jobs)):
                    self._jobs.rotate(-1)
                    if self._jobs[-1].ready:
                        return self._jobs[-1]
                if self._closed:
                    return None
                self.changed.wait()


def _forget(key: int, ref: weakref.ref) -> None:
    with _registry:
        found = _workers.get(key)
        if found is not None and found[0] is ref:
            del _workers[key]
    if found is not None and found[0] is ref:
        found[1].close()
