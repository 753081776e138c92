"""What a button for all results promises: it names their number, and changes these rows or asks again."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from notifications.conf import get_notification_model
from notifications.inbox import matching as module, undo as undoing
from notifications.inbox.actions import ACTIONS
from notifications.inbox.matching import Matching
from notifications.inbox.tabs import TABS
from notifications.objects.fetch import is_numbered
from tests.factories import make_notification, make_project, make_user, rows
from tests.testapp.models import Project

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("defaults")]

INBOX = "/inbox/notifications/"
ACT, API = f"{INBOX}act/", f"{INBOX}api/inbox/"
JSON = {"accept": "application/json"}
HOUR = timedelta(hours=1)


@pytest.fixture
def inbox(client: Client, justquick: Any) -> Client:
    client.force_login(justquick)
    return client


def fields(html: str) -> dict[str, Any]:
    """Return the hidden fields of the forms of a page."""
    return {
        name: unescape(value)
        for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', html)
    }


def form_of(client: Client, tab: str = "inbox", **query: str) -> dict[str, Any]:
    """Return the fields of the form of a page."""
    path = INBOX if tab == "inbox" else f"{INBOX}{tab}/"
    return fields(client.get(path, query).content.decode())


def question(response: Any) -> str:
    """Return what a page asks for: the number of rows."""
    assert response.status_code == 200
    found = re.search(r"<p>(\d+) notifications? (?:is|are) selected.</p>", response.content.decode())
    assert found is not None
    return found[1]


#: How a row gets into a tab, and what takes it out of it.
TAB_STATES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "inbox": (lambda row: None, "done"),
    "unread": (lambda row: None, "read"),
    "saved": (lambda row: row.mark_as_saved(), "unsave"),
    "done": (lambda row: row.mark_as_done(), "delete"),
    "snoozed": (lambda row: row.snooze(timezone.now() + 24 * HOUR), "unsnooze"),
}


def make(user: Any, tab: str, **columns: Any) -> Any:
    row = make_notification(user, **columns)
    TAB_STATES[tab][0](row)
    return row


def late(user: Any, tab: str, pk: Any, **columns: Any) -> Any:
    """Make a row that was numbered before others and is committed after them."""
    [row] = rows().bulk_create(
        [get_notification_model()(pk=pk, recipient=user, actor=user, verb="late", **columns)]
    )
    TAB_STATES[tab][0](rows().get(pk=row.pk))
    return row


#: Rows that come after the page was made, by what is unusual about them.
NEWCOMERS: dict[str, Callable[[], dict[str, Any]]] = {
    "now": dict,
    "a late worker": lambda: {"timestamp": timezone.now() - HOUR},
    "an early clock": lambda: {"timestamp": timezone.now() - timedelta(microseconds=1)},
    "years ago": lambda: {"timestamp": timezone.now() - 24 * 400 * HOUR},
}


@pytest.mark.parametrize("tab", TAB_STATES)
@pytest.mark.parametrize("newcomer", NEWCOMERS)
def test_what_arrives_after_the_page_is_left_alone(
    inbox: Client, justquick: Any, tab: str, newcomer: str
) -> None:
    old = [make(justquick, tab) for _ in range(2)]
    form = form_of(inbox, tab)
    new = make(justquick, tab, verb="alert", **NEWCOMERS[newcomer]())
    before = rows().filter(pk=new.pk).values().get()
    verb = TAB_STATES[tab][1]
    response = inbox.post(ACT, {**form, "scope": "all", "action": verb})
    if not is_numbered(get_notification_model()):
        # Nobody knows which came first, so that it asks.
        assert question(response) == "3"
        return
    assert response.status_code == 302
    assert rows().filter(pk=new.pk).values().get() == before
    left = {row.pk for row in getattr(justquick.notifications, TABS[tab].adjective)()}
    assert left == {new.pk}
    assert rows().filter(pk__in=[row.pk for row in old]).count() == (0 if verb == "delete" else 2)


@pytest.mark.parametrize("tab", TAB_STATES)
@pytest.mark.parametrize("size", [1, 25])
def test_what_is_committed_late_is_never_changed_unasked(
    inbox: Client, justquick: Any, settings: Any, tab: str, size: int
) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": size}
    [gap] = [make_notification(justquick) for _ in range(1)]
    pk = gap.pk
    gap.delete()
    for _ in range(2):
        make(justquick, tab)
    verb = TAB_STATES[tab][1]
    form = {**form_of(inbox, tab), "scope": "all", "action": verb}
    if size == 1:
        response = inbox.post(ACT, form)
        assert question(response) == "2"
        form = fields(response.content.decode())
    alert = late(justquick, tab, pk)
    # Somebody else has removed another one, so that the number is the same.
    rows().exclude(pk=alert.pk).first().delete()
    before = list(rows().order_by("pk").values())
    response = inbox.post(ACT, form)
    assert question(response) == "2"
    assert "Your notifications have changed since the page was loaded." in response.content.decode()
    assert list(rows().order_by("pk").values()) == before
    # Asked for what is there now, it does it.
    assert inbox.post(ACT, fields(response.content.decode())).status_code == 302
    assert not getattr(justquick.notifications, TABS[tab].adjective)().exists()


def test_more_than_a_page_are_named_and_then_changed(inbox: Client, justquick: Any, settings: Any) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 2, "BADGE_CAP": 2}
    for _ in range(5):
        make_notification(justquick)
    form = {**form_of(inbox), "scope": "all", "action": "done", "next": f"{INBOX}saved/"}
    new = make_notification(justquick)
    response = inbox.post(ACT, form)
    # Without the one that came since.
    expected = "5" if is_numbered(get_notification_model()) else "6"
    assert question(response) == expected
    assert justquick.notifications.inbox().count() == 6
    answer = inbox.post(ACT, fields(response.content.decode()))
    assert (answer.status_code, answer["Location"]) == (302, f"{INBOX}saved/")
    assert new in justquick.notifications.inbox() or expected == "6"
    assert str(justquick.notifications.done().count()) == expected


def test_all_that_is_unread_is_read_where_the_page_shows_all_of_it(
    inbox: Client, justquick: Any, settings: Any
) -> None:
    make_notification(justquick, unread=False)
    unread = [make_notification(justquick) for _ in range(2)]
    for query, asks in (({}, False), ({"q": "is:read"}, True)):
        response = inbox.post(ACT, {**form_of(inbox, **query), "all": "read"})
        assert (response.status_code == 200) == asks
        rows().filter(pk__in=[row.pk for row in unread]).mark_all_as_unread()
    settings.NOTIFICATIONS = {"PAGE_SIZE": 2}
    response = inbox.post(ACT, {**form_of(inbox), "all": "read"})
    assert question(response) == "2"
    assert inbox.post(ACT, fields(response.content.decode())).status_code == 302
    assert not justquick.notifications.unread().exists()


def test_json_asks_as_well(inbox: Client, justquick: Any) -> None:
    for _ in range(2):
        make_notification(justquick)
    body: dict[str, Any] = {"action": "done", "scope": "all"}
    response = inbox.post(ACT, body, headers=JSON)
    assert response.status_code == 409
    asked = response.json()
    assert asked == {"error": "2 notifications are selected.", "count": 2, "matching": asked["matching"]}
    justquick.notifications.first().mark_as_done()
    response = inbox.post(ACT, {**body, "matching": asked["matching"]}, headers=JSON)
    assert response.status_code == 409
    again = response.json()
    assert (again["error"], again["count"]) == (
        "Your notifications have changed since the page was loaded.",
        1,
    )
    response = inbox.post(ACT, {**body, "matching": again["matching"]}, headers=JSON)
    assert (response.status_code, response.json()["changed"]) == (200, 1)
    # Nothing is left.
    response = inbox.post(ACT, body, headers=JSON)
    assert (response.status_code, response.json()["message"]) == (200, "Nothing changed.")


def test_the_json_of_the_inbox_has_what_its_page_has(inbox: Client, justquick: Any) -> None:
    for unread in (True, True, False):
        make_notification(justquick, unread=unread)
    form, answer = form_of(inbox), inbox.get(API).json()
    assert (answer["matching"], answer["matching_unread"]) == (form["matching"], form["matching_unread"])
    assert answer["total"] == 3
    assert answer["matching"].startswith("3-")
    assert answer["matching_unread"].startswith("2-")
    more = inbox.get(API, {"max": 2}).json()
    newest = max(row.pk for row in rows()) if is_numbered(get_notification_model()) else ""
    assert (more["matching"], more["total"]) == (f"-{newest}-", None)


@pytest.mark.parametrize(
    ("query", "leads_to"),
    [
        ({"action": "delete", "scope": "all", "tab": "inbox"}, INBOX),
        (
            {"action": "delete", "scope": "all", "tab": "done", "q": "is:saved 1&2"},
            f"{INBOX}done/?q=is%3Asaved+1%262",
        ),
        ({"action": "snooze", "scope": "all", "tab": "unread", "until": "hour"}, f"{INBOX}unread/"),
        ({"all": "read"}, f"{INBOX}unread/"),
    ],
)
def test_no_link_selects_all_results(
    inbox: Client, justquick: Any, query: dict[str, str], leads_to: str
) -> None:
    make_notification(justquick)
    form = form_of(inbox)
    for extra in ({}, {"matching": form["matching"], "matching_unread": form["matching_unread"]}):
        response = inbox.get(ACT, {**query, **extra})
        assert (response.status_code, response["Location"]) == (302, leads_to)
    # What a link has is not part of what a form says.
    link = "&".join(f"{name}={value}" for name, value in {**query, **form}.items())
    assert inbox.post(f"{ACT}?{link}", {}).status_code == 400
    assert inbox.post(f"{ACT}?{link}", {"action": "done"}).status_code == 302
    assert justquick.notifications.unread().count() == 1


def test_a_link_to_some_rows_says_how_many(inbox: Client, justquick: Any, settings: Any) -> None:
    made = [make_notification(justquick, verb=f"wrote {n}") for n in range(3)]
    other = make_notification(make_user("brosner"))

    def asked(*found: Any, verb: str = "delete") -> str:
        return inbox.get(ACT, {"action": verb, "id": [row.slug for row in found]}).content.decode()

    html = asked(*made, other)
    assert "<p>3 notifications are selected.</p>" in html
    assert "<p>This cannot be undone.</p>" in html
    html = asked(made[1], other)
    assert "justquick wrote 1" in html
    assert "selected" not in html
    assert "<p>0 notifications are selected.</p>" in asked(other)
    assert "cannot be undone" not in asked(made[1], verb="done")
    settings.NOTIFICATIONS = {"SOFT_DELETE": True}
    assert "cannot be undone" not in asked(made[1])


@pytest.mark.parametrize(
    "text",
    ["", "-", "1", "1-2", "1-2-3-4", "x-1-ab", "1-x-ab", "-1-2-ab", "²-1-", "1-²-ab", "9" * 30, "\x00",
     "1-1-" + "a" * 21, f"1-{2**63}-ab", f"1-{2**63 - 1}-ab", "1-1-ab", "1--ab", "--", "-0-", "0-0-"],
)  # fmt: skip
def test_what_no_page_says_of_the_results_changes_nothing(inbox: Client, justquick: Any, text: str) -> None:
    make_notification(justquick)
    for body in (
        {"scope": "all", "action": "done", "matching": text},
        {"all": "done", "matching_unread": text},
    ):
        assert inbox.post(ACT, body, headers=JSON).json().get("changed", 0) == 0
    assert justquick.notifications.inbox().count() == 1


def test_of_very_many_rows_the_number_and_the_last_one_are_compared(
    inbox: Client, justquick: Any, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(module, "MAX_COMPARED_ROWS", 2)
    monkeypatch.setattr(undoing, "MAX_UNDO_ROWS", 2)
    for _ in range(3):
        make_notification(justquick)
    with django_assert_num_queries(2):
        found = Matching.of(rows())
    newest = max(row.pk for row in rows()) if is_numbered(get_notification_model()) else None
    assert found == Matching(3, newest, "")
    assert Matching.loads(found.dumps()) == found
    response = inbox.post(ACT, {"scope": "all", "action": "done"})
    assert question(response) == "3"
    assert "This cannot be undone." in response.content.decode()
    assert inbox.post(ACT, fields(response.content.decode())).status_code == 302
    assert justquick.notifications.done().count() == 3


@pytest.mark.parametrize("tab", TAB_STATES)
@pytest.mark.parametrize("most", [1, 2, 20])
@pytest.mark.parametrize("most_compared", [2, 20])
def test_what_is_committed_while_all_are_changed_is_never_changed_unasked(
    inbox: Client,
    justquick: Any,
    monkeypatch: pytest.MonkeyPatch,
    tab: str,
    most: int,
    most_compared: int,
) -> None:
    """Also of more rows than can be undone, where the statement that writes does not see what was compared."""
    monkeypatch.setattr(module, "MAX_COMPARED_ROWS", most_compared)
    monkeypatch.setattr(undoing, "MAX_COMPARED_ROWS", most_compared)
    monkeypatch.setattr(undoing, "MAX_UNDO_ROWS", most)
    monkeypatch.setattr(undoing, "MAX_STATEMENT_ROWS", 2)
    gap = make_notification(justquick)
    pk = gap.pk
    gap.delete()
    for _ in range(3):
        make(justquick, tab)
    verb = TAB_STATES[tab][1]
    action = ACTIONS[verb]
    alerts: list[Any] = []

    def write(some: Any, until: Any) -> int:
        if not alerts:
            alerts.append(late(justquick, tab, pk))
        return action.write(some, until)

    shown = getattr(justquick.notifications, TABS[tab].adjective)
    matching = Matching.of(shown()).dumps()
    monkeypatch.setitem(ACTIONS, verb, replace(action, write=write))
    response = inbox.post(ACT, {"tab": tab, "matching": matching, "scope": "all", "action": verb})
    left = {row.pk for row in shown()}
    if max(most, most_compared) < 3:
        # Only their number is known: it asks again. The late one was made in the transaction that is rolled back.
        assert "Your notifications have changed since the page was loaded." in response.content.decode()
        assert len(left - {alerts[0].pk}) == len(left) == 3
    else:
        assert response.status_code == 302
        assert left == {alerts[0].pk}


def test_a_snooze_of_all_names_their_number_first(inbox: Client, justquick: Any) -> None:
    for _ in range(3):
        make_notification(justquick)
    response = inbox.post(ACT, {"action": "snooze", "scope": "all"})
    assert question(response) == "3"
    form = fields(response.content.decode())
    justquick.notifications.first().mark_as_done()
    response = inbox.post(ACT, {**form, "until": "hour"})
    assert question(response) == "2"
    # With the time that was chosen.
    assert inbox.post(ACT, fields(response.content.decode())).status_code == 302
    assert justquick.notifications.snoozed().count() == 2


# A search that had to be cut


@pytest.fixture
def many_bugs(defaults: None, justquick: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Projects that are all called Bug, with a notification about each."""
    monkeypatch.setattr("notifications.inbox.search.names.MAX_NAMED_OBJECTS", 4)
    monkeypatch.setattr("notifications.inbox.search.query.MAX_NAMED_OBJECTS", 4)
    settings.NOTIFICATIONS = {"SEARCH_FIELDS": {"testapp.Project": "name"}}
    for _ in range(6):
        make_notification(justquick, target=make_project("Bug"))
    make_notification(justquick, verb="spoke", target=make_project("Feature"))


