"""What is done about transactions that wait for each other in a circle, of which the database ends one.

Rows are locked in one order everywhere, so that there should be no circle. What remains is made by locks that are no
row's: MariaDB also locks gaps in an index, and the next automatic key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.db import DatabaseError, connections, models, transaction

T = TypeVar("T")
Q = TypeVar("Q", bound="models.QuerySet[Any]")

#: Primary keys that go into one UPDATE where it cannot select them itself.
KEYS = 100_000

#: How often a transaction is tried that was ended for a deadlock.
ATTEMPTS = 10

#: How databases name it: PostgreSQL by a state; MySQL and MariaDB by a number, and by another one where the
#: transaction waited for the next automatic key.
STATE, NUMBERS = "40P01", {1213, 1467}


def may_be_tried_again(error: DatabaseError, using: str) -> bool:
    """Tell whether a transaction was ended for a deadlock, and was no caller's, so that it can be done again."""
    cause: Any = error.__cause__
    # The names of psycopg 3 and psycopg2.
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    is_deadlock = state == STATE or bool(NUMBERS.intersection(error.args[:1]))
    return is_deadlock and not connections[using].in_atomic_block


def through_deadlocks(write: Callable[[], T], using: str) -> T:
    """Call ``write``, which makes a transaction of its own unless the caller holds one, until there is no deadlock."""
    for _ in range(ATTEMPTS - 1):
        try:
            return write()
        except DatabaseError as error:
            if not may_be_tried_again(error, using):
                raise
    return write()


def lockable(rows: Q) -> Q:
    """Return the same rows as a queryset that can be filtered, locked and updated, on the database to write to."""
    query, locked = rows.query, cast(Any, rows)
    locked._for_write = True
    if query.distinct or query.combinator or query.group_by is not None:
        return type(rows)(rows.model, using=rows.db).filter(pk__in=rows.order_by().values("pk"))
    return rows.all()


def in_order(rows: Q, write: Callable[[Q], int]) -> int:
    """Write to the rows, locked in the order of their primary keys. Return the sum of what ``write`` returns.

    Two calls that lock the same rows in the orders of two indexes wait for each other in a circle, which PostgreSQL and
    MariaDB end by killing one of them. The rows that ``write`` is given tell nobody of what changes: there may be more
    than one statement, and the caller tells of all of it at once.
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
                write(fresh.filter(pk__in=keys[start : start + KEYS])) for start in range(0, len(keys), KEYS)
            )

    return through_deadlocks(lock_and_write, using)
