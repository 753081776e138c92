"""The notifications of this checkout."""

from __future__ import annotations

from typing import Any

from candidates.data import READERS
from candidates.inboxes import Inbox, urlpatterns
from django.test import override_settings

from notifications.models import Notification
from notifications.pagination import cursor_of

__all__ = ["Candidate", "urlpatterns"]


class Candidate(Inbox):
    """The package as it is."""

    def rows_on_a_page(self, rows: int) -> Any:
        """Return the context that says so by the setting."""
        return override_settings(NOTIFICATIONS={"PAGE_SIZE": rows})

    def link(self, number: int) -> str:
        """Return the query by which the page before leads there."""
        newest = Notification.objects.filter(recipient=READERS["full"]).order_by("-timestamp", "-pk")
        return f"before={cursor_of(newest[(number - 1) * 20 - 1])}"
