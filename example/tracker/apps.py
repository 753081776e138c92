"""The app config of the tracker."""

from django.apps import AppConfig


class TrackerConfig(AppConfig):
    """Connect the signal receivers that send notifications."""

    name = "tracker"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import the receivers, which connects them."""
        from tracker import signals  # noqa: F401
