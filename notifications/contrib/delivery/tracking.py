"""What a mail service reports after it took a mail, as Anymail signals it: delivered, bounced, complained about."""

from __future__ import annotations

from functools import partial
from typing import Any

from notifications.contrib.delivery.choices import Status
from notifications.contrib.delivery.models import Delivery, short_text
from notifications.contrib.delivery.sending import stop_address
from notifications.storage.databases import at_home
from notifications.storage.locking import retry

#: What an event makes of a delivery, and of which status it may be before: reports repeat, and come in any order.
STATUSES = {
    "delivered": (Status.DELIVERED, [Status.SENT]),
    "bounced": (Status.BOUNCED, [Status.SENT, Status.DELIVERED]),
    "rejected": (Status.BOUNCED, [Status.SENT]),
    "failed": (Status.FAILED, [Status.SENT]),
}

#: The events after which nothing is sent to the address any more.
STOPPING = {"bounced", "complained", "unsubscribed"}


def track(sender: Any, event: Any, **arguments: Any) -> None:
    """Store what a service reports: the receiver of ``anymail.signals.tracking``."""
    key = (event.metadata or {}).get("delivery")
    if not str(key).isascii() or not str(key).isdigit() or len(str(key)) > 18:
        # Not a mail of ours.
        return
    rows = at_home(Delivery.objects.all())
    delivery = rows.filter(pk=int(str(key))).first()
    if delivery is None:
        return
    problem = short_text(f"{event.event_type}: {event.description or event.reject_reason or ''}")
    if event.event_type in STATUSES:
        status, before = STATUSES[event.event_type]
        # All that was in the same mail, which has been stored at once. Some services give it no reference.
        same = rows.filter(
            recipient=delivery.recipient_id, channel=delivery.channel, reference=delivery.reference
        )
        if not delivery.reference:
            same = same.filter(sent_at=delivery.sent_at) if delivery.sent_at else same.filter(pk=delivery.pk)
        changes = {"status": status, "problem": "" if status == Status.DELIVERED else problem}
        retry(partial(same.filter(status__in=before).update, **changes), rows.db)
    if event.event_type in STOPPING and event.recipient:
        stop_address(delivery.channel, event.recipient, problem, rows.db)
