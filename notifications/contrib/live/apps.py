"""The app configuration: what is committed is published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from django.apps import AppConfig
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from notifications.contrib.live.conf import Settings, settings
from notifications.extensions import Extension


class Config(Extension, AppConfig):
    """Configure the app ``notifications.contrib.live``, which has no tables."""

    name = "notifications.contrib.live"
    label = "notifications_live"
    verbose_name = _("Live notifications")

    notifications_settings: ClassVar[type[Settings]] = Settings

    def ready(self) -> None:
        """Publish what the core signals after commit, and register the system check of the bus."""
        from notifications.contrib.live import checks  # noqa: F401 - importing registers the checks
        from notifications.contrib.live.publish import publish_event, publish_state
        from notifications.signals import notified, read_state_changed

        notified.connect(publish_event, dispatch_uid="notifications_live")
        read_state_changed.connect(publish_state, dispatch_uid="notifications_live")

    def notifications_attributes(self) -> Mapping[str, str]:
        """Return where a script finds the stream of what is new; nothing where the site has no url for it."""
        try:
            url = reverse("notifications_live:stream")
        except NoReverseMatch:
            return {}
        return {"live": url, "heartbeat": str(settings.LIVE_HEARTBEAT)}
