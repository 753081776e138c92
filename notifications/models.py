"""The tables of the core: one row is one event for one recipient.

Until its release 1.5, django-notifications-hq had here what is in :mod:`notifications.base.models` since then.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings

from notifications.conf import MODEL_SETTING, settings as conf_settings
from notifications.sending.handler import notify_handler
from notifications.storage.inbox_state import InboxState
from notifications.storage.notification import AbstractNotification
from notifications.storage.querysets import NotificationQuerySet, assert_soft_delete, is_soft_delete

__all__ = [
    "AbstractNotification",
    "InboxState",
    "Notification",
    "NotificationQuerySet",
    "assert_soft_delete",
    "is_soft_delete",
    "notify_handler",
]

# Migrations of a site that points at the model write ``settings.NOTIFICATIONS_NOTIFICATION_MODEL``, so the name has
# to exist in every site, as Django's own AUTH_USER_MODEL does.
if not hasattr(settings, MODEL_SETTING):
    setattr(settings, MODEL_SETTING, "notifications.Notification")


class Notification(AbstractNotification):
    """The model of a site that does not bring its own."""

    class Meta(AbstractNotification.Meta):
        abstract = False
        swappable = MODEL_SETTING


def __getattr__(name: str) -> Any:
    if name == "EXTRA_DATA":
        return conf_settings.USE_JSONFIELD
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
