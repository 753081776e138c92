"""Acting on notifications over HTTP: what a form says, what is changed, what is answered."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone, translation

from notifications.inbox import lists, snooze, tabs
from notifications.inbox.action_views import REPEATED_FIELDS
from notifications.inbox.flash import Flash, set_flash
from notifications.models import InboxState
from tests.contrib.routers import EmptyReplica
from tests.factories import make_notification, make_project, make_user, rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("defaults")]

INBOX = "/inbox/notifications/"
ACT, UNDO, SEEN, API = f"{INBOX}act/", f"{INBOX}undo/", f"{INBOX}seen/", f"{INBOX}api/inbox/"
JSON = {"accept": "application/json"}


@pytest.fixture
def inbox(client: Client, justquick: Any) -> Client:
    """A browser in which justquick is logged in."""
    client.force_login(justquick)
    return client


def page(client: Client, path: str = INBOX) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def act(client: Client, **data: Any) -> Any:
    """Send the form, and return what JSON says of it."""
    response = client.post(ACT, data, headers=JSON)
    assert response.status_code == 200
    return response.json()


def act_on_all(client: Client, **data: Any) -> Any:
    """Send the form for all results, confirm the number that is asked for, and return what JSON says of it."""
    response = client.post(ACT, {"scope": "all", **data}, headers=JSON)
    if response.status_code == 200:
        return response.json()
    assert response.status_code == 409
    asked = {name: value for name, value in response.json().items() if name.startswith("matching")}
    return act(client, **{"scope": "all", **data, **asked})


def fields(html: str) -> dict[str, Any]:
    """Return the hidden fields of the forms of a page."""
    return {
        name: unescape(value)
        for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', html)
    }


def said(client: Client, path: str = INBOX) -> str:
    """Return what the page says of the last thing that was done."""
    banner = re.search(r"data-ntf-undo( hidden)?>\s*<p[^>]*>(.*?)</p>", page(client, path), re.DOTALL)
    assert banner is not None
    return "" if banner[1] else banner[2]


# Querysets of a site


@pytest.mark.parametrize(
    ("action", "verb", "tab", "before"),
    [
        ("read", "mark_all_as_read", "unread", ""),
        ("unread", "mark_all_as_unread", "all", "read"),
        ("done", "mark_all_as_done", "inbox", ""),
        ("undone", "mark_all_as_undone", "done", "done"),
        ("save", "mark_all_as_saved", "all", ""),
        ("unsave", "mark_all_as_unsaved", "saved", "save"),
        ("snooze", "snooze_all", "inbox", ""),
        ("unsnooze", "unsnooze_all", "snoozed", "snooze"),
        ("delete", "delete", "all", ""),
    ],
)
def test_a_verb_of_a_site_need_not_say_how_many_rows_it_changed(
    inbox: Client, justquick: Any, replace_verb: Any, action: str, verb: str, tab: str, before: str
) -> None:
    named = {"tab": tab, "id": [make_notification(justquick).slug for _ in range(2)], "until": "2999-01-01"}
    if before:
        assert act(inbox, action=before, **named | {"tab": "all"})["changed"] == 2
    replace_verb(verb)
    assert act(inbox, action=action, **named)["changed"] == 2


@pytest.mark.parametrize("returned", [lambda answer: None, lambda answer: answer[0]])
def test_a_queryset_of_a_site_may_delete_in_its_own_way(
    inbox: Client, justquick: Any, replace_verb: Any, returned: Any
) -> None:
    """One of hq's time that hides rows instead of deleting them returns what its ``update()`` does."""
    first, second, third = (make_notification(justquick) for _ in range(3))
    replace_verb("delete", returned)
    assert inbox.post(f"{INBOX}delete/{first.slug}/", headers=JSON).json()["changed"] == 1
    assert act(inbox, action="delete", id=[second.slug])["changed"] == 1
    assert rows().filter(pk=third.pk).delete_in_order() == 1
    assert not rows().exists()


# Which rows


def test_one_row_is_named_by_its_button(inbox: Client, justquick: Any) -> None:
    one, other = make_notification(justquick), make_notification(justquick)
    response = inbox.post(ACT, {"one": f"done:{one.slug}", "id": [other.slug], "action": "save"})
    assert (response.status_code, response["Location"]) == (302, INBOX)
    assert (list(justquick.notifications.done()), list(justquick.notifications.inbox())) == ([one], [other])
    assert not justquick.notifications.saved().exists()


