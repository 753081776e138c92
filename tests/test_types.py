"""Types of notifications: how they are registered, what they validate, and where they show."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.checks import run_checks
from django.template import Context, Template
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

import notifications
from notifications import notify, types
from notifications.inbox import search
from notifications.presentation import sentences
from notifications.presentation.serialize import entry
from notifications.types import NotificationType, Other, register, type_of
from tests.factories import make_issue, make_notification, make_project, make_user, rows, told

pytestmark = pytest.mark.django_db

Make = Callable[..., type[NotificationType]]


def problems() -> list[tuple[str | None, str]]:
    return [
        (message.id, message.msg)
        for message in run_checks()
        if message.id in {"notifications.E010", "notifications.E011"}
    ]


def text_of(row: Any) -> str:
    return sentences.text(rows().get(pk=row.pk))


def html_of(row: Any) -> str:
    page = Template(
        "{% load notifications_tags %}{% notice_parts row as parts %}{% notice_sentence row parts %}"
    )
    return page.render(Context({"row": rows().with_objects().get(pk=row.pk)}))


# Registering


def test_a_verb_names_its_type_and_others_are_of_the_type_other(make_type: Make) -> None:
    commented = make_type()

    assert type_of("commented on") is commented
    assert type_of("closed") is Other
    assert types.registered() == (commented,)
    assert types.all_types() == (commented, Other)


def test_a_type_has_names_for_users_even_if_it_does_not_say_them(make_type: Make) -> None:
    plain = make_type(category="conversations")
    named = make_type("closed", label="Closed issues", category_label="Work")

    assert (plain.name(), plain.category_name(), plain.key()) == (
        "Commented on",
        "Conversations",
        "commented on",
    )
    assert (named.name(), named.category_name()) == ("Closed issues", "Work")
    assert (Other.name(), Other.key()) == ("Other notifications", "other")


def test_registering_twice_changes_nothing_and_the_first_of_two_types_of_a_verb_is_used(
    make_type: Make,
) -> None:
    first = make_type()

    assert register(first) is first
    assert types.registered() == (first,)
    second = make_type()
    assert type_of("commented on") is first
    types.unregister(first)
    assert type_of("commented on") is second
    register(first)


def test_a_verb_and_a_category_can_be_members_of_an_enumeration(make_type: Make) -> None:
    class Word(str, Enum):
        CLOSED = "closed"
        WORK = "work"

    kind: Any = make_type(Word.CLOSED, category=Word.WORK)
    user = make_user()

    kind.send(user)
    notify.send(user, verb=Word.CLOSED)
    assert {type_of(row.verb) for row in rows()} == {kind}
    assert (types.type_key(kind), f"{kind.category}", kind.name()) == ("closed", "work", "Closed")


@pytest.mark.parametrize("wrong", [None, object, NotificationType()])
def test_only_types_can_be_registered(wrong: Any) -> None:
    with pytest.raises(TypeError, match="needs a subclass of NotificationType"):
        register(wrong)


def test_types_are_found_in_the_modules_of_apps(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("tests.testapp.notification_types")
    looked_for = []

    class Finder:
        @staticmethod
        def find_spec(name: str, *rest: Any) -> None:
            looked_for.append(name)

    monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
    apps.get_app_config("notifications").ready()

    assert module.__name__ in looked_for


# Sending


def test_a_type_sends_what_notify_sends(make_type: Make, justquick: Any) -> None:
    commented = make_type()
    issue = make_issue()

    [(_receiver, sent)] = commented.send(justquick, recipient=justquick, target=issue)

    assert [(row.verb, row.target) for row in sent] == [("commented on", issue)]


def test_a_type_names_the_recipients_if_the_sender_names_none(make_type: Make, justquick: Any) -> None:
    ann, bob = make_user("ann"), make_user("bob")

    def recipients(cls: Any, event: Any) -> Any:
        return get_user_model()._default_manager.exclude(pk__in=[event.actor.pk, bob.pk])

    make_type(recipients=classmethod(recipients))

    notify.send(justquick, verb="commented on", target=make_issue())
    notify.send(justquick, verb="commented on", recipient=bob)

    assert told() == [ann.username, bob.username]


@dataclass
class Points:
    points: int
    comment: str = ""

    def __post_init__(self) -> None:
        if self.points < 0:
            raise ValueError("points must be at least 0")


class Odd(ValueError):
    """An error that takes more than a text."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(one, two)


