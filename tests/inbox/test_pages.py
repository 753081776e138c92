"""The pages and the JSON of the inbox, over HTTP."""

from __future__ import annotations

from datetime import datetime, timezone as zones
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import AsyncClient, Client, RequestFactory

from notifications import views
from notifications.conf import get_notification_model
from notifications.signals import read_state_changed
from tests.factories import make_issue, make_notification, make_project, make_user, moment, rows
from tests.testapp.models import Issue, Project

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("defaults")]

INBOX = "/inbox/notifications/"
UNREAD = f"{INBOX}unread/"
API = f"{INBOX}api/"
COUNTS = {"unread": f"{API}unread_count/", "all": f"{API}all_count/"}
LISTS = {"unread": f"{API}unread_list/", "all": f"{API}all_list/"}
APIS = [*COUNTS.values(), *LISTS.values()]

#: Session and user.
LOGIN = 2
#: MariaDB reads the keys that it is to lock; the others lock and write in one statement.
UPDATE = 2 if connection.vendor == "mysql" else 1
#: A slug that no row has.
NOBODYS = 110909


@pytest.fixture
def soft(defaults: None, settings: Any) -> None:
    settings.NOTIFICATIONS = {"SOFT_DELETE": True}


@pytest.fixture
def on_get(defaults: None, settings: Any) -> None:
    settings.NOTIFICATIONS = {"ACTIONS_ON_GET": True}


@pytest.fixture
def inbox(client: Client, justquick: Any) -> Client:
    """A browser in which justquick is logged in."""
    client.force_login(justquick)
    return client


def make_rows(recipient: Any, count: int, **columns: Any) -> list[Any]:
    model = get_notification_model()
    rows().bulk_create(
        model(recipient=recipient, actor=recipient, verb="closed", **columns) for _ in range(count)
    )
    return list(recipient.notifications.all())


def url(action: str, row: Any = None) -> str:
    return f"{INBOX}{action}/" if row is None else f"{INBOX}{action}/{row.slug}/"


def unread(user: Any) -> int:
    count: int = user.notifications.filter(unread=True).count()
    return count


# The pages


def test_the_inbox_shows_all_rows_of_the_user_newest_first(inbox: Client, justquick: Any) -> None:
    old = make_notification(justquick, timestamp=moment(2026, 1, 1), unread=False)
    new = make_notification(justquick, timestamp=moment(2026, 1, 2))
    make_notification(make_user("brosner"))
    response = inbox.get(INBOX)
    assert response.status_code == 200
    assert [template.name for template in response.templates][:2] == [
        "notifications/list.html",
        "notifications/base.html",
    ]
    assert list(response.context["notifications"]) == [new, old]


def test_the_context_is_that_of_a_list_view(inbox: Client, justquick: Any) -> None:
    make_rows(justquick, 1)
    context = inbox.get(INBOX).context
    assert list(context["object_list"]) == list(context["notifications"]) == list(context["page_obj"])
    assert (context["is_paginated"], context["paginator"].per_page) == (False, 20)
    assert isinstance(context["view"], views.AllNotificationsList)


def test_the_unread_page_shows_what_is_unread(inbox: Client, justquick: Any) -> None:
    row = make_notification(justquick)
    make_notification(justquick, unread=False)
    response = inbox.get(UNREAD)
    assert response.status_code == 200
    assert list(response.context["notifications"]) == [row]


def test_the_rows_on_a_page_can_be_set(inbox: Client, justquick: Any, settings: Any) -> None:
    make_rows(justquick, 5)
    settings.NOTIFICATIONS = {"PAGE_SIZE": 2}
    assert len(inbox.get(INBOX).context["notifications"]) == 2
    settings.NOTIFICATIONS = {}
    settings.DJANGO_NOTIFICATIONS_CONFIG = {"PAGINATE_BY": 3}
    assert len(inbox.get(INBOX).context["notifications"]) == 3


def test_the_pages_lead_through_all_rows_and_back(inbox: Client, justquick: Any, settings: Any) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 2}
    everything = make_rows(justquick, 5)
    response = inbox.get(INBOX)
    shown = [response.context["notifications"]]
    while response.context["page_obj"].has_next():
        response = inbox.get(INBOX, {"before": response.context["page_obj"].before})
        shown.append(response.context["notifications"])
    assert shown == [everything[:2], everything[2:4], everything[4:]]
    response = inbox.get(INBOX, {"after": response.context["page_obj"].after})
    assert list(response.context["notifications"]) == everything[2:4]
    assert list(inbox.get(INBOX, {"page": 2}).context["notifications"]) == everything[2:4]
    assert list(inbox.get(INBOX, {"page": "last"}).context["notifications"]) == everything[4:]


