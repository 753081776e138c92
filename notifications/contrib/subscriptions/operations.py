"""What somebody says about an object: watch it, mute it, take it back. And who said so."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import models, router
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.utils import timezone

from notifications.conf import settings
from notifications.contrib.subscriptions.containment import thing
from notifications.contrib.subscriptions.models import Subscription
from notifications.contrib.subscriptions.words import TAKING_PART, Level, clean_reason, weaker_than
from notifications.deadlocks import through_deadlocks
from notifications.events import Event
from notifications.moments import CurrentMoment, judge_moment
from notifications.reasons import Reason
from notifications.validation import clean_object

#: Rows that go into one statement.
BATCH = 500

ENDED = Q(until__lte=CurrentMoment())


def watch(user: Any, obj: models.Model, *, level: str | None = None, reason: str = Reason.SUBSCRIBED) -> None:
    """Let the user hear of the object and of what is inside it; with a reason of those who take part, of itself.

    ``level`` is "all" or "participating". By default it is "all" for those who only listen ("subscribed",
    "manual"); every other ``reason`` says that the user takes part in the object, which changes no wish that they
    expressed. The strongest reason stays. Raise ValueError for another level or reason.
    """
    reason = clean_reason(reason)
    if level is None and reason in TAKING_PART:
        put([key_of(user)], obj, level=Level.NONE, reason=reason, changes=joined(reason))
        return
    level = level or Level.ALL
    if level not in (Level.ALL, Level.PARTICIPATING):
        raise ValueError(f"level must be {Level.ALL.value} or {Level.PARTICIPATING.value}, got {level!r}.")
    changes = {"reason": stronger(reason), "level": level, "then": Level.NONE, "until": None}
    put([key_of(user)], obj, level=level, reason=reason, changes=changes)


def mute(user: Any, obj: models.Model, *, until: datetime | None = None) -> None:
    """Let the user hear nothing of the object and of what is inside it, until a moment if there is one.

    When that has come, what the user said before holds again. Raise ValueError for a moment that is not in the future.
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
    put([key_of(user)], obj, level=Level.MUTED, reason="", until=until, changes=changes)


def unwatch(user: Any, obj: models.Model) -> bool:
    """Forget what the user said about the object, and that they take part in it. Return whether there was anything."""
    rows = statements().filter(user=key_of(user), thing=thing(clean_object("obj", obj)))
    return bool(through_deadlocks(lambda: rows.delete()[0], rows.db))


def is_watching(user: Any, obj: models.Model) -> bool:
    """Tell whether the user hears of the object by what they said of it, or by taking part in it."""
    return told_of(obj).filter(user=key_of(user)).exists()


def watchers(obj: models.Model) -> QuerySet[Any]:
    """Return the users who hear of the object by what they said of it, or by taking part in it.

    Who watches only what contains it is not among them.
    """
    users: QuerySet[Any] = get_user_model()._base_manager.filter(pk__in=told_of(obj).values("user"))
    return users


def take_part(event: Event, named: QuerySet[Any] | None) -> None:
    """Let those who act, and those who are called by name, take part in the target of the event."""
    target = event.target
    if target is None:
        return
    if settings.WATCH_WHEN_ACTING and isinstance(event.actor, get_user_model()) and event.actor != target:
        reason = Reason.COMMENT if event.action_object is not None else Reason.STATE_CHANGE
        join([event.actor.pk], target, reason)
    if settings.WATCH_WHEN_CALLED and named is not None and event.reason in (Reason.MENTION, Reason.ASSIGN):
        keys = named.values_list("pk", flat=True).iterator(chunk_size=BATCH)
        while batch := list(islice(keys, BATCH)):
            join(batch, target, event.reason)


def join(users: list[Any], obj: models.Model, reason: str) -> None:
    """Let users take part in the object; who does so already, as strongly, costs no more than a look."""
    # Every event comes by here, and Django takes longer to write the condition than it takes to judge the rows.
    said = statements().filter(user__in=users, thing=thing(obj)).values_list("user", "reason", "until")
    weaker, now = weaker_than(reason), timezone.now()
    done = {user for user, known, until in said if known not in weaker and not (until and until <= now)}
    if left := [user for user in users if user not in done]:
        put(left, obj, level=Level.NONE, reason=reason, changes=joined(reason))


def statements() -> QuerySet[Subscription]:
    """Return all rows, in the database that they are written to."""
    return Subscription.objects.using(router.db_for_write(Subscription))


def told_of(obj: models.Model) -> QuerySet[Subscription]:
    """Return the rows by which users hear of the object itself."""
    ended = Q(level=Level.MUTED) & ENDED
    everything = Q(level=Level.ALL) | (ended & Q(then=Level.ALL))
    takes_part = Q(reason__in=TAKING_PART) & (~Q(level=Level.MUTED) | ended)
    return Subscription.objects.filter(everything | takes_part, thing=thing(clean_object("obj", obj)))


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


def joined(reason: str) -> dict[str, Any]:
    """Return what changes in a row when its user takes part: the reason, and a mute that has ended is put away."""
    # In this order, because MySQL computes each assignment from the ones before it.
    return {
        "reason": stronger(reason),
        "level": Case(When(ENDED, then=F("then")), default=F("level")),
        "then": Case(When(ENDED, then=Value(Level.NONE)), default=F("then")),
        "until": Case(When(ENDED, then=None), default=F("until")),
    }


def put(
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
    rows = statements()
    keys = sorted(users)

    def write() -> None:
        mine = rows.filter(user__in=keys, thing=thing(obj))
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

    through_deadlocks(write, rows.db)
