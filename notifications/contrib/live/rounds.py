"""One round of a hub, as pure functions: from what the database answered and where the streams are, to frames."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from notifications.contrib.live import wire
from notifications.contrib.live.snapshots import InboxRow, Snapshot
from notifications.contrib.live.streams import Recipient, Stream
from notifications.contrib.live.wire import Cursor, Frame

#: How long a transaction may stay open and its rows are still sent. Rows become visible in the order in which they are
#: committed, not in the order of their keys or moments, so a hub looks back this far, and sends nothing twice.
LOOK_BACK = timedelta(seconds=60)

#: The longest absence after which a stream is sent what it missed by the query that is made for all, as after a
#: restart; after a longer one it costs a query of its own.
MAX_SHARED_ABSENCE = timedelta(minutes=5)

#: The most rows that are sent one by one to a browser that missed them. Who missed more reads the list again.
MAX_REPLAYED_ROWS = 100

#: The most rows that are remembered as sent to one recipient, the newest.
MAX_KNOWN_ROWS = 300


@dataclass(slots=True)
class Round:
    """What a round is about: the inboxes of ``checked`` are looked at, and ``events`` are looked up for everybody."""

    checked: list[Recipient]
    events: set[UUID]
    #: Everybody who is connected, and their streams when the round began.
    streams: dict[Recipient, tuple[Stream, ...]]


@dataclass(slots=True)
class StreamUpdate:
    """What one stream is sent: rows, the oldest first, or that it missed too many."""

    stream: Stream
    rows: dict[str, InboxRow] = field(default_factory=dict)
    #: Whether the stream is new, or was too slow, and is sent where it is.
    is_first: bool = False
    resync: bool = False
    frames: list[Frame] = field(default_factory=list)


@dataclass(slots=True)
class RecipientUpdate:
    """What a round found out about one recipient, and what each stream is sent of it."""

    recipient: Recipient
    known: dict[str, datetime]
    first: datetime
    since: datetime
    counts: tuple[int, int]
    streams: list[StreamUpdate]
    cursor: str = ""


def start_of(streams: Iterable[Stream], now: datetime) -> datetime:
    """Return from when on all inboxes are looked at: also what those streams missed that were away for a little."""
    left = [stream.cursor.since for stream in streams if not stream.is_current and stream.cursor is not None]
    return min([now - LOOK_BACK, *(moment for moment in left if moment > now - MAX_SHARED_ABSENCE)])


def was_away_longer(stream: Stream, start: datetime) -> bool:
    """Tell whether a stream comes back from before ``start``, so that it needs a query of its own."""
    return not stream.is_current and stream.cursor is not None and stream.cursor.since < start


def compare(
    recipient: Recipient,
    streams: Iterable[Stream],
    snapshot: Snapshot,
    since: datetime,
    missed: Mapping[Stream, dict[str, InboxRow]],
) -> RecipientUpdate:
    """Compare what a recipient has with what the streams have been sent.

    ``missed`` has the rows of those streams that were away for longer than the snapshot goes back.
    """
    first = recipient.first or since
    fresh = {
        mark: row
        for mark, row in snapshot.rows.items()
        if mark not in recipient.known and row.inbox_at > first
    }
    updates = [
        StreamUpdate(stream, fresh) if stream.is_current else first_update(stream, snapshot, missed)
        for stream in streams
    ]
    known = recipient.known | {mark: row.inbox_at for mark, row in snapshot.rows.items()}
    if len(known) > MAX_KNOWN_ROWS:
        newest = sorted(known.items(), key=lambda row: row[1], reverse=True)
        known, first = dict(newest[:MAX_KNOWN_ROWS]), max(first, newest[MAX_KNOWN_ROWS][1])
    return RecipientUpdate(recipient, known, first, since, (snapshot.unread, snapshot.unseen), updates)


def first_update(
    stream: Stream, snapshot: Snapshot, missed: Mapping[Stream, dict[str, InboxRow]]
) -> StreamUpdate:
    """Return what a stream missed that comes back with a cursor, and nothing for one that is new."""
    cursor = stream.cursor
    if cursor is None:
        return StreamUpdate(stream, is_first=True)
    rows = missed.get(stream)
    if rows is None:
        rows = {
            mark: row
            for mark, row in snapshot.rows.items()
            if row.inbox_at > cursor.since and mark not in cursor.known
        }
    if len(rows) > MAX_REPLAYED_ROWS:
        return StreamUpdate(stream, is_first=True, resync=True)
    return StreamUpdate(stream, rows, is_first=True)


def no_news(recipient: Recipient, streams: Iterable[Stream]) -> RecipientUpdate | None:
    """Return an update to which the rows of an event are added; None for who is looked at in the next round."""
    if recipient.first is None or recipient.since is None or recipient.counts is None:
        return None
    updates = [StreamUpdate(stream) for stream in streams if stream.is_current]
    return RecipientUpdate(
        recipient, dict(recipient.known), recipient.first, recipient.since, recipient.counts, updates
    )


def add(update: RecipientUpdate, row: InboxRow, counts: tuple[int, int]) -> None:
    """Add the row of an event, unless it is known already."""
    update.counts = counts
    mark = wire.mark(row.pk, row.inbox_at)
    if mark in update.known or row.inbox_at <= update.first:
        return
    update.known[mark] = row.inbox_at
    for stream in update.streams:
        stream.rows = {**stream.rows, mark: row}


def write(update: RecipientUpdate, texts: Mapping[tuple[Stream, str], str]) -> None:
    """Write the frames of each stream. Each carries the cursor of who has come so far and not yet to what follows.

    ``texts`` has the JSON of each row for each stream, by mark. A row without one is not sent.
    """
    known = {mark: inbox_at for mark, inbox_at in update.known.items() if inbox_at > update.since}
    update.cursor = Cursor.at(update.since, known).dumps()
    for part in update.streams:
        if part.resync:
            part.frames.append(Frame(wire.RESYNC, ""))
        marks = [mark for mark, _ in sorted(part.rows.items(), key=lambda item: item[1].inbox_at)]
        later = set(marks)
        for mark in marks:
            later.discard(mark)
            cursor = update.cursor
            if later:
                come_so_far = {key: moment for key, moment in known.items() if key not in later}
                cursor = Cursor.at(update.since, come_so_far).dumps()
            text = texts.get((part.stream, mark))
            if text is not None:
                part.frames.append(wire.frame("notification", text, cursor))


def count_frame(update: RecipientUpdate, part: StreamUpdate, *, has_changed: bool = False) -> Frame | None:
    """Return the event with both counts where they changed, or the stream does not know them; else None.

    Also where the recipient's rows have changed in a way that the counts do not show: a browser that receives the
    counts looks at its list.
    """
    if not (has_changed or part.is_first or update.counts != update.recipient.counts):
        return None
    unread, unseen = update.counts
    return wire.frame("count", json.dumps({"unread": unread, "unseen": unseen}), update.cursor)
