"""One call for many keys, in which a key that fails does not fail the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from django.db import DataError, InterfaceError, OperationalError, connections

K = TypeVar("K")
V = TypeVar("V")


def is_gone(error: Exception, using: str) -> bool:
    """Return whether something failed because the database is gone, so that everything fails."""
    return isinstance(error, (InterfaceError, OperationalError)) and not connections[using].is_usable()


def fetch_isolated(
    fetch: Callable[[list[K]], Mapping[K, V]],
    keys: Iterable[K],
    using: str,
    *,
    fatal: type[Exception] | tuple[type[Exception], ...] = (),
) -> tuple[dict[K, V], dict[K, Exception]]:
    """Fetch for all keys at once; where that fails, for each half of them, down to the keys at fault.

    Return what was found and what failed, by key. Without keys, nothing is fetched. Raise what was raised where the
    database ``using`` is gone, and errors that are ``fatal`` and not about a value.
    """
    found: dict[K, V] = {}
    failed: dict[K, Exception] = {}
    wanted = list(keys)
    batches = [wanted] if wanted else []
    while batches:
        batch = batches.pop()
        try:
            found.update(fetch(batch))
        except Exception as error:
            # A value that the database can hold and Python cannot, such as the time "infinity", is in one row.
            if isinstance(error, fatal) and not isinstance(error, DataError):
                raise
            if is_gone(error, using):
                raise
            if len(batch) == 1:
                failed[batch[0]] = error
            else:
                middle = len(batch) // 2
                batches += [batch[middle:], batch[:middle]]
    return found, failed
