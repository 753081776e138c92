"""What the database says of one inbox, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple


class InboxRow(NamedTuple):
    """A row as it stands in the inbox: which one it is, and since when it is there."""

    pk: Any
    inbox_at: datetime


@dataclass(slots=True)
class Snapshot:
    """What one recipient has: the two counts of the bell, and the latest rows of the inbox, by their marks."""

    unread: int = 0
    unseen: int = 0
    rows: dict[str, InboxRow] = field(default_factory=dict)
