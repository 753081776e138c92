"""The admin of the ledger, to look at and to send again, and of what users prefer, to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _, ngettext

from notifications.contrib.delivery.choices import Status
from notifications.contrib.delivery.models import Circuit, Delivery, Preference, Schedule, StoppedAddress
from notifications.inbox.search.names import login_name
from notifications.objects.labels import name_of

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:
    Base = admin.ModelAdmin


class LookAt(Base):
    """Show rows that are not written here. They can be deleted if ``can_delete``."""

    can_delete = False
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether such rows can be deleted by who has the permission.

        The page that deletes a user asks this as well, for the rows that are deleted with the user.
        """
        match, own = request.resolver_match, f"{self.opts.app_label}_{self.opts.model_name}_"
        is_own_page = match is None or str(match.url_name).startswith(own)
        return (self.can_delete or not is_own_page) and super().has_delete_permission(request, obj)


@admin.register(Delivery)
class DeliveryAdmin(LookAt):
    """List, search, and send again."""

    list_display = (
        "recipient_label", "channel", "frequency", "status_label", "due_at", "attempts", "sent_at", "problem"
    )  # fmt: skip
    list_filter = ("status", "channel", "frequency")
    list_select_related = ("recipient",)
    ordering = ("-pk",)
    fields = (
        "notification_id", "recipient_label", "channel", "frequency", "status_label", "due_at", "next_attempt_at",
        "attempts", "sent_at", "reference", "problem",
    )  # fmt: skip
    readonly_fields = fields
    actions = ("send_again",)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Return where the search looks: the name of the recipient, and the reference."""
        return (f"recipient__{login_name()[0]}", "=reference")

    @admin.display(description=_("recipient"))
    def recipient_label(self, row: Delivery) -> str:
        """Return the name of the recipient."""
        return name_of(row.recipient)

    @admin.display(description=_("status"), ordering="status")
    def status_label(self, row: Delivery) -> str:
        """Return the status, with the reason if it was skipped."""
        return row.status_text

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may send again: with the permission to change deliveries."""
        return request.user.has_perm("notifications_delivery.change_delivery")

    @admin.action(permissions=["send"], description=_("Send selected failed deliveries again"))
    def send_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """Let the failed ones of the selected rows be due now, with all of their attempts."""
        count = queryset.filter(status__in=[Status.FAILED, Status.BOUNCED]).update(
            status=Status.PENDING, attempts=0, next_attempt_at=timezone.now(), token=None
        )
        words = ngettext(
            "%(count)d delivery will be sent again.", "%(count)d deliveries will be sent again.", count
        )
        self.message_user(request, words % {"count": count})


@admin.register(Preference)
class PreferenceAdmin(LookAt):
    """List the choices of users."""

    list_display = ("user", "scope", "channel", "frequency")
    list_filter = ("channel", "frequency")
    list_select_related = ("user",)
    ordering = ("-pk",)


@admin.register(Schedule)
class ScheduleAdmin(LookAt):
    """List the schedules of users."""

    list_display = ("user", "time_zone", "digest_time", "digest_weekday", "paused_until")
    list_select_related = ("user",)
    ordering = ("-pk",)


@admin.register(StoppedAddress)
class StoppedAddressAdmin(LookAt):
    """List the addresses to which nothing is sent. Deleting one sends to it again."""

    can_delete = True
    list_display = ("channel", "address", "reason", "created")
    list_filter = ("channel",)
    search_fields = ("address",)


@admin.register(Circuit)
class CircuitAdmin(LookAt):
    """List the channels that are paused. Deleting one ends the pause."""

    can_delete = True
    list_display = ("channel", "failures", "open_until", "problem")
