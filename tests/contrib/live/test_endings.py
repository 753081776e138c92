"""When a stream ends: when it cannot be served, when its server stops; and what is left of a hub that sleeps."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import threading
import weakref
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import AsyncClient

from notifications import notify
from notifications.contrib.live import event_loop, hub as hubs, sessions
from notifications.contrib.live.buses import Bus, Message
from notifications.contrib.live.hub import get_hub
from notifications.contrib.live.rounds import RecipientUpdate, Round
from notifications.contrib.live.sessions import Login
from notifications.contrib.live.shutdown import SIGNALS, before_shutdown, have_closed, listening_sockets
from notifications.contrib.live.streams import Stream
from notifications.contrib.live.updates import get_updates
from tests.contrib.live.client import elsewhere, tuned_in
from tests.contrib.live.conftest import wait_for_hubs
from tests.factories import make_user, make_users
from tests.waiting import PATIENCE, until, wait_for_event, within

pytestmark = pytest.mark.shape("default")


@pytest.fixture(autouse=True)
def site(shared: str, settings: Any) -> Any:
    settings.NOTIFICATIONS = {"LIVE_HEARTBEAT": 1, "LIVE_BUS_OPTIONS": {"interval": 0.2}}
    return settings


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a hub try again sooner than it would."""
    monkeypatch.setattr(hubs, "RETRY_INTERVAL", 0.05)


async def read(stream: Stream) -> bytes:
    """Return all that a stream is sent, until it ends."""
    return b"".join([chunk async for chunk in get_hub().serve(stream)])


async def ends(stream: Stream) -> bytes:
    return await within(read(stream), "the stream ends")


# What cannot be served


def fail(*arguments: Any) -> Any:
    raise DatabaseError('relation "notifications_notification" does not exist')


@pytest.fixture
def answer() -> Iterator[threading.Event]:
    """Let a query that is not answered be answered after all, at the end of the test."""
    answer = threading.Event()
    yield answer
    answer.set()


def break_queries(monkeypatch: pytest.MonkeyPatch, answer: threading.Event) -> None:
    monkeypatch.setattr(hubs, "get_updates", fail)


def break_sending(monkeypatch: pytest.MonkeyPatch, answer: threading.Event) -> None:
    monkeypatch.setattr(hubs.Hub, "_send", fail)


def break_sessions(monkeypatch: pytest.MonkeyPatch, answer: threading.Event) -> None:
    monkeypatch.setattr(sessions, "ended", fail)


def never_answer(monkeypatch: pytest.MonkeyPatch, answer: threading.Event) -> None:
    def wait(asked: Round) -> list[RecipientUpdate]:
        wait_for_event(answer, "the test ends")
        return []

    monkeypatch.setattr(hubs, "MAX_ROUND_SECONDS", 0.2)
    monkeypatch.setattr(hubs, "get_updates", wait)


@pytest.mark.parametrize("break_it", [break_queries, break_sending, break_sessions, never_answer])
def test_streams_that_cannot_be_served_end_and_the_browsers_poll(
    break_it: Callable[[pytest.MonkeyPatch, threading.Event], None],
    answer: threading.Event,
    impatient: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    site: Any,
    log_in: Callable[[Any], str],
) -> None:
    """B25: an open stream keeps a browser from polling, and this one was silent for ever."""
    site.NOTIFICATIONS = {**site.NOTIFICATIONS, "LIVE_SESSION_CHECK": 1}
    monkeypatch.setattr(hubs, "UNAVAILABLE_SECONDS", 3600)
    users = make_users(3)
    client = AsyncClient()
    client.cookies["sessionid"] = log_in(users[0])

    async def listen() -> list[int]:
        statuses = []
        with monkeypatch.context() as patch:
            break_it(patch, answer)
            await asyncio.gather(*(ends(Stream(Login(user.pk))) for user in users))
            assert get_hub().streams() == []
            statuses.append((await client.get("/inbox/live/")).status_code)
        # After a while it is tried again.
        monkeypatch.setattr(get_hub(), "_unavailable_until", 0.0)
        async with tuned_in(users[0]) as browser:
            await elsewhere(notify.send, users[0], verb="closed", recipient=users[0])
            await browser.next("notification")
        return [*statuses, (await client.get("/inbox/live/")).status_code]

    assert asyncio.run(listen()) == [503, 200]
    assert "The live streams end" in caplog.text


