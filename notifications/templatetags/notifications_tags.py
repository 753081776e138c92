"""The template tags and filters of the inbox: ``{% load notifications_tags %}``."""

from __future__ import annotations

import json
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.template import Library
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from notifications import rendering
from notifications.badge import unread_count
from notifications.conf import settings
from notifications.models import AbstractNotification

register = Library()

#: What ``api_name`` of ``register_notify_callbacks`` may be, and the url that answers.
APIS = {
    "list": "notifications:live_unread_notification_list",
    "count": "notifications:live_unread_notification_count",
}


def user_context(context: Any) -> Any:
    """Return the user whom a template is rendered for, or None for nobody.

    That is the user of the request, whatever else a page calls ``user``; without a request, or a user on it, the
    ``user`` of the context. ``context`` is a template context or a mapping.
    """
    request = getattr(context, "request", None) or context.get("request")
    user = getattr(request, "user", None)
    if user is None:
        user = context.get("user")
    return user if is_known(user) else None


def is_known(user: Any) -> bool:
    """Tell whether this is a user who is logged in, and not an anonymous one or something else."""
    return bool(getattr(user, "is_authenticated", False))


def get_cached_notification_unread_count(user: Any) -> int:
    """Return how many unread notifications ``user`` has, at most ``CACHE_TIMEOUT`` seconds old."""
    return unread_count(user)


@register.simple_tag(takes_context=True)
def notifications_unread(context: Any) -> int | str:
    """Return how many unread notifications the user has; for an anonymous user an empty text.

    ``{% notifications_unread as unread_count %}`` stores it.
    """
    user = user_context(context)
    return get_cached_notification_unread_count(user) if user else ""


@register.filter
def has_notification(user: Any) -> bool:
    """Tell whether ``user`` has unread notifications: ``{% if user|has_notification %}``."""
    return is_known(user) and user.notifications.unread().exists()


@register.simple_tag(takes_context=True)
def register_notify_callbacks(
    context: Any,
    badge_class: str = "live_notify_badge",
    menu_class: str = "live_notify_list",
    refresh_period: int | str = 15,
    callbacks: str = "",
    api_name: str = "list",
    fetch: int | str = 5,
    nonce: str | None = None,
    mark_as_read: bool | str = False,
) -> SafeString | str:
    """Return what ``notify.js`` has to know, as data for it to read: nothing in it is executed.

    ``callbacks`` names JavaScript functions, separated by commas, that take the answer of the url that ``api_name``
    chooses ("list" or "count"; anything else returns an empty text) every ``refresh_period`` seconds, each time with
    at most ``fetch`` notifications, which ``mark_as_read`` marks as read. ``nonce`` becomes the attribute of that name.
    """
    if api_name not in APIS:
        return ""
    configuration = {
        "notify_badge_class": badge_class,
        "notify_menu_class": menu_class,
        "notify_badge_cap": settings.BADGE_CAP,
        "notify_api_url": reverse(APIS[api_name]),
        "notify_fetch_count": int(fetch),
        "notify_unread_url": reverse("notifications:unread"),
        "notify_mark_all_unread_url": reverse("notifications:mark_all_as_read"),
        "notify_refresh_period": max(int(refresh_period), 1) * 1000,
        "notify_mark_as_read": str(mark_as_read).lower() in {"true", "1"},
        "notify_connection_lost": gettext("Connection lost!"),
        "callbacks": [name.strip() for name in callbacks.split(",") if name.strip()],
    }
    if configuration["notify_mark_as_read"]:
        # Only then does notify.js send a POST. A page that needs no token should not make Django set its cookie.
        configuration["notify_csrf_token"] = str(context.get("csrf_token", ""))
    return format_html(
        '<script type="application/json"{} data-notify-configuration="{}"></script>',
        format_html(' nonce="{}"', nonce) if nonce else "",
        json.dumps(configuration, cls=DjangoJSONEncoder),
    )


@register.simple_tag(takes_context=True)
def live_notify_badge(context: Any, badge_class: str = "live_notify_badge") -> SafeString | str:
    """Return the element that shows the unread count; for an anonymous user an empty text."""
    user = user_context(context)
    if not user:
        return ""
    return format_html("<span class='{}'>{}</span>", badge_class, get_cached_notification_unread_count(user))


@register.simple_tag
def live_notify_list(list_class: str = "live_notify_list") -> SafeString:
    """Return the list that ``fill_notification_list`` of ``notify.js`` fills."""
    return format_html("<ul class='{}'></ul>", list_class)


@register.simple_tag(takes_context=True)
def notice_object(context: Any, notice: AbstractNotification, key: str) -> SafeString | str:
    """Return the name of the ``actor``, ``action_object`` or ``target``, as a link where it has a page.

    An object that is gone reads as such. One that the notification never had is an empty text.
    """
    label = notice.label(key)
    if not label:
        return ""
    if getattr(notice, key) is None:
        return format_html('<span class="ntf-gone">{}</span>', label)
    request = getattr(context, "request", None) or context.get("request")
    url = rendering.object_url(notice, key, request)
    # A name may be written from right to left in a sentence that is not, and the other way round.
    return (
        format_html('<bdi><a href="{}">{}</a></bdi>', url, label)
        if url
        else format_html("<bdi>{}</bdi>", label)
    )


@register.filter
def notice_text(notice: AbstractNotification) -> str:
    """Return the sentence of a notification, without the time and without links."""
    return rendering.text(notice)


@register.filter
def notice_actions(notice: AbstractNotification) -> list[dict[str, str]]:
    """Return the links in a notification's ``data["actions"]`` that are safe to follow: ``href`` and ``title``."""
    return rendering.actions(notice)
