"""Keyset pages: page 4,000 costs what page 1 costs, and nobody counts the rows unless a template asks.

A page is named by the row at its edge: ``?before=<cursor>`` shows what is older, ``?after=<cursor>`` what is newer.
``?page=N`` still answers for old links, and costs what an offset costs.
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
from django.utils.dateparse import parse_datetime

from notifications.generic import primary_key
from notifications.models import AbstractNotification

#: The row at the edge of a page: when it happened, and its primary key.
Edge: TypeAlias = tuple[datetime, Any]


def cursor_of(row: AbstractNotification) -> str:
    """Return the cursor that names this row in a url."""
    return urlsafe_b64encode(f"{row.timestamp.isoformat()} {row.pk}".encode()).decode().rstrip("=")


def edge_of(cursor: str, model: Any, using: str) -> Edge | None:
    """Return what a cursor names in this database, or None for one that we did not make."""
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        moment, _, key = text.partition(" ")
        timestamp = parse_datetime(moment)
        if timestamp is None or timezone.is_aware(timestamp) != timezone.is_aware(timezone.now()):
            return None
        if zone := connections[using].timezone:
            # At the ends of the calendar a moment may have no name in the zone of the database.
            timestamp.astimezone(zone)
    except (ValueError, OverflowError):
        return None
    pk = primary_key(model, key, using)
    return None if pk is None else (timestamp, pk)


class Page(paginator.Page[Any]):
    """A page that knows its neighbours without a count. ``number`` is None where only a cursor names it."""

    def __init__(
        self, rows: Sequence[Any], number: int | None, pages: Any, *, newer: bool, older: bool
    ) -> None:
        super().__init__(rows, number, pages)  # type: ignore[arg-type]
        self.newer, self.older = newer, older

    def has_next(self) -> bool:
        """Tell whether there are older rows."""
        return self.older

    def has_previous(self) -> bool:
        """Tell whether there are newer rows."""
        return self.newer

    def next_page_number(self) -> Any:
        """Return the number of the page with older rows, None where this one has no number."""
        return self.number and self.number + 1

    def previous_page_number(self) -> Any:
        """Return the number of the page with newer rows, None where this one has no number."""
        return self.number and self.number - 1

    @property
    def before(self) -> str:
        """Return the cursor for the rows older than these, or an empty text when there are none."""
        return cursor_of(self.object_list[len(self.object_list) - 1]) if self.older else ""

    @property
    def after(self) -> str:
        """Return the cursor for the rows newer than these, or an empty text when there are none."""
        return cursor_of(self.object_list[0]) if self.newer and len(self.object_list) else ""


def get_page(rows: QuerySet[Any], size: int, query: Mapping[str, str]) -> Page:
    """Return the page of ``rows``, ordered as the inbox is, that the query of a url names.

    ``query`` may hold ``before`` or ``after``, a cursor, or ``page``, a number. A cursor that we did not make is the
    first page. Raise Http404 for a page number that does not exist. Costs one query.
    """
    newest: Any = rows.order_by("-timestamp", "-pk")
    pages: paginator.Paginator[Any] = paginator.Paginator(newest, size)
    before = edge_of(query.get("before", ""), rows.model, rows.db)
    if before:
        found = list(newest.filter(beyond("lt", before))[: size + 1])
        if found:
            return Page(found[:size], None, pages, newer=True, older=len(found) > size)
    after = edge_of(query.get("after", ""), rows.model, rows.db)
    if after:
        found = list(rows.filter(beyond("gt", after)).order_by("timestamp", "pk")[: size + 1])
        # Fewer newer rows than a page holds: that is the first page, and it is shown full.
        if len(found) >= size:
            return Page(found[:size][::-1], None, pages, newer=len(found) > size, older=True)
    number = 1 if before or after else page_number(query.get("page", ""), pages)
    found = list(newest[(number - 1) * size : number * size + 1])
    if number > 1 and not found:
        raise Http404
    return Page(found[:size], number, pages, newer=number > 1, older=len(found) > size)


def beyond(comparison: str, edge: Edge) -> Q:
    """Return the condition for the rows on one side of an edge, led by what the index of the inbox can use."""
    timestamp, pk = edge
    strictly = Q(**{f"timestamp__{comparison}": timestamp}) | Q(**{f"pk__{comparison}": pk})
    return Q(**{f"timestamp__{comparison}e": timestamp}) & strictly


def page_number(text: str, pages: paginator.Paginator[Any]) -> int:
    """Return the number of a page, 1 where nothing is said. Raise Http404 for what cannot be one."""
    if text == "last":
        return pages.num_pages
    if not text:
        return 1
    # Ten thousand million pages are more than a database can count in its offset.
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text)):
        raise Http404
    return int(text)
