"""The import path of django-notifications-community; the things themselves live in :mod:`notifications.conf`."""

from __future__ import annotations

from notifications.conf import (
    MODEL_SETTING as NOTIFICATION_MODEL_SETTING,
    get_notification_model as load_notification_model,
)

__all__ = ["NOTIFICATION_MODEL_SETTING", "load_notification_model"]
