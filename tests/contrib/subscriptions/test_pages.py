"""The buttons and pages by which people watch, without a script; and that nobody speaks or reads for another."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.template import Context, Template
from django.test import Client
from django.urls import include, path, reverse
from django.utils import timezone

from notifications.contrib.subscriptions import (
    describe,
    explain,
    is_watching,
    mute,
    search,
    unsubscribe,
    urls,
    watch,
)
from notifications.contrib.subscriptions.buttons import named_object, signed_name
from notifications.contrib.subscriptions.models import Subscription
from notifications.contrib.subscriptions.views import button_for
from notifications.extensions import ROW_FILTERS, Extension, extensions, message_of
from tests.contrib.routers import EmptyReplica
from tests.contrib.subscriptions.models import Note, Post
from tests.contrib.subscriptions.things import make_remark, make_repo, make_ticket, said, send
from tests.factories import make_notification, make_project, make_user, rows
from tests.testapp.models import Pair

pytestmark = pytest.mark.django_db

INBOX, HOME = "/inbox/notifications/", "/inbox/watching/"
JSON = {"accept": "application/json"}


def browser(user: Any, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


@pytest.fixture
def bob() -> Any:
    return make_user("bob")


@pytest.fixture
def ticket() -> Any:
    return make_ticket()


def text_of(page: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page.content.decode())).split())


def press(client: Client, ticket: Any, action: str) -> Any:
    """Press a button of the menu on the page of a ticket, as a browser without a script does."""
    page = client.get(f"/tickets/{ticket.pk}/").content.decode()
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
    assert f'<button name="action" value="{action}"' in page
    return client.post(f"{HOME}change/", {**fields, "action": action}, follow=True)


def menu(client: Client, ticket: Any) -> tuple[str, list[str], list[str]]:
    """Return what is on the button, which buttons of the menu are pressed, and the notes in it."""
    page = client.get(f"/tickets/{ticket.pk}/").content.decode()
    [summary] = re.findall(r"<summary[^>]*>(.*?)</summary>", page, re.DOTALL)
    pressed = re.findall(r'value="(\w+)" aria-pressed="true"', page)
    notes = re.findall(r'<p class="ntf-note">([^<]*)</p>', page)
    return " ".join(re.sub(r"<[^>]*>", " ", summary).split()), pressed, notes


# The menu


@pytest.mark.parametrize(
    ("action", "level", "ends", "shown"),
    [
        ("watch", "all", False, "Watching"),
        ("participating", "participating", False, "Participating"),
        ("mute", "muted", False, "Ignoring"),
        ("mute_week", "muted", True, "Muted until "),
    ],
)
def test_the_menu_stores_a_level_and_shows_it(
    bob: Any, ticket: Any, action: str, level: str, ends: bool, shown: str
) -> None:
    client = browser(bob, enforce_csrf_checks=True)
    answer = press(client, ticket, action)
    assert answer.redirect_chain == [(f"/tickets/{ticket.pk}/", 302)]
    assert [(row[1], row[3]) for row in said(bob)] == [(level, ends)]
    on_button, pressed, notes = menu(client, ticket)
    assert on_button.startswith(shown)
    assert (pressed, notes) == ([action], [])


#: What somebody did, and what is on the button, what is pressed, what is noted.
STANDINGS: list[tuple[Callable[[Any, Any], object], str, str, str]] = [
    (lambda user, ticket: None, "Participating", "participating", ""),
    (lambda user, ticket: watch(user, ticket.repo), "Watching", "watch", "to repo"),
    (lambda user, ticket: mute(user, ticket.repo), "Ignoring", "mute", "to repo"),
    (
        lambda user, ticket: watch(user, ticket.repo, level="participating"),
        "Participating",
        "participating",
        "to repo",
    ),
    (lambda user, ticket: watch(user, ticket.repo, reason="author"), "Participating", "participating", ""),
    (
        lambda user, ticket: watch(user, ticket, reason="author"),
        "Participating",
        "participating",
        "you are the author",
    ),
    (
        lambda user, ticket: watch(user, ticket, level="all", reason="comment"),
        "Watching",
        "watch",
        "you commented",
    ),
    (unsubscribe, "Participating", "participating", ""),
]


@pytest.mark.parametrize(("happened", "on_button", "pressed", "note"), STANDINGS)
def test_the_menu_shows_what_holds_wherever_it_comes_from(
    bob: Any,
    ticket: Any,
    happened: Callable[[Any, Any], object],
    on_button: str,
    pressed: str,
    note: str,
) -> None:
    happened(bob, ticket)
    shown, buttons, notes = menu(browser(bob), ticket)
    assert (shown, buttons) == (on_button, [pressed])
    assert note in "".join(notes)
    assert bool(notes) == bool(note)


def test_a_mute_is_taken_back_and_what_held_before_holds(bob: Any, ticket: Any) -> None:
    watch(bob, ticket, level="all", reason="author")
    client = browser(bob)
    press(client, ticket, "mute_week")
    answer = press(client, ticket, "unmute")
    assert said(bob) == [("issue 2", "all", "author", False)]
    assert "unmute" not in answer.content.decode()


def test_who_participates_unsubscribes(bob: Any, ticket: Any) -> None:
    watch(bob, ticket, reason="author")
    client = browser(bob)
    answer = press(client, ticket, "unsubscribe")
    assert said(bob) == [("issue 2", "participating", "", False)]
    assert "unsubscribe" not in answer.content.decode()


def test_the_menu_costs_one_query_and_one_for_the_number_of_watchers(
    bob: Any, ticket: Any, django_assert_num_queries: Any
) -> None:
    watch(bob, ticket)
    for arguments, queries, shown in (("", 1, ""), ("count=True", 2, "1 user is watching")):
        template = Template(f"{{% load subscriptions %}}{{% watch_button ticket {arguments} %}}")
        template.render(Context({"user": bob, "ticket": ticket}))
        with django_assert_num_queries(queries):
            page = template.render(Context({"user": bob, "ticket": ticket}))
        assert shown in page


def test_a_name_turns_no_sentence_of_the_wing_round(bob: Any) -> None:
    bob.username = "b\u202eob"
    bob.save()
    ticket = make_ticket("iss\u202eue 2", make_repo("pin\u202eax"))
    row = make_notification(bob, target=ticket)
    watch(bob, ticket.repo)
    client = browser(bob)
    pages = [client.get(f"/tickets/{ticket.pk}/"), client.get(f"{HOME}why/{row.slug}/")]
    for page in pages:
        assert "This comes from your subscription to pinax." in text_of(page)
        assert 'aria-label="Notification settings for issue 2"' in page.content.decode()
    assert str(Subscription.objects.get()) == "bob: pinax: All activity"
    event: Any = describe(make_user("alice"), verb="closed", target=ticket)
    explanation = explain(bob, event)
    assert explanation.own_text == "You are watching pinax."
    assert explanation.text == "bob is notified: watching pinax."


def test_who_is_not_logged_in_sees_no_menu(ticket: Any) -> None:
    assert Client().get(f"/tickets/{ticket.pk}/").content.strip() == b""


@pytest.mark.parametrize("arguments", ["", "count=True"])
def test_there_is_no_menu_for_what_nobody_can_watch(bob: Any, ticket: Any, arguments: str) -> None:
    template = Template(f"{{% load subscriptions %}}{{% watch_button obj {arguments} %}}")
    for context in ({}, {"obj": None}, {"obj": ""}, {"obj": type(ticket)()}, {"obj": Pair(left=1, right=2)}):
        assert template.render(Context({"user": bob, **context})).strip() == ""


def test_the_form_of_another_tenant_names_nothing(bob: Any, ticket: Any, schema: Any) -> None:
    schema("first")
    name = signed_name(bob, ticket)
    assert named_object(bob, name) == ticket
    schema("second")
    assert named_object(bob, name) is None


def test_a_name_that_was_not_signed_for_this_user_is_refused(bob: Any, ticket: Any, settings: Any) -> None:
    other, client = make_user("other"), browser(bob)
    good = signed_name(bob, ticket)
    for name in (signed_name(other, ticket), "", good.rpartition(":")[0], f"1{good}"):
        answer = client.post(f"{HOME}change/", {"object": name, "action": "watch"})
        assert answer.status_code == 400
    assert client.post(f"{HOME}change/", {"object": good, "action": "follow"}).status_code == 400
    settings.NOTIFICATIONS = {"VISIBILITY": {"subscriptions.ticket": "tests.testapp.rules.NotForStrangers"}}
    stranger = make_user("stranger")
    hidden = {"object": signed_name(stranger, ticket), "action": "watch"}
    assert browser(stranger).post(f"{HOME}change/", hidden).status_code == 400
    assert Subscription.objects.count() == 0


def test_whoever_prefers_json_gets_what_holds_now(bob: Any, ticket: Any) -> None:
    client = browser(bob)
    body = {"object": signed_name(bob, ticket), "action": "mute_week"}
    found = client.post(f"{HOME}change/", body, headers=JSON).json()["subscription"]
    assert (found["object"], found["level"], found["reason"]) == ("issue 2", "muted", "")
    assert found["until"] is not None

    answer = client.post(f"{HOME}change/", {**body, "action": "unmute"}, headers=JSON)
    assert answer.json() == {
        "subscription": None,
        "message": "No longer muted. What applied before applies again.",
    }
    answer = client.post(f"{HOME}change/", {**body, "action": "follow"}, headers=JSON)
    assert (answer.status_code, answer.json()) == (400, {"error": "Unknown action."})


# The inbox


def test_a_row_of_the_inbox_says_why_and_lets_one_unsubscribe_or_mute(bob: Any, ticket: Any) -> None:
    watch(bob, ticket, reason="author")
    row = send(make_user("alice"), target=ticket)[0]
    client = browser(bob)
    page = client.get(INBOX).content.decode()
    assert '<span class="ntf-when">Author</span>' in page
    # The row, and the pattern of those that arrive.
    assert re.findall(r'value="(mute:\d*)"[^>]* data-ntf-key="M"', page) == [f"mute:{row.slug}", "mute:"]
    assert f'formaction="{HOME}change-from-notification/"' in page
    assert f'href="{HOME}"' in page

    answer = client.post(
        f"{HOME}change-from-notification/", {"row": f"mute:{row.slug}", "next": INBOX}, follow=True
    )
    assert answer.redirect_chain == [(INBOX, 302)]
    assert "Muted. You will not receive notifications about this." in text_of(answer)
    assert said(bob) == [("issue 2", "muted", "author", False)]

    answer = client.post(f"{HOME}change-from-notification/", {"row": f"unsubscribe:{row.slug}"}, follow=True)
    assert answer.redirect_chain == [(HOME, 302)]
    assert "Unsubscribed." in text_of(answer)
    assert said(bob) == [("issue 2", "participating", "", False)]


#: Target and action object, by what make_ticket() made, and the object that a button of the row means.
ROWS = [
    ("repo", "ticket", "issue 2"),
    ("ticket", "remark", "issue 2"),
    ("ticket", None, "issue 2"),
    (None, "ticket", "issue 2"),
    ("repo", None, "repo"),
]


@pytest.mark.parametrize("action", ["mute", "unsubscribe"])
@pytest.mark.parametrize(("target", "action_object", "expected"), ROWS)
def test_a_button_of_a_row_means_the_object_that_it_is_about(
    bob: Any, ticket: Any, action: str, target: str | None, action_object: str | None, expected: str
) -> None:
    things = {"repo": ticket.repo, "ticket": ticket, "remark": make_remark(ticket)}
    row = make_notification(
        bob, target=things.get(target or ""), action_object=things.get(action_object or "")
    )
    client = browser(bob)
    client.post(f"{HOME}change-from-notification/", {"row": f"{action}:{row.slug}"})
    assert [row[0] for row in said(bob)] == [expected]
    if action == "mute":
        assert f"You muted {expected}." in text_of(client.get(f"{HOME}why/{row.slug}/"))
        assert (
            f"Notification settings for {expected}" in client.get(f"{HOME}why/{row.slug}/").content.decode()
        )


@pytest.mark.django_db(databases=["default", "other"])
def test_the_buttons_of_a_row_that_a_replica_does_not_have_yet_work(
    bob: Any, ticket: Any, settings: Any
) -> None:
    """A live stream shows it at once."""
    row, client = send(make_user("alice"), target=ticket, recipient=[bob])[0], browser(bob)
    settings.DATABASE_ROUTERS = [EmptyReplica(row._meta.app_label)]
    assert client.get(f"{HOME}why/{row.slug}/", headers=JSON).json()["rule"] == "named"
    assert client.post(f"{HOME}change-from-notification/", {"row": f"mute:{row.slug}"}).status_code == 302
    assert said(bob) == [("issue 2", "muted", "", False)]


@pytest.mark.parametrize("hidden", [False, True], ids=["gone", "hidden"])
@pytest.mark.parametrize(
    ("target", "action_object", "expected"),
    [
        ("repo", "ticket", None),
        ("ticket", "remark", "issue 2"),
        ("repo", "owner", "repo"),
        ("post", "note", "post"),
    ],
)
def test_to_mute_what_is_gone_does_not_mute_what_contained_it(
    ticket: Any, settings: Any, hidden: bool, target: str, action_object: str, expected: str | None
) -> None:
    stranger = make_user("stranger")
    post = Post.objects.create(name="post")
    owner = ticket.repo.owner
    things = {
        "repo": make_repo() if action_object == "owner" else ticket.repo,
        "ticket": ticket,
        "remark": make_remark(ticket),
        "owner": owner,
        "post": post,
        "note": Note.objects.create(name="note", post=post),
    }
    row = make_notification(stranger, target=things[target], action_object=things[action_object])
    if hidden:
        rule = "tests.testapp.rules.NotForStrangers"
        settings.NOTIFICATIONS = {"VISIBILITY": {f"subscriptions.{action_object}": rule}}
    else:
        things[action_object].delete()
    client = browser(stranger)
    answer = client.post(f"{HOME}change-from-notification/", {"row": f"mute:{row.slug}"})
    assert [row[0] for row in said(stranger)] == ([] if expected is None else [expected])
    assert answer.status_code == (400 if expected is None else 302)
    assert client.get(f"{HOME}why/{row.slug}/").status_code == 200


def test_what_is_about_the_actor_alone_cannot_be_muted(bob: Any) -> None:
    row = make_notification(bob)
    client = browser(bob)

    assert f'value="mute:{row.slug}"' not in client.get(INBOX).content.decode()
    assert client.post(f"{HOME}change-from-notification/", {"row": f"mute:{row.slug}"}).status_code == 400
    assert client.post(f"{HOME}change-from-notification/", {"row": "mute:x"}).status_code == 404
    assert client.post(f"{HOME}change-from-notification/", {}).status_code == 404


def test_a_verb_that_there_is_not_is_refused(bob: Any, ticket: Any) -> None:
    row = make_notification(bob, target=ticket)
    assert (
        browser(bob).post(f"{HOME}change-from-notification/", {"row": f"love:{row.slug}"}).status_code == 400
    )


def test_the_inbox_is_searched_by_reason(bob: Any, ticket: Any) -> None:
    send(make_user("alice"), target=ticket, recipient=[bob], recipient_reason="mention")
    send(make_user("carol"), target=ticket, recipient=[bob], recipient_reason="assign")
    client = browser(bob)

    def found(query: str) -> list[str]:
        answer = client.get(f"{INBOX}api/inbox/", {"q": query}).json()
        return [item["reason"] for item in answer["items"]]

    assert found("reason:mention") == ["mention"]
    assert found("-reason:Mention") == ["assign"]
    assert found("reason:other") == []


@pytest.mark.parametrize(
    ("arguments", "reason", "rule"),
    [
        ({}, "watching", "You are watching issue 2."),
        (
            {"recipient_reason": "mention", "recipient": True},
            "mention",
            "You were named as a recipient: you were @mentioned.",
        ),
        ({"recipient_reason": "our own word"}, "our own word", "You are watching issue 2."),
    ],
)
def test_a_page_says_why_one_was_told(
    bob: Any, ticket: Any, arguments: dict[str, Any], reason: str, rule: str
) -> None:
    watch(bob, ticket)
    if arguments.pop("recipient", False):
        arguments["recipient"] = [bob]
    row = send(make_user("alice"), target=ticket, **arguments)[0]
    client = browser(bob)

    page = text_of(client.get(f"{HOME}why/{row.slug}/"))
    assert f"Reason when sent: {reason}" in page
    assert f"Current status: {rule}" in page
    answer = client.get(f"{HOME}why/{row.slug}/", headers=JSON).json()
    assert answer["text"] == rule
    assert (answer["title"], answer["texts"]) == ("Why am I getting this?", [rule])
    [button] = answer["buttons"]
    done = client.post(button["url"], {button["name"]: button["value"]}, headers=JSON)
    assert done.status_code == 200
    assert button["title"] == ("Mute" if "named" in rule else "Unsubscribe")


def test_why_one_was_told_by_who_is_gone_nobody_can_say(bob: Any, ticket: Any) -> None:
    alice = make_user("alice")
    row = send(alice, target=ticket, recipient=[bob])[0]
    alice.delete()
    client = browser(bob)

    assert "Current status" not in text_of(client.get(f"{HOME}why/{row.slug}/"))
    assert client.get(f"{HOME}why/{row.slug}/", headers=JSON).json() == {
        "reason": "",
        "rule": "",
        "text": "",
        "explanations": [],
        "title": "Why am I getting this?",
        "texts": [],
        "buttons": [
            {
                "name": "row",
                "value": f"unsubscribe:{row.slug}",
                "title": "Unsubscribe",
                "url": "/inbox/watching/change-from-notification/",
            }
        ],
    }


def test_a_site_with_an_inbox_of_its_own_has_the_pages_of_subscriptions(
    bob: Any, ticket: Any, settings: Any
) -> None:
    """They were errors, because they link to our inbox."""
    settings.ROOT_URLCONF = (path("inbox/watching/", include(urls)),)
    watch(bob, ticket)
    row = send(make_user("alice"), target=ticket, recipient=[bob])[0]
    client = browser(bob)
    pages = {
        query: text_of(client.get(f"{HOME}{query}"))
        for query in ("", f"why/{row.slug}/", f"why/{row.slug}/?next=/mine/")
    }
    assert "issue 2" in pages[""]
    assert "You were named" in pages[f"why/{row.slug}/"]
    assert ["Go to the inbox" in page for page in pages.values()] == [False, False, True]
    listed = Template("{% load notifications_tags %}{% notifications_list %}").render(Context({"user": bob}))
    assert "issue 2" in listed
    assert "See all" not in listed


def test_the_page_has_the_menu_on_a_site_with_another_library_of_this_name(
    bob: Any, ticket: Any, settings: Any
) -> None:
    """Django loads the last library of a name, and the page was an error."""
    [engine] = settings.TEMPLATES
    libraries = {"subscriptions": "django.templatetags.static"}
    settings.TEMPLATES = [{**engine, "OPTIONS": {**engine["OPTIONS"], "libraries": libraries}}]
    row = send(make_user("alice"), target=ticket, recipient=[bob])[0]
    client = browser(bob, enforce_csrf_checks=True)
    page = client.get(f"{HOME}why/{row.slug}/").content.decode()
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
    answer = client.post(f"{HOME}change/", {**fields, "action": "watch"})
    assert answer["Location"] == f"{HOME}why/{row.slug}/"
    assert is_watching(bob, ticket)


def test_a_second_instance_of_the_urls_leads_to_itself(bob: Any, ticket: Any, settings: Any) -> None:
    """It led to the first one, unlike that of the inbox."""
    settings.ROOT_URLCONF = (
        path("first/", include(urls)),
        path("second/", include(urls, namespace="second")),
    )
    row = send(make_user("alice"), target=ticket, recipient=[bob])[0]
    client = browser(bob)
    form = {"object": signed_name(bob, ticket), "action": "watch"}
    for place in ("/first/", "/second/"):
        assert client.post(f"{place}change/", form)["Location"] == place
        [button] = client.get(f"{place}why/{row.slug}/", headers=JSON).json()["buttons"]
        assert button["url"] == f"{place}change-from-notification/"


# Subscriptions


def test_a_page_shows_the_subscriptions_of_the_user(bob: Any, ticket: Any) -> None:
    client = browser(bob)
    assert "You have no subscriptions." in text_of(client.get(HOME))
    watch(bob, ticket.repo)
    watch(bob, make_ticket("other"), reason="author")
    mute(bob, ticket, until=timezone.now() + timedelta(days=7))

    page = text_of(client.get(HOME))
    assert re.search(
        r"issue 2 Muted Muted until .* other Participating author .* repo All activity watching", page
    )


def mute_as_author(user: Any, obj: Any) -> None:
    watch(user, obj, reason="author")
    mute(user, obj)


#: What a subscription was before, by its reason and level, and what each action makes of it; None where it is gone.
BEFORE: dict[str, Callable[[Any, Any], object]] = {
    "watches": watch,
    "participates": lambda user, obj: watch(user, obj, reason="author"),
    "muted": mute_as_author,
}
AFTER: dict[str, list[tuple[str, str, bool] | None]] = {
    "watch": [("all", "subscribed", False), ("all", "author", False), ("all", "author", False)],
    "participating": [
        ("participating", "subscribed", False),
        ("participating", "author", False),
        ("participating", "author", False),
    ],
    "mute": [("muted", "subscribed", False), ("muted", "author", False), ("muted", "author", False)],
    "mute_week": [("muted", "subscribed", True), ("muted", "author", True), ("muted", "author", True)],
    "unmute": [("all", "subscribed", False), ("", "author", False), ("", "author", False)],
    "unsubscribe": [("participating", "", False)] * 3,
    "remove": [None] * 3,
}


@pytest.mark.parametrize("one", [False, True], ids=["all that are selected", "one button"])
@pytest.mark.parametrize("action", AFTER)
def test_levels_are_changed_on_the_page_one_by_one_and_in_bulk(bob: Any, action: str, one: bool) -> None:
    other = make_user("other")
    for number, happen in enumerate(BEFORE.values()):
        ticket = make_ticket(f"issue {number}")
        happen(bob, ticket)
        watch(other, ticket)
    untouched = make_ticket("untouched")
    watch(bob, untouched)
    before, client = said(other), browser(bob)
    keys = [row.pk for row in Subscription.objects.filter(user=bob).order_by("pk")[:3]]
    theirs = [row.pk for row in Subscription.objects.filter(user=other)]
    url = f"{HOME}change-selected/"
    if one:
        answers = [client.post(url, {"one": f"{action}:{key}", "id": keys}, follow=True) for key in keys]
    else:
        answers = [client.post(url, {"id": [*keys, *theirs, "x", "9" * 30], "action": action}, follow=True)]

    expected = [
        (f"issue {number}", *after) for number, after in enumerate(AFTER[action]) if after is not None
    ]
    assert said(bob) == [*expected, ("untouched", "all", "subscribed", False)]
    assert said(other) == before
    # Nothing was muted of the first two.
    message = str(message_of(f"subscriptions_{action}"))
    assert message in unescape(answers[-1].content.decode())


def test_nothing_selected_changes_nothing(bob: Any, ticket: Any) -> None:
    watch(bob, ticket)
    client, url = browser(bob), f"{HOME}change-selected/"
    for body in ({"action": "mute"}, {"action": "mute", "id": "x"}, {"one": "mute:"}):
        assert "Select at least one subscription." in text_of(client.post(url, body, follow=True))
    assert client.post(url, {"action": "love", "id": "1"}).status_code == 400
    assert client.post(url, {"one": "love"}).status_code == 400
    key = Subscription.objects.get().pk
    assert "Nothing changed." in text_of(client.post(url, {"action": "unmute", "id": key}, follow=True))
    assert said(bob) == [("issue 2", "all", "subscribed", False)]
    assert client.post(url, {"action": "mute", "id": key}, headers=JSON).json() == {"changed": 1}


@pytest.mark.parametrize("columns", [{"level": "bogus"}, {"level": "muted", "then": "bogus"}])
def test_a_stored_level_that_there_is_not_is_no_choice(
    bob: Any, ticket: Any, columns: dict[str, str]
) -> None:
    watch(bob, ticket)
    Subscription.objects.update(until=timezone.now() - timedelta(days=1), **columns)
    page = browser(bob).get(HOME)
    assert "Participating" in text_of(page)
    assert browser(bob).get(HOME, headers=JSON).json()["items"][0]["level"] == ""


def test_the_page_is_searched_by_name_and_level(bob: Any, settings: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(search, "BATCH_SIZE", 2)
    settings.NOTIFICATIONS = {"PAGE_SIZE": 2}
    for number in range(5):
        watch(bob, make_ticket(f"Issue {number}"))
    mute(bob, make_ticket("crash of the parser"))
    mute(bob, make_ticket("an old Issue"), until=timezone.now() + timedelta(days=1))
    watch(bob, make_repo("parser"), level="participating")
    watch(bob, make_repo("mine"), reason="author")
    ended = make_ticket("ended")
    mute(bob, ended, until=timezone.now() + timedelta(days=1))
    Subscription.objects.filter(object_id=str(ended.pk), level="muted", then="").exclude(until=None).filter(
        pk=Subscription.objects.latest("pk").pk
    ).update(until=timezone.now() - timedelta(days=1))
    client = browser(bob)

    def found(**query: str) -> list[str]:
        names: list[str] = []
        more: dict[str, str] = {}
        while True:
            answer = client.get(HOME, {**query, **more}, headers=JSON).json()
            names += [item["object"] for item in answer["items"]]
            if not answer["before"]:
                return names
            more = {"before": answer["before"]}

    assert found(q="issue") == ["an old Issue", *(f"Issue {number}" for number in (4, 3, 2, 1, 0))]
    assert found(q="PARSER") == ["parser", "crash of the parser"]
    assert found(q="parser crash") == ["crash of the parser"]
    assert found(q="parser", level="participating") == ["parser"]
    assert found(q="nothing") == []
    assert found(level="muted") == ["an old Issue", "crash of the parser"]
    assert found(level="participating") == ["ended", "mine", "parser"]
    assert len(found(level="all")) == 5
    assert len(found(level="nonsense")) == len(found()) == 10

    page = client.get(HOME, {"q": "issue", "level": "all"})
    [older] = re.findall(r'rel="next" href="([^"]+)"', page.content.decode())
    assert "Issue 2" in text_of(client.get(unescape(older)))
    assert "No subscriptions match your search." in text_of(client.get(HOME, {"q": "nothing"}))
    monkeypatch.setattr(search, "MAX_SEARCHED", 2)
    assert found(q="issue") == []


def test_what_is_hidden_is_not_found_by_its_name(ticket: Any, settings: Any) -> None:
    stranger = make_user("stranger")
    watch(stranger, ticket)
    settings.NOTIFICATIONS = {"VISIBILITY": {"subscriptions.ticket": "tests.testapp.rules.NotForStrangers"}}
    assert "No subscriptions match" in text_of(browser(stranger).get(HOME, {"q": "issue"}))
    assert "hidden ticket" in text_of(browser(stranger).get(HOME, {"q": "hidden"}))


def test_the_page_costs_the_same_whatever_is_on_it_and_goes_on(
    bob: Any, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 2}
    for number in range(5):
        watch(bob, make_ticket(f"issue {number}"))
    client = browser(bob)
    client.get(HOME)
    with django_assert_num_queries(4):
        # Session, user, what was said, and of what.
        first = client.get(HOME)
    assert text_of(first).count("watching") == 2
    [older] = re.findall(r'rel="next" href="([^"]+)"', first.content.decode())
    second = client.get(older)
    assert "issue 2" in text_of(second)
    assert 'rel="prev"' in second.content.decode()

    answer = client.get(HOME, headers=JSON).json()
    assert [item["object"] for item in answer["items"]] == ["issue 4", "issue 3"]
    assert (answer["after"], bool(answer["before"])) == (None, True)

    with django_assert_num_queries(6):
        # Two more for the names, of all five.
        client.get(HOME, {"q": "issue"})


def test_what_is_gone_or_hidden_has_no_name_there(bob: Any, ticket: Any, settings: Any) -> None:
    stranger = make_user("stranger")
    watch(stranger, ticket)
    watch(bob, ticket)
    settings.NOTIFICATIONS = {"VISIBILITY": {"subscriptions.ticket": "tests.testapp.rules.NotForStrangers"}}
    assert "hidden ticket" in text_of(browser(stranger).get(HOME))
    assert "issue 2" not in text_of(browser(stranger).get(HOME))
    ticket.delete()
    assert "deleted ticket" in text_of(browser(bob).get(HOME))


def test_what_has_a_page_is_a_link(bob: Any) -> None:
    from tests.factories import make_project

    project = make_project()
    watch(bob, project)
    assert f'<a href="/projects/{project.pk}/">activity-stream</a>' in browser(bob).get(HOME).content.decode()
    [shown] = browser(bob).get(HOME, headers=JSON).json()["items"]
    assert shown["url"] == f"/projects/{project.pk}/"


# Nobody speaks or reads for another

PEOPLE = ("anonymous", "owner", "other", "staff")


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("url", [str(pattern.name) for pattern in urls.urlpatterns])
@pytest.mark.parametrize("method", ["get", "post"])
def test_every_url_is_for_the_owner_alone(bob: Any, ticket: Any, who: str, url: str, method: str) -> None:
    """What a form of the owner's holds, sent by everybody to every url."""
    secret = make_ticket("top-secret")
    watch(bob, secret)
    row = make_notification(bob, target=secret)
    before = said(bob)
    people = {
        "owner": bob,
        "other": make_user("other"),
        "staff": make_user("staff", is_staff=True, is_superuser=True),
    }
    client = Client() if who == "anonymous" else browser(people[who])
    path = reverse(f"notifications_subscriptions:{url}", args=[row.slug] if url == "why" else [])
    body = {
        "object": signed_name(bob, secret), "action": "mute", "row": f"mute:{row.slug}",
        "id": Subscription.objects.get().pk,
    }  # fmt: skip

    answer = getattr(client, method)(path, body)

    reads, writes = url in {"list", "why"}, url in {"change", "change_from_notification", "change_selected"}
    if who == "anonymous":
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/")
    elif (method == "get") == writes:
        assert answer.status_code == 405
    elif who == "owner":
        assert answer.status_code in (200, 302)
    else:
        expected = {
            "list": 200,
            "change_selected": 302,
            "why": 404,
            "change_from_notification": 404,
            "change": 400,
        }
        assert answer.status_code == expected[url]
    assert ("top-secret" in answer.content.decode()) == (reads and who == "owner" and method == "get")
    if not (writes and who == "owner" and method == "post"):
        assert said(bob) == before
        assert list(Subscription.objects.exclude(user=bob)) == []


