"""The admin of subscriptions: to look at, and to delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from notifications.contrib.subscriptions.models import Subscription
from notifications.inbox.search.names import login_name
from notifications.objects.labels import name_of

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Subscription]
else:
    Base = admin.ModelAdmin


@admin.register(Subscription)
class SubscriptionAdmin(Base):
    """List, search and delete subscriptions. Only their users change them."""

    list_display = ("user_label", "object_label", "level", "until", "reason", "created")
    list_filter = ("level", "reason", "content_type")
    list_select_related = ("user",)
    ordering = ("-pk",)
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscription]:
        """Return the rows with their objects: a constant number of queries for a page of the list."""
        rows: Any = super().get_queryset(request)
        objects: QuerySet[Subscription] = rows.prefetch_related("object")
        return objects

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Return where the search looks: the name of the user."""
        return (f"user__{login_name()[0]}",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody subscribes for another user."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody subscribes for another user."""
        return False

    @admin.display(description=_("user"), ordering="user")
    def user_label(self, row: Subscription) -> str:
        """Return the name of the user."""
        return name_of(row.user)

    @admin.display(description=_("object"))
    def object_label(self, row: Subscription) -> str:
        """Return the name of the object, or what says that it is gone."""
        return row.label()