@pytest.mark.usefixtures("many_bugs")
@pytest.mark.parametrize("query", ["target:Bug", "Bug", "target:Bug target:Feature"])
def test_a_search_that_is_cut_says_so_and_is_not_acted_on_as_a_whole(
    inbox: Client, justquick: Any, query: str
) -> None:
    limit = "More than 4 objects are called “Bug”. Only notifications about the newest are found."
    html = inbox.get(INBOX, {"q": query}).content.decode()
    assert limit in html
    assert 'data-ntf-select="all"' not in html
    newest = set(Project.objects.order_by("-pk").values_list("pk", flat=True)[:5])
    answer = inbox.get(API, {"q": query}).json()
    assert answer["error"] == limit
    assert {int(item["target_object_id"]) for item in answer["items"]} <= newest
    response = inbox.post(ACT, {**form_of(inbox, q=query), "scope": "all", "action": "done"})
    assert (response.status_code, response.content.decode()) == (400, limit)
    assert justquick.notifications.done().count() == 0
    # What the page shows can be changed.
    assert inbox.post(ACT, {**form_of(inbox, q=query), "scope": "page", "action": "done"}).status_code == 302
    assert justquick.notifications.done().count() >= 3


@pytest.mark.usefixtures("many_bugs")
@pytest.mark.parametrize("query", ["-target:Bug", "-Bug", "is:unread -from:Bug", "Bug -Feature"])
def test_a_search_that_cannot_exclude_all_finds_nothing(inbox: Client, justquick: Any, query: str) -> None:
    html = inbox.get(INBOX, {"q": query}).content.decode()
    assert "More than 4 objects are called “Bug”. Exclude a more specific name." in html
    assert 'class="ntf-row' not in html.partition("<template")[0]
    response = inbox.post(ACT, {"q": query, "scope": "all", "action": "done"}, headers=JSON)
    assert response.json()["changed"] == 0
    assert justquick.notifications.inbox().count() == 7


@pytest.mark.parametrize("tab", TAB_STATES)
def test_json_says_how_many_there_are_without_those_that_came_later(
    inbox: Client, justquick: Any, tab: str
) -> None:
    """The second step of a selection: the number is that of the form, which is compared when it acts."""
    old = [make(justquick, tab) for _ in range(2)]
    form = form_of(inbox, tab)
    if is_numbered(get_notification_model()):
        make(justquick, tab)
    _, newest, _ = form["matching"].split("-")
    verb = TAB_STATES[tab][1]
    asked = {**form, "scope": "all", "action": verb, "matching": f"-{newest}-"}
    answer = inbox.get(ACT, asked, headers=JSON).json()
    assert answer["count"] == 2
    assert answer["matching"] == form["matching"]
    assert {row.pk for row in getattr(justquick.notifications, TABS[tab].adjective)()} >= {
        row.pk for row in old
    }
