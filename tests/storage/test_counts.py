"""The cached unread count: quick, and never wrong for longer than it says."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import connection, transaction
from django.template import Context, Template

from notifications import notify
from notifications.conf import get_notification_model
from notifications.signals import read_state_changed
from notifications.storage import changes
from notifications.storage.changes import MAX_DROPPED_KEYS
from notifications.storage.count_cache import count_cache
from notifications.storage.counts import Count, mark_seen, unread_count
from tests.factories import listening, make_group, make_notification, make_user, make_users, rows

pytestmark = pytest.mark.django_db

cache_key = partial(changes.cache_key, using="default")
GENERATION = changes.generation_key("default")

# Where something is cached there must have been a commit: what may be rolled back is never cached.
committing = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _a_minute(settings: Any) -> None:
    settings.NOTIFICATIONS = {"CACHE_TIMEOUT": 60, "SOFT_DELETE": True}


def make_rows(recipient: Any, count: int, **columns: Any) -> None:
    model = get_notification_model()
    rows().bulk_create(
        model(recipient=recipient, actor=recipient, verb="closed", **columns) for _ in range(count)
    )


@committing
def test_the_number_is_counted_once_and_then_cached(justquick: Any, django_assert_num_queries: Any) -> None:
    make_rows(justquick, 3)
    # The rows, and when the next of them is due.
    with django_assert_num_queries(2):
        assert unread_count(justquick) == 3
    with django_assert_num_queries(0):
        assert unread_count(justquick) == 3


@committing
def test_a_user_never_sees_the_number_of_another(justquick: Any, django_assert_num_queries: Any) -> None:
    brosner, mitsuhiko = make_user("brosner"), make_user("mitsuhiko")
    make_rows(justquick, 20)
    make_rows(brosner, 1)
    users = [justquick, brosner, mitsuhiko]
    with django_assert_num_queries(6):
        assert [unread_count(user) for user in users] == [20, 1, 0]
    with django_assert_num_queries(0):
        assert [unread_count(user) for user in users] == [20, 1, 0]
    assert len({cache_key(user.pk) for user in users}) == 3


@committing
def test_a_zero_is_cached_too(justquick: Any, django_assert_num_queries: Any) -> None:
    assert unread_count(justquick) == 0
    with django_assert_num_queries(0):
        assert unread_count(justquick) == 0


def bulk_update(user: Any) -> None:
    found = list(user.notifications.all())
    for row in found:
        row.unread = True
    rows().bulk_update(found, ["unread"])


#: What a site can do to the rows of a user, one after the other, and the number after it.
CHANGES: list[tuple[str, Callable[[Any], Any], int]] = [
    ("a row is created", make_notification, 1),
    ("rows are created in bulk", lambda user: make_rows(user, 2), 3),
    ("one is told", lambda user: notify.send(user, verb="closed", recipient=user), 4),
    ("a list is told", lambda user: notify.send(user, verb="closed", recipient=[user]), 5),
    ("a group is told", lambda user: notify.send(user, verb="closed", recipient=user.groups.get()), 6),
    (
        "a queryset is told",
        lambda user: notify.send(user, verb="closed", recipient=get_user_model()._base_manager.all()),
        7,
    ),
    (
        "a list of many is told",
        lambda user: notify.send(user, verb="closed", recipient=list(get_user_model()._base_manager.all())),
        8,
    ),
    ("a row is read", lambda user: user.notifications.first().mark_as_read(), 7),
    ("a row is unread again", lambda user: user.notifications.read().first().mark_as_unread(), 8),
    ("a row is deleted", lambda user: user.notifications.first().delete(), 7),
    ("a row is saved", lambda user: save_as_read(user.notifications.first()), 6),
    ("rows of everybody are read", lambda user: rows().mark_all_as_read(), 0),
    ("rows of the user are unread", lambda user: user.notifications.mark_all_as_unread(), 7),
    ("rows of a recipient are read", lambda user: rows().mark_all_as_read(user), 0),
    ("rows are updated in bulk", bulk_update, 7),
    ("rows are hidden", lambda user: user.notifications.mark_all_as_deleted(), 0),
    ("rows are shown", lambda user: rows().mark_all_as_active(), 7),
    ("rows are updated", lambda user: rows().filter(recipient=user).update(unread=False), 0),
    ("rows are updated back", lambda user: user.notifications.update(unread=True), 7),
    ("rows are deleted", lambda user: user.notifications.filter(pk=first_pk(user)).delete(), 6),
    ("rows are deleted in order", lambda user: rows().filter(pk=first_pk(user)).delete_in_order(), 5),
    (
        "a row is created by get_or_create",
        lambda user: rows().get_or_create(recipient=user, verb="another", actor_object_id="1"),
        6,
    ),
]


def save_as_read(row: Any) -> None:
    row.unread = False
    row.save()


def first_pk(user: Any) -> Any:
    return user.notifications.unread().first().pk


@committing
def test_every_change_drops_the_number(justquick: Any, django_assert_num_queries: Any) -> None:
    make_users(MAX_DROPPED_KEYS + 1)
    make_group("maintainers", justquick)
    assert unread_count(justquick) == 0
    for what, change, number in CHANGES:
        change(justquick)
        assert (what, unread_count(justquick)) == (what, number)
        with django_assert_num_queries(0):
            assert unread_count(justquick) == number


@committing
def test_a_change_of_one_users_rows_keeps_the_numbers_of_others(
    justquick: Any, django_assert_num_queries: Any
) -> None:
    brosner = make_user("brosner")
    make_rows(justquick, 2)
    make_rows(brosner, 1)
    assert (unread_count(justquick), unread_count(brosner)) == (2, 1)
    justquick.notifications.mark_all_as_read()
    justquick.notifications.first().delete()
    make_notification(justquick)
    notify.send(brosner, verb="closed", recipient=justquick)
    with django_assert_num_queries(0):
        assert unread_count(brosner) == 1
    with django_assert_num_queries(2):
        assert unread_count(justquick) == 2


@committing
def test_a_change_that_may_reach_anybody_drops_all_numbers_in_one_go(
    justquick: Any, django_assert_num_queries: Any
) -> None:
    brosner = make_user("brosner")
    make_rows(justquick, 2)
    make_rows(brosner, 1)
    assert (unread_count(justquick), unread_count(brosner)) == (2, 1)
    before = cache.get(GENERATION)
    rows().filter(recipient=justquick).update(unread=False)
    assert cache.get(GENERATION) != before
    with django_assert_num_queries(4):
        assert (unread_count(justquick), unread_count(brosner)) == (0, 1)


@committing
def test_a_number_whose_generation_was_evicted_is_counted_again(
    justquick: Any, django_assert_num_queries: Any
) -> None:
    make_rows(justquick, 2)
    assert unread_count(justquick) == 2
    cache.delete(GENERATION)
    with django_assert_num_queries(2):
        assert unread_count(justquick) == 2


@committing
def test_a_number_gets_no_older_than_the_setting_says(
    justquick: Any, settings: Any, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.NOTIFICATIONS = {"CACHE_TIMEOUT": 3600}
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    assert unread_count(justquick) == 0
    monkeypatch.setattr(time, "time", lambda: now + 3599)
    with django_assert_num_queries(0):
        assert unread_count(justquick) == 0
    monkeypatch.setattr(time, "time", lambda: now + 3600)
    with django_assert_num_queries(2):
        assert unread_count(justquick) == 0


def test_a_timeout_of_0_caches_nothing(justquick: Any, settings: Any, django_assert_num_queries: Any) -> None:
    settings.NOTIFICATIONS = {"CACHE_TIMEOUT": 0}
    for _ in range(2):
        with django_assert_num_queries(1):
            assert unread_count(justquick) == 0
    assert cache.get_many([GENERATION, cache_key(justquick.pk)]) == {}


def test_a_cache_that_keeps_nothing_is_no_error(
    justquick: Any, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    make_rows(justquick, 2)
    for _ in range(2):
        with django_assert_num_queries(1):
            assert unread_count(justquick) == 2


# Transactions


@committing
def test_a_transaction_sees_its_own_changes_and_caches_none_of_them(justquick: Any) -> None:
    make_rows(justquick, 3)
    assert unread_count(justquick) == 3
    with transaction.atomic():
        justquick.notifications.mark_all_as_read()
        assert unread_count(justquick) == 0
        # For another process they are still as they were. A cache in the database is not touched, so nobody waits.
        assert cache.get(cache_key(justquick.pk)) == (cache.get(GENERATION), 3)
    assert unread_count(justquick) == 0


@committing
def test_after_a_rollback_the_number_is_that_of_the_rows(
    justquick: Any, django_assert_num_queries: Any
) -> None:
    def change_and_fail() -> None:
        with transaction.atomic():
            justquick.notifications.mark_all_as_read()
            assert unread_count(justquick) == 0
            raise ZeroDivisionError

    make_rows(justquick, 3)
    with pytest.raises(ZeroDivisionError):
        change_and_fail()
    assert unread_count(justquick) == 3

    with transaction.atomic():
        with pytest.raises(ZeroDivisionError):
            change_and_fail()
        assert unread_count(justquick) == 3
        with django_assert_num_queries(0):
            assert unread_count(justquick) == 3


@committing
def test_a_number_that_another_process_cached_in_between_is_dropped_at_commit(justquick: Any) -> None:
    make_rows(justquick, 3)
    assert unread_count(justquick) == 3
    with transaction.atomic():
        justquick.notifications.mark_all_as_read()
        # Which saw the rows as they were before.
        cache.set(cache_key(justquick.pk), (cache.get(GENERATION), 3), 60)
    assert unread_count(justquick) == 0


@committing
def test_nothing_is_written_to_the_cache_while_a_transaction_is_open(
    justquick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped: list[Any] = []
    monkeypatch.setattr(changes.Drop, "__call__", lambda drop: dropped.append(drop.user_pks))
    with transaction.atomic():
        make_rows(justquick, 1)
        notify.send(justquick, verb="closed", recipient=make_group("all", justquick))
        rows().mark_all_as_read()
        rows().first().mark_as_unread()
        rows().all().delete()
        mark_seen(justquick)
        assert dropped == []
    assert None in dropped
    assert {justquick.pk} in dropped


@committing
def test_what_a_site_keeps_of_a_transaction_that_failed_keeps_no_count(
    justquick: Any, django_assert_num_queries: Any
) -> None:
    """Sentry, or a list of failed jobs, keeps an error with the frames of Django, and they their callbacks."""

    def fail() -> None:
        raise ZeroDivisionError

    kept: list[Any] = []
    group = make_group("all", justquick)

    def change(*before: Callable[[], None]) -> None:
        with transaction.atomic():
            for call in before:
                transaction.on_commit(call)
            notify.send(justquick, verb="closed", recipient=group)
            kept.append(list(connection.run_on_commit))

    with pytest.raises(ZeroDivisionError) as caught:
        change(fail)
    kept.append(caught)
    assert unread_count(justquick) == 1
    change()
    assert unread_count(justquick) == 2
    with transaction.atomic(), django_assert_num_queries(0):
        assert unread_count(justquick) == 2


@committing
def test_a_thousand_sends_in_a_transaction_drop_the_counts_of_all_a_few_times(
    justquick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(count_cache, "change", lambda call, owe: calls.append(call))
    with transaction.atomic():
        for _ in range(1000):
            changes.drop_counts(None, using="default")
            transaction.on_commit(int)
    assert 1 <= len(calls) <= 20


@committing
def test_where_the_site_ends_its_transactions_by_hand_a_change_is_told_at_once(justquick: Any) -> None:
    make_rows(justquick, 3)
    assert unread_count(justquick) == 3
    transaction.set_autocommit(False)
    try:
        with listening(read_state_changed) as heard:
            assert justquick.notifications.mark_all_as_read() == 3
        assert unread_count(justquick) == 0
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert [call["changed"] for call in heard] == [3]


# Soft deletion, and the cap


@pytest.mark.parametrize(("setting", "number"), [(True, 2), (False, 5)])
def test_a_hidden_row_is_not_counted(justquick: Any, settings: Any, setting: bool, number: int) -> None:
    settings.NOTIFICATIONS = {"SOFT_DELETE": setting}
    make_rows(justquick, 2)
    make_rows(justquick, 3, deleted=True)
    make_rows(justquick, 4, unread=False)
    assert unread_count(justquick) == number


@pytest.mark.parametrize(
    ("cap", "unread", "number", "text"),
    [(5, 4, 4, "4"), (5, 5, 5, "5"), (5, 6, 6, "5+"), (5, 9, 6, "5+"), (None, 9, 9, "9"), (0, 1, 1, "0+")],
)
def test_the_number_is_counted_up_to_the_cap(
    justquick: Any, settings: Any, cap: int | None, unread: int, number: int, text: str
) -> None:
    settings.NOTIFICATIONS = {"BADGE_CAP": cap}
    make_rows(justquick, unread)
    counted = unread_count(justquick)
    assert (counted, str(counted), f"{counted}") == (number, text, text)


@committing
def test_a_cached_number_reads_like_a_counted_one(justquick: Any, settings: Any) -> None:
    settings.NOTIFICATIONS = {"BADGE_CAP": 1}
    make_rows(justquick, 3)
    assert [str(unread_count(justquick)) for _ in range(2)] == ["1+", "1+"]


def test_the_count_stops_at_the_cap(justquick: Any, settings: Any, django_assert_num_queries: Any) -> None:
    settings.NOTIFICATIONS = {"BADGE_CAP": 5}
    with django_assert_num_queries(1) as queries:
        unread_count(justquick)
    assert "LIMIT 6" in queries.captured_queries[0]["sql"]


def test_a_count_is_a_number_like_any_other() -> None:
    assert Count(3) + 1 == 4
    assert bool(Count(0)) is False
    assert repr(Count(200)) == "200"


@pytest.mark.parametrize(
    ("number", "cap", "text"), [(1000, 999, "999+"), (12345, 9999, "9999+"), (1234, None, "1,234")]
)
def test_a_cap_stays_one_number_where_thousands_are_separated(
    settings: Any, number: int, cap: int | None, text: str
) -> None:
    settings.NOTIFICATIONS = {"BADGE_CAP": cap}
    settings.USE_THOUSAND_SEPARATOR = True
    assert Template("{{ n }}").render(Context({"n": Count(number)})) == text
    assert f"{Count(number)}"[:1] == text[:1]


@pytest.mark.parametrize("key", ["a user", "a\tb", "é", "x" * 300, "a:b", 7])
def test_a_cache_takes_the_key_of_any_user(key: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "schema_of", lambda using: "a tenant" if key == "é" else "")
    made = cache_key(key, using="a database" if key == 7 else "d" * 300)
    cache.set(made, 1)
    assert made.isascii()
    assert made.isprintable()
    assert (" " in made, len(made) < 240) == (False, True)
    assert cache_key("a b") != cache_key("a%20b")
