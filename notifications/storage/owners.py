"""The rows of a user."""

from __future__ import annotations

from copy import copy
from typing import Any


def rows_of_user(user: Any) -> Any:
    """Return all notifications of a user as a queryset, also where the site has prefetched only some of them.

    What was prefetched by a filtered queryset is then what ``user.notifications`` begins with.
    """
    if "notifications" in getattr(user, "_prefetched_objects_cache", ()):
        user = copy(user)
        user._prefetched_objects_cache = {}
    return user.notifications.all()
