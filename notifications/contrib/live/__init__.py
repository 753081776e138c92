"""The wing that keeps browsers told: server-sent events, by one question of each process to the database.

Source: :mod:`notifications.contrib.live.hub` asks, :mod:`notifications.contrib.live.streams` tells, and the two doors
are :mod:`notifications.contrib.live.views` and :mod:`notifications.contrib.live.asgi`.
"""

from __future__ import annotations

from notifications.contrib.live.asgi import live

__all__ = ["live"]
