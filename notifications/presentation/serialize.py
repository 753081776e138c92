"""The public JSON shape of notifications: that of django-notifications-hq, key by key."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any

from django.http import HttpRequest

from notifications.objects import links
from notifications.presentation import sentences
from notifications.storage.notification import AbstractNotification
from notifications.storage.states import states_of

#: The columns that contain the state of a notification.
STATE_COLUMNS = ("reason", "read_at", "done_at", "saved_at", "snoozed_until", "inbox_at")


@cache
def editable_columns(model: type[AbstractNotification]) -> tuple[list[str], Callable[[Any], tuple[Any, ...]]]:
    """Return the names of the editable fields of the model, and what reads their values off a row."""
    fields = [field for field in model._meta.concrete_fields if field.editable]
    return [field.name for field in fields], attrgetter(*[field.attname for field in fields])


def item(notification: AbstractNotification, request: HttpRequest | None = None) -> dict[str, Any]:
    """Return the editable columns of one notification, its ``slug``, and the name and url of each object."""
    names, values = editable_columns(type(notification))
    shown = dict(zip(names, values(notification), strict=True))
    if notification.is_hidden:
        # The text of the sender may reveal the hidden object.
        shown.update(description=None, data=None)
    shown["slug"] = notification.slug
    for key in ("actor", "target", "action_object"):
        obj = getattr(notification, key)
        if obj is not None:
            shown[key] = str(obj)
            if url := links.url_of(obj, notification, request):
                shown[f"{key}_url"] = url
    return shown


def entry(notification: AbstractNotification, request: HttpRequest | None = None) -> dict[str, Any]:
    """Return the JSON of one notification for a page: :func:`item` with its sentence, URL, actions and states."""
    return {
        **item(notification, request),
        "text": sentences.text(notification),
        "url": links.main_url(notification, request),
        "actions": links.action_links(notification),
        "states": states_of(notification),
        **{name: getattr(notification, name) for name in STATE_COLUMNS},
    }
