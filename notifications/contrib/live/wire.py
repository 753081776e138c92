"""The bytes of a stream, and the cursor by which a browser says how far it has come."""

from __future__ import annotations

import random
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone as zones
from hashlib import blake2b
from typing import Any, NamedTuple

from django.utils import timezone

#: The headers of a stream. GZip would hold it back, and nginx too.
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-store",
    "Content-Encoding": "identity",
    "X-Accel-Buffering": "no",
}

#: The most rows that a cursor names one by one, the newest.
MAX_CURSOR_ROWS = 100

#: The last event before a browser stops by itself.
BYE = b"event: bye\ndata: {}\n\n"
#: For a browser that missed more than is sent one by one: read the list again.
RESYNC = b"event: resync\ndata: {}\n\n"

EPOCH = datetime(1970, 1, 1, tzinfo=zones.utc)


class Frame(NamedTuple):
    """The bytes of one event, and the id that the browser has with it."""

    data: bytes
    id: str


def hello() -> bytes:
    """Return the first bytes of a stream: when to come back, each browser a little later or sooner than the next."""
    return b": hello\nretry: %d\n\n" % random.randint(1000, 3000)  # noqa: S311 - nobody is to guess it wrong


def frame(event: str, data: str, cursor: str) -> Frame:
    """Return one event. ``data`` is JSON on one line; ``cursor`` is where the browser has come to with it."""
    return Frame(f"event: {event}\nid: {cursor}\ndata: {data}\n\n".encode(), cursor)


def heartbeat(cursor: str) -> bytes:
    """Return a comment that keeps the connection open, with the cursor, which a browser takes up in silence."""
    return f": hb\nid: {cursor}\n\n".encode() if cursor else b": hb\n\n"


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
    """How far a browser has come: it knows all rows up to ``since``, and of the later ones those in ``known``."""

    since: datetime
    known: frozenset[str] = frozenset()

    @classmethod
    def at(cls, since: datetime, rows: Mapping[str, datetime]) -> Cursor:
        """Return the cursor of who knows all rows up to ``since`` and these, by their marks.

        Of very many it remembers the newest, and takes for known whatever is older than those.
        """
        if len(rows) > MAX_CURSOR_ROWS:
            newest = sorted(rows.items(), key=lambda row: row[1], reverse=True)
            since = max(since, newest[MAX_CURSOR_ROWS][1])
            rows = dict(newest[:MAX_CURSOR_ROWS])
        return cls(since, frozenset(rows))

    def dumps(self) -> str:
        """Return the cursor as a text for the wire."""
        return f"{micros(self.since):x}.{''.join(sorted(self.known))}"

    @classmethod
    def loads(cls, text: str) -> Cursor | None:
        """Return the cursor that a browser sent back, or None for one that we did not make."""
        number, dot, marks = text.partition(".")
        if not dot or len(marks) % 8 or len(marks) > 8 * MAX_CURSOR_ROWS:
            return None
        try:
            since = EPOCH + timedelta(microseconds=int(number, 16))
        except (ValueError, OverflowError):
            return None
        now = timezone.now()
        if timezone.is_naive(now):
            since = since.replace(tzinfo=None)
        known = frozenset(marks[start : start + 8] for start in range(0, len(marks), 8))
        # Nobody has come further than now, and nobody needs what is older than any notification.
        return cls(min(since, now), known) if since.year >= 1970 else None
