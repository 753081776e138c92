"""The door to the site's own code: what it raises costs one row its name or its link, and one line in the log.

Each kind of such code is called in one place: a name in :mod:`~notifications.objects.labels`, a page in
:mod:`~notifications.objects.links`, a rule in :mod:`~notifications.objects.visibility`, a manager or a field in
:mod:`~notifications.objects.fetch`, a template in :mod:`notifications.presentation.verb_templates`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models

T = TypeVar("T")

logger = logging.getLogger("notifications")

#: Of so many things it is remembered that they were logged. When others come, the first may be logged once more.
MAX_REMEMBERED_FAULTS = 1000

_logged: dict[str, None] = {}
_logging = Lock()


def forget_faults() -> None:
    """Log once more what has been logged, as a new process does: for tests."""
    _logged.clear()


def guarded(about: Any, what: str, function: Callable[..., T], *arguments: Any, otherwise: T) -> T:
    """Return what the site's function answers, or ``otherwise`` where it raises, after a line in the log.

    ``about`` is the object, or the name of what else it is about, and ``what`` says in words what was asked. A
    transaction that is open goes on: before the first statement of the function a savepoint is made in it. A function
    that asks the database nothing costs no statement.
    """
    using = about._state.db if isinstance(about, models.Model) else None
    connection = connections[using or DEFAULT_DB_ALIAS]
    if connection.in_atomic_block:
        return attempted(about, what, in_savepoint, connection, function, *arguments, otherwise=otherwise)
    return attempted(about, what, function, *arguments, otherwise=otherwise)


def attempted(about: Any, what: str, function: Callable[..., T], *arguments: Any, otherwise: T) -> T:
    """Do as :func:`guarded` does, for a query of ours in which the site has a say: without a savepoint."""
    try:
        return function(*arguments)
    except Exception as error:  # noqa: BLE001 - it is the site's own code
        report(about, what, error)
        return otherwise


def report(about: Any, what: str, error: Exception) -> None:
    """Say in the log what failed, once for each object or name in the life of this process."""
    name = name_in_log(about)
    with _logging:
        if name in _logged:
            return
        if len(_logged) >= MAX_REMEMBERED_FAULTS:
            del _logged[next(iter(_logged))]
        _logged[name] = None
    # An error may be as unsayable as what raised it.
    with suppress(Exception):
        logger.error(
            "%s: %s failed, and is done without: %s", name, what, error_in_log(error), exc_info=error
        )


def error_in_log(error: Exception) -> str:
    """Return what an error says, at most 200 characters of it."""
    try:
        return f"{type(error).__name__}: {error}"[:200]
    except Exception:  # noqa: BLE001 - its text is the site's own code
        return type(error).__name__


def name_in_log(about: Any) -> str:
    """Return what names an object without a word of its own: its model and its primary key."""
    if isinstance(about, str):
        return about
    if not isinstance(about, models.Model):
        return type(about).__qualname__
    try:
        return f"{about._meta.label} {str(about.pk)[:100]}"
    except Exception:  # noqa: BLE001 - a key may be of a type of the site's
        return about._meta.label


class FirstStatement:
    """Wrap the statements of a connection: before the first one, make a savepoint."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.savepoint: str | None = None

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """Run a statement."""
        if self.savepoint is None:
            # The statement that makes it comes this way as well.
            self.savepoint = ""
            self.savepoint = self.connection.savepoint()
        return execute(sql, params, many, context)


def in_savepoint(connection: Any, function: Callable[..., T], *arguments: Any) -> T:
    """Call the function in an open transaction, which is as it was if the function raises."""
    first = FirstStatement(connection)
    with connection.execute_wrapper(first):
        try:
            answer = function(*arguments)
        except Exception:
            if first.savepoint:
                connection.needs_rollback = False
                connection.savepoint_rollback(first.savepoint)
                connection.savepoint_commit(first.savepoint)
            raise
    if first.savepoint:
        connection.savepoint_commit(first.savepoint)
    return answer
