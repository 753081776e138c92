"""Who is connected: a recipient, by any number of streams, and how far each of them has come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from notifications.contrib.live.outbox import Outbox
from notifications.contrib.live.sessions import Login
from notifications.contrib.live.wire import Cursor


@dataclass(slots=True, eq=False)
class Stream:
    """One open stream: whose it is, in which language, what waits for its browser, and how far that has come.

    ``make_request`` returns the request that the urls of objects are made for.
    """

    login: Login
    #: Where the browser is until the first round, and again after it was too slow.
    cursor: Cursor | None = None
    language: str | None = None
    make_request: Callable[[], Any] = lambda: None
    outbox: Outbox = field(default_factory=Outbox)
    #: Whether it was sent all that it missed, and goes on with what is new.
    is_current: bool = False
    recipient: Recipient | None = None


class Recipient:
    """A user who is connected: the streams, and what they have been sent."""

    __slots__ = ("counts", "cursor", "first", "key", "known", "pk", "since", "streams")

    def __init__(self, pk: Any) -> None:
        self.pk, self.key = pk, str(pk)
        self.streams: list[Stream] = []
        #: The rows that came after ``first``, by their marks: those that are new are sent, and none is sent twice.
        self.known: dict[str, datetime] = {}
        #: From when on rows were looked at, the first time and the last; None before the first round.
        self.first: datetime | None = None
        self.since: datetime | None = None
        self.counts: tuple[int, int] | None = None
        self.cursor = ""
