"""The one who asks: a hub for each event loop, whatever the number of streams. It sleeps when nobody listens."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, aclosing, suppress
from contextvars import Context
from typing import Any, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

from django.db import close_old_connections

from notifications.contrib.live import sessions, wire
from notifications.contrib.live.admission import Desk
from notifications.contrib.live.buses import Message, get_bus
from notifications.contrib.live.conf import settings
from notifications.contrib.live.sessions import Login
from notifications.contrib.live.shutdown import before_shutdown
from notifications.contrib.live.streams import Stream
from notifications.contrib.live.turns import Asked, Listener, Outcome, answer, frames_of

logger = logging.getLogger("notifications")

T = TypeVar("T")

#: Seconds between two looks while the bus is not heard, or the database has just failed.
ALONE = 1.0
#: The most seconds between two attempts to hear a dead bus.
PATIENCE = 30.0

_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def get_hub() -> Hub:
    """Return the hub of the running event loop."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        hub = _hubs[loop] = Hub()
    return hub


class Hub:
    """Ask the database one question for all who are connected, and hand each stream its news.

    It asks when the bus says that something happened, when somebody connects, and every few seconds besides. Its
    questions run in a thread of its own, one at a time, and hold no connection in between.
    """

    def __init__(self) -> None:
        self.desk = Desk()
        self.listeners: dict[str, Listener] = {}
        #: Whether the bus is heard.
        self.heard = False
        #: How many turns there were that asked the database.
        self.turns = 0
        self._looks: set[str] = set()
        self._changed: set[str] = set()
        self._deaf = asyncio.Event()
        self._events: set[UUID] = set()
        self._wanted = asyncio.Event()
        self._awake = False
        self._work = ExitStack()
        self._threads: ThreadPoolExecutor | None = None

    # What the streams say

    def is_full_for(self, login: Login) -> bool:
        """Tell whether a user has as many streams as one may have."""
        listener = self.listeners.get(str(login.user_pk))
        return listener is not None and len(listener.streams) >= settings.LIVE_STREAMS_PER_USER

    def join(self, stream: Stream) -> bool:
        """Take in a stream, and look what there is for it. Return False when its user has too many."""
        if self.is_full_for(stream.login):
            return False
        listener = Listener(stream.login.user_pk)
        listener = self.listeners.setdefault(listener.key, listener)
        listener.streams.append(stream)
        stream.listener = listener
        self._look_at([listener.key])
        if not self._awake:
            self._start()
        return True

    def leave(self, stream: Stream) -> None:
        """Forget a stream, and sleep after the last one."""
        listener = stream.listener
        if listener is None:
            return
        stream.listener = None
        listener.streams.remove(stream)
        if not listener.streams:
            del self.listeners[listener.key]
        if not self.listeners:
            self._stop()

    def catch_up(self, stream: Stream) -> None:
        """Look again for a stream that was too slow to be told everything."""
        listener = stream.listener
        if listener is not None:
            stream.cursor = wire.Cursor.loads(stream.sent)
            stream.settled = stream.behind = False
            self._look_at([listener.key])

    def cursor_of(self, stream: Stream) -> str:
        """Return the cursor of who has been told everything."""
        return stream.listener.cursor if stream.listener is not None and stream.settled else ""

    def streams(self) -> list[Stream]:
        """Return all streams that are open."""
        return [stream for listener in self.listeners.values() for stream in listener.streams]

    # What the bus and the clock say

    def note(self, message: Message) -> None:
        """Remember what a message asks for, and wake up."""
        if message.event is not None:
            self._events.add(UUID(message.event))
            self._wanted.set()
        elif message.recipient is None:
            self._look_at(self.listeners)
        elif message.recipient in self.listeners:
            self._changed.add(message.recipient)
            self._look_at([message.recipient])

    def _look_at(self, keys: Any) -> None:
        self._looks.update(keys)
        self._wanted.set()

    # Waking and sleeping

    def _start(self) -> None:
        self._awake = True
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="notifications-live")
        self._work.callback(self._threads.shutdown, wait=False)
        for job in (self._ask, self._hear, self._look_around, self._watch_sessions):
            # Not in the context of the request that came first, which will end.
            task = Context().run(asyncio.get_running_loop().create_task, job())
            self._work.callback(task.cancel)
        self._work.callback(before_shutdown(self.end_all))

    def _stop(self) -> None:
        self._work.close()
        self._looks.clear()
        self._changed.clear()
        self._events.clear()
        self._awake = self.heard = False

    def end_all(self) -> None:
        """End all streams, so that the server can stop. The browsers come back to the next one."""
        for stream in self.streams():
            stream.end()

    async def _in_thread(self, act: Callable[..., T], *arguments: Any) -> T:
        def act_and_close() -> T:
            try:
                return act(*arguments)
            finally:
                close_old_connections()

        return await asyncio.get_running_loop().run_in_executor(self._threads, act_and_close)

    # What it does

    async def _ask(self) -> None:
        """Turn by turn, ask what is to be asked and tell what is to be told."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            looks, changed, events = self._looks, self._changed, self._events
            self._looks, self._changed, self._events = set(), set(), set()
            listeners = list(self.listeners.values())
            asked = Asked([found for key in looks if (found := self.listeners.get(key))], events, listeners)
            if not asked.looks and not asked.events:
                continue
            self.turns += 1
            try:
                outcomes = await self._in_thread(answer, asked)
            except Exception:
                logger.exception("The live hub could not ask the database, and asks again.")
                await asyncio.sleep(ALONE)
                self._events |= events
                self._changed |= changed
                self._look_at(looks)
                continue
            for outcome in outcomes:
                self._tell(outcome, changed=outcome.listener.key in changed)

    def _tell(self, outcome: Outcome, *, changed: bool) -> None:
        for news in outcome.news:
            if news.settles or news.stream.settled:
                news.stream.push(*frames_of(outcome, news, changed=changed))
                news.stream.settled = True
        listener = outcome.listener
        listener.known, listener.first, listener.since = outcome.known, outcome.first, outcome.since
        listener.counts, listener.cursor = outcome.counts, outcome.cursor

    async def _look_around(self) -> None:
        """Look at everybody, again and again."""
        while True:
            pause = get_bus().interval if self.heard else ALONE
            # A bus that dies ends a long pause.
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._deaf.wait(), pause)
            self._deaf.clear()
            self._look_at(self.listeners)

    async def _hear(self) -> None:
        """Listen to the bus; when it dies, poll, and try again after a while."""
        delay = ALONE
        while True:
            try:
                async with aclosing(get_bus().listen()) as messages:
                    async for message in messages:
                        self.heard, delay = True, ALONE
                        self.note(message)
                reason = "it has ended"
            except Exception as error:  # noqa: BLE001 - whatever a server's client raises
                reason = f"{type(error).__name__}: {error}"
            self.heard = False
            self._deaf.set()
            logger.warning("The live bus is not heard; the hub polls meanwhile. %s", reason)
            await asyncio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311 - nobody is to guess it wrong
            delay = min(delay * 2, PATIENCE)

    async def _watch_sessions(self) -> None:
        """Say goodbye to who is not logged in any more."""
        while True:
            await asyncio.sleep(settings.LIVE_SESSION_CHECK)
            try:
                ended = await self._in_thread(sessions.ended, {stream.login for stream in self.streams()})
            except Exception:
                logger.exception("The live hub could not look at the sessions, and looks again.")
                continue
            for stream in self.streams():
                if stream.login in ended:
                    stream.end(wire.BYE)
