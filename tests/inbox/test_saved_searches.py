"""The searches that a user saves: a name, a text, an order, and an end."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.db import connection
from django.db.models import Value
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

import notifications
from notifications.inbox import saved_searches, tabs
from notifications.inbox.saved_searches import MAX_SEARCHES, SavedSearch, searches_of
from notifications.inbox.tabs import FILTERS
from notifications.models import InboxState
from notifications.storage import inbox_state
from tests.factories import at_once, make_notification, make_project, make_user

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


def test_any_search_can_be_moved_up_and_none_is_lost(justquick: Any) -> None:
    for name in "abcd":
        saved_searches.save(justquick, name, "is:unread")
    for name, expected in (("b", "bacd"), ("d", "badc"), ("b", "badc"), ("x", "badc")):
        saved_searches.move_up(justquick, name)
        assert "".join(search.name for search in searches_of(justquick)) == expected


@pytest.mark.parametrize("field", ["name", "q"])
def test_what_not_every_database_can_store_is_not_saved(inbox: Client, justquick: Any, field: str) -> None:
    form = {"name": "x", "q": "is:unread", field: "a\x00b"}
    assert change(inbox, "save", **form).status_code == 200
    assert names(justquick) == []


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
    url = f"{INBOX}?q=reason%3Amention%20is%3Aunread"
    assert f'<a class="ntf-own" href="{url}" aria-current="true">My mentions</a>' in html
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
    # A token may have these letters in it.
    assert not re.search(r"\bann\b", inbox.get(INBOX).content.decode())


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


@pytest.mark.parametrize("middleware", [[], ["django.contrib.auth.middleware.LoginRequiredMiddleware"]])
@pytest.mark.parametrize("next_url", [f"{INBOX}?q=is:unread", "https://example.org/"])
def test_who_was_logged_out_meanwhile_returns_to_the_page_of_the_form(
    client: Client, settings: Any, middleware: list[str], next_url: str
) -> None:
    """The login led to the URL that takes the form, which is no page."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, *middleware]
    answer = client.post(SEARCHES, {"do": "save", "q": "is:unread", "next": next_url})
    allowed = next_url if next_url.startswith("/") else ""
    path, _, query = answer["Location"].partition("?")
    assert (path, parse_qs(query, keep_blank_values=True)) == (settings.LOGIN_URL, {"next": [allowed]})


@pytest.mark.parametrize("host", ["testserver", "login.example.com"])
@pytest.mark.parametrize("view", ["notifications:saved_searches", "notifications:act"])
def test_a_login_on_another_host_gets_the_absolute_url_to_return_to(
    client: Client, settings: Any, view: str, host: str
) -> None:
    """The path led to the host of the login, which has no such page."""
    settings.LOGIN_URL = f"http://{host}/login/"
    answer = client.post(reverse(view), {"next": INBOX})
    path = INBOX if view == "notifications:saved_searches" else reverse(view)
    path = path if host == "testserver" else f"http://testserver{path}"
    location, _, query = answer["Location"].partition("?")
    assert (location, parse_qs(query)) == (settings.LOGIN_URL, {"next": [path]})


def test_no_view_that_only_takes_a_form_leads_to_itself() -> None:
    for path in Path(notifications.__file__).parent.rglob("*.py"):
        assert not re.search(r"^@require_POST", path.read_text(), re.MULTILINE), path


