"""Who acts on an object, or is named in an event about it, participates in it from then on."""

from __future__ import annotations

from itertools import islice
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import QuerySet
from django.utils import timezone

from notifications.contrib.subscriptions.conf import settings
from notifications.contrib.subscriptions.containment import object_key
from notifications.contrib.subscriptions.levels import Level, weaker_than
from notifications.contrib.subscriptions.operations import (
    participation_changes,
    subscriptions_for_write,
    upsert,
)
from notifications.events import Event
from notifications.storage.reasons import Reason

#: The most users whose rows go into one statement.
MAX_BATCH = 500


def record_participation(event: Event, named: QuerySet[Any] | None) -> None:
    """Let those who act, and those who are named, participate in the target of the event."""
    target = event.target
    if target is None:
        return
    if settings.WATCH_WHEN_ACTING and isinstance(event.actor, get_user_model()) and event.actor != target:
        reason = Reason.COMMENT if event.action_object is not None else Reason.STATE_CHANGE
        add_participants([event.actor.pk], target, reason)
    if settings.WATCH_WHEN_CALLED and named is not None and event.reason in (Reason.MENTION, Reason.ASSIGN):
        keys = named.values_list("pk", flat=True).iterator(chunk_size=MAX_BATCH)
        while batch := list(islice(keys, MAX_BATCH)):
            add_participants(batch, target, event.reason)


def add_participants(users: list[Any], obj: models.Model, reason: str) -> None:
    """Let users participate in the object; who does so already, as strongly, costs no more than a query."""
    # Every event comes by here, and Django takes longer to write the condition than it takes to judge the rows.
    known = (
        subscriptions_for_write()
        .filter(user__in=users, object_key=object_key(obj))
        .values_list("user", "reason", "until")
    )
    weaker, now = weaker_than(reason), timezone.now()
    done = {user for user, before, until in known if before not in weaker and not (until and until <= now)}
    if left := [user for user in users if user not in done]:
        upsert(left, obj, level=Level.NONE, reason=reason, changes=participation_changes(reason))
