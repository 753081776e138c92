"""The import path of django-notifications-hq; the things themselves live elsewhere."""

from __future__ import annotations

from typing import Any

from django.forms import model_to_dict

from notifications.compat.slugs import id2slug
from notifications.conf import get_config
from notifications.inbox.lists import get_notification_list, get_num_to_fetch
from notifications.objects.links import url_of

__all__ = [
    "get_config",
    "get_notification_list",
    "get_num_to_fetch",
    "get_object_url",
    "id2slug",
    "model_to_dict",
]


def get_object_url(instance: Any, notification: Any, request: Any) -> str | None:
    """Return the URL of an object of a notification, or None if it has none."""
    return url_of(instance, notification, request) or None
