"""The app configuration: an event writes its deliveries in the transaction of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _

from notifications.contrib.delivery.conf import Settings
from notifications.extensions import Extension

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.functional import Promise

    from notifications.events import Event


class Config(Extension, AppConfig):
    """Configure the app ``notifications.contrib.delivery``."""

    name = "notifications.contrib.delivery"
    label = "notifications_delivery"
    verbose_name = _("Delivery of notifications")
    default_auto_field = "django.db.models.BigAutoField"

    notifications_templates: ClassVar[Mapping[str, str]] = {"head": "notifications_delivery/head.html"}

    notifications_messages: ClassVar[Mapping[str, str | Promise]] = {
        "delivery_saved": _("Your settings were saved."),
    }

    notifications_settings: ClassVar[type[Settings]] = Settings

    def ready(self) -> None:
        """Register the system checks, and listen to Anymail if the site has it."""
        from notifications.contrib.delivery import checks  # noqa: F401 - importing registers the checks

        if apps.is_installed("anymail"):
            from anymail.signals import tracking

            from notifications.contrib.delivery.tracking import track

            tracking.connect(track, dispatch_uid="notifications_delivery")

    def notifications_writes(self, event: Event) -> bool:
        """Return whether a channel is offered for the type of the event."""
        from notifications.contrib.delivery.ledger import offered_channels
        from notifications.types import type_of

        return bool(offered_channels(type_of(event.verb)))

    def notifications_explained(self, row: Any) -> Sequence[str]:
        """Return how the notification is delivered on each channel, and what became of it."""
        from notifications.contrib.delivery.explanations import explain_row

        return [found.text for found in explain_row(row)]

    def notifications_written(self, event: Event, rows: QuerySet[Any], using: str, *, fresh: bool) -> None:
        """Write the deliveries of the rows."""
        from notifications.contrib.delivery.ledger import write_deliveries

        write_deliveries(event, rows, using, fresh=fresh)
