"""Who asks is found out for all who wait at once, and nobody hangs when it cannot be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import django
import pytest
from django.db import DatabaseError
from django.test import AsyncClient

from notifications.contrib.live import login_batcher
from notifications.contrib.live.login_batcher import LoginBatcher
from notifications.contrib.live.sessions import Login, logins
from tests.factories import make_user, make_users

pytestmark = pytest.mark.shape("default", "custom_user")

LogIn = Callable[[Any], str]


@pytest.fixture
def looks(shared: str, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What was looked up, look by look."""
    made: list[list[str]] = []

    def look(keys: Any) -> Any:
        made.append(list(keys))
        return logins(keys)

    monkeypatch.setattr(login_batcher, "logins", look)
    return made


def test_all_who_wait_are_looked_up_at_once_and_so_many_at_a_time(
    looks: list[list[str]], log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_batcher, "MAX_BATCH", 4)
    users = make_users(6)
    keys = [log_in(user) for user in users]

    async def ask() -> list[Login | None]:
        batcher = LoginBatcher()
        found = await asyncio.gather(*(batcher.get(key) for key in [*keys, "nobody's", keys[0]]))
        assert await batcher.get(keys[1]) == found[1]
        return found

    found = asyncio.run(ask())
    assert found[:6] == [Login(user.pk, key) for user, key in zip(users, keys, strict=True)]
    assert found[6:] == [None, found[0]]
    assert looks == [keys[:4], [*keys[4:], "nobody's"], [keys[1]]]


def test_who_goes_away_while_waiting_takes_the_answer_from_nobody(
    looks: list[list[str]], log_in: LogIn
) -> None:
    user = make_user()
    key = log_in(user)

    async def ask() -> Login | None:
        batcher = LoginBatcher()
        one, other = asyncio.create_task(batcher.get(key)), asyncio.create_task(batcher.get(key))
        await asyncio.sleep(0)
        one.cancel()
        return await other

    assert asyncio.run(ask()) == Login(user.pk, key)
    assert looks == [[key]]


def test_a_database_that_fails_fails_those_who_waited_and_nobody_after_them(
    looks: list[list[str]], log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = make_user()
    key = log_in(user)

    async def ask() -> Login | None:
        batcher = LoginBatcher()
        with monkeypatch.context() as patch:
            patch.setattr(login_batcher, "logins", fail)
            for error in await asyncio.gather(batcher.get(key), batcher.get(key), return_exceptions=True):
                assert isinstance(error, DatabaseError)
        return await batcher.get(key)

    assert asyncio.run(ask()) == Login(user.pk, key)


def fail(keys: Any) -> Any:
    raise DatabaseError("gone")


def test_a_site_that_redirects_all_who_are_not_logged_in_does_not_redirect_a_stream(
    looks: list[list[str]], log_in: LogIn, settings: Any
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    client = AsyncClient()

    async def ask() -> list[int]:
        nobody = (await client.get("/inbox/live/")).status_code
        client.cookies["sessionid"] = key
        response = await client.get("/inbox/live/")
        return [nobody, response.status_code]

    key = log_in(make_user())
    assert asyncio.run(ask()) == [401, 200]
    # Before Django 6.0 the middleware looks at the user of every request, whatever the view says.
    assert looks == ([] if django.VERSION < (6,) else [[key]])
