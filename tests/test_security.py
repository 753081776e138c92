"""What an attacker tries: another user's rows, a forged form, a link that leads away, a name that is code."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import iri_to_uri

import notifications
from notifications.inbox import undo as undoing
from notifications.inbox.actions import ACTIONS
from tests.factories import make_notification, make_project, make_user, rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("defaults")]

NAMES = [pattern.name for pattern in notifications.urls.urlpatterns]
PAGES = {"all", "unread", "saved", "snoozed", "done"}
WITH_SLUG = {"mark_as_read", "mark_as_unread", "delete"}
CHANGING = {*WITH_SLUG, "mark_all_as_read"}
SHOWING = {"live_unread_notification_list", "live_all_notification_list", "api_inbox"}


@pytest.fixture
def inbox(client: Client, justquick: Any) -> Client:
    """A browser in which justquick is logged in."""
    client.force_login(justquick)
    return client


def url(name: str, row: Any) -> str:
    return reverse(f"notifications:{name}", args=[row.slug] if name in WITH_SLUG else [])


def state() -> list[tuple[Any, ...]]:
    """Return all there is to know of all rows."""
    return list(rows().order_by("pk").values_list())


# Whose rows: every url, every kind of visitor, every method


VISITORS: dict[str, Callable[[Any], Any]] = {
    "anonymous": lambda owner: None,
    "owner": lambda owner: owner,
    "another": lambda owner: make_user("brosner"),
    "staff": lambda owner: make_user("admin", is_staff=True, is_superuser=True),
}


def expected(name: str, visitor: str, method: str) -> int:
    """Return the status that this visitor gets."""
    if name.startswith("live_"):
        return 200
    if name == "api_inbox":
        return 200 if method == "get" else 405
    if visitor == "anonymous":
        return 302
    if name in {*PAGES, "token"}:
        return 200 if method == "get" else 405
    if name == "saved_searches":
        return 405 if method == "get" else 302
    if name in WITH_SLUG and visitor != "owner":
        return 404
    if name == "seen" and method == "post":
        return 204
    return 200 if method == "get" else 302


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("visitor", VISITORS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_the_rows_of_a_user_are_shown_to_the_user_and_changed_by_the_user(
    client: Client, justquick: Any, name: str, visitor: str, method: str
) -> None:
    row = make_notification(justquick, verb="whispered", unread=name != "mark_as_unread")
    if name in {"saved", "done"}:
        getattr(row, f"mark_as_{name}")()
    elif name == "snoozed":
        row.snooze(timezone.now() + timedelta(days=1))
    token = undoing.do(justquick, justquick.notifications.all(), ACTIONS["save"]).token
    user = VISITORS[visitor](justquick)
    if user is not None:
        client.force_login(user)
    before = state()
    asked = {"act": {"action": "delete", "id": row.slug}, "undo": {"undo": token}}.get(name, {})
    response = getattr(client, method)(url(name, row), asked)
    assert response.status_code == expected(name, visitor, method)
    changes = visitor == "owner" and method == "post" and name in {*CHANGING, "act", "undo"}
    assert (state() != before) is changes
    shows = (name in SHOWING and not (name == "api_inbox" and method == "post")) or (
        method == "get" and name in {*PAGES, *WITH_SLUG, "act"}
    )
    assert (b"whispered" in response.content) is (visitor == "owner" and shows)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("visitor", ["anonymous", "another", "staff"])
def test_nobody_else_reaches_them_where_a_get_may_change_rows_either(
    client: Client, justquick: Any, settings: Any, name: str, visitor: str
) -> None:
    settings.NOTIFICATIONS = {"ACTIONS_ON_GET": True}
    row = make_notification(justquick, verb="whispered")
    user = VISITORS[visitor](justquick)
    if user is not None:
        client.force_login(user)
    before = state()
    for response in (client.get(url(name, row), {"mark_as_read": "1"}), client.post(url(name, row))):
        assert b"whispered" not in response.content
        assert response.status_code < 500
    assert state() == before


def test_a_user_who_is_logged_out_meanwhile_is_nobody(inbox: Client, justquick: Any) -> None:
    row = make_notification(justquick)
    get_user_model()._default_manager.update(is_active=False)
    assert inbox.post(url("delete", row)).status_code == 302
    assert rows().count() == 1


def test_the_badge_of_one_user_is_not_shown_to_another(client: Client, justquick: Any) -> None:
    # django-notifications-hq kept one number for all users.
    brosner = make_user("brosner")
    for _ in range(7):
        make_notification(justquick)
    for user, number in [
        (justquick, b">7</span>"),
        (brosner, b" hidden>0</span>"),
        (justquick, b">7</span>"),
    ]:
        client.force_login(user)
        page = client.get(reverse("notifications:all")).content
        assert b'data-ntf-count="unread"' + number in page


# Forged forms


@pytest.fixture
def strict(justquick: Any) -> Client:
    """A browser in which justquick is logged in, and a site that looks for the token."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(justquick)
    return client


