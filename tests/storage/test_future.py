"""A row with a timestamp in the future: one rule for filters, methods, the badge and the URLs of the older packages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.template import Context, Template
from django.test import Client
from django.utils import timezone

from notifications.contrib.live.queries import snapshots
from notifications.inbox import tabs
from notifications.storage.counts import unread_count, unseen_count
from tests.factories import make_notification, rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("defaults")]

INBOX = "/inbox/notifications/"


def asked_by(user: Any) -> Any:
    return SimpleNamespace(user=user)


def counts_of_tabs(user: Any) -> Any:
    request = asked_by(user)
    return tabs.counts_on(tabs.carrier_of([], request), request)


def rendered(template: str) -> Callable[[Any, Client], str]:
    return lambda user, client: Template("{% load notifications_tags %}" + template).render(
        Context({"user": user})
    )


def json_of(path: str, name: str) -> Callable[[Any, Client], Any]:
    return lambda user, client: client.get(f"{INBOX}api/{path}/").json()[name]


#: Where a row could be shown or counted, and what is there instead.
PLACES: dict[str, tuple[Callable[[Any, Client], Any], Any]] = {
    "inbox()": (lambda user, client: list(user.notifications.inbox()), []),
    "unread()": (lambda user, client: list(user.notifications.unread()), []),
    "snoozed()": (lambda user, client: list(user.notifications.snoozed()), []),
    "since()": (lambda user, client: list(user.notifications.since(timezone.now() - timedelta(days=9))), []),
    "is_unread": (lambda user, client: rows().get().is_unread, False),
    "is_in_inbox": (lambda user, client: rows().get().is_in_inbox, False),
    "unread_count": (lambda user, client: unread_count(user), 0),
    "unseen_count": (lambda user, client: unseen_count(user), 0),
    "the tag": (rendered("{% notifications_unread as n %}{{ n }}"), "0"),
    "the list": (
        lambda user, client: "closed" in rendered("{% notifications_list rows=5 %}")(user, client),
        False,
    ),
    "the tabs": (lambda user, client: set(counts_of_tabs(user).values()), {0}),
    "the page": (lambda user, client: list(client.get(INBOX).context["notifications"]), []),
    "the page of unread rows": (
        lambda user, client: list(client.get(f"{INBOX}unread/").context["notifications"]),
        [],
    ),
    "the JSON": (json_of("inbox", "items"), []),
    "unread_list": (json_of("unread_list", "unread_list"), []),
    "unread_count/": (json_of("unread_count", "unread_count"), 0),
    "live": (lambda user, client: snapshots([user.pk], timezone.now())[str(user.pk)].counts, (0, 0)),
    # What is done to unread rows does not reach it.
    "mark_all_as_read()": (lambda user, client: user.notifications.mark_all_as_read(), 0),
    "mark_as_read()": (lambda user, client: rows().get().mark_as_read(), False),
    "mark-all-as-read/": (lambda user, client: client.post(f"{INBOX}mark-all-as-read/").status_code, 302),
    "all=read": (lambda user, client: client.post(f"{INBOX}act/", {"all": "read"}).status_code, 302),
}


@pytest.mark.parametrize("place", PLACES)
def test_before_its_time_a_row_is_neither_shown_nor_counted_nor_read(
    justquick: Any, client: Client, place: str
) -> None:
    make_notification(justquick, timestamp=timezone.now() + timedelta(hours=1))
    client.force_login(justquick)
    look, nothing = PLACES[place]
    assert look(justquick, client) == nothing
    assert rows().filter(unread=True, read_at=None).count() == 1


def test_all_rows_are_all_rows(justquick: Any, client: Client) -> None:
    make_notification(justquick, timestamp=timezone.now() + timedelta(hours=1))
    client.force_login(justquick)
    assert client.get(f"{INBOX}api/all_list/").json()["all_count"] == justquick.notifications.count() == 1
