"""Live notifications: server-sent events, for which each process makes one query whatever the number of streams.

Source: :mod:`notifications.contrib.live.hub` serves the streams, and they are opened by
:mod:`notifications.contrib.live.views` and :mod:`notifications.contrib.live.asgi`.
"""

from __future__ import annotations

from notifications.contrib.live.asgi import live

__all__ = ["live"]
