"""``{% load subscriptions %}``: the watch menu, and marking notifications as read on the page of an object."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.template import Library

from notifications.contrib.subscriptions.buttons import signed_name
from notifications.contrib.subscriptions.decisions import standing_of
from notifications.contrib.subscriptions.levels import WHY
from notifications.contrib.subscriptions.operations import watchers
from notifications.contrib.subscriptions.resolution import resolve_seen
from notifications.objects.labels import name_of
from notifications.objects.text import isolated
from notifications.templatetags.notifications_tags import request_of, user_context

register = Library()


@register.simple_tag(takes_context=True)
def resolve_notifications(context: Any, obj: Any) -> str:
    """Mark the user's notifications about the object of this page as read, if the user is looking at it.

    This is one UPDATE, and shows nothing. The context must have the ``request``.
    """
    request = request_of(context)
    if request is not None and isinstance(obj, models.Model):
        resolve_seen(request, obj)
    return ""


@register.inclusion_tag("notifications_subscriptions/watch_button.html", takes_context=True)
def watch_button(context: Any, obj: Any, *, count: bool = False) -> dict[str, Any]:
    """Show a button with a menu by which the user chooses what to be notified about.

    An anonymous user sees none, and there is none for what is no saved object, such as a relation that is empty, or has
    a composite primary key.

    Costs one query, and what it costs to load the parents of the object; with ``count=True``, which shows the number of
    users who watch the object, one more.
    """
    user, request = user_context(context), request_of(context)
    if not user or not isinstance(obj, models.Model) or obj.pk is None or isinstance(obj.pk, tuple):
        return {"user": None}
    standing = standing_of(user, obj)
    return {
        "user": user,
        "object": isolated(name_of(obj)),
        "name": signed_name(user, obj),
        "standing": standing,
        "source": isolated(standing.source.label()) if standing.source else "",
        "cause": WHY.get(standing.reason, ""),
        "watchers": watchers(obj).count() if count else None,
        "next": request.get_full_path() if request else "",
        "csrf_token": context.get("csrf_token"),
    }
