"""The buttons and pages by which people watch, without a script; and that nobody speaks or reads for another."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.apps import apps
from django.template import Context, Template
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from notifications.contrib.subscriptions import mute, urls, watch
from notifications.contrib.subscriptions.buttons import signed_name
from notifications.contrib.subscriptions.models import Subscription
from notifications.extensions import Extension, extensions
from tests.contrib.subscriptions.things import make_ticket, said, send
from tests.factories import make_notification, make_user, rows

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


def press(client: Client, ticket: Any, label: str) -> Any:
    """Press the button of this label on the page of a ticket, as a browser without a script does."""
    page = client.get(f"/tickets/{ticket.pk}/").content.decode()
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
    [value] = re.findall(rf'<button [^>]*value="(\w+)"[^>]*>{label}', page)
    return client.post(f"{HOME}change/", {**fields, "action": value}, follow=True)


def pressed(client: Client, ticket: Any) -> list[str]:
    """Return the labels of the buttons that are pressed."""
    page = client.get(f"/tickets/{ticket.pk}/").content.decode()
    return re.findall(r'aria-pressed="true">([^<]*)<', page)


# The button


@pytest.mark.parametrize(
    ("label", "level", "ends"),
    [
        ("Watch", "all", False),
        ("Participating", "participating", False),
        ("Mute", "muted", False),
        ("Mute for a week", "muted", True),
    ],
)
def test_a_button_says_it_and_pressed_again_forgets_it(
    bob: Any, ticket: Any, label: str, level: str, ends: bool
) -> None:
    client = browser(bob, enforce_csrf_checks=True)
    answer = press(client, ticket, f"{label}<")
    assert answer.redirect_chain == [(f"/tickets/{ticket.pk}/", 302)]
    assert [(row[1], row[3]) for row in said(bob)] == [(level, ends)]
    [shown] = pressed(client, ticket)
    assert shown == label or (ends and shown.startswith("Muted until "))

    press(client, ticket, f"{shown}<")
    assert said(bob) == []
    assert pressed(client, ticket) == []


def test_the_buttons_cost_one_query(bob: Any, ticket: Any, django_assert_num_queries: Any) -> None:
    template = Template("{% load subscriptions %}{% watch_button ticket %}")
    template.render(Context({"user": bob, "ticket": ticket}))
    with django_assert_num_queries(1):
        template.render(Context({"user": bob, "ticket": ticket}))


def test_who_is_not_logged_in_sees_no_button(ticket: Any) -> None:
    assert Client().get(f"/tickets/{ticket.pk}/").content.strip() == b""


def test_who_only_takes_part_presses_nothing(bob: Any, ticket: Any) -> None:
    watch(bob, ticket, reason="author")
    assert pressed(browser(bob), ticket) == []


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

    answer = client.post(f"{HOME}change/", {**body, "action": "unwatch"}, headers=JSON)
    assert answer.json() == {"subscription": None, "message": "Unsubscribed."}
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

    answer = client.post(f"{HOME}change-from-notification/", {"row": f"unwatch:{row.slug}"}, follow=True)
    assert answer.redirect_chain == [(HOME, 302)]
    assert "Unsubscribed." in text_of(answer)
    assert said(bob) == []


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
        ({}, "watching", "bob is notified: watching issue 2."),
        (
            {"recipient_reason": "mention", "recipient": True},
            "mention",
            "bob is notified: named as a recipient.",
        ),
        ({"recipient_reason": "our own word"}, "our own word", "bob is notified: watching issue 2."),
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


def test_why_one_was_told_by_who_is_gone_nobody_can_say(bob: Any, ticket: Any) -> None:
    alice = make_user("alice")
    row = send(alice, target=ticket, recipient=[bob])[0]
    alice.delete()
    client = browser(bob)

    assert "Current status" not in text_of(client.get(f"{HOME}why/{row.slug}/"))
    assert client.get(f"{HOME}why/{row.slug}/", headers=JSON).json() == {"reason": "", "rule": "", "text": ""}


# Subscriptions


def test_a_page_shows_what_one_said_and_forgets_what_is_chosen(bob: Any, ticket: Any) -> None:
    client = browser(bob)
    assert "You have no subscriptions." in text_of(client.get(HOME))
    watch(bob, ticket.repo)
    watch(bob, make_ticket("other"), reason="author")
    mute(bob, ticket, until=timezone.now() + timedelta(days=7))

    page = text_of(client.get(HOME))
    assert re.search(
        r"issue 2 Muted Muted until .* other Participating author repo All activity watching", page
    )
    keys = [row.pk for row in Subscription.objects.order_by("pk")]
    answer = client.post(f"{HOME}unsubscribe/", {"id": [keys[0], keys[2], "x", "9" * 30]}, follow=True)
    assert "Unsubscribed." in text_of(answer)
    assert [row[0] for row in said(bob)] == ["other"]
    assert "Select at least one notification." in text_of(client.post(f"{HOME}unsubscribe/", follow=True))
    assert client.post(f"{HOME}unsubscribe/", {"id": keys}, headers=JSON).json() == {"changed": 1}


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
    second = client.get(f"{HOME}{older}")
    assert "issue 2" in text_of(second)
    assert 'rel="prev"' in second.content.decode()

    answer = client.get(HOME, headers=JSON).json()
    assert [item["object"] for item in answer["items"]] == ["issue 4", "issue 3"]
    assert (answer["after"], bool(answer["before"])) == (None, True)


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

    reads, writes = url in {"list", "why"}, url in {"change", "change_from_notification", "unsubscribe"}
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
            "unsubscribe": 302,
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


def test_the_wing_is_an_extension_with_templates() -> None:
    wing: Any = apps.get_app_config("notifications_subscriptions")
    assert wing in extensions()
    assert set(wing.notifications_templates) == {"row", "new_row", "head"}
    assert Extension.notifications_templates == {}
    assert rows().count() == 0