def test_some_rows_are_named_by_their_boxes(inbox: Client, justquick: Any) -> None:
    one, other, third = (make_notification(justquick) for _ in range(3))
    assert act(inbox, action="save", id=[one.slug, third.slug])["changed"] == 2
    assert set(justquick.notifications.saved()) == {one, third}
    assert other.saved_at is None


def test_all_on_the_page_are_those_that_it_shows(inbox: Client, justquick: Any, settings: Any) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 2}
    for _ in range(3):
        make_notification(justquick)
    shown = re.search(r'name="shown" value="([^"]*)"', page(inbox))
    assert shown is not None
    assert act(inbox, action="done", scope="page", shown=shown[1])["changed"] == 2
    assert justquick.notifications.inbox().count() == 1


def test_all_that_match_are_those_of_the_tab_and_the_search(inbox: Client, justquick: Any) -> None:
    bot = make_user("bot")
    make_notification(justquick, actor=bot, verb="one")
    make_notification(justquick, actor=bot, verb="two", unread=False)
    make_notification(justquick, verb="three")
    make_notification(bot, actor=bot, verb="another's")
    assert act_on_all(inbox, action="done", tab="unread", q="from:bot")["changed"] == 1
    assert [row.verb for row in justquick.notifications.done()] == ["one"]
    assert act_on_all(inbox, action="undone", tab="done")["changed"] == 1
    assert act_on_all(inbox, action="done", tab="no such tab", q="-from:bot")["changed"] == 1
    assert act_on_all(inbox, action="save", q="is:done")["changed"] == 1
    assert [row.verb for row in justquick.notifications.saved()] == ["three"]


def test_everything_that_is_unread_is_read_and_unread_again_but_for_what_came_since(
    inbox: Client, justquick: Any
) -> None:
    unread = [make_notification(justquick) for _ in range(2)]
    make_notification(justquick, unread=False)
    form = fields(page(inbox))
    newcomer = make_notification(justquick)
    answer = act(inbox, **{**form, "tab": "saved", "q": "from:nobody", "all": "read"})
    assert answer["message"] == "2 notifications marked as read."
    assert list(justquick.notifications.unread()) == [newcomer]
    inbox.post(UNDO, {"undo": answer["undo"]})
    assert set(justquick.notifications.unread()) == {newcomer, *unread}


def test_a_search_that_cannot_be_understood_changes_nothing(inbox: Client, justquick: Any) -> None:
    make_notification(justquick)
    answer = act(inbox, action="delete", scope="all", q="frm:bot")
    assert (answer["changed"], answer["message"], answer["undo"]) == (0, "Nothing changed.", None)


@pytest.mark.parametrize("tab", ["inbox", "unread", "saved", "done", "snoozed"])
def test_what_came_since_the_page_was_made_is_left_alone(inbox: Client, justquick: Any, tab: str) -> None:
    def make(verb: str) -> None:
        row = make_notification(justquick, verb=verb)
        if tab == "snoozed":
            row.snooze(timezone.now() + timedelta(days=1))
        elif tab in {"saved", "done"}:
            getattr(row, f"mark_as_{tab}")()

    make("seen")
    form = fields(page(inbox, INBOX if tab == "inbox" else f"{INBOX}{tab}/"))
    make("unseen")
    assert act(inbox, **{**form, "action": "delete", "scope": "all"})["changed"] == 1
    assert [row.verb for row in justquick.notifications.all()] == ["unseen"]


@pytest.mark.parametrize(
    "slug", ["", "0", "-1", "x", "²", "1" * 19, "9" * 30, "9" * 5000, "\x00", "1 OR 1=1", "110909", "1.5"]
)
def test_a_slug_that_no_row_has_changes_nothing(inbox: Client, justquick: Any, slug: str) -> None:
    make_notification(justquick)
    for data in (
        {"one": f"done:{slug}"},
        {"action": "done", "id": slug},
        {"action": "done", "scope": "page", "shown": slug},
    ):
        assert act(inbox, **data)["changed"] == 0
    assert justquick.notifications.inbox().count() == 1