# The admin


def test_the_admin_lists_and_deletes_and_speaks_for_nobody(
    bob: Any, ticket: Any, django_assert_num_queries: Any
) -> None:
    watch(bob, ticket)
    client = browser(make_user("admin", is_staff=True, is_superuser=True))
    place = "/admin/notifications_subscriptions/subscription/"
    page = client.get(place, {"q": "bob"})
    assert "issue 2" in text_of(page)
    for number in range(3):
        watch(bob, make_ticket(f"issue {number}"))
    with django_assert_num_queries(6):
        # Session, user, two counts, the rows, their objects.
        client.get(place)
    row = Subscription.objects.first()
    assert row is not None
    assert client.get(f"{place}add/").status_code == 403
    assert client.post(f"{place}{row.pk}/change/", {"level": "muted"}).status_code == 403
    assert client.post(f"{place}{row.pk}/delete/", {"post": "yes"}).status_code == 302
    assert Subscription.objects.count() == 3


@pytest.mark.parametrize(("viewer", "subscriber"), [("stranger", "ann"), ("boss", "stranger")])
def test_the_admin_names_what_its_user_may_see(settings: Any, viewer: str, subscriber: str) -> None:
    settings.NOTIFICATIONS = {"VISIBILITY": {"testapp.Project": "tests.testapp.rules.NotForStrangers"}}
    who, user = make_user(viewer, is_staff=True), make_user(subscriber)
    who.user_permissions.set(Permission.objects.all())
    watch(user, make_project("the plan"))
    client, row = browser(who), Subscription.objects.get()
    place = "/admin/notifications_subscriptions/subscription/"
    chosen = {"action": "delete_selected", "_selected_action": [str(row.pk)]}
    pages = [
        client.get(place),
        *(client.get(f"{place}{row.pk}/{page}/") for page in ("change", "delete", "history")),
        client.post(place, chosen),
        client.get(f"/admin/auth/user/{user.pk}/delete/"),
    ]
    assert {page.status_code for page in pages} == {200}
    assert {"the plan" in text_of(page) for page in pages} == {viewer == "boss"}


