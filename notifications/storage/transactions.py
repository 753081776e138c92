"""Whose transaction it is, and what waits for its end.

Everything of this package that must not happen before the rows are committed goes through :func:`after_commit`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.db import connections, transaction

logger = logging.getLogger("notifications")


def is_ours(using: str) -> bool:
    """Return whether what is written now is committed by this package or by the database, and by no caller."""
    connection = connections[using]
    return not connection.in_atomic_block and not is_manual(connection)


def is_manual(connection: Any) -> bool:
    """Return whether the caller commits by hand, as after ``transaction.set_autocommit(False)``.

    An atomic block in such a transaction does not end it.
    """
    if connection.in_atomic_block:
        return not connection.commit_on_exit
    if connection.connection is None:
        # What it says of itself comes true when it is opened.
        return not connection.settings_dict["AUTOCOMMIT"]
    return not connection.autocommit


def after_commit(call: Callable[[], object], *, using: str) -> None:
    """Call when the transaction is committed, never when it is rolled back, and at once outside of one.

    Where the caller commits by hand there is nothing to wait for: Django has no hook for it, so it is called at once.
    An error goes to the log and no further: what was to be done has been written.
    """
    if is_manual(connections[using]):
        try:
            call()
        except Exception:
            logger.exception("What follows a change failed: %r", call)
    else:
        transaction.on_commit(call, using=using, robust=True)
