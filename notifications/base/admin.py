"""The import path of django-notifications-hq; the admin itself lives in :mod:`notifications.admin`."""

from __future__ import annotations

from notifications.admin import AbstractNotificationAdmin

__all__ = ["AbstractNotificationAdmin"]
