"""Locks in one order, and retries of transactions that conflict anyway.

Rows are locked in the order of their primary keys everywhere, so that there should be no circle. What remains is made
by locks that are no row's: MariaDB also locks gaps in an index, and the next automatic key. The database ends one of
the transactions, which is tried again. With REPEATABLE READ and SERIALIZABLE, it also aborts one of two transactions
that changed the same rows.

SQLite has one writer at a time. Every transaction of this package that writes is begun by :func:`writing`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, TypeVar, cast

from django.db import DatabaseError, IntegrityError, connections, models, transaction

from notifications.storage.transactions import is_ours

T = TypeVar("T")
Q = TypeVar("Q", bound="models.QuerySet[Any]")

#: The maximum number of primary keys in one UPDATE, for databases where it cannot select them itself.
MAX_UPDATE_KEYS = 100_000

#: The maximum number of attempts at a transaction that the database aborts.
MAX_ATTEMPTS = 10

#: The longest pause before another attempt, in seconds. Pauses are random, and their limit doubles each time.
MAX_PAUSE = 0.2

#: The error codes of transactions that can be retried. On PostgreSQL a state: a deadlock or a serialization failure. On
#: MySQL and MariaDB a number: a deadlock; one on the next automatic key; a row that changed after the transaction first
#: read it.
#: Not 1205, a lock that somebody held for longer than ``innodb_lock_wait_timeout``, by default 50 seconds: whoever asks
#: has waited long enough, and the transaction is not aborted.
RETRY_STATES, RETRY_NUMBERS = {"40P01", "40001"}, {1213, 1467, 1020}


def may_be_tried_again(error: DatabaseError, using: str) -> bool:
    """Return whether the database aborted a transaction because of another one, and it was not the caller's."""
    cause: Any = error.__cause__
    # The names of psycopg 3 and psycopg2.
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    is_conflict = state in RETRY_STATES or bool(RETRY_NUMBERS.intersection(error.args[:1]))
    return is_conflict and is_ours(using)


@contextmanager
def writing(using: str, *, savepoint: bool = True) -> Iterator[None]:
    """Begin a transaction that writes, whatever it reads before.

    SQLite begins one as a reader, unless the site says otherwise. If somebody writes before it does, it cannot become a
    writer any more, however long it waits. So it waits for its turn when it begins.
    """
    with ExitStack() as stack:
        with beginning_as_writer(connections[using]):
            stack.enter_context(transaction.atomic(using, savepoint=savepoint))
        yield


@contextmanager
def beginning_as_writer(connection: Any) -> Iterator[None]:
    """Let a transaction of SQLite that begins now be a writer from its beginning."""
    if connection.vendor != "sqlite":
        yield
        return
    # A new connection reads its mode from the settings.
    connection.ensure_connection()
    mode = connection.transaction_mode
    connection.transaction_mode = "IMMEDIATE" if mode in {None, "DEFERRED"} else mode
    try:
        yield
    finally:
        connection.transaction_mode = mode


def hold(rows: models.QuerySet[Any], column: str, **key: Any) -> models.QuerySet[Any]:
    """Return the row with a unique key as a queryset, made if there is none, which no other transaction changes.

    Call it in a transaction, before anything is read.
    """
    row = rows.filter(**key)
    # A write that changes nothing: it holds the row.
    while not row.update(**{column: models.F(column)}):
        # If another request made it at the same moment, that one holds it. A third one may have deleted it since.
        retry(partial(rows.get_or_create, **key), rows.db, also=is_there_already)
    return row


def retry(
    write: Callable[[], T],
    using: str,
    *,
    attempts: int = MAX_ATTEMPTS,
    also: Callable[[DatabaseError], bool] = lambda error: False,
) -> T:
    """Call ``write`` until it succeeds. It makes a transaction of its own unless the caller has one.

    ``also`` returns whether to retry after another error.
    """
    for attempt in range(attempts - 1):
        try:
            return write()
        except DatabaseError as error:
            if not also(error) and not may_be_tried_again(error, using):
                raise
            # Two transactions that start again at the same time would conflict again.
            time.sleep(random.uniform(0, min(0.002 * 2**attempt, MAX_PAUSE)))  # noqa: S311 - no secret
    return write()


def is_there_already(error: DatabaseError) -> bool:
    """Return whether a row with the same unique key is there, for ``also`` of :func:`retry`.

    ``get_or_create`` raises it where another transaction makes the row first, and a third one deletes it.
    """
    return isinstance(error, IntegrityError)


def unsliced(rows: Q) -> Q:
    """Return the current rows of a slice, by their primary keys, as a queryset that can be filtered.

    Databases cannot update a slice, and MariaDB does not support one in a subquery.
    """
    chosen = cast(Any, rows.all())
    chosen._for_write = True
    keys = list(chosen.values_list("pk", flat=True))
    return type(rows)(rows.model, using=chosen.db).filter(pk__in=keys)


def by_key(rows: Q) -> Q:
    """Return the rows in the order of their primary keys. ``order_by()`` turns it if they were reversed before."""
    ordered = rows.order_by("pk")
    ordered.query.standard_ordering = True
    return ordered


def lockable(rows: Q) -> Q:
    """Return the same rows as a queryset that can be filtered, locked and updated, on the database to write to."""
    query, locked = rows.query, cast(Any, rows)
    locked._for_write = True
    if query.is_sliced:
        return unsliced(rows)
    is_choice = query.distinct or query.where.contains_over_clause
    if is_choice or query.combinator or query.group_by is not None:
        return type(rows)(rows.model, using=rows.db).filter(pk__in=rows.order_by().values("pk"))
    return rows.all()


def write_in_order(rows: Q, write: Callable[[Q], int]) -> int:
    """Write to the rows, locked in the order of their primary keys. Return the sum of what ``write`` returns.

    Two calls that lock the same rows in the orders of two indexes wait for each other in a circle, which PostgreSQL and
    MariaDB end by killing one of them. The rows that ``write`` is given announce nothing of what changes: there may be
    more than one statement, and the caller announces all of it at once.
    """
    found: Any = rows.quietly()  # type: ignore[attr-defined]
    found._for_write = True
    using = found.db
    fresh: Any = type(rows)(rows.model, using=using).quietly()  # type: ignore[attr-defined]
    features = connections[using].features
    if not features.has_select_for_update:
        # SQLite, where there is one writer at a time.
        return write(found.order_by())
    ordered = by_key(found).values_list("pk", flat=True)

    def lock_and_write() -> int:
        with writing(using, savepoint=False):
            if features.update_can_self_select and features.has_select_for_update_of:
                return write(fresh.filter(pk__in=ordered.select_for_update(of=("self",))))
            # MySQL and MariaDB read first and then lock along the primary key.
            keys = list(ordered.all())
            return sum(
                write(fresh.filter(pk__in=keys[start : start + MAX_UPDATE_KEYS]))
                for start in range(0, len(keys), MAX_UPDATE_KEYS)
            )

    return retry(lock_and_write, using)
