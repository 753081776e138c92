"""The public JSON shape of notifications: that of django-notifications-hq, key by key."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models.fields.files import FieldFile
from django.http import HttpRequest

from notifications.conf import settings
from notifications.objects import links
from notifications.objects.faces import avatar_of, initials_of
from notifications.presentation import sentences
from notifications.presentation.icons import kind_of
from notifications.storage.notification import AbstractNotification
from notifications.storage.states import states_of
from notifications.types import type_key, type_of

#: The columns that contain the state of a notification.
STATE_COLUMNS = ("reason", "read_at", "done_at", "saved_at", "snoozed_until", "inbox_at")


@cache
def editable_columns(model: type[AbstractNotification]) -> tuple[list[str], Callable[[Any], tuple[Any, ...]]]:
    """Return the names of the editable fields of the model and of its key, and what reads their values off a row."""
    # A key that nobody may edit is one that programs need all the same.
    fields = [field for field in model._meta.concrete_fields if field.editable or field.primary_key]
    return [field.name for field in fields], attrgetter(*[field.attname for field in fields])


@cache
def own_columns(model: type[AbstractNotification]) -> list[str]:
    """Return the names of the editable fields that the site added to the model."""
    ours = {field.name for field in AbstractNotification._meta.get_fields()}
    names, _ = editable_columns(model)
    return [name for name in names if name not in ours and name != model._meta.pk.name]


def json_value(value: Any) -> Any:
    """Return a value that JSON can hold: the path of a file, and the text of what Django's encoder does not know."""
    if isinstance(value, FieldFile):
        return value.name
    try:
        json.dumps(value, cls=DjangoJSONEncoder)
    except (TypeError, ValueError):
        return str(value)
    return value


def item(notification: AbstractNotification, request: HttpRequest | None = None) -> dict[str, Any]:
    """Return the editable columns of one notification, its ``slug``, and the name and url of each object."""
    return items([notification], request)[0]


def items(
    notifications: Iterable[AbstractNotification], request: HttpRequest | None = None
) -> list[dict[str, Any]]:
    """Return :func:`item` of each of these notifications."""
    return [
        without_excluded(columns_and_objects(row, links.names_and_urls(row, request)))
        for row in notifications
    ]


def entry(notification: AbstractNotification, request: HttpRequest | None = None) -> dict[str, Any]:
    """Return the JSON of one notification for a page: :func:`item` with its sentence, URL, actions and states."""
    objects = links.names_and_urls(notification, request)
    names = links.names_of(notification, objects)
    kind, actor = type_of(notification.verb), notification.actor
    shown = {
        **columns_and_objects(notification, objects),
        "type": type_key(kind),
        "category": kind.category,
        "text": sentences.text_of_row(notification, names),
        "url": next((url for _, url in objects.values() if url), ""),
        "actions": links.action_links(notification),
        "avatar": avatar_of(actor),
        "kind": kind_of(notification),
        "initials": initials_of(actor, names["actor"]),
        "states": states_of(notification),
        **{name: getattr(notification, name) for name in STATE_COLUMNS},
    }
    return without_excluded(shown)


def without_excluded(shown: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON of a notification without the keys that the site excludes: the last step of whatever makes it."""
    excluded = settings.API_EXCLUDED_FIELDS
    return {key: value for key, value in shown.items() if key not in excluded} if excluded else shown


def columns_and_objects(
    notification: AbstractNotification, objects: Mapping[str, tuple[str, str]]
) -> dict[str, Any]:
    """Return the JSON of one notification as in django-notifications-hq."""
    names, values = editable_columns(notification.__class__)
    shown = dict(zip(names, values(notification), strict=True))
    if notification.is_hidden:
        # The text of the sender may reveal the hidden object.
        shown.update(description=None, data=None)
    for name in own_columns(notification.__class__):
        shown[name] = json_value(shown[name])
    shown["slug"] = notification.slug
    # In the order of the older packages.
    for key in ("actor", "target", "action_object"):
        if key in objects:
            shown[key], url = objects[key]
            if url:
                shown[f"{key}_url"] = url
    return shown