@pytest.mark.parametrize("name", sorted(CHANGING))
def test_a_form_of_another_site_changes_nothing(strict: Client, justquick: Any, name: str) -> None:
    row = make_notification(justquick, unread=name != "mark_as_unread")
    before = state()
    assert strict.post(url(name, row)).status_code == 403
    strict.get(url(name, row))
    assert strict.post(url(name, row), {"csrfmiddlewaretoken": "a" * 64}).status_code == 403
    assert state() == before


@pytest.mark.parametrize("name", sorted(CHANGING))
def test_the_form_of_the_page_that_asks_works(strict: Client, justquick: Any, name: str) -> None:
    row = make_notification(justquick, unread=name != "mark_as_unread")
    before = state()
    page = strict.get(url(name, row)).content.decode()
    [token] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert strict.post(url(name, row), {"csrfmiddlewaretoken": token}).status_code == 302
    assert state() != before


@pytest.mark.parametrize("name", ["live_unread_notification_list", "live_all_notification_list"])
def test_a_list_marks_nothing_for_another_site(strict: Client, justquick: Any, name: str) -> None:
    row = make_notification(justquick)
    before = state()
    assert strict.post(url(name, row), {"mark_as_read": "true"}).status_code == 403
    assert strict.get(url(name, row), {"mark_as_read": "true"}).status_code == 200
    assert state() == before
    token = str(strict.get(url("mark_as_read", row)).context["csrf_token"])
    headers = {"X-CSRFToken": token}
    assert strict.post(url(name, row), {"mark_as_read": "true"}, headers=headers).status_code == 200
    assert state() != before


@pytest.mark.parametrize("name", NAMES)
def test_no_link_image_or_prefetch_changes_anything(inbox: Client, justquick: Any, name: str) -> None:
    row = make_notification(justquick, unread=name != "mark_as_unread")
    before = state()
    for query in ({}, {"mark_as_read": "true"}, {"next": "/"}, {"_method": "POST"}):
        inbox.get(url(name, row), query)
        inbox.head(url(name, row), query)
        inbox.get(url(name, row), query, headers={"X-HTTP-Method-Override": "POST"})
    assert state() == before


# next=


HERE = [
    "/home/",
    "/home/?a=b&c=d",
    "home/",
    "?page=2",
    "http://testserver/home/",
    "//testserver/home/",
    "/ü/?q=漢字",
]
AWAY = [
    "",
    "http://evil.example/",
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "////evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "/\\/evil.example/",
    "http:\\\\evil.example/",
    "http:/\\evil.example/",
    "http:evil.example",
    "http:///evil.example/",
    "http://testserver@evil.example/",
    "http://testserver.evil.example/",
    "http://testserver:8000@evil.example/",
    "http://[evil.example/",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "java\nscript:alert(1)",
    "\x08//evil.example/",
    "data:text/html,evil",
    "ftp://testserver/",
    "/home/\r\nSet-Cookie: evil=1",
    "/home/\n",
    "\n//evil.example/",
    "/home/\x00",
    "/\tevil",
    "//evil\u3002example/",
    "/" + "a" * 3000,
    # Another host that the site is allowed to be is still another host.
    "http://localhost/",
    "//127.0.0.1/",
]


