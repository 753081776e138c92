"""Why somebody is notified, or is not: the rule that decided, in one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import QuerySet, Value
from django.utils.formats import localize
from django.utils.translation import gettext

from notifications.conf import get_notification_model
from notifications.contrib.subscriptions.audience import audience_of, most_blocking
from notifications.contrib.subscriptions.conf import settings
from notifications.contrib.subscriptions.containment import Ancestry, ancestry_of
from notifications.contrib.subscriptions.decisions import deciding_rows
from notifications.contrib.subscriptions.levels import DIRECT_REASONS, WHY
from notifications.contrib.subscriptions.models import Subscription
from notifications.contrib.subscriptions.rules import MUTED, MUTED_PARENT, NOTIFIED
from notifications.events import OBJECTS, Event
from notifications.extensions import REASON, says_reasons
from notifications.inbox.snooze import local
from notifications.models import AbstractNotification
from notifications.objects.fetch import fetch_objects
from notifications.objects.labels import name_of
from notifications.objects.text import isolated
from notifications.sending.arguments import clean_event
from notifications.sending.audience import (
    Users,
    active,
    at_home_by_default,
    is_user,
    recipient_asked_again,
    resolve,
    user_key,
    wrapped,
)
from notifications.storage.owners import user_pk
from notifications.storage.reasons import Reason

SUBSCRIBED = Reason.SUBSCRIBED.value


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether a user is notified, by which rule, for which reason, and all that in a sentence.

    ``rule`` is one of named, actor, watching, participating_in (those are notified), muted, muted_parent,
    participating, nothing, inactive, own_action, hidden (those are not). ``text`` is a sentence about the user, and
    ``own_text`` is for the user to read: "You participate in issue 2: you commented."
    """

    is_notified: bool
    rule: str
    reason: str
    text: str
    own_text: str

    def __str__(self) -> str:
        return self.text


def describe(actor: models.Model, **arguments: Any) -> Event:
    """Return the event that ``notify.send`` would send with these arguments.

    What says how it is written, such as ``fanout_chunk``, is ignored. Raise TypeError for a ``recipient``: it is
    no part of the event, and an argument of :func:`explain` and :func:`recipients_of`.
    """
    if arguments.pop("recipient", None) is not None:
        raise TypeError(
            "describe() takes no recipient, because an event has none: explain(user, event, recipient=...), "
            "recipients_of(event, recipient=...)."
        )
    for name in ("fanout_chunk", "on_progress"):
        arguments.pop(name, None)
    return clean_event(get_notification_model(), actor, **arguments)


def event_of(notification: AbstractNotification) -> Event | None:
    """Return the event of a notification, or None where its actor is gone."""
    # Any: an event that is sent always has an actor.
    event: Any = remains_of(notification)
    return None if event.actor is None else event


