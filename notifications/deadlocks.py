"""What is done about transactions that wait for each other in a circle, of which the database ends one.

Rows are locked in one order everywhere, so that there should be no circle. What remains is made by locks that are no
row's: MariaDB also locks gaps in an index, and the next automatic key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import DatabaseError, connections

T = TypeVar("T")

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
