"""The receiver of ``notify.send``."""

from __future__ import annotations

from typing import Any

from notifications.conf import get_notification_model
from notifications.sending.arguments import clean_event, clean_fanout_chunk
from notifications.sending.audience import audience_of
from notifications.sending.fanout import write
from notifications.sending.silence import log_silence
from notifications.signals import notify


def notify_handler(
    verb: Any = None,
    *,
    sender: Any = None,
    signal: Any = None,
    recipient: Any = None,
    fanout_chunk: Any = None,
    on_progress: Any = None,
    **arguments: Any,
) -> list[Any]:
    """Notify the audience of an event. Take the arguments of :data:`notifications.signals.notify`.

    ``sender`` is the actor. Return the rows, which are loaded when they are accessed. Raise TypeError or ValueError for
    an invalid argument, before anything is written.
    """
    model = get_notification_model()
    event = clean_event(model, sender, verb=verb, **arguments)
    size = clean_fanout_chunk(fanout_chunk)
    if on_progress is not None and not callable(on_progress):
        raise TypeError(f"on_progress must be callable with (done, total), got {on_progress!r}.")
    audience = audience_of(event, recipient)
    if audience is None:
        log_silence(event, recipient)
        return []
    rows = write(model, event, audience, fanout_chunk=size, on_progress=on_progress)
    if rows.reached_nobody:
        log_silence(event, recipient)
    return rows


# By the import, as in the older packages: what a site disconnects in its models.py, or in a ready() that is called
# before ours, must not be connected after that.
notify.connect(notify_handler, dispatch_uid="notifications.models.notification")
