"""Pictures on their way to the browser: at most two unacknowledged, and of those that wait only the latest.

The second place is kept for pictures at rest, so that what a stroke made never waits for its previews to be drawn.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, final

from ganwidgets.widgets.messages import IN_FLIGHT

PATIENCE = 2.0  # seconds after which a frame that nobody acknowledged no longer holds up the next


@dataclass(frozen=True)
class Frame:
    """One encoded picture; `id` and `view` are those of the request that asked for it, if one did."""

    data: bytes = field(repr=False)
    format: str
    seed: int
    rest: bool = True
    preview: bool = False
    id: int | None = None
    view: str = ""


@final
class FrameGate:
    """Numbers frames and passes them to `send(content, buffers)` as fast as the browser draws. For any thread."""

    def __init__(self, send: Callable[[dict[str, Any], list[bytes]], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._send, self._clock = send, clock
        self._lock = threading.Lock()
        self._number = 0
        self._unseen: dict[int, float] = {}
        self._waiting: Frame | None = None

    def offer(self, frame: Frame) -> None:
        """Send the frame now, or once there is room; a frame that waited gives way to it."""
        with self._lock:
            self._waiting = frame
            self._flush()

    def acknowledge(self, number: int) -> None:
        """The browser has drawn frame `number`, and so is done with all before it."""
        with self._lock:
            self._unseen = {sent: when for sent, when in self._unseen.items() if sent > number}
            self._flush()

    def reset(self) -> None:
        """A view has come: what was sent before may have reached nobody."""
        with self._lock:
            self._unseen.clear()
            self._waiting = None

    @property
    def in_flight(self) -> int:
        """How many frames are sent and not acknowledged."""
        return len(self._unseen)

    def _flush(self) -> None:
        now = self._clock()
        self._unseen = {sent: when for sent, when in self._unseen.items() if now - when < PATIENCE}
        frame = self._waiting
        if frame is None or len(self._unseen) >= (IN_FLIGHT if frame.rest else IN_FLIGHT - 1):
            return
        self._number += 1
        self._unseen[self._number] = now
        self._waiting = None
        self._send(
            {
                "kind": "frame",
                "frame": self._number,
                "id": frame.id,
                "view": frame.view,
                "format": frame.format,
                "rest": frame.rest,
                "seed": frame.seed,
                "preview": frame.preview,
            },
            [frame.data],
        )
