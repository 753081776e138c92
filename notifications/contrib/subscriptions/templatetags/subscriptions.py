"""``{% load subscriptions %}``: the watch button, and marking notifications as read on the page of an object."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.template import Library

from notifications.contrib.subscriptions.buttons import get_subscription, signed_name
from notifications.contrib.subscriptions.levels import Level
from notifications.contrib.subscriptions.resolution import resolve
from notifications.objects.labels import name_of
from notifications.templatetags.notifications_tags import request_of, user_context

register = Library()


@register.simple_tag(takes_context=True)
def resolve_notifications(context: Any, obj: Any) -> str:
    """Mark the user's notifications about the object of this page as read, by one UPDATE. Shows nothing."""
    if isinstance(obj, models.Model):
        resolve(user_context(context), obj)
    return ""


@register.inclusion_tag("notifications_subscriptions/watch_button.html", takes_context=True)
def watch_button(context: Any, obj: models.Model) -> dict[str, Any]:
    """Show buttons by which the user watches or mutes an object. Costs one query; an anonymous user sees none."""
    user, request = user_context(context), request_of(context)
    found = get_subscription(user, obj) if user else None
    level = found.level_now if found else Level.NONE
    until = found.mute_ends if found else None
    pressed = {
        Level.ALL: "watch",
        Level.PARTICIPATING: "participating",
        Level.MUTED: "mute_week" if until else "mute",
    }
    return {
        "user": user,
        "object": name_of(obj) if user else "",
        "name": signed_name(user, obj) if user else "",
        "pressed": pressed.get(Level(level), ""),
        "until": until,
        "next": request.get_full_path() if request else "",
        "csrf_token": context.get("csrf_token"),
    }
