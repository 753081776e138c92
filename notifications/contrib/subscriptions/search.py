"""The search of the page of subscriptions: by the name of the object, and by the level."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from notifications.contrib.subscriptions.levels import Level
from notifications.contrib.subscriptions.models import Subscription
from notifications.contrib.subscriptions.operations import EXPIRED, IS_MUTED
from notifications.objects.keys import attach_objects

#: How many of the latest subscriptions are searched by name.
MAX_SEARCHED = 10_000

#: How many objects are loaded at a time.
BATCH_SIZE = 500


def with_level(rows: QuerySet[Subscription], level: str) -> QuerySet[Subscription]:
    """Return the rows on which this level holds now; all rows for an unknown level."""
    ended = Q(level=Level.MUTED) & EXPIRED
    all_activity = Q(level=Level.ALL) | (ended & Q(then=Level.ALL))
    if level == Level.MUTED:
        return rows.filter(IS_MUTED)
    if level == Level.ALL:
        return rows.filter(all_activity)
    return rows.exclude(IS_MUTED | all_activity) if level == Level.PARTICIPATING else rows


def named(rows: QuerySet[Subscription], text: str) -> QuerySet[Subscription]:
    """Return those of the latest rows whose object has all words of the text in its name, whatever their case.

    The names are those that the user sees, so that what is hidden from the user is not found by its name. Objects are
    loaded by a query for each content type and batch.
    """
    words = text.casefold().split()
    if not words:
        return rows
    latest, found, last = rows.order_by("-pk"), [], None
    for _ in range(0, MAX_SEARCHED, BATCH_SIZE):
        batch: list[Any] = list((latest if last is None else latest.filter(pk__lt=last))[:BATCH_SIZE])
        attach_objects(batch)
        found += [row.pk for row in batch if all(word in row.label().casefold() for word in words)]
        if len(batch) < BATCH_SIZE:
            break
        last = batch[-1].pk
    return rows.filter(pk__in=found)
