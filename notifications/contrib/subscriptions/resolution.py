"""Viewing or closing an object marks the notifications about it as read."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.http import HttpRequest

from notifications.conf import get_notification_model


def resolve(user: Any, obj: models.Model) -> int:
    """Mark the user's notifications about the object as read, by one UPDATE. Return how many rows changed.

    An anonymous user has nothing to read.
    """
    if not getattr(user, "is_authenticated", False):
        return 0
    changed: int = user.notifications.about(obj).mark_all_as_read()
    return changed


def resolve_all(obj: models.Model) -> int:
    """Mark everybody's notifications about the object as read, by one UPDATE. Return how many rows changed."""
    rows: Any = get_notification_model()._default_manager
    changed: int = rows.about(obj).mark_all_as_read()
    return changed


class ResolvesNotifications:
    """Mix this into the view of an object: viewing the page marks the notifications about the object as read."""

    def get_resolved_object(self) -> models.Model:
        """Return what the page shows: the ``object`` of a generic view."""
        view: Any = self
        obj: models.Model = view.object
        return obj

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Answer, and mark as read. A page that was not shown marks nothing, nor does a HEAD."""
        view: Any = super()
        response = view.dispatch(request, *args, **kwargs)
        if request.method == "GET" and response.status_code == 200:
            resolve(request.user, self.get_resolved_object())
        return response
