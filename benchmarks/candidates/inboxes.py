"""What ours, django-notifications-community and django-notifications-hq have in common: names and urls."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

from candidates.base import Candidate as Base
from django.template import Context
from django.urls import include, path
from django.utils.module_loading import import_string

from notifications.models import Notification
from notifications.signals import notify

urlpatterns = [path("inbox/", include("notifications.urls", namespace="notifications"))]


class Inbox(Base):
    """A package with the names of django-notifications-hq, used as its documentation says."""

    model = Notification
    html_url = "/inbox/"
    json_url = "/inbox/api/unread_list/"

    def send(self, recipient: Any) -> None:
        """Tell them by the signal."""
        notify.send(self.actor, recipient=recipient, **self.event)

    def mark_all_read(self, user: Any) -> None:
        """Mark them by the queryset."""
        user.notifications.mark_all_as_read()

    def unread_count(self, user: Any) -> object:
        """Return what the template tag returns."""
        tag = import_string("notifications.templatetags.notifications_tags.notifications_unread")
        return tag(Context({"request": SimpleNamespace(user=user), "user": user}))

    def rows_on_a_page(self, rows: int) -> Any:
        """Return no context: the peers read the size of a page once, and a page has 20 rows."""
        return nullcontext()
