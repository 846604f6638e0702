"""Long work as a generator of steps: run to its end from a script, or taken step by step by a driver and stopped."""

import functools
import inspect
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Generic, ParamSpec, TypeAlias, TypeVar, final

import torch

from ganwidgets.core.errors import ArgumentError, CancelledError, one_of
from ganwidgets.core.workers import Worker

T = TypeVar("T")
P = ParamSpec("P")
DRIVERS = ("thread", "pull", "inline")
SLICE_SECONDS = 0.1    # what one `next_slice` takes at most, so that a single-threaded host stays alive
ENDED = ("done", "cancelled", "failed")


@dataclass(frozen=True)
class Progress:
    """How far work has come: `done` of `total` pieces (0: unknown), what it is at, and perhaps a picture to show."""
    done: int
    total: int = 0
    note: str = ""
    frame: Any = field(default=None, repr=False, compare=False)

    @property
    def fraction(self) -> float:
        """From 0 to 1; 0 where the total is unknown."""
        return min(1.0, self.done / self.total) if self.total else 0.0


Steps: TypeAlias = Generator[Progress, None, T]


@final
class stepwise(Generic[P, T]):  # noqa: N801, it is used as a decorator
    """A function that yields Progress and returns its result, callable in two ways.

    `f(...)` runs to the end with a progress bar (`progress=False`: none) and answers the result; interrupting it closes
    the steps, and everything is as it was. `f.steps(...)` answers the steps, for a `Job`.
    """

    def __init__(self, function: Callable[P, Steps[T]]) -> None:
        if not inspect.isgeneratorfunction(inspect.unwrap(function)):
            raise ArgumentError(f"{function.__name__} must be a generator function: yield Progress, return the result.")
        self._function = function
        functools.update_wrapper(self, function)

    def steps(self, *args: P.args, **kwargs: P.kwargs) -> Steps[T]:
        """The steps, none of them taken yet."""
        return self._function(*args, **kwargs)

    def __call__(self, *args: Any, progress: bool = True, **kwargs: Any) -> T:
        return finish(self._function(*args, **kwargs), bar=self.__name__ if progress else None)  # type: ignore[attr-defined]


def finish(steps: Steps[T], *, bar: str | None = None) -> T:
    """Take all steps and answer the result, with a progress bar of that name. What stops it closes the steps."""
    run = Run(steps)
    shown = _Bar(bar) if bar else None
    try:
        while not run.ended:
            progress = run.advance()
            if progress is not None and shown:
                shown.show(progress)
    finally:
        run.close()
        if shown:
            shown.close()
    return run.result  # type: ignore[return-value]


class _Bar:
    """A tqdm bar that appears at the first step."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._bar: Any = None

    def show(self, progress: Progress) -> None:
        if self._bar is None:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=progress.total or None, desc=self._name, leave=False)
        self._bar.total = progress.total or None
        self._bar.set_postfix_str(progress.note, refresh=False)
        self._bar.update(progress.done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


@final
class Run(Generic[T]):
    """Steps under way. torch's gradient mode belongs to the thread, not to the generator: each step switches it."""

    def __init__(self, steps: Steps[T]) -> None:
        self._steps: Steps[T] | None = steps
        self._grad = torch.is_grad_enabled()
        self.result: T | None = None

    @property
    def ended(self) -> bool:
        """Whether there is no step left."""
        return self._steps is None

    def advance(self) -> Progress | None:
        """Take one step; None when that was the end, and then `result` holds what came of it."""
        if self._steps is None:
            return None
        outside = torch.is_grad_enabled()
        torch.set_grad_enabled(self._grad)
        try:
            return next(self._steps)
        except StopIteration as stop:
            self.result, self._steps = stop.value, None
            return None
        except BaseException:
            self._steps = None
            raise
        finally:
            self._grad = torch.is_grad_enabled()
            torch.set_grad_enabled(outside)

    def close(self) -> None:
        """Stop here; the finally-blocks of the generator run."""
        steps, self._steps = self._steps, None
        if steps is not None:
            outside = torch.is_grad_enabled()
            try:
                steps.close()
            finally:
                torch.set_grad_enabled(outside)


