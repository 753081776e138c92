"""One row, account or session that fails costs itself: the streams of all others go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import BaseBackend
from django.contrib.sessions.backends import db as database_sessions
from django.db import OperationalError, ProgrammingError, connection, connections, transaction

from notifications import notify
from notifications.conf import get_notification_model
from notifications.contrib.live import queries, sessions, updates
from notifications.contrib.live.buses import Message
from notifications.contrib.live.hub import get_hub
from notifications.contrib.live.login_batcher import LoginBatcher
from notifications.contrib.live.sessions import Login
from notifications.contrib.live.streams import Stream
from notifications.objects.isolation import fetch_isolated
from notifications.objects.visibility import Rule
from notifications.presentation import serialize
from tests.contrib.live.client import elsewhere, next_round, tuned_in
from tests.factories import make_project, make_user, make_users, rows
from tests.testapp.models import Project
from tests.waiting import until, within

pytestmark = pytest.mark.shape("default")

POISON = "poison"


class Poisonous(Rule):
    """A rule of a site that fails for one object."""

    def users(self, users: Any, obj: Any) -> Any:
        return users.filter(pk=-1) if obj.name != POISON else fail()

    def objects(self, objects: Any, user: Any) -> Any:
        return fail() if objects.filter(name=POISON).exists() else objects


def fail(*arguments: Any, **named: Any) -> Any:
    raise RuntimeError("The site is broken here.")


def break_rule(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site.NOTIFICATIONS = {**site.NOTIFICATIONS, "VISIBILITY": {"testapp.Project": f"{__name__}.Poisonous"}}


def break_loading(site: Any, monkeypatch: pytest.MonkeyPatch, error: type[Exception] = RuntimeError) -> None:
    from_db = Project.from_db.__func__  # type: ignore[attr-defined]

    def read(cls: Any, /, db: Any, names: Any, values: Any, **named: Any) -> Any:
        if POISON in values:
            raise error("This object cannot be read.")
        return from_db(cls, db, names, values, **named)

    monkeypatch.setattr(Project, "from_db", classmethod(read))


def break_table(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    break_loading(site, monkeypatch, ProgrammingError)


def break_column(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    field: Any = get_notification_model()._meta.get_field("verb")

    def read(value: Any, expression: Any, connection: Any) -> Any:
        return fail() if value == POISON else value

    monkeypatch.setattr(field, "from_db_value", read, raising=False)
    monkeypatch.delitem(vars(field), "cached_col", raising=False)


def break_name(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Project, "__str__", lambda self: fail() if self.name == POISON else self.name)


def break_page(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Project, "get_absolute_url", lambda self: fail() if self.name == POISON else "/", raising=False
    )


BROKEN = [
    # With the app subscriptions, who may not see the object is not notified of it.
    pytest.param(break_rule, marks=pytest.mark.without_extensions),
    break_loading,
    break_table,
    break_column,
    break_name,
    break_page,
]


@pytest.fixture(autouse=True)
def site(shared: str, settings: Any) -> Any:
    settings.NOTIFICATIONS = {"LIVE_HEARTBEAT": 1, "LIVE_BUS_OPTIONS": {"interval": 0.2}}
    return settings


def send(user: Any, verb: str, **named: Any) -> Message:
    """Send, and return the message that a bus would carry of it."""
    notify.send(user, verb=verb, recipient=user, **named)
    return Message(event=str(rows().order_by("-pk").values_list("event", flat=True)[0]))


@pytest.mark.parametrize("speaks", [False, True], ids=["polled", "by message"])
@pytest.mark.parametrize("break_something", BROKEN)
def test_a_row_that_fails_silences_no_other_stream_and_is_tried_once(
    break_something: Callable[..., None],
    speaks: bool,
    site: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """H3 and B4."""
    if speaks:
        site.NOTIFICATIONS = {**site.NOTIFICATIONS, "LIVE_BUS_OPTIONS": {"interval": 3600}}
    ann, cid = make_users(2)
    poison = make_project(POISON)
    break_something(site, monkeypatch)

    async def listen() -> list[str]:
        async with tuned_in(ann), tuned_in(cid) as browser:
            hub = get_hub()
            hub.handle(await elsewhere(send, ann, POISON, target=poison))
            # In the same round as the one that fails, and in the next.
            hub.handle(await elsewhere(send, cid, "one"))
            heard = [(await browser.next("notification")).data["verb"]]
            hub.handle(await elsewhere(send, cid, "two"))
            heard.append((await browser.next("notification")).data["verb"])
            for _ in range(3):
                await next_round()
            return heard

    assert asyncio.run(listen()) == ["one", "two"]
    failures = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(failures) == 1, caplog.text


def test_all_but_the_key_at_fault_are_found_by_few_calls() -> None:
    calls: list[list[int]] = []

    def fetch(keys: list[int]) -> dict[int, int]:
        calls.append(keys)
        return {key: key if key != 700 else fail() for key in keys}

    found, failed = fetch_isolated(fetch, range(1000), "default")

    assert len(found) == 999
    assert list(failed) == [700]
    assert len(calls) <= 2 * 10 + 1


def test_a_database_that_is_gone_fails_the_call_and_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[int]] = []

    def fetch(keys: list[int]) -> dict[int, int]:
        calls.append(keys)
        raise OperationalError("gone")

    monkeypatch.setattr(connections["default"], "is_usable", lambda: False)
    with pytest.raises(OperationalError, match="gone"):
        fetch_isolated(fetch, range(1000), "default")
    assert len(calls) == 1


@pytest.mark.parametrize(
    "where", [(queries, "visible_keys"), (serialize, "entry")], ids=["narrowing", "rendering"]
)
def test_a_database_that_goes_in_a_round_costs_no_stream_a_row(
    where: tuple[Any, str], site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counted as sent, and the browser was never told of it."""
    site.NOTIFICATIONS = {**site.NOTIFICATIONS, "LIVE_BUS_OPTIONS": {"interval": 3600}}
    ann, lost = make_user("ann"), iter([OperationalError("gone")])
    usual = getattr(*where)

    def ask(*arguments: Any) -> Any:
        # The row, or the keys of some.
        if arguments[0] and (error := next(lost, None)):
            raise error
        return usual(*arguments)

    monkeypatch.setattr(updates, "row_filters", lambda: [None])
    monkeypatch.setattr(*where, ask)
    monkeypatch.setattr(type(connections["default"]), "is_usable", lambda self: False)

    async def listen() -> str:
        async with tuned_in(ann, make_request=lambda: SimpleNamespace(user=ann)) as browser:
            get_hub().handle(await elsewhere(send, ann, "one"))
            return str((await browser.next("notification")).data["verb"])

    assert asyncio.run(listen()) == "one"
    assert next(lost, None) is None


