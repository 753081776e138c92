"""The bytes of a stream, and the cursor by which a browser says how far it has come."""

from __future__ import annotations

import json
import random
from base64 import urlsafe_b64encode
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone as zones
from hashlib import blake2b
from typing import Any, NamedTuple

from django.utils import timezone

from notifications.storage.expressions import moment_of

#: The headers of a stream. GZip would hold it back, and nginx too; Django 5.2 would cache what is not private.
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "private, no-cache, no-store",
    "Content-Encoding": "identity",
    "X-Accel-Buffering": "no",
}

#: The most rows that a cursor names one by one.
MAX_CURSOR_ROWS = 100
#: What a cursor has in the place of rows that would be too many.
TOO_MANY = "!"

#: The last event before a browser stops by itself.
BYE = b"event: bye\ndata: {}\n\n"

EPOCH = datetime(1970, 1, 1, tzinfo=zones.utc)


class Frame(NamedTuple):
    """The bytes of one event, and the id that the browser has with it."""

    data: bytes
    id: str


class Counts(NamedTuple):
    """The two counts of the bell."""

    unread: int
    unseen: int


def hello() -> bytes:
    """Return the first bytes of a stream: when to come back, each browser a little later or sooner than the next."""
    return b": hello\nretry: %d\n\n" % random.randint(1000, 3000)  # noqa: S311 - nobody is to guess it wrong


def frame(event: str, data: str, cursor: str) -> Frame:
    """Return one event. ``data`` is JSON on one line; ``cursor`` is where the browser has come to with it."""
    return Frame(f"event: {event}\nid: {cursor}\ndata: {data}\n\n".encode(), cursor)


def count_frame(counts: Counts, cursor: str) -> Frame:
    """Return the event with both counts."""
    return frame("count", json.dumps(counts._asdict()), cursor)


def changed_frame(cursor: str) -> Frame:
    """Return the event that says: look at your list. It depends on no count."""
    return frame("changed", "{}", cursor)


def resync_frame(cursor: str) -> Frame:
    """Return the event for a browser that missed more than is sent one by one: read the list again."""
    return frame("resync", "{}", cursor)


def heartbeat(cursor: str) -> bytes:
    """Return the event that keeps the connection open, with the cursor. Without it a stream counts as lost."""
    position = f"id: {cursor}\n" if cursor else ""
    return f"event: alive\n{position}data: {{}}\n\n".encode()


def mark(pk: Any, inbox_at: datetime) -> str:
    """Return eight characters for a row as it stands in the inbox; a snoozed one that is back has others."""
    return urlsafe_b64encode(blake2b(f"{pk} {micros(inbox_at)}".encode(), digest_size=6).digest()).decode()


def micros(moment: datetime) -> int:
    """Return the microseconds since 1970; a naive moment counts as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zones.utc)
    return (moment - EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a browser has come: it knows all rows up to ``since``, and of the later ones those in ``known``.

    Where those would be too many it is partial: nobody knows which of the later ones the browser has.
    """

    since: datetime
    known: frozenset[str] = frozenset()
    is_partial: bool = False

    @classmethod
    def at(cls, since: datetime, marks: Collection[str]) -> Cursor:
        """Return the cursor of who knows all rows up to ``since`` and those with these marks."""
        is_partial = len(marks) > MAX_CURSOR_ROWS
        return cls(since, frozenset() if is_partial else frozenset(marks), is_partial)

    def dumps(self) -> str:
        """Return the cursor as a text for the wire."""
        marks = TOO_MANY if self.is_partial else "".join(sorted(self.known))
        return f"{micros(self.since):x}.{marks}"

    @classmethod
    def loads(cls, text: str) -> Cursor | None:
        """Return the cursor that a browser sent back, or None for one that we did not make."""
        number, dot, marks = text.partition(".")
        is_partial = marks == TOO_MANY
        if not dot or (len(marks) % 8 and not is_partial) or len(marks) > 8 * MAX_CURSOR_ROWS:
            return None
        try:
            since = EPOCH + timedelta(microseconds=int(number, 16))
        except (ValueError, OverflowError):
            return None
        if timezone.is_naive(timezone.now()):
            since = since.replace(tzinfo=None)
        marks = "" if is_partial else marks
        known = frozenset(marks[start : start + 8] for start in range(0, len(marks), 8))
        return cls.since_then(since, known, is_partial)

    @classmethod
    def of_page(cls, text: str) -> Cursor | None:
        """Return the cursor of a page that was made at a time, in ISO 8601, or None for any other text."""
        try:
            since = moment_of(text)
        except ValueError:
            since = None
        if since is None:
            return None
        fits = timezone.is_naive(since) == timezone.is_naive(timezone.now())
        return cls.since_then(since) if fits else None

    @classmethod
    def since_then(
        cls, since: datetime, known: frozenset[str] = frozenset(), is_partial: bool = False
    ) -> Cursor | None:
        """Return the cursor with these values, or None where nobody can have it."""
        # Nobody has come further than now, and nobody needs what is older than any notification.
        return cls(min(since, timezone.now()), known, is_partial) if since.year >= 1970 else None
