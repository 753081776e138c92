"""The import path of django-notifications-hq; the things themselves live elsewhere.

A site that brings its own model may import this without ``notifications`` in ``INSTALLED_APPS``. As in the older
packages, the import then connects what answers ``notify.send``.
"""

from __future__ import annotations

from typing import Any

from django.utils.timezone import now

from notifications.conf import settings
from notifications.sending.handler import notify_handler
from notifications.storage.notification import AbstractNotification
from notifications.storage.querysets import NotificationQuerySet, assert_soft_delete, is_soft_delete

__all__ = [
    "AbstractNotification",
    "NotificationQuerySet",
    "assert_soft_delete",
    "is_soft_delete",
    "notify_handler",
    "now",
]


def __getattr__(name: str) -> Any:
    # Read at use, as all settings are; the older packages froze it at import.
    if name == "EXTRA_DATA":
        return settings.USE_JSONFIELD
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
