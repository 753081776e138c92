"""What waits to be sent to one browser: a value with a bound, which knows neither the hub nor the event loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from notifications.contrib.live.wire import Frame

#: The most frames that wait for a browser that does not read. What comes after them is read again when it does.
MAX_FRAMES = 100


class Outbox:
    """The frames that one browser has not been sent yet, in the order in which they happened.

    It is open until :meth:`end`. Whoever serves it sets ``on_change``, which is called when there is something to do.
    """

    __slots__ = ("count", "frames", "is_behind", "last", "last_id", "on_change")

    def __init__(self) -> None:
        self.frames: deque[Frame] = deque()
        #: Of the counts only the last one waits.
        self.count: Frame | None = None
        #: The id of the last frame that was taken.
        self.last_id = ""
        #: Whether frames were left out because too many waited.
        self.is_behind = False
        #: The last bytes, once it has ended.
        self.last: bytes | None = None
        self.on_change: Callable[[], None] | None = None

    @property
    def is_idle(self) -> bool:
        """Tell whether there is nothing to send and nothing to do."""
        return not (self.frames or self.count or self.is_behind or self.last is not None)

    def put(self, frames: Sequence[Frame], count: Frame | None = None) -> None:
        """Let frames wait to be sent. None of them does when they are more than may wait."""
        if not (frames or count):
            return
        if self.is_behind or (self.frames and len(self.frames) + len(frames) > MAX_FRAMES):
            self.is_behind = True
            return
        self.frames.extend(frames)
        self.count = count or self.count
        self.changed()

    def take(self) -> bytes:
        """Return all that waits, and let nothing wait any more."""
        waiting = [*self.frames, *([self.count] if self.count else [])]
        self.frames.clear()
        self.count = None
        if waiting:
            self.last_id = waiting[-1].id
        return b"".join(frame.data for frame in waiting)

    def end(self, last: bytes = b"") -> None:
        """Let it end, after what waits and these bytes."""
        self.last = last
        self.changed()

    def changed(self) -> None:
        """Say that there is something to do."""
        if self.on_change is not None:
            self.on_change()