def test_the_wing_is_an_extension_with_templates() -> None:
    wing: Any = apps.get_app_config("notifications_subscriptions")
    assert wing in extensions()
    assert set(wing.notifications_templates) == {"row", "new_row", "head"}
    assert Extension.notifications_templates == {}
    assert rows().count() == 0


def test_a_row_that_the_request_does_not_see_has_no_explanation(client: Client, bob: Any) -> None:
    row = make_notification(bob)
    client.force_login(bob)
    assert client.get(f"{HOME}why/{row.slug}/").status_code == 200
    ROW_FILTERS.append(lambda rows, request: rows.none())
    try:
        assert client.get(f"{HOME}why/{row.slug}/").status_code == 404
    finally:
        ROW_FILTERS.clear()


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ("muted", "unmute"),
        ("muted_parent", "mute"),
        ("named", "mute"),
        ("nothing", "mute"),
        ("participating", "mute"),
        ("participating_in", "unsubscribe"),
        ("watching", "unsubscribe"),
    ],
)
def test_the_button_beside_the_reason_changes_what_decided(rule: str, name: str) -> None:
    assert button_for(rule)[0] == name


@pytest.mark.parametrize("reason", ["author", "our own word"])
def test_who_was_named_for_any_reason_reads_it_and_can_do_something_about_it(
    bob: Any, ticket: Any, reason: str
) -> None:
    alice, client = make_user("alice"), browser(bob)
    row = send(alice, target=ticket, recipient=[bob], recipient_reason=reason)[0]
    answer = client.get(f"{HOME}why/{row.slug}/", headers=JSON).json()
    assert answer["texts"][0] == f"Reason when sent: {reason}"

    [button] = answer["buttons"]
    client.post(button["url"], {button["name"]: button["value"]}, headers=JSON)
    assert len(send(alice, target=ticket, recipient=[bob], recipient_reason=reason)) == 0


