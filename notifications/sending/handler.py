"""What answers ``notify.send``."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models

from notifications.events import Event
from notifications.extensions import Extension, extensions
from notifications.models import get_notification_model
from notifications.sending.arguments import clean_chunk_size, clean_event
from notifications.sending.audience import Audience, Users, filterable, is_selectable, keys_of, resolve
from notifications.sending.fanout import write

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
    """Return who is notified: the named recipients, else whom an extension names, else the actor if it is a user."""
    audience = None if recipient is None else resolve(recipient)
    installed = extensions()
    if installed:
        ask = partial(ask_extensions, installed, event)
        if isinstance(audience, models.QuerySet):
            # Not every database has slices in subqueries.
            by_itself = is_selectable(audience) and not audience.query.is_sliced
            audience = filterable(audience) if by_itself else Users(keys_of(audience), named=False)
        if isinstance(audience, Users):
            # Batch by batch, when they are written.
            return replace(audience, narrow=ask)
        audience = ask(audience)
    if audience is None and recipient is None and isinstance(event.actor, get_user_model()):
        return resolve(event.actor)
    return audience


def ask_extensions(
    installed: Sequence[Extension], event: Event, audience: models.QuerySet[Any] | None
) -> models.QuerySet[Any] | None:
    """Return what the extensions, one after the other, make of an audience that can be filtered."""
    for extension in installed:
        audience = extension.notifications_audience(event, audience)
    return audience
