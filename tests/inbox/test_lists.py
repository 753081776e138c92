"""Unchanged polls: what changes the ETag of the four JSON urls, and what asks for it in vain."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from notifications import notify
from notifications.conf import get_notification_model
from notifications.inbox import lists
from notifications.inbox.snooze import local_now
from tests.factories import make_issue, make_notification, make_project, make_user, rows
from tests.testapp.models import Project

pytestmark = pytest.mark.django_db

API = "/inbox/notifications/api/"
COUNTS = [f"{API}unread_count/", f"{API}all_count/"]
LISTS = [f"{API}unread_list/", f"{API}all_list/"]
#: Session and user.
LOGIN = 2


@pytest.fixture
def inbox(client: Client, justquick: Any, defaults: None) -> Client:
    """A browser in which justquick is logged in; three rows about three kinds of objects are there."""
    client.force_login(justquick)
    for _ in range(3):
        notify.send(
            justquick, recipient=justquick, verb="closed", action_object=make_issue(), target=make_project()
        )
    return client


def poll(inbox: Client, url: str, etag: str, **options: Any) -> Any:
    return inbox.get(url, headers={"If-None-Match": etag}, **options)


# Nothing changed


@pytest.mark.parametrize("url", [*COUNTS, *LISTS])
def test_an_unchanged_poll_costs_one_query_whatever_is_in_the_list(
    inbox: Client, justquick: Any, url: str, django_assert_num_queries: Any
) -> None:
    etag = inbox.get(url)["ETag"]
    for _ in range(2):
        with django_assert_num_queries(LOGIN + 1):
            assert poll(inbox, url, etag).status_code == 304
    make_notification(make_user("brosner"))
    with django_assert_num_queries(LOGIN + 1):
        assert poll(inbox, url, etag).status_code == 304


@pytest.mark.parametrize("rules", [{}, {"testapp.project": "tests.testapp.rules.NotForStrangers"}])
@pytest.mark.parametrize("url", [*LISTS, f"{API}inbox/", f"{API}inbox/?threads=1"])
def test_a_list_costs_the_same_queries_however_many_objects_are_in_it(
    inbox: Client, justquick: Any, settings: Any, url: str, rules: dict[str, str]
) -> None:
    settings.NOTIFICATIONS = {"VISIBILITY": rules, "THREADS": True}
    inbox.get(url)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert inbox.get(url).status_code == 200
        return len(captured)

    few = queries()
    for _ in range(6):
        make_notification(justquick, action_object=make_issue(), target=make_project())
    assert queries() == few


@pytest.mark.parametrize("url", [*COUNTS, *LISTS])
def test_a_304_has_no_body_and_is_not_kept_by_caches(inbox: Client, url: str) -> None:
    response = poll(inbox, url, inbox.get(url)["ETag"])
    assert response.content == b""
    assert "Content-Type" not in response or response["Content-Length"] == "0"
    assert {"no-cache", "no-store", "private"} <= set(response["Cache-Control"].split(", "))


@pytest.mark.parametrize("url", [*COUNTS, *LISTS])
def test_the_etag_is_weak_and_the_same_in_each_way_to_say_it(inbox: Client, url: str) -> None:
    etag = inbox.get(url)["ETag"]
    assert etag.startswith('W/"')
    assert inbox.head(url)["ETag"] == etag
    for said in (etag, etag.removeprefix("W/"), f'"other", {etag}', f'{etag}, W/"other"', "*"):
        assert poll(inbox, url, said).status_code == 304
    for said in ("", '""', "nonsense", '"other"', "W/", etag.strip('W/"'), "\u00e9", '"' * 1000):
        assert poll(inbox, url, said).status_code == 200


@pytest.mark.parametrize("url", [*COUNTS, *LISTS])
def test_an_empty_inbox_has_an_etag_too(client: Client, url: str) -> None:
    brosner = make_user("brosner")
    client.force_login(brosner)
    etag = client.get(url)["ETag"]
    assert poll(client, url, etag).status_code == 304
    make_notification(brosner)
    assert poll(client, url, etag).status_code == 200


# Something changed

#: What may happen to the newest row; the names of those that a count shows too.
CHANGES: dict[str, Callable[[Any], object]] = {
    "a newer row": lambda row: make_notification(row.recipient),
    "an older row": lambda row: make_notification(row.recipient, timestamp=row.timestamp - timedelta(9)),
    "deleted": lambda row: row.delete(),
    "the oldest one deleted": lambda row: row.recipient.notifications.last().delete(),
    "all deleted": lambda row: row.recipient.notifications.all().delete(),
    "read": lambda row: row.mark_as_read(),
    "all read": lambda row: row.recipient.notifications.mark_all_as_read(),
    "recalled": lambda row: rows().recall(key=row.event),
}
EDITS: dict[str, Callable[[Any], object]] = {
    "the oldest one read": lambda row: row.recipient.notifications.last().mark_as_read(),
    "sent": lambda row: row.recipient.notifications.mark_as_sent(),
    "not public": lambda row: rows().filter(pk=row.pk).update(public=False),
    "soft-deleted": lambda row: rows().filter(pk=row.pk).update(deleted=True),
    "another verb": lambda row: rows().filter(pk=row.pk).update(verb="opened"),
    "a description": lambda row: rows().filter(pk=row.pk).update(description="at last"),
    "another level": lambda row: rows().filter(pk=row.pk).update(level="error"),
    "other data": lambda row: rows().filter(pk=row.pk).update(data={"likes": 3}),
    "another moment": lambda row: rows().filter(pk=row.pk).update(timestamp=timezone.now()),
    "another target": lambda row: rows().filter(pk=row.pk).update(target_object_id="7"),
}


@pytest.mark.parametrize("change", [*CHANGES.values(), *EDITS.values()], ids=[*CHANGES, *EDITS])
@pytest.mark.parametrize("url", LISTS)
def test_whatever_changes_the_list_changes_its_etag(
    inbox: Client, justquick: Any, url: str, change: Callable[[Any], object]
) -> None:
    before = inbox.get(url)
    change(justquick.notifications.first())

    after = poll(inbox, url, before["ETag"])

    assert after.status_code == 200
    assert after["ETag"] != before["ETag"]
    assert after.json() != before.json()
    assert poll(inbox, url, after["ETag"]).status_code == 304


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("url", COUNTS)
def test_the_etag_of_a_count_changes_when_the_count_does(
    inbox: Client, justquick: Any, url: str, change: Callable[[Any], object]
) -> None:
    before = inbox.get(url)
    change(justquick.notifications.first())

    after, polled = inbox.get(url), poll(inbox, url, before["ETag"])

    changed = after.json() != before.json()
    assert polled.status_code == (200 if changed else 304)
    assert (after["ETag"] != before["ETag"]) == changed
    assert changed or "all_count" in url


@pytest.mark.parametrize("url", LISTS)
def test_the_etag_of_a_list_knows_how_many_rows_and_which_language_were_asked_for(
    inbox: Client, url: str
) -> None:
    # The language of a request is that of the thread also after it.
    with translation.override("en"):
        etags = [
            inbox.get(url)["ETag"],
            inbox.get(url, {"max": 2})["ETag"],
            inbox.get(url, {"max": 3})["ETag"],
            inbox.get(url, headers={"Accept-Language": "de"})["ETag"],
        ]
    assert len(set(etags)) == len(etags)


def test_a_change_beyond_what_is_shown_is_a_change_only_if_it_is_counted(
    inbox: Client, justquick: Any
) -> None:
    url = f"{API}all_list/?max=1"
    etag = inbox.get(url)["ETag"]
    oldest = justquick.notifications.last()
    oldest.mark_as_read()
    assert poll(inbox, url, etag).status_code == 304
    oldest.delete()
    assert poll(inbox, url, etag).status_code == 200


@pytest.mark.parametrize("url", [*COUNTS, *LISTS])
def test_the_etag_of_one_user_says_nothing_to_another(inbox: Client, url: str) -> None:
    etag = inbox.get(url)["ETag"]
    brosner = make_user("brosner")
    for _ in range(3):
        notify.send(
            brosner, recipient=brosner, verb="closed", action_object=make_issue(), target=make_project()
        )
    inbox.force_login(brosner)
    response = poll(inbox, url, etag)
    assert response.status_code == 200
    assert response["ETag"] != etag


@pytest.mark.parametrize("url", [*COUNTS, *LISTS])
def test_nobody_gets_no_etag_and_asks_the_database_nothing(
    inbox: Client, url: str, django_assert_num_queries: Any
) -> None:
    etag = inbox.get(url)["ETag"]
    with django_assert_num_queries(0):
        response = poll(Client(), url, etag)
    assert response.status_code == 200
    assert "ETag" not in response
    assert set(map(str, response.json().values())) <= {"0", "[]"}


# What is not a poll


@pytest.mark.parametrize("url", [*COUNTS, *LISTS])
@pytest.mark.parametrize("header", ["If-None-Match", "If-Match"])
@pytest.mark.parametrize("marks", ["", "true"])
def test_a_post_is_never_304_nor_412(inbox: Client, url: str, header: str, marks: str) -> None:
    etag = inbox.get(url)["ETag"]
    for said in (etag, '"other"', "*"):
        response = inbox.post(url, {"mark_as_read": marks}, headers={header: said})
        assert response.status_code == 200
        assert response.content


@pytest.mark.parametrize("url", LISTS)
def test_a_get_that_marks_is_never_304(inbox: Client, justquick: Any, url: str, settings: Any) -> None:
    settings.NOTIFICATIONS = {"ACTIONS_ON_GET": True}
    etag = inbox.get(url)["ETag"]
    response = poll(inbox, url, etag, data={"mark_as_read": "true"})
    assert response.status_code == 200
    assert "ETag" not in response
    assert justquick.notifications.unread().count() == 0


def test_the_etag_knows_the_day_and_the_zone(inbox: Client, settings: Any, monkeypatch: Any) -> None:
    url = "/inbox/notifications/api/inbox/"
    etag = inbox.get(url)["ETag"]
    assert poll(inbox, url, etag).status_code == 304
    with timezone.override("Pacific/Kiritimati"):
        assert poll(inbox, url, etag).status_code == (200 if settings.USE_TZ else 304)
    tomorrow = local_now() + timedelta(days=1)
    monkeypatch.setattr(lists, "local_now", lambda: tomorrow)
    assert poll(inbox, url, etag).status_code == 200


def test_under_a_rule_the_etag_knows_what_objects_are_called(
    inbox: Client, justquick: Any, settings: Any
) -> None:
    settings.NOTIFICATIONS = {"VISIBILITY": {"testapp.Project": "tests.testapp.rules.NotForStrangers"}}
    project = make_project("pinax")
    make_notification(justquick, target=project)
    url = "/inbox/notifications/api/inbox/"
    etag = inbox.get(url)["ETag"]
    Project.objects.update(name="renamed")
    assert poll(inbox, url, etag).status_code == 200
    etag = inbox.get(url)["ETag"]
    project.delete()
    assert poll(inbox, url, etag).status_code == 200


@pytest.mark.parametrize(
    "ordering",
    [
        ["recipient__username", "-pk"],
        ["recipient"],
        ["recipient_id", "-pk"],
        ["?"],
        ["pk"],
        ["-timestamp", "id"],
        [F("timestamp").desc()],
        ["actor_content_type__model"],
        [],
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore")
def test_any_order_of_the_model_works(inbox: Client, monkeypatch: Any, ordering: Any) -> None:
    monkeypatch.setattr(get_notification_model()._meta, "ordering", ordering)
    for url in (*COUNTS, *LISTS, "/inbox/notifications/", f"{API}inbox/"):
        assert inbox.get(url).status_code == 200
    assert len(inbox.get(f"{API}all_list/").json()["all_list"]) == 3
