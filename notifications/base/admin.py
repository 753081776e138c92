"""The import path of django-notifications-hq; the admin itself lives in :mod:`notifications.inbox.admin`."""

from __future__ import annotations

from notifications.inbox.admin import AbstractNotificationAdmin

__all__ = ["AbstractNotificationAdmin"]
