"""A notification as people read it: the sentence, the links, the actions, also when an object is gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.core.exceptions import ObjectDoesNotExist
from django.urls import NoReverseMatch
from django.utils.functional import Promise
from django.utils.http import MAX_URL_LENGTH, url_has_allowed_host_and_scheme
from django.utils.translation import gettext

if TYPE_CHECKING:
    from django.db import models
    from django.http import HttpRequest

    from notifications.models import AbstractNotification


def text(notification: AbstractNotification) -> str:
    """Return the sentence of the seed, without the time, in the reader's language."""
    parts = {
        "actor": notification.label("actor"),
        "verb": notification.verb,
        "action_object": notification.label("action_object"),
        "target": notification.label("target"),
    }
    if parts["action_object"] and parts["target"]:
        return gettext("%(actor)s %(verb)s %(action_object)s on %(target)s") % parts
    if parts["target"]:
        return gettext("%(actor)s %(verb)s %(target)s") % parts
    if parts["action_object"]:
        return gettext("%(actor)s %(verb)s %(action_object)s") % parts
    return gettext("%(actor)s %(verb)s") % parts


def object_url(notification: AbstractNotification, key: str, request: HttpRequest | None = None) -> str:
    """Return the page of the ``actor``, ``action_object`` or ``target``, or an empty text where it has none."""
    obj = getattr(notification, key)
    return "" if obj is None else url_of(obj, notification, request)


def url_of(obj: models.Model, notification: AbstractNotification, request: HttpRequest | None = None) -> str:
    """Return what the object's ``get_url_for_notifications(notification, request)`` says, else its absolute url.

    A url that is neither http(s) nor of this site counts as none: it may have come from a user.
    """
    own = getattr(obj, "get_url_for_notifications", None)
    plain = getattr(obj, "get_absolute_url", None)
    try:
        if callable(own):
            return safe_url(own(notification, request))
        return safe_url(plain()) if callable(plain) else ""
    except (NoReverseMatch, ObjectDoesNotExist):
        return ""


def safe_url(url: Any) -> str:
    """Return the url when a browser can follow it only by http or https, else an empty text."""
    if isinstance(url, Promise):
        url = str(url)
    if not isinstance(url, str) or len(url) > MAX_URL_LENGTH or not url.isprintable():
        return ""
    if url.startswith("/") and url[1:2] not in ("/", "\\"):
        # A path of this site, as nearly all are.
        return url
    try:
        host = urlsplit(url).netloc
    except ValueError:
        return ""
    return url if url_has_allowed_host_and_scheme(url, allowed_hosts={host}) else ""


def actions(notification: AbstractNotification) -> list[dict[str, str]]:
    """Return the links in ``data["actions"]`` that are safe to follow, each with ``href`` and ``title``."""
    data = notification.data
    found = data.get("actions") if isinstance(data, Mapping) else None
    if not isinstance(found, list):
        return []
    links = [
        {"href": safe_url(action.get("href")), "title": str(action.get("title") or action.get("href"))}
        for action in found
        if isinstance(action, Mapping)
    ]
    return [link for link in links if link["href"]]
