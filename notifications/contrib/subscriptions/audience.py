"""The audience of an event by its subscriptions, as one queryset.

A user's subscription to the nearest object of a path holds for the whole path. Whoever muted one of the paths is not
notified; of the others, whoever watches one of them is.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.db.models.lookups import In

from notifications.contrib.subscriptions.conf import settings
from notifications.contrib.subscriptions.containment import Ancestry, ancestry_of
from notifications.contrib.subscriptions.levels import DIRECT_REASONS
from notifications.contrib.subscriptions.models import Subscription
from notifications.contrib.subscriptions.rules import MUTED, MUTED_PARENT, NOTIFIED, Decision, StrongestReason
from notifications.events import OBJECTS, Event
from notifications.extensions import REASON
from notifications.objects.visibility import rule_of
from notifications.sending.audience import active, is_user, user_key


def audience_of(
    event: Event, named: QuerySet[Any] | None, ancestry: Ancestry | None = None
) -> QuerySet[Any] | None:
    """Return the audience of the event: who watches, or those of the named who did not mute it.

    None where nobody was named and the event is about nothing but its actor: that is for the core to send. ``ancestry``
    is that of the event, where it is known already.
    """
    if named is None and is_about_the_actor_alone(event):
        return None
    ancestry = ancestry or ancestry_of(event)
    if named is not None:
        users = named.exclude(pk__in=muters_of(ancestry, most_blocking(event), named))
    else:
        users = watchers_of(ancestry)
        if not settings.NOTIFY_ACTOR and is_user(event.actor):
            users = users.exclude(pk=user_key(event.actor))
    return visible_to(users, event)


def most_blocking(event: Event) -> int:
    """Return the largest decision by which somebody who is named is not notified."""
    return MUTED if event.reason in DIRECT_REASONS else MUTED_PARENT


def visible_to(users: QuerySet[Any], event: Event) -> QuerySet[Any]:
    """Return those of the users who may see all that the event is about."""
    for name in OBJECTS:
        obj = getattr(event, name)
        rule = None if obj is None else rule_of(obj)
        if rule is not None:
            users = rule.users(users, obj)
    return users


def is_about_the_actor_alone(event: Event) -> bool:
    """Return whether the event has neither target nor action object, such as "justquick reached level 10"."""
    return event.target is None and event.action_object is None and is_user(event.actor)


def watchers_of(ancestry: Ancestry) -> QuerySet[Any]:
    """Return the active users who are notified because of their subscriptions, each with the strongest reason."""
    prefix = "notification_subscriptions__"
    users: Any = active(get_user_model()._base_manager.all())
    users = users.filter(**{f"{prefix}object_key__in": list(ancestry.objects)})
    users = users.alias(decision=Decision(ancestry, prefix)).filter(decision=NOTIFIED)
    users = users.annotate(**{REASON: StrongestReason(ancestry, prefix)})
    # Django would group by every column of the user, which only PostgreSQL knows to be the same.
    key = users.model._meta.pk
    users.query.group_by = (key.get_col(users.query.get_initial_alias()),)
    found: QuerySet[Any] = users
    return found


def keys_of(users: QuerySet[Any]) -> list[Any] | None:
    """Return the primary keys of ``filter(pk__in=keys)``, as the core names users; None for any other queryset.

    With the keys themselves, the query is much smaller.
    """
    conditions: Any = users.query.where.children
    if len(conditions) != 1 or not isinstance(conditions[0], In):
        return None
    column, keys = conditions[0].lhs, conditions[0].rhs
    # Not of other users, whom a relation leads to: filter(reports__in=keys).
    is_key = getattr(column, "target", None) == users.model._meta.pk
    is_own = is_key and column.alias == users.query.get_initial_alias()
    return keys if is_own and isinstance(keys, list) else None


def muters_of(ancestry: Ancestry, most: int, among: QuerySet[Any]) -> QuerySet[Any]:
    """Return the primary keys of those of the users who muted a path, by this decision or one that is smaller.

    Only the subscriptions of these users are read, however many others there are to the same objects.
    """
    keys: Any = keys_of(among)
    if keys is None:
        keys = among.order_by().values("pk")
    rows: Any = Subscription.objects.filter(object_key__in=list(ancestry.objects), user__in=keys)
    rows = rows.order_by().values("user")
    found: QuerySet[Any] = rows.alias(decision=Decision(ancestry)).filter(decision__lte=most).values("user")
    return found
