"""Watch an object, mute it, take that back; and who does."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import models, router
from django.db.models import Case, F, Q, QuerySet, Value, When

from notifications.contrib.subscriptions.containment import object_key
from notifications.contrib.subscriptions.levels import PARTICIPATING_REASONS, Level, clean_reason, weaker_than
from notifications.contrib.subscriptions.models import Subscription
from notifications.sending.arguments import clean_object
from notifications.storage.expressions import CurrentMoment, judge_moment
from notifications.storage.locking import retry
from notifications.storage.reasons import Reason

EXPIRED = Q(until__lte=CurrentMoment())


def watch(user: Any, obj: models.Model, *, level: str | None = None, reason: str = Reason.SUBSCRIBED) -> None:
    """Notify the user about the object and what is inside it; as a participant, about the object itself.

    ``level`` is "all" or "participating". By default it is "all" for those who only watch ("subscribed", "manual");
    every other ``reason`` says that the user participates in the object, which changes no level that they chose. The
    strongest reason stays. Raise ValueError for another level or reason.
    """
    reason = clean_reason(reason)
    if level is None and reason in PARTICIPATING_REASONS:
        upsert([key_of(user)], obj, level=Level.NONE, reason=reason, changes=participation_changes(reason))
        return
    level = level or Level.ALL
    if level not in (Level.ALL, Level.PARTICIPATING):
        raise ValueError(f"level must be {Level.ALL.value} or {Level.PARTICIPATING.value}, got {level!r}.")
    changes = {"reason": stronger(reason), "level": level, "then": Level.NONE, "until": None}
    upsert([key_of(user)], obj, level=level, reason=reason, changes=changes)


def mute(user: Any, obj: models.Model, *, until: datetime | None = None) -> None:
    """Do not notify the user about the object and what is inside it, until a time if there is one.

    After that the level from before holds again. Raise ValueError for a time that is not in the future.
    """
    changes: dict[str, Any] = {"level": Level.MUTED, "then": Level.NONE, "until": None}
    if until is not None:
        judge_moment(until)
        before = Case(
            When(until__isnull=False, then=F("then")),
            When(level=Level.MUTED, then=Value(Level.NONE)),
            default=F("level"),
        )
        # In this order, because MySQL computes each assignment from the ones before it.
        changes = {"then": before, "level": Level.MUTED, "until": until}
    upsert([key_of(user)], obj, level=Level.MUTED, reason="", until=until, changes=changes)


def unwatch(user: Any, obj: models.Model) -> bool:
    """Delete the subscription of the user to the object, as a participant too. Return whether there was one."""
    rows = subscriptions_for_write().filter(
        user=key_of(user), object_key=object_key(clean_object("obj", obj))
    )
    return bool(retry(lambda: rows.delete()[0], rows.db))


def is_watching(user: Any, obj: models.Model) -> bool:
    """Tell whether the user is notified about the object because they watch it or participate in it."""
    return notifying_rows(obj).filter(user=key_of(user)).exists()


def watchers(obj: models.Model) -> QuerySet[Any]:
    """Return the users who are notified about the object because they watch it or participate in it.

    Who watches only what contains it is not among them.
    """
    users: QuerySet[Any] = get_user_model()._base_manager.filter(pk__in=notifying_rows(obj).values("user"))
    return users


def subscriptions_for_write() -> QuerySet[Subscription]:
    """Return all rows, in the database that they are written to."""
    return Subscription.objects.using(router.db_for_write(Subscription))


def notifying_rows(obj: models.Model) -> QuerySet[Subscription]:
    """Return the rows by which users are notified about the object itself."""
    ended = Q(level=Level.MUTED) & EXPIRED
    everything = Q(level=Level.ALL) | (ended & Q(then=Level.ALL))
    participates = Q(reason__in=PARTICIPATING_REASONS) & (~Q(level=Level.MUTED) | ended)
    return Subscription.objects.filter(
        everything | participates, object_key=object_key(clean_object("obj", obj))
    )


def key_of(user: Any) -> Any:
    """Return the primary key of a saved user. Raise TypeError or ValueError for anything else."""
    # The user of a request is a lazy object, which passes for what is in it.
    if not isinstance(user, get_user_model()):
        raise TypeError(f"user must be a saved {get_user_model().__name__}, got {user!r}.")
    if user.pk is None:
        raise ValueError(f"user must be saved, got {user!r}.")
    return user.pk


def stronger(reason: str) -> Case:
    """Return the reason of a row, or this one where it is stronger."""
    return Case(When(reason__in=weaker_than(reason), then=Value(reason)), default=F("reason"))


def participation_changes(reason: str) -> dict[str, Any]:
    """Return what changes in a row when its user participates: the reason, and a mute that has expired is removed."""
    # In this order, because MySQL computes each assignment from the ones before it.
    return {
        "reason": stronger(reason),
        "level": Case(When(EXPIRED, then=F("then")), default=F("level")),
        "then": Case(When(EXPIRED, then=Value(Level.NONE)), default=F("then")),
        "until": Case(When(EXPIRED, then=None), default=F("until")),
    }


def upsert(
    users: Iterable[Any],
    obj: models.Model,
    *,
    level: str,
    reason: str,
    changes: dict[str, Any],
    until: datetime | None = None,
) -> None:
    """Make the changes to the rows of these users about the object, and make the rows that are not there.

    Whoever else does so at the same moment, there is one row for each user in the end, and no error.
    """
    content_type = ContentType.objects.get_for_model(clean_object("obj", obj))
    rows = subscriptions_for_write()
    keys = sorted(users)

    def write() -> None:
        mine = rows.filter(user__in=keys, object_key=object_key(obj))
        if mine.update(**changes) < len(keys):
            rows.bulk_create(
                [
                    Subscription(
                        user_id=key,
                        content_type=content_type,
                        object_id=str(obj.pk),
                        level=level,
                        reason=reason,
                        until=until,
                    )
                    for key in keys
                ],
                ignore_conflicts=True,
            )
            # Of a row that another process made in between; the changes do no harm to those made here.
            mine.update(**changes)

    retry(write, rows.db)
