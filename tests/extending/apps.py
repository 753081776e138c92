"""The app's configuration, found by Django without being named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import AppConfig

from notifications.extensions import Extension

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from notifications.events import Event


class Config(Extension, AppConfig):
    """Leave out users who are not active."""

    name = "tests.extending"
    label = "extending"

    def notifications_audience(self, event: Event, audience: QuerySet[Any] | None) -> QuerySet[Any] | None:
        return None if audience is None else audience.filter(is_active=True)
