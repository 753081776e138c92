"""How a worker gets deliveries that no other worker has, and notes what became of them.

A claim is a short transaction. It moves the next attempt behind the lease and sets a token. A worker that dies leaves
rows that are due again when the lease is over. One that is late does not find its token any more, and notes nothing.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.db import connections, models, transaction
from django.db.models import F

from notifications.contrib.delivery.choices import DIGESTS, Frequency, Status
from notifications.contrib.delivery.clocks import stored
from notifications.contrib.delivery.models import Delivery
from notifications.storage.locking import retry

#: How long a worker may need for what it claimed before another one takes it. It is renewed while the worker sends.
LEASE = timedelta(minutes=5)

#: How long after its moment a digest is claimed: a notification that was due then may have been committed later.
DIGEST_WAIT = timedelta(seconds=60)


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
        changed: int = retry(lambda: self.rows().filter(pk__in=keys).update(token=None, **values), self.using)
        return changed

    def renew(self, deliveries: list[Delivery], now: datetime) -> list[Delivery]:
        """Begin the lease of these deliveries again. Return those that are still its own."""
        keys = [delivery.pk for delivery in deliveries]
        ours = self.rows().filter(pk__in=keys)
        if retry(lambda: ours.update(next_attempt_at=stored(now + LEASE)), self.using) == len(keys):
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
        with transaction.atomic(using) if skips else nullcontext():
            chosen = rows.select_for_update(skip_locked=True) if skips else rows
            keys = list(chosen.values_list("pk", flat=True)[:limit])
            if keys:
                free = rows.order_by().filter(pk__in=keys)
                free.update(token=claim.token, next_attempt_at=stored(now + LEASE))
            return keys

    keys = retry(write, using)
    if keys:
        claim.deliveries = list(claim.rows().filter(pk__in=keys).order_by("due_at", "pk"))
    return claim


def claim_digests(using: str, channel: str, now: datetime, limit: int) -> Claim:
    """Claim the digests of recipients: all that is due for each, so that no two workers send parts of one."""
    claim, then = Claim(using), now - DIGEST_WAIT
    recipients: dict[Any, None] = {}
    for frequency in DIGESTS:
        found = due(using, channel, frequency, then).values_list("recipient_id", flat=True)
        recipients |= dict.fromkeys(found[:limit])
    free = Delivery.objects.using(using).filter(
        status=Status.PENDING, channel=channel, next_attempt_at__lte=stored(then)
    )
    claimed = []
    for recipient in list(recipients)[:limit]:
        # Another worker that wants the same waits for this statement, and then finds nothing.
        rows = free.filter(recipient=recipient).exclude(frequency=Frequency.INSTANT)
        take = partial(rows.update, token=claim.token, next_attempt_at=stored(now + LEASE))
        if retry(take, using):
            claimed.append(recipient)
    if claimed:
        ours = claim.rows().filter(recipient__in=claimed, channel=channel)
        claim.deliveries = list(ours.order_by("recipient", "due_at", "pk"))
    return claim
