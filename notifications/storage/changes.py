"""What follows a change of rows: cached counts are cleared, and the signal is sent after commit.

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
from weakref import WeakSet

from django.core.cache import cache
from django.db import connections, models

from notifications.signals import read_state_changed
from notifications.storage.transactions import after_commit, is_manual

logger = logging.getLogger("notifications")

#: The cache key of the generation that a count must have been counted in.
GENERATION = "notifications:generation"

#: The attribute of a connection with the changes that wait for its commit.
WAITING = "notifications_waiting"

#: The maximum number of recipients whose keys are deleted one by one; for more, a new generation is started.
MAX_DROPPED_KEYS = 100


def cache_key(user_pk: object, name: str = "unread") -> str:
    """Return the cache key of this user's count of "unread" or "unseen" notifications."""
    # A cache may reject keys that are long or contain spaces or control characters.
    owner = quote(str(user_pk), safe="")
    return f"notifications:{name}:{owner if len(owner) <= 180 else sha256(owner.encode()).hexdigest()}"


def drop_counts(user_pks: list[Any] | None, *, using: str) -> None:
    """Clear the cached counts of these users (None: of all users) after the commit.

    Not before: until then, other processes count the old rows, and a cache in the database would make them wait for
    this transaction. Counts inside the transaction are not cached: see :func:`are_pending`.
    """
    connection = connections[using]
    drop = partial(_drop, user_pks)
    if connection.in_atomic_block:
        # Django drops the callbacks of a rollback. This set holds only weak references, so it drops them too.
        vars(connection).setdefault(WAITING, WeakSet()).add(drop)
    after_commit(drop, using=using)


def _drop(user_pks: list[Any] | None) -> None:
    try:
        if user_pks is None or len(user_pks) > MAX_DROPPED_KEYS:
            cache.set(GENERATION, uuid4().hex, timeout=None)
        else:
            cache.delete_many([cache_key(pk, name) for pk in user_pks for name in ("unread", "unseen")])
    except Exception:
        # The rows are written. An error here would make the caller write them again.
        logger.exception("Could not clear the cached unread counts. They are shown until they expire.")


def are_pending() -> bool:
    """Return whether an open transaction has changed rows. They are not committed yet, and may be rolled back."""
    return any(
        is_manual(connection) or (connection.in_atomic_block and bool(vars(connection).get(WAITING)))
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
