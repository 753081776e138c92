"""Why a notification is delivered on a channel, or is not: the rule that decided, and what the ledger says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import router
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy as _

from notifications.contrib.delivery.channels import get_channel
from notifications.contrib.delivery.choices import Frequency
from notifications.contrib.delivery.models import Delivery
from notifications.contrib.delivery.preferences import choices_of, decide
from notifications.events import Event
from notifications.types import type_of

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
    kind = type_of(event.verb)
    found = decide(kind, get_channel(channel), choices_of([user])[user.pk])
    rows = Delivery.objects.using(router.db_for_write(Delivery)).filter(recipient=user, channel=channel)
    key = {"notification__event": event.uuid} if isinstance(event, Event) else {"notification": event.pk}
    delivery = rows.filter(**key).first()
    words = {
        "channel": channel,
        "frequency": Frequency(found.frequency).label,
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