def test_a_failure_after_a_pause_ends_the_streams_at_once_and_one_that_passes_does_not(
    impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = make_user()
    failures: list[int] = []

    def sometimes(asked: Round) -> list[RecipientUpdate]:
        if failures and failures.pop(0):
            fail()
        return get_updates(asked)

    monkeypatch.setattr(hubs, "get_updates", sometimes)

    async def listen() -> bool:
        async with tuned_in(user):
            failures.extend([1, 1, 0, 1, 1, 0, 1, 1, 0])
            await until(lambda: not failures, "the hub has failed and not failed as often as it was to")
            return get_hub().is_available

    assert asyncio.run(listen())


# A server that stops


def test_a_socket_that_accepts_connections_is_found_and_missed_when_it_is_closed() -> None:
    before = listening_sockets()
    with socket.socket() as listener, socket.socket() as other:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        other.bind(("127.0.0.1", 0))
        found = listening_sockets()
        assert found.keys() - before.keys() == {listener.fileno()}
        assert not have_closed(found)
        descriptor = listener.fileno()
    assert have_closed(found)
    # A descriptor is given to whoever opens something next.
    reused = os.open(os.devnull, os.O_RDONLY)
    os.dup2(reused, descriptor)
    assert have_closed(found)
    for opened in {reused, descriptor}:
        os.close(opened)


def test_streams_end_when_the_server_accepts_no_more_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """M7: hypercorn's parent gets the signal, and its workers only stop to accept."""
    monkeypatch.setattr(hubs, "SERVER_CHECK_INTERVAL", 0.05)
    user = make_user()

    async def listen() -> bytes:
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        reading = asyncio.create_task(read(Stream(Login(user.pk))))
        await until(lambda: get_hub().rounds > 0, "the hub is awake")
        assert not reading.done()
        server.close()
        return await within(reading, "the stream ends")

    chunks = asyncio.run(listen())
    assert b"event: bye" not in chunks


# A hub that sleeps


def test_a_hub_that_sleeps_holds_no_event_loop() -> None:
    """L5: a hub remained for each loop that ever had one."""
    user = make_user()
    loops: list[weakref.ref[Any]] = []

    async def listen() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        async with tuned_in(user):
            pass
        assert get_hub().streams() == []

    for _ in range(3):
        asyncio.run(listen())
    # A query that is under way still holds the loop that asked for it.
    wait_for_hubs()
    gc.collect()
    assert [loop() for loop in loops] == [None] * 3


def test_a_loop_that_ended_before_its_streams_is_forgotten_by_the_next() -> None:
    user = make_user()
    loop = asyncio.new_event_loop()

    async def begin() -> AsyncGenerator[bytes, None]:
        chunks = get_hub().serve(Stream(Login(user.pk)))
        await anext(chunks)
        return chunks

    chunks = loop.run_until_complete(begin())
    [hub] = [hub for other, hub in hubs._hubs.items() if other is loop]
    pending = asyncio.all_tasks(loop)
    for task in pending:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
    loop.close()
    assert loop in hubs._hubs

    async def begin_another() -> None:
        get_hub()

    asyncio.run(begin_another())
    assert loop not in hubs._hubs
    assert len(hub.streams()) == 1
    asyncio.run(chunks.aclose())


# A bus that hears nothing


class Deaf(Bus):
    """A bus whose messages do not arrive, as those of PostgreSQL behind a pooler."""

    interval = 3600.0
    deaf_hint = "Take the pooler away."

    def send(self, message: Message, *, using: str) -> None:
        """Send it nowhere."""

    async def listen(self) -> AsyncGenerator[Message, None]:
        """Be connected."""
        yield Message()
        await asyncio.Event().wait()


class Broken(Deaf):
    """A bus that cannot send at all."""

    def send(self, message: Message, *, using: str) -> None:
        """Raise what a client might."""
        raise OSError("No route to host.")


class Echoing(Deaf):
    """A bus that hears what it sends, and what others send to themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived: list[Message] = []

    def send(self, message: Message, *, using: str) -> None:
        """Let it arrive."""
        self.arrived.append(message)

    async def listen(self) -> AsyncGenerator[Message, None]:
        """Hear what was sent."""
        yield Message()
        while True:
            await asyncio.sleep(0.01)
            while self.arrived:
                yield Message(echo="another hub's")
                yield self.arrived.pop(0)


@pytest.mark.parametrize("bus", ["Deaf", "Broken"])
def test_a_bus_that_is_connected_and_hears_nothing_is_noticed_and_the_hub_polls(
    bus: str, impatient: None, site: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """L7: everything came 5 s late, and no line of the log said why."""
    assert hubs.MAX_ECHO_SECONDS <= 5
    monkeypatch.setattr(hubs, "MAX_ECHO_SECONDS", 0.2)
    site.NOTIFICATIONS = {**site.NOTIFICATIONS, "LIVE_BUS": f"{__name__}.{bus}", "LIVE_BUS_OPTIONS": {}}
    user = make_user()

    async def listen() -> None:
        async with tuned_in(user) as browser:
            await until(
                lambda: "Take the pooler away." in caplog.text, "the hub notices that its bus hears nothing"
            )
            assert not get_hub().hears_bus
            # An hour would pass without it.
            await elsewhere(notify.send, user, verb="closed", recipient=user)
            await browser.next("notification")

    asyncio.run(listen())


def test_a_bus_that_hears_itself_is_not_doubted(
    site: Any, echoes: list[bool], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    handled: list[Message] = []
    monkeypatch.setattr(hubs.Hub, "handle", lambda hub, message: handled.append(message))
    site.NOTIFICATIONS = {**site.NOTIFICATIONS, "LIVE_BUS": f"{__name__}.Echoing", "LIVE_BUS_OPTIONS": {}}
    user = make_user()

    async def listen() -> None:
        async with tuned_in(user):
            await until(lambda: echoes, "the hub has checked whether its bus hears itself")

    asyncio.run(listen())
    assert echoes == [True]
    # An echo asks for nothing.
    assert handled == [Message()]
    assert "receives nothing" not in caplog.text


def test_what_a_bus_is_sent_to_learn_whether_it_hears_is_a_message_like_others() -> None:
    assert Message.loads(Message(echo="17").dumps()) == Message(echo="17")


def test_a_hub_that_stops_at_any_moment_leaves_no_job_behind(caplog: pytest.LogCaptureFixture) -> None:
    """They went on where what they waited for came at that moment: with errors, then beside those that followed."""
    user = make_user()

    async def come_and_go() -> set[asyncio.Task[Any]]:
        hub, before = get_hub(), asyncio.all_tasks()
        for turns in range(12):
            stream = Stream(Login(user.pk))
            assert hub.join(stream)
            for _ in range(turns):
                await asyncio.sleep(0)
            hub.leave(stream)
            for _ in range(12):
                await asyncio.sleep(0)
        return asyncio.all_tasks() - before

    assert asyncio.run(come_and_go()) == set()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_what_is_awaited_with_a_bound_is_cancelled_also_when_it_has_just_come() -> None:
    async def cancel() -> Any:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(event_loop.within(future, PATIENCE))
        await asyncio.sleep(0)
        future.set_result(1)
        task.cancel()
        [result] = await asyncio.gather(task, return_exceptions=True)
        return result

    assert isinstance(asyncio.run(cancel()), asyncio.CancelledError)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_reaches_the_server_also_after_the_loop_of_a_hub_ended_before_its_streams(
    number: int,
) -> None:
    async def start() -> Callable[[], None]:
        return before_shutdown(lambda: None)

    heard: list[int] = []
    before = signal.signal(number, lambda number, frame: heard.append(number))
    try:
        undo = asyncio.run(start())
        os.kill(os.getpid(), number)
        undo()
    finally:
        signal.signal(number, before)
    assert heard == [number]
