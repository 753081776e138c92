"""The view and the door in asgi.py, without a server around them: what they pass on, and what they free."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from asgiref.sync import async_to_sync
from django.apps import apps
from django.core.asgi import get_asgi_application
from django.db import connection, connections, transaction
from django.http import HttpResponse
from django.template import Context, Template
from django.test import AsyncClient, RequestFactory
from django.test.utils import override_script_prefix
from django.urls import get_urlconf, include, path, reverse, set_urlconf
from django.utils import timezone, translation
from django.utils.translation import get_language

from notifications import notify
from notifications.contrib.live import live, wire
from notifications.contrib.live.asgi import HANDOVER_KEY, Receiver, make_request
from notifications.contrib.live.hub import Hub, get_hub
from notifications.contrib.live.sessions import Login
from notifications.contrib.live.streams import Stream, Surroundings
from notifications.contrib.live.views import Body, close_connections, stream
from tests.contrib.live.client import elsewhere
from tests.factories import make_issue, make_user
from tests.waiting import until, within

pytestmark = pytest.mark.shape("default")


@pytest.fixture(autouse=True)
def site(shared: str, settings: Any) -> Any:
    settings.NOTIFICATIONS = {"LIVE_HEARTBEAT": 1, "LIVE_BUS_OPTIONS": {"interval": 0.2}}
    return settings


def scope(session: str = "", **more: Any) -> dict[str, Any]:
    headers = [(b"host", b"localhost"), (b"cookie", f"sessionid={session}".encode())]
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": "/inbox/live/",
        "query_string": b"",
        "headers": headers,
        "scheme": "http",
        "server": ("localhost", 80),
        **more,
    }


class Connection:
    """One request as a server would bring it, and what came back."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        self.sent: list[dict[str, Any]] = []
        self.wanted: tuple[bytes, asyncio.Event] = (b"", asyncio.Event())
        #: A browser that has got this reads no more, and lets the server wait.
        self.last = b""

    async def receive(self) -> dict[str, Any]:
        return await self.messages.get()

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)
        if self.wanted[0] and self.wanted[0] in message.get("body", b""):
            self.wanted[1].set()
        if self.last and self.last in message.get("body", b""):
            await asyncio.Event().wait()

    async def until(self, text: bytes) -> None:
        self.wanted = (text, asyncio.Event())
        if text not in self.body:
            await within(self.wanted[1].wait(), f"the door sends {text!r}")

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


@pytest.mark.parametrize("door", [lambda application: application, live])
@pytest.mark.parametrize("last", [b"", b"event: notification"])
def test_a_door_streams_and_frees_all_when_the_browser_goes(
    log_in: Callable[[Any], str], last: bytes, door: Any
) -> None:
    user = make_user()
    application: Any = door(get_asgi_application())
    headers = [(b"last-event-id", b"crafted")]
    browser = scope(log_in(user))
    browser["headers"] += headers

    async def listen() -> Connection:
        there = Connection()
        there.last = last
        serving = asyncio.create_task(application(browser, there.receive, there.send))
        await there.until(b"event: count")
        assert len(get_hub().streams()) == 1
        await elsewhere(notify.send, user, verb="closed", recipient=user)
        await there.until(b"event: notification")
        there.messages.put_nowait({"type": "http.disconnect"})
        await within(serving, "the door is done with the browser that has gone")
        await until(lambda: get_hub().streams() == [], "the stream is freed")
        return there

    heard = asyncio.run(listen()).body
    assert heard.count(b"event: count") == 2
    assert heard.count(b"event: notification") == 1


@pytest.mark.parametrize("door", [lambda application: application, live])
def test_a_stream_asks_again_what_its_user_may_do(log_in: Callable[[Any], str], door: Any) -> None:
    """Who lost a right while the page is open is sent nothing by it, as every page shows nothing by it."""
    user = make_user(is_staff=True)
    application: Any = door(get_asgi_application())
    browser = scope(log_in(user))

    hubs: list[Any] = []

    def is_staff() -> bool:
        [stream] = hubs[0].streams()
        request = stream.make_request()
        assert request.path == "/inbox/live/"
        return bool(request.user.is_staff)

    async def listen() -> list[bool]:
        there = Connection()
        serving = asyncio.create_task(application(browser, there.receive, there.send))
        await there.until(b"event: count")
        hubs.append(get_hub())
        before = await elsewhere(is_staff)
        await elsewhere(type(user).objects.filter(pk=user.pk).update, is_staff=False)
        after = await elsewhere(is_staff)
        there.messages.put_nowait({"type": "http.disconnect"})
        await within(serving, "the door is done with the browser that has gone")
        return [before, after]

    assert asyncio.run(listen()) == [True, False]


