"""What names a thread in a URL and in a form, and which rows it has: those of one recipient about one target."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpRequest

from notifications.conf import settings
from notifications.inbox.pagination import is_moment
from notifications.storage.expressions import moment_of
from notifications.storage.notification import AbstractNotification, Rows

#: The longest key of a thread in a URL, and the longest value in a form. The id of an object has 255 characters.
MAX_ENCODED = 4_000

#: What the value of a thread in a form begins with; no slug has a colon.
PREFIX = "thread:"

#: The target of a row as it is stored: the id of its content type and its primary key as text.
TARGET = ("target_content_type_id", "target_object_id")


def is_on(request: HttpRequest) -> bool:
    """Return whether a page shows threads: ``?threads=1`` or ``0``, otherwise the setting ``THREADS``.

    A page with the rows of one thread shows these.
    """
    asked = request.GET.get("threads", "")
    return not request.GET.get("thread") and (asked == "1" or (asked != "0" and settings.THREADS))


def page_query(request: HttpRequest) -> str:
    """Return what the links to the other pages of a list repeat, such as "q=is%3Aunread&", or an empty text."""
    kept = {name: text for name in ("q", "threads", "thread") if (text := request.GET.get(name))}
    return f"{urlencode(kept)}&" if kept else ""


def target_of(row: AbstractNotification) -> tuple[int, str] | None:
    """Return the target of a row as it is stored, or None if it has none, so that the row stands alone."""
    content_type_id, object_id = (getattr(row, name) for name in TARGET)
    return None if content_type_id is None or object_id in (None, "") else (content_type_id, object_id)


def encode(*parts: object) -> str:
    """Return texts without spaces, but for the last one, as one text for a URL."""
    return urlsafe_b64encode(" ".join(map(str, parts)).encode()).decode().rstrip("=")


def decode(text: str, number: int) -> Sequence[str]:
    """Return the parts of a text that :func:`encode` made of so many. Raise ValueError if it did not."""
    if len(text) > MAX_ENCODED:
        raise ValueError(text)
    parts = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().split(" ", number - 1)
    if len(parts) != number or "\0" in parts[-1]:
        raise ValueError(text)
    return parts


def natural(text: str) -> int:
    """Return a number of at most 18 digits. Raise ValueError for another text."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ValueError(text)
    return int(text)


def key_of_target(target: tuple[int, str]) -> str:
    """Return what names a thread in a URL."""
    return encode(*target)


def of_key(rows: Rows, key: str) -> Rows:
    """Return those of the rows that are in the thread with this key; none for an invalid key."""
    try:
        content_type_id, object_id = decode(key, 2)
        return rows.filter(condition((natural(content_type_id), object_id)))
    except ValueError:
        return rows.none()


def condition(target: tuple[int, str]) -> Q:
    """Return the condition for the rows about a target."""
    return Q(**dict(zip(TARGET, target, strict=True)))


@dataclass(frozen=True, slots=True)
class Shown:
    """The rows of a thread as a page showed them: no row that came since is one of them."""

    target: tuple[int, str]
    #: How many rows there were; None if they were not counted.
    count: int | None
    #: The greatest primary key of its rows; None if these are no numbers.
    newest: int | None
    #: When the first row of the thread got its place in the list.
    moment: datetime

    def dumps(self) -> str:
        """Return the value for a form."""
        count, newest = ("-" if number is None else number for number in (self.count, self.newest))
        content_type_id, object_id = self.target
        return PREFIX + encode(content_type_id, count, newest, self.moment.isoformat(), object_id)

    @classmethod
    def loads(cls, value: str, using: str) -> Shown | None:
        """Return what a form sent back, or None for a text that no page has."""
        try:
            content_type_id, count, newest, text, object_id = decode(value.removeprefix(PREFIX), 5)
            moment = moment_of(text)
            if not value.startswith(PREFIX) or moment is None or not is_moment(moment, using):
                return None
            counted, arrived = (None if part == "-" else natural(part) for part in (count, newest))
            return cls((natural(content_type_id), object_id), counted, arrived, moment)
        except ValueError:
            return None

    def condition(self, *, key: str, descending: bool) -> Q:
        """Return the condition for these rows in a list that is ordered by the column ``key``."""
        found = condition(self.target)
        if self.newest is not None:
            found &= Q(pk__lte=self.newest)
        if descending:
            found &= Q(**{f"{key}__lte": self.moment})
        return found


def shown_in(values: Sequence[str], using: str) -> list[Shown]:
    """Return the threads among the values of a form."""
    threads = (Shown.loads(value, using) for value in values if value.startswith(PREFIX))
    return [thread for thread in threads if thread is not None]


def most_rows(threads: Sequence[Shown]) -> int | None:
    """Return how many rows the threads had when they were shown, or None if that was not counted."""
    counts = [thread.count for thread in threads]
    return None if None in counts else sum(count or 0 for count in counts)
