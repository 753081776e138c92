"""Whether a recipient has muted what a notification is about, asked after it was sent: for what leaves the site."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.db import router

from notifications.contrib.subscriptions.audience import most_blocking, muters_of
from notifications.contrib.subscriptions.containment import ancestry_of
from notifications.contrib.subscriptions.explanations import event_of
from notifications.contrib.subscriptions.levels import DIRECT_REASONS, Level
from notifications.contrib.subscriptions.models import Subscription


def muted_among(rows: Sequence[Any]) -> set[Any]:
    """Return the primary keys of those of the notifications that are about what their recipient has muted.

    Costs one query where none of the recipients has muted anything; otherwise also some for each event of those who
    have.
    """
    mutes = Subscription.objects.using(router.db_for_write(Subscription)).filter(
        user__in={row.recipient_id for row in rows}, level=Level.MUTED
    )
    muters = set(mutes.values_list("user", flat=True))
    events: defaultdict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        if row.recipient_id in muters:
            events[row.event, row.reason in DIRECT_REASONS].append(row)
    found = set()
    for some in events.values():
        event = event_of(some[0])
        if event is not None:
            among = get_user_model()._base_manager.filter(pk__in=[row.recipient_id for row in some])
            blocked = set(
                muters_of(ancestry_of(event), most_blocking(event), among).values_list("user", flat=True)
            )
            found |= {row.pk for row in some if row.recipient_id in blocked}
    return found
