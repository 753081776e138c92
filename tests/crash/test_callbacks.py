"""What happens around the commit may fail: the rows stay as they are, and everybody else is told."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.core.cache import cache
from django.core.cache.backends.base import BaseCache
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path

import notifications
from notifications import notify
from notifications.signals import notified, read_state_changed
from tests.factories import listening, make_notification, make_user, rows, told

#: What callbacks did, in their order.
done: list[str] = []


def tell(request: HttpRequest) -> HttpResponse:
    """Tell the user something, between two callbacks of the site."""
    user: Any = request.user
    transaction.on_commit(lambda: done.append("before"))
    notify.send(user, verb="closed")
    user.notifications.mark_all_as_read()
    transaction.on_commit(lambda: done.append("after"))
    return HttpResponse("told")


urlpatterns = [path("tell/", tell), path("inbox/notifications/", include(notifications.urls))]


def fail(**_: Any) -> None:
    raise ValueError("a receiver of the site")


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("atomic", [True, False], ids=["atomic requests", "autocommit"])
@pytest.mark.django_db(transaction=True)
def test_receivers_that_raise_break_neither_the_request_nor_other_callbacks(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, atomic: bool
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", atomic)
    client.force_login(make_user())
    done.clear()

    with (
        listening(notified, before=fail),
        listening(read_state_changed, before=fail),
        listening(notified) as heard,
        listening(read_state_changed) as changed,
        caplog.at_level(logging.ERROR),
    ):
        response = client.get("/tell/")

    assert response.status_code == 200
    assert done == ["before", "after"]
    assert (len(heard), len(changed)) == (1, 1)
    assert told() == ["justquick"]
    assert caplog.text.count("a receiver of the site") >= 2


class BrokenCache(BaseCache):
    """A cache whose server is gone."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionError("no cache here")

    add = set = touch = delete = get


@pytest.fixture
def broken_cache(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.BrokenCache"}}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("broken_cache")
def test_without_its_cache_what_is_sent_is_sent_once(caplog: pytest.LogCaptureFixture) -> None:
    """An error would make a task run again that has done its work."""
    user = make_user()
    with pytest.raises(ConnectionError):
        cache.get("anything")

    with listening(notified) as heard, caplog.at_level(logging.ERROR):
        notify.send(user, verb="closed")
        with transaction.atomic():
            notify.send(user, verb="opened", recipient=type(user)._default_manager.all())

    assert told() == ["justquick"] * 2
    assert len(heard) == 2
    assert "The cache failed, so unread counts are read from the database" in caplog.text


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("broken_cache")
def test_without_its_cache_what_changes_is_changed() -> None:
    user = make_user()
    for verb in ("closed", "opened", "merged"):
        make_notification(user, verb=verb)

    with listening(read_state_changed) as heard:
        assert user.notifications.first().mark_as_read()
        assert user.notifications.mark_all_as_read() == 2
        assert user.notifications.last().delete()[0] == 1

    assert rows().filter(unread=False).count() == 2
    assert [arguments["changed"] for arguments in heard] == [1, 2, 1]
