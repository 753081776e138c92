"""Detect an ``idempotency_key`` that was already used for another event."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from notifications.events import Event
from notifications.objects.fetch import model_of
from notifications.sending.prototype import prototype
from notifications.storage.notification import AbstractNotification

logger = logging.getLogger("notifications")

#: The columns in which two different events differ.
IDENTITY = ("verb", "actor_content_type_id", "actor_object_id", "target_content_type_id", "target_object_id")


def was_sent_before(model: type[AbstractNotification], event: Event, using: str) -> bool:
    """Return whether a row of this event exists. Log a warning if its key was used for another event.

    Another event has another actor, verb or target.
    """
    if event.key is None:
        return False
    rows = model._base_manager.using(using).filter(event=event.uuid).order_by()
    row = prototype(model, event, using)
    now = tuple(getattr(row, name) for name in IDENTITY)
    found = list(rows.values_list(*IDENTITY)[:1])
    for before in found:
        if before != now:
            logger.warning(
                "The idempotency_key %r is that of another event: it was %s, and is now %s. Whoever was notified of "
                "the first is not notified of the second.",
                event.key,
                described(before, using),
                described(now, using),
            )
    return bool(found)


def described(identity: Sequence[Any], using: str) -> str:
    """Return a description of an event without calling its objects: "auth.User 1 'closed' tracker.Issue 2"."""
    verb, *references = identity

    def name(content_type_id: int | None, pk: str | None) -> str:
        found = None if content_type_id is None else model_of(content_type_id, using)
        return f"{found._meta.label if found else 'something'} {pk}"

    actor, target = name(*references[:2]), name(*references[2:])
    return f"{actor} {verb!r}" if references[3] is None else f"{actor} {verb!r} {target}"
