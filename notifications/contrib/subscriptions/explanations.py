"""Why somebody is notified, or is not: the rule that decided, in one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from django.contrib.auth import get_user_model
from django.db import models, router
from django.db.models import QuerySet
from django.utils.formats import localize
from django.utils.translation import gettext

from notifications.conf import get_notification_model
from notifications.contrib.subscriptions.audience import audience_of, is_about_the_actor_alone, visible_to
from notifications.contrib.subscriptions.conf import settings
from notifications.contrib.subscriptions.containment import Ancestry, ancestry_of
from notifications.contrib.subscriptions.levels import (
    DIRECT_REASONS,
    PARTICIPATING_REASONS,
    REASON_STRENGTHS,
    Level,
)
from notifications.contrib.subscriptions.models import Subscription
from notifications.contrib.subscriptions.rules import DECISIONS, MUTED, MUTED_PARENT, NOT_NOTIFIED, NOTIFIED
from notifications.events import OBJECTS, Event
from notifications.models import AbstractNotification
from notifications.objects.fetch import fetch_objects
from notifications.objects.labels import name_of
from notifications.sending.arguments import clean_event
from notifications.sending.audience import Users, resolve
from notifications.storage.reasons import Reason


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether a user is notified, by which rule, for which reason, and all that in a sentence.

    ``rule`` is one of named, actor, watching, participating_in (those are notified), muted, muted_parent,
    participating, nothing, inactive, own_action, hidden (those are not).
    """

    is_notified: bool
    rule: str
    reason: str
    text: str

    def __str__(self) -> str:
        return self.text


def describe(actor: models.Model, **arguments: Any) -> Event:
    """Return the event that ``notify.send`` would send with these arguments."""
    return clean_event(get_notification_model(), actor, **arguments)


def event_of(notification: AbstractNotification) -> Event | None:
    """Return the event of a notification, or None where its actor is gone."""
    row: Any = notification
    keys = {name: cast(Any, row._meta.get_field(name)).reference(row) for name in OBJECTS}
    # Not as the recipient sees them, who may not be the one who is asked about.
    found = fetch_objects(filter(None, keys.values()), row)
    objects: dict[str, Any] = {
        name: found.get(reference) if reference else None for name, reference in keys.items()
    }
    actor = objects.pop("actor")
    if actor is None:
        return None
    return Event(
        uuid=row.event,
        actor=actor,
        verb=row.verb,
        timestamp=row.timestamp,
        level=row.level,
        **objects,
        reason=row.reason if row.reason in DIRECT_REASONS else "",
    )


def recipients_of(event: Event, *, recipient: Any = None) -> QuerySet[Any]:
    """Return the recipients of the event, without sending anything.

    ``recipient`` is what ``notify.send`` would be given.
    """
    named = named_users(recipient)
    users = audience_of(event, named)
    if users is None:
        users = get_user_model()._base_manager.filter(pk=event.actor.pk)
    return users


def named_users(recipient: Any) -> QuerySet[Any] | None:
    """Return the users that ``recipient=`` names, None where it names nobody."""
    if recipient is None:
        return None
    audience = resolve(recipient)
    if isinstance(audience, Users):
        users: QuerySet[Any] = get_user_model()._base_manager.filter(pk__in=list(audience.keys))
        return users
    return audience


def explain(user: Any, event: Event, *, recipient: Any = None) -> Explanation:
    """Say whether the user is notified of the event, and which rule decided.

    ``recipient`` is what ``notify.send`` would be given; None asks who watches.
    """
    ancestry = ancestry_of(event)
    rows = {
        row.object_key: row
        for row in Subscription.objects.using(router.db_for_write(Subscription)).filter(
            user=user.pk, object_key__in=list(ancestry.objects)
        )
    }
    named = named_users(recipient)
    if named is None:
        found = explain_watching(user, event, ancestry, rows)
    else:
        found = explain_named(user, event, ancestry, rows, named)
    if (
        found.is_notified
        and not visible_to(get_user_model()._base_manager.filter(pk=user.pk), event).exists()
    ):
        return make_explanation(
            False,
            "hidden",
            gettext("%(user)s is not notified: no permission to see what this is about."),
            user=user,
        )
    return found


