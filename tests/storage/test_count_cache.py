"""The counts with a cache that is down, slow, full or wrong: the same answers as without a cache."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache
from django.db import transaction
from django.template import Context, Template
from django.test import Client, override_settings

from notifications import notify
from notifications.storage import changes, count_cache as module
from notifications.storage.count_cache import MAX_IDLE_CALLERS, MAX_STUCK_CALLERS, Caller, count_cache
from notifications.storage.counts import mark_seen, unread_count, unseen_count
from tests.factories import make_notification, rows
from tests.waiting import wait_for_event, wait_until

# Where something is cached there must have been a commit.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _five_minutes(settings: Any) -> Iterator[None]:
    settings.NOTIFICATIONS = {"CACHE_TIMEOUT": 300}
    count_cache.reset()
    yield
    count_cache.reset()


def cached_count(user: Any, name: str = "unread", using: str = "default") -> Any:
    """Return what the cache has, without its generation."""
    value = cache.get(changes.cache_key(user.pk, name, using=using))
    return value and value[1]


# A cache that fails


class Faulty(LocMemCache):
    """A cache whose methods do what a test says. It is not one of Django's, so it may be waited for."""

    #: What is done instead, by the name of the method.
    does: dict[str, Callable[..., Any]] = {}
    calls: list[str] = []

    def get_many(self, *args: Any, **kwargs: Any) -> Any:
        return self.do("get_many", *args, **kwargs)

    def set(self, *args: Any, **kwargs: Any) -> Any:
        return self.do("set", *args, **kwargs)

    def delete_many(self, *args: Any, **kwargs: Any) -> Any:
        return self.do("delete_many", *args, **kwargs)

    def do(self, name: str, *args: Any, **kwargs: Any) -> Any:
        self.calls.append(name)
        return self.does.get(name, getattr(super(), name))(*args, **kwargs)


FAULTY = {"default": {"BACKEND": "tests.storage.test_count_cache.Faulty", "LOCATION": "faulty"}}


@pytest.fixture
def faulty(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Faulty]]:
    """Use the faulty cache, as one that may be on another machine."""
    monkeypatch.setattr(module, "LOCAL_CACHES", ())
    # However busy this machine is.
    monkeypatch.setattr(module, "PATIENCE", 60.0)
    settings.CACHES = FAULTY
    monkeypatch.setattr(Faulty, "does", {})
    monkeypatch.setattr(Faulty, "calls", [])
    yield Faulty
    cache.clear()


def fail(*args: Any, **kwargs: Any) -> Any:
    raise ConnectionError("nobody listens")


# Keys of the site's own


class Tenant(threading.local):
    """The current tenant of a thread, as packages with one schema per tenant know it: by their connection."""

    name = "public"


tenant = Tenant()


def make_tenant_key(key: str, prefix: str, version: int) -> str:
    """Return what ``KEY_FUNCTION`` of such a package makes of a key."""
    if tenant.name == "broken":
        raise LookupError("no such tenant")
    return f"{tenant.name}:{prefix}:{version}:{key}"


@pytest.fixture
def tenants(settings: Any, faulty: type[Faulty]) -> Iterator[Tenant]:
    settings.CACHES = {"default": {**FAULTY["default"], "KEY_FUNCTION": make_tenant_key}}
    yield tenant
    tenant.name = "public"


def test_two_tenants_share_no_count(justquick: Any, tenants: Tenant) -> None:
    counts = {}
    # Users of two schemas have the same primary key.
    for tenants.name, several in ("first", 3), ("second", 1):
        rows().delete()
        for number in range(several):
            notify.send(justquick, recipient=justquick, verb=f"commented {number}")
        counts[tenants.name] = unread_count(justquick), unseen_count(justquick)
    for tenants.name, numbers in counts.items():
        assert (unread_count(justquick), unseen_count(justquick)) == numbers
    assert counts == {"first": (3, 3), "second": (1, 1)}


def test_two_schemas_share_no_count_also_without_keys_of_the_sites_own(justquick: Any, schema: Any) -> None:
    counts = {}
    for name, several in ("first", 3), ("second", 1):
        schema(name)
        rows().delete()
        for number in range(several):
            notify.send(justquick, recipient=justquick, verb=f"commented {number}")
        counts[name] = unread_count(justquick)
    for name, number in counts.items():
        schema(name)
        assert unread_count(justquick) == number
    assert counts == {"first": 3, "second": 1}


