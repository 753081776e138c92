"""Keyset pagination: all pages have the same cost, and the rows are only counted if a template needs the count.

A page is given by the row at its edge: ``?before=<cursor>`` returns the rows after that row in the order of the list,
which are older if the latest rows come first. ``?after=<cursor>`` returns the rows ahead of it. ``?page=N`` still works
for old links, at the cost of an offset.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from django.core import paginator
from django.db import connections
from django.db.models import Q, QuerySet
from django.http import Http404
from django.utils import timezone

from notifications.objects.fetch import primary_key
from notifications.storage.expressions import moment_of
from notifications.storage.notification import AbstractNotification
from notifications.storage.states import newest_first, oldest_first

#: The row at the edge of a page: its time in the order of the list, and its primary key.
Edge: TypeAlias = tuple[datetime, Any]


def cursor_of(row: AbstractNotification, *, key: str = "inbox_at") -> str:
    """Return the cursor of this row for a URL, in a list that is ordered by the column ``key``."""
    moment: datetime = getattr(row, key)
    return urlsafe_b64encode(f"{moment.isoformat()} {row.pk}".encode()).decode().rstrip("=")


def edge_of(cursor: str, model: Any, using: str) -> Edge | None:
    """Return the edge of a cursor in this database, or None for an invalid cursor."""
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        moment, _, key = text.partition(" ")
        timestamp = moment_of(moment)
    except ValueError:
        return None
    if timestamp is None or not is_moment(timestamp, using):
        return None
    pk = primary_key(model, key, using)
    return None if pk is None else (timestamp, pk)


def is_moment(moment: datetime, using: str) -> bool:
    """Return whether the times in a database can be compared with this one."""
    if timezone.is_aware(moment) != timezone.is_aware(timezone.now()):
        return False
    zone = connections[using].timezone
    try:
        # At the ends of the calendar, a time may not exist in the time zone of the database.
        return zone is None or bool(moment.astimezone(zone))
    except OverflowError:
        return False


class Page(paginator.Page[Any]):
    """A page that has links to its neighbours without a count. ``number`` is None if it was requested by a cursor."""

    def __init__(
        self, rows: Sequence[Any], number: int | None, pages: Any, *, key: str, newer: bool, older: bool
    ) -> None:
        super().__init__(rows, number, pages)  # type: ignore[arg-type]
        self.key, self.newer, self.older = key, newer, older

    def has_next(self) -> bool:
        """Return whether there are older rows."""
        return self.older

    def has_previous(self) -> bool:
        """Return whether there are newer rows."""
        return self.newer

    def next_page_number(self) -> Any:
        """Return the number of the page with older rows, None if this page has no number."""
        return self.number and self.number + 1

    def previous_page_number(self) -> Any:
        """Return the number of the page with newer rows, None if this page has no number."""
        return self.number and self.number - 1

    @property
    def before(self) -> str:
        """Return the cursor for older rows, or an empty string if there are none."""
        return cursor_of(self.object_list[len(self.object_list) - 1], key=self.key) if self.older else ""

    @property
    def after(self) -> str:
        """Return the cursor for newer rows, or an empty string if there are none."""
        return cursor_of(self.object_list[0], key=self.key) if self.newer and len(self.object_list) else ""


def get_page(
    rows: QuerySet[Any],
    size: int,
    query: Mapping[str, str],
    *,
    key: str = "inbox_at",
    descending: bool = True,
) -> Page:
    """Return the page of ``rows`` given by the query string, in the order of the column ``key``, a date and time.

    Rows where the column is null are only on numbered pages: a cursor never reaches them.

    ``query`` can have a cursor as ``before`` or ``after``, or a page number as ``page``. An invalid cursor returns the
    first page. Raise Http404 for a page number that does not exist. Costs one query.
    """
    onwards, back = ("lt", "gt") if descending else ("gt", "lt")
    orders = newest_first(key), oldest_first(key)
    first, last = orders if descending else orders[::-1]
    ordered: Any = rows.order_by(*first)
    pages: paginator.Paginator[Any] = paginator.Paginator(ordered, size)
    before = edge_of(query.get("before", ""), rows.model, rows.db)
    if before:
        found = list(ordered.filter(beyond(key, onwards, before))[: size + 1])
        if found:
            return Page(found[:size], None, pages, key=key, newer=True, older=len(found) > size)
    after = edge_of(query.get("after", ""), rows.model, rows.db)
    if after:
        found = list(rows.filter(beyond(key, back, after)).order_by(*last)[: size + 1])
        # Fewer rows ahead than a page holds: that is the first page, and it is shown full.
        if len(found) >= size:
            return Page(found[:size][::-1], None, pages, key=key, newer=len(found) > size, older=True)
    number = 1 if before or after else page_number(query.get("page", ""), pages)
    found = list(ordered[(number - 1) * size : number * size + 1])
    if number > 1 and not found:
        raise Http404
    return Page(found[:size], number, pages, key=key, newer=number > 1, older=len(found) > size)


def beyond(key: str, comparison: str, edge: Edge) -> Q:
    """Return the condition for the rows on one side of an edge, led by what an index that begins so can use.

    It is a range, because the list has bounds of its own: of two bounds at one end SQLite looks up the first that was
    named, and of a range that of the range. ``comparison`` is "lt" or "gt", or "lte" or "gte" with the edge itself.
    """
    moment, pk = edge
    strictly = Q(**{f"{key}__{comparison[:2]}": moment}) | Q(**{f"pk__{comparison}": pk})
    first, last = moment.replace(year=1, month=1, day=2), moment.replace(year=9999, month=12, day=30)
    ends = (min(first, moment), moment) if comparison[:2] == "lt" else (moment, max(last, moment))
    return Q(**{f"{key}__range": ends}) & strictly


def page_number(text: str, pages: paginator.Paginator[Any]) -> int:
    """Return the page number, 1 by default. Raise Http404 for an invalid one."""
    if text == "last":
        return pages.num_pages
    if not text:
        return 1
    # Ten thousand million pages are more than a database can count in its offset.
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text)):
        raise Http404
    return int(text)
