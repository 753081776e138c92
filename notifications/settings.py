"""The import path of django-notifications-hq; the settings themselves live in :mod:`notifications.conf`."""

from __future__ import annotations

from notifications.conf import CONFIG_DEFAULTS, get_config

__all__ = ["CONFIG_DEFAULTS", "get_config"]
