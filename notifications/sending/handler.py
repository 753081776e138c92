"""What answers ``notify.send``."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from notifications.conf import get_notification_model
from notifications.sending.arguments import clean_chunk_size, clean_event
from notifications.sending.audience import audience_of
from notifications.sending.fanout import write
from notifications.signals import notify

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
    """Notify the audience of an event. Take the arguments of :data:`notifications.signals.notify`.

    Return the rows, loaded when they are looked at. Raise TypeError or ValueError for a bad argument, before
    anything is written.
    """
    model = get_notification_model()
    event = clean_event(model, sender, **arguments)
    size = clean_chunk_size(chunk_size)
    if progress is not None and not callable(progress):
        raise TypeError(f"progress must be callable with (done, total), got {progress!r}.")
    audience = audience_of(event, recipient)
    if audience is None:
        logger.info("Nobody to notify: %r %s, and the actor is not a user.", event.actor, event.verb)
        return []
    return write(model, event, audience, chunk_size=size, progress=progress)


def connect() -> None:
    """Let :func:`notify_handler` answer ``notify.send``, under the identity it has had since the older packages."""
    notify.connect(notify_handler, dispatch_uid="notifications.models.notification")
