"""Who is notified: the watchers of what an event is about and of what contains it, and nobody who muted it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, models
from django.test.utils import CaptureQueriesContext, isolate_apps
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from notifications.contrib.subscriptions import mute, recipients_of, watch, watchers
from notifications.contrib.subscriptions.audience import keys_of
from notifications.contrib.subscriptions.explanations import describe
from notifications.contrib.subscriptions.models import Subscription
from notifications.sending.audience import active
from tests.contrib.subscriptions.models import Node, Repo
from tests.contrib.subscriptions.things import (
    make_remark,
    make_repo,
    make_ticket,
    said,
    send,
    send_and_commit,
    told_why,
)
from tests.factories import make_group, make_user, make_users, rows

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def contained(settings: Any) -> None:
    settings.NOTIFICATIONS = {"PARENTS": {"subscriptions.repo": "owner"}}


@pytest.fixture
def alice() -> Any:
    return make_user("alice")


@pytest.fixture
def bob() -> Any:
    return make_user("bob")


def test_the_watchers_of_a_thing_and_of_what_contains_it_are_told_and_not_who_did_it(alice: Any) -> None:
    ticket = make_ticket()
    watch(make_user("of the issue"), ticket)
    watch(make_user("of the repo"), ticket.repo)
    watch(make_user("of the owner"), ticket.repo.owner)
    watch(make_user("of another"), make_ticket("other"))
    watch(alice, ticket)

    answer = send(alice, action_object=make_remark(ticket), target=ticket)

    assert told_why(answer) == dict.fromkeys(["of the issue", "of the repo", "of the owner"], "subscribed")


def test_the_user_of_a_request_acts_as_any_other(alice: Any, bob: Any, settings: Any) -> None:
    ticket = make_ticket()
    lazy: Any = SimpleLazyObject(lambda: alice)
    watch(bob, ticket)
    watch(alice, ticket)
    settings.NOTIFICATIONS = {"VISIBILITY": {"subscriptions.ticket": "tests.testapp.rules.NotForStrangers"}}

    assert told_why(send(lazy, target=ticket)) == {"bob": "subscribed"}
    assert told_why(send(lazy, "reached level 10")) == {"alice": ""}
    watch(bob, lazy)
    assert told_why(send(make_repo(), target=lazy)) == {"bob": "subscribed"}


def test_the_seeds_calls_reach_who_cares(alice: Any, bob: Any) -> None:
    group, remark = make_group("python"), make_remark(make_ticket())
    watch(bob, group)

    assert told_why(send(alice, "reached level 10")) == {"alice": ""}
    assert told_why(send(alice, "joined", target=group)) == {"bob": "subscribed"}
    assert told_why(send(alice, "created comment", action_object=remark, target=group)) == {
        "bob": "subscribed"
    }


def test_who_takes_part_hears_of_the_thing_and_not_of_what_is_inside_it(alice: Any, bob: Any) -> None:
    ticket = make_ticket()
    watch(bob, ticket, reason="author")
    watch(bob, ticket.repo, reason="author")
    other = make_ticket("other", ticket.repo)

    assert told_why(send(alice, target=ticket)) == {"bob": "author"}
    assert told_why(send(alice, target=other)) == {}
    assert told_why(send(alice, target=ticket.repo)) == {"bob": "author"}


def test_the_nearest_statement_holds(alice: Any, bob: Any) -> None:
    ticket = make_ticket()
    watch(bob, ticket.repo)
    mute(bob, ticket)
    assert told_why(send(alice, target=ticket)) == {}
    assert told_why(send(alice, target=make_ticket("other", ticket.repo))) == {"bob": "subscribed"}

    mute(bob, ticket.repo)
    watch(bob, ticket)
    assert told_why(send(alice, target=ticket)) == {"bob": "subscribed"}
    assert told_why(send(alice, action_object=ticket, target=ticket.repo)) == {"bob": "subscribed"}
    assert told_why(send(alice, target=ticket.repo)) == {}


def test_to_take_part_does_not_hide_what_one_watches_further_up(alice: Any, bob: Any) -> None:
    ticket = make_ticket()
    watch(bob, ticket.repo.owner)
    watch(bob, ticket.repo, reason="state_change")

    assert told_why(send(alice, target=ticket)) == {"bob": "subscribed"}


def test_who_wants_to_hear_of_a_repository_only_as_a_participant_does_not_hear_of_the_rest(
    alice: Any, bob: Any
) -> None:
    ticket = make_ticket()
    watch(bob, ticket.repo.owner)
    watch(bob, ticket.repo, level="participating")
    assert told_why(send(alice, target=ticket)) == {}

    watch(bob, ticket, reason="comment")
    assert told_why(send(alice, target=ticket)) == {"bob": "comment"}


def test_an_actor_can_be_watched_and_muted(alice: Any, bob: Any) -> None:
    ticket = make_ticket()
    watch(bob, alice)
    assert told_why(send(alice, target=ticket)) == {"bob": "subscribed"}

    watch(bob, ticket.repo)
    mute(bob, alice)
    assert told_why(send(alice, target=ticket)) == {}


def test_each_is_told_once_with_the_strongest_reason(alice: Any, bob: Any) -> None:
    ticket = make_ticket()
    remark = make_remark(ticket)
    for thing, reason in (
        (alice, "manual"),
        (remark, "comment"),
        (ticket, "assign"),
        (ticket.repo, "subscribed"),
    ):
        watch(bob, thing, reason=reason)

    assert told_why(send(alice, action_object=remark, target=ticket)) == {"bob": "assign"}


def test_what_the_sender_says_why_stands_for_all(alice: Any, bob: Any) -> None:
    ticket = make_ticket()
    watch(bob, ticket, reason="author")

    assert told_why(send(alice, target=ticket, recipient_reason="state_change")) == {"bob": "state_change"}


def test_who_is_not_active_is_not_told(alice: Any) -> None:
    ticket = make_ticket()
    watch(make_user("gone", is_active=False), ticket)

    assert told_why(send(alice, target=ticket)) == {}
    # Not every model of users has such a column.
    assert list(active(Repo.objects.all())) == [ticket.repo]


def test_the_watchers_of_a_thing_are_those_who_would_be_told(alice: Any, settings: Any) -> None:
    settings.NOTIFICATIONS = {"VISIBILITY": {"subscriptions.ticket": "tests.testapp.rules.NotForStrangers"}}
    ticket, bob = make_ticket(), make_user("bob")
    for user in (bob, make_user("stranger"), make_user("gone", is_active=False)):
        watch(user, ticket)

    assert list(watchers(ticket)) == [bob]
    assert told_why(send(alice, target=ticket)) == {"bob": "subscribed"}


def test_a_site_may_tell_people_what_they_did_themselves(alice: Any, settings: Any) -> None:
    settings.NOTIFICATIONS = {"NOTIFY_ACTOR": True}
    ticket = make_ticket()
    watch(alice, ticket, reason="author")

    assert told_why(send(alice, target=ticket)) == {"alice": "author"}


def test_the_named_are_told_whatever_they_watch_but_for_who_muted_it(alice: Any, bob: Any) -> None:
    ticket = make_ticket()
    watch(make_user("watcher"), ticket)
    muting, around = make_user("muting"), make_user("around")
    mute(muting, ticket)
    mute(around, ticket.repo)
    inactive = make_user("inactive", is_active=False)
    named = [alice, bob, muting, around, inactive]

    assert told_why(send(alice, target=ticket, recipient=named)) == {"alice": "", "bob": "", "inactive": ""}
    assert told_why(send(alice, target=ticket, recipient=make_group("all", *named))) == {
        "alice": "", "bob": "", "inactive": "",
    }  # fmt: skip


@pytest.mark.parametrize("reason", ["mention", "assign", "review_requested", "team_mention"])
def test_who_is_called_by_name_hears_it_in_a_muted_repository_but_not_in_a_muted_issue(
    alice: Any, bob: Any, reason: str
) -> None:
    ticket = make_ticket()
    mute(bob, ticket.repo)

    assert told_why(send(alice, target=ticket, recipient=[bob], recipient_reason=reason)) == {"bob": reason}
    other = make_ticket("other", ticket.repo)
    assert told_why(send(alice, target=other, recipient=[bob], recipient_reason="comment")) == {}

    mute(bob, ticket)
    assert told_why(send(alice, target=ticket, recipient=[bob], recipient_reason=reason)) == {}
    assert (
        told_why(
            send(
                alice,
                action_object=make_remark(ticket),
                target=ticket,
                recipient=[bob],
                recipient_reason=reason,
            )
        )
        == {}
    )


def test_a_mute_ends_by_itself_and_what_was_said_before_holds_again(alice: Any, bob: Any) -> None:
    ticket = make_ticket()
    watch(bob, ticket.repo)
    mute(bob, ticket.repo, until=timezone.now() + timedelta(days=7))
    assert told_why(send(alice, target=ticket)) == {}
    assert told_why(send(alice, target=ticket, recipient=[bob])) == {}

    Subscription.objects.update(until=timezone.now() - timedelta(seconds=1))

    assert told_why(send(alice, target=ticket)) == {"bob": "subscribed"}
    assert told_why(send(alice, target=ticket, recipient=[bob])) == {"bob": ""}


def test_a_mute_that_has_ended_of_who_said_nothing_before_says_nothing(alice: Any, bob: Any) -> None:
    ticket = make_ticket()
    mute(bob, ticket, until=timezone.now() + timedelta(days=7))
    watch(bob, ticket.repo)
    assert told_why(send(alice, target=ticket)) == {}

    Subscription.objects.filter(level="muted").update(until=timezone.now() - timedelta(seconds=1))

    assert told_why(send(alice, target=ticket)) == {"bob": "subscribed"}


def test_a_line_is_followed_so_many_steps_and_no_further(alice: Any, bob: Any, settings: Any) -> None:
    ticket = make_ticket()
    watch(bob, ticket.repo.owner)
    settings.NOTIFICATIONS = {"PARENTS": {"subscriptions.repo": ["owner"]}, "MAX_DEPTH": 1}
    assert told_why(send(alice, target=ticket)) == {}

    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "MAX_DEPTH": 2}
    assert told_why(send(alice, target=ticket)) == {"bob": "subscribed"}


def test_things_that_contain_each_other_are_followed_once(
    alice: Any, bob: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = (Node.objects.create(name=name) for name in ("one", "two"))
    monkeypatch.setattr(Node, "above", {one.pk: [two, one], two.pk: [one]})
    watch(bob, two)

    assert told_why(send(alice, target=one)) == {"bob": "subscribed"}
    assert told_why(send(alice, action_object=two, target=one)) == {"bob": "subscribed"}


def test_what_contains_nothing_or_is_not_saved_ends_the_line(
    alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    thing = Node.objects.create(name="one")
    monkeypatch.setattr(Node, "above", {thing.pk: [None, Node(name="unsaved")]})

    assert told_why(send(alice, target=thing)) == {}


def test_an_audience_is_one_statement_and_after_the_commit_it_is_asked_whether_the_actor_participates(
    alice: Any,
) -> None:
    ticket = make_ticket()
    for user in make_users(30):
        watch(user, ticket.repo)
    send_and_commit(alice, target=ticket)

    with CaptureQueriesContext(connection) as queries:
        answer = send(alice, target=ticket)
    assert [query["sql"].split()[0] for query in queries.captured_queries] == ["INSERT"]
    with CaptureQueriesContext(connection) as queries:
        send_and_commit(alice, target=ticket)
    assert [query["sql"].split()[0] for query in queries.captured_queries] == ["INSERT", "SELECT"]
    assert answer.created == 30


def test_an_audience_is_cut_as_any_other(alice: Any) -> None:
    ticket = make_ticket()
    for user in make_users(5):
        watch(user, ticket.repo)

    assert send(alice, target=ticket, fanout_chunk=2).created == 5
    assert set(rows().values_list("reason", flat=True)) == {"subscribed"}


def test_the_audience_is_a_queryset_that_can_be_narrowed_widened_counted_and_read(
    alice: Any, bob: Any
) -> None:
    ticket = make_ticket()
    ann, cid = make_user("ann"), make_user("cid")
    for user in (ann, bob):
        watch(user, ticket)
    event = describe(alice, verb="closed", target=ticket)
    found: Any = recipients_of(event)

    assert found.count() == 2
    assert sorted(user.username for user in found) == ["ann", "bob"]
    assert [user.username for user in found.filter(username="ann")] == ["ann"]
    assert rows().count() == 0
    everybody = found | get_user_model()._base_manager.filter(pk=cid.pk)
    assert sorted(everybody.values_list("username", flat=True)) == ["ann", "bob", "cid"]


def test_who_would_be_told_can_be_asked_without_telling_anybody(alice: Any, bob: Any) -> None:
    ticket = make_ticket()
    event = describe(alice, verb="closed", target=ticket)

    assert list(recipients_of(event)) == []
    assert list(recipients_of(event, recipient=[bob])) == [bob]
    assert list(recipients_of(event, recipient=make_group("one", bob))) == [bob]
    assert list(recipients_of(describe(alice, verb="reached level 10"))) == [alice]
    assert rows().count() == 0
    assert said(alice) == []


def test_the_keys_of_users_are_read_from_a_queryset_that_has_no_other_condition(alice: Any, bob: Any) -> None:
    users: Any = type(bob)._base_manager
    assert keys_of(users.filter(pk__in=[alice.pk, bob.pk])) == [alice.pk, bob.pk]
    for others in (
        users.all(),
        users.filter(pk=bob.pk),
        users.filter(username__in=["bob"]),
        users.filter(pk__in=users.values("pk")),
        users.filter(pk__in=[bob.pk], username="bob"),
        users.exclude(pk__in=[bob.pk]),
        users.filter(groups__in=[1]),
    ):
        assert keys_of(others) is None


@isolate_apps("tests.testapp")
def test_keys_at_the_end_of_a_relation_are_those_of_other_users() -> None:
    class Employee(models.Model):
        boss = models.ForeignKey("self", models.CASCADE, null=True, related_name="reports")

        class Meta:
            app_label = "testapp"

    employees: Any = Employee._base_manager
    assert keys_of(employees.filter(pk__in=[1, 2])) == [1, 2]
    assert keys_of(employees.filter(reports__in=[1, 2])) is None
    assert keys_of(employees.filter(reports__pk__in=[1, 2])) is None
