"""One round of a hub, as pure functions: from what the database answered and where the streams are, to frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from notifications.contrib.live import wire
from notifications.contrib.live.snapshots import EventRow, InboxRow, Snapshot
from notifications.contrib.live.streams import Position, Recipient, Stream
from notifications.contrib.live.wire import Counts, Cursor, Frame

#: How long a transaction may stay open and its rows are still sent. Rows become visible in the order in which they are
#: committed, not in the order of their keys or moments, so a hub looks back this far, and sends nothing twice.
LOOK_BACK = timedelta(seconds=60)

#: The longest absence after which a stream is sent what it missed by the query that is made for all, as after a
#: restart; after a longer one it costs a query of its own.
MAX_SHARED_ABSENCE = timedelta(minutes=5)

#: The most rows that are sent one by one to a browser in one round. Who has more reads the list again.
MAX_REPLAYED_ROWS = 100

#: The most rows of one recipient that are remembered one by one. Where more come within ``LOOK_BACK``, a change among
#: them makes the browsers read the list again.
MAX_KNOWN_ROWS = 1000

#: By how much a clock may step back without any consequence.
MAX_CLOCK_STEP = timedelta(seconds=1)


@dataclass(slots=True)
class Round:
    """What a round is about: the inboxes of ``checked`` are looked at, and ``events`` are looked up for everybody."""

    checked: list[Recipient]
    events: set[UUID]
    #: Everybody who is connected, and their streams when the round began.
    streams: dict[Recipient, tuple[Stream, ...]]


@dataclass(slots=True)
class StreamUpdate:
    """What one stream is sent: rows, the oldest first, or that it has to read its list again."""

    stream: Stream
    rows: dict[str, InboxRow] = field(default_factory=dict)
    #: Whether it is the first one, with which the stream is sent where it is.
    is_first: bool = False
    resync: bool = False
    frames: list[Frame] = field(default_factory=list)
    #: The counts of what the request of the stream sees, if an extension narrows that.
    counts: Counts | None = None


@dataclass(slots=True)
class RecipientUpdate:
    """What a round found out about one recipient, and what each stream is sent of it."""

    recipient: Recipient
    position: Position
    counts: Counts
    first_uncounted: datetime | None
    streams: list[StreamUpdate]
    #: Whether anything in the inbox is not as it was.
    has_changed: bool = False
    cursor: str = ""


def start_of(streams: Iterable[Stream], now: datetime) -> datetime:
    """Return from when on all inboxes are looked at: also what those streams missed that were away for a little."""
    left = [stream.cursor.since for stream in streams if not stream.is_current and stream.cursor is not None]
    return min([now - LOOK_BACK, *(moment for moment in left if moment > now - MAX_SHARED_ABSENCE)])


def was_away_longer(stream: Stream, start: datetime) -> bool:
    """Return whether a stream comes back from before ``start``, so that it needs a query of its own."""
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
    before = recipient.position
    # Of all who are looked at in this round, somebody may have been away for longer.
    recent = {mark: row for mark, row in snapshot.rows.items() if row.inbox_at > since}
    position = position_of(before, recent, since)
    fresh: dict[str, InboxRow] = {}
    resync = False
    if before is not None:
        resync = position.digest != before.digest or since < before.since - MAX_CLOCK_STEP
        if not resync and position.digest is None:
            fresh = {mark: row for mark, row in recent.items() if mark not in before.known}
    updates = [
        StreamUpdate(stream, dict(fresh), resync=resync)
        if stream.is_current
        else first_update(stream, snapshot, missed)
        for stream in streams
    ]
    has_changed = before is None or bool(fresh) or resync
    if before is not None:
        has_changed = has_changed or position.gone != before.gone & position.known.keys()
    has_changed = has_changed or recipient.first_uncounted != snapshot.first_uncounted
    has_changed = has_changed or recipient.counts != snapshot.counts
    return RecipientUpdate(
        recipient, position, snapshot.counts, snapshot.first_uncounted, updates, has_changed
    )


def position_of(before: Position | None, recent: Mapping[str, InboxRow], since: datetime) -> Position:
    """Return where a recipient is with these rows of the inbox after ``since``."""
    if len(recent) > MAX_KNOWN_ROWS:
        return Position(since, {}, digest=hash(frozenset(recent)))
    known = {mark: at for mark, at in before.known.items() if at > since} if before is not None else {}
    gone = frozenset(known.keys() - recent.keys())
    known.update((mark, row.inbox_at) for mark, row in recent.items())
    return Position(since, known, gone)


def first_update(
    stream: Stream, snapshot: Snapshot, missed: Mapping[Stream, dict[str, InboxRow]]
) -> StreamUpdate:
    """Return what a stream missed that comes with a cursor, and nothing for one that comes without."""
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
    return StreamUpdate(stream, rows, is_first=True, resync=cursor.is_partial)


def no_news(recipient: Recipient, streams: Iterable[Stream]) -> RecipientUpdate | None:
    """Return an update to which the rows of an event are added; None for who is looked at in the next round."""
    if recipient.position is None or recipient.counts is None:
        return None
    updates = [StreamUpdate(stream) for stream in streams if stream.is_current]
    # Nothing counts as sent before the hub has done so.
    position = replace(recipient.position, known=dict(recipient.position.known))
    return RecipientUpdate(recipient, position, recipient.counts, recipient.first_uncounted, updates)


def add(update: RecipientUpdate, found: EventRow, now: datetime) -> None:
    """Add the row of an event, unless it is known already."""
    position, row = update.position, found.row
    update.has_changed = update.has_changed or update.counts != found.counts
    update.counts = found.counts
    mark = wire.mark(row.pk, row.inbox_at)
    if mark in position.known:
        return
    update.has_changed = True
    if position.digest is not None:
        for part in update.streams:
            part.resync = True
    elif row.inbox_at > position.since or happens_once(found.event):
        # Whatever moment it has: a bus says of an event when it is committed. It may say so twice.
        is_recent = row.inbox_at > position.since
        position.known[mark] = row.inbox_at if is_recent else now
        update.position = position if is_recent else replace(position, gone=position.gone | {mark})
        for part in update.streams:
            part.rows[mark] = row


def happens_once(event: UUID) -> bool:
    """Return whether an event has no key, by which it could be sent again much later, to others besides."""
    return event.version != 5


def write(update: RecipientUpdate, texts: Mapping[tuple[Stream, str], str]) -> None:
    """Write the frames of each stream. Each carries the cursor of who has come so far and not yet to what follows.

    ``texts`` has the JSON of each row for each stream, by mark. A row without one is not sent.
    """
    position = update.position
    update.cursor = cursor_at(position, frozenset())
    for part in update.streams:
        if part.resync:
            part.frames.append(wire.resync_frame(update.cursor))
            continue
        marks = [mark for mark, _ in sorted(part.rows.items(), key=lambda item: item[1].inbox_at)]
        later = set(marks)
        for mark in marks:
            later.discard(mark)
            cursor = cursor_at(position, later) if later else update.cursor
            text = texts.get((part.stream, mark))
            if text is not None:
                part.frames.append(wire.frame("notification", text, cursor))


def cursor_at(position: Position, later: Iterable[str]) -> str:
    """Return the cursor of who has come to this position, but for some rows."""
    if position.digest is not None:
        return Cursor(position.since, is_partial=True).dumps()
    return Cursor.at(position.since, position.known.keys() - set(later)).dumps()


def limit(update: RecipientUpdate) -> None:
    """Let those streams read their lists again that would be sent too many rows."""
    for part in update.streams:
        part.resync = part.resync or len(part.rows) > MAX_REPLAYED_ROWS
        if part.resync:
            part.rows = {}
