"""What a round makes of what the database answered, without one."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.utils import timezone

from notifications.contrib.live.rounds import RecipientUpdate, add, cursor_at
from notifications.contrib.live.snapshots import EventRow, InboxRow
from notifications.contrib.live.streams import Position, Recipient
from notifications.contrib.live.wire import Counts, Cursor, mark


def test_where_too_much_is_known_to_be_listed_the_cursor_is_partial() -> None:
    """Who came back with it would be sent nothing of what it could not list."""
    now = timezone.now()
    assert Cursor.loads(cursor_at(Position(now, {}, digest=7), ())) == Cursor(now, is_partial=True)
    known = {mark(pk, now): now for pk in range(3)}
    first = mark(0, now)
    assert Cursor.loads(cursor_at(Position(now, known), [first])) == Cursor(
        now, frozenset({*known} - {first})
    )


@pytest.mark.parametrize(
    ("is_known", "counts", "has_changed"),
    [
        (True, Counts(1, 1), False),
        (True, Counts(2, 1), True),
        (False, Counts(1, 1), True),
    ],
)
def test_a_row_of_an_event_changes_the_inbox_by_itself_or_by_its_counts(
    is_known: bool, counts: Counts, has_changed: bool
) -> None:
    now = timezone.now()
    known = {mark(1, now): now} if is_known else {}
    update = RecipientUpdate(Recipient(1), Position(now, known), Counts(1, 1), None, [])
    add(update, EventRow(uuid4(), 1, InboxRow(1, now), counts), now)
    assert (update.has_changed, update.counts) == (has_changed, counts)
