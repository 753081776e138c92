"""The context processor with the counts of the user."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from notifications.storage.counts import unread_count, unseen_count


def notifications(request: HttpRequest) -> dict[str, Any]:
    """Add ``notifications_unread`` and ``notifications_unseen``. They cost a query only if a template uses them.

    For an anonymous user they are 0.
    """
    user = getattr(request, "user", None)
    is_known = bool(user and user.is_authenticated)
    return {
        "notifications_unread": SimpleLazyObject(lambda: unread_count(user, request) if is_known else 0),
        "notifications_unseen": SimpleLazyObject(lambda: unseen_count(user, request) if is_known else 0),
    }
