"""Huge audiences, cut into statements of their own: transactions, and audiences that are hard to cut.

What cutting costs, and that a run is resumed by its key, is in sending/test_fanout.py.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError, connection, transaction
from django.db.models import Count, F, Window
from django.db.models.functions import RowNumber
from django.db.models.signals import pre_save

from notifications import notify
from notifications.conf import get_notification_model
from notifications.sending import audience as audience_module, batches, statement
from notifications.sending.audience import BATCH_SIZE
from notifications.signals import notified
from notifications.storage import locking
from notifications.storage.counts import unread_count
from tests.factories import listening, make_group, make_user, make_users, rows, told
from tests.waiting import join

pytestmark = pytest.mark.django_db

KEY = "release:6.1"


@pytest.fixture
def actor() -> Any:
    return make_user("actor")


def users() -> Any:
    return get_user_model()._default_manager.filter(username__startswith="user")


def send(actor: Any, recipient: Any, **arguments: Any) -> Any:
    [(_, answer)] = notify.send(actor, verb="released", recipient=recipient, **arguments)
    return answer


def seen_from_outside() -> int:
    """Return how many rows another connection sees, which are those that were committed."""
    counts: list[int] = []

    def count() -> None:
        counts.append(rows().count())
        connection.close()

    thread = threading.Thread(target=count)
    thread.start()
    join(thread)
    return counts[0]


# Transactions


@pytest.mark.backend("postgres", "mariadb")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("recipient", "expected"),
    [
        (lambda made: users(), [200, 400, 600]),
        (list, [BATCH_SIZE, 600]),
        (iter, [BATCH_SIZE, 600]),
    ],
    ids=["queryset", "list", "iterator"],
)
@pytest.mark.parametrize("key", [None, KEY], ids=["without key", "with key"])
def test_each_chunk_is_for_good_when_the_caller_holds_no_transaction(
    actor: Any, recipient: Callable[[Any], Any], expected: list[int], key: str | None
) -> None:
    """An in-memory SQLite has no outside."""
    committed: list[int] = []

    send(
        actor,
        recipient(make_users(600)),
        idempotency_key=key,
        fanout_chunk=200,
        on_progress=lambda done, total: committed.append(seen_from_outside()),
    )

    assert committed[: len(expected)] == expected


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "recipient", [lambda made: users(), list, iter], ids=["queryset", "list", "iterator"]
)
def test_in_the_callers_transaction_the_chunks_are_one_whole(
    actor: Any, recipient: Callable[[Any], Any]
) -> None:
    made = make_users(600)

    with listening(notified) as heard, transaction.atomic():
        assert send(actor, recipient(made), fanout_chunk=200, idempotency_key=KEY).created == 600
        assert rows().count() == 600
        transaction.set_rollback(True)

    assert (rows().count(), heard) == (0, [])


@pytest.mark.django_db(transaction=True)
def test_what_was_told_in_chunks_is_announced_once_and_of_a_resumed_run_the_new_rows() -> None:
    actor = make_user("actor")
    make_users(5)

    def die(done: int, total: int | None) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with listening(notified) as heard:
        with pytest.raises(KeyboardInterrupt):
            send(actor, users(), fanout_chunk=1, idempotency_key=KEY, on_progress=die)
        assert heard == []
        send(actor, users(), fanout_chunk=2, idempotency_key=KEY)
        send(actor, users(), fanout_chunk=3, idempotency_key=KEY)

    assert [arguments["audience_size"] for arguments in heard] == [3]


# What is told while it goes on


def test_progress_goes_up_to_the_number_of_users_and_each_is_told_once(actor: Any) -> None:
    make_users(7)
    steps: list[tuple[int, int | None]] = []

    send(actor, users(), fanout_chunk=3, on_progress=lambda done, total: steps.append((done, total)))

    assert steps == [(3, 7), (6, 7), (7, 7)]
    assert told() == [f"user{number}" for number in range(7)]


def test_a_reversed_audience_is_cut_as_any_other(actor: Any) -> None:
    make_users(7)
    counts: list[int] = []

    audience = users().order_by("username").reverse()
    send(actor, audience, fanout_chunk=3, on_progress=lambda done, total: counts.append(rows().count()))

    assert counts == [3, 6, 7]


def test_progress_of_nobody_is_told_too(actor: Any) -> None:
    steps: list[tuple[int, int | None]] = []

    send(actor, users(), fanout_chunk=3, on_progress=lambda done, total: steps.append((done, total)))

    assert steps == [(0, 0)]


def test_what_progress_raises_reaches_the_caller_and_what_was_told_stays(actor: Any) -> None:
    make_users(3)

    with pytest.raises(ZeroDivisionError):
        send(actor, users(), fanout_chunk=2, on_progress=lambda done, total: 1 / 0)

    assert rows().count() == 2


# A later user has a later key, except where keys are left to chance.
@pytest.mark.shape("default", "jsonfield", "no_tz", "soft_delete", "swapped")
def test_who_signs_up_meanwhile_is_told_if_the_cut_has_not_passed(actor: Any) -> None:
    make_users(3)

    send(actor, users(), fanout_chunk=2, on_progress=lambda done, total: done == 2 and make_user("user9"))

    assert told() == ["user0", "user1", "user2", "user9"]


def test_a_generator_is_read_batch_by_batch(actor: Any) -> None:
    made = make_users(2 * BATCH_SIZE + 10)
    read = 0
    seen: list[tuple[int, int]] = []

    def one_by_one() -> Iterator[Any]:
        nonlocal read
        for user in made:
            read += 1
            yield user.pk

    send(actor, one_by_one(), fanout_chunk=1, on_progress=lambda done, total: seen.append((done, read)))

    # One batch is looked ahead, to know whether there are many.
    assert seen[0] == (BATCH_SIZE, 2 * BATCH_SIZE)
    assert seen[-1] == (len(made), len(made))
    assert rows().count() == len(made)


# Audiences that are hard to cut


@pytest.mark.parametrize("chunk_size", [None, 1, 2, 3])
@pytest.mark.parametrize("key", [None, KEY], ids=["without key", "with key"])
@pytest.mark.parametrize(
    ("audience", "names"),
    [
        # A rank, which must not be counted within each part.
        (
            lambda: users().annotate(rank=Window(RowNumber(), order_by=F("username").desc())).filter(rank__lte=2),
            ["user4", "user5"],
        ),
        (lambda: users().annotate(n=Count("groups")).filter(n=2), ["user0", "user1", "user2"]),
        (
            lambda: users().filter(groups__name__startswith="team").filter(groups__name="team two"),
            ["user0", "user1", "user2"],
        ),
        (
            lambda: users().filter(groups__name="team one") | users().filter(username="user5"),
            ["user0", "user1", "user2", "user5"],
        ),
        (lambda: users().exclude(groups__name="team one"), ["user3", "user4", "user5"]),
        (lambda: users().order_by("?"), [f"user{number}" for number in range(6)]),
        pytest.param(
            lambda: users().filter(pk__in=users().order_by("-username")[:2]),
            ["user4", "user5"],
            # MariaDB has no LIMIT in such a subquery.
            marks=pytest.mark.backend("sqlite", "postgres"),
        ),
        (lambda: users().order_by("username").reverse()[1:3], ["user3", "user4"]),
        (
            lambda: users().difference(users().filter(groups__name="team one")),
            ["user3", "user4", "user5"],
        ),
    ],
    ids=["window", "group by", "two joins", "or", "exclude", "random", "in a slice", "slice", "difference"],
)  # fmt: skip
def test_no_cut_tells_more_or_fewer_users(
    actor: Any, audience: Callable[[], Any], names: list[str], chunk_size: int | None, key: str | None
) -> None:
    make_users(6)
    team = users().filter(username__lt="user3")
    make_group("team one", *team)
    make_group("team two", *team)

    answer = send(actor, audience(), fanout_chunk=chunk_size, idempotency_key=key)

    assert told() == names
    assert len(answer) == answer.created == len(names)


@pytest.mark.backend("postgres")
@pytest.mark.parametrize("chunk_size", [None, 1, 2, 3])
def test_one_user_of_each_kind_stays_one_of_each_kind(actor: Any, chunk_size: int | None) -> None:
    """DISTINCT ON, which PostgreSQL alone has."""
    for user in make_users(6):
        user.first_name = "ab"[user.pk % 2]
        user.save()
    audience = users().order_by("first_name", "-pk").distinct("first_name")

    send(actor, audience, fanout_chunk=chunk_size)

    assert told() == ["user4", "user5"]


# What is wrong with one chunk


@pytest.mark.parametrize("place", [0, 1, 2, 3, 4, 5], ids=lambda place: f"at {place}")
@pytest.mark.parametrize("wrap", [list, iter], ids=["list", "iterator"])
@pytest.mark.parametrize("by", ["argument", "setting"])
def test_of_the_chunk_that_holds_a_key_nobody_has_nothing_is_written_and_the_error_says_so(
    actor: Any, settings: Any, monkeypatch: pytest.MonkeyPatch, place: int, wrap: Any, by: str
) -> None:
    for module in (batches, audience_module):
        monkeypatch.setattr(module, "BATCH_SIZE", 2)
    if by == "setting":
        settings.NOTIFICATIONS = {"FANOUT_CHUNK": 10_000}
    keys = [user.pk for user in make_users(6)]
    keys[place] = 10**6
    before = place // 2 * 2

    missing = re.escape(repr(get_user_model()._meta.pk.to_python(10**6)))
    with pytest.raises(
        ValueError, match=f"recipient holds 1 primary keys that no user has: {missing}"
    ) as caught:
        send(actor, wrap(keys), **({} if by == "setting" else {"fanout_chunk": 10_000}))

    assert rows().count() == before
    assert str(caught.value).endswith(
        f"The {before} users before these 2 were notified, and none of these."
        if before
        else "Nothing was written."
    )


@pytest.mark.parametrize("chunk", [None, 10_000])
@pytest.mark.parametrize("listened", [False, True])
def test_of_a_single_chunk_nothing_is_written_where_one_of_it_does_not_exist(
    actor: Any, chunk: int | None, listened: bool
) -> None:
    """M4: the row of the one who does exist was there."""
    user = make_user()
    missing = re.escape(repr(get_user_model()._meta.pk.to_python(10_000)))
    with ExitStack() as stack:
        if listened:
            stack.enter_context(listening(pre_save, get_notification_model()))
        with pytest.raises(ValueError, match=rf"{missing}\. Nothing was written\."):
            send(actor, [user.pk, 10_000], fanout_chunk=chunk)

    assert rows().count() == 0


@pytest.mark.parametrize(
    "recipient", [list, iter, lambda made: users()], ids=["list", "iterator", "queryset"]
)
def test_the_counts_of_those_who_were_notified_before_an_error_are_dropped(
    actor: Any, settings: Any, recipient: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.NOTIFICATIONS = {"CACHE_TIMEOUT": 300}
    for module in (batches, audience_module):
        monkeypatch.setattr(module, "BATCH_SIZE", 1)
    made = make_users(3)
    assert [unread_count(user) for user in made] == [0, 0, 0]

    def stop(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        send(actor, recipient(made), fanout_chunk=1, on_progress=stop)

    assert sorted(unread_count(user) for user in made) == [0, 0, 1]


def test_a_run_that_is_begun_anew_reports_only_what_is_further(
    actor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (batches, audience_module):
        monkeypatch.setattr(module, "BATCH_SIZE", 1)
    seen: list[tuple[int, int | None]] = []

    def twice(write: Any, using: str) -> Any:
        """Do it as if the database had ended the first attempt."""
        with transaction.atomic():
            write()
            transaction.set_rollback(True)
        return write()

    monkeypatch.setattr(batches, "retry", twice)

    answer = send(actor, make_users(3), on_progress=lambda done, total: seen.append((done, total)))

    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert answer.created == rows().count() == 3


def test_a_chunk_that_the_database_ended_is_written_again_and_no_other(
    actor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (batches, audience_module):
        monkeypatch.setattr(module, "BATCH_SIZE", 2)
    attempts: list[int] = []
    insert = statement.insert_select

    def once_in_vain(*arguments: Any, **named: Any) -> int:
        attempts.append(len(attempts))
        if len(attempts) == 2:
            raise OperationalError(1213, "Deadlock found when trying to get lock")
        return insert(*arguments, **named)

    monkeypatch.setattr(batches, "insert_select", once_in_vain)
    monkeypatch.setattr(locking, "is_ours", lambda using: True)

    answer = send(actor, make_users(4), fanout_chunk=2)

    assert answer.created == rows().count() == 4
    assert len(attempts) == 3


@pytest.mark.parametrize("size", [2**31, 2**63, 10**30])
def test_a_chunk_larger_than_any_number_of_a_database_is_everybody(settings: Any, size: int) -> None:
    actor, *_ = make_users(3)
    assert send(actor, users(), fanout_chunk=size).created == 3
    settings.NOTIFICATIONS = {"FANOUT_CHUNK": size}
    assert send(actor, users()).created == 3
