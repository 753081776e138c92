"""Which subscription of a user decides about an object or an event, as the rules in the database say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models

from notifications.contrib.subscriptions.containment import Ancestry, Surroundings
from notifications.contrib.subscriptions.levels import PARTICIPATING_REASONS, Level
from notifications.contrib.subscriptions.models import Subscription
from notifications.contrib.subscriptions.operations import subscriptions_for_write
from notifications.contrib.subscriptions.rules import DECISIONS, MUTED_PARENT, NOTIFIED, Number
from notifications.storage.owners import user_pk


def deciding_rows(user: Any, ancestry: Ancestry) -> list[tuple[int, Subscription]]:
    """Return the decision on each path where there is one, and the subscription that decides there. Costs one query."""
    numbers = {f"number_{place}": Number(ancestry, place) for place in range(len(ancestry.paths))}
    mine = subscriptions_for_write().filter(user=user_pk(user), object_key__in=list(ancestry.objects))
    rows = list(mine.annotate(**numbers))
    found = []
    for name in numbers:
        decided = [(number, row) for row in rows if (number := getattr(row, name)) is not None]
        if decided:
            number, row = min(decided, key=lambda pair: pair[0])
            found.append((number % DECISIONS, row))
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """How a user stands to an object: the level that holds there now.

    ``until`` is when a mute ends by itself. ``reason`` is why the user participates in the object, or an empty text.
    ``source`` is the subscription to what contains the object, if that one decides.
    """

    level: Level = Level.PARTICIPATING
    until: datetime | None = None
    reason: str = ""
    source: Subscription | None = None

    @property
    def is_muted_here(self) -> bool:
        """Return whether the user muted the object itself."""
        return self.level == Level.MUTED and self.source is None


def standing_of(user: Any, obj: models.Model) -> Standing:
    """Return how the user stands to the object. Costs a query, and what it costs to load the parents of the object."""
    around = Surroundings([obj])
    [(key, path)] = around.paths.items()
    found = deciding_rows(user, Ancestry(frozenset([key]), (path,), around.objects))
    if not found:
        return Standing()
    [(kind, row)] = found
    source = None if row.object_key == key else row
    if kind <= MUTED_PARENT:
        return Standing(Level.MUTED, row.mute_ends, source=source)
    reason = row.reason if source is None and row.reason in PARTICIPATING_REASONS else ""
    everything = kind == NOTIFIED and row.level_now == Level.ALL
    return Standing(Level.ALL if everything else Level.PARTICIPATING, None, reason, source)