@pytest.mark.parametrize("name", [*REPEATED_FIELDS, "command", "next", "undo"])
def test_no_field_of_the_form_is_too_odd_for_a_database(inbox: Client, justquick: Any, name: str) -> None:
    slug = make_notification(justquick).slug
    for url in (ACT, UNDO):
        response = inbox.post(url, {"action": "done", "id": slug, name: "a\x00b"})
        assert response.status_code in {200, 302, 400}


@pytest.mark.django_db(databases=["default", "other"])
def test_the_urls_of_a_row_that_a_replica_does_not_have_yet_work(
    inbox: Client, justquick: Any, settings: Any
) -> None:
    """A live stream shows it at once; a second click on it was a 404."""
    row = make_notification(justquick)
    settings.DATABASE_ROUTERS = [EmptyReplica(row._meta.app_label)]
    assert "closed" in page(inbox, f"{INBOX}mark-as-read/{row.slug}/")
    for changed in (1, 0):
        response = inbox.post(f"{INBOX}mark-as-read/{row.slug}/", headers=JSON)
        assert (response.status_code, response.json()["changed"]) == (200, changed)


def test_where_nothing_is_chosen_it_says_so(inbox: Client, justquick: Any) -> None:
    make_notification(justquick)
    assert act(inbox, action="done")["message"] == "Select at least one notification."
    inbox.post(ACT, {"action": "done"})
    assert said(inbox) == "Select at least one notification."


@pytest.mark.parametrize(
    "data", [{}, {"action": "explode"}, {"one": "explode:1"}, {"one": ":1"}, {"action": "\x00"}]
)
def test_what_cannot_be_done_is_refused(inbox: Client, justquick: Any, data: dict[str, str]) -> None:
    make_notification(justquick)
    response = inbox.post(ACT, {**data, "scope": "all"})
    assert (response.status_code, response["Content-Type"]) == (400, "text/plain; charset=utf-8")
    assert inbox.post(ACT, data, headers=JSON).json() == {"error": "Unknown action."}
    assert justquick.notifications.inbox().count() == 1


def test_the_url_alone_leads_to_the_inbox(inbox: Client) -> None:
    """Who presses Enter in the address bar after a page that asked did not choose an action."""
    for answer in (inbox.get(ACT), inbox.head(ACT)):
        assert (answer.status_code, answer["Location"]) == (302, "/inbox/notifications/")


def test_under_soft_delete_a_deleted_row_is_out_of_reach(
    inbox: Client, justquick: Any, settings: Any
) -> None:
    settings.NOTIFICATIONS = {"SOFT_DELETE": True}
    row = make_notification(justquick)
    answer = act(inbox, action="delete", id=row.slug)
    assert (answer["changed"], answer["message"]) == (1, "1 notification deleted.")
    assert act(inbox, action="done", id=row.slug)["changed"] == 0
    # But not for the button that takes it back: the last thing changed nothing.
    assert inbox.post(UNDO, {"undo": answer["undo"]}, headers=JSON).json()["changed"] == 1


# What is answered


def test_json_says_what_was_done_and_what_is_left(inbox: Client, justquick: Any) -> None:
    one, _, _ = (make_notification(justquick) for _ in range(3))
    answer = act(inbox, action="done", id=one.slug)
    token = answer.pop("undo")
    assert len(token) == 12
    assert answer == {
        "changed": 1,
        "message": "1 notification marked as done.",
        "unread_count": 2,
        "unseen_count": 2,
    }
    undone = inbox.post(UNDO, {"undo": token}, headers=JSON).json()
    assert undone == {
        "changed": 1,
        "message": "Undone. 1 notification restored.",
        "undo": None,
        "unread_count": 3,
        "unseen_count": 3,
    }


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("done", "2 notifications marked as done."),
        ("undone", "2 notifications moved to the inbox."),
        ("save", "2 notifications saved."),
        ("unsave", "2 notifications removed from saved."),
        ("snooze", "2 notifications snoozed."),
        ("unsnooze", "2 notifications unsnoozed."),
        ("read", "2 notifications marked as read."),
        ("unread", "2 notifications marked as unread."),
        ("delete", "2 notifications deleted."),
    ],
)
def test_the_page_says_what_was_done_with_a_button_that_undoes_it(
    inbox: Client, justquick: Any, verb: str, words: str
) -> None:
    for _ in range(2):
        row = make_notification(justquick, unread=verb != "unread")
        {
            "undone": row.mark_as_done,
            "unsave": row.mark_as_saved,
            "unsnooze": lambda row=row: row.snooze(timezone.now() + timedelta(days=1)),
        }.get(verb, lambda: None)()
    slugs = [row.slug for row in rows()]
    before = list(rows().order_by("pk").values_list())
    response = inbox.post(ACT, {"action": verb, "id": slugs, "until": "tomorrow", "next": f"{INBOX}saved/"})
    assert (response.status_code, response["Location"]) == (302, f"{INBOX}saved/")
    # On any tab, and again when the page is shown again.
    assert said(inbox, f"{INBOX}saved/") == said(inbox, f"{INBOX}saved/") == said(inbox) == words
    token = re.search(r'name="undo" value="([^"]*)"', page(inbox))
    assert token is not None
    if verb == "delete":
        assert token[1] == ""
        return
    assert inbox.post(UNDO, {"undo": token[1], "next": UNDO})["Location"] == UNDO
    assert said(inbox) == "Undone. 2 notifications restored."
    assert list(rows().order_by("pk").values_list()) == before
    assert inbox.post(UNDO, {"undo": token[1]})["Location"] == INBOX
    assert said(inbox) == "This action can no longer be undone."


