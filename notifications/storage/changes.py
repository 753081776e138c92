"""What follows a change of rows: cached counts are dropped, and after commit the receivers of the signal are called.

Each cached count is kept under a key that names the user and carries the generation it was counted in. A change of one
user's rows drops that user's key; a change that may reach anybody starts a new generation, in one cache call.
"""

from __future__ import annotations

import logging
from functools import partial
from hashlib import sha256
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from django.core.cache import cache
from django.db import connections, models, transaction

from notifications.signals import read_state_changed

logger = logging.getLogger("notifications")

#: The cache key of the generation that a count must have been counted in.
GENERATION = "notifications:generation"

#: The most recipients whose keys are dropped one by one; of more a new generation is started.
MAX_DROPPED_KEYS = 100


def cache_key(user_pk: object, name: str = "unread") -> str:
    """Return the cache key of this user's count of what is "unread" or "unseen"."""
    # A cache may refuse keys with blanks or control characters, and long ones.
    owner = quote(str(user_pk), safe="")
    return f"notifications:{name}:{owner if len(owner) <= 180 else sha256(owner.encode()).hexdigest()}"


def drop_counts(user_pks: list[Any] | None, *, using: str) -> None:
    """Drop the cached counts of these users (None: of everybody), now and once more after commit.

    Now, so that this request sees its own change; after commit, because another request may have counted the old
    rows in between.
    """
    _drop(user_pks)
    if transaction.get_connection(using).in_atomic_block:
        transaction.on_commit(partial(_drop, user_pks), using=using, robust=True)


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
        isinstance(call, partial) and call.func is _drop
        for connection in connections.all(initialized_only=True)
        for _, call, *_ in connection.run_on_commit
    )


def announce(model: type[models.Model], recipient_id: Any, changed: int, *, using: str) -> None:
    """Send :data:`~notifications.signals.read_state_changed` after commit, once for a call that changed rows.

    ``changed`` is how many; 0 where only what was seen has changed.
    """
    send = partial(
        read_state_changed.send_robust, sender=model, recipient_id=recipient_id, changed=changed, using=using
    )
    transaction.on_commit(send, using=using, robust=True)
