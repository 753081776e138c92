"""Who acts on an object, or is named in an event about it, participates in it from then on.

That is written after the commit, and never waits for another transaction: an event costs no lock in the transaction of
the site. What is not written because somebody else holds the lock is written the next time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any

from django.db import DatabaseError, connections, models
from django.db.models import QuerySet
from django.utils import timezone

from notifications.contrib.subscriptions.conf import settings
from notifications.contrib.subscriptions.containment import object_key, subject_of
from notifications.contrib.subscriptions.levels import Level, weaker_than
from notifications.contrib.subscriptions.operations import (
    new_subscription,
    participation_changes,
    subscriptions_for_write,
)
from notifications.events import Event
from notifications.sending.audience import is_user, user_key
from notifications.storage.locking import retry, writing
from notifications.storage.reasons import Reason
from notifications.storage.transactions import after_commit, is_manual

#: The most users whose rows go into one statement.
MAX_BATCH = 500

#: How long a statement waits for a lock, in milliseconds. MySQL waits a second, which is the least that it knows.
MAX_WAIT = 50

#: The error codes of a lock that was not granted in time: a state on PostgreSQL, a number on MySQL and MariaDB.
WAITED_STATES, WAITED_NUMBERS = {"55P03"}, {1205}


def record_participation(event: Event, rows: QuerySet[Any], using: str) -> None:
    """After the commit, let those who act, and those who are named, participate in what the event is about.

    ``rows`` are those of the event. Nothing is recorded if the caller commits manually: nobody knows when.
    """
    acts = settings.WATCH_WHEN_ACTING and is_user(event.actor)
    calls = settings.WATCH_WHEN_CALLED and event.reason in (Reason.MENTION, Reason.ASSIGN)
    subject = subject_of(event) if acts or calls else None
    home = subscriptions_for_write().db
    # Nobody participates in a user: "bob followed ann".
    if subject is None or is_user(subject) or is_manual(connections[using]) or is_manual(connections[home]):
        return

    def record() -> None:
        if subject.pk is None:
            # It was deleted in the same transaction: "bob deleted issue 2".
            return
        # So may have been who acted: "bob closed his account".
        if acts and event.actor.pk is not None:
            said = event.action_object
            is_more = said is not None and object_key(said) != object_key(subject)
            reason = Reason.COMMENT if is_more else Reason.STATE_CHANGE
            add_participants([user_key(event.actor)], subject, reason)
        if calls:
            called = rows.order_by().values_list("recipient", flat=True)
            add_participants(called.iterator(), subject, event.reason)

    # The subscriptions may be in another database, which the caller has a transaction in.
    after_commit(partial(after_commit, record, using=home), using=using)


def add_participants(users: Iterable[Any], obj: models.Model, reason: str) -> None:
    """Let users participate in the object; who does so already, as strongly, costs no more than a query.

    Users whose rows another transaction has locked are left out.
    """
    rows, key = subscriptions_for_write(), object_key(obj)
    weaker, keys = weaker_than(reason), iter(users)
    while batch := sorted(islice(keys, MAX_BATCH)):
        now = timezone.now()
        mine = rows.filter(user__in=batch, object_key=key)
        known = {user: (why, until) for user, why, until in mine.values_list("user", "reason", "until")}
        changed = [user for user, (why, until) in known.items() if why in weaker or (until and until <= now)]
        new = [
            new_subscription(user, obj, level=Level.NONE, reason=reason)
            for user in batch
            if user not in known
        ]
        # All at once, or else each alone without those whose lock is held by somebody else.
        for parts, write in ((changed, partial(change, mine, reason)), (new, insert)):
            if parts and not without_waiting(rows.db, partial(write, parts)):
                for part in parts if len(parts) > 1 else ():
                    without_waiting(rows.db, partial(write, [part]))


def change(rows: QuerySet[Any], reason: str, users: list[Any]) -> None:
    """Change the rows of these users."""
    rows.filter(user__in=users).update(**participation_changes(reason))


def insert(rows: list[Any]) -> None:
    """Insert the rows; who has one by now keeps it as it is."""
    subscriptions_for_write().bulk_create(rows, ignore_conflicts=True)


def without_waiting(using: str, write: Any) -> bool:
    """Write in a transaction of its own. Return False if another transaction holds a lock, and nothing was written."""

    def write_alone() -> None:
        with impatient_transaction(using):
            write()

    try:
        retry(write_alone, using)
    except DatabaseError as error:
        cause: Any = error.__cause__
        state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
        if state not in WAITED_STATES and not WAITED_NUMBERS.intersection(error.args[:1]):
            raise
        return False
    return True


@contextmanager
def impatient_transaction(using: str) -> Iterator[None]:
    """Begin a transaction whose statements soon give up waiting for a lock. SQLite has one writer anyway."""
    connection: Any = connections[using]
    before = None
    if connection.vendor == "mysql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT @@SESSION.innodb_lock_wait_timeout")
            [before] = cursor.fetchone()
            cursor.execute(f"SET SESSION innodb_lock_wait_timeout = {int(not connection.mysql_is_mariadb)}")
    try:
        with writing(using):
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL lock_timeout = {MAX_WAIT}")
            yield
    finally:
        if before is not None:
            with connection.cursor() as cursor:
                cursor.execute("SET SESSION innodb_lock_wait_timeout = %s", [before])
