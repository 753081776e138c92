"""An event that reaches nobody says so in the log, in one line, and why."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model

from notifications import notify
from notifications.extensions import Extension
from notifications.sending import audience, silence
from tests.factories import make_group, make_project, make_user, make_users, rows

pytestmark = pytest.mark.django_db


def users() -> Any:
    return get_user_model()._default_manager.filter(username__startswith="nobody")


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [text for _, level, text in caplog.record_tuples if level == logging.INFO]


def send(caplog: pytest.LogCaptureFixture, recipient: Any, **arguments: Any) -> str:
    """Send an event that reaches nobody, and return why it did not."""
    project = make_project()
    with caplog.at_level(logging.INFO, logger="notifications"):
        notify.send(project, verb="moved", recipient=recipient, **arguments)
    assert rows().count() == 0
    [text] = said(caplog)
    start = f"Nobody was notified that testapp.Project {project.pk} 'moved': "
    assert text.startswith(start)
    return text.removeprefix(start)


#: Who is nobody, and what is said of it.
NOBODY: dict[str, tuple[Callable[[], Any], str]] = {
    "nobody named": (lambda: None, "no recipient was named, and the actor is not a user."),
    "empty group": (lambda: make_group("crew"), "the group 'crew' has no users."),
    "empty list": (list, "the list of recipients has no users."),
    "empty tuple": (tuple, "the tuple of recipients has no users."),
    "empty set": (set, "the set of recipients has no users."),
    "empty iterator": (lambda: (user for user in users()), "the generator of recipients has no users."),
    "empty queryset": (users, "the queryset of {label} has no users."),
    "impossible queryset": (lambda: users().none(), "the queryset of {label} has no users."),
    "empty union": (lambda: users().union(users()), "the queryset of {label} has no users."),
    "empty slice": (lambda: users()[:5], "the queryset of {label} has no users."),
}


@pytest.mark.without_extensions
@pytest.mark.parametrize("name", NOBODY)
@pytest.mark.parametrize(
    "arguments", [{}, {"fanout_chunk": 2}, {"idempotency_key": "k"}], ids=["", "chunk", "key"]
)
def test_who_is_nobody_is_said_in_one_line(
    name: str, arguments: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    make, words = NOBODY[name]

    assert send(caplog, make(), **arguments) == words.format(label=get_user_model()._meta.label)


@pytest.mark.parametrize("extended", [False, True], ids=["", "extended"])
def test_who_is_nobody_to_a_type_is_said_of_the_recipients_that_it_names(
    extended: bool, make_type: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    install(monkeypatch, *[Mute("nobody wants it")][:extended])
    make_type("moved", recipients=classmethod(lambda cls, event: users()))

    assert send(caplog, None) == f"the queryset of {get_user_model()._meta.label} has no users."


@pytest.mark.without_extensions
def test_the_log_is_silent_where_somebody_is_notified_or_was_before(
    caplog: pytest.LogCaptureFixture, django_assert_num_queries: Any
) -> None:
    made = make_users(2)
    group = make_group("all", *made)

    with caplog.at_level(logging.DEBUG, logger="notifications"):
        for key in (None, "k", "k"):
            for recipient in (made[0], made, iter(made), group):
                notify.send(made[0], verb="moved", recipient=recipient, idempotency_key=key)

    assert said(caplog) == []


class Mute(Extension):
    """An extension by which everybody has muted everything."""

    def __init__(self, words: str | None = None) -> None:
        self.words = words

    def notifications_audience(self, event: Any, audience: Any) -> Any:
        return None if audience is None else audience.none()

    def notifications_silence(self, event: Any, *, named: bool) -> str | None:
        return self.words and f"{self.words} {'of the named' if named else 'at all'}"


class Broken(Mute):
    def notifications_silence(self, event: Any, *, named: bool) -> str | None:
        raise RuntimeError("no words")


def install(monkeypatch: pytest.MonkeyPatch, *extensions: Extension) -> None:
    for module in (audience, silence):
        monkeypatch.setattr(module, "audience_extensions", lambda: list(extensions))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda made: made[0], "nobody wants it of the named."),
        (lambda made: made, "nobody wants it of the named."),
        (iter, "nobody wants it of the named."),
        (lambda made: make_group("all", *made), "nobody wants it of the named."),
        (lambda made: get_user_model()._default_manager.all(), "nobody wants it of the named."),
        (lambda made: None, "nobody wants it at all."),
        (lambda made: make_group("crew"), "the group 'crew' has no users."),
    ],
    ids=["user", "list", "iterator", "group", "queryset", "nobody named", "empty group"],
)
def test_an_extension_says_why(
    make: Callable[[Any], Any], words: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    install(monkeypatch, Mute(), Mute("nobody wants it"))

    assert send(caplog, make(make_users(2))) == words


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda user: user, "the recipient {label} {pk} has users, and {names} left out all of them."),
        (lambda user: [user], "the list of recipients has users, and {names} left out all of them."),
        (lambda user: None, "no recipient was named, and the actor is not a user."),
    ],
    ids=["user", "list", "nobody named"],
)
def test_an_extension_that_says_nothing_is_named_and_one_that_fails_too(
    make: Callable[[Any], Any], words: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    install(monkeypatch, Mute(), Broken())
    user = make_user()
    names = f"{__name__}, {__name__}"

    assert send(caplog, make(user)) == words.format(label=user._meta.label, pk=user.pk, names=names)

    assert f"{__name__} could not say why nobody was notified." in caplog.text


def test_an_extension_need_not_say_anything() -> None:
    event: Any = None

    assert Extension().notifications_silence(event, named=True) is None


@pytest.mark.shape("subscriptions")
@pytest.mark.parametrize(("named", "word"), [(True, "muted"), (False, "nobody watches")])
def test_the_wing_of_subscriptions_says_why(named: bool, word: str) -> None:
    event: Any = None
    config: Any = apps.get_app_config("notifications_subscriptions")

    assert word in config.notifications_silence(event, named=named)
