"""The unread and unseen counts of a user. They are cached for each user separately.

Counts that include uncommitted changes are not cached.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.db import router
from django.http import HttpRequest
from django.utils import timezone

from notifications.conf import get_notification_model, settings
from notifications.extensions import row_filters, rows_for
from notifications.storage import changes
from notifications.storage.count_cache import CacheUnavailable, count_cache
from notifications.storage.expressions import IsUnseen, SeenFloor
from notifications.storage.inbox_state import alone, has_table
from notifications.storage.owners import rows_of_user, user_pk
from notifications.storage.states import (
    IS_MARKED_UNREAD,
    IS_TO_COME,
    UNREAD,
    key_text,
    newest_first,
)

#: The maximum number of rows that are remembered one by one when the bell is opened.
MAX_SEEN_KEYS = 100


class Count(int):
    """A number whose text is "99+" if it is greater than the cap."""

    def __str__(self) -> str:
        cap = settings.BADGE_CAP
        return Capped(f"{cap}+") if cap is not None and self > cap else int.__repr__(self)


class Capped(str):
    """The text "999+", into which Django does not insert a thousand separator."""

    def __getitem__(self, key: Any) -> Any:
        # django.utils.numberformat iterates over the reversed digits and reverses the result. It gets a single piece.
        turned = super().__getitem__(key)
        return [turned] if key == slice(None, None, -1) else turned


def unread_count(user: Any, request: HttpRequest | None = None) -> Count:
    """Return how many unread notifications ``user`` has, at most ``CACHE_TIMEOUT`` seconds old.

    Counting stops at ``BADGE_CAP`` plus one, so the cost does not depend on the number of unread notifications. If an
    extension narrows the rows that ``request`` sees, those are counted each time.
    """
    return cached(user, "unread", lambda: rows_of_user(user).unread(), request)


def unseen_count(user: Any, request: HttpRequest | None = None) -> Count:
    """Return how many unread notifications arrived or returned since the user last opened the bell.

    It is cached and capped like :func:`unread_count`.
    """
    return cached(user, "unseen", lambda: unseen(user), request)


def unseen(user: Any) -> Any:
    """Return the unread rows that arrived or returned since the user last opened the bell.

    If the app is not installed, nobody knows when that was, and all unread rows are unseen.
    """
    if not has_table():
        return rows_of_user(user).unread()
    # Only one lower bound: with two of them SQLite uses the index without "unread".
    rows = rows_of_user(user).visible()
    return rows.filter(UNREAD.condition(), IsUnseen(user_pk(user)), inbox_at__gt=SeenFloor(user_pk(user)))


def mark_seen(user: Any) -> None:
    """Store that the user opened the bell now, so that no notification is unseen.

    The latest rows of the inbox are stored one by one, because rows may still arrive that seem to be older.
    """
    if not has_table():
        return
    using = router.db_for_write(user.notifications.model)
    now = timezone.now()
    rows = rows_of_user(user).using(using).inbox().order_by(*newest_first("inbox_at"))
    latest = list(rows.annotate(ntf_key=key_text()).values_list("ntf_key", "inbox_at")[: MAX_SEEN_KEYS + 1])
    floor = latest[MAX_SEEN_KEYS][1] if len(latest) > MAX_SEEN_KEYS else None
    keys = [key for key, inbox_at in latest if floor is None or inbox_at > floor]
    seen = {"seen_at": now, "seen_floor": floor, "seen_keys": f",{','.join(keys)},"}
    alone(user, using, lambda state: state.update(**seen))
    changes.drop_counts([user_pk(user)], using=using)
    changes.announce(user.notifications.model, user_pk(user), 0, using=using)


def cached(user: Any, name: str, rows: Callable[[], Any], request: HttpRequest | None = None) -> Count:
    """Return how many rows there are, up to one beyond ``BADGE_CAP``, from the cache where it knows.

    The database where changes are written counts them: what a replica does not know yet would be cached, and a user
    who has read a row be told the number before that.
    """
    using = router.db_for_write(get_notification_model(), instance=user)

    def counted() -> int:
        return capped(rows_for(request, rows().using(using)))

    timeout = settings.CACHE_TIMEOUT
    if row_filters() or not timeout or changes.are_pending():
        return Count(counted())
    key, generation_key = changes.cache_key(user_pk(user), name, using=using), changes.generation_key(using)
    try:
        known = count_cache.get([generation_key, key])
    except CacheUnavailable:
        return Count(counted())
    generation = known.get(generation_key)
    if isinstance(generation, str):
        match known.get(key):
            case (str(counted_in), int(count)) if counted_in == generation:
                return Count(count)
    else:
        generation = uuid4().hex
        count_cache.set({generation_key: generation}, None)
    # Before the rows are counted, so that a row which is due in between is not missed.
    seconds: float = min(timeout, seconds_until_next(user, using)) if changes.are_kept_long() else timeout
    count = counted()
    if seconds:
        count_cache.set({key: (generation, count)}, seconds)
    return Count(count)


def seconds_until_next(user: Any, using: str) -> float:
    """Return in how many whole seconds the next row of the user is due; infinity if there is none."""
    rows = rows_of_user(user).using(using).visible().filter(IS_MARKED_UNREAD & IS_TO_COME)
    due = rows.order_by("inbox_at").values_list("inbox_at", flat=True).first()
    # Whole ones: some caches take a fraction for 0, and 0 for ever.
    return math.inf if due is None else max(0, math.floor((due - timezone.now()).total_seconds()))


def capped(rows: Any) -> int:
    """Return the number of these rows, or one more than ``BADGE_CAP``."""
    cap = settings.BADGE_CAP
    # Without an order, so that no database sorts all rows to count the first of them.
    count: int = (rows if cap is None else rows.order_by()[: cap + 1]).count()
    return count
