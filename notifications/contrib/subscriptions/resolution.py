"""Viewing or closing an object marks the notifications about it as read."""

from __future__ import annotations

from inspect import isawaitable
from typing import Any

from asgiref.sync import sync_to_async
from django.db import models
from django.http import HttpRequest

from notifications.conf import get_notification_model
from notifications.storage.owners import rows_of_user
from notifications.storage.verbs import changed_by

#: The objects of a notification by which it is about something. Its actor is who did it.
ABOUT = ("target", "action_object")

#: The headers of a page that is loaded before anybody looks at it: of browsers, of older browsers, of Turbo and htmx.
PREFETCH_HEADERS = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz", "X-Sec-Purpose", "HX-Preloaded")


def resolve(user: Any, obj: models.Model) -> int:
    """Mark the user's notifications as read whose target or action object is this one. Return how many rows changed.

    This is one UPDATE. An anonymous user has nothing to read.
    """
    if not getattr(user, "is_authenticated", False):
        return 0
    return changed_by("mark_all_as_read", rows_of_user(user).about(obj, as_=ABOUT))


def resolve_all(obj: models.Model) -> int:
    """Do as :func:`resolve` does for all users."""
    rows: Any = get_notification_model()._default_manager
    return changed_by("mark_all_as_read", rows.about(obj, as_=ABOUT))


def resolve_seen(request: HttpRequest, obj: models.Model | None) -> int:
    """Do as :func:`resolve` does if the user of the request is looking at the object. Return how many rows changed.

    Nobody looks at the answer to HEAD or POST, nor at a page that a browser or a script loads beforehand. Nor was
    anybody notified about what is not saved, which a preview or an empty form shows.
    """
    if obj is None or getattr(obj, "pk", obj) is None:
        return 0
    if request.method != "GET" or is_prefetch(request):
        return 0
    return resolve(getattr(request, "user", None), obj)


def is_prefetch(request: HttpRequest) -> bool:
    """Return whether a page is loaded before anybody looks at it."""
    return any(name in request.headers for name in PREFETCH_HEADERS)


class ResolvesNotifications:
    """Mix this into the view of an object: viewing the page marks the notifications about the object as read."""

    def get_resolved_object(self) -> models.Model | None:
        """Return what the page shows: the ``object`` of a generic view."""
        view: Any = self
        obj: models.Model | None = view.object
        return obj

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Answer, and mark as read what the user sees. A page that was not shown marks nothing."""
        view: Any = super()
        response = view.dispatch(request, *args, **kwargs)
        # The methods of an asynchronous view return what is to be awaited.
        return (
            self._aresolve(request, response) if isawaitable(response) else self._resolve(request, response)
        )

    def _resolve(self, request: HttpRequest, response: Any) -> Any:
        if request.method == "GET" and response.status_code == 200:
            resolve_seen(request, self.get_resolved_object())
        return response

    async def _aresolve(self, request: HttpRequest, response: Any) -> Any:
        return await sync_to_async(self._resolve)(request, await response)
