"""Guarded calls of the site's own code: an exception in it affects only one name or link, and is logged once.

Each kind of such code is called in one place: a name in :mod:`~notifications.objects.labels`, a URL in
:mod:`~notifications.objects.links`, a rule in :mod:`~notifications.objects.visibility`, a manager or a field in
:mod:`~notifications.objects.fetch`, a template in :mod:`notifications.presentation.verb_templates`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Any, TypeVar

from django.core.exceptions import SynchronousOnlyOperation
from django.db import DEFAULT_DB_ALIAS, connections, models

T = TypeVar("T")

logger = logging.getLogger("notifications")

#: The maximum number of names that are remembered as logged. The oldest is forgotten, and may be logged again.
MAX_REMEMBERED_FAULTS = 1000

_logged: dict[str, None] = {}
#: The connections on which a savepoint is being created.
_saving: set[int] = set()
_logging = Lock()


def forget_faults() -> None:
    """Forget what has been logged, so that it is logged again: for tests."""
    _logged.clear()


def guarded(about: Any, what: str, function: Callable[..., T], *arguments: Any, otherwise: T) -> T:
    """Return the result of the site's function. If it raises an exception, log it and return ``otherwise``.

    ``about`` is the object, or another name for the log, and ``what`` describes the call. An open transaction can be
    continued, because a savepoint is created before the first query of the function. A function without queries costs
    no statement.
    """
    return attempted(about, what, in_savepoint, about, function, *arguments, otherwise=otherwise)


def together_or_apart(about: Any, together: Callable[[], T], apart: Callable[[], T]) -> T:
    """Return the result of ``together``, which calls code of the site several times without a guard.

    If it raises an exception, return the result of ``apart``, which guards each of the same calls. This costs a guard
    less for each call, which is felt on a page of a hundred rows.
    """
    try:
        return in_savepoint(about, together)
    except Exception:  # noqa: BLE001 - the one that raises is called again, and logged
        return apart()


def attempted(about: Any, what: str, function: Callable[..., T], *arguments: Any, otherwise: T) -> T:
    """Do the same as :func:`guarded` without a savepoint, for our own queries that depend on code of the site."""
    try:
        return function(*arguments)
    except Exception as error:  # noqa: BLE001 - it is the site's own code
        report(about, what, error)
        return otherwise


def report(about: Any, what: str, error: Exception) -> None:
    """Log what failed, once for each object or name in this process.

    Raise a query in async code, which is a fault of the caller: the object itself is available.
    """
    if isinstance(error, SynchronousOnlyOperation):
        raise error
    name = name_in_log(about)
    with _logging:
        if name in _logged:
            return
        if len(_logged) >= MAX_REMEMBERED_FAULTS:
            del _logged[next(iter(_logged))]
        _logged[name] = None
    # The text of the exception may raise as well.
    with suppress(Exception):
        logger.error("%s: %s failed: %s", name, what, error_in_log(error), exc_info=error)


def error_in_log(error: Exception) -> str:
    """Return the type and the text of an exception, at most 200 characters."""
    return error_text(error)[:200]


def error_text(error: Exception) -> str:
    """Return the type and the text of an exception, the type alone if it has no text that can be had."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - its text is the site's own code
        return type(error).__name__


def name_in_log(about: Any) -> str:
    """Return a name for an object that does not call its own code: its model and its primary key."""
    if isinstance(about, str):
        return about
    if not isinstance(about, models.Model):
        return type(about).__qualname__
    try:
        return f"{about._meta.label} {str(about.pk)[:100]}"
    except Exception:  # noqa: BLE001 - a key may be of a type of the site's
        return about._meta.label


class FirstStatement:
    """Wrap the statements of a connection: create a savepoint before the first one."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.savepoint: str | None = None

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """Run a statement."""
        # The statement that creates a savepoint is wrapped as well, also by a guarded call inside this one.
        if self.savepoint is None and id(self.connection) not in _saving:
            self.savepoint = ""
            _saving.add(id(self.connection))
            try:
                self.savepoint = self.connection.savepoint()
            finally:
                _saving.discard(id(self.connection))
        return execute(sql, params, many, context)


def in_savepoint(about: Any, function: Callable[..., T], *arguments: Any) -> T:
    """Call the function. In an open transaction, undo its statements if it raises an exception."""
    using = about._state.db if isinstance(about, models.Model) else None
    connection: Any = connections[using or DEFAULT_DB_ALIAS]
    if not connection.in_atomic_block:
        return function(*arguments)
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