def answers(inbox: Client, row: Any, link: str, **extra: Any) -> dict[str, Any]:
    """Return where each way of asking for this next page leads."""
    path = url("mark_as_unread", row)
    return {
        "a form": inbox.post(path, {"next": link}, **extra)["Location"],
        "the url of a form": inbox.post(f"{path}?{urlencode({'next': link})}", **extra)["Location"],
        "the page that asks": inbox.get(path, {"next": link}, **extra).context["cancel_url"],
    }


def test_next_may_be_a_page_of_this_host(inbox: Client, justquick: Any) -> None:
    row = make_notification(justquick)
    for link in HERE:
        found = answers(inbox, row, link)
        assert found.pop("the page that asks") == link
        assert (link, found) == (link, dict.fromkeys(found, iri_to_uri(link)))


def test_next_leads_nowhere_else(inbox: Client, justquick: Any) -> None:
    row = make_notification(justquick)
    for link in AWAY:
        found = answers(inbox, row, link)
        assert (link, found) == (link, dict.fromkeys(found, reverse("notifications:unread")))


@pytest.mark.parametrize(
    ("name", "leads_to"), [("mark_as_read", "unread"), ("mark_all_as_read", "unread"), ("delete", "all")]
)
def test_next_leads_nowhere_else_where_a_get_changes_rows(
    inbox: Client, justquick: Any, settings: Any, name: str, leads_to: str
) -> None:
    settings.NOTIFICATIONS = {"ACTIONS_ON_GET": True}
    for link in AWAY:
        response = inbox.get(url(name, make_notification(justquick)), {"next": link})
        assert (link, response["Location"]) == (link, reverse(f"notifications:{leads_to}"))


def test_the_form_is_heard_before_the_url(inbox: Client, justquick: Any) -> None:
    row = make_notification(justquick)
    path = f"{url('mark_as_read', row)}?next=/home/"
    assert inbox.post(path, {"next": "/a/"})["Location"] == "/a/"
    assert inbox.post(path, {"next": "//evil.example/"})["Location"] == reverse("notifications:unread")
    assert inbox.post(path, {"next": ""})["Location"] == "/home/"


def test_next_does_not_lead_from_https_to_http(inbox: Client, justquick: Any) -> None:
    row = make_notification(justquick)
    found = answers(inbox, row, "http://testserver/home/", secure=True)
    assert found == dict.fromkeys(found, reverse("notifications:unread"))
    found = answers(inbox, row, "https://testserver/home/", secure=True)
    assert found == dict.fromkeys(found, "https://testserver/home/")
    found = answers(inbox, row, "https://testserver/home/")
    assert found == dict.fromkeys(found, "https://testserver/home/")


def test_next_is_judged_by_the_host_of_the_request(inbox: Client, justquick: Any) -> None:
    row = make_notification(justquick)
    at_localhost = {"headers": {"host": "localhost"}}
    found = answers(inbox, row, "http://localhost/home/", **at_localhost)
    assert found == dict.fromkeys(found, "http://localhost/home/")
    found = answers(inbox, row, "http://testserver/home/", **at_localhost)
    assert found == dict.fromkeys(found, reverse("notifications:unread"))


# Names that are code


CODE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7|add:7 }}"


@pytest.mark.parametrize("name", ["all", "unread", "mark_as_read", "delete"])
def test_no_name_becomes_markup(inbox: Client, justquick: Any, name: str) -> None:
    row = make_notification(
        justquick,
        verb=CODE,
        description=CODE,
        actor=make_project(CODE[:90]),
        target=make_project(CODE[:90]),
        data={
            "actions": [
                {"href": "javascript:alert(1)", "title": CODE},
                {"href": "/a/?\"'><b>", "title": CODE},
            ]
        },
    )
    page = inbox.get(url(name, row)).content.decode()
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "javascript:" not in page


def test_the_json_is_no_page(inbox: Client, justquick: Any) -> None:
    make_notification(justquick, verb=CODE, actor=make_project(CODE[:90]))
    response = inbox.get(reverse("notifications:live_all_notification_list"))
    assert response["Content-Type"] == "application/json"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response.json()["all_list"][0]["actor"] == CODE[:90]
