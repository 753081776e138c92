"""A notification as people read it: the sentence, the links, the actions, also when an object is gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.template import Context, Template, TemplateDoesNotExist, engines
from django.template.loader import get_template
from django.urls import NoReverseMatch
from django.utils.functional import Promise
from django.utils.http import MAX_URL_LENGTH, url_has_allowed_host_and_scheme
from django.utils.text import slugify
from django.utils.translation import gettext

from notifications.events import OBJECTS

if TYPE_CHECKING:
    from django.db import models
    from django.http import HttpRequest

    from notifications.models import AbstractNotification


#: The most verbs of which it is remembered whether they have a template.
MOST = 1000

#: Which templates there are, for each first engine: the second time costs nothing, also where there is none.
_found: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()


def verb_template(verb: str, kind: str) -> Any:
    """Return a site's own template for this verb, ``notifications/verbs/<slug of the verb>.<kind>``, or None."""
    name = f"notifications/verbs/{slugify(verb)}.{kind}"
    engine = next(iter(engines.all()), None)
    if engine is None:
        return None
    found = _found.setdefault(engine, {})
    # A developer adds a template and wants to see it.
    if name not in found or settings.DEBUG:
        if len(found) >= MOST:
            found.clear()
        try:
            found[name] = get_template(name)
        except TemplateDoesNotExist:
            found[name] = None
    return found[name]


def text(notification: AbstractNotification) -> str:
    """Return the sentence, without the time, in the reader's language: a site's own for the verb, else the seed's."""
    own = None if notification.is_hidden else verb_template(notification.verb, "txt")
    return shape(notification) if own is None else own_text(own, notification)


def own_text(template: Any, notification: AbstractNotification) -> str:
    """Return what a site's template says of a notification, in one line. It is text, so that nothing is escaped."""
    names: dict[str, Any] = {key: notification.label(key) for key in OBJECTS}
    names["notice"] = notification
    inner = template.template
    sentence = (
        inner.render(Context(names, autoescape=False))
        if isinstance(inner, Template)
        else template.render(names)
    )
    return " ".join(sentence.split())


def shape(notification: AbstractNotification) -> str:
    """Return the sentence of the seed in the one of its four shapes that fits."""
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


def url(notification: AbstractNotification, request: HttpRequest | None = None) -> str:
    """Return where a click on the notification leads: to its target, else its action object, else its actor."""
    for key in ("target", "action_object", "actor"):
        if found := object_url(notification, key, request):
            return found
    return ""


def url_of(obj: models.Model, notification: AbstractNotification, request: HttpRequest | None = None) -> str:
    """Return what the object's ``get_url_for_notifications(notification, request)`` says, else its absolute url.

    A url that is neither http(s) nor of this site counts as none: it may have come from a user.
    """
    own = getattr(obj, "get_url_for_notifications", None)
    return said_url(lambda: own(notification, request)) if callable(own) else page_of(obj)


def page_of(obj: models.Model) -> str:
    """Return the absolute url of an object, or an empty text where it has none that is safe."""
    plain = getattr(obj, "get_absolute_url", None)
    return said_url(plain) if callable(plain) else ""


def said_url(ask: Callable[[], Any]) -> str:
    """Return the url that a method of an object says, or an empty text where that is none or not safe."""
    try:
        return safe_url(ask())
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
    found = data.get("actions") if isinstance(data, Mapping) and not notification.is_hidden else None
    if not isinstance(found, list):
        return []
    links = [
        {"href": safe_url(action.get("href")), "title": str(action.get("title") or action.get("href"))}
        for action in found
        if isinstance(action, Mapping)
    ]
    return [link for link in links if link["href"]]
