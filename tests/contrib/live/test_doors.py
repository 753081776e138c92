"""Both doors, behind a real server: who is let in, and that both say the same."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from notifications import notify
from tests.contrib.live.client import Browser, elsewhere
from tests.contrib.live.conftest import UVICORN, Server
from tests.factories import make_project, make_user, make_users
from tests.testapp.models import Fork
from tests.waiting import PATIENCE, until, within

pytestmark = pytest.mark.shape("default")

LogIn = Callable[[Any], str]


def send(user: Any, verb: str = "closed", **named: Any) -> None:
    notify.send(user, **{"verb": verb, "recipient": user, **named})


def threads(server: Server) -> int:
    """Return how many threads the server has."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("Threads:")[2].split()[0])


def verbs(browser: Browser) -> list[str]:
    return [event.data["verb"] for event in browser.heard if event.name == "notification"]


class Door:
    """What each door does."""

    door: str
    has_a_thread_for_each_stream: bool

    @pytest.fixture
    def server(self, serve: Callable[..., Server]) -> Server:
        return serve(
            self.door,
            LIVE_HEARTBEAT=1,
            LIVE_SESSION_CHECK=1,
            LIVE_STREAMS_PER_USER=2,
            LIVE_BUS_OPTIONS={"interval": 0.2},
        )

    def test_a_new_notification_arrives_with_both_counts(self, server: Server, log_in: LogIn) -> None:
        user, project = make_user(), make_project()
        session = log_in(user)

        async def listen() -> Browser:
            async with Browser(server.port, session) as browser:
                await browser.next("count")
                await elsewhere(send, user, target=project)
                await browser.until("count", {"unread": 1, "unseen": 1})
                return browser

        browser = asyncio.run(listen())

        first, news, last = (event for event in browser.heard if event.name != "changed")
        assert (first.name, first.data) == ("count", {"unread": 0, "unseen": 0})
        assert news.name == "notification"
        assert news.data["text"] == "justquick closed activity-stream"
        assert news.data["target_url"] == f"/projects/{project.pk}/"
        assert last.name == "count"
        assert browser.status == 200
        assert browser.answer["content-type"] == "text/event-stream; charset=utf-8"
        assert browser.answer["x-accel-buffering"] == "no"
        assert browser.answer["cache-control"] == "private, no-cache, no-store"
        assert "content-length" not in browser.answer

    def test_a_link_is_under_the_path_where_the_site_is(
        self, serve: Callable[..., Server], log_in: LogIn
    ) -> None:
        server = serve(self.door, [*UVICORN, "--root-path", "/app"], LIVE_BUS_OPTIONS={"interval": 0.2})
        user, fork = make_user(), Fork.objects.create(name="fork")
        session = log_in(user)

        async def listen() -> str:
            async with Browser(server.port, session) as browser:
                await browser.next("count")
                await elsewhere(send, user, target=fork)
                return str((await browser.next("notification")).data["url"])

        assert asyncio.run(listen()) == f"/app/inbox/notifications/delete/{fork.pk}/"

    def test_everybody_hears_of_their_own_and_in_every_tab(self, server: Server, log_in: LogIn) -> None:
        alice, bob = make_users(2)
        hers, his = log_in(alice), log_in(bob)

        async def listen() -> list[Browser]:
            async with (
                Browser(server.port, hers) as one,
                Browser(server.port, hers) as two,
                Browser(server.port, his) as other,
            ):
                for browser in (one, two, other):
                    await browser.next("count")
                await elsewhere(send, alice)
                for browser in (one, two):
                    await browser.until("count", {"unread": 1, "unseen": 1})
                await elsewhere(alice.notifications.mark_all_as_read)
                for browser in (one, two):
                    await browser.until("count", {"unread": 0, "unseen": 0})
                # What he hears is in order: whatever were told to him of hers would come before this.
                await elsewhere(send, bob, "opened")
                await other.until("count", {"unread": 1, "unseen": 1})
                await other.heartbeat()
                return [one, two, other]

        one, two, other = asyncio.run(listen())

        assert verbs(one) == verbs(two) == ["closed"]
        assert verbs(other) == ["opened"]
        counts = [event.data for event in other.heard if event.name == "count"]
        assert counts == [{"unread": number, "unseen": number} for number in (0, 1)]

    def test_who_may_not_listen_is_told_so_at_once(self, server: Server, log_in: LogIn) -> None:
        session = log_in(make_user())

        async def ask() -> list[int]:
            statuses = []
            async with AsyncExitStack() as open_streams:
                for key in ("", "nobody's", session, session, session):
                    browser = await open_streams.enter_async_context(Browser(server.port, key))
                    statuses.append(browser.status)
                    if browser.status == 200:
                        await browser.next("count")
            # Whoever goes makes room, when the server has noticed.
            while True:
                async with Browser(server.port, session) as browser:
                    if browser.status == 200:
                        return statuses
                await asyncio.sleep(0.05)

        asked = within(ask(), "the server makes room for the next stream")
        assert asyncio.run(asked) == [401, 401, 200, 200, 429]

    def test_the_stream_ends_with_the_session(self, server: Server, log_in: LogIn) -> None:
        user = make_user()
        session, another = log_in(user), log_in(user)

        async def listen() -> Browser:
            async with Browser(server.port, session) as browser, Browser(server.port, another) as stays:
                await browser.next("count")
                await elsewhere(Session.objects.filter(pk=session).delete)
                await browser.next("bye")
                with pytest.raises(EOFError):
                    await browser.next()
                # Both were looked up at once, so that the other one would have ended by now.
                await elsewhere(send, user)
                await stays.until("count", {"unread": 1, "unseen": 1})
                await stays.heartbeat()
                return browser

        assert [event.name for event in asyncio.run(listen()).heard] == ["count", "changed", "bye"]

    def test_who_comes_back_after_a_crash_has_missed_nothing_and_hears_nothing_twice(
        self, server: Server, log_in: LogIn
    ) -> None:
        user = make_user()
        session = log_in(user)

        async def listen() -> Browser:
            async with Browser(server.port, session) as browser:
                await browser.next("count")
                await elsewhere(send, user, "opened")
                await browser.until("count", {"unread": 1, "unseen": 1})
            server.kill()
            await elsewhere(send, user, "closed")
            await elsewhere(send, user, "reopened")
            await elsewhere(server.start)
            async with browser:
                await browser.until("count", {"unread": 3, "unseen": 3})
                # What were told twice would be told by the next look, which tells of this.
                await elsewhere(send, user, "merged")
                await browser.until("count", {"unread": 4, "unseen": 4})
                return browser

        assert verbs(asyncio.run(listen())) == ["opened", "closed", "reopened", "merged"]

    def test_a_server_that_is_told_to_stop_ends_its_streams_first(
        self, server: Server, log_in: LogIn
    ) -> None:
        session = log_in(make_user())

        async def listen() -> int:
            async with Browser(server.port, session) as browser:
                await browser.next("count")
                status = await elsewhere(server.stop)
                with pytest.raises(EOFError):
                    await browser.next("nothing more")
                return status

        # Uvicorn ends in good order, and then by the signal that it was sent.
        assert asyncio.run(listen()) in (0, -15)

    def test_a_worker_that_has_served_as_many_requests_as_it_may_ends_its_streams(
        self, serve: Callable[..., Server], log_in: LogIn
    ) -> None:
        """M7: it refused every connection, and lived on until the stream left."""
        server = serve(self.door, [*UVICORN, "--limit-max-requests", "3"], LIVE_HEARTBEAT=1)
        session = log_in(make_user())

        async def listen() -> int:
            async with Browser(server.port, session) as browser:
                await browser.next("count")
                for _ in range(3):
                    async with Browser(server.port) as other:
                        assert other.status == 401
                with pytest.raises(EOFError):
                    await browser.next("nothing more")
            return await elsewhere(server.process.wait, PATIENCE)

        assert asyncio.run(listen()) in (0, -15)

    @pytest.mark.parametrize("count", [40])
    def test_what_an_open_stream_holds(
        self, server: Server, log_in: LogIn, count: int, django_user_model: Any
    ) -> None:
        sessions = [log_in(user) for user in make_users(count)]

        async def listen() -> int:
            async with AsyncExitStack() as open_streams:
                for session in sessions:
                    browser = await open_streams.enter_async_context(Browser(server.port, session))
                    await browser.next("count")
                open_threads = threads(server)
                await within(only_the_hub(), "no stream holds a connection of its own")
                return open_threads

        async def only_the_hub() -> None:
            # The hub's own, while it asks. A database takes its time to end those that were closed.
            while await elsewhere(connections_of_others) > 1:  # noqa: ASYNC110 - no database sets an event
                await asyncio.sleep(0.05)

        assert (asyncio.run(listen()) >= count) is self.has_a_thread_for_each_stream

    @pytest.mark.parametrize("count", [200])
    def test_everybody_ends_with_the_right_count_when_the_server_crashes_under_them(
        self, server: Server, log_in: LogIn, count: int
    ) -> None:
        users = make_users(count // 2)
        sessions = [log_in(user) for user in users for _ in range(2)]
        everybody = type(users[0])._default_manager.filter(username__startswith="user")
        told = {"unread": 2, "unseen": 2}
        browsers = [Browser(server.port, session) for session in sessions]

        async def stay(browser: Browser) -> list[str]:
            while True:
                # Nobody listens while the server is down.
                with contextlib.suppress(OSError, EOFError, asyncio.IncompleteReadError):
                    async with browser:
                        assert browser.status == 200
                        # All of them at once take ten seconds on a machine that does nothing else.
                        await browser.until("count", told, patience=200)
                        return verbs(browser)
                await asyncio.sleep(0.2)

        def half_of_them(*names: str) -> bool:
            heard = [{event.name for event in browser.heard} for browser in browsers]
            return sum(found >= set(names) for found in heard) >= count // 2

        async def listen() -> list[list[str]]:
            staying = [asyncio.create_task(stay(browser)) for browser in browsers]
            await until(lambda: half_of_them("count"), "half of the browsers are connected")
            await elsewhere(send, users[0], "opened", recipient=everybody)
            await until(lambda: half_of_them("count", "notification"), "half of them hear the first event")
            server.kill()
            await elsewhere(send, users[0], "closed", recipient=everybody)
            await elsewhere(server.start)
            return await within(asyncio.gather(*staying), "everybody is told the right count", 250)

        heard = asyncio.run(listen())

        assert len(heard) == count
        # Whoever had not connected before the crash was told by the count alone.
        assert {tuple(verbs) for verbs in heard} <= {("opened", "closed"), ("closed",), ()}


def connections_of_others() -> int:
    """Return how many connections this database has beside ours; SQLite does not say, so none."""
    counts = {
        "postgresql": (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND application_name = ''"
        ),
        "mysql": (
            "SELECT count(*) FROM information_schema.processlist WHERE db = database() "
            "AND id <> connection_id()"
        ),
    }
    if connection.vendor not in counts:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(counts[connection.vendor])
        return int(cursor.fetchone()[0]) - 1


class TestTheView(Door):
    door = "view"
    has_a_thread_for_each_stream = True


class TestTheDoorInAsgi(Door):
    door = "asgi"
    has_a_thread_for_each_stream = False


def test_under_wsgi_the_answer_is_empty_and_at_once(db: None, client: Client) -> None:
    client.force_login(make_user())
    response = client.get("/inbox/live/")
    assert response.status_code == 204
    assert response.content == b""


def test_only_a_get_is_answered(db: None, client: Client) -> None:
    assert client.post("/inbox/live/").status_code == 405
