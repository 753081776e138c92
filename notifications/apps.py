"""The app's configuration: registers the checks and the types."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import pre_migrate
from django.utils.translation import gettext_lazy as _


class Config(AppConfig):
    """Configure the app ``notifications``."""

    name = "notifications"
    verbose_name = _("Notifications")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers of deletions, and import ``notification_types`` of each app."""
        from django.utils.module_loading import autodiscover_modules

        from notifications import checks  # noqa: F401 - importing registers the checks
        from notifications.compat.adoption import refuse_plain_changes
        from notifications.storage.cascades import watch_cascades

        pre_migrate.connect(refuse_plain_changes, sender=self)
        watch_cascades()
        autodiscover_modules("notification_types")
