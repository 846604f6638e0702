"""Playing: what a method shows as it works, or pictures one after another, drawn on a LiveView by the kernel."""

import time
from collections.abc import Generator, Iterable, Iterator
from typing import Any

from ganwidgets.core.errors import ArgumentError
from ganwidgets.core.jobs import Progress, Run
from ganwidgets.core.stills import Still
from ganwidgets.widgets.liveview import LiveView


def play(source: Any, view: LiveView, *, rate: float | None = None) -> Any:
    """Draw on a view: the steps of a method as they are taken, or stills or pictures, or what has `stills` (Sweep, Walk).

    Answers what the steps came to, as calling the method would; None for pictures. `rate`: at most so many a second; left
    out, steps as they come, pictures 8. Interrupting it closes the steps, and all is as it was.
    Errors: ArgumentError, and those of the steps.
    """
    if not isinstance(view, LiveView):
        raise ArgumentError(f"play draws on a LiveView, as gw.LiveView() makes one; a {type(view).__name__} came.")
    if rate is not None and not rate > 0:
        raise ArgumentError(f"rate is how many pictures a second, above 0; {rate!r} came.")
    if isinstance(source, Generator):
        return _steps(source, view, 0.0 if rate is None else 1 / rate)
    source = getattr(source, "stills", source)
    if not isinstance(source, Iterable) or isinstance(source, (str, bytes)):
        raise ArgumentError(f"play takes a method's steps, as gw.sweep.steps(...), or pictures; a {type(source).__name__} came.")
    for still in _paced(source, 1 / (rate or 8)):
        _draw(still, view)
    return None


def _steps(steps: Any, view: LiveView, seconds: float) -> Any:
    """Take all steps, and draw what their progress carries."""
    run = Run(steps)

    def frames() -> Iterator[Any]:
        while not run.ended:
            came = run.advance()
            frame = came.frame if isinstance(came, Progress) else came
            if frame is not None:
                yield frame

    try:
        for frame in _paced(frames(), seconds):
            _draw(frame, view)
    finally:
        run.close()
    return run.result


def _paced(frames: Iterable[Any], seconds: float) -> Iterator[Any]:
    """The same, none sooner than so many seconds after the one before."""
    last: float | None = None
    for frame in frames:
        if last is not None:
            time.sleep(max(0.0, last + seconds - time.monotonic()))
        last = time.monotonic()
        yield frame


def _draw(frame: Any, view: LiveView) -> None:
    if isinstance(frame, Still):
        view.draw(frame)
    else:
        view.show(frame)
