"""The hub of an event loop: it queries the database for all streams at once, and serves them.

It sleeps while nobody is connected.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, aclosing, suppress
from contextvars import Context
from typing import Any, TypeVar
from uuid import UUID, uuid4
from weakref import WeakKeyDictionary

from django.db import close_old_connections

from notifications.contrib.live import sessions, wire
from notifications.contrib.live.buses import Bus, Message, get_bus
from notifications.contrib.live.conf import settings
from notifications.contrib.live.event_loop import within, without_collections
from notifications.contrib.live.login_batcher import LoginBatcher
from notifications.contrib.live.outbox import Outbox
from notifications.contrib.live.queries import database
from notifications.contrib.live.rounds import RecipientUpdate, Round
from notifications.contrib.live.sessions import Login
from notifications.contrib.live.shutdown import before_shutdown, have_closed, listening_sockets
from notifications.contrib.live.streams import Recipient, Stream
from notifications.contrib.live.updates import get_updates
from notifications.objects.guard import error_text
from notifications.storage.transactions import commit_by_itself

logger = logging.getLogger("notifications")

T = TypeVar("T")

#: Seconds between two rounds while the bus is not connected, and before a round that failed is tried again.
RETRY_INTERVAL = 1.0
#: The most seconds between two attempts to listen to a dead bus.
MAX_RETRY_INTERVAL = 30.0
#: The most rounds, or checks of sessions, that fail one after the other; then the streams end.
MAX_FAILURES = 3
#: The most seconds that a round may take; then the streams end.
MAX_ROUND_SECONDS = 60.0
#: Seconds for which no stream is served after that. The browsers poll meanwhile.
UNAVAILABLE_SECONDS = 30.0
#: The most seconds until a bus receives what it sends to itself; otherwise it counts as not connected.
MAX_ECHO_SECONDS = 5.0
#: The number of recipients from which on the garbage collector waits for the end of a round.
MANY_RECIPIENTS = 500
#: Seconds between two looks whether the server still accepts connections.
SERVER_CHECK_INTERVAL = 0.5

_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def get_hub() -> Hub:
    """Return the hub of the running event loop."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        for other in [other for other in _hubs if other.is_closed()]:
            # It ended before its streams did. Their hub holds it.
            del _hubs[other]
        hub = _hubs[loop] = Hub()
    return hub


