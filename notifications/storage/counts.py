"""What is unread and what is unseen of a user, counted, cached for a moment and never shown to anybody else.

Each entry is kept under a key that names the user and carries the generation it was counted in. A change of one
user's rows drops that user's key; a change that may reach anybody starts a new generation, in one cache call. What an
open transaction has changed is counted and not cached until it is committed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

from django.apps import apps
from django.core.cache import cache
from django.db import connections, models, router, transaction
from django.db.models import Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from notifications.conf import settings
from notifications.signals import read_state_changed
from notifications.storage.expressions import CurrentMoment, LongAgo

logger = logging.getLogger("notifications")

GENERATION = "notifications:generation"

#: Up to so many recipients lose their keys one by one; more start a new generation.
FEW = 100


def cache_key(user_pk: object, name: str = "unread") -> str:
    """Return the cache key of this user's count of what is "unread" or "unseen"."""
    return f"notifications:{name}:{user_pk}"


class Count(int):
    """A number that reads "99+" where it is more than the cap."""

    def __str__(self) -> str:
        cap = settings.BADGE_CAP
        return f"{cap}+" if cap is not None and self > cap else int.__repr__(self)


def unread_count(user: Any) -> Count:
    """Return how many unread notifications ``user`` has, at most ``CACHE_TIMEOUT`` seconds old.

    Counts no further than one beyond ``BADGE_CAP``, so that it costs the same whatever is unread.
    """
    return cached(user, "unread", user.notifications.unread)


def unseen_count(user: Any) -> Count:
    """Return how many unread notifications came (back) since the user last looked at the bell.

    As old, and counted as far, as :func:`unread_count`.
    """
    return cached(user, "unseen", lambda: unseen(user))


def unseen(user: Any) -> Any:
    """Return the unread rows that came (back) since the user last looked at the bell."""
    rows = user.notifications.visible()
    seen = apps.get_model("notifications", "InboxState").objects.using(rows.db).filter(pk=user.pk)
    # As unread() has it, but for its lower bound: with two of them SQLite takes the index without "unread".
    return rows.filter(
        unread__in=[True],
        inbox_at__gt=Coalesce(Subquery(seen.values("seen_at")), LongAgo()),
        inbox_at__lte=CurrentMoment(),
    )


def mark_seen(user: Any) -> None:
    """Note that the user looks at the bell now: nothing is unseen until the next notification comes."""
    states = apps.get_model("notifications", "InboxState").objects
    using = router.db_for_write(user.notifications.model)
    states.using(using).update_or_create(pk=user.pk, defaults={"seen_at": timezone.now()})
    forget([user.pk], using=using)
    announce(user.notifications.model, user.pk, 0, using=using)


def announce(model: type[models.Model], recipient_id: Any, changed: int, *, using: str) -> None:
    """Tell after commit, once for a call, that the state of so many rows, or what was seen, has changed."""
    tell = partial(
        read_state_changed.send_robust, sender=model, recipient_id=recipient_id, changed=changed, using=using
    )
    transaction.on_commit(tell, using=using, robust=True)


def cached(user: Any, name: str, rows: Callable[[], Any]) -> Count:
    """Return how many rows there are, up to one beyond ``BADGE_CAP``, from the cache where it knows."""
    timeout = settings.CACHE_TIMEOUT
    if not timeout or changes_are_pending():
        return Count(capped(rows()))
    key = cache_key(user.pk, name)
    known = cache.get_many([GENERATION, key])
    generation = known.get(GENERATION)
    if generation is None:
        generation = uuid4().hex
        cache.set(GENERATION, generation, timeout=None)
    counted_in, count = known.get(key, (None, 0))
    if counted_in != generation:
        count = capped(rows())
        cache.set(key, (generation, count), timeout)
    return Count(count)


def changes_are_pending() -> bool:
    """Tell whether an open transaction has changed rows: nobody else sees them yet, and it may be rolled back."""
    return any(
        isinstance(call, partial) and call.func is _drop
        for connection in connections.all(initialized_only=True)
        for _, call, *_ in connection.run_on_commit
    )


def capped(rows: Any) -> int:
    """Return the number of these rows, or one more than ``BADGE_CAP``."""
    cap = settings.BADGE_CAP
    count: int = (rows if cap is None else rows[: cap + 1]).count()
    return count


def forget(user_pks: list[Any] | None, *, using: str) -> None:
    """Drop the counts of these users (None: of everybody), now and once more after commit.

    Now, so that this request sees its own change; after commit, because another request may have counted the old
    rows in between.
    """
    _drop(user_pks)
    if transaction.get_connection(using).in_atomic_block:
        transaction.on_commit(partial(_drop, user_pks), using=using, robust=True)


def _drop(user_pks: list[Any] | None) -> None:
    try:
        if user_pks is None or len(user_pks) > FEW:
            cache.set(GENERATION, uuid4().hex, timeout=None)
        else:
            cache.delete_many([cache_key(pk, name) for pk in user_pks for name in ("unread", "unseen")])
    except Exception:
        # The rows are written. Who is told that something failed writes them again.
        logger.exception("Cached unread counts could not be dropped, and are shown until they are too old.")
