"""What waits to be sent to one browser: a value with bounds, which knows neither the hub nor the event loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from notifications.contrib.live import wire
from notifications.contrib.live.wire import Counts, Frame

#: The most frames that wait for a browser that does not read.
MAX_FRAMES = 100
#: The most bytes that wait, but for a single frame that has more.
MAX_BYTES = 256 * 1024


class Outbox:
    """What one browser has not been sent yet: frames in the order in which they happened, then what holds now.

    It is open until it is ended, and takes nothing afterwards. It ends by itself when more is put in than may wait:
    its browser comes back with the id of the last frame, and is sent the rest. Whoever serves it sets ``on_change``,
    which is called when there is something to do.
    """

    __slots__ = ("counts", "frames", "has_changed", "id", "is_open", "last", "on_change", "size")

    def __init__(self) -> None:
        self.is_open = True
        self.frames: deque[Frame] = deque()
        self.size = 0
        #: Of the counts only the last ones wait, and of several changes one.
        self.counts: Counts | None = None
        self.has_changed = False
        #: The id of all that was put in.
        self.id = ""
        #: The bytes after which the browser does not come back.
        self.last = b""
        self.on_change: Callable[[], None] | None = None

    @property
    def is_idle(self) -> bool:
        """Return whether it is open and nothing waits."""
        return self.is_open and not (self.frames or self.counts or self.has_changed)

    def put(
        self, frames: Sequence[Frame], id: str, counts: Counts | None = None, *, has_changed: bool = False
    ) -> None:
        """Let frames wait to be sent, then the counts and that something changed; ``id`` is that of all of them."""
        for frame in frames if self.is_open else ():
            size = len(frame.data)
            if self.frames and (len(self.frames) >= MAX_FRAMES or self.size + size > MAX_BYTES):
                self.end()
                break
            self.frames.append(frame)
            self.size += size
        if not self.is_open:
            return
        self.id = id
        self.counts = counts or self.counts
        self.has_changed = self.has_changed or has_changed
        if not self.is_idle:
            self.notify()

    def take(self) -> bytes:
        """Return all that waits, and let nothing wait any more."""
        chunks = [frame.data for frame in self.frames]
        if self.counts is not None:
            # Not with the id of the round in which they were counted: what was sent since would be sent again.
            chunks.append(wire.count_frame(self.counts, self.id).data)
        if self.has_changed:
            chunks.append(wire.changed_frame(self.id).data)
        chunks.append(self.last)
        self.clear()
        return b"".join(chunks)

    def end(self) -> None:
        """End it after what waits. The browser comes back."""
        self.is_open = False
        self.notify()

    def dismiss(self) -> None:
        """End it without what waits. The browser does not come back."""
        self.clear()
        self.last = wire.BYE
        self.end()

    def clear(self) -> None:
        """Let nothing wait."""
        self.frames.clear()
        self.size, self.counts, self.has_changed, self.last = 0, None, False, b""

    def notify(self) -> None:
        """Say that there is something to do."""
        if self.on_change is not None:
            self.on_change()
