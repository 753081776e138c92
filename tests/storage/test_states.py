"""Done, saved, snoozed, seen: what each verb does to a row, and which lists and counts show the row then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone as zones
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import SynchronousOnlyOperation
from django.utils import timezone

from notifications import notify
from notifications.models import InboxState
from notifications.signals import read_state_changed
from notifications.storage import changes, counts
from notifications.storage.expressions import judge_moment
from tests.factories import listening, make_notification, make_project, make_user, moment, rows

pytestmark = pytest.mark.django_db

COLUMNS = ("unread", "read_at", "done_at", "saved_at", "snoozed_until")
TOMORROW = timedelta(days=1)


def later(**parts: float) -> datetime:
    """Return a moment that is still to come."""
    return timezone.now() + timedelta(**parts)


def state(row: Any) -> dict[str, Any]:
    """Return what the database says of a row, each moment only as whether there is one."""
    found: dict[str, Any] = rows().values(*COLUMNS).get(pk=row.pk)
    return {name: value if isinstance(value, bool) else value is not None for name, value in found.items()}


def shown_in(user: Any) -> set[str]:
    """Return the names of the lists that show the one row of this user."""
    lists = ("inbox", "unread", "read", "done", "saved", "snoozed")
    return {name for name in lists if getattr(user.notifications, name)().exists()}


#: A verb of a row, and the one of the queryset that does the same.
VERBS: dict[str, tuple[Callable[[Any], bool], Callable[[Any], int]]] = {
    "read": (lambda row: row.mark_as_read(), lambda found: found.mark_all_as_read()),
    "unread": (lambda row: row.mark_as_unread(), lambda found: found.mark_all_as_unread()),
    "done": (lambda row: row.mark_as_done(), lambda found: found.mark_all_as_done()),
    "undone": (lambda row: row.mark_as_undone(), lambda found: found.mark_all_as_undone()),
    "saved": (lambda row: row.mark_as_saved(), lambda found: found.mark_all_as_saved()),
    "unsaved": (lambda row: row.mark_as_unsaved(), lambda found: found.mark_all_as_unsaved()),
    "snoozed": (lambda row: row.snooze(later(days=1)), lambda found: found.snooze_all(later(days=1))),
    "unsnoozed": (lambda row: row.unsnooze(), lambda found: found.unsnooze_all()),
}
#: Rows in every state that there is.
STATES: dict[str, Callable[[], dict[str, Any]]] = {
    "new": dict,
    "read before": lambda: {"unread": False},
    "done with": lambda: {"unread": False, "done_at": timezone.now()},
    "saved before": lambda: {"saved_at": timezone.now()},
    "asleep": lambda: {"snoozed_until": later(days=2)},
    "asleep, read before": lambda: {"snoozed_until": later(days=2), "read_at": timezone.now()},
    "asleep, read since": lambda: {"snoozed_until": later(days=2), "unread": False},
    "asleep, done before": lambda: {
        "snoozed_until": later(days=2),
        "read_at": timezone.now(),
        "done_at": timezone.now(),
    },
    "awake": lambda: {"snoozed_until": later(days=-1)},
    "awake, done before": lambda: {"snoozed_until": later(days=-1), "done_at": later(days=-2)},
    "awake, read before": lambda: {"snoozed_until": later(days=-1), "read_at": later(days=-2)},
    "awake, read since": lambda: {
        "snoozed_until": later(days=-1),
        "unread": False,
        "read_at": later(hours=-1),
    },
}


def make_row(user: Any, name: str) -> Any:
    """Return a row in that state, as the database holds it."""
    row = make_notification(user)
    values = STATES[name]()
    values.setdefault("read_at", timezone.now() if values.get("unread") is False else None)
    rows().filter(pk=row.pk).update(**values)
    return rows().get(pk=row.pk)


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_does_to_a_row_what_it_does_to_many(verb: str, before: str) -> None:
    of_row, of_many = VERBS[verb]
    one, other = make_row(make_user(), before), make_row(make_user("brosner"), before)

    changed, count = of_row(one), of_many(rows().filter(pk=other.pk))

    assert state(one) == state(other)
    assert changed == bool(count)


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_changes_nothing_the_second_time(verb: str, before: str) -> None:
    user = make_user()
    make_row(user, before)
    of_many: Callable[[Any], int] = VERBS[verb][1]
    if verb == "snoozed":
        until = later(days=1)
        of_many = lambda found: found.snooze_all(until)  # noqa: E731 - the same moment both times
    of_many(user.notifications)

    assert of_many(user.notifications) == 0


def test_done_also_reads_and_reading_is_not_done() -> None:
    user = make_user()
    row = make_notification(user)

    assert user.notifications.mark_all_as_read() == 1
    assert shown_in(user) == {"inbox", "read"}

    row.refresh_from_db()
    row.mark_as_unread()
    assert row.mark_as_done()
    assert shown_in(user) == {"done", "read"}
    assert not row.unread
    assert row.read_at is not None


def test_what_is_unread_is_never_done() -> None:
    user = make_user()
    row = make_notification(user)
    row.mark_as_done()

    assert row.mark_as_unread()

    assert shown_in(user) == {"inbox", "unread"}
    assert row.done_at is None


def test_undone_is_back_in_the_inbox_where_it_was_and_read() -> None:
    user = make_user()
    make_notification(user, timestamp=moment(2026, 1, 2), verb="second")
    make_notification(user, timestamp=moment(2026, 1, 3), verb="third")
    first = make_notification(user, timestamp=moment(2026, 1, 1), verb="first")
    first.mark_as_done()

    assert user.notifications.mark_all_as_undone() == 1

    assert [row.verb for row in user.notifications.inbox()] == ["third", "second", "first"]
    assert state(first) == {
        "unread": False, "read_at": True, "done_at": False, "saved_at": False, "snoozed_until": False,
    }  # fmt: skip


def test_another_event_about_the_same_object_leaves_what_was_told_before_as_it_is() -> None:
    user, project = make_user(), make_project()
    for before in ("read before", "done with", "saved before", "asleep"):
        row = make_row(user, before)
        row.target = project
        row.save()
    known = list(rows().order_by("pk").values())

    notify.send(user, verb="closed", recipient=user, target=project)

    assert list(rows().order_by("pk").values())[:-1] == known
    assert rows().count() == len(known) + 1


def test_a_snoozed_row_is_in_no_list_and_no_count_but_its_own() -> None:
    user = make_user()
    row = make_notification(user)

    assert row.snooze(later(days=1))

    assert shown_in(user) == {"snoozed"}
    assert counts.unread_count(user) == counts.unseen_count(user) == 0
    assert row.is_snoozed


def test_a_snoozed_row_comes_back_by_itself_unread_and_on_top() -> None:
    user = make_user()
    row = make_notification(user, timestamp=moment(2026, 1, 1), verb="old", unread=False)
    make_notification(user, timestamp=later(minutes=-5), verb="new")
    user.notifications.filter(pk=row.pk).snooze_all(later(days=1))
    assert [shown.verb for shown in user.notifications.inbox()] == ["new"]

    # A day later: the moment has passed, and nobody has done anything.
    rows().filter(pk=row.pk).update(snoozed_until=later(seconds=-1))

    assert [shown.verb for shown in user.notifications.inbox()] == ["old", "new"]
    assert [shown.verb for shown in user.notifications.unread()] == ["old", "new"]
    assert not user.notifications.snoozed().exists()
    row.refresh_from_db()
    assert not row.is_snoozed


@pytest.mark.parametrize("what", ["new", "read before", "done with", "saved before"])
def test_unsnoozing_by_hand_restores_what_it_was(what: str) -> None:
    user = make_user()
    row = make_row(user, what)
    before = rows().values(*COLUMNS, "inbox_at").get()
    row.snooze(later(days=1))
    user.notifications.snooze_all(later(days=2))

    assert row.refresh_from_db() is None
    assert row.unsnooze()

    assert rows().values(*COLUMNS, "inbox_at").get() == before


def test_a_row_is_snoozed_until_the_same_moment_once() -> None:
    row, until = make_notification(make_user()), later(days=1)

    assert [row.snooze(until), row.snooze(until)] == [True, False]


@pytest.mark.shape("default", "custom_user", "soft_delete", "swapped")
def test_a_row_is_snoozed_until_a_moment_of_any_offset() -> None:
    """PostgreSQL refuses offsets of 16 hours and more."""
    row, until = make_notification(make_user()), later(days=1)

    assert row.snooze(until.astimezone(zones(timedelta(hours=23, minutes=59))))
    assert rows().get().snoozed_until == row.snoozed_until == until


def test_what_was_done_and_is_snoozed_comes_back_by_itself_and_is_not_done() -> None:
    user = make_user()
    row = make_row(user, "done with")
    row.snooze(later(days=1))
    assert shown_in(user) == {"snoozed"}

    rows().update(snoozed_until=later(seconds=-1))

    assert shown_in(user) == {"inbox", "unread"}
    assert rows().get().mark_as_done()
    assert shown_in(user) == {"done", "read"}


def test_what_has_come_back_is_unread_however_it_was_before_if_it_is_snoozed_again_and_unsnoozed() -> None:
    user = make_user()
    row = make_row(user, "awake, read before")

    row.snooze(later(days=1))
    row.unsnooze()

    assert row.unread
    assert state(row)["read_at"] is False


def test_marking_all_as_read_leaves_what_is_snoozed_to_come_back_unread() -> None:
    user = make_user()
    make_row(user, "asleep")

    assert user.notifications.mark_all_as_read() == 0
    assert rows().get().unread


def test_recall_leaves_a_snoozed_row_that_was_read_before() -> None:
    user, other = make_user(), make_user("brosner")
    notify.send(user, verb="sent", recipient=[user, other], idempotency_key="mail")
    other.notifications.mark_all_as_read()
    rows().snooze_all(later(days=1))

    assert rows().recall(key="mail") == 1
    assert rows().get().recipient == other


def test_lists_have_orders_of_their_own() -> None:
    user = make_user()
    for verb in ("first", "second", "third"):
        make_notification(user, verb=verb)
    third, second, first = user.notifications.inbox()
    for row in (second, third, first):
        row.mark_as_saved()
    second.mark_as_done()
    first.mark_as_done()

    assert [row.verb for row in user.notifications.saved()] == ["first", "third", "second"]
    assert [row.verb for row in user.notifications.done()] == ["first", "second"]
    # All that there is: the inbox, and below it what is done.
    assert [row.verb for row in user.notifications.all()] == ["third", "second", "first"]
    first.snooze(later(days=2))
    third.snooze(later(days=1))
    assert [row.verb for row in user.notifications.snoozed()] == ["third", "first"]


@pytest.mark.shape("soft_delete")
def test_no_list_shows_what_was_deleted() -> None:
    user = make_user()
    for before in STATES:
        make_row(user, before).mark_as_saved()
    rows().mark_all_as_deleted()

    assert shown_in(user) == set()


def test_a_queryset_that_lives_long_knows_what_time_it_is() -> None:
    user = make_user()
    inbox, unread = user.notifications.inbox(), user.notifications.unread()

    make_notification(user)

    assert inbox.count() == unread.count() == 1


def test_a_row_of_the_future_waits_for_its_time() -> None:
    user = make_user()
    make_notification(user, timestamp=later(days=1))

    assert shown_in(user) == set()
    assert user.notifications.count() == 1


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_of_many_reach_only_the_recipient_and_what_is_not_newer(verb: str) -> None:
    user, other = make_user(), make_user("brosner")
    before = {
        "undone": "done with",
        "unsaved": "saved before",
        "unsnoozed": "asleep",
        "unread": "read before",
    }
    kind = before.get(verb, "new")
    old = make_row(user, kind)
    rows().filter(pk=old.pk).update(timestamp=moment(2026, 1, 1))
    make_row(user, kind)
    make_row(other, kind)
    name = {"snoozed": "snooze_all", "unsnoozed": "unsnooze_all"}.get(verb, f"mark_all_as_{verb}")
    until = [later(days=3)] if verb == "snoozed" else []

    with listening(read_state_changed) as heard:
        assert getattr(rows(), name)(*until, user, up_to=moment(2026, 1, 2)) == 1
        asynchronous = getattr(rows(), f"a{name}")
        assert async_to_sync(asynchronous)(*until, user, up_to=moment(2026, 1, 2)) == 0
    assert heard == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_tells_once_after_commit_how_many_changed(verb: str) -> None:
    user = make_user()
    before = {
        "undone": "done with",
        "unsaved": "saved before",
        "unsnoozed": "asleep",
        "unread": "read before",
    }
    for _ in range(3):
        make_row(user, before.get(verb, "new"))

    with listening(read_state_changed) as heard:
        VERBS[verb][1](user.notifications)
    assert [(call["recipient_id"], call["changed"]) for call in heard] == [(user.pk, 3)]

    row = make_row(user, before.get(verb, "new"))
    with listening(read_state_changed) as heard:
        VERBS[verb][0](row)
    assert [(call["recipient_id"], call["changed"]) for call in heard] == [(user.pk, 1)]


@pytest.mark.parametrize("verb", ["read", "done", "saved"])
def test_a_verb_notes_the_moment_that_it_is_given(verb: str) -> None:
    user, then = make_user(), moment(2026, 2, 3)
    make_notification(user)
    getattr(user.notifications, f"mark_all_as_{verb}")(at=then)

    assert getattr(rows().get(), f"{verb}_at") == then


@pytest.mark.parametrize(
    ("until", "error", "says"),
    [
        ("tomorrow", TypeError, "must be a datetime"),
        (None, TypeError, "must be a datetime"),
        (moment(2020, 1, 1), ValueError, "in the future"),
        (moment(9999, 12, 31), ValueError, "before the year 9999"),
    ],
)
def test_a_row_is_snoozed_until_a_moment_to_come(until: Any, error: type[Exception], says: str) -> None:
    user = make_user()
    row = make_notification(user)
    for snooze in (row.snooze, user.notifications.snooze_all):
        with pytest.raises(error, match=says):
            snooze(until)
    assert not rows().snoozed().exists()


def test_a_moment_is_of_the_kind_that_the_site_stores(settings: Any) -> None:
    now = timezone.now()
    other = now.replace(tzinfo=None) if timezone.is_aware(now) else timezone.make_aware(now)
    with pytest.raises(ValueError, match="as USE_TZ says"):
        judge_moment(other + TOMORROW)


# What was seen


def test_opening_the_bell_makes_everything_seen_and_nothing_read() -> None:
    user = make_user()
    make_notification(user)
    assert counts.unseen_count(user) == 1
    assert not InboxState.objects.exists()

    counts.mark_seen(user)

    assert counts.unseen_count(user) == 0
    assert counts.unread_count(user) == 1
    make_notification(user)
    assert counts.unseen_count(user) == 1
    counts.mark_seen(user)
    assert InboxState.objects.get().pk == user.pk


def test_what_comes_back_is_unseen() -> None:
    user = make_user()
    make_row(user, "asleep")
    counts.mark_seen(user)
    InboxState.objects.update(seen_at=later(minutes=-5))

    rows().update(snoozed_until=later(minutes=-1))

    assert counts.unseen_count(user) == 1


def test_what_somebody_else_has_seen_is_unseen() -> None:
    user, other = make_user(), make_user("brosner")
    make_notification(user)
    make_notification(other)

    counts.mark_seen(other)

    assert [counts.unseen_count(user), counts.unseen_count(other)] == [1, 0]
    assert str(InboxState.objects.get()) == str(other.pk)


def test_the_count_of_what_is_unseen_is_one_query_and_none_from_the_cache(
    django_assert_num_queries: Any, settings: Any
) -> None:
    settings.NOTIFICATIONS = {**getattr(settings, "NOTIFICATIONS", {}), "CACHE_TIMEOUT": 60}
    user = make_user()
    for _ in range(3):
        make_notification(user)
    changes.drop_counts([user.pk], using="default")
    with django_assert_num_queries(1):
        assert counts.unseen_count(user) == 3
    assert user.notifications.count() == 3


@pytest.mark.django_db(transaction=True)
def test_looking_at_the_bell_is_told_to_who_listens(django_assert_num_queries: Any) -> None:
    user = make_user()
    with listening(read_state_changed) as heard:
        counts.mark_seen(user)
    assert [(call["recipient_id"], call["changed"]) for call in heard] == [(user.pk, 0)]


def test_verbs_of_many_are_not_called_where_code_awaits() -> None:
    async def call() -> None:
        rows().mark_all_as_done()

    with pytest.raises(SynchronousOnlyOperation):
        async_to_sync(call)()
