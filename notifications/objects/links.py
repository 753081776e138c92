"""The URLs of the objects of a row. Only safe URLs are returned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.http import MAX_URL_LENGTH, url_has_allowed_host_and_scheme

from notifications.events import OBJECTS
from notifications.objects.guard import guarded, together_or_apart
from notifications.objects.labels import call_name, label_of, name_of

if TYPE_CHECKING:
    from django.db import models
    from django.http import HttpRequest


#: A click on a notification opens the URL of the first of these that has one.
CLICKED = ("target", "action_object", "actor")


def object_url(notification: Any, key: str, request: HttpRequest | None = None) -> str:
    """Return the URL of the ``actor``, ``action_object`` or ``target``, or an empty string."""
    obj = getattr(notification, key)
    return "" if obj is None else url_of(obj, notification, request)


def main_url(notification: Any, request: HttpRequest | None = None) -> str:
    """Return the URL that a click on the notification opens: of its target, else its action object, else its actor."""
    for key in CLICKED:
        if found := object_url(notification, key, request):
            return found
    return ""


def names_and_urls(notification: Any, request: HttpRequest | None = None) -> dict[str, tuple[str, str]]:
    """Return the name and the URL of each object that exists, in the order of ``CLICKED``."""
    return {
        key: name_and_url(obj, notification, request)
        for key in CLICKED
        if (obj := getattr(notification, key)) is not None
    }


def names_of(notification: Any, objects: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Return the names of actor, action object and target: of these objects, or what says that there is none."""
    return {key: objects[key][0] if key in objects else label_of(notification, key) for key in OBJECTS}


def name_and_url(obj: models.Model, notification: Any, request: HttpRequest | None) -> tuple[str, str]:
    """Return the name and the URL of an object for a notification."""

    def together() -> tuple[str, str]:
        return call_name(obj) or name_of(obj), call_url(obj, notification, request)

    def apart() -> tuple[str, str]:
        return name_of(obj), url_of(obj, notification, request)

    return together_or_apart(obj, together, apart)


def url_of(obj: models.Model, notification: Any, request: HttpRequest | None = None) -> str:
    """Return the object's ``get_url_for_notifications(notification, request)``, otherwise its absolute URL.

    A URL that is neither http(s) nor of this site is ignored, because it may come from a user. An object whose method
    raises has no URL.
    """
    return guarded(obj, "get_url_for_notifications()", call_url, obj, notification, request, otherwise="")


def call_url(obj: models.Model, notification: Any, request: HttpRequest | None) -> str:
    """Return the URL of an object for a notification. Not guarded."""
    own = getattr(obj, "get_url_for_notifications", None)
    return shown_url(own(notification, request)) if callable(own) else call_page(obj)


def page_of(obj: models.Model) -> str:
    """Return the absolute URL of an object, or an empty string if it has no safe URL."""
    return guarded(obj, "get_absolute_url()", call_page, obj, otherwise="")


def call_page(obj: models.Model) -> str:
    """Return the absolute URL of an object. Not guarded."""
    plain = getattr(obj, "get_absolute_url", None)
    return shown_url(plain()) if callable(plain) else ""


def shown_url(url: Any) -> str:
    """Return the URL if it is safe, otherwise an empty string. Raise TypeError if it is not a string."""
    if url is not None and not isinstance(url, (str, Promise)):
        raise TypeError(f"A URL must be a string, got {type(url).__name__}.")
    return safe_url(url)


def safe_url(url: Any) -> str:
    """Return the URL if its scheme is http or https or it is a path of this site, otherwise an empty string."""
    if isinstance(url, Promise):
        url = str(url)
    if not isinstance(url, str) or len(url) > MAX_URL_LENGTH or not url.isprintable():
        return ""
    # A slice is a plain text, also of one that is marked as safe HTML.
    plain: str = url[:]
    if plain.startswith("/") and plain[1:2] not in ("/", "\\"):
        # A path of this site, as nearly all are.
        return plain
    try:
        host = urlsplit(plain).netloc
    except ValueError:
        return ""
    return plain if url_has_allowed_host_and_scheme(url, allowed_hosts={host}) else ""


def action_links(notification: Any) -> list[dict[str, str]]:
    """Return the links in ``data["actions"]`` that are safe to follow, each with ``href`` and ``title``."""
    data = notification.data
    found = data.get("actions") if isinstance(data, Mapping) and not notification.is_hidden else None
    if not isinstance(found, list):
        return []
    links = [
        {"href": safe_url(action.get("href")), "title": str(action.get("title") or action.get("href"))}
        for action in found
        if isinstance(action, Mapping)
    ]
    return [link for link in links if link["href"]]


def admin_link(row: models.Model, key: str, name: str = "", site: str | None = None) -> str:
    """Return a link to the page of an object in the admin, with this name or its id as the row stores it.

    ``site`` is the name of the AdminSite, if it is not the default one. Where there is no such page, return the text
    alone.
    """
    field: Any = row._meta.get_field(key)
    stored = getattr(row, field.fk_field)
    # As text: a site may have set a number, which is none before the row is read back.
    object_id = "" if stored is None else str(stored)
    obj, text = getattr(row, key), name or object_id
    if obj is None:
        return text
    # Here, so that a site without the admin never loads it.
    from django.contrib.admin.utils import quote

    view = f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change"
    try:
        url = reverse(view, args=[quote(object_id)], current_app=site)
    except NoReverseMatch:
        return text
    return format_html('<a href="{}">{}</a>', url, text)
