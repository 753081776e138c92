"""The unread and unseen counts of a user. They are cached for each user separately.

Counts that include uncommitted changes are not cached.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.core.cache import cache
from django.db import router
from django.db.models import Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone

from notifications.conf import settings
from notifications.extensions import row_filters, rows_for
from notifications.storage import changes
from notifications.storage.expressions import EarliestMoment
from notifications.storage.inbox_state import InboxState
from notifications.storage.states import unseen as unseen_condition


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
    return cached(user, "unread", user.notifications.unread, request)


def unseen_count(user: Any, request: HttpRequest | None = None) -> Count:
    """Return how many unread notifications arrived or returned since the user last opened the bell.

    It is cached and capped like :func:`unread_count`.
    """
    return cached(user, "unseen", lambda: unseen(user), request)


def unseen(user: Any) -> Any:
    """Return the unread rows that arrived or returned since the user last opened the bell."""
    rows = user.notifications.visible()
    seen = InboxState.objects.using(rows.db).filter(pk=user.pk)
    return rows.filter(unseen_condition(Coalesce(Subquery(seen.values("seen_at")), EarliestMoment())))


def mark_seen(user: Any) -> None:
    """Store that the user opened the bell now, so that no notification is unseen."""
    using = router.db_for_write(user.notifications.model)
    InboxState.objects.using(using).update_or_create(pk=user.pk, defaults={"seen_at": timezone.now()})
    changes.drop_counts([user.pk], using=using)
    changes.announce(user.notifications.model, user.pk, 0, using=using)


def cached(user: Any, name: str, rows: Callable[[], Any], request: HttpRequest | None = None) -> Count:
    """Return how many rows there are, up to one beyond ``BADGE_CAP``, from the cache where it knows."""
    if row_filters():
        return Count(capped(rows_for(request, rows())))
    timeout = settings.CACHE_TIMEOUT
    if not timeout or changes.are_pending():
        return Count(capped(rows()))
    key = changes.cache_key(user.pk, name)
    known = cache.get_many([changes.GENERATION, key])
    generation = known.get(changes.GENERATION)
    if generation is None:
        generation = uuid4().hex
        cache.set(changes.GENERATION, generation, timeout=None)
    counted_in, count = known.get(key, (None, 0))
    if counted_in != generation:
        count = capped(rows())
        cache.set(key, (generation, count), timeout)
    return Count(count)


def capped(rows: Any) -> int:
    """Return the number of these rows, or one more than ``BADGE_CAP``."""
    cap = settings.BADGE_CAP
    count: int = (rows if cap is None else rows[: cap + 1]).count()
    return count
