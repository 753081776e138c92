"""Why a notification is delivered on a channel, or is not: the rule that decided, and what the ledger says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy as _

from notifications.contrib.delivery.channels import Channel, get_channel, get_channels
from notifications.contrib.delivery.choices import frequency_label
from notifications.contrib.delivery.models import Delivery
from notifications.contrib.delivery.preferences import choices_of, decide, default_frequency
from notifications.events import Event
from notifications.storage.databases import at_home
from notifications.storage.owners import user_pk
from notifications.types import NotificationType, type_of

#: What a rule of ``preferences.decide`` means.
RULES: dict[str, Promise] = {
    "critical": _("it is always sent"),
    "not_offered": _("it is not offered on this channel"),
    "type": _("chosen for this type"),
    "category": _("chosen for this category"),
    "everything": _("chosen for all notifications"),
    "default": _("the default"),
}


@dataclass(frozen=True, slots=True)
class DeliveryExplanation:
    """The frequency that holds today, the rule that decided, the status in the ledger, and all that in a sentence.

    ``status`` is empty if the ledger has no such delivery: it was not wanted, or could not be reached, at the time.
    """

    frequency: str
    rule: str
    status: str
    problem: str
    text: str

    def __str__(self) -> str:
        return self.text


def explain_delivery(user: Any, event: Event | Any, channel: str) -> DeliveryExplanation:
    """Say how a notification of ``user``, or an event, is delivered on a channel. Raise KeyError for an unknown one.

    ``event`` is an :class:`~notifications.events.Event` or a notification. Costs two queries.
    """
    key = {"notification__event": event.uuid} if isinstance(event, Event) else {"notification": event.pk}
    delivery = deliveries_of(user).filter(channel=channel, **key).first()
    return explanation(type_of(event.verb), get_channel(channel), choices_of([user])[user_pk(user)], delivery)


def explain_row(row: Any) -> list[DeliveryExplanation]:
    """Say how a notification is delivered on each channel that is offered for it. Costs two queries."""
    user, kind = row.recipient, type_of(row.verb)
    chosen = choices_of([user])[user_pk(user)]
    ledger = {delivery.channel: delivery for delivery in deliveries_of(user).filter(notification=row.pk)}
    return [
        explanation(kind, channel, chosen, ledger.get(name))
        for name, channel in get_channels().items()
        if name in ledger or default_frequency(kind, channel) is not None
    ]


def deliveries_of(user: Any) -> Any:
    """Return the deliveries of a user, from the database where they are written."""
    return at_home(Delivery.objects.filter(recipient=user))


def explanation(
    kind: type[NotificationType], channel: Channel, chosen: Any, delivery: Delivery | None
) -> DeliveryExplanation:
    """Return the explanation of a delivery, which may not be there, by the choices of its recipient."""
    found = decide(kind, channel, chosen)
    words = {
        "channel": channel.label or channel.name,
        "frequency": frequency_label(found.frequency),
        "rule": RULES[found.rule],
        "status": gettext("not in the ledger") if delivery is None else delivery.status_text,
    }
    return DeliveryExplanation(
        found.frequency,
        found.rule,
        "" if delivery is None else delivery.status,
        "" if delivery is None else delivery.problem,
        gettext("%(channel)s: %(frequency)s (%(rule)s). Status: %(status)s.") % words,
    )
