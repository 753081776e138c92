"""The tabs of the inbox: their rows, their order, and their counts, all in one query."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import BigIntegerField, F, IntegerField, QuerySet, Subquery
from django.http import HttpRequest, QueryDict
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _, pgettext_lazy

from notifications.conf import get_notification_model, settings
from notifications.extensions import rows_for
from notifications.inbox.requests import rows_of
from notifications.inbox.saved_searches import SavedSearch, loaded, searches_of
from notifications.inbox.search import Search, containers_of, paths, query_for
from notifications.inbox.snooze import local, local_now
from notifications.objects.fetch import is_numbered
from notifications.storage import counts
from notifications.storage.counts import Count
from notifications.storage.inbox_state import InboxState, has_table
from notifications.storage.notification import AbstractNotification, Rows
from notifications.storage.owners import user_pk
from notifications.storage.states import newest_first, oldest_first

#: Translated here, because humanize is only translated if the site has installed it.
DAYS: Mapping[int, Promise] = {-1: _("Yesterday"), 0: _("Today"), 1: _("Tomorrow")}


def day_of(notification: AbstractNotification, key: str = "timestamp") -> str:
    """Return the day of a row as a heading: "Today", "Yesterday", or its date. ``key`` names the column that counts."""
    moment: datetime = getattr(notification, key)
    day = local(moment).date()
    return str(DAYS.get((day - local_now().date()).days) or date_format(day))


#: The annotations that carry the counts, under names that no column of a site's own model has.
COUNT_PREFIX = "ntf_count_"


@dataclass(frozen=True, slots=True)
class Tab:
    """One list of the inbox."""

    name: str
    title: str | Promise
    #: The queryset method of its rows, and the column by which they are ordered, which is not null for any of them.
    adjective: str
    key: str
    descending: bool
    #: The url of its page, what can be done there with many rows, and what it says when it is empty.
    url_name: str
    actions: tuple[str, ...]
    empty: str | Promise

    def rows(self, rows: Rows, search: Search) -> Rows:
        """Return the rows in this tab that match the search. A search in the inbox may include rows of other tabs."""
        shown: Rows = rows.visible() if self.is_elsewhere(search) else getattr(rows, self.adjective)()
        found: Rows = search.narrow(shown)
        return found

    def order(self, search: Search) -> tuple[str, bool]:
        """Return the column by which the rows are ordered, and whether the order is descending.

        A search beyond the inbox also finds rows without ``inbox_at``, so its results are ordered by ``timestamp``.
        """
        return ("timestamp", True) if self.is_elsewhere(search) else (self.key, self.descending)

    def is_elsewhere(self, search: Search) -> bool:
        """Return whether the search includes rows of other tabs."""
        return self.name == "inbox" and search.is_elsewhere


TABS: Mapping[str, Tab] = {
    tab.name: tab
    for tab in (
        Tab(
            "inbox",
            pgettext_lazy("notifications", "Inbox"),
            "inbox",
            "inbox_at",
            True,
            "all",
            ("done", "save", "snooze", "read", "unread"),
            _("You're all caught up!"),
        ),
        Tab(
            "unread",
            pgettext_lazy("notifications", "Unread"),
            "unread",
            "inbox_at",
            True,
            "unread",
            ("done", "save", "snooze", "read"),
            _("No unread notifications."),
        ),
        Tab(
            "saved",
            pgettext_lazy("notifications", "Saved"),
            "saved",
            "saved_at",
            True,
            "saved",
            ("done", "unsave", "snooze", "read", "unread"),
            _("No saved notifications. Saved notifications are kept until you delete them."),
        ),
        Tab(
            "snoozed",
            pgettext_lazy("notifications", "Snoozed"),
            "snoozed",
            "inbox_at",
            False,
            "snoozed",
            ("unsnooze", "snooze", "done", "save"),
            _("No snoozed notifications. They return to your inbox at the time you chose."),
        ),
        Tab(
            "done",
            pgettext_lazy("notifications", "Done"),
            "done",
            "done_at",
            True,
            "done",
            ("undone", "save", "unread"),
            _("Notifications you mark as done appear here."),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Filter:
    """A search that the inbox offers, and the same in SQL, which counts its rows."""

    query: str
    title: str | Promise
    sql: str


FILTERS: tuple[Filter, ...] = (
    Filter("reason:mention", _("Mentions"), "LOWER(ntf_reason) = 'mention'"),
    Filter("reason:assign", _("Assigned"), "LOWER(ntf_reason) = 'assign'"),
    Filter("reason:review_requested", _("Review requests"), "LOWER(ntf_reason) = 'review_requested'"),
    Filter("reason:author", _("Created by you"), "LOWER(ntf_reason) = 'author'"),
    Filter(
        "-reason:subscribed -reason:manual",
        pgettext_lazy("search", "Participating"),
        "LOWER(ntf_reason) NOT IN ('subscribed', 'manual')",
    ),
    Filter("level:error", _("Errors"), "ntf_level = 'error'"),
)

#: The first rows of a tab, among which the filters are counted, and the base of the number that has their counts: with
#: one digit for each filter and one for all rows, it is less than 2**63.
MAX_FILTERED_ROWS = 500
BASE = MAX_FILTERED_ROWS + 1

#: The most filters by what contains the targets.
MAX_CONTAINERS = 10


def in_order(rows: Any, tab: Tab) -> Any:
    """Return the rows of a tab in its order, for a query of some of their columns."""
    order = (newest_first if tab.descending else oldest_first)(tab.key)
    return rows._without_objects().order_by(*order)


class CountedFilters(Subquery):
    """How many rows of a query match each filter, and how many there are, as the digits of one number.

    A subquery has one value, and one more query for each page would cost more.
    """

    digits = " + ".join(
        f"CASE WHEN {condition} THEN {BASE**place} ELSE 0 END"
        for place, condition in enumerate([*(each.sql for each in FILTERS), "1 = 1"])
    )
    template = f"(SELECT SUM({digits}) FROM (%(subquery)s) ntf_counted)"  # noqa: S608 - our own
    output_field = BigIntegerField()
    empty_result_set_value = 0

    @classmethod
    def of(cls, rows: Any, tab: Tab) -> CountedFilters:
        """Return the number for the first rows of a tab."""
        columns = {"ntf_reason": F("reason"), "ntf_level": F("level")}
        some = in_order(rows, tab).annotate(**columns).values(*columns)
        return cls(some[:MAX_FILTERED_ROWS])


class Counted(Subquery):
    """The number of the rows of a query, which may have a limit."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) ntf_counted)"
    output_field = IntegerField()
    #: An extension may leave no rows.
    empty_result_set_value = 0