def test_a_reader_that_django_has_cancelled_is_not_the_end_of_the_stream(
    log_in: Callable[[Any], str],
) -> None:
    """Gunicorn takes it for the end of the connection: each stream ended when it began."""
    user = make_user()
    door: Any = live(get_asgi_application())
    browser = scope(log_in(user))

    class Gunicorn(Connection):
        is_over = False

        async def receive(self) -> dict[str, Any]:
            if self.is_over:
                return {"type": "http.disconnect"}
            try:
                return await super().receive()
            except asyncio.CancelledError:
                self.is_over = True
                raise

    async def listen() -> Connection:
        there = Gunicorn()
        serving = asyncio.create_task(door(browser, there.receive, there.send))
        await there.until(b"event: count")
        await elsewhere(notify.send, user, verb="closed", recipient=user)
        await there.until(b"event: notification")
        assert not there.is_over
        there.messages.put_nowait({"type": "http.disconnect"})
        await within(serving, "the door is done with the browser that has gone")
        # What does not stream is over for the server too.
        other = Gunicorn()
        await door({**browser, "path": "/home/"}, other.receive, other.send)
        assert (other.body, other.is_over) == (b"home", True)
        return there

    assert asyncio.run(listen()).body.count(b"event: notification") == 1


def test_a_cache_of_pages_keeps_no_stream(site: Any, log_in: Callable[[Any], str]) -> None:
    """Django 5.2 kept the empty answer that the door takes over, and answered whoever came back with it."""
    cache = "django.middleware.cache."
    site.MIDDLEWARE = [f"{cache}UpdateCacheMiddleware", *site.MIDDLEWARE, f"{cache}FetchFromCacheMiddleware"]
    user = make_user()
    door: Any = live(get_asgi_application())
    browser = scope(log_in(user))

    async def listen() -> None:
        there = Connection()
        serving = asyncio.create_task(door(browser, there.receive, there.send))
        await there.until(b"event: count")
        there.messages.put_nowait({"type": "http.disconnect"})
        await within(serving, "the door is done with the browser that has gone")

    for _ in range(2):
        asyncio.run(listen())


def test_a_stream_that_was_never_begun_has_nothing_to_free() -> None:
    hub = Hub()
    Body(hub, Stream(Login(1))).close()
    assert hub.streams() == []


def test_a_user_with_too_many_streams_is_asked_to_wait(site: Any, log_in: Callable[[Any], str]) -> None:
    site.NOTIFICATIONS = {"LIVE_STREAMS_PER_USER": 1}
    client = AsyncClient()
    client.cookies["sessionid"] = log_in(make_user())

    async def listen() -> Any:
        first: Any = await client.get("/inbox/live/")
        chunks = aiter(first)
        await anext(chunks)
        refused = await client.get("/inbox/live/")
        await chunks.aclose()
        return refused

    response = asyncio.run(listen())
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "60"


def test_nobody_is_streamed_nothing() -> None:
    async def ask() -> int:
        status: int = (await AsyncClient().get("/inbox/live/")).status_code
        return status

    assert asyncio.run(ask()) == 401


def test_a_connection_is_given_back_but_for_the_one_of_an_open_transaction() -> None:
    make_user()
    with transaction.atomic():
        close_connections()
        assert connection.connection is not None
    close_connections()
    assert connection.connection is None


def choose_schema(get_response: Any) -> Any:
    """Choose the schema of a tenant, as the middleware of django-tenants does."""

    def answer(request: Any) -> Any:
        chosen = vars(connections["default"])
        chosen["schema_name"] = request.headers.get("X-Tenant")
        try:
            return get_response(request)
        finally:
            del chosen["schema_name"]

    return answer