class Hub:
    """Query the database once for all who are connected, and give each stream what is new.

    It does so when the bus says that something happened, when somebody connects, and every few seconds besides. Its
    queries run in a thread of its own, one after the other, and hold no connection in between.
    """

    def __init__(self) -> None:
        self.logins = LoginBatcher()
        self.recipients: dict[str, Recipient] = {}
        #: Whether the bus is connected.
        self.hears_bus = False
        #: How many rounds queried the database.
        self.rounds = 0
        #: Only while it is awake: the hub of a loop that has ended must not hold it.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failures = 0
        self._unavailable_until = 0.0
        #: The keys of the recipients whose inboxes are looked at in the next round, and of those whose rows changed.
        self._checked: set[str] = set()
        self._changed: set[str] = set()
        #: The events that are looked up in the next round.
        self._events: set[UUID] = set()
        self._wanted = asyncio.Event()
        self._bus_died = asyncio.Event()
        self._work = ExitStack()
        self._threads: ThreadPoolExecutor | None = None

    # Streams

    @property
    def is_available(self) -> bool:
        """Return whether streams are served: not for a while after the database failed again and again."""
        return time.monotonic() >= self._unavailable_until

    def is_full_for(self, login: Login) -> bool:
        """Return whether a user has as many streams as one may have."""
        recipient = self.recipients.get(str(login.user_pk))
        if recipient is None:
            return False
        most, streams = settings.LIVE_STREAMS_PER_USER, recipient.streams
        # One that has ended may still wait for a browser that does not read, which opens another.
        return sum(stream.outbox.is_open for stream in streams) >= most or len(streams) >= 2 * most

    async def serve(self, stream: Stream) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of a stream until it ends. Closing the generator frees all that the stream holds."""
        if not self.join(stream):
            return
        outbox = stream.outbox
        try:
            yield wire.hello()
            while True:
                chunk = outbox.take()
                if chunk:
                    yield chunk
                elif not outbox.is_open:
                    return
                elif await rest(outbox):
                    yield wire.heartbeat(self.cursor_of(stream))
        finally:
            self.leave(stream)

    def join(self, stream: Stream) -> bool:
        """Take in a stream, and look what there is for it. Return False when its user has too many."""
        if self.is_full_for(stream.login):
            return False
        recipient = Recipient(stream.login.user_pk)
        recipient = self.recipients.setdefault(recipient.key, recipient)
        recipient.streams.append(stream)
        stream.recipient = recipient
        self._check([recipient.key])
        if self._loop is None:
            self._start()
        return True

    def leave(self, stream: Stream) -> None:
        """Forget a stream, and sleep after the last one."""
        recipient = stream.recipient
        if recipient is None:
            return
        stream.recipient = None
        recipient.streams.remove(stream)
        if not recipient.streams:
            del self.recipients[recipient.key]
        if not self.recipients:
            self._stop()

    def release(self, stream: Stream) -> None:
        """Forget a stream, from any thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self.leave, stream)

    def cursor_of(self, stream: Stream) -> str:
        """Return the cursor of who has been sent everything."""
        return stream.recipient.cursor if stream.recipient is not None and stream.is_current else ""

    def streams(self) -> list[Stream]:
        """Return all streams that are open."""
        return [stream for recipient in self.recipients.values() for stream in recipient.streams]

    def end_all(self) -> None:
        """End all streams. The browsers come back, to the next server or to an answer from which on they poll."""
        for stream in self.streams():
            stream.outbox.end()

    def _fail(self, what: str, error: BaseException, *, is_last: bool = False) -> None:
        """Log a failure; after too many, end all streams: one that is open and is sent nothing keeps from polling."""
        logger.error("The live hub could not %s.", what, exc_info=error)
        self._failures = MAX_FAILURES if is_last else self._failures + 1
        if self._failures >= MAX_FAILURES:
            logger.error("The live streams end. For %d seconds the browsers poll.", UNAVAILABLE_SECONDS)
            self._unavailable_until = time.monotonic() + UNAVAILABLE_SECONDS
            self.end_all()

    # Messages

    def handle(self, message: Message) -> None:
        """Remember what a message asks for, and wake up."""
        if message.event is not None:
            self._events.add(UUID(message.event))
            self._wanted.set()
        elif message.recipient is None:
            self._check(self.recipients)
        elif message.recipient in self.recipients:
            self._changed.add(message.recipient)
            self._check([message.recipient])

    def _check(self, keys: Any) -> None:
        self._checked.update(keys)
        self._wanted.set()

    # Waking and sleeping

    def _start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="notifications-live")
        self._work.callback(self._threads.shutdown, wait=False)
        jobs = (
            self._run_rounds, self._listen, self._check_regularly, self._check_sessions, self._watch_server
        )  # fmt: skip
        for job in jobs:
            # Not in the context of the request that came first, which will end.
            task = Context().run(self._loop.create_task, job())
            task.add_done_callback(self._job_ended)
            self._work.callback(task.cancel)
        self._work.callback(before_shutdown(self.end_all))

    def _stop(self) -> None:
        self._work.close()
        self._checked.clear()
        self._changed.clear()
        self._events.clear()
        self._loop, self.hears_bus = None, False
        # They remember the loop in which somebody waited for them.
        self._wanted, self._bus_died = asyncio.Event(), asyncio.Event()

    def _job_ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._fail("go on", error, is_last=True)

    def _in_thread(self, act: Callable[..., T], *arguments: Any) -> asyncio.Future[T]:
        """Let the thread do something. It is given to the thread at once, before the hub may stop."""

        def act_and_close() -> T:
            try:
                commit_by_itself(database())
                return act(*arguments)
            finally:
                close_old_connections()

        return asyncio.get_running_loop().run_in_executor(self._threads, act_and_close)

    # What it does while it is awake

    async def _run_rounds(self) -> None:
        """Round by round, query what there is to query and send what there is to send."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            checked, changed, events = self._checked, self._changed, self._events
            self._checked, self._changed, self._events = set(), set(), set()
            streams = {
                recipient: tuple(stream for stream in recipient.streams if stream.outbox.is_open)
                for recipient in self.recipients.values()
            }
            asked = Round([found for key in checked if (found := self.recipients.get(key))], events, streams)
            if not asked.checked and not asked.events:
                continue
            self.rounds += 1
            if not await self._run_round(asked, changed):
                await asyncio.sleep(RETRY_INTERVAL)
                self._events |= events
                self._changed |= changed
                self._check(checked)

    async def _run_round(self, asked: Round, changed: set[str]) -> bool:
        """Query what there is to query, and send what there is to send. Return whether the database answered."""
        with ExitStack() as stack:
            if len(asked.streams) >= MANY_RECIPIENTS:
                stack.enter_context(without_collections())
            try:
                updates = await within(self._in_thread(get_updates, asked), MAX_ROUND_SECONDS)
            except Exception as error:  # noqa: BLE001 - whatever a database raises
                is_stuck = isinstance(error, asyncio.TimeoutError)
                self._fail("query the database", error, is_last=is_stuck)
                return False
            self._failures = 0
            for update in updates:
                self._send(update, has_changed=update.recipient.key in changed)
            # Until each stream has been woken.
            await asyncio.sleep(0)
        return True

    def _send(self, update: RecipientUpdate, *, has_changed: bool) -> None:
        recipient = update.recipient
        has_changed = has_changed or update.has_changed
        for part in update.streams:
            stream, counts = part.stream, part.counts or update.counts
            is_new = counts != stream.counts
            stream.outbox.put(
                part.frames,
                update.cursor,
                counts if is_new else None,
                has_changed=has_changed or part.is_first,
            )
            stream.is_current, stream.counts = True, counts
        recipient.position, recipient.counts = update.position, update.counts
        recipient.first_uncounted, recipient.cursor = update.first_uncounted, update.cursor

    async def _check_regularly(self) -> None:
        """Look at the inboxes of everybody, again and again."""
        while True:
            pause = get_bus().interval if self.hears_bus else RETRY_INTERVAL
            # A bus that dies ends a long pause.
            with suppress(asyncio.TimeoutError):
                await within(self._bus_died.wait(), pause)
            self._bus_died.clear()
            self._check(self.recipients)

    async def _listen(self) -> None:
        """Listen to the bus; when it dies, poll, and try again after a while."""
        delay = RETRY_INTERVAL
        while True:
            try:
                async with aclosing(self._messages(get_bus())) as messages:
                    async for message in messages:
                        self.hears_bus, delay = True, RETRY_INTERVAL
                        self.handle(message)
                reason = "it has ended"
            except Exception as error:  # noqa: BLE001 - whatever a server's client raises
                reason = error_text(error)
            self.hears_bus = False
            self._bus_died.set()
            logger.warning("The live bus is not connected; the hub polls meanwhile. %s", reason)
            await asyncio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311 - nobody is to guess it wrong
            delay = min(delay * 2, MAX_RETRY_INTERVAL)

    async def _messages(self, bus: Bus) -> AsyncGenerator[Message, None]:
        """Yield what a bus receives. Once connected, the hub sends a message to itself, to see whether it arrives."""
        echo, arrived = Message(echo=uuid4().hex), asyncio.Event()
        checking: asyncio.Task[None] | None = None
        try:
            async with aclosing(bus.listen()) as messages:
                async for message in messages:
                    if message.echo is None:
                        yield message
                    elif message == echo:
                        arrived.set()
                        self.hears_bus = True
                    if checking is None and bus.sends:
                        checking = asyncio.create_task(self._check_echo(bus, echo, arrived))
        finally:
            if checking is not None:
                checking.cancel()

    async def _check_echo(self, bus: Bus, echo: Message, arrived: asyncio.Event) -> None:
        """Send the echo by another connection, and poll when it does not arrive."""

        def send() -> None:
            # What fails here is noticed by what does not arrive.
            with suppress(Exception):
                bus.send(echo, using=database())

        await self._in_thread(send)
        try:
            await within(arrived.wait(), MAX_ECHO_SECONDS)
        except asyncio.TimeoutError:
            self.hears_bus = False
            self._bus_died.set()
            logger.warning("The live bus is connected but receives nothing; the hub polls. %s", bus.deaf_hint)

    async def _watch_server(self) -> None:
        """End all streams when the server accepts no more connections: it waits for them before it stops."""
        sockets = listening_sockets()
        while True:
            await asyncio.sleep(SERVER_CHECK_INTERVAL)
            if have_closed(sockets):
                self.end_all()

    async def _check_sessions(self) -> None:
        """End the streams of those who are not logged in any more."""
        failures = 0
        while True:
            await asyncio.sleep(settings.LIVE_SESSION_CHECK)
            try:
                logins = {stream.login for stream in self.streams()}
                ended, failed = await self._in_thread(sessions.ended, logins)
            except Exception as error:  # noqa: BLE001 - whatever a store of sessions raises
                failures += 1
                self._fail("check the sessions", error, is_last=failures >= MAX_FAILURES)
                continue
            failures = 0
            for login, failure in failed.items():
                logger.error("A session of user %s could not be checked.", login.user_pk, exc_info=failure)
            for stream in self.streams():
                if stream.login in ended:
                    stream.outbox.dismiss()
                elif stream.login in failed:
                    # Not for good: the browser asks again, and Django answers.
                    stream.outbox.end()


async def rest(outbox: Outbox) -> bool:
    """Wait until there is something to do. Return whether there is nothing yet after the time of a heartbeat."""
    loop = asyncio.get_running_loop()
    waiter = loop.create_future()

    def wake() -> None:
        if not waiter.done():
            waiter.set_result(None)

    outbox.on_change = wake
    alarm = loop.call_later(settings.LIVE_HEARTBEAT, wake)
    try:
        await waiter
    finally:
        alarm.cancel()
        outbox.on_change = None
    return outbox.is_idle
