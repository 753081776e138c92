"""The admin of subscriptions: to look at, and to delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from notifications.contrib.subscriptions.models import Subscription
from notifications.inbox.admin import ObjectsOfViewer, viewer_of
from notifications.inbox.search.names import login_name
from notifications.objects.keys import attach_objects
from notifications.objects.labels import name_of

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Subscription]
else:
    Base = admin.ModelAdmin


@admin.register(Subscription)
class SubscriptionAdmin(ObjectsOfViewer, Base):
    """List, search and delete subscriptions. Only their users change them."""

    list_display = ("user_label", "object_label", "level", "until", "reason", "created")
    list_filter = ("level", "reason", "content_type")
    list_select_related = ("user",)
    ordering = ("-pk",)
    show_full_result_count = False

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the page of the list, the rows with their objects: a constant number of queries."""
        page: Any = super().get_changelist_instance(request)
        page.result_list = list(page.result_list)
        attach_objects(page.result_list, viewer=viewer_of(request))
        return page

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return a row with its object."""
        row: Any = super().get_object(request, object_id, from_field)
        attach_objects([] if row is None else [row], viewer=viewer_of(request))
        return row

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
