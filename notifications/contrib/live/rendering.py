"""A notification as the JSON that one stream is sent."""

from __future__ import annotations

import logging
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.functional import SimpleLazyObject

from notifications.contrib.live.streams import Stream
from notifications.objects.isolation import is_gone
from notifications.presentation import serialize

logger = logging.getLogger("notifications")

ENCODER = DjangoJSONEncoder()


def render(row: Any, stream: Stream) -> str | None:
    """Return one row as JSON for this stream, or None when it cannot be shown.

    To be called in the surroundings of the stream.
    """
    # Hardly any site asks for the request.
    request: Any = SimpleLazyObject(stream.make_request)
    try:
        return ENCODER.encode(serialize.entry(row, request))
    except Exception as error:
        if is_gone(error, row._state.db):
            raise
        # The page of one object may be broken; the others are sent.
        logger.exception("A notification could not be shown to a live stream: %s", row.pk)
        return None