@pytest.mark.parametrize("is_logged_in", [True, False])
@pytest.mark.parametrize(("tenant", "status"), [({}, None), ({"X-Tenant": "first"}, 204)])
def test_the_schema_of_a_tenant_is_streamed_nothing_of_another_one(
    site: Any, log_in: Callable[[Any], str], tenant: dict[str, str], status: int | None, *, is_logged_in: bool
) -> None:
    # The hub would stream what the user with the same primary key has in its own schema.
    site.MIDDLEWARE = [f"{__name__}.choose_schema", *site.MIDDLEWARE]
    client = AsyncClient()
    if is_logged_in:
        client.cookies["sessionid"] = log_in(make_user())

    async def ask() -> int:
        return (await client.get("/inbox/live/", headers=tenant)).status_code

    assert asyncio.run(ask()) == (status or (200 if is_logged_in else 401))


def test_it_works_where_every_request_is_a_transaction(
    log_in: Callable[[Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for alias in connections:
        monkeypatch.setitem(connections.settings[alias], "ATOMIC_REQUESTS", True)
    client = AsyncClient()
    client.cookies["sessionid"] = log_in(make_user())

    async def ask() -> int:
        return (await client.get("/inbox/live/")).status_code

    assert asyncio.run(ask()) == 200


def test_the_door_streams_outside_of_the_request(log_in: Callable[[Any], str]) -> None:
    user = make_user()
    issue = make_issue()
    door: Any = live(get_asgi_application())
    browser = scope(log_in(user))

    async def listen() -> Connection:
        there = Connection()
        serving = asyncio.create_task(door(browser, there.receive, there.send))
        await there.until(b"event: count")
        await elsewhere(notify.send, user, verb="closed", recipient=user, action_object=issue)
        await there.until(b"event: notification")
        there.messages.put_nowait({"type": "http.request"})
        await until(there.messages.empty, "the door has read what the browser sends")
        get_hub().end_all()
        await within(serving, "the door is done with the stream that has ended")
        assert get_hub().streams() == []
        return there

    there = asyncio.run(listen())
    start, *chunks, end = there.sent
    headers = {name.lower(): value for name, value in start["headers"]}
    assert start["status"] == 200
    assert headers[b"content-type"] == b"text/event-stream; charset=utf-8"
    assert headers[b"content-encoding"] == b"identity"
    assert b"content-length" not in headers
    assert all(chunk["more_body"] for chunk in chunks)
    assert (end["body"], end["more_body"]) == (b"", False)
    # The request that the door has is not the one of the view, and the same to the page of an object.
    assert b'"action_object_url": "/issues/' in there.body


def test_what_a_server_raises_when_it_cannot_send_is_for_the_server(log_in: Callable[[Any], str]) -> None:
    door: Any = live(get_asgi_application())
    browser = scope(log_in(make_user()))

    async def fail(message: Any) -> None:
        if b"event: count" in message.get("body", b""):
            raise OSError("The browser is gone.")

    async def listen() -> None:
        with pytest.raises(OSError, match="The browser is gone"):
            await door(browser, Connection().receive, fail)
        assert get_hub().streams() == []

    asyncio.run(listen())


def test_all_else_passes_through_the_door() -> None:
    seen: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])
        if scope["type"] == "http":
            assert HANDOVER_KEY in scope
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b"none"})

    async def ask() -> Connection:
        there = Connection()
        door = live(application)
        await door({"type": "lifespan"}, there.receive, there.send)
        await door(scope(), there.receive, there.send)
        return there

    assert [message.get("status", message.get("body")) for message in asyncio.run(ask()).sent] == [
        404,
        b"none",
    ]
    assert seen == ["lifespan", "http"]


@pytest.mark.parametrize("status", [302, None])
def test_a_stream_that_was_never_begun_is_none(log_in: Callable[[Any], str], status: int | None) -> None:
    """A middleware may think better of it on the way out, and a browser may be gone by then."""
    inner = get_asgi_application()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        async def change(message: Any) -> None:
            if status is not None:
                await send({**message, **({"status": status} if "status" in message else {})})

        await inner(scope, receive, change)

    browser = scope(log_in(make_user()))

    async def ask() -> Connection:
        there = Connection()
        await live(application)(browser, there.receive, there.send)
        return there

    statuses = [message["status"] for message in asyncio.run(ask()).sent if "status" in message]
    assert statuses == ([] if status is None else [status])


