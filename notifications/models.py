"""The tables of the core: one row is one event for one recipient."""

from __future__ import annotations

from django.conf import settings

from notifications.conf import MODEL_SETTING
from notifications.sending.handler import notify_handler
from notifications.storage.inbox_state import InboxState
from notifications.storage.notification import AbstractNotification

__all__ = ["AbstractNotification", "InboxState", "Notification", "notify_handler"]

# Migrations of a site that points at the model write ``settings.NOTIFICATIONS_NOTIFICATION_MODEL``, so the name has
# to exist in every site, as Django's own AUTH_USER_MODEL does.
if not hasattr(settings, MODEL_SETTING):
    setattr(settings, MODEL_SETTING, "notifications.Notification")


class Notification(AbstractNotification):
    """The model of a site that does not bring its own."""

    class Meta(AbstractNotification.Meta):
        abstract = False
        swappable = MODEL_SETTING
