"""What people say of things: watch, mute, forget; and that it is kept once, whatever happens at the same time."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.contenttypes.models import ContentType
from django.core import serializers
from django.core.management import call_command
from django.db import OperationalError
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from notifications.contrib import subscriptions
from notifications.contrib.subscriptions import (
    describe,
    explain,
    is_watching,
    mute,
    unmute,
    unsubscribe,
    unwatch,
    watch,
    watchers,
)
from notifications.contrib.subscriptions.decisions import Standing, standing_of
from notifications.contrib.subscriptions.levels import Level
from notifications.contrib.subscriptions.models import Subscription
from notifications.storage.reasons import Reason, strongest
from tests.contrib.subscriptions.models import Ticket
from tests.contrib.subscriptions.things import make_ticket, said, send, send_and_commit, told_why
from tests.factories import as_child, at_once, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob() -> Any:
    return make_user("bob")


def end_mutes() -> None:
    Subscription.objects.filter(until__isnull=False).update(until=timezone.now() - timedelta(seconds=1))


def test_who_watches_is_watching_until_they_do_not(bob: Any) -> None:
    ticket = make_ticket()
    assert not is_watching(bob, ticket)

    watch(bob, ticket)
    assert is_watching(bob, ticket)
    assert list(watchers(ticket)) == [bob]

    assert unwatch(bob, ticket) is True
    assert unwatch(bob, ticket) is False
    assert not is_watching(bob, ticket)
    assert list(watchers(ticket)) == []


def test_each_question_is_one_query(bob: Any, django_assert_num_queries: Any) -> None:
    ticket = make_ticket()
    watch(bob, ticket)

    with django_assert_num_queries(1):
        assert is_watching(bob, ticket)
    with django_assert_num_queries(1):
        assert list(watchers(ticket)) == [bob]


def test_a_wish_that_is_there_is_changed_by_one_statement(bob: Any, django_assert_num_queries: Any) -> None:
    ticket = make_ticket()
    watch(bob, ticket)

    with django_assert_num_queries(1):
        mute(bob, ticket)
    with django_assert_num_queries(1):
        watch(bob, ticket, level="participating")


def test_who_takes_part_watches_and_who_watches_what_contains_it_does_not(bob: Any) -> None:
    ticket = make_ticket()
    watch(bob, ticket.repo)
    assert not is_watching(bob, ticket)

    watch(bob, ticket, reason="author")
    assert is_watching(bob, ticket)
    mute(bob, ticket)
    assert not is_watching(bob, ticket)


def test_the_strongest_reason_sticks(bob: Any) -> None:
    ticket = make_ticket()
    for reason, kept in [
        ("comment", "comment"),
        ("mention", "mention"),
        ("author", "mention"),
        ("subscribed", "mention"),
    ]:
        watch(bob, ticket, reason=reason)
        assert [row[2] for row in said(bob)] == [kept]
    assert strongest(["comment", "assign", "", "manual"]) == "assign"
    assert strongest([]) == ""


def test_taking_part_changes_no_wish(bob: Any) -> None:
    ticket = make_ticket()
    watch(bob, ticket, level="participating")
    watch(bob, ticket, reason="mention")
    assert said(bob) == [("issue 2", "participating", "mention", False)]

    watch(bob, ticket, level="all", reason="mention")
    assert said(bob) == [("issue 2", "all", "mention", False)]


def test_what_was_said_before_a_mute_that_ends_holds_after_it(bob: Any) -> None:
    ticket = make_ticket()
    watch(bob, ticket, level="participating")
    mute(bob, ticket, until=timezone.now() + timedelta(days=1))
    mute(bob, ticket, until=timezone.now() + timedelta(days=7))
    row = Subscription.objects.get()
    assert (row.level_now, row.then) == ("muted", "participating")

    end_mutes()
    row.refresh_from_db()
    assert row.level_now == "participating"


def test_a_mute_for_good_that_becomes_one_that_ends_leaves_nothing_after_it(bob: Any) -> None:
    ticket = make_ticket()
    mute(bob, ticket)
    mute(bob, ticket, until=timezone.now() + timedelta(days=1))
    end_mutes()

    assert Subscription.objects.get().level_now == ""


def test_to_mute_for_good_or_to_watch_ends_a_mute_that_ends(bob: Any) -> None:
    ticket = make_ticket()
    watch(bob, ticket)
    for verb, level in ((mute, "muted"), (watch, "all")):
        mute(bob, ticket, until=timezone.now() + timedelta(days=1))
        verb(bob, ticket)
        assert said(bob) == [("issue 2", level, "subscribed", False)]


def in_turn(user: Any, obj: Any, *acts: Callable[[Any, Any], object]) -> None:
    for act in acts:
        act(user, obj)


BEFORE: dict[str, Callable[[Any, Any], object]] = {
    "nothing": lambda user, obj: None,
    "watches": watch,
    "wants to participate": partial(watch, level="participating"),
    "participates": partial(watch, reason="author"),
    "watches as an author": partial(watch, level="all", reason="author"),
    "unsubscribed": unsubscribe,
}
MUTES: dict[str, Callable[[Any, Any], object]] = {
    "for good": mute,
    "for a week": lambda user, obj: mute(user, obj, until=timezone.now() + timedelta(days=7)),
    "first for a week": lambda user, obj: in_turn(user, obj, MUTES["for a week"], mute),
    "first for good": lambda user, obj: in_turn(user, obj, mute, MUTES["for a week"]),
    "twice": lambda user, obj: in_turn(user, obj, mute, mute),
}


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("muting", MUTES)
def test_to_take_back_a_mute_restores_what_held_before(bob: Any, before: str, muting: str) -> None:
    ticket = make_ticket()
    BEFORE[before](bob, ticket)
    expected = said(bob)
    MUTES[muting](bob, ticket)
    assert [row[1] for row in said(bob)] == ["muted"]

    assert unmute(bob, ticket) is True
    assert said(bob) == expected
    assert Subscription.objects.exclude(then="").count() == 0
    assert unmute(bob, ticket) is False
    assert said(bob) == expected


def test_who_participates_meanwhile_does_so_after_the_mute_is_taken_back(bob: Any) -> None:
    ticket = make_ticket()
    mute(bob, ticket)
    watch(bob, ticket, reason="mention")
    unmute(bob, ticket)
    assert said(bob) == [("issue 2", "", "mention", False)]


def test_a_mute_of_what_contains_it_is_not_taken_back(bob: Any) -> None:
    ticket = make_ticket()
    mute(bob, ticket.repo)
    assert unmute(bob, ticket) is False
    assert said(bob) == [("repo", "muted", "", False)]


@pytest.mark.parametrize("before", [*BEFORE, *MUTES])
def test_who_unsubscribes_is_notified_only_when_called_and_from_then_on(bob: Any, before: str) -> None:
    ticket, alice = make_ticket(), make_user("alice")
    watch(bob, ticket.repo)
    {**BEFORE, **MUTES}[before](bob, ticket)
    unsubscribe(bob, ticket)
    assert told_why(send(alice, target=ticket)) == {}
    assert told_why(send(alice, target=make_ticket("other", ticket.repo))) == {"bob": "subscribed"}

    call = send_and_commit(alice, target=ticket, recipient=[bob], recipient_reason="mention")
    assert told_why(call) == {"bob": "mention"}
    assert told_why(send(alice, target=ticket)) == {"bob": "mention"}


@pytest.mark.parametrize(
    ("until", "error"),
    [
        (lambda: timezone.now() - timedelta(seconds=1), ValueError),
        (lambda: datetime(2100, 1, 1), ValueError),  # noqa: DTZ001
        (lambda: "tomorrow", TypeError),
    ],
)
def test_a_moment_that_is_not_to_come_is_refused(bob: Any, until: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="until"):
        mute(bob, make_ticket(), until=until())

    assert said(bob) == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"level": "muted"}, "level must be all or participating, got 'muted'"),
        ({"level": ""}, None),
        ({"reason": "because"}, "reason must be one of subscribed, manual, .*, got 'because'"),
        ({"reason": None}, "reason must be one of"),
    ],
)
def test_a_level_or_reason_that_there_is_not_is_refused(
    bob: Any, arguments: Any, problem: str | None
) -> None:
    if problem is None:
        watch(bob, make_ticket(), **arguments)
        assert said(bob) == [("issue 2", "all", "subscribed", False)]
        return
    with pytest.raises(ValueError, match=problem):
        watch(bob, make_ticket(), **arguments)


def test_the_button_says_why_only_who_participates_in_the_object_itself(bob: Any) -> None:
    ticket = make_ticket()
    watch(bob, ticket)
    assert standing_of(bob, ticket) == Standing(Level.ALL)
    watch(bob, ticket, reason=Reason.AUTHOR)
    assert standing_of(bob, ticket) == Standing(Level.ALL, None, Reason.AUTHOR)

    other = make_ticket("issue 3")
    watch(bob, other.repo, reason=Reason.AUTHOR)
    watch(bob, other.repo, level=Level.ALL)
    source = Subscription.objects.order_by("pk").last()
    assert source is not None
    assert source.object == other.repo
    assert source.reason == Reason.AUTHOR
    assert standing_of(bob, other) == Standing(Level.ALL, None, "", source)


def test_a_user_is_a_user_of_the_site_and_saved(bob: Any) -> None:
    ticket = make_ticket()
    for nobody in (AnonymousUser(), None, bob.pk, ticket):
        with pytest.raises(TypeError, match="user must be a saved User"):
            watch(nobody, ticket)
    with pytest.raises(ValueError, match="user must be saved"):
        mute(type(bob)(username="unsaved"), ticket)
    watch(SimpleLazyObject(lambda: bob), ticket)
    assert is_watching(bob, ticket)


def test_a_user_of_a_child_with_a_key_of_its_own_is_not_the_one_with_that_number(bob: Any) -> None:
    ticket, ann = make_ticket(), make_user("ann")
    pilot = as_child(bob, ann.pk)

    watch(pilot, ticket)
    assert is_watching(pilot, ticket)
    assert standing_of(pilot, ticket).level == Level.ALL
    assert explain(pilot, describe(ann, verb="closed", target=ticket)).rule == "watching"
    mute(pilot, ticket)
    assert said(bob) == [("issue 2", "muted", "subscribed", False)]
    assert unmute(pilot, ticket)
    assert unwatch(pilot, ticket)
    assert said(ann) == []


def test_an_object_is_saved(bob: Any) -> None:
    for act in (watch, mute, unmute, unsubscribe, unwatch, is_watching):
        with pytest.raises(ValueError, match="obj"):
            act(bob, Ticket(name="unsaved"))
    with pytest.raises(TypeError, match="obj"):
        watch(bob, "issue 2")  # type: ignore[arg-type]


def test_deleting_an_object_costs_no_search_for_who_watched_it(
    bob: Any, django_assert_num_queries: Any
) -> None:
    ticket = make_ticket()
    watch(bob, ticket)
    watch(bob, make_ticket("another"))
    before = str(ticket)
    with django_assert_num_queries(2):
        # The remarks on it, and the ticket.
        ticket.delete()

    assert before == "issue 2"
    assert said(bob)[0] == ("deleted ticket", "all", "subscribed", False)
    row = Subscription.objects.first()
    assert str(row) == "bob: deleted ticket: All activity"


def test_what_was_said_of_a_thing_whose_model_is_gone_reads_as_such(bob: Any) -> None:
    watch(bob, make_ticket())
    gone = ContentType.objects.create(app_label="gone", model="thing")
    row = Subscription.objects.get()
    row.content_type = gone
    row.save()

    row = Subscription.objects.get()
    assert row.label() == "deleted object"
    assert row.object_key == f"{row.object_id}:{gone.pk}"


def test_deleting_a_user_deletes_what_they_said(bob: Any) -> None:
    watch(bob, make_ticket())
    bob.delete()

    assert Subscription.objects.count() == 0


def test_the_names_are_found_when_they_are_asked_for() -> None:
    assert {name for name in subscriptions.__all__ if callable(getattr(subscriptions, name))} == set(
        subscriptions.__all__
    )
    with pytest.raises(AttributeError, match="no attribute 'follow'"):
        subscriptions.follow  # noqa: B018


def say(act: Callable[[], object]) -> None:
    """Say it; again where the one file of SQLite in memory is locked, which has no patience."""
    while True:
        try:
            act()
        except OperationalError as error:
            if "is locked" not in str(error):
                raise
        else:
            return


@pytest.mark.django_db(transaction=True)
def test_whatever_is_said_at_the_same_time_there_is_one_row_and_no_error(bob: Any) -> None:
    ticket = make_ticket()
    ContentType.objects.get_for_model(ticket)

    def act() -> None:
        for _ in range(12):
            say(
                random.choice(  # noqa: S311 - any will do
                    [
                        lambda: watch(bob, ticket),
                        lambda: watch(bob, ticket, reason="mention"),
                        lambda: mute(bob, ticket),
                        lambda: unmute(bob, ticket),
                        lambda: unsubscribe(bob, ticket),
                        lambda: mute(bob, ticket, until=timezone.now() + timedelta(days=7)),
                        lambda: unwatch(bob, ticket),
                    ]
                )
            )

    assert at_once(8, act) == [None] * 8
    watch(bob, ticket)
    assert Subscription.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_first_word_of_eight_is_kept_once(bob: Any) -> None:
    for number in range(5):
        ticket = make_ticket(f"issue {number}")
        ContentType.objects.get_for_model(ticket)
        assert at_once(8, partial(say, partial(watch, bob, ticket, reason="comment"))) == [None] * 8
        assert Subscription.objects.filter(object_id=str(ticket.pk)).count() == 1


def test_a_fixture_of_another_database_keeps_who_watches_what(bob: Any, tmp_path: Path) -> None:
    ticket = make_ticket()
    watch(bob, ticket)
    # There, the content type had another primary key, which no natural key replaces in this column.
    [dumped] = json.loads(
        serializers.serialize("json", Subscription.objects.all(), use_natural_foreign_keys=True)
    )
    here, dumped["fields"]["object_key"] = dumped["fields"]["object_key"], f"{ticket.pk}:99999"
    fixture = tmp_path / "subscriptions.json"
    fixture.write_text(json.dumps([dumped]))
    Subscription.objects.all().delete()
    call_command("loaddata", str(fixture), verbosity=0)
    assert is_watching(bob, ticket)
    assert Subscription.objects.get().object_key == here
