"""Ask again at the moment of sending: is it still unread, wanted, visible and reachable, and is it a good time?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model

from notifications.conf import get_notification_model
from notifications.contrib.delivery.channels import Channel
from notifications.contrib.delivery.choices import Frequency, Skip
from notifications.contrib.delivery.clocks import as_utc
from notifications.contrib.delivery.models import Delivery, Schedule
from notifications.contrib.delivery.preferences import choices_of, decide
from notifications.extensions import muted_rows
from notifications.storage.states import VISIBLE
from notifications.types import type_of


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about the deliveries of a batch: a constant number of queries, whatever their number."""

    channel: Channel
    notifications: Mapping[Any, Any]
    users: Mapping[Any, Any]
    reachable: frozenset[Any]
    schedules: dict[Any, Schedule]
    choices: Mapping[Any, Mapping[tuple[str, str], str]]
    muted: frozenset[Any] = frozenset()

    def schedule_of(self, user: Any) -> Schedule:
        """Return the schedule of a user, or that of the site."""
        if user.pk not in self.schedules:
            self.schedules[user.pk] = Schedule(user=user)
        return self.schedules[user.pk]

    def skip(self, delivery: Delivery) -> Skip | None:
        """Return why a delivery is not to be sent, or None."""
        notification = self.notifications.get(delivery.notification_id)
        user = self.users.get(delivery.recipient_id)
        if notification is None or not VISIBLE.holds(notification):
            return Skip.DELETED
        if user is None or not getattr(user, "is_active", True):
            return Skip.INACTIVE
        if notification.is_hidden:
            return Skip.HIDDEN
        if notification.is_done:
            return Skip.DONE
        if not notification.unread:
            return Skip.READ
        if notification.pk in self.muted:
            return Skip.MUTED
        kind = type_of(notification.verb)
        if decide(kind, self.channel, self.choices.get(user.pk, {})).frequency == Frequency.OFF:
            return Skip.PREFERENCE
        if user.pk not in self.reachable or not self.has_address(user):
            return Skip.UNREACHABLE
        return None

    def has_address(self, user: Any) -> bool:
        """Return whether there is an address. If that cannot be said, the attempt to send fails for now."""
        try:
            return bool(self.channel.address(user))
        except Exception:  # noqa: BLE001 - code of a channel, which is called again for the message
            return True

    def later(self, delivery: Delivery, now: datetime) -> datetime | None:
        """Return until when a delivery has to wait, in UTC, or None. One that is critical does not wait for people."""
        notification = self.notifications[delivery.notification_id]
        user = self.users[delivery.recipient_id]
        moments = []
        back = notification.inbox_at
        if back is not None and as_utc(back) > now:
            moments.append(as_utc(back))
        if not type_of(notification.verb).critical:
            silent = self.schedule_of(user).silent_until(now)
            if silent is not None:
                moments.append(silent)
        return max(moments, default=None)


def gather(channel: Channel, deliveries: Sequence[Delivery], using: str) -> Facts:
    """Return what is known about these deliveries now."""
    rows: Any = get_notification_model()._default_manager.using(using)
    keys = {delivery.notification_id for delivery in deliveries}
    people = {delivery.recipient_id for delivery in deliveries}
    users: Any = get_user_model()._base_manager.using(using).filter(pk__in=people)
    found = {user.pk: user for user in users}
    schedules = Schedule.objects.using(using).filter(user__in=people)
    notifications = {row.pk: row for row in rows.filter(pk__in=keys).with_objects()}
    return Facts(
        channel,
        notifications,
        found,
        frozenset(channel.reachable(users).values_list("pk", flat=True)),
        {schedule.user_id: schedule for schedule in schedules},
        choices_of(found.values()),
        muted_rows(list(notifications.values())),
    )
