"""Helpers for the tests of a site: what is delivered, to whom, and what would be delivered at another time.

In :func:`capture_deliveries`, each channel of the site is replaced by one that keeps its messages in memory.
Preferences, schedules and the ledger work as on the site.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, ClassVar
from unittest import mock

from django.test import override_settings
from django.utils import timezone

from notifications.conf import own_values
from notifications.contrib.delivery.channels import Channel, Message, Outcome, load_channel
from notifications.contrib.delivery.channels.memory import Channel as MemoryChannel
from notifications.contrib.delivery.clocks import stored
from notifications.contrib.delivery.conf import settings
from notifications.contrib.delivery.sending import Tally, deliver
from notifications.storage.owners import user_pk
from notifications.types import NotificationType

__all__ = ["Deliveries", "assert_not_notified", "assert_notified", "capture_deliveries", "deliver_due"]


class Deliveries(list["tuple[str, Message]"]):
    """Pairs of the name of a channel and a message, the oldest first."""

    def to(
        self,
        user: Any,
        *,
        verb: str | None = None,
        channel: str | None = None,
        where: Callable[[Message], bool] = lambda message: True,
    ) -> list[Message]:
        """Return the messages to ``user`` that have a notification with this verb, are on this channel, and match."""
        return [
            message
            for name, message in self
            if user_pk(message.recipient) == user_pk(user)
            and channel in (None, name)
            and (verb is None or any(row.verb == verb for row in message.notifications))
            and where(message)
        ]


class Captured(MemoryChannel):
    """Stands in for a channel of the site: it reaches the same users, and keeps the messages."""

    #: The list of the test that is running, None outside :func:`capture_deliveries`.
    kept: ClassVar[Deliveries | None] = None

    def __init__(self, name: str, *, real: Mapping[str, Any]) -> None:
        self.real: Channel = load_channel(name, real)
        super().__init__(name, default=self.real.default)
        self.label, self.max_notifications = str(self.real.label), self.real.max_notifications

    def reachable(self, users: Any) -> Any:
        """Return whom the channel of the site reaches."""
        return self.real.reachable(users)

    def delay(self, kind: type[NotificationType]) -> timedelta:
        """Return the delay on the channel of the site."""
        return self.real.delay(kind)

    def address(self, user: Any) -> str:
        """Return the address on the channel of the site."""
        return self.real.address(user)

    def send(self, message: Message) -> Outcome:
        """Keep the message."""
        captured().append((self.name, message))
        return super().send(message)


def captured() -> Deliveries:
    """Return what was captured. Raise RuntimeError outside :func:`capture_deliveries`, where nothing ever is."""
    if Captured.kept is None:
        raise RuntimeError("Deliveries are captured, and can be asserted, only within capture_deliveries().")
    return Captured.kept


@contextmanager
def capture_deliveries() -> Iterator[Deliveries]:
    """Send nothing, and return a list of what would have been sent.

    Nothing is sent by itself, as it would be after a commit: call :func:`deliver_due`.
    """
    path = f"{Captured.__module__}.{Captured.__name__}"
    channels = {
        name: {"channel": path, "real": options} for name, options in settings.DELIVERY_CHANNELS.items()
    }
    changed = {**own_values(), "DELIVERY_CHANNELS": channels, "DELIVERY_RUNNER": "none"}
    kept = Deliveries()
    with override_settings(NOTIFICATIONS=changed), mock.patch.object(Captured, "kept", kept):
        yield kept


def assert_notified(user: Any, **what: Any) -> list[Message]:
    """Fail unless a message to ``user`` was captured. ``what`` are the arguments of :meth:`Deliveries.to`.

    Return these messages.
    """
    found = captured().to(user, **what)
    assert found, f"Nothing was delivered to {user} with {what}. Delivered: {captured()}"  # noqa: S101
    return found


def assert_not_notified(user: Any, **what: Any) -> None:
    """Fail if a message to ``user`` was captured. ``what`` are the arguments of :meth:`Deliveries.to`."""
    found = captured().to(user, **what)
    assert not found, f"This was delivered to {user}: {found}"  # noqa: S101


def deliver_due(at: datetime | None = None) -> Tally:
    """Send what is due now, or what is due at ``at`` as if it were that moment. Return how much that was."""
    if at is None:
        return deliver()
    moment = stored(at) if timezone.is_aware(at) else at
    with mock.patch.object(timezone, "now", return_value=moment):
        return deliver()
