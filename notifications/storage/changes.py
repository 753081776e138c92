"""What follows a change of rows: cached counts are dropped, and after commit the receivers of the signal are called.

Each cached count is kept under a key that names the user and carries the generation it was counted in. A change of one
user's rows drops that user's key; a change that may reach anybody starts a new generation, in one cache call.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4
from weakref import WeakSet

from django.core.cache import cache
from django.db import connections, models, transaction

from notifications.signals import read_state_changed

logger = logging.getLogger("notifications")

#: The cache key of the generation that a count must have been counted in.
GENERATION = "notifications:generation"

#: The attribute of a connection that holds what waits for its commit.
WAITING = "notifications_waiting"

#: The most recipients whose keys are dropped one by one; of more a new generation is started.
MAX_DROPPED_KEYS = 100


def cache_key(user_pk: object, name: str = "unread") -> str:
    """Return the cache key of this user's count of what is "unread" or "unseen"."""
    return f"notifications:{name}:{user_pk}"


def drop_counts(user_pks: list[Any] | None, *, using: str) -> None:
    """Drop the cached counts of these users (None: of everybody) once their rows are committed.

    Not before: others count the old rows until then, and a cache in the database would make them wait for this
    transaction. What this transaction counts meanwhile is not cached: see :func:`are_pending`.
    """
    connection = transaction.get_connection(using)

    def drop() -> None:
        _drop(user_pks)

    if connection.in_atomic_block:
        # Django lets go of what is rolled back, which this set holds by no more than a weak reference.
        vars(connection).setdefault(WAITING, WeakSet()).add(drop)
    after_commit(drop, using=using)


def after_commit(call: Callable[[], object], *, using: str) -> None:
    """Call this once the open transaction is committed, or at once where there is none that Django knows the end of."""
    if transaction.get_connection(using).in_atomic_block or transaction.get_autocommit(using):
        transaction.on_commit(call, using=using, robust=True)
    else:
        call()


def _drop(user_pks: list[Any] | None) -> None:
    try:
        if user_pks is None or len(user_pks) > MAX_DROPPED_KEYS:
            cache.set(GENERATION, uuid4().hex, timeout=None)
        else:
            cache.delete_many([cache_key(pk, name) for pk in user_pks for name in ("unread", "unseen")])
    except Exception:
        # The rows are written. Whoever gets an error here writes them again.
        logger.exception("Cached unread counts could not be dropped, and are shown until they are too old.")


def are_pending() -> bool:
    """Return whether an open transaction has changed rows: nobody else sees them yet, and it may be rolled back."""
    return any(
        connection.in_atomic_block and vars(connection).get(WAITING)
        for connection in connections.all(initialized_only=True)
    )


def announce(model: type[models.Model], recipient_id: Any, changed: int, *, using: str) -> None:
    """Send :data:`~notifications.signals.read_state_changed` after commit, once for a call that changed rows.

    ``changed`` is how many; 0 where only what was seen has changed.
    """
    send = partial(
        read_state_changed.send_robust, sender=model, recipient_id=recipient_id, changed=changed, using=using
    )
    after_commit(send, using=using)
