"""The import path of django-notifications-hq; the things themselves live elsewhere."""

from __future__ import annotations

from django.forms import model_to_dict

from notifications.compat.slugs import id2slug
from notifications.conf import get_config
from notifications.inbox.lists import get_notification_list, get_num_to_fetch
from notifications.objects.links import url_of as get_object_url

__all__ = [
    "get_config",
    "get_notification_list",
    "get_num_to_fetch",
    "get_object_url",
    "id2slug",
    "model_to_dict",
]
