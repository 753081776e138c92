"""Undoing: exactly the rows that changed become what they were."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from notifications.conf import get_notification_model
from notifications.inbox import undo as undoing
from notifications.inbox.actions import ACTIONS
from notifications.inbox.matching import MatchingChanged
from notifications.inbox.undo import UNDO_COLUMNS, Change, do, undo
from notifications.models import InboxState
from notifications.signals import read_state_changed
from notifications.storage import counts, inbox_state
from notifications.storage.states import is_possible
from tests.factories import at_once, listening, make_notification, make_user, rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("defaults")]

HOUR = timedelta(hours=1)


def state(user: Any) -> dict[Any, tuple[Any, ...]]:
    """Return what the columns of all rows of a user hold."""
    return {pk: values for pk, *values in user.notifications.order_by("pk").values_list("pk", *UNDO_COLUMNS)}


def make_all_states(user: Any) -> None:
    """Make a row in each state that a row can be in, and one more in each, read and done at moments of its own."""
    now = timezone.now()
    model = get_notification_model()
    made: list[Any] = []
    read_once: defaultdict[Any, list[Any]] = defaultdict(list)
    for number in range(2):
        past, long_past = now - HOUR * (2 + number), now - HOUR * (50 + number)
        states = product(
            (True, False), (None, long_past), (None, past), (None, past), (None, past - HOUR, now + 24 * HOUR)
        )
        for unread, read_at, done_at, saved_at, snoozed_until in states:
            if (not unread and read_at is None) or (done_at and (unread or snoozed_until)):
                continue
            if not unread and snoozed_until and snoozed_until > now:
                continue
            row = model(recipient=user, actor=user, verb="closed", timestamp=now - 100 * HOUR)
            row.unread, row.read_at, row.done_at = unread, read_at, done_at
            row.saved_at, row.snoozed_until = saved_at, snoozed_until
            made.append(row)
            if unread and read_at:
                read_once[read_at].append(row)
    rows().bulk_create(made)
    # A row that is inserted as unread has no such time; one that was made unread by SQL may keep it.
    for read_at, those in read_once.items():
        rows().filter(pk__in=[row.pk for row in those]).update(read_at=read_at)


@pytest.mark.parametrize("verb", ACTIONS)
def test_every_verb_is_undone_on_every_state(justquick: Any, verb: str, settings: Any) -> None:
    settings.NOTIFICATIONS = {"SOFT_DELETE": True}
    make_all_states(justquick)
    make_all_states(make_user("brosner"))
    before, others = state(justquick), list(rows().exclude(recipient=justquick).order_by("pk").values_list())
    assert len(before) == 36
    until = timezone.now() + HOUR if verb == "snooze" else None
    change = do(justquick, justquick.notifications.all(), ACTIONS[verb], until=until)
    after = state(justquick)
    assert change.changed == len([pk for pk in before if before[pk] != after[pk]]) > 0
    newcomer = make_notification(justquick)
    assert change.token
    assert undo(justquick, change.token) == Change(change.changed)
    assert state(justquick) == {**before, newcomer.pk: list(state(justquick)[newcomer.pk])}
    assert justquick.notifications.get(pk=newcomer.pk).unread
    assert list(rows().exclude(recipient=justquick).order_by("pk").values_list()) == others


@pytest.mark.parametrize("replaced", ["mark_all_as_done", "update"])
def test_what_a_queryset_of_a_site_changes_without_saying_so_is_undone(
    justquick: Any, replace_verb: Any, replaced: str
) -> None:
    make_notification(justquick)
    before = state(justquick)
    replace_verb(replaced)
    change = do(justquick, justquick.notifications.all(), ACTIONS["done"])
    assert change.changed == 1
    assert undo(justquick, change.token or "") == Change(1)
    assert state(justquick) == before


@pytest.mark.parametrize("first", ACTIONS)
@pytest.mark.parametrize("second", ACTIONS)
def test_the_last_of_two_is_undone_and_the_first_stays(
    justquick: Any, first: str, second: str, settings: Any
) -> None:
    settings.NOTIFICATIONS = {"SOFT_DELETE": True}
    make_all_states(justquick)
    everything, half = justquick.notifications.all(), justquick.notifications.filter(saved_at=None)
    moments = [timezone.now() + HOUR, timezone.now() + 2 * HOUR]
    one = do(justquick, half, ACTIONS[first], until=moments[0] if first == "snooze" else None)
    between = state(justquick)
    two = do(justquick, everything, ACTIONS[second], until=moments[1] if second == "snooze" else None)
    if two.changed:
        assert undo(justquick, one.token or "").changed == 0
    assert undo(justquick, two.token or "").changed == two.changed
    assert state(justquick) == between


@pytest.mark.parametrize("verb", ["done", "undone", "unsave"])
def test_undoing_takes_few_statements_whatever_each_row_was(
    justquick: Any, verb: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr(undoing, "MAX_STATEMENT_ROWS", 40)
    monkeypatch.setattr(undoing, "MAX_STATEMENT_CASES", 30)
    now = timezone.now()
    for number in range(90):
        row = make_notification(justquick)
        if verb != "done":
            column = {"undone": "done_at", "unsave": "saved_at"}[verb]
            rows().filter(pk=row.pk).update(**{column: now - number * HOUR, "unread": False})
    before = state(justquick)
    change = do(justquick, justquick.notifications.all(), ACTIONS[verb])
    assert change.changed == 90
    with CaptureUpdates() as updates:
        assert undo(justquick, change.token or "").changed == 90
    assert len(updates) == 3
    assert state(justquick) == before


class CaptureUpdates:
    """Collect the statements that write to notifications."""

    def __enter__(self) -> list[str]:
        from django.test.utils import CaptureQueriesContext

        self.context = CaptureQueriesContext(connection)
        self.context.__enter__()
        self.found: list[str] = []
        return self.found

    def __exit__(self, *error: object) -> None:
        self.context.__exit__(None, None, None)
        table = get_notification_model()._meta.db_table
        self.found += [
            query["sql"]
            for query in self.context.captured_queries
            if query["sql"].startswith("UPDATE") and table in query["sql"].split("SET")[0]
        ]


def test_what_was_changed_again_meanwhile_is_left_as_it_is(justquick: Any) -> None:
    kept, changed = make_notification(justquick), make_notification(justquick)
    change = do(justquick, justquick.notifications.all(), ACTIONS["done"])
    rows().get(pk=changed.pk).mark_as_undone()
    assert undo(justquick, change.token or "").changed == 1
    kept.refresh_from_db()
    changed.refresh_from_db()
    assert (kept.unread, kept.done_at, changed.unread, changed.done_at) == (True, None, False, None)


@pytest.mark.parametrize("verb", [name for name in ACTIONS if name != "delete"])
def test_whatever_happens_meanwhile_no_row_gets_into_a_state_that_there_is_not(
    justquick: Any, verb: str
) -> None:
    until = timezone.now() + 48 * HOUR
    for meanwhile in ACTIONS.values():
        rows().all().delete()
        make_all_states(justquick)
        change = do(justquick, justquick.notifications.all(), ACTIONS[verb], until=until)
        meanwhile.write(justquick.notifications.all(), until)
        undo(justquick, change.token or "")
        now = timezone.now()
        assert [row.pk for row in rows() if not is_possible(row, now)] == [], meanwhile.name


def test_a_row_that_was_opened_after_its_snooze_was_ended_stays_read(justquick: Any) -> None:
    opened, other = make_notification(justquick), make_notification(justquick)
    justquick.notifications.snooze_all(timezone.now() + HOUR)
    change = do(justquick, justquick.notifications.all(), ACTIONS["unsnooze"])
    rows().get(pk=opened.pk).mark_as_read()

    assert undo(justquick, change.token or "").changed == 1

    assert [row.pk for row in justquick.notifications.snoozed()] == [other.pk]
    assert [row.pk for row in justquick.notifications.read()] == [opened.pk]


def test_a_column_that_was_not_changed_is_not_put_back(justquick: Any) -> None:
    row = make_notification(justquick)
    change = do(justquick, justquick.notifications.all(), ACTIONS["done"])
    rows().get(pk=row.pk).mark_as_saved()
    assert undo(justquick, change.token or "").changed == 1
    row.refresh_from_db()
    assert (row.done_at, row.saved_at is None) == (None, False)


def test_it_is_undone_once_and_by_whom_it_was_done(justquick: Any) -> None:
    make_notification(justquick)
    change = do(justquick, justquick.notifications.all(), ACTIONS["save"])
    for user, token in ((make_user("brosner"), change.token), (justquick, "ü"), (justquick, "")):
        assert undo(user, token or "").changed == 0
    assert [undo(justquick, change.token or "").changed for _ in range(2)] == [1, 0]


def test_where_nothing_changed_the_action_before_can_still_be_undone(justquick: Any) -> None:
    make_notification(justquick)
    before = do(justquick, justquick.notifications.all(), ACTIONS["save"])
    assert do(justquick, justquick.notifications.all(), ACTIONS["save"]) == Change(0)
    assert undo(justquick, before.token or "").changed == 1


def test_an_action_that_is_sent_again_is_performed_once(justquick: Any) -> None:
    make_notification(justquick)
    everything = justquick.notifications.all()
    first = do(justquick, everything, ACTIONS["save"], command="a")
    make_notification(justquick)
    assert do(justquick, everything, ACTIONS["save"], command="a") == first
    assert justquick.notifications.saved().count() == 1
    assert do(justquick, everything, ACTIONS["save"], command="b").changed == 1


def test_what_is_deleted_for_good_is_gone(justquick: Any) -> None:
    make_notification(justquick)
    assert do(justquick, justquick.notifications.all(), ACTIONS["delete"]) == Change(1)
    assert not rows().exists()


def test_of_too_many_rows_nothing_is_kept(justquick: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(undoing, "MAX_UNDO_ROWS", 2)
    make_notification(justquick)
    do(justquick, justquick.notifications.all(), ACTIONS["save"])
    for _ in range(2):
        make_notification(justquick)
    assert do(justquick, justquick.notifications.all(), ACTIONS["done"]) == Change(3)
    assert InboxState.objects.get(pk=justquick.pk).undo is None


def test_more_rows_than_were_shown_are_left_also_where_they_are_too_many_to_undo(
    justquick: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(undoing, "MAX_UNDO_ROWS", 2)
    for _ in range(4):
        make_notification(justquick)
    with pytest.raises(MatchingChanged):
        do(justquick, justquick.notifications.all(), ACTIONS["done"], at_most=3)
    assert not justquick.notifications.done().exists()
    assert do(justquick, justquick.notifications.all(), ACTIONS["done"], at_most=4) == Change(4)


def test_who_listens_is_told_once_for_each_call(
    justquick: Any, monkeypatch: Any, django_capture_on_commit_callbacks: Any
) -> None:
    monkeypatch.setattr(undoing, "MAX_STATEMENT_ROWS", 2)
    for _ in range(5):
        make_notification(justquick)
    with listening(read_state_changed) as heard:
        with django_capture_on_commit_callbacks(execute=True):
            change = do(justquick, justquick.notifications.all(), ACTIONS["done"])
        with django_capture_on_commit_callbacks(execute=True):
            undo(justquick, change.token or "")
    assert [(told["recipient_id"], told["changed"]) for told in heard] == [(justquick.pk, 5)] * 2


def test_what_is_done_with_a_few_rows_costs_the_same_whatever_they_are(
    justquick: Any, django_assert_num_queries: Any
) -> None:
    make_all_states(justquick)
    do(justquick, justquick.notifications.none(), ACTIONS["save"])
    # The savepoint of the test around it; the state is held; the keys; the rows before; the verb (MariaDB reads the
    # keys that it is to lock); the rows after; what undoes it; and the end of the savepoint.
    count = 8 + (1 if connection.vendor == "mysql" else 0)
    with django_assert_num_queries(count):
        do(justquick, justquick.notifications.all(), ACTIONS["done"])


@pytest.mark.backend("postgres", "mariadb")
@pytest.mark.django_db(transaction=True)
def test_two_who_undo_at_once_undo_it_once() -> None:
    user = make_user()
    for _ in range(3):
        make_notification(user)
    change = do(user, user.notifications.all(), ACTIONS["done"])
    assert sorted(each.changed for each in at_once(4, lambda: undo(user, change.token or ""))) == [0, 0, 0, 3]
    assert user.notifications.unread().count() == 3


@pytest.mark.backend("postgres", "mariadb")
@pytest.mark.django_db(transaction=True)
def test_several_who_begin_at_once_have_one_state() -> None:
    user = make_user()
    for _ in range(3):
        make_notification(user)
    results = at_once(4, lambda: do(user, user.notifications.all(), ACTIONS["done"]).changed)
    assert sorted(results) == [0, 0, 0, 3]
    assert InboxState.objects.count() == 1


def test_without_the_table_of_states_nothing_can_be_undone(
    justquick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site with its own model need not install the app."""
    for module in (inbox_state, counts):
        monkeypatch.setattr(module, "has_table", lambda: False)
    make_notification(justquick)

    counts.mark_seen(justquick)
    assert counts.unseen_count(justquick) == 1
    change = do(justquick, justquick.notifications.all(), ACTIONS["done"])
    assert (change.changed, change.token) == (1, None)
    assert undo(justquick, "a token") == Change(0)
    assert InboxState.objects.count() == 0


@pytest.mark.parametrize(
    "kept",
    [
        "x",
        5,
        [],
        {},
        {"token": "abc"},
        {"token": None, "groups": [], "changed": 1},
        {"token": "abc", "groups": 1, "changed": 1},
        {"token": "abc", "groups": [5], "changed": 1},
        {"token": "abc", "groups": [[["unread"], [1]]], "changed": 1},
        {"token": "abc", "groups": [[[["verb", "old", "new"]], [1]]], "changed": 1},
    ],
    ids=str,
)
def test_what_another_version_kept_is_nothing_to_undo(client: Client, kept: Any) -> None:
    user = make_user("somebody")
    row = make_notification(user)
    InboxState.objects.create(pk=user.pk, undo=kept)
    client.force_login(user)
    assert client.post(reverse("notifications:undo"), {"undo": "abc"}).status_code == 302
    response = client.post(reverse("notifications:act"), {"action": "done", "id": row.slug, "command": "c"})
    assert response.status_code == 302
    assert user.notifications.done().count() == 1
