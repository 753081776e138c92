"""What every bus promises, tried on the real servers."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection, transaction

from notifications import notify
from notifications.contrib.live import hub as hubs
from notifications.contrib.live.buses import Bus, Message, base, get_bus
from notifications.contrib.live.checks import check_bus
from notifications.contrib.live.hub import get_hub
from tests.contrib.live.client import Line, elsewhere, tuned_in
from tests.factories import make_user, make_users
from tests.waiting import until, wait_until, within

pytestmark = pytest.mark.shape("default")

EVENT = "0190f5a4-7c3e-7b1a-8d52-3f1f4b6c9a10"
#: Seconds that no test lives to see.
FOREVER = 3600.0


def send(user: Any, verb: str = "closed", **named: Any) -> None:
    notify.send(user, **{"verb": verb, "recipient": user, **named})


@asynccontextmanager
async def listening() -> AsyncIterator[asyncio.Queue[Message]]:
    """Listen to the bus until it is heard, and collect what it says after that."""
    said: asyncio.Queue[Message] = asyncio.Queue()

    async def listen() -> None:
        async with aclosing(get_bus().listen()) as messages:
            async for message in messages:
                said.put_nowait(message)

    task = asyncio.create_task(listen())
    try:
        assert await next_of(said) == Message()
        yield said
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def next_of(said: asyncio.Queue[Message]) -> Message:
    """Wait for what a bus says next."""
    return await within(said.get(), "the bus says something")


async def is_heard() -> None:
    """Wait until the hub hears its bus."""
    await until(lambda: get_hub().hears_bus, "the hub hears its bus")


async def is_not_heard() -> None:
    """Wait until the hub has noticed that its bus is dead."""
    await until(lambda: not get_hub().hears_bus, "the hub notices that its bus is dead")


class Contract:
    """What a site may rely on, whichever bus it chooses."""

    @pytest.fixture(autouse=True)
    def bus(self, shared: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Bus:
        settings.NOTIFICATIONS = {"LIVE_HEARTBEAT": 1, **self.settings()}
        # A bus that is slow is not taken for one that hears nothing.
        monkeypatch.setattr(hubs, "MAX_ECHO_SECONDS", FOREVER)
        return get_bus()

    def settings(self) -> dict[str, Any]:
        raise NotImplementedError

    def test_the_system_checks_have_nothing_to_say(self) -> None:
        assert check_bus(None) == []

    def test_a_stream_is_told_what_another_thread_commits_and_nothing_that_is_rolled_back(self) -> None:
        user = make_user()

        def change_of_mind() -> None:
            with transaction.atomic():
                send(user, "opened")
                transaction.set_rollback(True)

        async def listen() -> list[Any]:
            async with tuned_in(user) as browser:
                await elsewhere(change_of_mind)
                await elsewhere(send, user)
                await browser.until("count", {"unread": 1, "unseen": 1})
                await elsewhere(user.notifications.mark_all_as_read)
                await browser.until("count", {"unread": 0, "unseen": 0})
                return [event.data["verb"] for event in browser.heard if event.name == "notification"]

        assert asyncio.run(listen()) == ["closed"]

    def test_nobody_asks_while_nobody_listens(self) -> None:
        user = make_user()

        async def listen() -> tuple[int, int, bool]:
            async with tuned_in(user):
                await is_heard()
            rounds = get_hub().rounds
            await elsewhere(send, user)
            # Whoever could query or hear is a task of this loop.
            others = asyncio.all_tasks() - {asyncio.current_task()}
            await until(lambda: all(task.done() for task in others), "the hub and its bus go to sleep")
            assert len(asyncio.all_tasks()) == 1
            return rounds, get_hub().rounds, get_hub().hears_bus

        before, after, heard = asyncio.run(listen())
        assert after == before
        assert not heard


class Speaking(Contract):
    """What those promise besides that tell of what happens. Nobody looks around here, so what is told was said."""

    def kill(self) -> int:
        """Kill whoever listens, by the server. Return how many that were."""
        raise NotImplementedError

    def test_one_message_is_said_for_each_event_whoever_is_told_and_only_after_commit(self) -> None:
        users = make_users(3)
        everybody = type(users[0])._default_manager.filter(username__startswith="user")

        def tell() -> None:
            with transaction.atomic():
                send(users[0], recipient=everybody, idempotency_key="order:17")
            with transaction.atomic():
                send(users[0], recipient=everybody)
                transaction.set_rollback(True)
            users[1].notifications.mark_all_as_read()
            type(users[1].notifications.get())._default_manager.all().mark_all_as_unread()
            # A bus keeps the order of one connection, so this is heard after all else.
            get_bus().publish(last, using="default")

        last = Message(recipient="the last word")

        async def listen() -> list[Message]:
            async with listening() as said:
                await elsewhere(tell)
                heard = [await next_of(said) for _ in range(3)]
                assert await next_of(said) == last
                return heard

        event, one, many = asyncio.run(listen())
        assert event.event == str(users[0].notifications.get().event)
        assert event.recipient is None
        assert one == Message(recipient=str(users[1].pk))
        assert many == Message()

    def test_all_who_listen_hear_the_same(self) -> None:
        async def listen() -> list[Message]:
            async with listening() as one, listening() as other:
                await elsewhere(get_bus().publish, Message(event=EVENT), using="default")
                return [await next_of(said) for said in (one, other)]

        assert asyncio.run(listen()) == [Message(event=EVENT)] * 2

    def test_a_bus_that_dies_is_heard_again_and_the_hub_asks_meanwhile(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        user = make_user()
        monkeypatch.setattr(hubs, "RETRY_INTERVAL", 0.5)

        async def listen() -> None:
            async with tuned_in(user) as browser:
                await is_heard()
                assert await elsewhere(self.kill) == 1
                await is_not_heard()
                await elsewhere(send, user)
                await browser.until("count", {"unread": 1, "unseen": 1})
                await is_heard()
                await elsewhere(user.notifications.mark_all_as_read)
                await browser.until("count", {"unread": 0, "unseen": 0})

        asyncio.run(listen())
        assert "The live bus is not connected" in caplog.text

    def test_a_hub_learns_that_its_bus_hears_what_it_sends(
        self, echoes: list[bool], caplog: pytest.LogCaptureFixture
    ) -> None:
        user = make_user()

        async def listen() -> None:
            async with tuned_in(user):
                await until(lambda: echoes, "the hub has checked whether its bus hears what it sends")

        asyncio.run(listen())
        assert echoes == [True]
        assert "receives nothing" not in caplog.text

    def line(self) -> Line:
        """Return a line to the server, not laid yet."""
        raise NotImplementedError

    def by(self, port: int) -> dict[str, Any]:
        """Return the settings with which this bus reaches its server by another port of this machine."""
        raise NotImplementedError

    def test_a_server_that_is_down_for_a_while_is_tried_less_and_less_often_and_all_is_told_meanwhile(
        self, monkeypatch: pytest.MonkeyPatch, settings: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        user = make_user()
        monkeypatch.setattr(hubs, "RETRY_INTERVAL", 0.2)
        # What is said after the server is back must not meet the silence after what could not be said before.
        monkeypatch.setattr(base, "RETRY_INTERVAL", 0.0)

        def failures() -> list[float]:
            return [said.created for said in caplog.records if "bus is not connected" in said.getMessage()]

        async def listen() -> None:
            async with self.line() as line:
                settings.NOTIFICATIONS = {"LIVE_HEARTBEAT": 1, **self.by(line.here)}
                async with tuned_in(user) as browser:
                    await is_heard()
                    line.cut()
                    await is_not_heard()
                    await elsewhere(send, user)
                    await browser.until("count", {"unread": 1, "unseen": 1})
                    await until(lambda: len(failures()) >= 5, "the hub tries five times to hear its bus")
                    line.mend()
                    await is_heard()
                    await elsewhere(user.notifications.mark_all_as_read)
                    await browser.until("count", {"unread": 0, "unseen": 0})

        asyncio.run(listen())
        pauses = [after - before for before, after in pairwise(failures())]
        # A little chance is in each of them, so that a thousand processes do not come at once.
        assert all(pause >= 0.1 * 2**number for number, pause in enumerate(pauses)), pauses

    def test_a_bus_that_takes_no_message_fails_no_request_and_is_left_alone_for_a_while(
        self, bus: Bus, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        user = make_user()
        self.break_sending(bus, monkeypatch)

        send(user)
        send(user)

        assert user.notifications.count() == 2
        assert caplog.text.count("The live bus did not accept a message") == 1

    def break_sending(self, bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the server refuse what this bus says."""
        raise NotImplementedError


