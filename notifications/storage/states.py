"""The states of a notification, each defined once: as a condition of a query, and from it as a predicate of a row.

``unread``, ``inbox`` and ``snoozed`` depend on the time: a row whose moment is still to come is in none of the lists
until then. A row that is snoozed is neither unread nor read, as the inbox counts: it is unread once it comes back.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, OrderBy, Q
from django.utils import timezone

from notifications.conf import settings
from notifications.storage.expressions import CurrentMoment, IsSet


def whether(column: str, value: bool) -> Q:
    """Return the condition that a boolean column has this value, as a comparison.

    Django writes the column alone where it can, and SQLite and MariaDB do not look into an index for that.
    """
    return Q(**{f"{column}__in": [value]})


#: What the column says, wherever the row is.
IS_MARKED_UNREAD = Q(IsSet("unread"))
#: What is out of sight until a moment to come, because it was snoozed or was sent with a later timestamp.
IS_TO_COME = Q(inbox_at__gt=CurrentMoment())
IS_IN_INBOX = Q(inbox_at__lte=CurrentMoment())


@dataclass(frozen=True, slots=True)
class State:
    """A state that a row can be in."""

    name: str
    #: Returns the condition, which may depend on the settings.
    condition: Callable[[], Q]

    def holds(self, row: Any) -> bool:
        """Return whether a loaded row is in this state now, by the same condition."""
        return is_true(self.condition(), row, timezone.now())


INBOX = State("inbox", lambda: IS_IN_INBOX)
UNREAD = State("unread", lambda: IS_MARKED_UNREAD & IS_IN_INBOX)
READ = State("read", lambda: whether("unread", False))
#: A row that was done, and is snoozed since, comes back.
DONE = State("done", lambda: Q(done_at__isnull=False, snoozed_until__isnull=True))
SAVED = State("saved", lambda: Q(saved_at__isnull=False))
#: By the order of the inbox, because there is an index for that.
SNOOZED = State("snoozed", lambda: Q(IS_TO_COME, snoozed_until__isnull=False))
VISIBLE = State("visible", lambda: Q(deleted=False) if settings.SOFT_DELETE else Q())

#: The states that a list of the inbox, a word after ``is:`` and the JSON name.
STATES: Mapping[str, State] = {state.name: state for state in (UNREAD, READ, SAVED, SNOOZED, DONE, INBOX)}


def unseen(seen_at: Any) -> Q:
    """Return the condition of what is unread and came, or came back, after a moment, which may be an expression."""
    # One range: of two lower bounds SQLite takes the index that does not know what is unread.
    return UNREAD.condition() & Q(inbox_at__gt=seen_at)


def states_of(row: Any) -> list[str]:
    """Return the names of the states that a loaded row is in now."""
    return [name for name, state in STATES.items() if state.holds(row)]


def newest_first(column: str) -> tuple[OrderBy | str, ...]:
    """Return the order of a column of moments, the last one first; what has no moment goes last, on every database.

    Databases differ in where nulls go, and an index serves one order: that of ``indexes.StateIndex`` is this.
    """
    return F(column).desc(nulls_last=True), "-pk"


def oldest_first(column: str) -> tuple[OrderBy | str, ...]:
    """Return the order that is the reverse of :func:`newest_first`."""
    return F(column).asc(nulls_first=True), "pk"


# What a condition says of a loaded row


def inbox_moment(row: Any) -> datetime | None:
    """Return what the database computes for ``inbox_at`` from the other columns of this row."""
    moment: datetime | None = row.snoozed_until or (row.timestamp if row.done_at is None else None)
    return moment


#: The lookups that conditions of states are made of. Nothing compares with null, as in a database.
LOOKUPS: Mapping[str, Callable[[Any, Any], bool]] = {
    "": operator.eq,
    "in": lambda value, wanted: value in wanted,
    "isnull": lambda value, wanted: (value is None) is wanted,
    "gt": lambda value, wanted: value is not None and value > wanted,
    "lte": lambda value, wanted: value is not None and value <= wanted,
}


def is_true(condition: Q, row: Any, now: datetime) -> bool:
    """Return whether a condition on the columns of one row is true of a loaded one."""
    parts = (is_part_true(part, row, now) for part in condition.children)
    return (all(parts) if condition.connector == Q.AND else any(parts)) is not condition.negated


def is_part_true(part: Any, row: Any, now: datetime) -> bool:
    """Return whether a part of a condition is true of a loaded row: a condition again, or a lookup and a value."""
    if isinstance(part, Q):
        return is_true(part, row, now)
    if isinstance(part, IsSet):
        return bool(getattr(row, part.column))
    path, wanted = part
    column, _, lookup = path.partition("__")
    value = inbox_moment(row) if column == "inbox_at" else getattr(row, column)
    return LOOKUPS[lookup](value, now if isinstance(wanted, CurrentMoment) else wanted)