def test_the_request_of_a_stream_knows_who_asked() -> None:
    user = make_user()
    request = make_request(scope(headers=[(b"host", b"testserver")]), user.pk)
    assert request.user == user
    assert request.build_absolute_uri("/x/") == "http://testserver/x/"


def test_a_script_is_told_where_the_stream_is_if_the_site_has_a_url_for_it(settings: Any) -> None:
    config: Any = apps.get_app_config("notifications_live")
    assert config.notifications_attributes() == {"live": "/inbox/live/", "heartbeat": "1"}
    settings.ROOT_URLCONF = (path("inbox/", include("notifications.urls")),)
    assert config.notifications_attributes() == {}


def test_a_proxy_is_asked_not_to_hold_the_stream_back() -> None:
    assert wire.HEADERS["X-Accel-Buffering"] == "no"
    assert isinstance(async_to_sync(stream)(RequestFactory().get("/")), HttpResponse)


def test_the_page_of_another_user_is_streamed_nothing(log_in: Callable[[Any], str]) -> None:
    key, user = log_in(make_user()), make_user("brosner")

    async def ask() -> int:
        client = AsyncClient()
        client.cookies["sessionid"] = key
        status: int = (await client.get(f"/inbox/live/?user={user.pk}")).status_code
        return status

    assert asyncio.run(ask()) == 409


def test_what_a_request_knows_of_its_thread_another_thread_can_have_too() -> None:
    zone = ZoneInfo("Asia/Tokyo")

    def look() -> tuple[Any, ...]:
        return get_language(), timezone.get_current_timezone_name(), reverse("home"), get_urlconf()

    def enter() -> tuple[Any, ...]:
        before = look()
        with found.entered():
            inside = look()
        assert look() == before
        return inside

    urls: Any = ModuleType("urls")
    urls.urlpatterns = [path("elsewhere/", HttpResponse, name="home")]
    with translation.override("ar"), timezone.override(zone), override_script_prefix("/app/"):
        set_urlconf(urls)
        try:
            found, wanted = Surroundings.here(), look()
        finally:
            set_urlconf(None)
    assert wanted == ("ar", "Asia/Tokyo", "/app/elsewhere/", urls)
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(enter).result() == wanted


class ForeignFuture:
    """A future of a server that is not written in Python: it has what is public of asyncio's, and no more."""

    _asyncio_future_blocking = False

    def __init__(self) -> None:
        self.own: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        for name in ("cancel", "cancelled", "done", "exception", "get_loop", "result"):
            setattr(self, name, getattr(self.own, name))

    def add_done_callback(self, callback: Callable[[Any], object], *, context: Any = None) -> None:
        self.own.add_done_callback(lambda own: callback(self), context=context)

    def remove_done_callback(self, callback: Callable[[Any], object]) -> int:
        return 0


@pytest.mark.parametrize("end", ["cancelled", "answered", "failed"])
def test_a_request_ends_also_with_a_server_whose_futures_are_none_of_asyncio(end: str) -> None:
    async def close() -> None:
        future: Any = ForeignFuture()
        receiver = Receiver(lambda: future)
        waiting = receiver.waiting()
        if end == "answered":
            future.own.set_result({"type": "http.disconnect"})
        elif end == "failed":
            future.own.set_exception(OSError("gone"))
        await within(receiver.close(), "the request ends")
        assert waiting.done()

    asyncio.run(close())


def test_where_there_are_live_streams_a_script_is_told_of_them(settings: Any) -> None:
    attributes = Template("{% load notifications_tags %}{% notifications_attributes %}")
    settings.ROOT_URLCONF = (path("inbox/", include("notifications.urls")),)
    assert "data-ntf-live" not in attributes.render(Context())
    settings.ROOT_URLCONF = (path("live/", include("notifications.contrib.live.urls")),)
    assert 'data-ntf-live="/live/"' in attributes.render(Context())
