"""The number on the bell follows the arrival of rows, whatever their timestamp and the order of the commits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from notifications.conf import get_notification_model
from notifications.contrib.live.queries import snapshots
from notifications.inbox import tabs
from notifications.models import InboxState
from notifications.storage import counts
from notifications.storage.counts import mark_seen, unseen_count
from tests.factories import make_notification, make_user, rows

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _uncached(settings: Any) -> None:
    settings.NOTIFICATIONS = {"CACHE_TIMEOUT": 0}


def unseen(user: Any) -> int:
    """Return how many rows are unseen, which is the same wherever it is said."""
    number = int(unseen_count(user))
    request: Any = SimpleNamespace(user=user)
    assert tabs.counts_on(tabs.carrier_of([], request), request)["unseen"] == number
    assert snapshots([user.pk], timezone.now())[str(user.pk)].counts.unseen == number
    return number


#: What may arrive after the bell was opened, by what is unusual about it.
ARRIVALS: dict[str, Callable[[], dict[str, Any]]] = {
    "now": dict,
    "a late worker": lambda: {"timestamp": timezone.now() - HOUR / 6},
    "years ago": lambda: {"timestamp": timezone.now() - 24 * 365 * HOUR},
    "the oldest of all": lambda: {"timestamp": timezone.now() - 24 * 36500 * HOUR},
}


@pytest.mark.parametrize("arrival", ARRIVALS)
def test_what_arrives_after_the_bell_was_opened_is_unseen(justquick: Any, arrival: str) -> None:
    gap = make_notification(justquick)
    pk = gap.pk
    gap.delete()
    for hours in (0, 1, 200):
        make_notification(justquick, timestamp=timezone.now() - hours * HOUR)
    make_notification(make_user("brosner"))
    assert unseen(justquick) == 3
    mark_seen(justquick)
    assert unseen(justquick) == 0
    make_notification(justquick, **ARRIVALS[arrival]())
    assert unseen(justquick) == 1
    # One that was numbered before the others, and is committed now.
    late = get_notification_model()(
        pk=pk, recipient=justquick, actor=justquick, verb="late", **ARRIVALS[arrival]()
    )
    rows().bulk_create([late])
    assert unseen(justquick) == 2
    mark_seen(justquick)
    assert unseen(justquick) == 0


def test_a_row_of_a_clock_that_is_ahead_is_unseen_when_it_is_shown(justquick: Any) -> None:
    row = make_notification(justquick, timestamp=timezone.now() + HOUR)
    mark_seen(justquick)
    assert unseen(justquick) == 0
    # An hour later.
    InboxState.objects.update(seen_at=timezone.now() - HOUR)
    rows().filter(pk=row.pk).update(timestamp=timezone.now())
    assert unseen(justquick) == 1


def test_what_was_seen_stays_seen_whatever_the_user_does_with_it(justquick: Any) -> None:
    made = [make_notification(justquick) for _ in range(3)]
    mark_seen(justquick)
    for verb, opposite in (("read", "unread"), ("done", "unread"), ("saved", "unsaved")):
        for row in made:
            getattr(row, f"mark_as_{verb}")()
            getattr(row, f"mark_as_{opposite}")()
    assert unseen(justquick) == 0
    made[0].snooze(timezone.now() + HOUR)
    made[0].unsnooze()
    assert unseen(justquick) == 0
    # A snoozed row that returns is news.
    rows().filter(pk=made[1].pk).update(snoozed_until=timezone.now())
    assert unseen(justquick) == 1


def test_of_many_rows_the_latest_are_remembered(
    justquick: Any, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(counts, "MAX_SEEN_KEYS", 2)
    now = timezone.now()
    made = [make_notification(justquick, timestamp=now - hours * HOUR) for hours in (1, 2, 3, 4)]
    mark_seen(justquick)
    state = InboxState.objects.get(pk=justquick.pk)
    assert len(state.seen_keys.split(",")) == 4
    assert state.seen_floor == made[2].timestamp
    assert unseen(justquick) == 0
    for hours, number in ((1.5, 1), (2.5, 2), (3.5, 2), (4.5, 2)):
        make_notification(justquick, timestamp=now - hours * HOUR)
        assert unseen(justquick) == number


def test_nothing_is_seen_before_the_bell_was_opened(justquick: Any) -> None:
    make_notification(justquick)
    # Such as by an action, to undo it.
    InboxState.objects.create(pk=justquick.pk)
    assert unseen(justquick) == 1
    empty = make_user("brosner")
    mark_seen(empty)
    assert InboxState.objects.get(pk=empty.pk).seen_keys == ",,"
    make_notification(empty, timestamp=timezone.now() - HOUR)
    assert unseen(empty) == 1