class TestPoll(Contract):
    def settings(self) -> dict[str, Any]:
        return {}

    def test_it_asks_once_a_second_and_says_nothing(self, bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
        # The pause of a hub that does not hear its bus, which is another one.
        monkeypatch.setattr(hubs, "RETRY_INTERVAL", 0.01)
        user = make_user()
        bus.publish(Message(event=EVENT), using="default")

        async def listen() -> list[float]:
            looks: list[float] = []
            async with tuned_in(user):
                await is_heard()
                hub, loop = get_hub(), asyncio.get_running_loop()
                check = hub._check

                def look(keys: Any) -> None:
                    looks.append(loop.time())
                    check(keys)

                monkeypatch.setattr(hub, "_check", look)
                before = hub.rounds
                await until(lambda: len(looks) >= 3, "the hub looks three times")
                await until(lambda: hub.rounds >= before + 2, "the hub asks the database each time")
            return looks

        # By the clock of the loop itself, on which a pause may be longer, but not shorter.
        pauses = [after - before for before, after in pairwise(asyncio.run(listen()))]
        assert all(pause >= 0.999 for pause in pauses), pauses


@pytest.mark.backend("postgres")
class TestPostgres(Speaking):
    def settings(self) -> dict[str, Any]:
        return {"LIVE_BUS": "postgres", "LIVE_BUS_OPTIONS": {"interval": FOREVER}}

    def kill(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND query LIKE 'LISTEN%%'"
            )
            return len(cursor.fetchall())

    def break_sending(self, bus: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        # A channel may not be longer than a name of the database.
        monkeypatch.setattr(bus, "channel", "x" * 64)

    def line(self) -> Line:
        at = connection.settings_dict
        return Line(at["HOST"] or "127.0.0.1", int(at["PORT"] or 5432))

    def by(self, port: int) -> dict[str, Any]:
        at = {**connection.get_connection_params(), "host": "127.0.0.1", "port": port}
        names = ("host", "port", "user", "password", "dbname")
        conninfo = " ".join(f"{name}={at[name]}" for name in names if at.get(name))
        return {"LIVE_BUS": "postgres", "LIVE_BUS_OPTIONS": {"conninfo": conninfo, "interval": FOREVER}}

    def test_it_listens_by_a_connection_of_its_own_where_the_others_go_through_a_pooler(
        self, settings: Any
    ) -> None:
        parameters = connection.get_connection_params()
        names = ("host", "port", "user", "password", "dbname")
        conninfo = " ".join(f"{name}={parameters[name]}" for name in names if parameters.get(name))
        settings.NOTIFICATIONS = {
            "LIVE_BUS": "postgres",
            "LIVE_BUS_OPTIONS": {"conninfo": conninfo, "channel": 'my "site"'},
        }

        async def listen() -> Message:
            async with listening() as said:
                await elsewhere(get_bus().publish, Message(event=EVENT), using="default")
                return await next_of(said)

        assert asyncio.run(listen()) == Message(event=EVENT)


@pytest.mark.redis
class TestRedis(Speaking):
    def settings(self) -> dict[str, Any]:
        # Other runs of the suite use the same server.
        name = f"notifications-tests-{os.getpid()}"
        options = {
            "url": f"{os.environ['REDIS_URL']}?client_name={name}",
            "channel": name,
            "interval": FOREVER,
        }
        return {"LIVE_BUS": "redis", "LIVE_BUS_OPTIONS": options}

    def kill(self) -> int:
        bus: Any = get_bus()
        ours = [one for one in bus.client.client_list(_type="pubsub") if one["name"] == bus.channel]
        return sum(bus.client.client_kill_filter(_id=client["id"]) for client in ours)

    def line(self) -> Line:
        at = urlsplit(os.environ["REDIS_URL"])
        return Line(at.hostname or "127.0.0.1", at.port or 6379)

    def by(self, port: int) -> dict[str, Any]:
        at = urlsplit(os.environ["REDIS_URL"])
        login = f"{at.netloc.rpartition('@')[0]}@" if "@" in at.netloc else ""
        url = at._replace(netloc=f"{login}127.0.0.1:{port}").geturl()
        channel = f"notifications-tests-{os.getpid()}"
        return {
            "LIVE_BUS": "redis",
            "LIVE_BUS_OPTIONS": {"url": url, "channel": channel, "interval": FOREVER},
        }

    def break_sending(self, bus: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        # Nobody listens on the port of discarded messages.
        monkeypatch.setattr(bus, "client", bus.redis.Redis.from_url("redis://127.0.0.1:9/0"))

    def test_a_bus_that_another_setting_replaces_leaves_no_connection(self, bus: Any, settings: Any) -> None:
        with bus.redis.Redis.from_url(os.environ["REDIS_URL"]) as server:

            def connected() -> bool:
                return any(client["name"] == bus.channel for client in server.client_list())

            bus.publish(Message(event=EVENT), using="default")
            assert connected()
            settings.NOTIFICATIONS = {}
            # The server notices it a little later.
            wait_until(lambda: not connected(), "the connection is closed")


# What needs no server


@pytest.fixture
def bare(settings: Any) -> Any:
    settings.NOTIFICATIONS = {}
    return settings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (Message(event=EVENT).dumps(), Message(event=EVENT)),
        (Message(recipient="17").dumps(), Message(recipient="17")),
        (Message().dumps(), Message()),
        ('{"recipient": 17}', Message(recipient="17")),
        ("not JSON", Message()),
        ("[]", Message()),
        ('{"event": "no UUID"}', Message()),
        ('{"event": 17}', Message()),
        ('{"event": {}}', Message()),
        (b"\xff", Message()),
        ("[" * 100_000, Message()),
    ],
)
def test_a_message_is_read_as_it_was_written_and_all_else_stands_for_everybody(
    text: Any, message: Message
) -> None:
    assert Message.loads(text) == message


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("nowhere", {}, "nowhere doesn't look like a module path"),
        ("notifications.contrib.live.buses.none.Bus", {}, "No module named"),
        ("poll", {"interval": 0}, "interval must be a number of seconds above 0, got 0"),
        ("poll", {"interval": -1}, "interval must be a number of seconds above 0, got -1"),
        ("poll", {"interval": float("nan")}, "interval must be a number of seconds above 0, got nan"),
        pytest.param(
            "redis",
            {"interval": 0},
            "interval must be a number of seconds above 0, got 0",
            marks=pytest.mark.redis,
        ),
        pytest.param(
            "redis",
            {"interval": "5"},
            "interval must be a number of seconds above 0, got '5'",
            marks=pytest.mark.redis,
        ),
        pytest.param(
            "redis",
            {"url": "127.0.0.1:6379"},
            "Redis URL must specify one of the following schemes",
            marks=pytest.mark.redis,
        ),
        pytest.param("redis", {"url": None}, "NoneType", marks=pytest.mark.redis),
        ("poll", {"url": "redis:"}, "unexpected keyword argument 'url'"),
    ],
)
def test_a_bus_that_cannot_be_made_is_an_error_of_the_system_checks(
    bare: Any, name: str, options: dict[str, Any], said: str
) -> None:
    bare.NOTIFICATIONS = {"LIVE_BUS": name, "LIVE_BUS_OPTIONS": options}
    [error] = check_bus(None)
    assert error.id == "notifications_live.E001"
    assert said in error.msg


