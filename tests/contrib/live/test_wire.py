"""The bytes of a stream, and the cursor that a browser sends back."""

from __future__ import annotations

from datetime import timedelta, timezone as zones
from typing import Any

import pytest
from django.utils import timezone

from notifications.contrib.live import wire
from notifications.contrib.live.wire import MAX_CURSOR_ROWS, Cursor, mark
from tests.factories import moment


def test_an_event_is_one_block_with_its_id() -> None:
    assert wire.frame("count", "{}", "5.abc") == (b"event: count\nid: 5.abc\ndata: {}\n\n", "5.abc")


def test_a_heartbeat_is_an_event_that_moves_the_id() -> None:
    """A browser shows no comment to a script, which has to know that a stream is not lost."""
    assert wire.heartbeat("5.abc") == b"event: alive\nid: 5.abc\ndata: {}\n\n"
    assert wire.heartbeat("") == b"event: alive\ndata: {}\n\n"


def test_browsers_come_back_at_different_moments() -> None:
    waits = {int(wire.hello().split(b"retry: ")[1]) for _ in range(200)}
    assert len(waits) > 50
    assert min(waits) >= 1000
    assert max(waits) <= 3000


def test_a_row_has_another_mark_when_it_is_back() -> None:
    first, later = moment(2026, 11, 24, 12, 0, 0), moment(2026, 11, 24, 12, 0, 1)
    assert mark(1, first) == mark(1, first)
    assert len({mark(1, first), mark(1, later), mark(2, first)}) == 3
    assert len(mark(1, first)) == 8


def test_a_cursor_comes_back_as_it_went() -> None:
    now = timezone.now()
    cursor = Cursor.at(now, {mark(pk, now) for pk in range(3)})
    assert Cursor.loads(cursor.dumps()) == cursor
    assert Cursor.loads(Cursor(now).dumps()) == Cursor(now)


def test_a_cursor_comes_back_where_moments_have_no_time_zone(settings: Any) -> None:
    settings.USE_TZ = False
    now = timezone.now()
    assert timezone.is_naive(now)
    assert Cursor.loads(Cursor(now).dumps()) == Cursor(now)


def test_a_cursor_of_too_many_rows_says_that_it_is_partial() -> None:
    now = timezone.now()
    marks = {mark(number, now) for number in range(MAX_CURSOR_ROWS + 1)}

    cursor = Cursor.at(now, marks)

    assert cursor == Cursor(now, is_partial=True)
    assert Cursor.loads(cursor.dumps()) == cursor
    assert Cursor.at(now, set(list(marks)[1:])).known < marks
    assert len(Cursor.at(now, set(list(marks)[1:])).dumps()) < 1000


def test_a_page_that_says_when_it_was_made_is_where_its_stream_begins() -> None:
    now = timezone.now()
    assert Cursor.of_page(now.isoformat()) == Cursor(now)
    for text in ("", "yesterday", "17", "2026-13-01T00:00:00+00:00", "1969-01-01T00:00:00+00:00"):
        assert Cursor.of_page(text) is None
    first = now.replace(year=1970)
    assert Cursor.of_page(first.isoformat()) == Cursor(first)
    if now.tzinfo:
        # PostgreSQL refuses such an offset, and the query of a round is one for everybody.
        odd = Cursor.of_page(now.astimezone(zones(timedelta(hours=23, minutes=59))).isoformat())
        assert odd == Cursor(now)
        assert odd.since.utcoffset() == timedelta(0)
    other = now.replace(tzinfo=None) if now.tzinfo else now.replace(tzinfo=zones.utc)
    assert Cursor.of_page(other.isoformat()) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "17",
        "x.",
        ".",
        "-1.",
        "5.seven",
        "5." + "x" * 8 * (MAX_CURSOR_ROWS + 1),
        "f" * 40 + ".",
        "é.",
        "!",
        "x.!",
        "<b>.",
    ],
)
def test_what_we_did_not_make_is_no_cursor(text: str) -> None:
    assert Cursor.loads(text) is None


def test_nobody_has_come_further_than_now() -> None:
    cursor = Cursor.loads(Cursor(timezone.now() + timedelta(days=9)).dumps())
    assert cursor is not None
    assert cursor.since <= timezone.now()