@pytest.mark.parametrize("several", [False, True])
def test_what_a_tenant_changed_is_counted_again_whoever_is_current_at_the_commit(
    justquick: Any, tenants: Tenant, *, several: bool
) -> None:
    recipients = None if several else [justquick.pk]
    for tenants.name in ("first", "second"):
        assert unread_count(justquick) == 0
    with transaction.atomic():
        for tenants.name in ("first", "second"):
            changes.drop_counts(recipients, using="default")
        make_notification(justquick, unread=True)
        tenants.name = "public"
    for tenants.name in ("first", "second"):
        assert unread_count(justquick) == 1


def test_a_key_function_that_fails_changes_no_answer(justquick: Any, tenants: Tenant) -> None:
    tenants.name = "broken"
    assert unread_count(justquick) == 0
    notify.send(justquick, recipient=justquick, verb="commented")
    assert unread_count(justquick) == 1


#: What a cache may do instead of what it should.
FAULTS: dict[str, dict[str, Any]] = {
    "down": dict.fromkeys(("get_many", "set", "delete_many"), fail),
    "reads fail": {"get_many": fail},
    "writes fail": {"set": fail},
    "deletions fail": {"delete_many": fail},
    "forgets at once": {"set": lambda *args, **kwargs: None},
    "no mapping": {"get_many": lambda keys: None},
    "a text": {"get_many": lambda keys: "+PONG"},
    "other values": {"get_many": lambda keys: dict.fromkeys(keys, "nonsense")},
    "other generations": {"get_many": lambda keys: dict.fromkeys(keys, ("1", 7))},
    "other counts": {"get_many": lambda keys: dict.fromkeys(keys, ("1", "7"))},
    "other shapes": {"get_many": lambda keys: {key: [1, 2, 3] for key in keys}},
    "numbers": {"get_many": lambda keys: dict.fromkeys(keys, 1)},
}

BELL = Template("{% load notifications_tags %}{% notifications_unread as n %}{{ n }}")


@pytest.mark.parametrize("fault", FAULTS)
def test_every_answer_is_the_same_as_without_a_cache(
    justquick: Any, client: Client, faulty: type[Faulty], fault: str
) -> None:
    one, _ = make_notification(justquick), make_notification(justquick)
    assert (unread_count(justquick), unseen_count(justquick)) == (2, 2)
    faulty.does = FAULTS[fault]
    assert (unread_count(justquick), unseen_count(justquick)) == (2, 2)
    assert BELL.render(Context({"user": justquick})) == "2"
    # What was written is never reported as failed, and not shown as it was.
    client.force_login(justquick)
    answer = client.post(
        "/inbox/notifications/act/", {"one": f"done:{one.slug}"}, headers={"accept": "application/json"}
    )
    assert answer.status_code == 200
    assert (answer.json()["changed"], unread_count(justquick)) == (1, 1)
    notify.send(justquick, verb="closed", recipient=[justquick])
    rows().mark_all_as_unread()
    mark_seen(justquick)
    assert (unread_count(justquick), unseen_count(justquick)) == (3, 0)
    faulty.does = {}
    assert (unread_count(justquick), unseen_count(justquick)) == (3, 0)


