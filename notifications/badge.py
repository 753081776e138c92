"""The unread count of a user, cached for a moment and never shown to anybody else.

Each entry is kept under a key that names the user and carries the generation it was counted in. A change of one
user's rows drops that user's key; a change that may reach anybody starts a new generation, in one cache call. What an
open transaction has changed is counted and not cached until it is committed.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any
from uuid import uuid4

from django.core.cache import cache
from django.db import connections, transaction

from notifications.conf import settings

logger = logging.getLogger("notifications")

GENERATION = "notifications:generation"

#: Up to so many recipients lose their keys one by one; more start a new generation.
FEW = 100


def cache_key(user_pk: object) -> str:
    """Return the cache key of this user's unread count."""
    return f"notifications:unread:{user_pk}"


class Count(int):
    """A number that reads "99+" where it is more than the cap."""

    def __str__(self) -> str:
        cap = settings.BADGE_CAP
        return f"{cap}+" if cap is not None and self > cap else int.__repr__(self)


def unread_count(user: Any) -> Count:
    """Return how many unread notifications ``user`` has, at most ``CACHE_TIMEOUT`` seconds old.

    Counts no further than one beyond ``BADGE_CAP``, so that it costs the same whatever is unread.
    """
    timeout = settings.CACHE_TIMEOUT
    if not timeout or changes_are_pending():
        return Count(count_unread(user))
    key = cache_key(user.pk)
    cached = cache.get_many([GENERATION, key])
    generation = cached.get(GENERATION)
    if generation is None:
        generation = uuid4().hex
        cache.set(GENERATION, generation, timeout=None)
    counted_in, count = cached.get(key, (None, 0))
    if counted_in != generation:
        count = count_unread(user)
        cache.set(key, (generation, count), timeout)
    return Count(count)


def changes_are_pending() -> bool:
    """Tell whether an open transaction has changed rows: nobody else sees them yet, and it may be rolled back."""
    return any(
        isinstance(call, partial) and call.func is _drop
        for connection in connections.all(initialized_only=True)
        for _, call, *_ in connection.run_on_commit
    )


def count_unread(user: Any) -> int:
    """Return the number of unread notifications, or one more than ``BADGE_CAP``."""
    cap = settings.BADGE_CAP
    rows = user.notifications.unread()
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
            cache.delete_many([cache_key(pk) for pk in user_pks])
    except Exception:
        # The rows are written. Who is told that something failed writes them again.
        logger.exception("Cached unread counts could not be dropped, and are shown until they are too old.")
