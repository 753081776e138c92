"""Watch an object, mute it, take either back; and who watches it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Case, F, Q, QuerySet, Value, When

from notifications.contrib.subscriptions.containment import object_key
from notifications.contrib.subscriptions.fields import reference_of
from notifications.contrib.subscriptions.levels import PARTICIPATING_REASONS, Level, clean_reason, weaker_than
from notifications.contrib.subscriptions.models import Subscription
from notifications.objects.visibility import rule_of
from notifications.sending.arguments import clean_object
from notifications.sending.audience import active
from notifications.storage.databases import at_home
from notifications.storage.expressions import CurrentMoment, judge_moment
from notifications.storage.locking import retry
from notifications.storage.owners import user_pk
from notifications.storage.reasons import Reason

EXPIRED = Q(until__lte=CurrentMoment())
#: A mute that has not ended by itself.
IS_MUTED = Q(level=Level.MUTED) & (Q(until__isnull=True) | Q(until__gt=CurrentMoment()))


def watch(user: Any, obj: models.Model, *, level: str | None = None, reason: str = Reason.SUBSCRIBED) -> None:
    """Notify the user about the object and what is inside it; as a participant, about the object itself.

    ``level`` is "all" or "participating". By default it is "all" for those who only watch ("subscribed", "manual");
    every other ``reason`` says that the user participates in the object, which changes no level that they chose. The
    strongest reason stays. Raise ValueError for another level or reason.
    """
    reason = clean_reason(reason)
    if level is None and reason in PARTICIPATING_REASONS:
        upsert(user, obj, level=Level.NONE, reason=reason, changes=participation_changes(reason))
        return
    level = level or Level.ALL
    if level not in (Level.ALL, Level.PARTICIPATING):
        raise ValueError(f"level must be {Level.ALL.value} or {Level.PARTICIPATING.value}, got {level!r}.")
    upsert(user, obj, level=level, reason=reason, changes=level_changes(level, reason))


def mute(user: Any, obj: models.Model, *, until: datetime | None = None) -> None:
    """Do not notify the user about the object and what is inside it, until a time if there is one.

    After that, or after :func:`unmute`, what held before holds again. Raise ValueError for a time that is not in the
    future.
    """
    if until is not None:
        until = judge_moment(until)
    upsert(user, obj, level=Level.MUTED, reason="", until=until, changes=mute_changes(until))


def unmute(user: Any, obj: models.Model) -> bool:
    """Take back a mute: the level and the reason from before hold again. Return whether the user had muted the object.

    A mute of what contains the object stays.
    """
    return bool(unmute_rows(rows_of(user, obj)))


def unsubscribe(user: Any, obj: models.Model) -> None:
    """Notify the user about the object only if they participate in it again, or are named as a recipient.

    This holds also if they watch what contains the object. Participating means: to act on it, or to be mentioned or
    assigned.
    """
    upsert(user, obj, level=Level.PARTICIPATING, reason="", changes=unsubscribe_changes())


def unwatch(user: Any, obj: models.Model) -> bool:
    """Delete the subscription of the user to the object, as a participant too. Return whether there was one.

    Those to what contains the object apply again. To notify the user less, use :func:`unsubscribe`.
    """
    rows = rows_of(user, obj)
    return bool(retry(lambda: rows.delete()[0], rows.db))


def is_watching(user: Any, obj: models.Model) -> bool:
    """Return whether the user is notified about the object because they watch it or participate in it."""
    rows = subscriptions_for_write()
    return rows.filter(notifying(obj), user=key_of(user)).exists()


def watchers(obj: models.Model) -> QuerySet[Any]:
    """Return the users who are notified about the object because they watch it or participate in it.

    Who watches only what contains it is not among them, nor is who is not active or may not see it.
    """
    rows = Subscription.objects.filter(notifying(obj))
    users = active(get_user_model()._base_manager.filter(pk__in=rows.values("user")))
    rule = rule_of(obj)
    return users if rule is None else rule.users(users, obj)


def subscriptions_for_write() -> QuerySet[Subscription]:
    """Return all rows, in the database that they are written to."""
    return at_home(Subscription.objects.all())


def rows_of(user: Any, obj: models.Model) -> QuerySet[Subscription]:
    """Return the row of the user about the object, in the database that it is written to."""
    key = object_key(clean_object("obj", obj))
    return subscriptions_for_write().filter(user=key_of(user), object_key=key)


def notifying(obj: models.Model) -> Q:
    """Return the condition of the rows by which users are notified about the object itself."""
    ended = Q(level=Level.MUTED) & EXPIRED
    everything = Q(level=Level.ALL) | (ended & Q(then=Level.ALL))
    participates = Q(reason__in=PARTICIPATING_REASONS) & (~Q(level=Level.MUTED) | ended)
    return (everything | participates) & Q(object_key=object_key(clean_object("obj", obj)))


def key_of(user: Any) -> Any:
    """Return the primary key of a saved user. Raise TypeError or ValueError for anything else."""
    # The user of a request is a lazy object, which passes for what is in it.
    if not isinstance(user, get_user_model()):
        raise TypeError(f"user must be a saved {get_user_model().__name__}, got {user!r}.")
    if (key := user_pk(user)) is None:
        raise ValueError(f"user must be saved, got {user!r}.")
    return key


def stronger(reason: str) -> Case:
    """Return the reason of a row, or this one where it is stronger."""
    return Case(When(reason__in=weaker_than(reason), then=Value(reason)), default=F("reason"))


# What changes in a row. In this order, because MySQL computes each assignment from the ones before it.


def level_changes(level: str, reason: str = Reason.SUBSCRIBED) -> dict[str, Any]:
    """Return what changes in a row when its user chooses a level."""
    return {"reason": stronger(reason), "level": level, "then": Level.NONE, "until": None}


def mute_changes(until: datetime | None) -> dict[str, Any]:
    """Return what changes in a row when its user mutes the object, until a time if there is one."""
    before = Case(When(level=Level.MUTED, then=F("then")), default=F("level"))
    return {"then": before, "level": Level.MUTED, "until": until}


def unsubscribe_changes() -> dict[str, Any]:
    """Return what changes in a row when its user unsubscribes."""
    return {"reason": "", "level": Level.PARTICIPATING, "then": Level.NONE, "until": None}


def unmute_rows(rows: QuerySet[Subscription]) -> int:
    """Take back the mutes among these rows. Return their number."""

    def write() -> int:
        changed = rows.filter(IS_MUTED).update(level=F("then"), then=Level.NONE, until=None)
        # There was nothing before.
        rows.filter(level=Level.NONE, reason="").delete()
        return changed

    return retry(write, rows.db)


def participation_changes(reason: str) -> dict[str, Any]:
    """Return what changes in a row when its user participates: the reason, and a mute that has expired is removed."""
    return {
        "reason": stronger(reason),
        "level": Case(When(EXPIRED, then=F("then")), default=F("level")),
        "then": Case(When(EXPIRED, then=Value(Level.NONE)), default=F("then")),
        "until": Case(When(EXPIRED, then=None), default=F("until")),
    }


def new_subscription(user: Any, obj: models.Model, **columns: Any) -> Subscription:
    """Return an unsaved row of the user with this primary key about the object."""
    model, pk = reference_of(obj)
    content_type = ContentType.objects.get_for_model(model)
    return Subscription(user_id=user, content_type=content_type, object_id=str(pk), **columns)


def upsert(
    user: Any,
    obj: models.Model,
    *,
    level: str,
    reason: str,
    changes: dict[str, Any],
    until: datetime | None = None,
) -> None:
    """Make the changes to the row of the user about the object, or make the row if it is not there.

    Whoever else does so at the same moment, there is one row in the end, and no error. Raise TypeError or ValueError
    for what is no saved user or object.
    """
    new = new_subscription(key_of(user), clean_object("obj", obj), level=level, reason=reason, until=until)
    mine = rows_of(user, obj)

    def write() -> None:
        if not mine.update(**changes):
            mine.bulk_create([new], ignore_conflicts=True)
            # Of a row that another process made in between; the changes do no harm to the one made here.
            mine.update(**changes)

    retry(write, mine.db)
