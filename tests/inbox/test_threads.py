"""Threads: the notifications of a user about one target are one entry."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.template import Context, Template
from django.test import Client
from django.test.utils import CaptureQueriesContext

from notifications.conf import get_notification_model
from notifications.inbox import api, thread_counts
from notifications.inbox.threads import Shown, decode, encode
from notifications.objects.fetch import is_numbered
from notifications.presentation.threads import thread_of
from tests.factories import make_issue, make_notification, make_project, make_user, moment, rows
from tests.presentation.test_sentences import sites_templates
from tests.testapp.models import Issue, Project

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("defaults")]

INBOX = "/inbox/notifications/"
API = f"{INBOX}api/inbox/"
ACT = f"{INBOX}act/"
JSON = {"Accept": "application/json"}


@pytest.fixture(autouse=True)
def threads_are_on(defaults: None, settings: Any) -> None:
    settings.NOTIFICATIONS = {"THREADS": True}


@pytest.fixture
def inbox(client: Client, justquick: Any) -> Client:
    client.force_login(justquick)
    return client


@pytest.fixture
def ann() -> Any:
    return make_user("ann")


@pytest.fixture
def bob() -> Any:
    return make_user("bob")


@pytest.fixture
def cid() -> Any:
    return make_user("cid")


class Sent:
    """What one user is notified of, each a minute after the one before."""

    def __init__(self, recipient: Any) -> None:
        self.recipient, self.now = recipient, moment(2026, 1, 1)

    def __call__(self, actor: Any, target: Any = None, **columns: Any) -> Any:
        self.now += timedelta(minutes=1)
        columns = {"verb": "commented on", "timestamp": self.now, **columns}
        return make_notification(self.recipient, actor=actor, target=target, **columns)

    def many(self, count: int, actor: Any, target: Any, **columns: Any) -> None:
        model = get_notification_model()
        made = []
        for _ in range(count):
            self.now += timedelta(minutes=1)
            made.append(
                model(
                    recipient=self.recipient,
                    actor=actor,
                    target=target,
                    verb="commented on",
                    timestamp=self.now,
                    **columns,
                )
            )
        rows().bulk_create(made)


@pytest.fixture
def send(justquick: Any) -> Sent:
    return Sent(justquick)


def shown(client: Client, url: str = INBOX, **query: str) -> list[Any]:
    return list(client.get(url, query).context["notifications"])


def entries(client: Client, **query: Any) -> list[Any]:
    return list(client.get(API, {"threads": 1, **query}).json()["threads"])


def values(client: Client) -> list[str]:
    return [thread.value if (thread := thread_of(row)) else str(row.slug) for row in shown(client)]


def act(client: Client, action: str, value: str, **form: Any) -> Any:
    return client.post(ACT, {"one": f"{action}:{value}", **form}, headers=JSON)


# The pages


def test_there_is_one_entry_for_each_target_newest_first(inbox: Client, send: Sent, ann: Any) -> None:
    first, second = make_project("first"), make_project("second")
    send(ann, first)
    alone = send(ann)
    send(ann, second)
    also_alone = send(ann)
    newest = send(ann, first)
    page = shown(inbox)
    assert [(row.pk, thread_of(row) and thread_of(row).count) for row in page] == [  # type: ignore[union-attr]
        (newest.pk, 2),
        (also_alone.pk, None),
        (page[2].pk, None),
        (alone.pk, None),
    ]
    assert page[2].target == second


@pytest.mark.parametrize(
    ("setting", "query", "count"),
    [
        (False, "", 2),
        (True, "", 1),
        (False, "?threads=1", 1),
        (True, "?threads=0", 2),
        (False, "?threads=x", 2),
    ],
)
def test_a_page_can_override_the_setting(
    inbox: Client, send: Sent, ann: Any, settings: Any, setting: bool, query: str, count: int
) -> None:
    settings.NOTIFICATIONS = {"THREADS": setting}
    project = make_project()
    send(ann, project)
    send(ann, project)
    response = inbox.get(f"{INBOX}{query}")
    assert len(response.context["notifications"]) == count
    assert response.context["threads"] is (count == 1)


def test_rows_of_different_models_with_the_same_key_are_different_threads(
    inbox: Client, send: Sent, ann: Any
) -> None:
    project = make_project()
    issue = Issue.objects.create(pk=project.pk, name="issue")
    for target in (project, issue, project, issue):
        send(ann, target)
    assert [row.target for row in shown(inbox)] == [issue, project]


def test_rows_whose_content_type_is_gone_stand_alone(inbox: Client, send: Sent, ann: Any) -> None:
    kept = [send(ann, make_project()) for _ in range(2)]
    rows().update(target_content_type=None)
    assert [row.pk for row in shown(inbox)] == [row.pk for row in reversed(kept)]


@pytest.mark.parametrize("threads", [1, 0])
def test_an_empty_inbox_is_empty(inbox: Client, threads: int) -> None:
    response = inbox.get(INBOX, {"threads": threads})
    assert list(response.context["notifications"]) == []
    assert response.context["total"] == 0
    answer = inbox.get(API, {"threads": 1}).json()
    assert (answer["threads"], answer["items"], answer["total"]) == ([], [], 0)


def test_nobody_in_particular_has_no_threads(client: Client) -> None:
    answer = client.get(API, {"threads": 1}).json()
    assert (answer["threads"], answer["items"]) == ([], [])


Fill = Callable[[Sent, Any], None]


def some_hundreds(send: Sent, ann: Any) -> None:
    """Many threads, mixed, so that one page does not read all rows."""
    projects = [make_project(f"project {number}") for number in range(40)]
    for turn in range(4):
        for project in projects[turn:]:
            send(ann, project)
    for _ in range(5):
        send(ann)


def one_on_top(send: Sent, ann: Any) -> None:
    """A long thread above others."""
    for number in range(9):
        send(ann, make_project(f"older {number}"))
    send(ann)
    send.many(140, ann, make_project("long"))


def few_and_long(send: Sent, ann: Any) -> None:
    """A few threads of which the oldest are not among the first rows."""
    same = moment(2025, 1, 1)
    for number in range(3):
        send(ann, make_project(f"hidden {number}"), timestamp=same)
    send(ann, timestamp=same)
    projects = [make_project(f"busy {number}") for number in range(4)]
    for _ in range(40):
        for project in projects:
            send(ann, project)


@pytest.mark.parametrize("fill", [some_hundreds, one_on_top, few_and_long])
def test_a_thread_of_a_long_list_leaves_alone_what_came_since(
    inbox: Client, send: Sent, ann: Any, fill: Fill
) -> None:
    """Also a row that is dated back into the thread: it has a greater key than the rows that were shown."""
    fill(send, ann)
    first = next(row for row in shown(inbox) if thread_of(row))
    thread = thread_of(first)
    assert thread is not None
    late = send(ann, first.target, timestamp=first.timestamp - timedelta(seconds=1))
    answer = act(inbox, "done", thread.value)
    late.refresh_from_db()
    assert late.is_in_inbox
    if is_numbered(get_notification_model()):
        assert (answer.json()["changed"] == thread.count) or not thread.is_exact
    else:
        assert answer.status_code == 409


@pytest.mark.parametrize("fill", [some_hundreds, one_on_top, few_and_long])
@pytest.mark.parametrize("size", [3, 7, 20])
def test_the_pages_lead_through_all_threads_and_back(
    inbox: Client, justquick: Any, send: Sent, ann: Any, settings: Any, fill: Fill, size: int
) -> None:
    settings.NOTIFICATIONS = {"THREADS": True, "PAGE_SIZE": size}
    fill(send, ann)
    wanted, seen = [], set()
    for row in justquick.notifications.inbox():
        target = (row.target_content_type_id, row.target_object_id)
        if target[1] is None or target not in seen:
            wanted.append(row.pk)
        seen.add(target)
    page = inbox.get(INBOX).context["page_obj"]
    pages, found = 0, [row.pk for row in page]
    while page.has_next():
        page = inbox.get(INBOX, {"before": page.before}).context["page_obj"]
        found += [row.pk for row in page]
        pages += 1
        assert pages < 50
    assert found == wanted
    assert not page.older
    back = [row.pk for row in page][::-1]
    while page.has_previous():
        page = inbox.get(INBOX, {"after": page.after}).context["page_obj"]
        back += [row.pk for row in page][::-1]
        pages -= 1
        assert pages > -5
    assert set(back) == set(wanted)


@pytest.mark.parametrize("fill", [some_hundreds, one_on_top, few_and_long])
def test_numbered_pages_show_the_same_threads(
    inbox: Client, send: Sent, ann: Any, settings: Any, fill: Fill
) -> None:
    settings.NOTIFICATIONS = {"THREADS": True, "PAGE_SIZE": 4}
    fill(send, ann)
    first = inbox.get(INBOX).context["page_obj"]
    second = inbox.get(INBOX, {"before": first.before}).context["page_obj"]
    numbered = inbox.get(INBOX, {"page": 2}).context["page_obj"]
    assert [row.pk for row in numbered] == [row.pk for row in second]
    assert [thread_of(row) and thread_of(row).count for row in numbered] == [  # type: ignore[union-attr]
        thread_of(row) and thread_of(row).count  # type: ignore[union-attr]
        for row in second
    ]
    assert inbox.get(INBOX, {"page": 99}).status_code == 404
    assert inbox.get(INBOX, {"page": "last"}).context["page_obj"].number > 1


@pytest.mark.parametrize("fill", [some_hundreds, one_on_top, few_and_long])
def test_a_page_of_threads_costs_at_most_two_queries_more(
    inbox: Client, send: Sent, ann: Any, fill: Fill
) -> None:
    fill(send, ann)
    number = {}
    for url in (INBOX, API):
        for threads in (0, 1):
            inbox.get(url, {"threads": threads, "max": 20})
            with CaptureQueriesContext(
                connection,
            ) as queries:
                inbox.get(url, {"threads": threads, "max": 20})
            number[threads] = len(queries)
        assert number[1] <= number[0] + 2


def test_the_numbers_are_exact_also_of_rows_that_are_not_read(
    inbox: Client, send: Sent, ann: Any, bob: Any, cid: Any
) -> None:
    project = make_project()
    for who in (ann, bob, cid):
        send(who, project, unread=who is bob)
    for number in range(130):
        send(ann, make_project(f"project {number}"))
    send(ann, project)
    (row, *_) = shown(inbox)
    thread = thread_of(row)
    assert thread is not None
    assert (thread.count, thread.unread, thread.people, thread.is_exact) == (4, 2, 3, True)
    assert entries(inbox, max=20)[0]["text"] == "ann and 2 others commented on activity-stream"


def test_of_very_many_rows_the_numbers_say_that_there_may_be_more(
    inbox: Client, send: Sent, ann: Any, bob: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread_counts, "MAX_COUNTED_ROWS", 120)
    project = make_project()
    send(bob, project)
    for number in range(130):
        send(ann, make_project(f"project {number}"))
    send(bob, project)
    send(ann, project)
    (entry, *_) = entries(inbox, max=20)
    assert (entry["more"], entry["is_exact"], entry["new"]) == ("1+ more", False, "2+ new")
    assert entry["text"] == "ann commented on activity-stream"


def test_a_long_thread_on_top_has_a_capped_number(inbox: Client, send: Sent, ann: Any) -> None:
    send(ann, make_project("below"))
    send(ann, make_project("below it"))
    send.many(140, ann, make_project("long"))
    first, *others = entries(inbox, max=20)
    assert (first["more"], first["new"]) == ("99+ more", "99+ new")
    assert len(others) == 2


# The sentence


def test_the_sentence_names_several_actors_of_one_verb(
    inbox: Client, send: Sent, ann: Any, bob: Any, cid: Any
) -> None:
    issue = make_issue("issue 7")
    send(ann, issue)
    texts = []
    for who in (bob, cid, make_user("dan")):
        send(who, issue)
        texts.append(entries(inbox)[0]["text"])
    assert texts == [
        "bob and ann commented on issue 7",
        "cid and 2 others commented on issue 7",
        "dan and 3 others commented on issue 7",
    ]
    html = " ".join(inbox.get(INBOX).content.decode().split())
    assert "<bdi>dan</bdi> and 3 others commented on <bdi><a href=" in html


def test_one_actor_and_several_verbs_show_the_newest_sentence_and_the_number_of_the_others(
    inbox: Client, send: Sent, ann: Any, bob: Any
) -> None:
    issue = make_issue("issue 7")
    for who, verb in ((ann, "opened"), (bob, "commented on"), (ann, "closed")):
        send(who, issue, verb=verb)
    (entry,) = entries(inbox)
    assert (entry["text"], entry["more"], entry["new"]) == ("ann closed issue 7", "2 more", "3 new")


def test_different_action_objects_show_the_newest_sentence(
    inbox: Client, send: Sent, ann: Any, bob: Any
) -> None:
    project = make_project()
    send(ann, project, verb="closed", action_object=make_issue("issue 1"))
    send(bob, project, verb="closed", action_object=make_issue("issue 2"))
    assert entries(inbox)[0]["text"] == "bob closed issue 2 on activity-stream"


def test_the_same_action_object_is_named(inbox: Client, send: Sent, ann: Any, bob: Any) -> None:
    project, issue = make_project(), make_issue("issue 1")
    for who in (ann, bob):
        send(who, project, verb="closed", action_object=issue)
    assert entries(inbox)[0]["text"] == "bob and ann closed issue 1 on activity-stream"


def test_actors_of_two_kinds_are_not_counted(inbox: Client, send: Sent, ann: Any) -> None:
    issue = make_issue("issue 7")
    send(ann, issue)
    send(make_project("robot"), issue)
    assert entries(inbox)[0]["text"] == "robot commented on issue 7"


def test_the_reason_is_the_strongest(inbox: Client, send: Sent, ann: Any) -> None:
    project = make_project()
    for reason in ("subscribed", "mention", "comment", ""):
        send(ann, project, reason=reason)
    (entry,) = entries(inbox)
    assert (entry["reason"], entry["reason_name"]) == ("mention", "Mention")
    assert "Mention" in inbox.get(INBOX).content.decode()


def test_a_thread_is_unread_while_one_of_its_rows_is(inbox: Client, send: Sent, ann: Any) -> None:
    project = make_project()
    send(ann, project)
    send(ann, project, unread=False)
    (entry,) = entries(inbox)
    assert (entry["unread"], "unread" in entry["states"]) == (1, True)
    rows().update(unread=False)
    (entry,) = entries(inbox)
    assert (entry["unread"], entry["new"], "read" in entry["states"]) == (0, "", True)


# The rows of a thread


def test_a_thread_leads_to_its_rows(inbox: Client, send: Sent, ann: Any) -> None:
    project = make_project()
    wanted = [send(ann, project) for _ in range(3)]
    send(ann, make_project("another"))
    key = thread_of(shown(inbox)[1]).key  # type: ignore[union-attr]
    assert f"?thread={key}" in inbox.get(INBOX).content.decode()
    response = inbox.get(INBOX, {"thread": key})
    assert [row.pk for row in response.context["notifications"]] == [row.pk for row in reversed(wanted)]
    assert response.context["threads"] is False


@pytest.mark.parametrize(
    "key", ["x", "MQ", "4pi6", "a" * 5000, encode("x", 1), encode(1, "\0"), encode("9" * 30, 1)]
)
def test_an_invalid_key_has_no_rows(inbox: Client, send: Sent, ann: Any, key: str) -> None:
    send(ann, make_project())
    assert shown(inbox, thread=key) == []
    assert inbox.get(API, {"thread": key}).json()["items"] == []


def test_the_links_of_a_page_keep_what_was_asked(inbox: Client, send: Sent, ann: Any, settings: Any) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 2}
    for number in range(3):
        for _ in range(2):
            send(ann, make_project(f"project {number}"))
    response = inbox.get(INBOX, {"threads": "1", "q": "is:unread"})
    assert "?q=is%3Aunread&amp;threads=1&amp;before=" in response.content.decode()


def test_the_json_brings_the_rows_of_open_threads(inbox: Client, send: Sent, ann: Any) -> None:
    project = make_project()
    wanted = [send(ann, project).slug for _ in range(3)]
    answer = inbox.get(API, {"threads": 1}).json()
    (entry,) = answer["threads"]
    assert (entry["row"], entry["rows"]) == (wanted[-1], [wanted[-1]])
    assert [item["slug"] for item in answer["items"]] == [wanted[-1]]
    answer = inbox.get(API, {"threads": "1", "open": f"x,{entry['key']}"}).json()
    assert answer["threads"][0]["rows"] == wanted[::-1]
    assert sorted(item["slug"] for item in answer["items"]) == sorted(wanted)
    assert {item["text"] for item in answer["items"]} == {"ann commented on activity-stream"}


def test_threads_that_have_left_the_page_keep_no_other_closed(inbox: Client, send: Sent, ann: Any) -> None:
    """After five that were open and done, the next showed one of its rows."""
    projects = [make_project() for _ in range(6)]
    for project in (*projects, *projects):
        send(ann, project)
    keys = [entry["key"] for entry in inbox.get(API, {"threads": 1}).json()["threads"]]
    gone = [f"gone{number}" for number in range(api.MAX_OPEN_THREADS)]
    answer = inbox.get(API, {"threads": "1", "open": ",".join([*gone, *keys])}).json()
    assert [len(entry["rows"]) for entry in answer["threads"]] == [2] * 6


def test_an_unchanged_page_of_threads_is_not_sent_again(
    inbox: Client, send: Sent, ann: Any, bob: Any
) -> None:
    project = make_project()
    send(ann, project)
    send(bob, project)
    first = inbox.get(API, {"threads": 1})
    headers = {"If-None-Match": first.headers["ETag"]}
    assert inbox.get(API, {"threads": 1}, headers=headers).status_code == 304
    rows().filter(actor_object_id=str(ann.pk)).update(unread=False)
    assert inbox.get(API, {"threads": 1}, headers=headers).status_code == 200


@pytest.mark.parametrize("is_on", [False, True])
def test_the_json_has_threads_where_they_are_asked_for(
    inbox: Client, send: Sent, ann: Any, settings: Any, is_on: bool
) -> None:
    settings.NOTIFICATIONS = {"THREADS": is_on}
    project = make_project()
    for _ in range(3):
        send(ann, project)
    [entry] = entries(inbox)
    for query in ({}, {"threads": 0}, {"threads": 1, "thread": entry["key"]}):
        answer = inbox.get(API, query).json()
        assert ("threads" in answer, len(answer["items"])) == (False, 3)


def test_a_page_is_sent_again_where_the_form_of_a_thread_names_other_rows(
    inbox: Client, send: Sent, ann: Any, settings: Any
) -> None:
    settings.NOTIFICATIONS = {"THREADS": True, "BADGE_CAP": 1}
    project = make_project()
    oldest = send(ann, project)
    for _ in range(3):
        send(ann, project)
        send(ann).mark_as_done()
    first = inbox.get(API, {"threads": 1})
    oldest.mark_as_done()
    second = inbox.get(API, {"threads": 1}, headers={"If-None-Match": first.headers["ETag"]})
    assert second.status_code == 200
    # Neither the row that is shown nor a count says so.
    assert second.json()["counts"] == first.json()["counts"]
    assert act(inbox, "done", second.json()["threads"][0]["id"]).json()["changed"] == 3


# Actions


def test_an_action_changes_all_rows_of_the_thread_and_can_be_undone(
    inbox: Client, justquick: Any, send: Sent, ann: Any
) -> None:
    project = make_project()
    for _ in range(3):
        send(ann, project)
    other = send(ann, make_project("other"))
    _, value = values(inbox)
    answer = act(inbox, "done", value).json()
    assert answer["changed"] == 3
    assert [row.pk for row in justquick.notifications.inbox()] == [other.pk]
    undone = inbox.post(f"{INBOX}undo/", {"undo": answer["undo"]}, headers=JSON).json()
    assert undone["changed"] == 3
    assert justquick.notifications.inbox().count() == 4


def test_a_row_that_came_since_is_left_alone(inbox: Client, justquick: Any, send: Sent, ann: Any) -> None:
    project = make_project()
    send(ann, project)
    send(ann, project)
    (value,) = values(inbox)
    late = send(ann, project)
    old = send(ann, project, timestamp=moment(2020, 1, 1))
    answer = act(inbox, "done", value)
    left = {row.pk for row in justquick.notifications.inbox()}
    if answer.status_code == 200:
        assert answer.json()["changed"] == 2
        assert left == {late.pk, old.pk}
    else:
        # Keys that are no numbers do not say which row came first.
        assert answer.json()["error"] == "Your notifications have changed since the page was loaded."
        assert len(left) == 4


def test_rows_of_other_tabs_and_of_others_are_left_alone(
    inbox: Client, justquick: Any, send: Sent, ann: Any
) -> None:
    project = make_project()
    done = send(ann, project, done_at=moment(2026, 1, 1))
    for _ in range(2):
        send(ann, project)
    stranger = make_notification(ann, actor=ann, target=project, verb="commented on")
    (value,) = values(inbox)
    assert act(inbox, "save", value).json()["changed"] == 2
    for row in (done, stranger):
        row.refresh_from_db()
        assert row.saved_at is None


def test_an_action_in_a_search_changes_only_what_the_search_has_found(
    inbox: Client, justquick: Any, send: Sent, ann: Any
) -> None:
    project = make_project()
    for level in ("error", "error", "info"):
        send(ann, project, level=level)
    (row,) = shown(inbox, q="level:error")
    thread = thread_of(row)
    assert thread is not None
    assert thread.count == 2
    assert act(inbox, "done", thread.value, q="level:error").json()["changed"] == 2
    assert [row.level for row in justquick.notifications.inbox()] == ["info"]


@pytest.mark.parametrize("tab", ["unread", "saved", "snoozed", "done"])
def test_every_tab_has_threads(inbox: Client, justquick: Any, send: Sent, ann: Any, tab: str) -> None:
    project = make_project()
    for _ in range(2):
        send(ann, project)
    everything = justquick.notifications.all()
    {
        "unread": lambda: None,
        "saved": everything.mark_all_as_saved,
        "snoozed": lambda: everything.snooze_all(moment(2999, 1, 1)),
        "done": everything.mark_all_as_done,
    }[tab]()
    (row,) = shown(inbox, f"{INBOX}{tab}/")
    thread = thread_of(row)
    assert thread is not None
    assert thread.count == 2
    assert act(inbox, "delete", thread.value, tab=tab).json()["changed"] == 2


def test_threads_and_rows_can_be_selected_together(
    inbox: Client, justquick: Any, send: Sent, ann: Any
) -> None:
    project = make_project()
    alone = send(ann)
    for _ in range(2):
        send(ann, project)
    send(ann, make_project("left"))
    _, value, _ = values(inbox)
    form = {"action": "done", "id": [value, str(alone.slug)]}
    assert inbox.post(ACT, form, headers=JSON).json()["changed"] == 3
    page = inbox.get(INBOX)
    assert f'name="shown" value="{",".join(values(inbox))}"' in page.content.decode()


def test_the_whole_page_can_be_selected(inbox: Client, justquick: Any, send: Sent, ann: Any) -> None:
    for name in ("one", "two"):
        project = make_project(name)
        send(ann, project)
        send(ann, project)
    form = {"action": "done", "scope": "page", "shown": ",".join(values(inbox))}
    assert inbox.post(ACT, form, headers=JSON).json()["changed"] == 4


def test_all_results_of_a_thread_are_its_rows(inbox: Client, justquick: Any, send: Sent, ann: Any) -> None:
    project = make_project()
    for _ in range(2):
        send(ann, project)
    send(ann)
    key = thread_of(shown(inbox)[1]).key  # type: ignore[union-attr]
    context = inbox.get(INBOX, {"thread": key}).context
    assert context["total"] == 2
    form = {"action": "done", "scope": "all", "thread": key, "matching": context["matching"]}
    assert inbox.post(ACT, form, headers=JSON).json()["changed"] == 2


def test_all_results_are_all_rows_of_the_threads(inbox: Client, justquick: Any, send: Sent, ann: Any) -> None:
    project = make_project()
    for _ in range(3):
        send(ann, project)
    context = inbox.get(INBOX).context
    assert (context["total"], len(context["notifications"])) == (3, 1)
    form = {"action": "done", "scope": "all", "matching": context["matching"]}
    assert inbox.post(ACT, form, headers=JSON).json()["changed"] == 3


def test_who_opens_a_thread_has_read_all_of_it(inbox: Client, justquick: Any, send: Sent, ann: Any) -> None:
    project = make_project()
    send(ann, project)
    send(ann, project)
    (value,) = values(inbox)
    response = inbox.post(f"{INBOX}mark-as-read/{value}/", {"tab": "inbox"}, headers=JSON)
    assert response.json()["changed"] == 2
    assert not justquick.notifications.unread().exists()


def test_without_a_script_the_next_page_says_what_has_changed(
    inbox: Client, justquick: Any, send: Sent, ann: Any
) -> None:
    project = make_project()
    send(ann, project)
    send(ann, project)
    (row,) = shown(inbox)
    target = (row.target_content_type_id, row.target_object_id)
    value = Shown(target, 1, None, row.inbox_at).dumps()
    response = inbox.post(ACT, {"one": f"done:{value}", "next": INBOX}, follow=True)
    assert "Your notifications have changed since the page was loaded." in response.content.decode()
    assert justquick.notifications.inbox().count() == 2
    answer = act(inbox, "done", value)
    assert answer.status_code == 409


@pytest.mark.parametrize(
    "value", ["thread:", "thread:x", "thread:" + encode(1, 2), "thread:" + encode(1, "-", "-", "x", "1")]
)
def test_an_invalid_value_changes_nothing(inbox: Client, send: Sent, ann: Any, value: str) -> None:
    send(ann, make_project())
    assert act(inbox, "done", value).json()["changed"] == 0


@pytest.mark.shape("default")
def test_a_moment_that_no_database_has_is_not_a_value() -> None:
    for text in ("0001-01-01T00:00:00+14:00", "2026-01-01T00:00:00", "2026-13-01T00:00:00+00:00"):
        assert Shown.loads("thread:" + encode(1, "-", "-", text, "1"), "default") is None
    with pytest.raises(ValueError, match="MQ"):
        decode("MQ", 2)


@pytest.mark.shape("default")
def test_a_moment_of_any_offset_is_one_of_utc() -> None:
    """PostgreSQL refuses offsets of 16 hours and more."""
    shown = Shown.loads("thread:" + encode(1, "-", "-", "2026-01-01T00:00:00+23:59", "1"), "default")
    assert shown is not None
    assert shown.moment.isoformat() == "2025-12-31T00:01:00+00:00"


# What others may not see


def test_nobody_learns_how_many_hidden_actors_there_are(
    inbox: Client, send: Sent, ann: Any, bob: Any, settings: Any
) -> None:
    user = ContentType.objects.get_for_model(ann).model_class()
    label = user._meta.label if user else ""
    settings.NOTIFICATIONS = {"THREADS": True, "VISIBILITY": {label: "tests.inbox.test_threads.OnlyAnn"}}
    project = make_project()
    send(bob, project)
    send(ann, project)
    (entry,) = entries(inbox)
    assert entry["text"] == "ann commented on activity-stream"
    # A token may have these letters in it.
    assert not re.search(r"\bbob\b", inbox.get(INBOX).content.decode())


def test_a_hidden_target_is_not_named(inbox: Client, send: Sent, ann: Any, bob: Any, settings: Any) -> None:
    settings.NOTIFICATIONS = {
        "THREADS": True,
        "VISIBILITY": {Project._meta.label: "tests.inbox.test_threads.Nothing"},
    }
    project = make_project()
    send(bob, project)
    send(ann, project)
    (entry,) = entries(inbox)
    assert entry["text"] == "ann commented on hidden project"
    assert "activity-stream" not in inbox.get(INBOX).content.decode()


class OnlyAnn:
    """A rule by which ann alone may be seen."""

    def users(self, users: Any, obj: Any) -> Any:
        return users if obj.username == "ann" else users.none()

    def objects(self, objects: Any, user: Any) -> Any:
        return objects.filter(username="ann")


class Nothing:
    """A rule by which nobody sees anything."""

    def users(self, users: Any, obj: Any) -> Any:
        return users.none()

    def objects(self, objects: Any, user: Any) -> Any:
        return objects.none()


def test_a_deleted_second_actor_is_counted_but_not_named(
    inbox: Client, send: Sent, ann: Any, bob: Any
) -> None:
    project = make_project()
    send(bob, project)
    send(ann, project)
    type(bob)._base_manager.filter(pk=bob.pk).delete()
    (entry,) = entries(inbox)
    assert entry["text"] == "ann commented on activity-stream"


def test_a_raising_target_costs_its_name_only(
    inbox: Client, send: Sent, ann: Any, bob: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project()
    for who in (ann, bob):
        send(who, project)

    def fail(self: Any) -> str:
        raise RuntimeError("no name")

    monkeypatch.setattr(Project, "__str__", fail)
    assert entries(inbox)[0]["text"] == "bob and ann commented on unavailable project"
    assert inbox.get(INBOX).status_code == 200


def test_the_value_of_a_thread_does_not_depend_on_others(inbox: Client, send: Sent, ann: Any) -> None:
    project = make_project()
    send(ann, project)
    send(ann, project)
    (before,) = values(inbox)
    make_notification(ann)
    assert values(inbox) == [before]


def test_a_page_before_the_first_is_the_first(inbox: Client, send: Sent, ann: Any, settings: Any) -> None:
    settings.NOTIFICATIONS = {"THREADS": True, "PAGE_SIZE": 2}
    for number in range(4):
        send(ann, make_project(f"project {number}"))
    page = inbox.get(INBOX).context["page_obj"]
    after = inbox.get(INBOX, {"before": page.before}).context["page_obj"].after
    rows().filter(pk=page[0].pk).delete()
    again = inbox.get(INBOX, {"after": after}).context["page_obj"]
    assert (again.number, len(again)) == (1, 2)


def test_the_strongest_reason_is_found_among_rows_that_are_not_read(
    inbox: Client, send: Sent, ann: Any
) -> None:
    project = make_project()
    send(ann, project, reason="mention")
    for number in range(130):
        send(ann, make_project(f"project {number}"))
    send(ann, project, reason="of the site")
    assert entries(inbox, max=20)[0]["reason"] == "mention"


def test_a_type_has_a_sentence_for_several(
    inbox: Client, send: Sent, ann: Any, bob: Any, make_type: Any
) -> None:
    project = make_project()
    send(bob, project)
    send(ann, project)
    kind = make_type(sentence="{actor} has commented on {target}")
    assert entries(inbox)[0]["text"] == "ann has commented on activity-stream"
    kind.sentence_for_several = "{actor} have commented on {target}"
    assert entries(inbox)[0]["text"] == "ann and bob have commented on activity-stream"
    html = inbox.get(INBOX).content.decode()
    assert "have commented on <bdi>" in html
    kind.sentence_for_several = "{actor} have closed {action_object}"
    assert entries(inbox)[0]["text"] == "ann and bob commented on activity-stream"


def test_the_lists_of_templates_have_threads(
    justquick: Any, send: Sent, ann: Any, bob: Any, settings: Any
) -> None:
    project = make_project()
    for who in (bob, ann):
        send(who, project)
    page = Template("{% load notifications_tags %}{% notifications_list %}{% notifications_bell rows=5 %}")
    html = page.render(Context({"user": justquick, "csrf_token": "x"}))
    assert html.count("ann and bob commented on activity-stream") == 2
    assert html.count("2 new") == 2
    settings.NOTIFICATIONS = {}
    html = page.render(Context({"user": justquick, "csrf_token": "x"}))
    assert html.count("bob commented on activity-stream") == 2


def test_a_template_of_the_site_shows_the_newest_notification(
    inbox: Client, send: Sent, ann: Any, bob: Any, settings: Any
) -> None:
    """What it says of one actor may not fit several."""
    sites_templates(settings, {"notifications/verbs/commented-on.txt": "{{ actor }} says so"})
    project = make_project()
    send(bob, project)
    send(ann, project)
    assert entries(inbox)[0]["text"] == "ann says so"
