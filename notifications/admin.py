"""The admin of the site's notification model."""

from __future__ import annotations

from django.contrib import admin

from notifications.conf import get_notification_model
from notifications.inbox.admin import AbstractNotificationAdmin

__all__ = ["AbstractNotificationAdmin", "NotificationAdmin"]


@admin.register(get_notification_model())
class NotificationAdmin(AbstractNotificationAdmin):
    """The admin of the site's notification model."""
