"""The primary key and the rows of a user."""

from __future__ import annotations

from copy import copy
from typing import Any

from django.contrib.auth import get_user_model


def user_pk(user: Any) -> Any:
    """Return the primary key of a user, or None. A model that inherits from the user model may have one of its own."""
    # A user without a row, made of a token, may have only this.
    own = getattr(user, "pk", None)
    return getattr(user, get_user_model()._meta.pk.attname, own)


def rows_of_user(user: Any) -> Any:
    """Return all notifications of a user as a queryset, also where the site has prefetched only some of them.

    What was prefetched by a filtered queryset is then what ``user.notifications`` begins with.
    """
    if "notifications" in getattr(user, "_prefetched_objects_cache", ()):
        user = copy(user)
        user._prefetched_objects_cache = {}
    return user.notifications.all()
