"""Send a few instant deliveries at once, in the process of the sender: for small sites and for development."""

from __future__ import annotations

from notifications.contrib.delivery.runners import send_a_few as wake

__all__ = ["wake"]