def remains_of(notification: AbstractNotification) -> Event:
    """Return the event of a notification, in which every object that is gone is None, also its actor."""
    row: Any = notification
    keys = {name: cast(Any, row._meta.get_field(name)).reference(row) for name in OBJECTS}
    # Not as the recipient sees them, who may not be the one who is asked about.
    found = fetch_objects(filter(None, keys.values()), row)
    objects: dict[str, Any] = {
        name: found.get(reference) if reference else None for name, reference in keys.items()
    }
    return Event(
        uuid=row.event,
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
    users = audience_of(event, named_users(recipient_asked_again(event, recipient)))
    return users_with([user_key(event.actor)]) if users is None else at_home_by_default(users)


def named_users(recipient: Any, *, only: Any = None) -> QuerySet[Any] | None:
    """Return the users that ``recipient=`` names, as a queryset that can be filtered; None where it names nobody.

    ``only`` is the primary key of the only user who counts: there may be a million others.
    """
    if recipient is None:
        return None
    audience = resolve(recipient)
    if isinstance(audience, Users):
        return users_with([key for key in audience.keys if only is None or key == only])
    return wrapped(audience)


def users_with(keys: list[Any]) -> QuerySet[Any]:
    """Return the users with these primary keys."""
    return at_home_by_default(get_user_model()._base_manager.filter(pk__in=keys))


def explain(user: Any, event: Event, *, recipient: Any = None) -> Explanation:
    """Say whether the user is notified of the event, and which rule decided.

    ``recipient`` is what ``notify.send`` would be given; None asks the type of the event, then who watches. The
    database is asked what it is asked when the event is sent, about one user.
    """
    key, about = user_pk(user), Names(user)
    named = named_users(recipient_asked_again(event, recipient), only=key)
    ancestry = ancestry_of(event)
    users = audience_of(event, named, ancestry)
    is_actor = is_user(event.actor) and user_key(event.actor) == key
    if users is None:
        return about.only_actor() if is_actor else about.nothing()
    one = wrapped(at_home_by_default(users)).filter(pk=key)
    found = list(one.values_list(REASON if says_reasons(one) else Value(event.reason)))
    rows = deciding_rows(user, ancestry)
    if found and named is not None:
        return about.named(event.reason)
    if found:
        return explain_watching(about, found[0][0], ancestry, rows)
    if named is not None and not named.filter(pk=key).exists():
        return about.not_named()
    if named is None and not active(users_with([key])).exists():
        return about.inactive()
    if named is None and is_actor and not settings.NOTIFY_ACTOR:
        return about.own_action()
    most = MUTED_PARENT if named is None else most_blocking(event)
    for kind, nearest in sorted(rows, key=lambda pair: pair[0]):
        if kind <= most:
            return about.muted(kind, nearest)
    if named is not None or any(kind == NOTIFIED for kind, _ in rows):
        return about.hidden()
    return about.participating(rows[0][1]) if rows else about.nothing()


def explain_watching(
    about: Names, reason: str, ancestry: Ancestry, rows: list[tuple[int, Subscription]]
) -> Explanation:
    """Explain who is notified because of a subscription, for this reason, which is the strongest one."""
    notifying = [row for kind, row in rows if kind == NOTIFIED]
    own = [
        row for row in notifying if row.object_key in ancestry.own and (row.reason or SUBSCRIBED) == reason
    ]
    row = [*own, *notifying][0]
    return about.participating_in(row, reason) if own and reason in WHY else about.watching(row, reason)


@dataclass(frozen=True, slots=True)
class Names:
    """The explanations for a user, each in two sentences: about the user, and for the user to read."""

    user: Any

    def make(
        self, rule: str, text: str, own_text: str, *, notified: bool = False, reason: str = "", **words: Any
    ) -> Explanation:
        """Return the explanation, with the names put into its sentences."""
        words["user"] = isolated(name_of(self.user))
        words["object"] = isolated(words.get("object", ""))
        return Explanation(notified, rule, reason, text % words, own_text % words)

    def only_actor(self) -> Explanation:
        """Explain that the event is about its actor alone, who is the user."""
        text = gettext("%(user)s is notified: the event concerns only this user.")
        return self.make("actor", text, gettext("This concerns only you."), notified=True)

    def named(self, reason: str) -> Explanation:
        """Explain that the sender named the user."""
        text = gettext("%(user)s is notified: named as a recipient.")
        own = gettext("You were named as a recipient.")
        if reason in WHY:
            own = gettext("You were named as a recipient: %(cause)s.")
        return self.make("named", text, own, notified=True, reason=reason, cause=WHY.get(reason, ""))

    def participating_in(self, row: Subscription, reason: str) -> Explanation:
        """Explain that the user participates in an object of the event."""
        text = gettext("%(user)s is notified: participating in %(object)s (%(why)s).")
        own = gettext("You participate in %(object)s: %(cause)s.")
        words = {"object": row.label(), "why": Reason(reason).label, "cause": WHY[reason]}
        return self.make("participating_in", text, own, notified=True, reason=reason, **words)

    def watching(self, row: Subscription, reason: str) -> Explanation:
        """Explain that the user watches an object of the event, or what contains one."""
        text = gettext("%(user)s is notified: watching %(object)s.")
        own = gettext("You are watching %(object)s.")
        return self.make("watching", text, own, notified=True, reason=reason, object=row.label())

    def muted(self, kind: int, row: Subscription) -> Explanation:
        """Explain that the user muted an object of the event, or what contains one."""
        if row.until is None:
            text = gettext("%(user)s is not notified: %(object)s is muted.")
            own = gettext("You muted %(object)s.")
        else:
            text = gettext("%(user)s is not notified: %(object)s is muted until %(until)s.")
            own = gettext("You muted %(object)s until %(until)s.")
        rule = "muted" if kind == MUTED else "muted_parent"
        # Unlike a template, localize() leaves a time in the zone of the database.
        until = "" if row.until is None else localize(local(row.until))
        return self.make(rule, text, own, object=row.label(), until=until)

    def participating(self, row: Subscription) -> Explanation:
        """Explain that the user wants to be notified only as a participant, and is none."""
        text = gettext(
            "%(user)s is not notified: only wants notifications about %(object)s when participating."
        )
        own = gettext("You are notified about %(object)s only when participating or @mentioned.")
        return self.make("participating", text, own, object=row.label())

    def nothing(self) -> Explanation:
        """Explain that the user has no subscription that counts."""
        text = gettext("%(user)s is not notified: not subscribed to this or to anything that contains it.")
        return self.make(
            "nothing", text, gettext("You are not subscribed to this or to anything that contains it.")
        )

    def not_named(self) -> Explanation:
        """Explain that the sender named others."""
        text = gettext("%(user)s is not notified: other recipients were named.")
        return self.make("nothing", text, gettext("Other recipients were named."))

    def inactive(self) -> Explanation:
        """Explain that the account is not active."""
        text = gettext("%(user)s is not notified: the account is not active.")
        return self.make("inactive", text, gettext("Your account is not active."))

    def own_action(self) -> Explanation:
        """Explain that the user is the actor."""
        text = gettext("%(user)s is not notified: it was their own action.")
        return self.make("own_action", text, gettext("It was your own action."))

    def hidden(self) -> Explanation:
        """Explain that the user may not see an object of the event."""
        text = gettext("%(user)s is not notified: no permission to see what this is about.")
        return self.make("hidden", text, gettext("You have no permission to see what this is about."))