# A site that writes numbers with a thousand separator


def test_the_buttons_of_a_row_work_with_a_thousand_separator(bob: Any, ticket: Any, settings: Any) -> None:
    settings.USE_THOUSAND_SEPARATOR = True
    make_notification(bob, target=ticket)
    client, url = browser(bob), reverse("notifications_subscriptions:change_from_notification")
    page = client.get("/inbox/notifications/").content.decode()
    for action, level in (("mute", "muted"), ("unsubscribe", "participating")):
        [value] = re.findall(f'name="row" value="({action}:[^"]+)"', page)
        assert client.post(url, {"row": value}).status_code == 302
        assert Subscription.objects.get().level == level


def test_the_list_works_with_a_thousand_separator(bob: Any, ticket: Any, settings: Any) -> None:
    settings.USE_THOUSAND_SEPARATOR = True
    watch(bob, ticket)
    Subscription.objects.update(id=12345)
    client = browser(bob)
    page = client.get(HOME).content.decode()
    assert "12,345" not in page
    [key] = re.findall('name="id" value="([^"]+)"', page)
    client.post(reverse("notifications_subscriptions:change_selected"), {"action": "mute", "id": key})
    assert Subscription.objects.get().level == "muted"
    [value] = re.findall('name="one" value="(unmute:[^"]+)"', client.get(HOME).content.decode())
    client.post(reverse("notifications_subscriptions:change_selected"), {"one": value})
    assert Subscription.objects.get().level != "muted"