def test_the_page_says_what_was_done_last_and_keeps_it_while_nothing_changes(
    inbox: Client, justquick: Any
) -> None:
    row = make_notification(justquick)
    inbox.post(ACT, {"one": f"save:{row.slug}"})
    inbox.post(ACT, {"one": f"done:{row.slug}"})
    assert said(inbox) == "1 notification marked as done."
    inbox.post(ACT, {"one": f"save:{row.slug}"})
    assert said(inbox) == "1 notification marked as done."


def test_the_page_says_it_in_the_language_of_the_reader_and_to_nobody_else(
    inbox: Client, justquick: Any
) -> None:
    row = make_notification(justquick)
    inbox.post(ACT, {"one": f"save:{row.slug}"})
    cookie = inbox.cookies["notifications_flash"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (
        "/",
        True,
        "Lax",
        60,
    )
    with translation.override("en"):
        assert 'lang="de"' in inbox.get(INBOX, headers={"accept-language": "de"}).content.decode()
    assert said(inbox) == "1 notification saved."
    brosner = Client()
    brosner.force_login(make_user("brosner"))
    brosner.cookies["notifications_flash"] = cookie.value
    assert said(brosner) == ""
    inbox.cookies["notifications_flash"] = "forged"
    assert said(inbox) == ""


@pytest.mark.parametrize(("of_session", "expected"), [("None", "None"), ("Strict", "Strict"), (False, "")])
def test_the_message_reaches_where_the_session_does(
    inbox: Client, justquick: Any, settings: Any, of_session: Any, expected: str
) -> None:
    """A site in a frame of another site never said what was done, nor offered to undo it."""
    settings.SESSION_COOKIE_SAMESITE, settings.SESSION_COOKIE_SECURE = of_session, True
    inbox.post(ACT, {"one": f"save:{make_notification(justquick).slug}"})
    cookie = inbox.cookies["notifications_flash"]
    assert (cookie["samesite"], cookie["secure"]) == (expected, True)


def test_a_message_of_an_app_that_is_gone_is_not_said(
    inbox: Client, justquick: Any, rf: RequestFactory
) -> None:
    """For a minute each page was an error to who had just used it."""
    request, response = rf.get("/"), HttpResponse()
    request.user = justquick
    set_flash(response, request, Flash("of_an_app_that_is_gone", 1))
    inbox.cookies["notifications_flash"] = response.cookies["notifications_flash"].value
    assert said(inbox) == ""


def test_next_is_a_page_of_this_host(inbox: Client, justquick: Any) -> None:
    make_notification(justquick)
    for path in (ACT, UNDO):
        data = {"action": "done", "id": "1", "next": "//evil.example/"}
        assert inbox.post(path, data)["Location"] == INBOX


# Snoozing


def test_a_row_is_snoozed_until_a_moment_that_is_chosen(inbox: Client, justquick: Any) -> None:
    row = make_notification(justquick)
    response = inbox.post(ACT, {"one": f"snooze:{row.slug}", "next": "/home/"})
    assert response.status_code == 200
    assert [template.name for template in response.templates][:2] == [
        "notifications/snooze.html",
        "notifications/base.html",
    ]
    html = response.content.decode()
    assert re.findall(r'name="until" value="(\w+)"', html) == [
        name for name, _, _ in response.context["choices"]
    ]
    assert html.count(f'name="one" value="snooze:{row.slug}"') == 2
    assert justquick.notifications.inbox().count() == 1
    answer = inbox.post(ACT, {"one": f"snooze:{row.slug}", "until": "hour", "next": "/home/"})
    assert answer["Location"] == "/home/"
    assert list(justquick.notifications.snoozed()) == [row]
    assert "Snoozed until" in page(inbox, f"{INBOX}snoozed/")


def test_all_that_match_are_snoozed_by_the_page_that_asks(inbox: Client, justquick: Any) -> None:
    for _ in range(3):
        make_notification(justquick)
    html = inbox.post(
        ACT, {"action": "snooze", "scope": "all", "tab": "unread", "q": "closed"}
    ).content.decode()
    assert "<p>3 notifications are selected.</p>" in html
    assert act(inbox, **fields(html), until="2099-01-01T08:00")["changed"] == 3


@pytest.mark.parametrize(
    ("until", "problem"),
    [
        ("2011-01-01T00:00", "Choose a date and time in the future."),
        ("never", "“never” is not a valid date and time."),
    ],
)
def test_a_moment_that_is_none_is_a_gentle_word(
    inbox: Client, justquick: Any, until: str, problem: str
) -> None:
    row = make_notification(justquick)
    response = inbox.post(ACT, {"one": f"snooze:{row.slug}", "until": until})
    assert response.status_code == 400
    assert f'role="alert">{problem}</p>' in response.content.decode()
    response = inbox.post(ACT, {"one": f"snooze:{row.slug}", "until": until}, headers=JSON)
    assert (response.status_code, response.json()) == (400, {"error": problem})
    response = inbox.post(ACT, {"one": f"snooze:{row.slug}"}, headers=JSON)
    assert (response.status_code, response.json()) == (
        400,
        {"error": "Choose a date and time in the future."},
    )
    assert justquick.notifications.inbox().count() == 1


# Asking first


@pytest.mark.parametrize(
    ("path", "query", "question"),
    [
        (ACT, {"action": "done", "id": "SLUG"}, "Done?"),
        (ACT, {"action": "snooze", "scope": "page", "shown": "SLUG", "until": "hour"}, "Snooze?"),
        (UNDO, {"undo": "x"}, "Undo?"),
        (SEEN, {}, "Mark all as seen?"),
    ],
)
def test_a_get_asks_and_its_form_does_it(
    justquick: Any, path: str, query: dict[str, str], question: str
) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(justquick)
    slug = make_notification(justquick).slug
    query = {name: value.replace("SLUG", str(slug)) for name, value in query.items()}
    response = browser.get(path, query)
    html = response.content.decode()
    assert f"<h1>{question}</h1>" in html
    assert justquick.notifications.inbox().count() == 1
    assert not InboxState.objects.exists()
    answer = browser.post(f"{path}?{response.wsgi_request.META['QUERY_STRING']}", fields(html))
    assert answer.status_code == (204 if path == SEEN else 302)
    assert justquick.notifications.inbox().count() == (0 if path == ACT else 1)


# The bell


def test_opening_the_bell_leaves_nothing_unseen_and_everything_unread(inbox: Client, justquick: Any) -> None:
    make_notification(justquick)
    assert inbox.get(API).json()["counts"]["unseen"] == 1
    response = inbox.post(SEEN)
    assert (response.status_code, response.content) == (204, b"")
    make_notification(justquick)
    counts = inbox.get(API).json()["counts"]
    assert (counts["unseen"], counts["unread"]) == (1, 2)


# The JSON of the inbox


def test_the_json_has_the_counts_and_a_page(inbox: Client, justquick: Any) -> None:
    for number in range(5):
        make_notification(justquick, verb=f"wrote {number}", target=make_project())
    first = inbox.get(API, {"max": 2}).json()
    assert first["counts"] == {"inbox": 5, "unread": 5, "saved": 0, "snoozed": 0, "done": 0, "unseen": 5}
    assert [item["verb"] for item in first["items"]] == ["wrote 4", "wrote 3"]
    assert first["items"][0]["text"] == "justquick wrote 4 activity-stream"
    assert (first["after"], first["error"]) == (None, None)
    second = inbox.get(API, {"max": 2, "before": first["before"]}).json()
    assert [item["verb"] for item in second["items"]] == ["wrote 2", "wrote 1"]
    again = inbox.get(API, {"max": 2, "after": second["after"]}).json()
    assert again["items"] == first["items"]


def test_the_json_has_each_tab_and_each_search(inbox: Client, justquick: Any) -> None:
    make_notification(justquick, verb="kept").mark_as_saved()
    make_notification(justquick, verb="ended").mark_as_done()
    make_notification(justquick, verb="slept").snooze(timezone.now() + timedelta(days=1))
    make_notification(justquick, verb="read", unread=False)

    def verbs(**query: str) -> list[str]:
        return [item["verb"] for item in inbox.get(API, query).json()["items"]]

    assert verbs() == verbs(tab="inbox") == verbs(tab="nothing") == ["read", "kept"]
    assert (verbs(tab="unread"), verbs(tab="saved")) == (["kept"], ["kept"])
    assert (verbs(tab="done"), verbs(tab="snoozed")) == (["ended"], ["slept"])
    assert (verbs(q="is:unread"), verbs(q="is:done"), verbs(q="kept")) == (["kept"], ["ended"], ["kept"])
    answer = inbox.get(API, {"q": "is:new"}).json()
    assert answer["items"] == []
    assert answer["error"].startswith("“is:new” is not valid")
    assert answer["counts"]["inbox"] == 2


def test_an_unchanged_poll_of_the_json_is_304(
    inbox: Client, justquick: Any, django_assert_num_queries: Any
) -> None:
    make_notification(justquick, target=make_project())
    response = inbox.get(API)
    headers = {"if-none-match": response["ETag"]}
    # The session, the user, the rows, and each model of the objects.
    with django_assert_num_queries(5):
        assert inbox.get(API, headers=headers).status_code == 304
    assert inbox.get(API, {"q": "is:unread"}, headers=headers).status_code == 200
    assert inbox.get(API, {"tab": "unread"}, headers=headers).status_code == 200
    make_notification(justquick)
    assert inbox.get(API, headers=headers).status_code == 200


def test_a_row_that_returns_from_snooze_is_another_answer_also_where_no_count_shows_it(
    inbox: Client, justquick: Any, settings: Any, monkeypatch: Any
) -> None:
    settings.NOTIFICATIONS = {"BADGE_CAP": 1}
    hour, now = timedelta(hours=1), timezone.now()
    for hours in (None, None, 1, 3, 3):
        row = make_notification(justquick)
        row.mark_as_saved()
        if hours:
            row.snooze(now + hours * hour)
    before = inbox.get(API, {"tab": "saved"})
    monkeypatch.setattr(timezone, "now", lambda: now + 2 * hour)
    answer = inbox.get(API, {"tab": "saved"}, headers={"if-none-match": before["ETag"]})
    assert answer.status_code == 200
    assert answer.json()["counts"] == before.json()["counts"]
    assert answer.json()["items"] != before.json()["items"]


@pytest.mark.parametrize("change", ["is renamed", "is gone", "is another day", "another language"])
def test_what_a_poll_shows_is_in_its_etag(
    inbox: Client, justquick: Any, change: str, monkeypatch: Any
) -> None:
    project = make_project("before")
    make_notification(justquick, target=project)
    headers = {"if-none-match": inbox.get(API)["ETag"]}
    if change == "is renamed":
        type(project).objects.update(name="after")
    elif change == "is gone":
        project.delete()
    elif change == "another language":
        headers["accept-language"] = "de"
    else:
        tomorrow = snooze.local_now() + timedelta(days=1)
        for module in (lists, tabs):
            monkeypatch.setattr(module, "local_now", lambda: tomorrow)
    answer = inbox.get(API, headers=headers)
    assert answer.status_code == 200
    [item] = answer.json()["items"]
    assert item.get("target") == {"is renamed": "after", "is gone": None}.get(change, "before")
    assert (item["day"] == "Yesterday") is (change == "is another day")


def test_the_json_has_as_many_rows_as_a_page(inbox: Client, justquick: Any, settings: Any) -> None:
    """H2: above 100 it was ten."""
    settings.NOTIFICATIONS = {"PAGE_SIZE": 120, "NUM_TO_FETCH": 2}
    model = rows().model
    rows().bulk_create([model(recipient=justquick, actor=justquick, verb="did") for _ in range(130)])
    assert 'data-ntf-max="120"' in page(inbox)
    for asked, shown in (("120", 120), ("999999999999", 130), ("130", 130), ("0", 2), ("-1", 2), ("x", 2)):
        assert len(inbox.get(API, {"max": asked}).json()["items"]) == shown


def test_the_counts_stop_at_the_cap_and_cost_no_query_of_their_own(
    inbox: Client, justquick: Any, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.NOTIFICATIONS = {"BADGE_CAP": 2}
    for _ in range(4):
        make_notification(justquick, actor=justquick)
    with django_assert_num_queries(4):
        html = page(inbox)
    assert 'data-ntf-count="inbox">2+</span>' in html
    # As the script would have it.
    assert 'data-ntf-count="saved" hidden>0</span>' in html
    assert inbox.get(API).json()["counts"]["inbox"] == 3
    settings.NOTIFICATIONS = {"BADGE_CAP": None}
    assert inbox.get(API).json()["counts"]["inbox"] == 4


def test_nobody_has_an_empty_inbox(client: Client) -> None:
    make_notification(make_user())
    assert client.get(API).json() == {
        "counts": {"inbox": 0, "unread": 0, "saved": 0, "snoozed": 0, "done": 0, "unseen": 0},
        "items": [],
        "before": None,
        "after": None,
        "error": None,
    }


# The page


def test_the_page_searches_and_keeps_the_search_on_its_links(
    inbox: Client, justquick: Any, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 1}
    for number in range(3):
        make_notification(justquick, verb=f"wrote {number}")
    make_notification(justquick, verb="closed")
    html = page(inbox, f"{INBOX}?q=%22wrote%22")
    assert html.count('class="ntf-row') == 2
    assert 'value="&quot;wrote&quot;"' in html
    [older] = re.findall(rf'rel="next" href="{INBOX}\?q=%22wrote%22&amp;(before=[^"]*)"', html)
    html = page(inbox, f"{INBOX}?q=%22wrote%22&{older}")
    assert "wrote 1" in html
    assert re.search(rf'rel="prev" href="{INBOX}\?q=%22wrote%22&amp;after=', html)
    # A search for names costs one query more.
    with django_assert_num_queries(5):
        page(inbox, f"{INBOX}?q=from:justquick")


def test_the_page_says_gently_what_it_does_not_understand(inbox: Client, justquick: Any) -> None:
    make_notification(justquick)
    html = page(inbox, f"{INBOX}?q=frm:<b>")
    assert 'id="ntf-problem" role="alert">Unknown filter “frm:”.' in html
    assert 'value="frm:&lt;b&gt;"' in html
    assert "No notifications match your search." not in html
    for query in ("%00", "a" * 5000, "%ED%A0%80", "%FF", "%22", "a+" * 3000):
        assert inbox.get(f"{INBOX}?q={query}").status_code == 200
        assert inbox.get(f"{API}?q={query}").status_code == 200


def test_each_tab_shows_its_rows_in_its_order_under_its_days(inbox: Client, justquick: Any) -> None:
    now = timezone.now()
    for number in range(3):
        row = make_notification(justquick, verb=f"wrote {number}", timestamp=now - timedelta(days=400))
        rows().filter(pk=row.pk).update(
            saved_at=now - timedelta(days=number), snoozed_until=now + timedelta(days=number + 1)
        )
    html = page(inbox, f"{INBOX}saved/")
    assert re.findall(r"<h2>(Today|Yesterday)</h2>|(wrote \d)", html)[:4] == [
        ("Today", ""), ("", "wrote 0"), ("Yesterday", ""), ("", "wrote 1"),
    ]  # fmt: skip
    html = page(inbox, f"{INBOX}snoozed/")
    assert re.findall(r"<h2>(Tomorrow)</h2>|(wrote \d)", html)[:2] == [("Tomorrow", ""), ("", "wrote 0")]


def test_a_host_that_the_site_does_not_know_leads_nowhere_else(
    client: Client, justquick: Any, settings: Any
) -> None:
    """Most sites refuse such a request before. The older packages did not ask for the host at all."""
    settings.ALLOWED_HOSTS = ["www.example.com"]
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "CommonMiddleware" not in name]
    client.force_login(justquick)
    response = client.post(
        "/inbox/notifications/mark-all-as-read/", {"next": "https://testserver/elsewhere/"}
    )
    assert (response.status_code, response.headers["Location"]) == (302, "/inbox/notifications/unread/")
