"""A notification as the JSON that one stream is sent, as in a request of its browser."""

from __future__ import annotations

import json
import logging
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from notifications.contrib.live.streams import Stream
from notifications.presentation import serialize

logger = logging.getLogger("notifications")


def render(row: Any, stream: Stream) -> str | None:
    """Return one row as JSON for this stream, or None when it cannot be shown."""
    try:
        with stream.surroundings.entered():
            return json.dumps(serialize.entry(row, stream.make_request()), cls=DjangoJSONEncoder)
    except Exception:
        # The page of one object may be broken; the others are sent.
        logger.exception("A notification could not be shown to a live stream: %s", row.pk)
        return None
