"""How one process says to the others that there is something to query the database for."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from notifications.contrib.live.buses.base import Bus, Message
from notifications.contrib.live.conf import settings

__all__ = ["Bus", "Message", "get_bus"]

#: The buses of this app, by the short names that the setting ``LIVE_BUS`` takes beside dotted paths.
BUILT_IN = {
    "poll": "notifications.contrib.live.buses.poll.Bus",
    "postgres": "notifications.contrib.live.buses.postgres.Bus",
    "redis": "notifications.contrib.live.buses.redis.Bus",
}


@cache
def get_bus() -> Bus:
    """Return the bus of this process: the setting ``LIVE_BUS`` with its ``LIVE_BUS_OPTIONS``."""
    cls: type[Bus] = import_string(BUILT_IN.get(settings.LIVE_BUS, settings.LIVE_BUS))
    bus = cls(**settings.LIVE_BUS_OPTIONS)
    interval: Any = bus.interval
    if not (isinstance(interval, (int, float)) and interval > 0):
        # A hub would query without a pause, or not at all.
        raise ImproperlyConfigured(f"interval must be a number of seconds above 0, got {interval!r}.")
    return bus


def reset_bus(*, setting: str, **arguments: Any) -> None:
    """Make the bus again when a test overrides the settings that it was made from."""
    if setting in ("NOTIFICATIONS", "DATABASES") and get_bus.cache_info().currsize:
        get_bus().close()
        get_bus.cache_clear()


setting_changed.connect(reset_bus)
