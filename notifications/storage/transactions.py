"""Find out whose transaction it is, and wait for its commit.

Everything in this package that must not happen before the commit uses :func:`after_commit`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.db import connections, transaction

logger = logging.getLogger("notifications")


def is_ours(using: str) -> bool:
    """Return whether writes are committed by this package or the database, and not by the caller."""
    connection = connections[using]
    return not connection.in_atomic_block and not is_manual(connection)


def is_manual(connection: Any) -> bool:
    """Return whether the caller commits manually, as after ``transaction.set_autocommit(False)``.

    An atomic block in such a transaction does not commit it.
    """
    if connection.in_atomic_block:
        return not connection.commit_on_exit
    if connection.connection is None:
        # Not connected yet: this setting applies when it is.
        return not connection.settings_dict["AUTOCOMMIT"]
    return not connection.autocommit


def commit_by_itself(using: str) -> None:
    """Commit each statement, whatever ``AUTOCOMMIT`` says: for a process or thread in which nobody else commits."""
    connection = connections[using]
    if is_manual(connection) and not connection.in_atomic_block:
        connection.set_autocommit(True)


def after_commit(call: Callable[[], object], *, using: str) -> None:
    """Call this after the commit, not after a rollback, and immediately outside a transaction.

    If the caller commits manually, Django does not know when, so this is called immediately. Errors are logged and not
    raised: the rows are already written.
    """
    if is_manual(connections[using]):
        try:
            call()
        except Exception:
            logger.exception("What follows a change failed: %r", call)
    else:
        transaction.on_commit(call, using=using, robust=True)