def test_enter_in_a_checkbox_presses_nothing(bob: Any, ticket: Any) -> None:
    watch(bob, ticket)
    page = browser(bob).get(HOME).content.decode()
    form = page[page.index('<form method="post"') :]
    assert form.index('formmethod="dialog"') < form.index('name="action"')


def test_no_value_depends_on_how_numbers_are_written(bob: Any, ticket: Any, settings: Any) -> None:
    """A subscription "1,200" is none, and neither is a notification "110,910"."""
    watch(bob, ticket)
    Subscription.objects.update(id=1200)
    make_notification(bob, target=ticket)

    def values() -> list[str]:
        pages = "".join(browser(bob).get(url).content.decode() for url in (HOME, INBOX))
        return re.findall(r' (?:name="(?:id|one|row)"|id=")[^>]*', pages)

    before = values()
    settings.USE_THOUSAND_SEPARATOR = True
    assert values() == before
    assert "mute:1200" in str(before)


def test_a_name_turns_no_sentence_of_the_menu_round(bob: Any, ticket: Any) -> None:
    type(ticket).objects.update(name="issue \u202e")
    type(ticket.repo).objects.update(name="repo \u202e\u05d0")
    watch(bob, ticket.repo)
    menu = browser(bob).get(f"/tickets/{ticket.pk}/").content.decode()
    assert "Notification settings for issue" in menu
    assert "subscription to \u2068repo \u05d0\u2069." in menu
    assert "\u202e" not in menu[menu.index("<details") :]
