"""What a hub does in its thread: query the database for a round, and render what the streams are sent."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from django.utils import timezone

from notifications.contrib.live import queries, rounds
from notifications.contrib.live.rendering import render
from notifications.contrib.live.rounds import RecipientUpdate, Round, StreamUpdate
from notifications.contrib.live.snapshots import Snapshot
from notifications.contrib.live.streams import Stream
from notifications.contrib.live.wire import Counts
from notifications.extensions import row_filters
from notifications.objects.isolation import is_gone
from notifications.storage.counts import unread_count, unseen_count

logger = logging.getLogger("notifications")


def get_updates(asked: Round) -> list[RecipientUpdate]:
    """Return what there is to send. Nothing counts as sent before the hub has done so."""
    updates: dict[str, RecipientUpdate] = {}
    if asked.checked:
        check(asked, updates)
    if asked.events:
        look_up(asked, updates)
    for update in updates.values():
        rounds.limit(update)
    if row_filters():
        for update in updates.values():
            narrow(update)
    loaded, failed = queries.load_rows(
        {row.pk for update in updates.values() for part in update.streams for row in part.rows.values()}
    )
    for pk, error in failed.items():
        # It counts as sent: what fails for this row is not to be tried in each round.
        logger.error("A notification could not be fetched for the live streams: %s", pk, exc_info=error)
    texts = render_rows([part for update in updates.values() for part in update.streams], loaded)
    for update in updates.values():
        rounds.write(update, texts)
    return list(updates.values())


def narrow(update: RecipientUpdate) -> None:
    """Leave to each stream only what its request sees, as the extensions say, with counts of that."""
    for part in update.streams:
        rows, part.counts = part.rows, Counts(0, 0)
        part.rows = {}
        try:
            request = part.stream.make_request()
            seen = queries.visible_keys({row.pk for row in rows.values()}, request)
            part.counts = Counts(unread_count(request.user, request), unseen_count(request.user, request))
        except Exception as error:
            if is_gone(error, queries.database()):
                # Then the round fails, and is tried again.
                raise
            logger.exception("The notifications for a live stream could not be narrowed. It is sent none.")
        else:
            part.rows = {mark: row for mark, row in rows.items() if row.pk in seen}


def check(asked: Round, updates: dict[str, RecipientUpdate]) -> None:
    """Add the updates of those whose inboxes are looked at, by one query for all of them."""
    now = timezone.now()
    streams = [stream for recipient in asked.checked for stream in asked.streams[recipient]]
    start = rounds.start_of(streams, now)
    snapshots = queries.snapshots([recipient.pk for recipient in asked.checked], start)
    missed = {
        stream: queries.missed(stream.login.user_pk, stream.cursor)
        for stream in streams
        if stream.cursor is not None and rounds.was_away_longer(stream, start)
    }
    for recipient in asked.checked:
        snapshot = snapshots.get(recipient.key, Snapshot())
        updates[recipient.key] = rounds.compare(
            recipient, asked.streams[recipient], snapshot, now - rounds.LOOK_BACK, missed
        )


def look_up(asked: Round, updates: dict[str, RecipientUpdate]) -> None:
    """Add the rows of the events to the updates of their recipients, by one query for all of them."""
    now = timezone.now()
    recipients = {recipient.key: recipient for recipient in asked.streams}
    for found in queries.event_rows([recipient.pk for recipient in asked.streams], asked.events):
        recipient = recipients[str(found.recipient_pk)]
        update = updates.get(recipient.key) or rounds.no_news(recipient, asked.streams[recipient])
        if update is not None:
            updates[recipient.key] = update
            rounds.add(update, found, now)


def render_rows(parts: Iterable[StreamUpdate], loaded: dict[Any, Any]) -> dict[tuple[Stream, str], str]:
    """Return the JSON of what each stream is sent, made in the surroundings of its request.

    A row that is gone, or cannot be shown, has none.
    """
    texts: dict[tuple[Stream, str], str] = {}
    # Most streams have the same surroundings, which take as long to enter as a row takes to be shown.
    with_rows = (part for part in parts if part.rows)
    for surroundings, alike in groupby(with_rows, lambda part: part.stream.surroundings):
        with surroundings.entered():
            for part in alike:
                for mark, row in part.rows.items():
                    if row.pk in loaded and (text := render(loaded[row.pk], part.stream)) is not None:
                        texts[part.stream, mark] = text
    return texts
