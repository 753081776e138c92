"""The admin of notifications, also of a custom model. Importing this module registers nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _, ngettext

from notifications.inbox import search
from notifications.storage.notification import AbstractNotification, Rows

if TYPE_CHECKING:
    Base = admin.ModelAdmin[AbstractNotification]
else:
    Base = admin.ModelAdmin


class AbstractNotificationAdmin(Base):
    """List, search and edit notifications, also of a custom model."""

    list_display = (
        "recipient", "actor_label", "verb", "action_object_label", "target_label", "timestamp", "level", "unread",
        "public",
    )  # fmt: skip
    list_filter = (
        "level", "unread", "public", ("done_at", admin.EmptyFieldListFilter), ("saved_at", admin.EmptyFieldListFilter),
        ("snoozed_until", admin.EmptyFieldListFilter), "timestamp",
    )  # fmt: skip
    list_select_related = ("recipient",)
    # Of all recipients together only the order of the primary key has an index.
    ordering = ("-pk",)
    date_hierarchy = "timestamp"
    raw_id_fields = ("recipient",)
    readonly_fields = (
        "action_object_url", "actor_object_url", "target_object_url", "read_at", "done_at", "saved_at",
        "snoozed_until", "event",
    )  # fmt: skip
    actions = ("mark_read", "mark_unread")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[AbstractNotification]:
        """Return the rows with their objects: a constant number of queries for a page of the list."""
        rows: Any = super().get_queryset(request)
        objects: models.QuerySet[AbstractNotification] = rows.with_objects()
        return objects

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[AbstractNotification], search_term: str
    ) -> tuple[models.QuerySet[AbstractNotification], bool]:
        """Search with the syntax of the inbox. Free text also searches the fields of :meth:`get_search_fields`."""
        asked = search.parse(search_term, self.model)
        if asked.error:
            self.message_user(request, asked.error, messages.WARNING)
            return queryset.none(), False
        words = " ".join(f'"{word}"' for word in asked.words)
        return super().get_search_results(request, queryset.filter(asked.conditions), words)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Return where the search looks: the words of the row and the name of its recipient."""
        return ("verb", "description", f"recipient__{get_user_model().USERNAME_FIELD}")

    @admin.display(description=_("actor"))
    def actor_label(self, notification: AbstractNotification) -> str:
        """Return the name of the actor, or what says that it is gone."""
        return notification.label("actor")

    @admin.display(description=_("action object"), empty_value="-")
    def action_object_label(self, notification: AbstractNotification) -> str | None:
        """Return the name of the action object, or what says that it is gone."""
        return notification.label("action_object") or None

    @admin.display(description=_("target"), empty_value="-")
    def target_label(self, notification: AbstractNotification) -> str | None:
        """Return the name of the target, or what says that it is gone."""
        return notification.label("target") or None

    @admin.action(permissions=["change"], description=_("Mark selected notifications as read"))
    def mark_read(self, request: HttpRequest, queryset: Rows) -> None:
        """Mark the selected rows as read."""
        self._report(request, queryset.mark_all_as_read())

    @admin.action(permissions=["change"], description=_("Mark selected notifications as unread"))
    def mark_unread(self, request: HttpRequest, queryset: Rows) -> None:
        """Mark the selected rows as unread."""
        self._report(request, queryset.mark_all_as_unread())

    def _report(self, request: HttpRequest, changed: int) -> None:
        words = ngettext(
            "%(count)d notification was changed.", "%(count)d notifications were changed.", changed
        )
        self.message_user(request, words % {"count": changed})