def test_a_page_that_does_not_exist_is_404(inbox: Client, justquick: Any, settings: Any) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 2}
    make_rows(justquick, 5)
    pages = ["0", "-1", "4", "1.5", "first", "9" * 10, "9" * 30, "9" * 5000, "²", "\x00", "1 OR 1=1", "None"]
    answers = {(path, page): inbox.get(path, {"page": page}) for path in (INBOX, UNREAD) for page in pages}
    assert {key: answer.status_code for key, answer in answers.items()} == dict.fromkeys(answers, 404)


@pytest.mark.parametrize("name", ["before", "after"])
def test_a_cursor_that_we_did_not_make_is_the_first_page(
    inbox: Client, justquick: Any, settings: Any, name: str
) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 2}
    everything = make_rows(justquick, 3)
    for cursor in ("", "x", "=", "ü", "\x00", "A" * 5000, "MjAyNi0xMy0wMSA5OTk", "//8", "None", "<script>"):
        assert (cursor, list(inbox.get(INBOX, {name: cursor}).context["notifications"])) == (
            cursor,
            everything[:2],
        )


@pytest.mark.usefixtures("soft")
def test_under_soft_delete_the_pages_leave_out_what_is_deleted(inbox: Client, justquick: Any) -> None:
    kept = make_notification(justquick)
    make_notification(justquick, deleted=True)
    assert list(inbox.get(INBOX).context["notifications"]) == [kept]
    assert list(inbox.get(UNREAD).context["notifications"]) == [kept]


@pytest.mark.parametrize("path", [INBOX, UNREAD])
@pytest.mark.parametrize("count", [20, 100])
def test_a_page_costs_the_same_queries_at_20_and_at_100_rows(
    inbox: Client, justquick: Any, settings: Any, django_assert_num_queries: Any, path: str, count: int
) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 100}
    ContentType.objects.get_for_models(Project, Issue, type(justquick))
    model = get_notification_model()
    projects = [make_project(str(number)) for number in range(5)]
    issues = [make_issue(str(number)) for number in range(5)]
    rows().bulk_create(
        model(
            recipient=justquick,
            actor=justquick,
            verb="closed",
            action_object=issues[number % 5],
            target=projects[number % 5],
        )
        for number in range(count)
    )
    # The rows with the numbers on the tabs, and one for each of the three types of their objects.
    with django_assert_num_queries(LOGIN + 1 + 3):
        response = inbox.get(path)
    assert len(response.context["notifications"]) == count
    # And the empty one, for rows that arrive while one looks.
    assert response.content.count(b"<article") == count + 1


