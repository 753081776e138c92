"""Who acts, or is named, participates in what the event is about: after the commit, and without waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError, connection, transaction
from django.db.models.signals import pre_save
from django.test import TestCase
from django.utils import timezone

from notifications.conf import get_notification_model
from notifications.contrib.subscriptions import mute, participation, unwatch, watch, watchers
from notifications.contrib.subscriptions.models import Subscription
from tests.contrib.subscriptions.models import Owner, Repo, Ticket
from tests.contrib.subscriptions.things import (
    make_remark,
    make_repo,
    make_ticket,
    said,
    send,
    send_and_commit,
    told_why,
)
from tests.factories import at_once, make_user, make_users, rows

pytestmark = pytest.mark.django_db

SERVERS = pytest.mark.backend("postgres", "mariadb")


@pytest.fixture
def alice() -> Any:
    return make_user("alice")


@pytest.fixture
def bob() -> Any:
    return make_user("bob")


def test_who_acts_begins_to_take_part_in_the_target(alice: Any, bob: Any) -> None:
    ticket = make_ticket()

    send_and_commit(alice, target=ticket)
    assert said(alice) == [("issue 2", "", "state_change", False)]
    send_and_commit(alice, action_object=make_remark(ticket), target=ticket)
    send_and_commit(alice, target=ticket)
    assert said(alice) == [("issue 2", "", "comment", False)]

    assert told_why(send_and_commit(bob, target=ticket)) == {"alice": "comment"}
    send_and_commit(alice, "reached level 10")
    send_and_commit(make_repo(), target=ticket)
    send_and_commit(alice, "was renamed", target=alice)
    assert len(said(alice)) == 1


def test_who_is_called_begins_to_take_part_in_the_target(alice: Any, bob: Any) -> None:
    ticket = make_ticket()
    send_and_commit(alice, target=ticket, recipient=[bob], recipient_reason="mention")
    assert said(bob) == [("issue 2", "", "mention", False)]

    send_and_commit(alice, target=ticket, recipient=[bob], recipient_reason="assign")
    send_and_commit(alice, target=ticket, recipient=[bob], recipient_reason="mention")
    assert said(bob) == [("issue 2", "", "assign", False)]
    assert told_why(send_and_commit(alice, target=ticket)) == {"bob": "assign"}

    unwatch(bob, ticket)
    send_and_commit(alice, target=ticket, recipient=[bob], recipient_reason="comment")
    assert said(bob) == []


def test_both_can_be_switched_off(alice: Any, bob: Any, settings: Any) -> None:
    settings.NOTIFICATIONS = {"WATCH_WHEN_ACTING": False, "WATCH_WHEN_CALLED": False}

    send_and_commit(alice, target=make_ticket(), recipient=[bob], recipient_reason="mention")

    assert Subscription.objects.count() == 0


def test_to_take_part_lifts_no_mute_and_lowers_no_wish(alice: Any, bob: Any) -> None:
    one, two, three = make_ticket("one"), make_ticket("two"), make_ticket("three")
    mute(alice, one)
    watch(alice, two)
    mute(alice, three, until=timezone.now() + timedelta(days=1))
    for ticket in (one, two, three):
        send_and_commit(alice, target=ticket)

    assert said(alice) == [
        ("one", "muted", "state_change", False),
        ("two", "all", "state_change", False),
        ("three", "muted", "state_change", True),
    ]
    Subscription.objects.filter(until__isnull=False).update(until=timezone.now() - timedelta(seconds=1))
    assert told_why(send_and_commit(bob, target=three)) == {"alice": "state_change"}
    send_and_commit(alice, target=three)
    assert said(alice)[2] == ("three", "", "state_change", False)


def test_who_acts_on_an_issue_of_a_repository_participates_in_the_issue_alone(alice: Any, bob: Any) -> None:
    ticket = make_ticket()
    send_and_commit(bob, "closed", action_object=ticket, target=ticket.repo)
    assert said(bob) == [("issue 2", "", "state_change", False)]

    other = make_ticket("issue 3", ticket.repo)
    assert told_why(send(alice, "closed", action_object=other, target=ticket.repo)) == {}
    assert told_why(send(alice, "closed", action_object=ticket, target=ticket.repo)) == {
        "bob": "state_change"
    }


def test_who_is_called_by_what_is_no_user_participates(bob: Any) -> None:
    ticket = make_ticket()
    send_and_commit(ticket.repo, target=ticket, recipient=[bob], recipient_reason="mention")
    assert said(bob) == [("issue 2", "", "mention", False)]
    assert Subscription.objects.count() == 1


def test_nobody_participates_in_a_user(alice: Any, bob: Any) -> None:
    send_and_commit(bob, "followed", target=alice)
    assert said(bob) == []


def test_a_question_writes_nothing_and_nor_does_an_event_before_its_commit(alice: Any, bob: Any) -> None:
    ticket = make_ticket()
    send(bob, target=ticket)
    send(alice, target=ticket, recipient=[bob], recipient_reason="mention")
    assert Subscription.objects.count() == 0


def test_an_actor_who_may_be_notified_is_not_because_of_the_same_event(bob: Any, settings: Any) -> None:
    settings.NOTIFICATIONS = {"NOTIFY_ACTOR": True}
    ticket = make_ticket()
    assert told_why(send_and_commit(bob, target=ticket)) == {}
    assert told_why(send_and_commit(bob, target=ticket)) == {"bob": "state_change"}


def test_nobody_participates_in_what_is_gone_by_the_commit(alice: Any, bob: Any) -> None:
    ticket = make_ticket()
    with TestCase.captureOnCommitCallbacks(execute=True):
        send(alice, "deleted", target=ticket, recipient=[bob], recipient_reason="mention")
        ticket.delete()
    assert Subscription.objects.count() == 0


def test_who_is_gone_by_the_commit_does_not_participate_and_is_no_fault(
    alice: Any, bob: Any, caplog: pytest.LogCaptureFixture
) -> None:
    ticket = make_ticket()
    with TestCase.captureOnCommitCallbacks(execute=True):
        send(alice, "left", target=ticket, recipient=[bob], recipient_reason="mention")
        alice.delete()
    assert said(bob) == [("issue 2", "", "mention", False)]
    assert caplog.text == ""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("named", [True, False])
def test_nobody_participates_because_of_an_event_that_failed(alice: Any, bob: Any, named: bool) -> None:
    ticket, cid = make_ticket(), make_user("cid")
    watch(cid, ticket)

    def refuse(**arguments: Any) -> None:
        raise RuntimeError("no")

    arguments: Any = {"recipient": [cid], "recipient_reason": "mention"} if named else {}
    model = get_notification_model()
    pre_save.connect(refuse, sender=model)
    try:
        with pytest.raises(RuntimeError):
            send(bob, target=ticket, **arguments)
    finally:
        pre_save.disconnect(refuse, sender=model)
    with transaction.atomic():
        send(bob, target=ticket, **arguments)
        transaction.set_rollback(True)
    assert said(bob) == []
    assert [row[2] for row in said(cid)] == ["subscribed"]
    assert rows().count() == 0


def test_many_who_are_called_participate_by_a_constant_number_of_statements(
    bob: Any, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(participation, "MAX_BATCH", 10)
    ticket, users = make_ticket(), make_users(25)
    ContentType.objects.get_for_models(Owner, Repo, Ticket)
    send(ticket.repo, target=ticket, recipient=users, recipient_reason="mention")
    called = rows().values_list("recipient", flat=True)
    each = {"sqlite": 4, "postgresql": 5, "mysql": 7}[connection.vendor]
    with django_assert_num_queries(1 + 3 * each):
        # Who was called; of each batch who participates, and an INSERT in a savepoint of its own.
        participation.add_participants(called.iterator(), ticket, "mention")

    assert watchers(ticket).count() == 25
    assert Subscription.objects.filter(reason="mention").count() == 25


@contextmanager
def by_hand() -> Iterator[None]:
    transaction.set_autocommit(False)
    try:
        yield
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)


@pytest.mark.django_db(transaction=True)
def test_nothing_is_recorded_while_the_caller_commits_by_hand(bob: Any) -> None:
    ticket = make_ticket()
    with by_hand():
        send(bob, target=ticket)
        transaction.commit()
        assert rows().count() == 0
    assert said(bob) == []


# Two transactions of the site


def elsewhere(act: Callable[[], Any]) -> Any:
    """Do this in another thread, which has its own connection, and return what it returns, or its error."""
    [result] = at_once(1, act)
    return result


@SERVERS
@pytest.mark.django_db(transaction=True)
def test_an_open_transaction_holds_up_nobody_who_acts_on_the_same_object(bob: Any) -> None:
    ticket = make_ticket()
    with transaction.atomic():
        send(bob, target=ticket)
        assert elsewhere(lambda: send(bob, target=ticket).created) == 0
        assert elsewhere(lambda: said(bob)) == [("issue 2", "", "state_change", False)]
    assert said(bob) == [("issue 2", "", "state_change", False)]


@SERVERS
@pytest.mark.django_db(transaction=True)
def test_transactions_that_cross_do_not_meet(bob: Any) -> None:
    one, two = make_ticket("one"), make_ticket("two")

    def other_way_round() -> None:
        with transaction.atomic():
            send(bob, target=two)
            send(bob, target=one)

    with transaction.atomic():
        send(bob, target=one)
        assert elsewhere(other_way_round) is None
        send(bob, target=two)
    assert sorted(row[0] for row in said(bob)) == ["one", "two"]


def lock_nothing(user: Any, obj: Any) -> None:
    """The site has a subscription of its own, not committed: there is no row that others see."""
    watch(user, obj)


def lock_row(user: Any, obj: Any) -> None:
    """The site has changed the row."""
    assert Subscription.objects.filter(user=user).update(reason="") == 1


def lock_user(user: Any, obj: Any) -> None:
    """The site has locked the user, whom a new row refers to."""
    list(get_user_model()._base_manager.select_for_update().filter(pk=user.pk))


@SERVERS
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
@pytest.mark.parametrize("lock", [lock_nothing, lock_row, lock_user])
def test_who_participates_waits_for_no_lock_of_the_site_and_does_so_the_next_time(
    bob: Any, lock: Callable[[Any, Any], None], many: bool
) -> None:
    """The lock is held until the other thread is done: if that waited, both would wait for ever."""
    ticket = make_ticket()
    friends = [make_user("ann"), make_user("cid")] if many else []
    if lock is lock_row:
        for user in (bob, *friends):
            mute(user, ticket)
    record = partial(participation.add_participants, [user.pk for user in (bob, *friends)], ticket, "mention")
    with transaction.atomic():
        lock(bob, ticket)
        assert elsewhere(record) is None
        # The others are not left out because of one.
        assert elsewhere(lambda: Subscription.objects.filter(reason="mention").count()) == len(friends)
    record()
    assert Subscription.objects.filter(reason="mention").count() == len(friends) + 1


@SERVERS
@pytest.mark.django_db(transaction=True)
def test_an_error_that_is_no_lock_is_not_hidden(bob: Any) -> None:
    def fail() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT nonsense")

    with pytest.raises(DatabaseError):
        participation.without_waiting("default", fail)


@pytest.mark.backend("mariadb")
@pytest.mark.django_db(transaction=True)
def test_the_patience_of_the_connection_is_restored(bob: Any) -> None:
    def patience() -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT @@SESSION.innodb_lock_wait_timeout")
            return cursor.fetchone()

    before = patience()
    participation.add_participants([bob.pk], make_ticket(), "mention")
    assert patience() == before
