"""Why somebody is told, or is not: the rule that decided, in one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from django.contrib.auth import get_user_model
from django.db import models, router
from django.db.models import QuerySet
from django.utils.formats import localize
from django.utils.translation import gettext

from notifications.conf import get_notification_model
from notifications.contrib.subscriptions.audience import audience_of, is_about_the_actor_alone, narrow
from notifications.contrib.subscriptions.conf import settings
from notifications.contrib.subscriptions.containment import Lines, lines_of
from notifications.contrib.subscriptions.models import Subscription
from notifications.contrib.subscriptions.verdicts import KINDS, MUTED, MUTED_AROUND, SILENT, TOLD
from notifications.contrib.subscriptions.words import CALLING, STRENGTH, TAKING_PART, Level
from notifications.events import OBJECTS, Event
from notifications.models import AbstractNotification
from notifications.objects.fetch import fetch_objects
from notifications.objects.labels import name_of
from notifications.sending.arguments import clean_event
from notifications.sending.audience import Users, resolve
from notifications.storage.reasons import Reason


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether a user is told, by which rule, with which reason, and all that in a sentence.

    ``rule`` is one of named, actor, watching, taking_part (those are told), muted, muted_around, participating,
    nothing, inactive, own_act, hidden (those are not).
    """

    told: bool
    rule: str
    reason: str
    text: str

    def __str__(self) -> str:
        return self.text


def describe(actor: models.Model, **arguments: Any) -> Event:
    """Return the event that ``notify.send`` would tell with these arguments."""
    return clean_event(get_notification_model(), actor, **arguments)


def event_of(notification: AbstractNotification) -> Event | None:
    """Return the event that a row tells of, or None where its actor is gone."""
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
        reason=row.reason if row.reason in CALLING else "",
    )


def recipients_of(event: Event, *, recipient: Any = None) -> QuerySet[Any]:
    """Return the users whom the event would be told to, without telling anybody.

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
    """Say whether the user is told of the event, and which rule decided.

    ``recipient`` is what ``notify.send`` would be given; None asks who watches.
    """
    lines = lines_of(event)
    rows = {
        row.thing: row
        for row in Subscription.objects.using(router.db_for_write(Subscription)).filter(
            user=user.pk, thing__in=list(lines.objects)
        )
    }
    named = named_users(recipient)
    if named is None:
        found = explain_watching(user, event, lines, rows)
    else:
        found = explain_named(user, event, lines, rows, named)
    if found.told and not narrow(get_user_model()._base_manager.filter(pk=user.pk), event).exists():
        return said(
            False, "hidden", gettext("%(user)s is not told: they may not see what it is about."), user=user
        )
    return found


def explain_watching(user: Any, event: Event, lines: Lines, rows: dict[str, Subscription]) -> Explanation:
    """Explain an event that nobody was named for."""
    is_actor = isinstance(event.actor, get_user_model()) and event.actor.pk == user.pk
    if is_about_the_actor_alone(event):
        if is_actor:
            return said(True, "actor", gettext("%(user)s is told: the event is about them alone."), user=user)
        return nothing(user)
    if not getattr(user, "is_active", True):
        return said(False, "inactive", gettext("%(user)s is not told: the account is not active."), user=user)
    if is_actor and not settings.NOTIFY_ACTOR:
        return said(False, "own_act", gettext("%(user)s is not told: they did it themselves."), user=user)
    verdicts = [verdict(line, lines, rows) for line in lines.lines]
    for kind in (MUTED, MUTED_AROUND):
        if muted := [row for found, row in verdicts if found == kind]:
            return muted_by(user, kind, muted[0])
    if any(found == TOLD for found, _ in verdicts):
        return told_by(user, lines, rows)
    if silent := [row for found, row in verdicts if found == SILENT and row is not None]:
        text = gettext(
            "%(user)s is not told: they only want to hear of what they take part in on %(object)s."
        )
        return said(False, "participating", text, user=user, object=silent[0].label())
    return nothing(user)


def explain_named(
    user: Any, event: Event, lines: Lines, rows: dict[str, Subscription], named: QuerySet[Any]
) -> Explanation:
    """Explain an event whose recipients were named."""
    if not named.filter(pk=user.pk).exists():
        return said(False, "nothing", gettext("%(user)s is not told: others were named."), user=user)
    blocking = [MUTED] if event.reason in CALLING else [MUTED, MUTED_AROUND]
    for line in lines.lines:
        kind, row = verdict(line, lines, rows)
        if kind in blocking:
            return muted_by(user, kind, row)
    text = gettext("%(user)s is told: the sender named them.")
    return said(True, "named", text, reason=event.reason, user=user)


def verdict(line: dict[str, int], lines: Lines, rows: dict[str, Subscription]) -> tuple[int | None, Any]:
    """Return what the nearest statement on a line comes to, and that statement; None and None where there is none."""
    found = [
        (step * KINDS + kind, rows[thing])
        for thing, step in line.items()
        if thing in rows and (kind := kind_of(rows[thing], own=thing in lines.own)) is not None
    ]
    if not found:
        return None, None
    number, row = min(found, key=lambda pair: pair[0])
    return number % KINDS, row


def kind_of(row: Subscription, *, own: bool) -> int | None:
    """Return what a statement comes to, or None where it says nothing."""
    level = row.level_now
    if level == Level.MUTED:
        return MUTED if own else MUTED_AROUND
    if level == Level.ALL or (own and row.reason in TAKING_PART):
        return TOLD
    return SILENT if level == Level.PARTICIPATING else None


def told_by(user: Any, lines: Lines, rows: dict[str, Subscription]) -> Explanation:
    """Explain who is told by what they watch: the strongest reason decides what is said."""
    own = [row for thing, row in rows.items() if thing in lines.own and kind_of(row, own=True) == TOLD]
    around = [
        row for thing, row in rows.items() if thing not in lines.own and kind_of(row, own=False) == TOLD
    ]
    best = max(
        [*own, *around], key=lambda row: (STRENGTH.get(row.reason, 0) if row in own else 0, row in own)
    )
    reason = best.reason if best in own and best.reason else Reason.SUBSCRIBED.value
    if reason in TAKING_PART:
        text = gettext("%(user)s is told: they take part in %(object)s (%(why)s).")
        why = Reason(reason).label
        return said(True, "taking_part", text, reason=reason, user=user, object=best.label(), why=why)
    text = gettext("%(user)s is told: they watch %(object)s.")
    return said(True, "watching", text, reason=reason, user=user, object=best.label())


def muted_by(user: Any, kind: int, row: Subscription) -> Explanation:
    """Explain who is not told because of a mute."""
    if row.until is not None:
        text = gettext("%(user)s is not told: they muted %(object)s until %(until)s.")
    else:
        text = gettext("%(user)s is not told: they muted %(object)s.")
    rule = "muted" if kind == MUTED else "muted_around"
    return said(False, rule, text, user=user, object=row.label(), until=localize(row.until))


def nothing(user: Any) -> Explanation:
    """Explain who said nothing."""
    text = gettext("%(user)s is not told: they watch nothing that this is about, nor what contains it.")
    return said(False, "nothing", text, user=user)


def said(told: bool, rule: str, text: str, *, reason: str = "", **names: Any) -> Explanation:
    """Return the explanation with the names put into its sentence."""
    words = {
        key: name_of(value) if isinstance(value, models.Model) else value for key, value in names.items()
    }
    return Explanation(told=told, rule=rule, reason=reason, text=text % words)
