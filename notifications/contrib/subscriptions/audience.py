"""The rules of who is told, as one queryset.

What a user said of the nearest object of a line holds for the whole line. Whoever muted one of the lines is not told;
of the others, whoever watches one of them is.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from notifications.contrib.subscriptions.conf import settings
from notifications.contrib.subscriptions.containment import Lines, lines_of
from notifications.contrib.subscriptions.models import Subscription
from notifications.contrib.subscriptions.verdicts import MUTED, MUTED_AROUND, TOLD, BestReason, Verdict
from notifications.contrib.subscriptions.words import CALLING
from notifications.events import OBJECTS, Event
from notifications.extensions import REASON
from notifications.objects.visibility import rule_of


def audience_of(event: Event, named: QuerySet[Any] | None) -> QuerySet[Any] | None:
    """Return who is told of the event: who watches, or those of the named who did not mute it.

    None where nobody was named and the event is about nothing but its actor: that is for the core to tell.
    """
    lines = lines_of(event)
    if named is None:
        if is_about_the_actor_alone(event):
            return None
        users = watching(lines)
        if not settings.NOTIFY_ACTOR and isinstance(event.actor, get_user_model()):
            users = users.exclude(pk=event.actor.pk)
    else:
        most = MUTED if event.reason in CALLING else MUTED_AROUND
        users = named.exclude(pk__in=muting(lines, most))
    return narrow(users, event)


def narrow(users: QuerySet[Any], event: Event) -> QuerySet[Any]:
    """Return those of the users who may see all that the event is about."""
    for name in OBJECTS:
        obj = getattr(event, name)
        rule = None if obj is None else rule_of(obj)
        if rule is not None:
            users = rule.users(users, obj)
    return users


def is_about_the_actor_alone(event: Event) -> bool:
    """Tell whether the event has neither target nor action object, such as "justquick reached level 10"."""
    return event.target is None and event.action_object is None and isinstance(event.actor, get_user_model())


def watching(lines: Lines) -> QuerySet[Any]:
    """Return the active users who are told by what they watch, each with the strongest reason why."""
    prefix = "notification_subscriptions__"
    users: Any = active(get_user_model()._base_manager.all())
    users = users.filter(**{f"{prefix}thing__in": list(lines.objects)})
    users = users.alias(verdict=Verdict(lines, prefix)).filter(verdict=TOLD)
    users = users.annotate(**{REASON: BestReason(lines, prefix)})
    # Django would group by every column of the user, which only PostgreSQL knows to be the same.
    key = users.model._meta.pk
    users.query.group_by = (key.get_col(users.query.get_initial_alias()),)
    told_users: QuerySet[Any] = users
    return told_users


def active(users: QuerySet[Any]) -> QuerySet[Any]:
    """Return those of the users whose account is active, all where their model does not know of that."""
    names = {field.name for field in users.model._meta.concrete_fields}
    return users.filter(is_active=True) if "is_active" in names else users


def muting(lines: Lines, most: int) -> QuerySet[Any]:
    """Return the primary keys of the users of whom a line comes to a mute, of this kind or one that is smaller."""
    rows: Any = Subscription.objects.filter(thing__in=list(lines.objects)).order_by().values("user")
    found: QuerySet[Any] = rows.alias(verdict=Verdict(lines)).filter(verdict__lte=most).values("user")
    return found
