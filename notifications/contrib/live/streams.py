"""One browser that listens: what waits for it, and the bytes it is sent."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Any

from notifications.contrib.live import wire
from notifications.contrib.live.conf import settings
from notifications.contrib.live.sessions import Login

if TYPE_CHECKING:
    from notifications.contrib.live.turns import Listener

#: So many events wait for a browser that does not read. What comes after them is read again when it does.
WAITING = 100


class Stream:
    """One open stream. The hub puts in what is new; :meth:`chunks` gives it to whichever door is open.

    ``make_request`` returns the request that the urls of objects are made for. A browser that is slow holds up nobody
    and takes no more memory than ``WAITING`` events.
    """

    __slots__ = (
        "behind",
        "count",
        "cursor",
        "ended",
        "language",
        "listener",
        "login",
        "loop",
        "make_request",
        "queue",
        "sent",
        "settled",
        "waiter",
    )

    def __init__(
        self,
        login: Login,
        *,
        last_event_id: str = "",
        language: str | None = None,
        make_request: Callable[[], Any] = lambda: None,
    ) -> None:
        self.login, self.language, self.make_request = login, language, make_request
        #: Where the browser stands until the hub has looked for the first time, or again.
        self.cursor = wire.Cursor.loads(last_event_id)
        self.settled = False
        self.queue: deque[tuple[bytes, str]] = deque()
        self.count: tuple[bytes, str] | None = None
        #: The cursor of the last event that was sent.
        self.sent = ""
        #: Whether events were left out because too many waited.
        self.behind = False
        #: The last bytes, once the stream is to end.
        self.ended: bytes | None = None
        self.waiter: asyncio.Future[None] | None = None
        self.listener: Listener | None = None
        self.loop: asyncio.AbstractEventLoop | None = None

    def push(self, frames: Sequence[tuple[bytes, str]], count: tuple[bytes, str] | None) -> None:
        """Let events wait to be sent, each with its cursor; of the counts only the last one."""
        if not (frames or count):
            return
        if self.behind or (self.queue and len(self.queue) + len(frames) > WAITING):
            self.behind = True
            return
        self.queue.extend(frames)
        self.count = count or self.count
        self.wake()

    def end(self, last: bytes = b"") -> None:
        """Let the stream end, after these bytes."""
        self.ended = last
        self.wake()

    def wake(self) -> None:
        """Let :meth:`chunks` look what there is to do."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def take(self) -> bytes:
        """Return all that waits, in the order in which it happened."""
        waiting = list(self.queue)
        if self.count is not None:
            waiting.append(self.count)
        self.queue.clear()
        self.count = None
        if waiting:
            self.sent = waiting[-1][1]
        return b"".join(frame for frame, _ in waiting)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of the stream until it ends. Closing the generator frees all that the stream holds."""
        # Here, because the hub knows this module.
        from notifications.contrib.live.hub import get_hub

        hub = get_hub()
        self.loop = asyncio.get_running_loop()
        if not hub.join(self):
            return
        try:
            yield wire.hello()
            while True:
                chunk = self.take()
                if self.ended is not None:
                    yield chunk + self.ended
                    return
                if chunk:
                    yield chunk
                elif self.behind:
                    hub.catch_up(self)
                    await self.rest()
                elif await self.rest():
                    yield wire.heartbeat(hub.cursor_of(self))
        finally:
            hub.leave(self)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.chunks()

    def close(self) -> None:
        """Free all that the stream holds, from any thread. Django closes the content of a response that is over."""
        # Django wraps the generator in two of its own. When they end in the middle, the inner one just lies there.
        if self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.leave)

    def leave(self) -> None:
        """Leave the hub, if that is not done already."""
        from notifications.contrib.live.hub import get_hub

        get_hub().leave(self)

    async def rest(self) -> bool:
        """Wait until there is something to do. Return whether nothing happened for a heartbeat."""
        loop = asyncio.get_running_loop()
        waiter = self.waiter = loop.create_future()
        alarm = loop.call_later(settings.LIVE_HEARTBEAT, self.wake)
        try:
            await waiter
        finally:
            alarm.cancel()
            self.waiter = None
        return not (self.queue or self.count or self.behind or self.ended is not None)
