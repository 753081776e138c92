"""Whether a recipient has muted what a notification is about, asked after it was sent: for what leaves the site."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.contrib.auth import get_user_model

from notifications.contrib.subscriptions.audience import most_blocking, muters_of
from notifications.contrib.subscriptions.containment import ancestry_of
from notifications.contrib.subscriptions.explanations import remains_of
from notifications.contrib.subscriptions.fields import make_object_key
from notifications.contrib.subscriptions.levels import DIRECT_REASONS
from notifications.contrib.subscriptions.operations import IS_MUTED, subscriptions_for_write
from notifications.objects.fetch import model_of


def muted_among(rows: Sequence[Any]) -> set[Any]:
    """Return the primary keys of those of the notifications that are about what their recipient has muted.

    Costs one query where none of the recipients has muted anything; otherwise also some for each event of those who
    have.
    """
    mutes = subscriptions_for_write().filter(IS_MUTED, user__in={row.recipient_id for row in rows})
    muted: defaultdict[Any, set[str]] = defaultdict(set)
    for user, key in mutes.values_list("user", "object_key"):
        muted[user].add(key)
    events: defaultdict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        if row.recipient_id in muted:
            events[row.event, row.reason in DIRECT_REASONS].append(row)
    found = set()
    for some in events.values():
        event = remains_of(some[0])
        ancestry = ancestry_of(event)
        blocked = set()
        if ancestry.objects:
            among = get_user_model()._base_manager.filter(pk__in=[row.recipient_id for row in some])
            muters = muters_of(ancestry, most_blocking(event), among)
            blocked = set(muters.using(mutes.db).values_list("user", flat=True))
        if event.target is None and event.action_object is None:
            # What it is about is gone, but not that it was muted.
            gone = keys_about(some[0])
            blocked |= {user for user, keys in muted.items() if keys & gone}
        found |= {row.pk for row in some if row.recipient_id in blocked}
    return found


def keys_about(row: Any) -> set[str]:
    """Return the texts that stand for the target and the action object of a notification, which may be gone."""
    using = row._state.db
    references = [row._meta.get_field(name).reference(row) for name in ("target", "action_object")]
    found = [(model_of(reference[0], using), reference[1]) for reference in references if reference]
    return {make_object_key(model, text, using) for model, text in found if model is not None}
