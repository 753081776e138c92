"""The import path of django-notifications-hq; the things themselves live elsewhere."""

from __future__ import annotations

from notifications.inbox.lists import get_notification_list, get_num_to_fetch
from notifications.objects.links import url_of as get_object_url

__all__ = ["get_notification_list", "get_num_to_fetch", "get_object_url"]
