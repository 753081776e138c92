"""A site that delivers by a channel in memory, and nothing by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail

from notifications.contrib.delivery.channels import memory

SETTINGS: dict[str, Any] = {"DELIVERY_CHANNELS": {"memory": {}}, "DELIVERY_RUNNER": "none"}


@pytest.fixture(autouse=True)
def delivering(settings: Any) -> Any:
    settings.NOTIFICATIONS = SETTINGS
    if hasattr(mail, "mailers"):
        # Django 6.1 has no default.
        settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    return settings


@pytest.fixture(autouse=True)
def outbox() -> Iterator[list[Any]]:
    """What the channels in memory sent."""
    memory.outbox.clear()
    yield memory.outbox
    memory.outbox.clear()
