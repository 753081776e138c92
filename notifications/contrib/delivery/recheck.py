"""Ask again at the moment of sending: is it still unread, wanted, visible and reachable, and is it a good time?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import Error as DatabaseError, connections

from notifications.conf import get_notification_model
from notifications.contrib.delivery.channels import Channel
from notifications.contrib.delivery.choices import Frequency, Skip
from notifications.contrib.delivery.clocks import loaded as loaded_moment
from notifications.contrib.delivery.models import Delivery, Schedule, StoppedAddress, stopped_form
from notifications.contrib.delivery.preferences import choices_of, decide
from notifications.extensions import muted_rows
from notifications.objects.guard import error_text
from notifications.objects.isolation import fetch_isolated
from notifications.sending.audience import is_active
from notifications.storage.states import DONE, VISIBLE
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
    #: Where messages to users go, without those of whom the channel cannot say it: the attempt to send fails for now.
    addresses: Mapping[Any, str] = field(default_factory=dict)
    #: The users whose address is stopped.
    stopped: frozenset[Any] = frozenset()
    #: Why a notification, or the user with this primary key or their schedule, could not be loaded.
    unreadable: Mapping[tuple[str, Any], Exception] = field(default_factory=dict)

    def schedule_of(self, user: Any) -> Schedule:
        """Return the schedule of a user, or that of the site."""
        if user.pk not in self.schedules:
            self.schedules[user.pk] = Schedule(user=user)
        return self.schedules[user.pk]

    def skip(self, delivery: Delivery) -> Skip | None:
        """Return why a delivery is not to be sent, or None. Raise what code of the site raised for it."""
        for which in ("notification", delivery.notification_id), ("recipient", delivery.recipient_id):
            if which in self.unreadable:
                raise self.unreadable[which]
        notification = self.notifications.get(delivery.notification_id)
        user = self.users.get(delivery.recipient_id)
        if notification is None or not VISIBLE.holds(notification):
            return Skip.DELETED
        if user is None or not is_active(user):
            return Skip.INACTIVE
        if notification.is_hidden:
            return Skip.HIDDEN
        if DONE.holds(notification):
            return Skip.DONE
        if not notification.unread:
            return Skip.READ
        if notification.pk in self.muted:
            return Skip.MUTED
        kind = type_of(notification.verb)
        if decide(kind, self.channel, self.choices.get(user.pk, {})).frequency == Frequency.OFF:
            return Skip.PREFERENCE
        if user.pk not in self.reachable or user.pk in self.stopped or self.addresses.get(user.pk) == "":
            return Skip.UNREACHABLE
        return None

    def later(self, delivery: Delivery, now: datetime) -> datetime | None:
        """Return until when a delivery has to wait, in UTC, or None. One that is critical does not wait for people."""
        notification = self.notifications[delivery.notification_id]
        user = self.users[delivery.recipient_id]
        moments = []
        if notification.inbox_at is not None and (back := loaded_moment(notification.inbox_at)) > now:
            moments.append(back)
        if not type_of(notification.verb).critical:
            silent = self.schedule_of(user).silent_until(now)
            if silent is not None:
                moments.append(silent)
        return max(moments, default=None)


def gather(channel: Channel, deliveries: Sequence[Delivery], using: str) -> Facts:
    """Return what is known about these deliveries now."""
    rows: Any = get_notification_model()._default_manager.using(using)
    people = {delivery.recipient_id for delivery in deliveries}
    users: Any = get_user_model()._base_manager.using(using)
    unreadable: dict[tuple[str, Any], Exception] = {}
    found = loaded(users, people, using, "recipient", unreadable)
    keys = {delivery.notification_id for delivery in deliveries}
    notifications = loaded(rows.with_objects(), keys, using, "notification", unreadable)
    clocks: Any = Schedule.objects.using(using)
    schedules = loaded(clocks, people, using, "recipient", unreadable, key="user_id")
    reachable = reachable_among(channel, users.filter(pk__in=people), using)
    addresses = addresses_of(channel, [user for key, user in found.items() if key in reachable])
    return Facts(
        channel,
        notifications,
        found,
        reachable,
        schedules,
        choices_of(found.values(), using),
        muted_among(notifications, using, unreadable),
        addresses,
        stopped_among(channel, addresses, using),
        unreadable,
    )


class ChannelBroken(Exception):
    """The database refuses what a channel asks it for."""


def reachable_among(channel: Channel, users: Any, using: str) -> frozenset[Any]:
    """Return the primary keys of those of the users whom a channel reaches."""
    try:
        return frozenset(channel.reached_among(users).values_list("pk", flat=True))
    except DatabaseError as error:
        if not connections[using].is_usable():
            raise
        # The query of one channel, while the database works for the others.
        raise ChannelBroken(error_text(error)) from error


def loaded(
    rows: Any,
    keys: Iterable[Any],
    using: str,
    name: str,
    unreadable: dict[tuple[str, Any], Exception],
    *,
    key: str = "pk",
) -> dict[Any, Any]:
    """Return the rows with these keys. One that cannot be loaded, also by code of the site, costs no other one."""
    found, failed = fetch_isolated(
        lambda some: {getattr(row, key): row for row in rows.filter(**{f"{key}__in": some})},
        keys,
        using,
        fatal=DatabaseError,
    )
    unreadable.update(((name, which), error) for which, error in failed.items())
    return found


def muted_among(
    rows: Mapping[Any, Any], using: str, unreadable: dict[tuple[str, Any], Exception]
) -> frozenset[Any]:
    """Return the primary keys of the muted rows. One for which an extension cannot say it costs no other one."""
    found, failed = fetch_isolated(
        lambda some: dict.fromkeys(muted_rows([rows[key] for key in some])), rows, using, fatal=DatabaseError
    )
    unreadable.update((("notification", key), error) for key, error in failed.items())
    return frozenset(found)


def addresses_of(channel: Channel, users: Iterable[Any]) -> dict[Any, str]:
    """Return where messages to these users go, without those of whom the channel cannot say it."""
    found = {}
    for user in users:
        # It is called again for the message.
        with suppress(Exception):
            found[user.pk] = str(channel.address(user) or "")
    return found


def stopped_among(channel: Channel, addresses: Mapping[Any, str], using: str) -> frozenset[Any]:
    """Return the users whose address is stopped."""
    stored = {user: stopped_form(address) for user, address in addresses.items()}
    rows = StoppedAddress.objects.using(using).filter(channel=channel.name, address__in=set(stored.values()))
    stopped = set(rows.values_list("address", flat=True))
    return frozenset(user for user, address in stored.items() if address in stopped)
