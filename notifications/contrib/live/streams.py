"""Who is connected: a recipient, by any number of streams, and how far they have come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import get_script_prefix, get_urlconf, set_script_prefix, set_urlconf
from django.utils import timezone, translation

from notifications.contrib.live.outbox import Outbox
from notifications.contrib.live.sessions import Login
from notifications.contrib.live.wire import Counts, Cursor


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What Django keeps for the thread of a request, and the thread of a hub does not know."""

    language: str | None = None
    zone: Any = None
    #: The path under which the site is, and the urls of the request where they are not ``ROOT_URLCONF``.
    prefix: str = "/"
    urlconf: Any = None

    @classmethod
    def here(cls) -> Surroundings:
        """Return those of this thread."""
        zone = timezone.get_current_timezone() if settings.USE_TZ else None
        return cls(translation.get_language(), zone, get_script_prefix(), get_urlconf())

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let this thread have them for a while."""
        prefix, urlconf = get_script_prefix(), get_urlconf()
        with translation.override(self.language), timezone.override(self.zone):
            set_script_prefix(self.prefix)
            set_urlconf(self.urlconf)
            try:
                yield
            finally:
                set_script_prefix(prefix)
                set_urlconf(urlconf)


@dataclass(slots=True, eq=False)
class Stream:
    """One open stream: whose it is, in which surroundings, and what waits for its browser.

    ``make_request`` returns the request that the urls of objects are made for.
    """

    login: Login
    #: How far the browser had come when it connected: by the id of its last event, or by the time of its page.
    cursor: Cursor | None = None
    surroundings: Surroundings = field(default_factory=Surroundings)
    make_request: Callable[[], Any] = lambda: None
    outbox: Outbox = field(default_factory=Outbox)
    #: Whether it was sent all that it missed, and goes on with what is new.
    is_current: bool = False
    #: The counts that it was sent last. Those of its request may change when those of all rows do not.
    counts: Counts | None = None
    recipient: Recipient | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """How far the streams of a recipient have come: what they know of the inbox after ``since``."""

    since: datetime
    #: The rows that were sent or were there, by their marks, and by when each may be forgotten.
    known: dict[str, datetime]
    #: Those of them that are not in the inbox any more, or came into it before ``since``.
    gone: frozenset[str] = frozenset()
    #: In the place of ``known`` where that would be too many: a number for all rows after ``since``.
    digest: int | None = None


class Recipient:
    """A user who is connected: the streams, and what they have been sent."""

    __slots__ = ("counts", "cursor", "first_uncounted", "key", "pk", "position", "streams")

    def __init__(self, pk: Any) -> None:
        self.pk, self.key = pk, str(pk)
        self.streams: list[Stream] = []
        #: None before the first round.
        self.position: Position | None = None
        self.counts: Counts | None = None
        #: Since when the first unread row beyond the cap of the counts is in the inbox. It moves when they do not.
        self.first_uncounted: datetime | None = None
        self.cursor = ""