# Sessions and admission


class Moody(BaseBackend):
    """An authentication backend of a site that cannot load bob."""

    def get_user(self, user_id: Any) -> Any:
        user = get_user_model()._default_manager.filter(pk=user_id).first()
        return fail() if user is not None and user.username == "bob" else user


def break_backend(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site.AUTHENTICATION_BACKENDS = [f"{__name__}.Moody"]


def break_user(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = get_user_model()
    from_db = model.from_db.__func__

    def read(cls: Any, /, db: Any, names: Any, values: Any, **named: Any) -> Any:
        return fail() if "bob" in values else from_db(cls, db, names, values, **named)

    monkeypatch.setattr(model, "from_db", classmethod(read))


def break_hash(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = get_user_model()
    get_hash = model.get_session_auth_hash
    monkeypatch.setattr(
        model, "get_session_auth_hash", lambda self: fail() if self.username == "bob" else get_hash(self)
    )


def break_session(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    load = database_sessions.SessionStore.decode

    def decode(self: Any, data: Any) -> Any:
        decoded = load(self, data)
        bob = get_user_model()._default_manager.filter(username="bob").values_list("pk", flat=True)[0]
        return fail() if decoded.get("_auth_user_id") == str(bob) else decoded

    monkeypatch.setattr(database_sessions.SessionStore, "decode", decode)


@pytest.mark.parametrize("break_something", [break_backend, break_user, break_hash, break_session])
def test_an_account_that_fails_keeps_nobody_out_and_nobody_in(
    break_something: Callable[..., None], site: Any, monkeypatch: pytest.MonkeyPatch, log_in: Any
) -> None:
    """M9."""
    if break_something is break_backend:
        site.AUTHENTICATION_BACKENDS = [f"{__name__}.Moody"]
    ann, bob, cid = (make_user(name) for name in ("ann", "bob", "cid"))
    keys = {user: log_in(user) for user in (ann, bob, cid)}
    break_something(site, monkeypatch)

    async def ask() -> list[Any]:
        batcher = LoginBatcher()
        return await asyncio.gather(*(batcher.get(key) for key in keys.values()), return_exceptions=True)

    first, failure, last = asyncio.run(ask())
    assert [first, last] == [Login(ann.pk, keys[ann]), Login(cid.pk, keys[cid])]
    assert isinstance(failure, RuntimeError)

    logins = {Login(user.pk, key) for user, key in keys.items()}
    type(cid)._base_manager.filter(pk=cid.pk).delete()
    gone, failed = sessions.ended(logins)
    assert gone == {Login(cid.pk, keys[cid])}
    assert set(failed) == {Login(bob.pk, keys[bob])}


def test_an_account_of_other_means_that_fails_keeps_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    ann, bob = make_user("ann"), make_user("bob")
    monkeypatch.setattr(
        get_user_model(),
        "is_active",
        property(lambda self: fail() if self.username == "bob" else False, lambda self, value: None),
    )
    gone, failed = sessions.ended({Login(ann.pk), Login(bob.pk)})
    assert gone == {Login(ann.pk)}
    assert set(failed) == {Login(bob.pk)}


def test_a_store_of_sessions_that_is_broken_is_told_from_one_session_that_is(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = import_module("django.contrib.sessions.backends.cache").SessionStore
    site.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    load = store.load
    monkeypatch.setattr(store, "load", lambda self: load(self) if self.session_key != "b" * 8 else fail())
    found, failed = sessions.read_sessions(["a" * 8, "b" * 8, "c" * 8])
    assert (set(found), set(failed)) == ({"a" * 8, "c" * 8}, {"b" * 8})

    monkeypatch.setattr(store, "load", fail)
    with pytest.raises(RuntimeError):
        sessions.read_sessions([str(number) for number in range(500)])


def test_a_stream_whose_session_cannot_be_checked_ends_and_the_others_stay_or_go(
    site: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, log_in: Any
) -> None:
    """M9: nobody's stream ended while one account could not be loaded."""
    site.NOTIFICATIONS = {**site.NOTIFICATIONS, "LIVE_SESSION_CHECK": 1}
    site.AUTHENTICATION_BACKENDS = [f"{__name__}.Moody"]
    ann, bob, cid = (make_user(name) for name in ("ann", "bob", "cid"))
    logins = [Login(user.pk, log_in(user)) for user in (ann, bob, cid)]
    type(cid)._base_manager.filter(pk=cid.pk).update(username="bob2")

    async def read(login: Login) -> bytes:
        chunks = [chunk async for chunk in get_hub().serve(Stream(login))]
        return b"".join(chunks)

    async def listen() -> tuple[bytes, bytes, int]:
        tasks = [asyncio.create_task(read(login)) for login in logins]
        await until(lambda: len(get_hub().streams()) == len(logins), "all streams are open")
        await elsewhere(ann.delete)
        ending = asyncio.gather(tasks[0], tasks[1])
        gone, failed = await within(ending, "the streams of who is gone and of who cannot be checked end")
        left = len(get_hub().streams())
        tasks[2].cancel()
        await asyncio.gather(tasks[2], return_exceptions=True)
        return gone, failed, left

    gone, failed, left = asyncio.run(listen())
    assert gone.endswith(b"event: bye\ndata: {}\n\n")
    assert b"event: bye" not in failed
    assert left == 1
    assert "could not be checked" in caplog.text


def test_the_queries_of_a_hub_are_in_no_transaction_where_nothing_is_committed_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that stayed open might see what was there when it began, and nothing new."""
    monkeypatch.setitem(connection.settings_dict, "AUTOCOMMIT", False)

    async def look() -> bool:
        return await get_hub()._in_thread(transaction.get_autocommit)

    assert asyncio.run(look())
