"""A browser that listens, as far as a test needs one."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar

from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from notifications.contrib.live import wire
from notifications.contrib.live.buses import Message
from notifications.contrib.live.hub import Hub, get_hub
from notifications.contrib.live.sessions import Login
from notifications.contrib.live.streams import Stream
from tests.waiting import PATIENCE, until, within

T = TypeVar("T")


@dataclass(slots=True)
class Event:
    """One event of a stream; a comment has no name and its text as data."""

    name: str
    data: Any
    id: str = ""


@dataclass(slots=True)
class Browser:
    """One stream. ``heard`` is all that came so far, heartbeats and greetings left out."""

    port: int
    session: str = ""
    last_event_id: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 0
    answer: dict[str, str] = field(default_factory=dict)
    heard: list[Event] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    reader: Any = None
    writer: Any = None
    #: What the hub of this process knows it by, where there is no server in between.
    stream: Stream | None = None

    async def __aenter__(self) -> Browser:
        try:
            await self.open()
        except BaseException:
            self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def open(self) -> None:
        """Ask for the stream, and read the head of the answer."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        headers = {"Host": "localhost", "Accept": "text/event-stream", **self.headers}
        if self.session:
            headers["Cookie"] = f"sessionid={self.session}"
        if self.last_event_id:
            headers["Last-Event-ID"] = self.last_event_id
        lines = ["GET /inbox/live/ HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        self.writer.write("\r\n".join([*lines, "", ""]).encode())
        head = (await within(self.reader.readuntil(b"\r\n\r\n"), "the server answers")).decode()
        first, *rest = head.split("\r\n")
        self.status = int(first.split()[1])
        self.answer = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in rest if line)
        }

    def close(self) -> None:
        """Go away without a word."""
        if self.writer is not None:
            self.writer.transport.abort()

    async def block(self) -> list[str] | None:
        """Return the lines up to the next empty one, or None at the end. Chunked coding is taken away."""
        lines: list[str] = []
        while True:
            try:
                line = (await self.reader.readline()).decode()
            except ConnectionError:
                return None
            if not line or line == "0\r\n":
                return None
            if line.endswith("\r\n"):
                # The size of a chunk, or the end of one: never a part of an event, whose lines end otherwise.
                continue
            if line == "\n":
                return lines
            lines.append(line.rstrip("\n"))

    async def next(self, name: str = "") -> Event:
        """Return the next event, or the next of this name. Raise EOFError at the end of the stream."""
        return await within(self._next(name), f"the browser hears {name or 'anything'}")

    async def _next(self, name: str) -> Event:
        while True:
            lines = await self.block()
            if lines is None:
                raise EOFError
            event = self.take(lines)
            if event.name and name in ("", event.name):
                return event

    def take(self, lines: list[str]) -> Event:
        """Return the event of these lines, and remember it."""
        event = Event("", None)
        for line in lines:
            key, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if key == "event":
                event.name = value
            elif key == "id":
                event.id = self.last_event_id = value
            elif key == "data":
                event.data = json.loads(value)
            elif not key:
                self.comments.append(value)
        if event.name == "alive":
            event.name = ""
            self.comments.append("hb")
        if event.name:
            self.heard.append(event)
        return event

    async def until(self, name: str, data: Any, patience: float = PATIENCE) -> Event:
        """Return the next event of this name that carries this data."""

        async def look() -> Event:
            while True:
                event = await self._next(name)
                if event.data == data:
                    return event

        return await within(look(), f"the browser hears {name} {data}", patience)

    async def heartbeat(self) -> None:
        """Wait for the next comment that says that the stream is still there."""
        before = self.comments.count("hb")

        async def look() -> None:
            while self.comments.count("hb") == before:
                lines = await self.block()
                assert lines is not None, "The stream has ended."
                self.take(lines)

        await within(look(), "the browser hears a heartbeat")