def explain_watching(
    user: Any, event: Event, ancestry: Ancestry, rows: dict[str, Subscription]
) -> Explanation:
    """Explain an event that nobody was named for."""
    is_actor = isinstance(event.actor, get_user_model()) and event.actor.pk == user.pk
    if is_about_the_actor_alone(event):
        if is_actor:
            return make_explanation(
                True, "actor", gettext("%(user)s is notified: the event concerns only this user."), user=user
            )
        return nothing(user)
    if not getattr(user, "is_active", True):
        return make_explanation(
            False, "inactive", gettext("%(user)s is not notified: the account is not active."), user=user
        )
    if is_actor and not settings.NOTIFY_ACTOR:
        return make_explanation(
            False, "own_action", gettext("%(user)s is not notified: it was their own action."), user=user
        )
    decisions = [decision(path, ancestry, rows) for path in ancestry.paths]
    for kind in (MUTED, MUTED_PARENT):
        if muted := [row for found, row in decisions if found == kind]:
            return explain_muted(user, kind, muted[0])
    if any(found == NOTIFIED for found, _ in decisions):
        return explain_notified(user, ancestry, rows)
    if silent := [row for found, row in decisions if found == NOT_NOTIFIED and row is not None]:
        text = gettext(
            "%(user)s is not notified: only wants notifications about %(object)s when participating."
        )
        return make_explanation(False, "participating", text, user=user, object=silent[0].label())
    return nothing(user)


def explain_named(
    user: Any, event: Event, ancestry: Ancestry, rows: dict[str, Subscription], named: QuerySet[Any]
) -> Explanation:
    """Explain an event whose recipients were named."""
    if not named.filter(pk=user.pk).exists():
        return make_explanation(
            False, "nothing", gettext("%(user)s is not notified: other recipients were named."), user=user
        )
    blocking = [MUTED] if event.reason in DIRECT_REASONS else [MUTED, MUTED_PARENT]
    for path in ancestry.paths:
        kind, row = decision(path, ancestry, rows)
        if kind in blocking:
            return explain_muted(user, kind, row)
    text = gettext("%(user)s is notified: named as a recipient.")
    return make_explanation(True, "named", text, reason=event.reason, user=user)


def decision(
    path: dict[str, int], ancestry: Ancestry, rows: dict[str, Subscription]
) -> tuple[int | None, Any]:
    """Return what the nearest subscription on a path decides, and that one; None and None where there is none."""
    found = [
        (step * DECISIONS + kind, rows[key])
        for key, step in path.items()
        if key in rows and (kind := decision_of(rows[key], own=key in ancestry.own)) is not None
    ]
    if not found:
        return None, None
    number, row = min(found, key=lambda pair: pair[0])
    return number % DECISIONS, row


def decision_of(row: Subscription, *, own: bool) -> int | None:
    """Return what a subscription decides, or None where it decides nothing."""
    level = row.level_now
    if level == Level.MUTED:
        return MUTED if own else MUTED_PARENT
    if level == Level.ALL or (own and row.reason in PARTICIPATING_REASONS):
        return NOTIFIED
    return NOT_NOTIFIED if level == Level.PARTICIPATING else None


def explain_notified(user: Any, ancestry: Ancestry, rows: dict[str, Subscription]) -> Explanation:
    """Explain who is notified because of a subscription: the strongest reason is the one that is given."""
    own = [row for key, row in rows.items() if key in ancestry.own and decision_of(row, own=True) == NOTIFIED]
    around = [
        row
        for key, row in rows.items()
        if key not in ancestry.own and decision_of(row, own=False) == NOTIFIED
    ]
    best = max(
        [*own, *around],
        key=lambda row: (REASON_STRENGTHS.get(row.reason, 0) if row in own else 0, row in own),
    )
    reason = best.reason if best in own and best.reason else Reason.SUBSCRIBED.value
    if reason in PARTICIPATING_REASONS:
        text = gettext("%(user)s is notified: participating in %(object)s (%(why)s).")
        why = Reason(reason).label
        return make_explanation(
            True, "participating_in", text, reason=reason, user=user, object=best.label(), why=why
        )
    text = gettext("%(user)s is notified: watching %(object)s.")
    return make_explanation(True, "watching", text, reason=reason, user=user, object=best.label())


def explain_muted(user: Any, kind: int, row: Subscription) -> Explanation:
    """Explain who is not notified because of a mute."""
    if row.until is not None:
        text = gettext("%(user)s is not notified: %(object)s is muted until %(until)s.")
    else:
        text = gettext("%(user)s is not notified: %(object)s is muted.")
    rule = "muted" if kind == MUTED else "muted_parent"
    return make_explanation(False, rule, text, user=user, object=row.label(), until=localize(row.until))


def nothing(user: Any) -> Explanation:
    """Explain who has no subscription."""
    text = gettext("%(user)s is not notified: not subscribed to this or to anything that contains it.")
    return make_explanation(False, "nothing", text, user=user)


def make_explanation(
    is_notified: bool, rule: str, text: str, *, reason: str = "", **names: Any
) -> Explanation:
    """Return the explanation with the names put into its sentence."""
    words = {
        key: name_of(value) if isinstance(value, models.Model) else value for key, value in names.items()
    }
    return Explanation(is_notified=is_notified, rule=rule, reason=reason, text=text % words)
