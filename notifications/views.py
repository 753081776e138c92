"""The import path of django-notifications-hq; the views themselves live in :mod:`notifications.inbox`."""

from __future__ import annotations

from django.http import JsonResponse

from notifications.inbox.action_views import delete, mark_all_as_read, mark_as_read, mark_as_unread
from notifications.inbox.api import (
    live_all_notification_count,
    live_all_notification_list,
    live_unread_notification_count,
    live_unread_notification_list,
)
from notifications.inbox.pages import AllNotificationsList, NotificationViewList, UnreadNotificationsList

__all__ = [
    "AllNotificationsList",
    "JsonResponse",
    "NotificationViewList",
    "UnreadNotificationsList",
    "delete",
    "live_all_notification_count",
    "live_all_notification_list",
    "live_unread_notification_count",
    "live_unread_notification_list",
    "mark_all_as_read",
    "mark_as_read",
    "mark_as_unread",
]
