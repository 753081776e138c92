"""What the database says of one inbox, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from notifications.contrib.live.wire import Counts


class InboxRow(NamedTuple):
    """A row as it stands in the inbox: which one it is, and since when it is there."""

    pk: Any
    inbox_at: datetime


class EventRow(NamedTuple):
    """The row of an event in one inbox, and what the counts of that inbox are."""

    event: UUID
    recipient_pk: Any
    row: InboxRow
    counts: Counts


@dataclass(slots=True)
class Snapshot:
    """What one recipient has: the counts of the bell, and the latest rows of the inbox, by their marks."""

    counts: Counts = Counts(0, 0)  # noqa: RUF009 - a NamedTuple never changes
    #: Since when the first unread row beyond the cap is in the inbox; None where there is none.
    first_uncounted: datetime | None = None
    rows: dict[str, InboxRow] = field(default_factory=dict)