@dataclass
class Raising:
    points: int

    def __post_init__(self) -> None:
        raise Odd(1, 2)


@pytest.mark.parametrize("given", [{"points": 3}, {"data": {"points": 3}}])
def test_the_dataclass_of_a_type_says_what_is_stored(make_type: Make, justquick: Any, given: Any) -> None:
    make_type(data=Points)

    notify.send(justquick, verb="commented on", **given)

    assert rows().get().data == {"points": 3, "comment": ""}


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({}, TypeError),
        ({"points": -1}, ValueError),
        ({"points": 1, "more": 2}, TypeError),
        ({"data": 5}, TypeError),
    ],
)
def test_data_that_the_type_does_not_accept_is_an_error_at_the_call(
    make_type: Make, justquick: Any, given: Any, error: Any
) -> None:
    make_type(data=Points)

    with pytest.raises(error, match="data of Commented is not valid"):
        notify.send(justquick, verb="commented on", **given)

    assert rows().count() == 0


def test_an_error_of_a_class_of_the_sites_own_is_a_value_error(make_type: Make, justquick: Any) -> None:
    make_type(data=Raising)

    with pytest.raises(ValueError, match="data of Commented is not valid"):
        notify.send(justquick, verb="commented on", points=1)


# Sentences


def test_the_sentence_of_a_type_is_in_the_language_of_the_reader_and_escaped(
    make_type: Make, justquick: Any
) -> None:
    make_type(sentence=_("{actor} <commented> {target}"))
    row = make_notification(justquick, verb="commented on", target=make_project("<b>pinax</b>"))

    assert text_of(row) == "justquick <commented> <b>pinax</b>"
    html = html_of(row)
    assert "&lt;commented&gt;" in html
    assert "<b>pinax" not in html
    assert "&lt;b&gt;pinax" in html


def test_a_sentence_can_be_translated(make_type: Make, justquick: Any) -> None:
    make_type(sentence=_("{actor} {verb} {target}"))
    row = make_notification(justquick, verb="commented on", target=make_project())
    with translation.override("de"):
        assert text_of(row) == "justquick commented on activity-stream"


@pytest.mark.parametrize("sentence", ["{actor} wrote {action_object}", "{actor", "{actor.pk}", "{nobody}"])
def test_the_default_sentence_is_used_where_that_of_the_type_does_not_fit(
    make_type: Make, justquick: Any, sentence: str
) -> None:
    make_type(sentence=sentence)
    row = make_notification(justquick, verb="commented on", target=make_project("pinax"))

    assert text_of(row) == "justquick commented on pinax"
    assert "pinax" in html_of(row)


# Where types show


def test_json_has_the_type_and_its_category(make_type: Make, justquick: Any) -> None:
    make_type(category="conversations")

    shown = [entry(make_notification(justquick, verb=verb)) for verb in ("commented on", "closed")]

    assert [(item["type"], item["category"]) for item in shown] == [
        ("commented on", "conversations"),
        ("other", "other"),
    ]


@pytest.mark.parametrize(
    ("query", "verbs"),
    [
        ('type:"commented on"', {"commented on"}),
        ("type:Commented-On", {"commented on"}),
        ("-type:commented-on", {"closed"}),
        ("type:other", {"closed"}),
        ("type:other type:commented-on", {"closed", "commented on"}),
    ],
)
def test_the_search_knows_types(make_type: Make, justquick: Any, query: str, verbs: set[str]) -> None:
    make_type()
    for verb in ("commented on", "closed"):
        make_notification(justquick, verb=verb)

    asked = search.parse(query, rows().model)

    assert asked.error == ""
    assert {row.verb for row in asked.narrow(rows())} == verbs


def test_an_unknown_type_is_an_error_of_the_search(make_type: Make) -> None:
    make_type()

    asked = search.parse("type:nothing", rows().model)

    assert "commented-on, other" in asked.error


def test_the_admin_filters_by_type(make_type: Make, client: Client, settings: Any) -> None:
    staff = make_user("staff", is_staff=True, is_superuser=True)
    client.force_login(staff)
    meta = rows().model._meta
    url = f"/admin/{meta.app_label}/{meta.model_name}/"
    for verb in ("commented on", "closed"):
        make_notification(staff, verb=verb)
    assert "By type" not in client.get(url).content.decode()
    make_type(label="Comments")

    def shown(query: str) -> set[str]:
        return {row.verb for row in client.get(url + query).context["cl"].result_list}

    assert "By type" in client.get(url).content.decode()
    assert shown("") == {"commented on", "closed"}
    assert shown("?type=commented on") == {"commented on"}
    assert shown("?type=other") == {"closed"}


