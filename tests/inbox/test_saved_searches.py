"""The searches that a user saves: a name, a text, an order, and an end."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from notifications.inbox import saved_searches, tabs
from notifications.inbox.saved_searches import MAX_SEARCHES, SavedSearch, searches_of
from notifications.models import InboxState
from notifications.storage import inbox_state
from tests.factories import at_once, make_notification, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("defaults")]

INBOX = "/inbox/notifications/"
SEARCHES = f"{INBOX}searches/"


@pytest.fixture
def inbox(client: Client, justquick: Any) -> Client:
    client.force_login(justquick)
    return client


def change(client: Client, do: str, **form: str) -> Any:
    return client.post(SEARCHES, {"do": do, "next": INBOX, **form}, follow=True)


def names(user: Any) -> list[str]:
    return [search.name for search in searches_of(user)]


def test_a_search_is_saved_shown_moved_and_removed(inbox: Client, justquick: Any) -> None:
    make_notification(justquick)
    assert names(justquick) == []
    change(inbox, "save", name="  My   mentions ", q=" reason:mention is:unread ")
    change(inbox, "save", name="", q="level:error")
    assert searches_of(justquick) == [
        SavedSearch("My mentions", "reason:mention is:unread"),
        SavedSearch("level:error", "level:error"),
    ]
    html = inbox.get(INBOX, {"q": "reason:mention is:unread"}).content.decode()
    chip = '<a class="ntf-own" href="?q=reason%3Amention%20is%3Aunread" aria-current="true">My mentions</a>'
    assert chip in html
    change(inbox, "up", name="level:error")
    assert names(justquick) == ["level:error", "My mentions"]
    change(inbox, "up", name="level:error")
    change(inbox, "up", name="nobody's")
    assert names(justquick) == ["level:error", "My mentions"]
    change(inbox, "remove", name="level:error")
    change(inbox, "nonsense", name="My mentions")
    assert names(justquick) == ["My mentions"]


def test_the_same_name_replaces_the_search(inbox: Client, justquick: Any) -> None:
    for text in ("is:unread", "is:read"):
        change(inbox, "save", name="mine", q=text)
    assert searches_of(justquick) == [SavedSearch("mine", "is:read")]


def test_nothing_is_no_search(inbox: Client, justquick: Any) -> None:
    change(inbox, "save", name="empty", q="  ")
    assert names(justquick) == []


def test_more_than_the_limit_are_not_saved(inbox: Client, justquick: Any) -> None:
    for number in range(MAX_SEARCHES):
        saved_searches.save(justquick, f"{number}", "is:unread")
    response = change(inbox, "save", name="one more", q="is:unread")
    assert "You can save at most 15 searches." in response.content.decode()
    assert len(names(justquick)) == MAX_SEARCHES


def test_each_user_has_searches_of_their_own(inbox: Client, justquick: Any) -> None:
    saved_searches.save(make_user("ann"), "<b>ann</b>", "is:unread")
    assert "ann" not in inbox.get(INBOX).content.decode()


def test_a_name_is_text(inbox: Client, justquick: Any) -> None:
    saved_searches.save(justquick, "<b onclick=x>", "is:unread")
    html = inbox.get(INBOX).content.decode()
    assert "<b onclick" not in html
    assert "&lt;b onclick=x&gt;" in html


def test_saved_searches_cost_a_page_no_query(inbox: Client, justquick: Any) -> None:
    make_notification(justquick)
    inbox.get(INBOX)
    with CaptureQueriesContext(connection) as before:
        inbox.get(INBOX)
    saved_searches.save(justquick, "mine", "is:unread")
    with CaptureQueriesContext(connection) as after:
        assert "mine" in inbox.get(INBOX).content.decode()
    assert len(after) == len(before)


def test_only_a_post_of_a_user_changes_them(inbox: Client, client: Client) -> None:
    assert inbox.get(SEARCHES).status_code == 405
    client.logout()
    assert client.post(SEARCHES, {"do": "save", "q": "is:read"}).status_code == 302


def test_a_site_without_the_table_has_no_saved_searches(
    inbox: Client, justquick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved_searches.save(justquick, "mine", "is:unread")
    for module in (inbox_state, saved_searches, tabs):
        monkeypatch.setattr(module, "has_table", lambda: False)
    saved_searches.save(justquick, "another", "is:unread")
    assert names(justquick) == []
    assert "mine" not in inbox.get(INBOX).content.decode()


def test_users_in_another_database_have_saved_searches(
    inbox: Client, justquick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved_searches.save(justquick, "mine", "is:unread")
    monkeypatch.setattr(tabs, "carrier_of", lambda rows, request: None)
    assert "mine" in inbox.get(INBOX).content.decode()


@pytest.mark.parametrize(
    "stored", [{}, "x", 5, [["a"]], [["a", "b", "c"]], [None], [["a", 5]], ["ab"]], ids=str
)
def test_what_another_version_stored_is_no_search(client: Client, stored: Any) -> None:
    user = make_user("somebody")
    InboxState.objects.create(pk=user.pk, searches=stored)
    client.force_login(user)
    assert client.get(reverse("notifications:all")).status_code == 200
    saved_searches.save(user, "unread", "is:unread")
    assert [search.name for search in saved_searches.searches_of(user)] == ["unread"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.backend("postgres", "mariadb")
def test_what_seven_tabs_save_first_at_once_is_all_kept() -> None:
    user = make_user("somebody")
    numbers = iter(range(7))
    assert at_once(7, lambda: saved_searches.save(user, str(next(numbers)), "is:unread")) == [None] * 7
    assert sorted(search.name for search in searches_of(user)) == list("0123456")