async def elsewhere(act: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """Do something in another thread, by a connection that is not there any more afterwards."""

    def act_and_close() -> T:
        try:
            return act(*arguments, **named)
        finally:
            connections.close_all()

    return await asyncio.to_thread(act_and_close)


@contextmanager
def queries_made(count: int) -> Iterator[list[str]]:
    """Expect exactly so many queries, not counting what says to PostgreSQL how to run them."""
    asked: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield asked
    said = [str(query["sql"]) for query in captured]
    asked += [sql for sql in said if sql.startswith("SELECT")]
    assert len(asked) == count, said
    assert {sql for sql in said if not sql.startswith("SELECT")} <= {"BEGIN", "SET LOCAL jit = off", "COMMIT"}


@asynccontextmanager
async def tuned_in(user: Any, **options: Any) -> AsyncIterator[Browser]:
    """Listen to the hub of this process, without a server in between, from the first count on."""
    stream = Stream(Login(user.pk), **options)
    browser = Browser(0, stream=stream)
    browser.reader = asyncio.StreamReader()

    async def pump() -> None:
        async for chunk in get_hub().serve(stream):
            browser.reader.feed_data(chunk)
        browser.reader.feed_eof()

    task = asyncio.create_task(pump())
    try:
        await browser.next("count")
        yield browser
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def next_round(message: Message | None = None) -> Hub:
    """Let the hub of this process look for a message, or at everybody. Return when it has told what it found."""
    hub = get_hub()
    before = hub.rounds
    hub.handle(message or Message())
    await until(lambda: hub.rounds > before, "the hub asks the database")
    # Its queries run one after the other in one thread, and their answers, each waited for with a bound, come back in
    # the same order.
    await within(hub._in_thread(lambda: None), "the hub has its answer")
    return hub


async def hear_all(browser: Browser, *, looks: int = 2) -> list[Event]:
    """Let the hub of this process look at everybody so many times more, and return what the browser hears."""
    stream, before = browser.stream, len(browser.heard)
    assert stream is not None
    for _ in range(looks):
        await next_round()
    outbox = stream.outbox
    await until(lambda: outbox.is_idle, "the stream says what it has")
    # A mark behind all that was told so far.
    outbox.put([wire.frame("mark", "null", outbox.id)], outbox.id)
    await browser.next("mark")
    browser.heard.pop()
    return browser.heard[before:]


async def at_rest() -> Hub:
    """Return the hub once it has nothing to query any more: it hears its bus, and has told what there was to tell.

    Only for a hub that does not look by itself, because all its pauses are long.
    """
    await until(lambda: get_hub().hears_bus, "the hub hears its bus")
    return await next_round()


class Line:
    """A line to a server that can be cut and mended, so that the server itself is left alone."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        #: Where it is taken up; known once it was mended for the first time.
        self.here = 0
        self._broken = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._talking: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Line:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self.here)
        self.here = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()
        # Nothing of it may be left when the loop ends: a transport that was not closed is a warning of another test.
        talking, writers = [*self._talking], [*self._writers]
        self.cut()
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, *(writer.wait_closed() for writer in writers), return_exceptions=True)
        if error == (None, None, None):
            # Nor a connection that was accepted just now, which has no transport yet.
            others = asyncio.all_tasks() - {asyncio.current_task()}
            await until(lambda: all(task.done() for task in others), "whoever used the line has gone")

    def cut(self) -> None:
        """Drop all who talk, and let nobody through."""
        self._broken.set()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def mend(self) -> None:
        """Let them through again."""
        self._broken.clear()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talking.add(task)
        task.add_done_callback(self._talking.discard)
        self._writers.add(writer)
        if self._broken.is_set():
            writer.transport.abort()
            return
        if self.host.startswith("/"):
            answers, asks = await asyncio.open_unix_connection(f"{self.host}/.s.PGSQL.{self.port}")
        else:
            answers, asks = await asyncio.open_connection(self.host, self.port)
        self._writers.add(asks)
        if self._broken.is_set():
            # It was cut while this one was put through.
            self.cut()
            return
        await asyncio.gather(pour(reader, asks), pour(answers, writer))


async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes, until one of both is gone."""
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    writer.close()
