"""The states of a notification, each defined once, as a condition for queries that also checks a loaded row.

``unread``, ``inbox`` and ``snoozed`` depend on the time: a row with a time in the future is not in the inbox before
that. A snoozed row is neither unread nor read. It is unread when it returns.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from django.core.exceptions import ValidationError
from django.db.models import DateTimeField, F, OrderBy, Q, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from notifications.conf import settings
from notifications.storage.expressions import (
    CurrentMoment,
    IsSet,
    stored,
)

#: Whether a condition is true for a loaded row at a time.
Test: TypeAlias = "Callable[[Any, datetime], bool]"


def whether(column: str, value: bool) -> Q:
    """Return the condition that a boolean column has this value, as a comparison.

    Django would write only the name of the column. SQLite and MariaDB do not use an index for that.
    """
    return Q(**{f"{column}__in": [value]})


#: The column ``unread`` alone, in the inbox or not.
IS_MARKED_UNREAD = Q(IsSet("unread"))
#: The rows that enter the inbox in the future: they are snoozed, or have a ``timestamp`` in the future.
IS_TO_COME = Q(inbox_at__gt=CurrentMoment())
IS_IN_INBOX = Q(inbox_at__lte=CurrentMoment())


@dataclass(frozen=True, slots=True)
class State:
    """A state that a row can be in."""

    name: str
    #: A function that returns the condition, because it can depend on the settings.
    condition: Callable[[], Q]
    #: The test of loaded rows that is made of the condition, if it never changes.
    test: Test | None = None

    def holds(self, row: Any, now: datetime | None = None) -> bool:
        """Return whether a loaded row is in this state at a time, by default now, according to the same condition."""
        test = self.test or test_of(self.condition())
        return test(row, now or timezone.now())


def constant(name: str, condition: Q) -> State:
    """Return a state whose condition does not depend on the settings."""
    return State(name, lambda: condition, test_of(condition))


# Conditions of loaded rows


def inbox_moment(row: Any) -> datetime | None:
    """Return the value that the database computes for ``inbox_at`` of this row."""
    moment: Any = row.snoozed_until or (row.timestamp if row.done_at is None else None)
    if not isinstance(moment, datetime):
        # It may be set as a text or as a date, or as an expression, whose value only the database knows.
        try:
            moment = DateTimeField().to_python(moment)
        except (TypeError, ValidationError):
            return None
    return None if moment is None else stored(moment)


#: The lookups in the conditions of states. A comparison with null is false, as in a database.
LOOKUPS: Mapping[str, Callable[[Any, Any], bool]] = {
    "": operator.eq,
    "in": lambda value, wanted: value in wanted,
    "isnull": lambda value, wanted: (value is None) is wanted,
    "gt": lambda value, wanted: value is not None and value > wanted,
    "lte": lambda value, wanted: value is not None and value <= wanted,
}


def test_of(condition: Q) -> Test:
    """Return the test of loaded rows that a condition on their columns is."""
    tests = [test_of_part(part) for part in condition.children]
    if len(tests) == 1 and not condition.negated:
        return tests[0]
    combined = all if condition.connector == Q.AND else any
    return lambda row, now: combined(test(row, now) for test in tests) is not condition.negated


def test_of_part(part: Any) -> Test:
    """Return the test that a part of a condition is: a condition, or a lookup with a value."""
    if isinstance(part, Q):
        return test_of(part)
    if isinstance(part, IsSet):
        column = part.column
        return lambda row, now: bool(getattr(row, column))
    path, wanted = part
    column, _, lookup = path.partition("__")
    value = inbox_moment if column == "inbox_at" else operator.attrgetter(column)
    compare = LOOKUPS[lookup]
    if isinstance(wanted, CurrentMoment):
        return lambda row, now: compare(value(row), now)
    return lambda row, now: compare(value(row), wanted)


# The states

INBOX = constant("inbox", IS_IN_INBOX)
UNREAD = constant("unread", IS_MARKED_UNREAD & IS_IN_INBOX)
READ = constant("read", whether("unread", False))
#: A row that was done and then snoozed returns to the inbox, so it is not done.
DONE = constant("done", Q(done_at__isnull=False, snoozed_until__isnull=True))
SAVED = constant("saved", Q(saved_at__isnull=False))
#: By ``inbox_at`` and not by ``snoozed_until``, because it has an index.
SNOOZED = constant("snoozed", Q(IS_TO_COME, snoozed_until__isnull=False))
VISIBLE = State("visible", lambda: Q(deleted=False) if settings.SOFT_DELETE else Q())


def is_possible(row: Any, now: datetime) -> bool:
    """Return whether the columns of a loaded row fit: no row is done and unread, nor snoozed and read."""
    return not (DONE.holds(row, now) if row.unread else SNOOZED.holds(row, now))


#: The states of the tabs, of ``is:`` in a search, and of the JSON.
STATES: Mapping[str, State] = {state.name: state for state in (UNREAD, READ, SAVED, SNOOZED, DONE, INBOX)}


def key_text() -> Any:
    """Return the primary key of a row as a text, as the database writes it."""
    return Cast("pk", TextField())


def states_of(row: Any) -> list[str]:
    """Return the names of the states that a loaded row is in now."""
    now = timezone.now()
    return [name for name, state in STATES.items() if state.holds(row, now)]


def newest_first(column: str) -> tuple[OrderBy | str, ...]:
    """Return the descending order of a date and time column, with nulls last on every database.

    Databases differ in the position of nulls, and an index supports only one order. That of
    ``indexes.StateIndex`` is this one.
    """
    return F(column).desc(nulls_last=True), "-pk"


def oldest_first(column: str) -> tuple[OrderBy | str, ...]:
    """Return the order that is the reverse of :func:`newest_first`."""
    return F(column).asc(nulls_first=True), "pk"