# What a type says may fail


def fail(*args: Any) -> str:
    raise LookupError("no such text")


#: What a site may say of its types, and how it goes wrong.
LAZY_FAULT: Any = lazy(fail, str)()
METHODS = ("key", "name", "category_name")
FAULTS: dict[str, dict[str, Any]] = {
    **{name: {name: LAZY_FAULT} for name in ("label", "category_label", "sentence", "sentence_for_several")},
    **{f"{name}()": {name: classmethod(fail)} for name in METHODS},
    **{f"{name}() is None": {name: classmethod(lambda cls: None)} for name in METHODS},
    **{f"{name}() is a number": {name: classmethod(lambda cls: 7)} for name in METHODS},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_type_says_may_fail_and_costs_no_page(
    make_type: Make, client: Client, settings: Any, fault: str
) -> None:
    settings.NOTIFICATIONS = {"THREADS": True}
    make_type(**FAULTS[fault])
    staff = make_user("staff", is_staff=True, is_superuser=True)
    project = make_project()
    for actor in (staff, make_user("alice"), make_user("bob")):
        make_notification(staff, actor=actor, verb="commented on", target=project)
    client.force_login(staff)
    meta = rows().model._meta
    for url in (
        reverse("notifications:all"),
        reverse("notifications:api_inbox"),
        f"{reverse('notifications:api_inbox')}?threads=1",
        f"{reverse('notifications:all')}?q=type:commented-on",
        f"{reverse('notifications:all')}?q=type:nothing",
        f"/admin/{meta.app_label}/{meta.model_name}/",
    ):
        assert client.get(url).status_code == 200
    assert "alice commented on" in text_of(rows().get(actor_object_id=user_named("alice").pk))


def user_named(name: str) -> Any:
    return get_user_model()._default_manager.get(username=name)


def test_nothing_else_asks_a_type_what_it_says() -> None:
    package = Path(notifications.__file__).parent
    asks = re.compile(r"(kinds?(\[0\])?|each|type_of\(.*?\))\.(key\(|name\(|category_name\(|sentence)")
    assert [path.name for path in package.rglob("*.py") if asks.search(path.read_text())] == []


# Checks


def test_a_sound_type_is_no_problem(make_type: Make) -> None:
    make_type(
        sentence=_("{actor} commented on {target}"),
        channels={"email": "instant", "webhook": None},
        email_delay=timedelta(minutes=2),
        data=Points,
    )

    assert problems() == []


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"verb": ""}, "its verb must be"),
        ({"verb": "x" * 256}, "its verb must be"),
        ({"category": " "}, "its category must be"),
        ({"sentence": "{actor.pk} came"}, "is not one of {actor}"),
        ({"sentence": "{actor came"}, "its sentence is"),
        ({"channels": ["email"]}, "its channels must be a dict"),
        ({"channels": {"email": "sometimes"}}, "'sometimes' of 'email' is not a frequency"),
        ({"channels": {"email": _("instant")}}, "'instant' of 'email' is not a frequency"),
        ({"sentence": LAZY_FAULT}, "its sentence is '': LookupError: no such text"),
        ({"email_delay": 5}, "its email_delay must be"),
        ({"email_delay": timedelta(-1)}, "its email_delay must be"),
        ({"data": dict}, "its data must be a dataclass"),
    ],
)
def test_a_type_that_is_not_valid_is_a_check_error(make_type: Make, attributes: Any, words: str) -> None:
    make_type(**attributes)

    [(number, message)] = problems()
    assert number == "notifications.E010"
    assert words in message


@pytest.mark.parametrize("verb", ["commented on", "Commented on", "commented on "])
def test_two_types_of_one_verb_are_a_check_error(make_type: Make, verb: str) -> None:
    make_type()
    make_type("closed")
    make_type(verb)

    [(number, message)] = problems()
    assert number == "notifications.E011"
    assert "have the same verb" in message


def test_a_type_that_is_not_registered_has_no_earlier_one(make_type: Make) -> None:
    make_type()

    assert types.same_verb(type("Unknown", (NotificationType,), {"verb": "closed"})) is None


def test_a_sentence_may_end_with_text(make_type: Make, justquick: Any) -> None:
    make_type(sentence=_("{actor} wrote a comment!"))

    assert sentences.text(make_notification(justquick, verb="commented on")) == "justquick wrote a comment!"