@pytest.mark.parametrize(("name", "module"), [("postgres", "psycopg"), ("redis", "redis")])
def test_a_missing_extra_names_its_pip_line(
    bare: Any, monkeypatch: pytest.MonkeyPatch, name: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    bare.NOTIFICATIONS = {"LIVE_BUS": name}
    [error] = check_bus(None)
    assert f"pip install 'django-notifications-inbox[{name}]'" in error.msg


@pytest.mark.backend("sqlite", "mariadb")
def test_the_postgres_bus_needs_postgresql(bare: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # Also where the extra is not installed: the client is there, the database is not.
    monkeypatch.setitem(sys.modules, "psycopg", ModuleType("psycopg"))
    bare.NOTIFICATIONS = {"LIVE_BUS": "postgres"}
    [error] = check_bus(None)
    assert "needs the notifications to be in PostgreSQL" in error.msg


def test_a_bus_of_a_site_says_how_it_sends_and_how_it_listens() -> None:
    with pytest.raises(NotImplementedError, match="Bus must implement listen"):
        base.Bus().listen()
    with pytest.raises(NotImplementedError, match="Bus must implement send"):
        base.Bus().send(Message(), using="default")


def test_a_setting_of_something_else_leaves_the_bus_alone(bare: Any) -> None:
    bus = get_bus()
    bare.USE_TZ = True
    assert get_bus() is bus
    bare.NOTIFICATIONS = {}
    assert get_bus() is not bus
