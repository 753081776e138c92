"""What the hub asks: exact numbers of queries, whoever is connected, and the same answers as everywhere else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifications import notify
from notifications.contrib.live import queries
from notifications.contrib.live.queries import without_compilation
from notifications.contrib.live.rounds import MAX_REPLAYED_ROWS
from notifications.contrib.live.snapshots import Snapshot
from notifications.contrib.live.wire import Cursor, mark
from notifications.storage.counts import mark_seen, unread_count, unseen_count
from tests.contrib.live.client import queries_made
from tests.factories import make_issue, make_notification, make_project, make_users, rows

pytestmark = pytest.mark.django_db

Counter = Callable[[int], Any]


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def ask(*users: Any, back: float = 1) -> list[Snapshot]:
    found = queries.snapshots([user.pk for user in users], timezone.now() - minutes(back))
    return [found[str(user.pk)] for user in users]


def everybody(users: list[Any]) -> Any:
    return type(users[0])._default_manager.filter(pk__in=[user.pk for user in users]).order_by()


@pytest.mark.parametrize("count", [1, 40])
def test_one_question_answers_for_all_who_are_connected(count: int) -> None:
    users = make_users(count)
    notify.send(users[0], verb="closed", recipient=everybody(users))
    with queries_made(1):
        states = ask(*users)
    assert [(state.counts.unread, state.counts.unseen, len(state.rows)) for state in states] == [
        (1, 1, 1)
    ] * count


def test_the_counts_are_those_of_the_badge(settings: Any) -> None:
    settings.NOTIFICATIONS = {**getattr(settings, "NOTIFICATIONS", {}), "CACHE_TIMEOUT": 0, "BADGE_CAP": 4}
    users = make_users(6)
    for number, user in enumerate(users):
        for _ in range(number):
            make_notification(user)
        if number % 2:
            mark_seen(user)
        make_notification(user, timestamp=timezone.now() + minutes(5))
        make_notification(user).mark_as_read()
        make_notification(user).snooze(timezone.now() + minutes(5))
        make_notification(user).mark_as_done()

    states = ask(*users)

    assert (
        [state.counts.unread for state in states]
        == [unread_count(user) for user in users]
        == [0, 1, 2, 3, 4, 5]
    )
    assert (
        [state.counts.unseen for state in states]
        == [unseen_count(user) for user in users]
        == [0, 0, 2, 0, 4, 0]
    )


def test_without_a_cap_all_are_counted(settings: Any) -> None:
    settings.NOTIFICATIONS = {"BADGE_CAP": None}
    [user] = make_users(1)
    for _ in range(3):
        make_notification(user)
    assert ask(user)[0].counts.unread == 3


def test_whoever_has_nothing_is_in_the_answer_too() -> None:
    [user] = make_users(1)
    assert ask(user) == [Snapshot()]


def test_the_rows_are_those_that_came_into_the_inbox_lately() -> None:
    [user] = make_users(1)
    now = timezone.now()
    make_notification(user, timestamp=now - minutes(2))
    make_notification(user, timestamp=now + minutes(2))
    make_notification(user).mark_as_done()
    make_notification(user).snooze(now + minutes(2))
    new = make_notification(user)
    back = make_notification(user, timestamp=now - minutes(9))
    # As it is once the moment has passed.
    rows().filter(pk=back.pk).update(snoozed_until=now - minutes(0.5))
    back.refresh_from_db()

    [state] = ask(user)

    assert {seen.pk for seen in state.rows.values()} == {new.pk, back.pk}
    assert set(state.rows) == {mark(new.pk, new.inbox_at), mark(back.pk, back.inbox_at)}


def test_what_is_hidden_neither_counts_nor_arrives(settings: Any) -> None:
    settings.NOTIFICATIONS = {"SOFT_DELETE": True}
    [user] = make_users(1)
    make_notification(user, deleted=True)
    assert ask(user) == [Snapshot()]
    assert queries.missed(user.pk, Cursor(timezone.now() - minutes(9))) == {}


def test_the_rows_of_an_event_are_one_query_and_no_object_is_in_it() -> None:
    users = make_users(40)
    notify.send(users[0], verb="opened", recipient=users[1])
    notify.send(
        users[0],
        verb="closed",
        recipient=everybody(users),
        target=make_project(),
        action_object=make_issue(),
        timestamp=timezone.now() - minutes(90),
    )
    event = users[2].notifications.get().event

    with queries_made(1):
        found = queries.event_rows([user.pk for user in users[:20]], [event])

    assert {row.recipient_pk for row in found} == {user.pk for user in users[:20]}
    assert sorted(row.counts for row in found) == [(1, 1)] * 19 + [(2, 2)]
    assert queries.event_rows([users[0].pk], [UUID(int=7)]) == []


def test_who_was_away_is_told_what_came_since(django_assert_num_queries: Counter) -> None:
    [user] = make_users(1)
    now = timezone.now()
    old, known, new = (make_notification(user, timestamp=now - minutes(age)) for age in (90, 30, 20))
    cursor = Cursor(now - minutes(60), frozenset([mark(known.pk, known.inbox_at)]))

    with django_assert_num_queries(1):
        missed = queries.missed(user.pk, cursor)

    assert [seen.pk for seen in missed.values()] == [new.pk]
    assert old.pk < known.pk < new.pk


@pytest.mark.parametrize(("count", "told"), [(MAX_REPLAYED_ROWS, True), (MAX_REPLAYED_ROWS + 1, False)])
def test_who_missed_too_much_is_not_told_one_by_one(count: int, told: bool) -> None:
    [user] = make_users(1)
    notification: Any = rows().model
    actor = make_notification(user)
    columns = {
        "recipient": user,
        "verb": "closed",
        "actor_content_type": actor.actor_content_type,
        "actor_object_id": "1",
    }
    actor.delete()
    rows().bulk_create([notification(**columns) for _ in range(count)])

    missed = queries.missed(user.pk, Cursor(timezone.now() - minutes(90)))

    assert (len(missed) <= MAX_REPLAYED_ROWS) is told


def test_rows_are_loaded_with_their_objects(django_assert_num_queries: Counter) -> None:
    users = make_users(3)
    made = [make_notification(user, target=make_project()) for user in users]
    queries.load_rows([made[0].pk])
    with django_assert_num_queries(1 + 2):
        loaded, failed = queries.load_rows([row.pk for row in made])
        assert {str(row.target) for row in loaded.values()} == {"activity-stream"}
    assert failed == {}
    assert queries.load_rows([]) == ({}, {})


@pytest.mark.backend("postgres")
@pytest.mark.shape("default")
def test_the_question_looks_into_the_indexes_of_the_inbox() -> None:
    [user, *others] = make_users(100)
    for number in range(30):
        notify.send(user, verb=f"opened {number}", recipient=everybody(others))
    # What is read is what an index of the unread rows spares.
    rows().mark_all_as_read()
    notify.send(user, verb="closed", recipient=everybody([user, *others]))
    with connection.cursor() as cursor:
        cursor.execute(f'ANALYZE "{rows().model._meta.db_table}"')
    with queries_made(1) as asked:
        ask(user, others[0])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {asked[0]}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    table = rows().model._meta.db_table
    assert f"Seq Scan on {table}" not in plan
    assert "ntf_unread" in plan
    assert "ntf_inbox" in plan


@pytest.mark.backend("postgres")
@pytest.mark.shape("default")
@pytest.mark.django_db(transaction=True)
def test_postgresql_does_not_compile_a_question_that_is_short_but_looks_long() -> None:
    users = make_users(2)
    with connection.cursor() as cursor:
        cursor.execute("SET jit = on")
        with without_compilation(connection.alias):
            cursor.execute("SHOW jit")
            assert cursor.fetchone() == ("off",)
        cursor.execute("SHOW jit")
        assert cursor.fetchone() == ("on",)
    keys = [user.pk for user in users]
    for question in (lambda: ask(*users), lambda: queries.event_rows(keys, [uuid4()])):
        with CaptureQueriesContext(connection) as asked:
            question()
        assert [query["sql"].partition(" ")[0] for query in asked] == ["BEGIN", "SET", "SELECT", "COMMIT"]
