"""Locks in one order, and what is done about transactions that get into each other's way all the same.

Rows are locked in the order of their primary keys everywhere, so that there should be no circle. What remains is made
by locks that are no row's: MariaDB also locks gaps in an index, and the next automatic key. The database ends one of
the transactions, which is tried again. So it does where transactions are to look as if one followed the other
(REPEATABLE READ, SERIALIZABLE) and two of them wrote the same.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.db import DatabaseError, connections, models, transaction

from notifications.storage.transactions import is_ours

T = TypeVar("T")
Q = TypeVar("Q", bound="models.QuerySet[Any]")

#: The most primary keys that go into one UPDATE where it cannot select them itself.
MAX_KEYS = 100_000

#: How often a transaction is tried that the database ended.
MAX_ATTEMPTS = 10

#: The longest pause before another attempt, in seconds. It doubles each time, and is never the same for two.
MAX_PAUSE = 0.2

#: How databases say that a transaction is to be tried again. PostgreSQL, by a state: a deadlock, or what could not be
#: serialized. MySQL and MariaDB, by a number: a deadlock; one over the next automatic key; a row that has changed since
#: the transaction first read.
RETRY_STATES, RETRY_NUMBERS = {"40P01", "40001"}, {1213, 1467, 1020}


def may_be_tried_again(error: DatabaseError, using: str) -> bool:
    """Return whether the database ended a transaction for another one's sake, and it was no caller's."""
    cause: Any = error.__cause__
    # The names of psycopg 3 and psycopg2.
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    was_ended = state in RETRY_STATES or bool(RETRY_NUMBERS.intersection(error.args[:1]))
    return was_ended and is_ours(using)


def retry(
    write: Callable[[], T],
    using: str,
    *,
    attempts: int = MAX_ATTEMPTS,
    also: Callable[[DatabaseError], bool] = lambda error: False,
) -> T:
    """Call ``write`` until the database lets it end. It makes a transaction of its own unless the caller holds one.

    ``also`` says of another error whether to try again all the same.
    """
    for attempt in range(attempts - 1):
        try:
            return write()
        except DatabaseError as error:
            if not also(error) and not may_be_tried_again(error, using):
                raise
            # Two that got into each other's way would do so again, were they to start at the same moment.
            time.sleep(random.uniform(0, min(0.002 * 2**attempt, MAX_PAUSE)))  # noqa: S311 - no secret
    return write()


def lockable(rows: Q) -> Q:
    """Return the same rows as a queryset that can be filtered, locked and updated, on the database to write to."""
    query, locked = rows.query, cast(Any, rows)
    locked._for_write = True
    if query.distinct or query.combinator or query.group_by is not None:
        return type(rows)(rows.model, using=rows.db).filter(pk__in=rows.order_by().values("pk"))
    return rows.all()


def write_in_order(rows: Q, write: Callable[[Q], int]) -> int:
    """Write to the rows, locked in the order of their primary keys. Return the sum of what ``write`` returns.

    Two calls that lock the same rows in the orders of two indexes wait for each other in a circle, which PostgreSQL and
    MariaDB end by killing one of them. The rows that ``write`` is given announce nothing of what changes: there may be
    more than one statement, and the caller announces all of it at once.
    """
    found: Any = rows.all()
    found._for_write = found._is_quiet = True
    using = found.db
    fresh: Any = type(rows)(rows.model, using=using)
    fresh._is_quiet = True
    features = connections[using].features
    if not features.has_select_for_update:
        # SQLite, where there is one writer at a time.
        return write(found.order_by())
    ordered = found.order_by("pk").values_list("pk", flat=True)

    def lock_and_write() -> int:
        with transaction.atomic(using, savepoint=False):
            if features.update_can_self_select and features.has_select_for_update_of:
                return write(fresh.filter(pk__in=ordered.select_for_update(of=("self",))))
            # MySQL and MariaDB read first and then lock along the primary key.
            keys = list(ordered.all())
            return sum(
                write(fresh.filter(pk__in=keys[start : start + MAX_KEYS]))
                for start in range(0, len(keys), MAX_KEYS)
            )

    return retry(lock_and_write, using)