def test_a_page_of_an_empty_inbox_costs_the_rows_and_the_numbers(
    inbox: Client, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(LOGIN + 1 + 1):
        assert inbox.get(INBOX).status_code == 200


@pytest.mark.parametrize("path", [INBOX, UNREAD])
def test_a_page_is_only_read(inbox: Client, path: str) -> None:
    methods = [inbox.post, inbox.put, inbox.patch, inbox.delete]
    assert [method(path).status_code for method in methods] == [405] * 4
    assert inbox.head(path).status_code == 200


# What changes rows


@pytest.mark.parametrize(
    ("action", "before", "after", "leads_to"),
    [
        ("mark-as-read", True, [False], UNREAD),
        ("mark-as-read", False, [False], UNREAD),
        ("mark-as-unread", False, [True], UNREAD),
        ("mark-as-unread", True, [True], UNREAD),
        ("delete", True, [], INBOX),
    ],
)
def test_a_post_changes_one_row_and_goes_on(
    inbox: Client, justquick: Any, action: str, before: bool, after: list[bool], leads_to: str
) -> None:
    row = make_notification(justquick, unread=before)
    response = inbox.post(url(action, row))
    assert (response.status_code, response["Location"]) == (302, leads_to)
    assert [row.unread for row in rows()] == after


def test_a_post_marks_all_rows_of_the_user_and_goes_on(inbox: Client, justquick: Any) -> None:
    brosner = make_user("brosner")
    make_rows(justquick, 3)
    make_rows(brosner, 2)
    response = inbox.post(url("mark-all-as-read"))
    assert (response.status_code, response["Location"]) == (302, UNREAD)
    assert (unread(justquick), unread(brosner)) == (0, 2)
    assert inbox.post(url("mark-all-as-read")).status_code == 302


@pytest.mark.parametrize("action", ["mark-as-read", "mark-as-unread", "delete"])
def test_a_post_changes_no_other_row(inbox: Client, justquick: Any, action: str) -> None:
    row, *others = [make_notification(justquick, unread=action != "mark-as-unread") for _ in range(3)]
    inbox.post(url(action, row))
    kept = rows().exclude(pk=row.pk)
    assert set(kept) == set(others)
    assert {other.unread for other in kept} == {action != "mark-as-unread"}


def test_a_change_costs_the_session_the_user_and_the_update(
    inbox: Client, justquick: Any, django_assert_num_queries: Any
) -> None:
    row, _ = make_rows(justquick, 2)
    with django_assert_num_queries(LOGIN + UPDATE):
        inbox.post(url("mark-as-read", row))
    # And one more to tell a row that is read already from one that is not there.
    with django_assert_num_queries(LOGIN + 1 + 1):
        inbox.post(url("mark-as-read", row))
    with django_assert_num_queries(LOGIN + UPDATE):
        inbox.post(url("mark-all-as-read"))
    assert unread(justquick) == 0


@pytest.mark.shape("default", "custom_user", "jsonfield", "no_tz", "soft_delete")
def test_a_deletion_costs_the_session_the_user_and_one_delete(
    inbox: Client, justquick: Any, django_assert_num_queries: Any
) -> None:
    [row] = make_rows(justquick, 1)
    with django_assert_num_queries(LOGIN + 1):
        inbox.post(url("delete", row))


@pytest.mark.parametrize("action", ["mark-as-read", "mark-as-unread", "delete"])
def test_a_slug_of_no_row_is_404(inbox: Client, justquick: Any, action: str) -> None:
    make_notification(justquick)
    numbers = [0, 1, 110908, NOBODYS, 110909 + 2**31, 2**63, 2**64, 10**30, "9" * 5000]
    words = ["-1", "1.5", "abc", "", "1%00", "0x10", "½", "1/2", "None"]
    answers = {
        (method, slug): getattr(inbox, method)(f"{INBOX}{action}/{slug}/")
        for method in ("get", "post")
        for slug in [*numbers, *words]
    }
    assert {key: answer.status_code for key, answer in answers.items()} == dict.fromkeys(answers, 404)
    assert unread(justquick) == 1


@pytest.mark.parametrize("action", ["mark-as-read", "mark-as-unread", "delete"])
def test_a_row_that_was_deleted_meanwhile_is_404(inbox: Client, justquick: Any, action: str) -> None:
    row = make_notification(justquick)
    url_of_row = url(action, row)
    row.delete()
    assert inbox.post(url_of_row).status_code == 404
    assert inbox.get(url_of_row).status_code == 404


@pytest.mark.parametrize("action", ["mark-as-read", "mark-as-unread", "delete", "mark-all-as-read"])
@pytest.mark.parametrize("method", ["get", "head"])
def test_a_get_asks_and_changes_nothing(inbox: Client, justquick: Any, action: str, method: str) -> None:
    row = make_notification(justquick, unread=action != "mark-as-unread")
    path = url(action, None if action == "mark-all-as-read" else row)
    response = getattr(inbox, method)(path)
    assert response.status_code == 200
    assert "notifications/confirm.html" in [template.name for template in response.templates]
    assert [fresh.unread for fresh in rows()] == [row.unread]


@pytest.mark.parametrize(
    ("action", "name", "leads_to"),
    [
        ("mark-as-read", "mark_as_read", UNREAD),
        ("mark-as-unread", "mark_as_unread", UNREAD),
        ("delete", "delete", INBOX),
        ("mark-all-as-read", "mark_all_as_read", UNREAD),
    ],
)
def test_the_page_that_asks_knows_what_it_asks(
    inbox: Client, justquick: Any, action: str, name: str, leads_to: str
) -> None:
    row = None if action == "mark-all-as-read" else make_notification(justquick)
    context = inbox.get(url(action, row)).context
    assert (context["action"], context["notification"]) == (name, row)
    assert (context["next"], context["cancel_url"]) == ("", leads_to)
    assert context["question"].endswith("?")
    context = inbox.get(url(action, row), {"next": "/home/"}).context
    assert (context["next"], context["cancel_url"]) == ("/home/", "/home/")


@pytest.mark.usefixtures("on_get")
@pytest.mark.parametrize(
    ("action", "before", "after", "leads_to"),
    [
        ("mark-as-read", True, [False], UNREAD),
        ("mark-as-unread", False, [True], UNREAD),
        ("delete", True, [], INBOX),
        ("mark-all-as-read", True, [False], UNREAD),
    ],
)
def test_a_site_may_let_a_get_change_rows_as_the_older_packages_did(
    inbox: Client, justquick: Any, action: str, before: bool, after: list[bool], leads_to: str
) -> None:
    row = make_notification(justquick, unread=before)
    response = inbox.get(url(action, None if action == "mark-all-as-read" else row))
    assert (response.status_code, response["Location"]) == (302, leads_to)
    assert [row.unread for row in rows()] == after


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_other_methods_are_405(inbox: Client, justquick: Any, method: str) -> None:
    row = make_notification(justquick)
    changing = [url(action, row) for action in ("mark-as-read", "mark-as-unread", "delete")]
    for path in [*changing, url("mark-all-as-read"), *APIS]:
        response = getattr(inbox, method)(path)
        assert (path, response.status_code, response["Allow"]) == (path, 405, "GET, HEAD, POST")
    assert unread(justquick) == 1


def test_the_way_on_is_found_without_a_resolver_match(justquick: Any, rf: RequestFactory) -> None:
    row = make_notification(justquick)
    request = rf.post("/anywhere/")
    request.user = justquick
    assert views.mark_as_read(request, str(row.slug))["Location"] == UNREAD
    assert unread(justquick) == 0


# SOFT_DELETE


@pytest.mark.usefixtures("soft")
def test_under_soft_delete_a_deletion_hides_the_row(inbox: Client, justquick: Any) -> None:
    row, kept = make_rows(justquick, 2)
    response = inbox.post(url("delete", row))
    assert (response.status_code, response["Location"]) == (302, INBOX)
    assert {fresh.pk: fresh.deleted for fresh in rows()} == {row.pk: True, kept.pk: False}


@pytest.mark.usefixtures("soft")
@pytest.mark.parametrize("action", ["mark-as-read", "mark-as-unread", "delete"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_under_soft_delete_a_hidden_row_is_404(
    inbox: Client, justquick: Any, action: str, method: str
) -> None:
    row = make_notification(justquick, deleted=True)
    assert getattr(inbox, method)(url(action, row)).status_code == 404
    assert [(fresh.unread, fresh.deleted) for fresh in rows()] == [(True, True)]


@pytest.mark.usefixtures("soft")
def test_under_soft_delete_marking_all_leaves_hidden_rows_alone(inbox: Client, justquick: Any) -> None:
    make_rows(justquick, 2)
    make_rows(justquick, 3, deleted=True)
    inbox.post(url("mark-all-as-read"))
    assert unread(justquick) == 3


@pytest.mark.usefixtures("soft")
def test_under_soft_delete_the_json_leaves_out_what_is_hidden(inbox: Client, justquick: Any) -> None:
    kept = make_notification(justquick)
    make_notification(justquick, unread=False)
    make_rows(justquick, 3, deleted=True)
    assert inbox.get(COUNTS["unread"]).json() == {"unread_count": 1}
    # django-notifications-hq counted and listed the deleted rows in these two.
    assert inbox.get(COUNTS["all"]).json() == {"all_count": 2}
    listed = inbox.get(LISTS["all"]).json()
    assert (listed["all_count"], len(listed["all_list"])) == (2, 2)
    listed = inbox.get(LISTS["unread"]).json()
    assert (listed["unread_count"], [item["slug"] for item in listed["unread_list"]]) == (1, [kept.slug])


def test_without_soft_delete_a_row_that_was_hidden_is_shown(inbox: Client, justquick: Any) -> None:
    make_rows(justquick, 2, deleted=True)
    assert inbox.get(COUNTS["unread"]).json() == {"unread_count": 2}
    assert inbox.get(COUNTS["all"]).json() == {"all_count": 2}
    assert len(inbox.get(INBOX).context["notifications"]) == 2


# The JSON


@pytest.mark.parametrize("name", ["unread", "all"])
def test_a_count_is_the_number_and_nothing_else(inbox: Client, justquick: Any, name: str) -> None:
    make_rows(justquick, 3)
    make_rows(justquick, 2, unread=False)
    make_rows(make_user("brosner"), 4)
    response = inbox.get(COUNTS[name])
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert response.json() == {f"{name}_count": 3 if name == "unread" else 5}


@pytest.mark.parametrize("name", ["unread", "all"])
def test_a_list_is_the_number_of_all_and_the_newest(inbox: Client, justquick: Any, name: str) -> None:
    newest = make_rows(justquick, 12)
    make_rows(make_user("brosner"), 4)
    answer = inbox.get(LISTS[name]).json()
    assert list(answer) == [f"{name}_count", f"{name}_list"]
    assert answer[f"{name}_count"] == 12
    assert [item["slug"] for item in answer[f"{name}_list"]] == [row.slug for row in newest[:10]]
    answer = inbox.get(LISTS[name], {"max": 3}).json()
    assert (answer[f"{name}_count"], len(answer[f"{name}_list"])) == (12, 3)


def test_a_number_that_cannot_be_is_the_default(inbox: Client, justquick: Any) -> None:
    make_rows(justquick, 12)
    for text in ("0", "101", "-5", "ten", "9" * 5000, "\x00", ""):
        for name, path in LISTS.items():
            answer = inbox.get(path, {"max": text})
            assert (text, answer.status_code, len(answer.json()[f"{name}_list"])) == (text, 200, 10)


def test_the_list_of_all_has_read_rows_too(inbox: Client, justquick: Any) -> None:
    make_notification(justquick, unread=False)
    assert [item["unread"] for item in inbox.get(LISTS["all"]).json()["all_list"]] == [False]
    assert inbox.get(LISTS["unread"]).json() == {"unread_count": 0, "unread_list": []}


def test_the_item_has_its_url_for_this_request(inbox: Client, justquick: Any) -> None:
    issue = make_issue()
    row = make_notification(justquick, action_object=issue)
    [item] = inbox.get(LISTS["unread"]).json()["unread_list"]
    assert (item["slug"], item["action_object_url"]) == (row.slug, f"/issues/{issue.pk}/?from={row.pk}")


@pytest.mark.parametrize("count", [20, 100])
def test_the_json_costs_the_same_queries_at_20_and_at_100_rows(
    inbox: Client, justquick: Any, django_assert_num_queries: Any, count: int
) -> None:
    project = make_project()
    make_rows(justquick, count, target=project)
    for path in COUNTS.values():
        with django_assert_num_queries(LOGIN + 1):
            inbox.get(path)
    for path in LISTS.values():
        # The rows with the count, and one for each of the two types of their objects.
        with django_assert_num_queries(LOGIN + 1 + 2):
            inbox.get(path, {"max": 100})


@pytest.mark.parametrize("path", APIS)
def test_nobody_has_nothing_and_it_costs_nothing(
    client: Client, path: str, django_assert_num_queries: Any
) -> None:
    make_rows(make_user("brosner"), 2)
    name = "unread" if "unread" in path else "all"
    for method in (client.get, client.post):
        with django_assert_num_queries(0):
            response = method(path, {"mark_as_read": "true"})
        assert response.status_code == 200
        expected = {f"{name}_count": 0, f"{name}_list": []}
        assert response.json() == {key: expected[key] for key in expected if "list" in path or "count" in key}
    assert rows().unread().count() == 2


@pytest.mark.parametrize("path", [*APIS, INBOX, UNREAD, f"{API}inbox/", f"{INBOX}act/?action=done&id=1"])
@pytest.mark.parametrize("logged_in", [True, False])
def test_no_page_and_no_json_is_cached_by_anybody(
    client: Client, justquick: Any, path: str, logged_in: bool
) -> None:
    if logged_in:
        client.force_login(justquick)
    response = client.get(path)
    assert set(response["Cache-Control"].split(", ")) == {
        "max-age=0", "no-cache", "no-store", "must-revalidate", "private",
    }  # fmt: skip
    assert "Cookie" in response["Vary"]


def test_the_json_can_be_asked_for_its_head(inbox: Client) -> None:
    assert [inbox.head(path).status_code for path in APIS] == [200] * 4


def test_nothing_is_below_the_json(inbox: Client) -> None:
    # In django-notifications-hq api/all_list/zzz was 200.
    paths = [f"{path}{rest}" for path in APIS for rest in ("zzz", "zzz/", "/")]
    assert [inbox.get(path).status_code for path in paths] == [404] * 12


# mark_as_read=


@pytest.mark.parametrize("name", ["unread", "all"])
@pytest.mark.parametrize(
    ("value", "marks"),
    [("true", True), ("1", True), ("false", False), ("0", False), ("no", False), ("", False)],
)
def test_a_post_marks_what_it_returns_if_the_value_says_so(
    inbox: Client, justquick: Any, name: str, value: str, marks: bool
) -> None:
    make_rows(justquick, 5)
    answer = inbox.post(f"{LISTS[name]}?max=3", {"mark_as_read": value}).json()
    assert [item["unread"] for item in answer[f"{name}_list"]] == [True] * 3
    assert unread(justquick) == (2 if marks else 5)
    # The number is the one after it.
    assert answer[f"{name}_count"] == (2 if marks and name == "unread" else 5)


@pytest.mark.parametrize("name", ["unread", "all"])
def test_a_post_may_say_it_in_the_url(inbox: Client, justquick: Any, name: str) -> None:
    make_rows(justquick, 2)
    inbox.post(f"{LISTS[name]}?mark_as_read=true")
    assert unread(justquick) == 0


@pytest.mark.parametrize("name", ["unread", "all"])
def test_a_get_marks_nothing(inbox: Client, justquick: Any, name: str) -> None:
    make_rows(justquick, 2)
    answer = inbox.get(LISTS[name], {"mark_as_read": "true"}).json()
    assert (answer[f"{name}_count"], unread(justquick)) == (2, 2)


@pytest.mark.usefixtures("on_get")
@pytest.mark.parametrize("name", ["unread", "all"])
@pytest.mark.parametrize(("value", "left"), [("true", 0), ("false", 2), ("0", 2), ("no", 2)])
def test_a_site_may_let_a_get_mark_rows_and_false_means_no(
    inbox: Client, justquick: Any, name: str, value: str, left: int
) -> None:
    make_rows(justquick, 2)
    inbox.get(LISTS[name], {"mark_as_read": value})
    # In django-notifications-hq mark_as_read=false marked them.
    assert unread(justquick) == left


def test_a_count_marks_nothing(inbox: Client, justquick: Any) -> None:
    make_rows(justquick, 2)
    for path in COUNTS.values():
        assert inbox.post(path, {"mark_as_read": "true"}).status_code == 200
    assert unread(justquick) == 2


def test_only_rows_of_the_user_are_marked(inbox: Client, justquick: Any) -> None:
    brosner = make_user("brosner")
    make_rows(justquick, 2)
    make_rows(brosner, 2)
    inbox.post(LISTS["all"], {"mark_as_read": "true"})
    assert (unread(justquick), unread(brosner)) == (0, 2)


# An unchanged poll


@pytest.mark.parametrize("path", APIS)
def test_an_unchanged_poll_is_304_after_one_query(
    inbox: Client, justquick: Any, path: str, django_assert_num_queries: Any
) -> None:
    make_rows(justquick, 3)
    etag = inbox.get(path)["ETag"]
    with django_assert_num_queries(LOGIN + 1):
        response = inbox.get(path, headers={"If-None-Match": etag})
    assert (response.status_code, response.content, response["ETag"]) == (304, b"", etag)
    assert "no-cache" in response["Cache-Control"]


@pytest.mark.parametrize("path", APIS)
def test_a_changed_poll_is_200(inbox: Client, justquick: Any, path: str) -> None:
    make_rows(justquick, 3)
    etag = inbox.get(path)["ETag"]
    justquick.notifications.first().delete()
    response = inbox.get(path, headers={"If-None-Match": etag})
    assert response.status_code == 200
    assert response["ETag"] != etag


@pytest.mark.parametrize("path", APIS)
def test_a_post_is_always_answered_in_full(inbox: Client, justquick: Any, path: str) -> None:
    make_rows(justquick, 3)
    etag = inbox.get(path)["ETag"]
    assert inbox.post(path, headers={"If-None-Match": etag}).status_code == 200
    assert "ETag" not in inbox.post(LISTS["all"], {"mark_as_read": "1"}, headers={"If-None-Match": etag})


# Around the views


def test_the_change_is_told_once_after_the_commit(
    inbox: Client, justquick: Any, django_capture_on_commit_callbacks: Any
) -> None:
    heard: list[Any] = []

    def listen(recipient_id: Any, changed: int, **kwargs: Any) -> None:
        heard.append((recipient_id, changed))

    row, *_ = make_rows(justquick, 3)
    read_state_changed.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            inbox.post(url("mark-as-read", row))
        with django_capture_on_commit_callbacks(execute=True):
            inbox.post(url("mark-all-as-read"))
        with django_capture_on_commit_callbacks(execute=True):
            inbox.post(url("delete", row))
    finally:
        read_state_changed.disconnect(listen)
    assert heard == [(justquick.pk, 1), (justquick.pk, 2), (justquick.pk, 1)]


@pytest.mark.django_db(transaction=True)
def test_the_views_work_inside_the_transaction_of_the_request(
    inbox: Client, justquick: Any, monkeypatch: Any
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    first, second, third = make_rows(justquick, 3)
    assert inbox.get(INBOX).status_code == 200
    assert inbox.post(url("mark-as-read", first)).status_code == 302
    assert inbox.get(COUNTS["unread"]).json() == {"unread_count": 2}
    assert inbox.post(url("delete", second)).status_code == 302
    assert inbox.post(LISTS["unread"], {"mark_as_read": "true"}).json()["unread_count"] == 0
    assert inbox.post(url("mark-as-unread", third)).status_code == 302
    assert inbox.post(url("delete", second)).status_code == 404
    assert b">1</span>" in inbox.get(INBOX).content
    assert unread(justquick) == 1


def test_the_number_on_the_page_follows_the_change(inbox: Client, justquick: Any) -> None:
    row, _ = make_rows(justquick, 2)
    assert b">2</span>" in inbox.get(INBOX).content
    inbox.post(url("mark-as-read", row))
    assert b">1</span>" in inbox.get(INBOX).content


def test_rows_that_are_broken_are_shown_among_the_others(inbox: Client, justquick: Any) -> None:
    gone = ContentType.objects.create(app_label="gone", model="thing")
    broken = make_rows(justquick, 4, target=make_project("pinax"))
    rows().filter(pk=broken[0].pk).update(target_object_id="no number")
    rows().filter(pk=broken[1].pk).update(target_content_type=gone)
    rows().filter(pk=broken[2].pk).update(actor_content_type=None, target_content_type_id=2**31 - 1)
    page = inbox.get(INBOX).content.decode()
    answer = inbox.get(LISTS["all"]).json()["all_list"]
    ContentType.objects.clear_cache()
    assert page.count("<article") == 4 + 1
    assert "None" not in page
    assert [item.get("target") for item in answer] == [None, None, None, "pinax"]


def test_the_views_work_under_asgi(justquick: Any, async_client: AsyncClient) -> None:
    row, _ = make_rows(justquick, 2)
    async_client.force_login(justquick)
    assert async_to_sync(async_client.get)(INBOX).status_code == 200
    assert async_to_sync(async_client.get)(url("delete", row)).status_code == 200
    assert async_to_sync(async_client.post)(url("mark-as-read", row))["Location"] == UNREAD
    assert async_to_sync(async_client.get)(COUNTS["unread"]).json() == {"unread_count": 1}
    assert async_to_sync(async_client.get)(LISTS["all"]).json()["all_count"] == 2


@pytest.mark.shape("default")
@pytest.mark.parametrize(
    ("time", "zone"),
    [
        (datetime.min.replace(tzinfo=zones.utc), "America/New_York"),
        (datetime.max.replace(tzinfo=zones.utc), "Asia/Tokyo"),
    ],
    ids=["first", "last"],
)
def test_a_time_that_the_zone_of_the_reader_has_not_is_shown(
    time: datetime, zone: str, client: Client, settings: Any
) -> None:
    settings.TIME_ZONE = zone
    user = make_user()
    make_notification(user, timestamp=time, saved_at=time, verb="reopened")
    client.force_login(user)
    for url in ("/inbox/notifications/saved/", "/inbox/notifications/api/inbox/?tab=saved"):
        assert "reopened" in client.get(url).content.decode()
    assert client.get("/inbox/notifications/").status_code == 200
