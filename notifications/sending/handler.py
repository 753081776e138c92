"""The receiver of ``notify.send``."""

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

    Return the rows, which are loaded when they are accessed. Raise TypeError or ValueError for an invalid argument,
    before anything is written.
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
    """Connect :func:`notify_handler` to ``notify``, with the ``dispatch_uid`` of the older packages."""
    notify.connect(notify_handler, dispatch_uid="notifications.models.notification")
