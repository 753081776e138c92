"""How a worker gets deliveries that no other worker has, and notes what became of them.

A claim is a short transaction. It moves the next attempt behind the lease and sets a token. A worker that dies leaves
rows that are due again when the lease is over. One that is late does not find its token any more, and notes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID, uuid4

from django.db import connections, models
from django.db.models import F

from notifications.contrib.delivery.choices import DIGESTS, Frequency, Status
from notifications.contrib.delivery.clocks import stored, stored_after
from notifications.contrib.delivery.models import Delivery
from notifications.storage.locking import retry, writing

#: How long a worker may need for what it claimed before another one takes it. It is renewed while the worker sends.
LEASE = timedelta(minutes=5)

#: How long after its moment a digest is claimed: a notification that was due then may have been committed later.
DIGEST_WAIT = timedelta(seconds=60)

#: How many rows are read for each recipient to find, how many rows a worker claims at once beside those of one
#: recipient, and how often it looks for others after another worker has taken all that it found.
ROWS_PER_DIGEST, MAX_ROWS, DIGEST_TRIES = 20, 2_000, 3


@dataclass(slots=True)
class Claim:
    """The deliveries that a worker claimed, and the token by which they are its own."""

    using: str
    deliveries: list[Delivery] = field(default_factory=list)
    token: UUID = field(default_factory=uuid4)

    def rows(self) -> models.QuerySet[Delivery]:
        """Return the rows that are still its own."""
        return Delivery.objects.using(self.using).filter(status=Status.PENDING, token=self.token)

    def note(self, deliveries: list[Delivery], **values: Any) -> int:
        """Store these values in those of the deliveries that are still its own, and release them."""
        keys = [delivery.pk for delivery in deliveries]
        return retry(lambda: self.write(keys, {**values, "token": None}), self.using) if keys else 0

    def write(self, keys: list[Any], values: Mapping[str, Any]) -> int:
        """Update those of these rows that are still its own.

        There is one such statement for each message, and compiling a query would take more time than executing it.
        """
        connection, meta = connections[self.using], Delivery._meta
        key: Any = meta.pk
        quote = connection.ops.quote_name

        def prepared(name: str, value: Any) -> tuple[str, Any]:
            field: Any = meta.get_field(name)
            return f"{quote(field.column)} = %s", field.get_db_prep_save(value, connection)

        changes, changed = zip(*(prepared(name, value) for name, value in values.items()), strict=True)
        is_ours, ours = zip(prepared("status", Status.PENDING), prepared("token", self.token), strict=True)
        marks = ", ".join(["%s"] * len(keys))
        # Only names that Django quoted go into the text; every value is a parameter.
        sql = (
            f"UPDATE {quote(meta.db_table)} SET {', '.join(changes)} "  # noqa: S608
            f"WHERE {' AND '.join(is_ours)} AND {quote(key.column)} IN ({marks})"
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, [*changed, *ours, *keys])
            return int(cursor.rowcount)

    def renew(self, deliveries: list[Delivery], now: datetime) -> list[Delivery]:
        """Begin the lease of these deliveries again. Return those that are still its own."""
        keys = [delivery.pk for delivery in deliveries]
        ours = self.rows().filter(pk__in=keys)
        if retry(lambda: ours.update(next_attempt_at=stored_after(now, LEASE)), self.using) == len(keys):
            return deliveries
        kept = set(ours.values_list("pk", flat=True))
        return [delivery for delivery in deliveries if delivery.pk in kept]


def due(using: str, channel: str, frequency: str, now: datetime) -> models.QuerySet[Delivery]:
    """Return the deliveries that are due, the longest due first."""
    # One status by equality and one range of moments: the index has them in this order.
    rows = Delivery.objects.using(using).filter(
        status=Status.PENDING, channel=channel, frequency=frequency, next_attempt_at__lte=stored(now)
    )
    return rows.order_by(F("next_attempt_at").asc(nulls_first=True))


def claim_instant(using: str, channel: str, now: datetime, limit: int) -> Claim:
    """Claim deliveries that are sent one by one."""
    claim = Claim(using)
    rows = due(using, channel, Frequency.INSTANT, now)
    skips = connections[using].features.has_select_for_update_skip_locked

    def write() -> list[Any]:
        # SQLite has one writer at a time, and refuses to write in a transaction that began by reading.
        with writing(using) if skips else nullcontext():
            chosen = rows.select_for_update(skip_locked=True) if skips else rows
            keys = list(chosen.values_list("pk", flat=True)[:limit])
            if keys:
                free = rows.order_by().filter(pk__in=keys)
                free.update(token=claim.token, next_attempt_at=stored_after(now, LEASE))
            return keys

    keys = retry(write, using)
    if keys:
        claim.deliveries = list(claim.rows().filter(pk__in=keys).order_by("due_at", "pk"))
    return claim


def claim_digests(using: str, channel: str, now: datetime, limit: int) -> Claim:
    """Claim the digests of recipients: all that is due for each, so that no two workers send parts of one."""
    claim = Claim(using)
    for _ in range(DIGEST_TRIES):
        recipients = due_recipients(using, channel, now - DIGEST_WAIT, limit)
        if not recipients:
            break
        claimed = take_digests(claim, channel, now, recipients)
        if claimed:
            ours = claim.rows().filter(recipient__in=claimed, channel=channel)
            claim.deliveries = list(ours.order_by("recipient_id", "due_at", "pk"))
            break
    return claim


def due_recipients(using: str, channel: str, then: datetime, limit: int) -> list[Any]:
    """Return recipients whose digests were due at a moment, the longest due first."""
    recipients: dict[Any, None] = {}
    for frequency in DIGESTS:
        found = due(using, channel, frequency, then).values_list("recipient_id", flat=True)
        # The rows of one recipient are often side by side.
        recipients |= dict.fromkeys(found[: limit * ROWS_PER_DIGEST])
    return list(recipients)[:limit]


def take_digests(claim: Claim, channel: str, now: datetime, recipients: list[Any]) -> list[Any]:
    """Claim what is due for these recipients, or for the first of them if it is much. Return for whom."""
    rows = Delivery.objects.using(claim.using).filter(
        status=Status.PENDING,
        channel=channel,
        frequency__in=DIGESTS,
        next_attempt_at__lte=stored(now - DIGEST_WAIT),
    )
    there = rows.filter(recipient__in=recipients).order_by("recipient_id", "pk")
    locks = connections[claim.using].features.has_select_for_update

    def write() -> list[Any]:
        with writing(claim.using) if locks else nullcontext():
            # In one order: another worker that wants the same waits for the first of them, and then finds nothing.
            found = there.select_for_update() if locks else there
            chosen = first_recipients(found.values_list("recipient_id", flat=True), MAX_ROWS)
            mine = rows.filter(recipient__in=chosen)
            count = mine.update(token=claim.token, next_attempt_at=stored_after(now, LEASE)) if chosen else 0
            return chosen if count else []

    return retry(write, claim.using)


def first_recipients(found: Iterable[Any], most: int) -> list[Any]:
    """Return the recipients of the first rows: at least one of them, and as many as have so many rows together."""
    chosen: list[Any] = []
    total = 0
    for recipient, some in groupby(found):
        total += len(list(some))
        if chosen and total > most:
            break
        chosen.append(recipient)
    return chosen
