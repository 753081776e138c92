"""The system check: whether the bus can be made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register

from notifications.contrib.live.buses import get_bus
from notifications.contrib.live.conf import settings


@register()
def check_bus(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Make the bus, and return an error that says why it cannot be made."""
    try:
        get_bus()
    except Exception as error:  # noqa: BLE001 - whatever a bus or its client says to the options
        return [
            Error(
                f"NOTIFICATIONS['LIVE_BUS'] is {settings.LIVE_BUS!r}, which cannot be used: {error}",
                hint="Name 'poll', 'postgres', 'redis' or the dotted path of a bus, and its LIVE_BUS_OPTIONS.",
                id="notifications_live.E001",
            )
        ]
    return []
