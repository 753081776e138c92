"""The face of a user: the image that the site has of them, and their initials."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models
from django.utils.module_loading import import_string

from notifications.conf import settings
from notifications.objects.guard import guarded
from notifications.objects.links import shown_url

#: The first letter or digit of each word of a name.
INITIAL = re.compile(r"(?<![^\W_])[^\W_]")


def avatar_of(obj: models.Model | None) -> str:
    """Return the URL of the image of a user, from the function of the setting ``AVATAR``, or an empty string.

    A URL that is neither http(s) nor of this site is ignored, because it may come from a user.
    """
    if not settings.AVATAR or not isinstance(obj, get_user_model()):
        return ""
    return guarded(obj, "NOTIFICATIONS['AVATAR']", call_avatar, obj, otherwise="")


def call_avatar(user: Any) -> str:
    """Return what the function of the site returns, if it is a safe URL. Not guarded."""
    return shown_url(import_string(settings.AVATAR or "")(user))


def initials_of(obj: models.Model | None, name: str) -> str:
    """Return the initials of an object with this name, at most two; an empty string for one that is not shown."""
    found = INITIAL.findall(name) if obj is not None else []
    return "".join(found[:1] + found[1:][-1:]).upper()
