"""What answers ``notify.send``."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models, router

from notifications.conf import get_notification_model
from notifications.events import Event
from notifications.extensions import extensions
from notifications.sending.arguments import clean_chunk_size, clean_event
from notifications.sending.audience import Audience, Users, resolve
from notifications.sending.fanout import refuse_missing, write

logger = logging.getLogger("notifications")


def notify_handler(
    sender: Any,
    *,
    signal: Any = None,
    recipient: Any = None,
    chunk_size: Any = None,
    progress: Any = None,
    **arguments: Any,
) -> Sequence[Any]:
    """Tell the audience of an event. Take the arguments of :data:`notifications.signals.notify`.

    Return the rows, loaded when they are looked at. Raise TypeError or ValueError for a bad argument, before
    anything is written.
    """
    model = get_notification_model()
    event = clean_event(model, sender, **arguments)
    size = clean_chunk_size(chunk_size)
    if progress is not None and not callable(progress):
        raise TypeError(f"progress must be callable with (done, total), got {progress!r}.")
    audience = find_audience(event, recipient)
    if audience is None:
        logger.info("Nobody to notify: %r %s, and the actor is not a user.", event.actor, event.verb)
        return []
    return write(model, event, audience, chunk_size=size, progress=progress)


def find_audience(event: Event, recipient: Any) -> Audience | None:
    """Return who is told: the named recipients, else whom an extension names, else the actor if it is a user."""
    audience = None if recipient is None else resolve(recipient)
    plugs = extensions()
    if plugs:
        users: models.QuerySet[Any] | None
        if isinstance(audience, Users):
            keys = list(audience.keys)
            users = get_user_model()._base_manager.filter(pk__in=keys)
            refuse_missing(keys, users.using(router.db_for_write(users.model)))
        else:
            users = audience
        for plug in plugs:
            users = plug.notifications_audience(event, users)
        audience = users
    if audience is None and recipient is None and isinstance(event.actor, get_user_model()):
        return resolve(event.actor)
    return audience
