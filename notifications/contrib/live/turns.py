"""One turn of a hub: what it asks, and what each stream is told. Runs in the hub's own thread."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone, translation

from notifications.contrib.live import questions, wire
from notifications.contrib.live.questions import Seen, State
from notifications.contrib.live.streams import Stream
from notifications.presentation import serialize

logger = logging.getLogger("notifications")

#: How long a transaction may stay open and its rows are still told. Rows become visible in the order in which they are
#: committed, not in the order of their keys or moments, so a hub looks back this far, and tells of nothing twice.
LOOK_BACK = timedelta(seconds=60)

#: Who was away no longer than this is told what they missed by the question that is asked for all, as after a restart;
#: who was away for longer costs a question of their own.
SHORT_ABSENCE = timedelta(minutes=5)

#: So many rows are remembered as told to one listener, the newest.
REMEMBERED = 300


class Listener:
    """A recipient who is connected, by any number of streams: what they have been told."""

    __slots__ = ("counts", "cursor", "first", "key", "known", "pk", "since", "streams")

    def __init__(self, pk: Any) -> None:
        self.pk, self.key = pk, str(pk)
        self.streams: list[Stream] = []
        #: The rows that came after ``first``, by their marks: those that are new are told, and none is told twice.
        self.known: dict[str, datetime] = {}
        #: From when on rows were looked at, the first time and the last; None before the first look.
        self.first: datetime | None = None
        self.since: datetime | None = None
        self.counts: tuple[int, int] | None = None
        self.cursor = ""


@dataclass(slots=True)
class Asked:
    """What a turn is about: these listeners look at all that is theirs, and these events are looked up."""

    looks: list[Listener]
    events: set[UUID]
    everybody: list[Listener]


@dataclass(slots=True)
class News:
    """What one stream is told: rows, the oldest first, or that it missed too many."""

    stream: Stream
    rows: dict[str, Seen] = field(default_factory=dict)
    #: Whether the stream had to be told where it stands, as it has when it is new or fell behind.
    settles: bool = False
    resync: bool = False
    frames: list[tuple[bytes, str]] = field(default_factory=list)


@dataclass(slots=True)
class Outcome:
    """What a turn found out about one listener, and what it wants to say."""

    listener: Listener
    known: dict[str, datetime]
    first: datetime
    since: datetime
    counts: tuple[int, int]
    news: list[News]
    cursor: str = ""


def answer(asked: Asked) -> list[Outcome]:
    """Ask the database, and return what there is to say. Nothing is taken for told before the hub has done so."""
    outcomes: dict[str, Outcome] = {}
    rows: dict[Any, Any] = {}
    if asked.looks:
        now = timezone.now()
        since = now - LOOK_BACK
        start = min([since, *(left for left in left_at(asked.looks) if left > now - SHORT_ABSENCE)])
        found = questions.states([listener.pk for listener in asked.looks], start)
        for listener in asked.looks:
            outcomes[listener.key] = look(listener, found.get(listener.key, State()), since, start)
    if asked.events:
        listeners = {listener.key: listener for listener in asked.everybody}
        told = questions.told([listener.pk for listener in asked.everybody], asked.events)
        for row in told:
            listener = listeners[str(row.recipient_id)]
            outcome = outcomes.get(listener.key) or nothing_new(listener)
            if outcome is not None:
                outcomes[listener.key] = outcome
                add(outcome, row)
                rows[row.pk] = row
    wanted = {
        seen.pk for outcome in outcomes.values() for news in outcome.news for seen in news.rows.values()
    }
    if wanted - rows.keys():
        rows.update(questions.load(wanted - rows.keys()))
    for outcome in outcomes.values():
        write(outcome, rows)
    return list(outcomes.values())


def left_at(listeners: Sequence[Listener]) -> list[datetime]:
    """Return how far those streams have come that are back, or fell behind."""
    streams = (stream for listener in listeners for stream in tuple(listener.streams))
    return [stream.cursor.since for stream in streams if not stream.settled and stream.cursor is not None]


def look(listener: Listener, state: State, since: datetime, start: datetime) -> Outcome:
    """Compare what a listener has, in ``state`` from ``start`` on, with what its streams have been told."""
    first = listener.first or since
    fresh = {
        mark: seen
        for mark, seen in state.rows.items()
        if mark not in listener.known and seen.inbox_at > first
    }
    news = [
        News(stream, fresh) if stream.settled else news_of_newcomer(stream, state, start)
        for stream in tuple(listener.streams)
    ]
    known = listener.known | {mark: seen.inbox_at for mark, seen in state.rows.items()}
    if len(known) > REMEMBERED:
        newest = sorted(known.items(), key=lambda row: row[1], reverse=True)
        known, first = dict(newest[:REMEMBERED]), max(first, newest[REMEMBERED][1])
    return Outcome(listener, known, first, since, (state.unread, state.unseen), news)


def news_of_newcomer(stream: Stream, state: State, start: datetime) -> News:
    """Return what a stream missed that comes back with a cursor, and nothing for one that is new."""
    cursor = stream.cursor
    if cursor is None:
        return News(stream, settles=True)
    rows = {
        mark: seen
        for mark, seen in state.rows.items()
        if seen.inbox_at > cursor.since and mark not in cursor.known
    }
    missed = rows if cursor.since >= start else questions.missed(stream.login.user_pk, cursor)
    if missed is None or len(missed) > questions.REPLAY:
        return News(stream, settles=True, resync=True)
    return News(stream, missed, settles=True)


def nothing_new(listener: Listener) -> Outcome | None:
    """Return an outcome to which the rows of an event are added; None for who is looked at in the next turn."""
    if listener.first is None or listener.since is None or listener.counts is None:
        return None
    news = [News(stream) for stream in tuple(listener.streams) if stream.settled]
    return Outcome(listener, dict(listener.known), listener.first, listener.since, listener.counts, news)


def add(outcome: Outcome, row: Any) -> None:
    """Add the row of an event, unless it is known already."""
    outcome.counts = (row.ntf_unread, row.ntf_unseen)
    mark = wire.mark(row.pk, row.inbox_at)
    if mark in outcome.known or row.inbox_at <= outcome.first:
        return
    outcome.known[mark] = row.inbox_at
    for news in outcome.news:
        news.rows = {**news.rows, mark: Seen(row.pk, row.inbox_at)}


def write(outcome: Outcome, rows: dict[Any, Any]) -> None:
    """Write the events of each stream. Each carries the cursor of who has heard so much and not yet what follows."""
    known = {mark: inbox_at for mark, inbox_at in outcome.known.items() if inbox_at > outcome.since}
    outcome.cursor = wire.Cursor.at(outcome.since, known).dumps()
    for news in outcome.news:
        if news.resync:
            news.frames.append((wire.RESYNC, ""))
        left = sorted(news.rows.items(), key=lambda item: item[1].inbox_at)
        texts = [(mark, show(rows.get(seen.pk), news.stream)) for mark, seen in left]
        later = {mark for mark, _ in left}
        for mark, text in texts:
            later.discard(mark)
            cursor = outcome.cursor
            if later:
                heard = {key: at for key, at in known.items() if key not in later}
                cursor = wire.Cursor.at(outcome.since, heard).dumps()
            if text is not None:
                news.frames.append((wire.frame("notification", text, cursor), cursor))


def show(row: Any, stream: Stream) -> str | None:
    """Return one row as JSON in the language of the stream, or None when it is gone or cannot be shown."""
    if row is None:
        return None
    try:
        with translation.override(stream.language):
            return json.dumps(serialize.entry(row, stream.make_request()), cls=DjangoJSONEncoder)
    except Exception:
        # The page of an object may be broken; what is to be told of the others is not.
        logger.exception("A notification could not be shown to a live stream: %s", row.pk)
        return None


def count_frame(counts: tuple[int, int], cursor: str) -> tuple[bytes, str]:
    """Return the event that tells a browser both counts."""
    return wire.frame("count", json.dumps({"unread": counts[0], "unseen": counts[1]}), cursor), cursor


def frames_of(
    outcome: Outcome, news: News, *, changed: bool = False
) -> tuple[Sequence[tuple[bytes, str]], tuple[bytes, str] | None]:
    """Return what is pushed to a stream: its events, and the counts where they changed or are not known to it.

    Also where rows ``changed`` that leave the counts as they are: a browser that hears the counts looks at its list.
    """
    told = changed or outcome.counts != outcome.listener.counts or news.settles
    return news.frames, count_frame(outcome.counts, outcome.cursor) if told else None
