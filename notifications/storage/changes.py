"""What follows a change of rows: cached counts are cleared, and the signal is sent after commit.

Each cached count is kept under a key that names the model, the database, the user, the schema of a tenant, and whatever
the site's own keys name at that moment. It carries the generation it was counted in. A change of one user's rows drops
that user's key; a change that may reach anybody starts a new generation, in one cache call.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from hashlib import sha256
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

from django.contrib.auth import get_user_model
from django.db import connections, models

from notifications.conf import get_notification_model, settings
from notifications.objects.fetch import primary_key
from notifications.signals import read_state_changed
from notifications.storage.count_cache import cache_space, count_cache
from notifications.storage.databases import schema_of
from notifications.storage.transactions import after_commit, is_manual

#: The maximum number of recipients whose keys are deleted one by one; for more, a new generation is started.
MAX_DROPPED_KEYS = 100

#: How many of the calls that wait for a commit are searched for one that drops the counts of all users already.
MAX_SEARCHED_CALLS = 100

#: The longest ``CACHE_TIMEOUT``, in seconds, for which no query is made to keep the cached counts right or apart.
MAX_UNAWARE_SECONDS = 5


def are_kept_long() -> bool:
    """Return whether counts are cached for so long that a query is worth it which keeps them right, or keeps them."""
    return settings.CACHE_TIMEOUT > MAX_UNAWARE_SECONDS


def cache_key(user_pk: object, name: str = "unread", *, using: str) -> str:
    """Return the cache key of this user's count of "unread" or "unseen" notifications in this database."""
    return f"{_prefix(using)}:{name}:{_owner(user_pk)}"


def generation_key(using: str) -> str:
    """Return the cache key of the generation that a count in this database must have been counted in."""
    return _generation_key(_prefix(using))


def _generation_key(prefix: str) -> str:
    return f"{prefix}:generation"


def _prefix(using: str) -> str:
    return _prefix_of(get_notification_model()._meta.label_lower, using, f"{schema_of(using)}{cache_space()}")


def as_loaded(user_pk: Any) -> Any:
    """Return the primary key of a user as it is loaded: a site may have set "7", or a UUID in capital letters."""
    if user_pk is None or isinstance(user_pk, (int, UUID)):
        return user_pk
    key = primary_key(get_user_model(), str(user_pk))
    return user_pk if key is None else key


def _owner(user_pk: object) -> str:
    # A cache may reject keys that are long or contain spaces or control characters.
    owner = str(user_pk) if type(user_pk) is int else quote(str(as_loaded(user_pk)), safe="")
    return owner if len(owner) <= 100 else sha256(owner.encode()).hexdigest()


@lru_cache(maxsize=1000)
def _prefix_of(label: str, using: str, space: str) -> str:
    where = quote(f"{label}:{using}:{space}" if space else f"{label}:{using}", safe=":.")
    return f"notifications:{where if len(where) <= 80 else sha256(where.encode()).hexdigest()}"


def _new_generation(prefix: str) -> dict[str, str]:
    """Return what to write to the cache so that all counts under these keys are counted again."""
    return {_generation_key(prefix): uuid4().hex}


def recipients_of_change(row: Any) -> set[Any] | None:
    """Return the primary keys of the users whose counts change when this row is written, or None for anybody.

    These are all whose row it has been since it was loaded: what was written last may have been rolled back.
    """
    if row._recipient_ids is None and "recipient_id" in vars(row):
        # It was set without being loaded: whose row it was is not known.
        return None
    # First, because it may be loaded now.
    recipient_id = row.recipient_id
    row._recipient_ids = row._recipient_ids | {recipient_id}
    return set(row._recipient_ids)


def drop_counts(user_pks: Collection[Any] | None, *, using: str) -> None:
    """Clear the cached counts of these users (None: of all users) after the commit.

    Not before: until then, other processes count the old rows, and a cache in the database would make them wait for
    this transaction. Counts inside the transaction are not cached: see :func:`are_pending`.
    """
    connection = connections[using]
    # At the commit, another tenant may be the current one.
    drop = Drop(None if user_pks is None else frozenset(user_pks), _prefix(using))
    if user_pks is None and drop in _waiting(connection, MAX_SEARCHED_CALLS):
        return
    after_commit(drop, using=using)


@dataclass(frozen=True, slots=True)
class Drop:
    """The call after a commit that clears the cached counts of these users (None: of all) under a prefix."""

    user_pks: frozenset[Any] | None
    prefix: str

    def __call__(self) -> None:
        fresh = _new_generation(self.prefix)
        if self.user_pks is None or len(self.user_pks) > MAX_DROPPED_KEYS:
            [(key, generation)] = fresh.items()
            count_cache.change(lambda cache: cache.set(key, generation, timeout=None), owe=fresh)
        else:
            owners = [_owner(pk) for pk in self.user_pks]
            keys = [f"{self.prefix}:{name}:{owner}" for owner in owners for name in ("unread", "unseen")]
            count_cache.change(lambda cache: cache.delete_many(keys), owe=fresh)


def _waiting(connection: Any, most: int = 0) -> Iterator[Drop]:
    """Yield the drops among all calls that wait for the commit of this connection, or among the last ones."""
    # Only Django knows: it forgets those of a rollback, and of a savepoint.
    return (call for _, call, _ in connection.run_on_commit[-most:] if isinstance(call, Drop))


def are_pending() -> bool:
    """Return whether an open transaction has changed rows. They are not committed yet, and may be rolled back."""
    return any(
        is_manual(connection) or (connection.in_atomic_block and any(_waiting(connection)))
        for connection in connections.all(initialized_only=True)
    )


def announce(model: type[models.Model], recipient_id: Any, changed: int, *, using: str) -> None:
    """Send :data:`~notifications.signals.read_state_changed` after commit, once for a call that changed rows.

    ``changed`` is how many; 0 where only what was seen has changed.
    """
    recipient_id = as_loaded(recipient_id)
    send = partial(
        read_state_changed.send_robust, sender=model, recipient_id=recipient_id, changed=changed, using=using
    )
    after_commit(send, using=using)
