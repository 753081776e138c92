"""Send a few instant deliveries at once, in the process of the sender: for small sites and for development."""

from __future__ import annotations

import time

from notifications.contrib.delivery.sending import deliver

#: The most deliveries, and the seconds after which no further one is begun. The rest is for the command.
MAX_DELIVERIES, MAX_SECONDS = 20, 2.0


def wake(using: str) -> None:
    """Send what is due, up to the limits."""
    deliver(using, limit=MAX_DELIVERIES, deadline=time.monotonic() + MAX_SECONDS, digests=False)
