"""The app configuration, by which the core asks for the audience of an event."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from notifications.contrib.subscriptions.conf import Settings
from notifications.extensions import Extension

if TYPE_CHECKING:
    from django.db import models
    from django.db.models import QuerySet
    from django.utils.functional import Promise

    from notifications.events import Event


class Config(Extension, AppConfig):
    """Configure the app ``notifications.contrib.subscriptions``."""

    name = "notifications.contrib.subscriptions"
    label = "notifications_subscriptions"
    verbose_name = _("Subscriptions")
    default_auto_field = "django.db.models.BigAutoField"

    notifications_templates: ClassVar[Mapping[str, str]] = {
        "row": "notifications_subscriptions/row.html",
        "new_row": "notifications_subscriptions/new_row.html",
        "head": "notifications_subscriptions/head.html",
    }

    notifications_settings: ClassVar[type[Settings]] = Settings

    notifications_keys: ClassVar[Mapping[tuple[str, ...], str | Promise]] = {("Shift", "M"): _("Mute")}

    notifications_messages: ClassVar[Mapping[str, str | Promise]] = {
        "subscriptions_watch": _("You are now watching this."),
        "subscriptions_participating": _("You will be notified only when participating or @mentioned."),
        "subscriptions_mute": _("Muted. You will not receive notifications about this."),
        "subscriptions_mute_week": _("Muted for one week."),
        "subscriptions_unmute": _("No longer muted. What applied before applies again."),
        "subscriptions_unsubscribe": _(
            "Unsubscribed. You will be notified only if you participate again or are @mentioned."
        ),
        "subscriptions_remove": _("Removed. Subscriptions to what contains this apply again."),
        "subscriptions_nothing": _("Select at least one subscription."),
        "subscriptions_unchanged": _("Nothing changed."),
    }

    def ready(self) -> None:
        """Register the system check."""
        from notifications.contrib.subscriptions import checks  # noqa: F401 - importing registers the checks

    def notifications_audience(self, event: Event, audience: QuerySet[Any] | None) -> QuerySet[Any] | None:
        """Return who watches what the event is about, or those of the named who did not mute it."""
        from notifications.contrib.subscriptions.audience import audience_of

        return audience_of(event, audience)

    def notifications_sent(self, event: Event, rows: QuerySet[Any], using: str) -> None:
        """Let who acts, and who is mentioned or assigned, participate in what the event is about, after the commit."""
        from notifications.contrib.subscriptions.participation import record_participation

        record_participation(event, rows, using)

    def notifications_muted(self, rows: Sequence[Any]) -> Collection[Any]:
        """Return those of the notifications that are about what their recipient has muted since."""
        from notifications.contrib.subscriptions.mutes import muted_among

        return muted_among(rows)

    def notifications_containers(self) -> Mapping[type[models.Model], Sequence[str]]:
        """Return the fields that the setting ``PARENTS`` names, and those that follow from it."""
        from notifications.contrib.subscriptions.containment import lookups_of_parents

        return lookups_of_parents()

    def notifications_silence(self, event: Event, *, named: bool) -> str:
        """Return the reason for the log: muted by all recipients, or no subscribers."""
        if named:
            return "every recipient has muted what it is about, or may not see it"
        return "nobody watches what it is about, or all who do are inactive, have muted it or may not see it"