@final
class Job(Generic[T]):
    """Steps in the hands of a driver. Each is taken while the owner's lock is held; cancelling is heard between two.

    `driver` "thread": the owner's worker takes them, in turn with other jobs and after acts; "pull": `next_slice` takes
    them, as often as the host calls it; "inline": they are all taken before the constructor returns.
    `show(progress)` is called after each step, `on_done(result)` and `on_error(error)` at the end, on the thread that
    took the step. With no `on_error`, `wait` raises the error. States: "waiting", "running", "paused", "done",
    "cancelled", "failed". Errors: ArgumentError for another driver.
    """

    def __init__(self, steps: Steps[T], show: Callable[[Progress], Any] | None = None, *, owner: Any = None,
                 driver: str = "thread", on_done: Callable[[T], Any] | None = None,
                 on_error: Callable[[BaseException], Any] | None = None) -> None:
        if driver not in DRIVERS:
            raise ArgumentError(one_of("driver", driver, DRIVERS))
        self.driver = driver
        self.state = "waiting"
        self.progress: Progress | None = None
        self.error: BaseException | None = None
        self._run, self._show, self._on_done, self._on_error = Run(steps), show, on_done, on_error
        self._owner = owner            # held until the end: a worker goes with its owner
        self._worker = Worker.of(owner if owner is not None else self)
        self._cancelled = self._stepping = False
        if driver == "thread":
            self._worker.rotate(self)
        elif driver == "inline":
            self.wait()

    @property
    def result(self) -> T | None:
        """What the steps returned; None until the job is done."""
        return self._run.result

    @property
    def ended(self) -> bool:
        """Whether it is done, cancelled or failed."""
        return self.state in ENDED

    def cancel(self) -> None:
        """Stop before the next step. Everything is then as it was, and `state` is "cancelled"."""
        with self._worker.changed:
            self._cancelled = True
            self._worker.changed.notify_all()
        # a pulled job may never be asked again; one that asks from within its own step hears it after that step
        if self.driver != "thread" and not self._stepping:
            self.take_step()

    def pause(self) -> None:
        """Take no further steps until `resume`."""
        with self._worker.changed:
            if not self.ended:
                self.state = "paused"

    def resume(self) -> None:
        """Go on after `pause`."""
        with self._worker.changed:
            if self.state == "paused":
                self.state = "running"
                self._worker.changed.notify_all()

    def next_slice(self, seconds: float | int = SLICE_SECONDS) -> bool:
        """Take steps for at most that long (the last one may overrun, one is always taken); whether there are more."""
        until = time.monotonic() + seconds
        while self.ready:
            self.take_step()
            if time.monotonic() >= until:
                break
        return not self.ended

    def wait(self, timeout: float | int | None = None) -> bool:
        """Wait for the end, or with the drivers "pull" and "inline" bring it about; False if the time ran out first.

        Interrupting it cancels the job. Errors: what the steps raised, if nobody was named to hear of it.
        """
        try:
            if self.driver == "thread" and not self._worker.is_current():
                with self._worker.changed:
                    self._worker.changed.wait_for(lambda: self.ended, timeout)
            else:
                until = None if timeout is None else time.monotonic() + timeout
                while self.ready and (until is None or time.monotonic() < until):
                    self.take_step()
        except KeyboardInterrupt:
            self.cancel()
            raise
        if self.error is not None and self._on_error is None:
            raise self.error
        return self.ended

    @property
    def ready(self) -> bool:
        """Whether a step can be taken now: it has not ended and is not paused, or is to be cancelled."""
        return not self.ended and not self._stepping and (self.state != "paused" or self._cancelled)

    def take_step(self) -> None:
        """One step, or the end if it was cancelled. For drivers; `ready` says whether there is one."""
        with self._worker.lock:
            if not self.ready:
                return
            self._stepping = True
            try:
                self._advance()
            except CancelledError:
                self._end("cancelled")
            except Exception as error:
                self._end("failed", error)
            except BaseException:
                self._end("cancelled")
                raise
            finally:
                self._stepping = False

    def _advance(self) -> None:
        if self._cancelled:
            return self._end("cancelled")
        with self._worker.changed:
            self.state = "running" if self.state == "waiting" else self.state
        progress = self._run.advance()
        if self._run.ended:
            return self._end("done")
        self.progress = progress
        if self._show is not None:
            self._show(progress)  # type: ignore[arg-type]
        return self._end("cancelled") if self._cancelled else None

    def _end(self, state: str, error: BaseException | None = None) -> None:
        """The end, told before it is seen: who waits for the job finds its callbacks done."""
        if self.ended:
            return
        try:
            self._run.close()
            if state == "done" and self._on_done is not None:
                self._on_done(self._run.result)  # type: ignore[arg-type]
        except Exception as other:
            state, error = "failed", error or other
        self.error, self._owner = error, None
        try:
            if error is not None and self._on_error is not None:
                self._on_error(error)
        finally:
            with self._worker.changed:
                self.state = state
                self._worker.changed.notify_all()

    def __repr__(self) -> str:
        at = f", {self.progress.done} of {self.progress.total}" if self.progress else ""
        return f"Job({self.state}{at}, driver={self.driver!r})"
