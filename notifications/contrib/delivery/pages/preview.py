"""The page on which a developer looks at the messages of each type, channel and language, with sample data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.utils import timezone, translation
from django.utils.lorem_ipsum import COMMON_P

from notifications.conf import get_notification_model
from notifications.contrib.delivery.channels import Channel, Message
from notifications.inbox.search import is_of_type
from notifications.sending.audience import is_active
from notifications.storage.owners import user_pk
from notifications.types import NotificationType

#: How many notifications a digest shows.
SAMPLES = 3


def is_allowed(user: Any) -> bool:
    """Return whether the user may look at the page: staff, and everybody who is logged in with ``DEBUG``."""
    # Only a user model that the admin knows must have is_staff.
    return is_active(user) and bool(settings.DEBUG or getattr(user, "is_staff", False))


def samples(kind: type[NotificationType], user: Any) -> list[Any]:
    """Return the latest notifications of a type that the user received, or one that is made up and not saved."""
    model: Any = get_notification_model()
    rows = model._default_manager.filter(recipient=user).order_by("-pk")
    found = list(rows.filter(is_of_type(kind)).with_objects()[:SAMPLES])
    return found or [
        model(
            pk=0,
            recipient=user,
            actor=user,
            verb=kind.verb or "did something",
            action_object=user,
            target=user,
            description=COMMON_P,
            timestamp=timezone.now(),
        )
    ]


def parts(
    kind: type[NotificationType], channel: Channel, language: str, user: Any, *, is_digest: bool
) -> Mapping[str, str]:
    """Return the parts of a sample message by their names."""
    # The user of a request is wrapped in another class.
    user = get_user_model()._base_manager.get(pk=user_pk(user))
    rows = samples(kind, user)
    message = Message(
        key=f"0.{rows[0].pk}",
        recipient=user,
        address=channel.address(user),
        notifications=rows if is_digest else rows[:1],
        frequency="daily" if is_digest else "instant",
    )
    with translation.override(language):
        return channel.preview(message)