def tab_of(data: QueryDict) -> Tab:
    """Return the tab that a query string or a form names, by default the inbox."""
    return TABS.get(data.get("tab", ""), TABS["inbox"])


def with_counts(rows: QuerySet[Any], request: HttpRequest, tab: Tab | None = None) -> QuerySet[Any]:
    """Let each of the rows, of whatever model, carry how many rows each tab has, and how many are unseen.

    None is counted further than one beyond ``BADGE_CAP``, and all of it once for the query. They also carry the last
    row that has arrived, of whomever, if rows are numbered, the saved searches of the user, and with a tab the counts
    of the filters in it.
    """
    cap = settings.BADGE_CAP
    counted = counted_rows_of(request)
    numbers: dict[str, Any] = {
        f"{COUNT_PREFIX}{name}": Counted(
            (some.order_by() if cap is None else some.order_by()[: cap + 1]).values("pk")
        )
        for name, some in counted.items()
    }
    model = get_notification_model()
    if is_numbered(model):
        newest = model._base_manager.order_by("-pk").values("pk")[:1]
        numbers[f"{COUNT_PREFIX}newest"] = Subquery(newest)
    if has_table():
        state = InboxState._default_manager.filter(pk=user_pk(request.user))
        numbers[f"{COUNT_PREFIX}searches"] = Subquery(state.values("searches")[:1])
    if tab:
        numbers[f"{COUNT_PREFIX}filters"] = CountedFilters.of(counted[tab.name], tab)
    annotated: QuerySet[Any] = rows.annotate(**numbers)
    return annotated