class Unmade(LocMemCache):
    """A cache that connects when it is made, as those of some clients."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        fail()


def test_a_cache_that_cannot_be_made_changes_no_answer(
    justquick: Any, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.Unmade"}}
    make_notification(justquick)
    assert (unread_count(justquick), unseen_count(justquick)) == (1, 1)
    justquick.notifications.mark_all_as_read()
    notify.send(justquick, verb="closed", recipient=[justquick])
    assert BELL.render(Context({"user": justquick})) == "1"
    assert caplog.text.count("read from the database: ConnectionError('nobody listens')") == 1


def test_a_local_cache_may_fail_as_well(justquick: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("get", "set", "get_many", "delete_many"):
        monkeypatch.setattr(LocMemCache, name, fail)
    make_notification(justquick)
    assert (unread_count(justquick), unseen_count(justquick)) == (1, 1)


def test_an_error_is_logged_once_for_a_while(
    justquick: Any, faulty: type[Faulty], caplog: pytest.LogCaptureFixture
) -> None:
    faulty.does = FAULTS["down"]
    for _ in range(3):
        assert unread_count(justquick) == 0
        make_notification(justquick).delete()
    assert [(record.levelname, record.name) for record in caplog.records] == [("ERROR", "notifications")]
    assert "read from the database: ConnectionError('nobody listens')" in caplog.text


def test_a_change_that_the_cache_did_not_take_is_made_up_for(justquick: Any, faulty: type[Faulty]) -> None:
    assert unread_count(justquick) == 0
    faulty.does = {"delete_many": fail}
    make_notification(justquick)
    faulty.does = {"get_many": fail}
    # It is still owed.
    assert unread_count(justquick) == 1
    faulty.does = {}
    assert unread_count(justquick) == 1
    assert cached_count(justquick) == 1
    assert count_cache.owed == {}


def test_a_cache_that_hangs_is_waited_for_once(
    justquick: Any, faulty: type[Faulty], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    ended = threading.Event()
    faulty.does = {"get_many": lambda keys: wait_for_event(ended, "the end of the test")}
    make_notification(justquick)
    faulty.calls.clear()
    for _ in range(3):
        assert unread_count(justquick) == 1
        make_notification(justquick).delete()
    assert faulty.calls == ["get_many"]
    assert len(count_cache.stuck) == 1
    assert "no answer within 0.2 seconds" in caplog.text
    # After a while it is asked again, and what it missed is written first.
    monkeypatch.setattr(module, "PATIENCE", 60.0)
    monkeypatch.setattr(count_cache, "paused_until", 0.0)
    faulty.does = {}
    assert unread_count(justquick) == 1
    assert faulty.calls == ["get_many", "set", "get_many", "set"]
    ended.set()
    wait_until(lambda: not any(caller.is_alive() for caller in count_cache.stuck))


def test_a_cache_that_goes_on_hanging_does_not_take_all_threads(
    justquick: Any, faulty: type[Faulty], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.001)
    monkeypatch.setattr(module, "PAUSE", 0.0)
    ended = threading.Event()
    faulty.does = {"get_many": lambda keys: wait_for_event(ended, "the end of the test")}
    for _ in range(MAX_STUCK_CALLERS + 3):
        assert unread_count(justquick) == 0
    assert len(count_cache.stuck) == MAX_STUCK_CALLERS
    # A busy machine may begin a call after it was given up.
    wait_until(lambda: len(faulty.calls) == MAX_STUCK_CALLERS)
    ended.set()
    wait_until(lambda: not any(caller.is_alive() for caller in count_cache.stuck))
    monkeypatch.setattr(module, "PATIENCE", 60.0)
    faulty.does = {}
    assert unread_count(justquick) == 0
    assert count_cache.stuck == []


def test_threads_that_are_too_many_end() -> None:
    made = [Caller() for _ in range(MAX_IDLE_CALLERS + 1)]
    for caller in made:
        count_cache.keep(caller)
    wait_until(lambda: not made[-1].is_alive())
    assert list(count_cache.idle) == made[:-1]
    for caller in made[:-1]:
        caller.calls.put(None)


REDIS = "django.core.cache.backends.redis.RedisCache"


@pytest.fixture(params=["nobody listens", "nobody answers", "nonsense", "hangs up"])
def broken_redis(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a Redis that is none."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        url = f"redis://127.0.0.1:{server.getsockname()[1]}"
        if request.param == "nobody listens":
            yield url
            return
        server.listen(50)
        answering = threading.Thread(target=partial(answer, server, request.param), daemon=True)
        answering.start()
        yield url
        server.shutdown(socket.SHUT_RDWR)
        answering.join()


def answer(server: socket.socket, how: str) -> None:
    """Accept connections and do what no Redis does, until the server is shut down."""
    kept = []
    try:
        while True:
            client, _ = server.accept()
            if how == "hangs up":
                client.close()
                continue
            kept.append(client)
            if how == "nonsense":
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20)
    except OSError:
        for client in kept:
            client.close()


def test_a_redis_that_is_none_changes_no_answer(justquick: Any, client: Client, broken_redis: str) -> None:
    client.force_login(justquick)
    with override_settings(CACHES={"default": {"BACKEND": REDIS, "LOCATION": broken_redis}}):
        notice = make_notification(justquick)
        rows().mark_all_as_unread()
        for _ in range(3):
            assert (unread_count(justquick), unseen_count(justquick)) == (1, 1)
        act = {"one": f"read:{notice.slug}"}
        response = client.post("/inbox/notifications/act/", act, headers={"accept": "application/json"})
        assert (response.status_code, response.json()["unread_count"]) == (200, 0)


@pytest.mark.redis
def test_a_redis_keeps_the_counts(justquick: Any, django_assert_num_queries: Any) -> None:
    with override_settings(CACHES={"default": {"BACKEND": REDIS, "LOCATION": os.environ["REDIS_URL"]}}):
        cache.clear()
        assert unread_count(justquick) == 0
        with django_assert_num_queries(0):
            assert unread_count(justquick) == 0
        make_notification(justquick)
        assert unread_count(justquick) == 1
        assert cached_count(justquick) == 1
        cache.clear()