def test_a_site_without_the_table_has_no_saved_searches(
    inbox: Client, justquick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved_searches.save(justquick, "mine", "is:unread")
    for module in (inbox_state, saved_searches, tabs):
        monkeypatch.setattr(module, "has_table", lambda: False)
    saved_searches.save(justquick, "another", "is:unread")
    assert names(justquick) == []
    # A token may have these letters in it.
    assert not re.search(r"\bmine\b", inbox.get(INBOX).content.decode())


def test_users_in_another_database_have_saved_searches(
    inbox: Client, justquick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved_searches.save(justquick, "mine", "is:unread")
    monkeypatch.setattr(tabs, "carrier_of", lambda *arguments: None)
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


# How many each of the searches that the inbox offers finds


def counts_of_filters(client: Client, path: str = INBOX) -> dict[str, str]:
    """Return the numbers at the searches that the page offers, without those that find nothing."""
    html = client.get(path).content.decode().partition('class="ntf-chips"')[2].partition("</nav>")[0]
    links = re.findall(
        r"<a [^>]*>([^<]+?) <span class=\"ntf-count\" data-ntf-count=\"[^\"]*\">([^<]*)</span></a>", html
    )
    return dict(links)


def test_the_offered_searches_say_how_many_they_find(client: Client, justquick: Any) -> None:
    reasons = ["mention", "Mention", "assign", "author", "subscribed", "manual", "", "our own"]
    for reason in reasons:
        make_notification(justquick, reason=reason)
    make_notification(justquick, level="error", reason="subscribed").mark_as_saved()
    make_notification(justquick, reason="mention").mark_as_done()
    make_notification(make_user("other"), reason="mention")
    client.force_login(justquick)
    counts = {"Mentions": "2", "Assigned": "1", "Created by you": "1", "Participating": "6", "Errors": "1"}
    assert counts_of_filters(client) == counts
    for each in FILTERS:
        found = client.get(f"{INBOX}api/inbox/", {"q": each.query}).json()["items"]
        assert str(len(found) or "") == counts.get(str(each.title), "")
    assert counts_of_filters(client, f"{INBOX}saved/") == {"Errors": "1"}
    assert counts_of_filters(client, f"{INBOX}done/") == {"Mentions": "1", "Participating": "1"}
    assert counts_of_filters(client, f"{INBOX}?q=nothing-of-this") == counts
    assert counts_of_filters(client, f"{INBOX}snoozed/") == {}
    assert "filters" not in client.get(f"{INBOX}api/inbox/").json()
    answer = client.get(f"{INBOX}api/inbox/", {"filters": 1})
    assert answer.json()["filters"]["reason:mention"] == "2"
    justquick.notifications.filter(reason="assign").update(reason="mention")
    again = client.get(
        f"{INBOX}api/inbox/", {"filters": 1}, headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert again.json()["filters"]["reason:mention"] == "3"


def test_the_counts_of_searches_are_capped_and_cost_no_query(
    client: Client, justquick: Any, settings: Any, monkeypatch: Any, django_assert_num_queries: Any
) -> None:
    for _ in range(4):
        make_notification(justquick, reason="mention")
    client.force_login(justquick)
    client.get(INBOX)
    with CaptureQueriesContext(connection) as before:
        assert counts_of_filters(client)["Mentions"] == "4"
    monkeypatch.setattr(tabs.CountedFilters, "of", classmethod(lambda cls, rows, tab: Value(0)))
    with django_assert_num_queries(len(before)):
        assert counts_of_filters(client) == {}
    monkeypatch.undo()
    settings.NOTIFICATIONS = {"BADGE_CAP": 3}
    assert counts_of_filters(client)["Mentions"] == "3+"
    # Of more rows, the first are counted.
    settings.NOTIFICATIONS = {}
    monkeypatch.setattr(tabs, "MAX_FILTERED_ROWS", 2)
    assert counts_of_filters(client)["Mentions"] == "2+"


def test_the_number_of_the_counts_fits_into_a_column(client: Client, justquick: Any) -> None:
    assert tabs.BASE ** (len(FILTERS) + 1) < 2**63


def test_with_threads_too_they_are_numbers_of_notifications(
    client: Client, justquick: Any, settings: Any
) -> None:
    settings.NOTIFICATIONS = {"THREADS": True}
    target = make_project("target")
    for _ in range(3):
        make_notification(justquick, reason="assign", target=target)
    client.force_login(justquick)
    assert counts_of_filters(client) == {"Assigned": "3", "Participating": "3"}