def counted_rows_of(request: HttpRequest) -> dict[str, QuerySet[Any]]:
    """Return the rows that are counted: those of each tab, and those that are unseen."""
    shown = rows_of(request)
    unseen = rows_for(request, counts.unseen(request.user))
    return {**{name: getattr(shown, tab.adjective)() for name, tab in TABS.items()}, "unseen": unseen}


def newest_of(rows: Any) -> int | None:
    """Return the last row that had arrived when the rows were read, if they carry it."""
    newest: int | None = getattr(rows[0], f"{COUNT_PREFIX}newest", None) if rows else None
    return newest


def carrier_of(rows: Any, request: HttpRequest, tab: Tab | None = None) -> Any:
    """Return what carries the counts: the first row, or else the user, for one query; None in another database."""
    carrier = rows[0] if rows else None
    if not hasattr(carrier, f"{COUNT_PREFIX}unseen"):
        user: Any = request.user
        users = get_user_model()._base_manager.using(user.notifications.all().db)
        carrier = with_counts(users.filter(pk=user_pk(user)), request, tab).first()
    return carrier


def counts_on(carrier: Any, request: HttpRequest) -> dict[str, Count]:
    """Return the counts that :func:`carrier_of` carries."""
    if carrier is None:
        # The users are in another database than the rows.
        return {name: Count(counts.capped(some)) for name, some in counted_rows_of(request).items()}
    return {name: Count(getattr(carrier, f"{COUNT_PREFIX}{name}")) for name in (*TABS, "unseen")}


def filters_on(carrier: Any) -> dict[str, str]:
    """Return the counts of the filters that :func:`carrier_of` carries, by their searches: "3", "99+" or "".

    In a tab with more than 500 rows the first of them are counted: "3+".
    """
    number = int(getattr(carrier, f"{COUNT_PREFIX}filters", None) or 0)
    *found, total = (number // BASE**place % BASE for place in range(len(FILTERS) + 1))
    return {
        each.query: count_text(count, is_cut=total == MAX_FILTERED_ROWS) if count else ""
        for each, count in zip(FILTERS, found, strict=True)
    }


def containers_in(request: HttpRequest, tab: Tab) -> dict[str, tuple[str, str]]:
    """Return what contains the targets of the first rows of a tab: the name and the count of each, by its search.

    The ten with most rows come first. The counts are as in :func:`filters_on`. Costs a query if there can be any.
    """
    known = paths()
    if not known:
        return {}
    rows = in_order(getattr(rows_of(request), tab.adjective)(), tab)
    names = containers_of(rows[:MAX_FILTERED_ROWS], known, request.user)
    counted = Counter(name for name in names if name and query_for(name)).most_common(MAX_CONTAINERS)
    is_cut = len(names) == MAX_FILTERED_ROWS
    return {query_for(name): (name, count_text(count, is_cut=is_cut)) for name, count in counted}


def count_text(count: int, *, is_cut: bool) -> str:
    """Return a count for a filter: "3", "99+", or "3+" if not all rows of the tab were counted."""
    text = str(Count(count))
    return f"{text.removesuffix('+')}+" if is_cut else text


def searches_on(carrier: Any, request: HttpRequest) -> list[SavedSearch]:
    """Return the saved searches of the user that :func:`carrier_of` carries."""
    if carrier is None:
        return searches_of(request.user)
    return loaded(getattr(carrier, f"{COUNT_PREFIX}searches", None))
