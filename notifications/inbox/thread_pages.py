"""The pages of a list in which the rows about one target are one entry, in the place of the first of them.

A page of 20 reads a few columns of the first :data:`MAX_READ_ROWS` rows. Where these are not all, one more query counts
the rows of its threads among the first rows, or, where one long thread comes first, reads what comes after it. The last
query loads the rows that are shown. No index is needed for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.core.paginator import Paginator
from django.db.models import (
    BooleanField,
    Case,
    F,
    Func,
    Q,
    Subquery,
    TextField,
    Value,
    When,
    Window,
)
from django.db.models.functions import RowNumber
from django.http import Http404, HttpRequest
from django.utils.functional import SimpleLazyObject

from notifications.inbox import pagination
from notifications.inbox.matching import fields_of_results
from notifications.inbox.pagination import Edge, Page, beyond, edge_of, page_number
from notifications.inbox.tabs import Tab, newest_of, with_counts
from notifications.inbox.thread_counts import (
    HAS_TARGET,
    SAID,
    Entry,
    Numbers,
    Read,
    any_of,
    count,
    numbers_of,
)
from notifications.inbox.threads import TARGET, Shown, key_of_target, target_of
from notifications.objects.fetch import is_numbered
from notifications.objects.keys import attach_objects
from notifications.presentation.threads import ATTRIBUTE, Thread
from notifications.storage.notification import Rows
from notifications.storage.states import UNREAD, key_text, newest_first, oldest_first

#: The rows that are read at once for a page of up to 20 entries; five for each entry of a longer page.
MAX_READ_ROWS = 100


class ThreadPage(Page):
    """A page of threads: of each the first row. ``keys`` are the primary keys of all rows, if they are all known."""

    keys: Sequence[Any] | None = None
    unread_keys: Sequence[Any] = ()


def page_of(
    request: HttpRequest,
    rows: Any,
    size: int,
    query: Mapping[str, str],
    *,
    key: str,
    descending: bool,
    with_threads: bool,
    tab: Tab | None = None,
) -> Page:
    """Return a page of threads or of rows, whose first row carries the counts of the tabs and of the filters."""
    if with_threads:
        return get_page(
            rows,
            size,
            query,
            key=key,
            descending=descending,
            counted=lambda some: with_counts(some, request, tab),
        )
    return pagination.get_page(with_counts(rows, request, tab), size, query, key=key, descending=descending)


def results_of(page: Any, rows: Sequence[Any], tab: str, query: str, *, is_whole: bool) -> dict[str, Any]:
    """Return ``total``, the number of all results, and the fields of the form that name them.

    They are known of a page of threads that says so, and of another page if ``is_whole`` says that it shows all.
    """
    keys: Sequence[Any] | None = None
    unread: Sequence[Any] = ()
    if isinstance(page, ThreadPage):
        keys, unread = page.keys, page.unread_keys
    elif is_whole:
        keys, unread = [row.pk for row in rows], [row.pk for row in rows if UNREAD.holds(row)]
    fields = fields_of_results(keys, unread, rows, tab=tab, query=query, newest=newest_of(rows))
    return {"total": None if keys is None else len(keys), **fields}


def get_page(
    rows: Rows,
    size: int,
    query: Mapping[str, str],
    *,
    key: str,
    descending: bool,
    counted: Callable[[Any], Any],
) -> ThreadPage:
    """Return the page of threads of ``rows`` given by the query string, as ``pagination.get_page`` returns rows.

    ``counted`` adds the counts of the tabs to a queryset. Costs at most three queries, and those of the objects.
    """
    pages = ThreadPages(rows, size, key=key, descending=descending, counted=counted)
    before = edge_of(query.get("before", ""), rows.model, rows.db)
    after = edge_of(query.get("after", ""), rows.model, rows.db)
    page = (before and pages.onwards(before)) or (after and pages.back(after))
    if page:
        return page
    number = 1 if before or after else page_number(query.get("page", ""), pages.paginator)
    page = pages.numbered(number) if number > 1 else pages.onwards(None)
    if page is None:
        if number > 1:
            raise Http404
        page = ThreadPage([], 1, pages.paginator, key=key, newer=False, older=False)
        page.keys = []
    return page


class ThreadPages:
    """The pages of threads of some rows, in the order of the column ``key``."""

    def __init__(
        self, rows: Rows, size: int, *, key: str, descending: bool, counted: Callable[[Any], Any]
    ) -> None:
        self.rows, self.size, self.key, self.descending = rows.order_by(), size, key, descending
        orders = newest_first(key), oldest_first(key)
        self.order, self.reverse = orders if descending else orders[::-1]
        self.behind, self.ahead = ("lt", "gt") if descending else ("gt", "lt")
        self.counted = counted
        self.viewer = rows._viewer
        # Only the number of pages needs it, and few ask for that.
        self.paginator: Paginator[Any] = Paginator(SimpleLazyObject(self.first_rows), size)

    # The pages

    def onwards(self, edge: Edge | None) -> ThreadPage | None:
        """Return the page after an edge, or the first one; None if there is nothing."""
        most = max(MAX_READ_ROWS, 5 * self.size)
        region = self.rows if edge is None else self.after_edge(edge)
        read = self.read(region, most)
        groups, is_whole, is_all = grouped(read), len(read) < most, True
        numbers = {entry: numbers_of(some, is_exact=is_whole) for entry, some in groups.items()}
        found: list[Entry] = []
        if not groups:
            return None
        if not is_whole and len(groups) > self.size:
            numbers |= self.count_in(region, list(groups)[: self.size])[0]
        elif not is_whole and max(map(len, groups.values())) > 0.9 * most and is_numbered(self.rows.model):
            # Where keys are no numbers, only an exact number tells whether rows have come since.
            rest = self.read(region.exclude(any_of(groups)), most)
            is_all = len(rest) < most
            others = grouped(rest)
            groups |= others
            numbers |= {entry: numbers_of(some, is_exact=is_all) for entry, some in others.items()}
        elif not is_whole:
            counted, is_all = self.count_in(region)
            found = [entry for entry in counted if entry not in groups]
            numbers |= counted
        firsts = self.load(region, groups, found)
        page = self.page(
            firsts,
            numbers,
            {entry: second_of(some) for entry, some in groups.items()},
            number=1 if edge is None else None,
            newer=edge is not None,
            older=len(firsts) > self.size or not is_all,
        )
        if is_whole and not page.has_other_pages():
            page.keys = [row.pk for row in read]
            page.unread_keys = [row.pk for row in read if row.unread]
        return page

    def back(self, edge: Edge) -> ThreadPage | None:
        """Return the page before an edge, or None if that is the first one."""
        ahead = self.rows.filter(beyond(self.key, self.ahead, edge))
        found = list(self.counted(self.first_rows(ahead)).order_by(*self.reverse)[: self.size + 1])
        if len(found) < self.size:
            return None
        return self.of_first(found[: self.size][::-1], None, newer=len(found) > self.size, older=True)

    def numbered(self, number: int) -> ThreadPage | None:
        """Return a page by its number, or None if there is none."""
        start = (number - 1) * self.size
        found = list(self.counted(self.first_rows())[start : start + self.size + 1])
        return self.of_first(found, number, newer=True, older=len(found) > self.size) if found else None

    def of_first(self, found: list[Any], number: int | None, *, newer: bool, older: bool) -> ThreadPage:
        """Return the page of these first rows."""
        edge: Edge = getattr(found[0], self.key), found[0].pk
        region = self.rows.filter(beyond(self.key, f"{self.behind}e", edge))
        firsts = {target_of(row) or row.pk: row for row in found}
        numbers, _ = self.count_in(region, list(firsts)[: self.size])
        return self.page(firsts, numbers, {}, number=number, newer=newer, older=older)

    def page(
        self,
        firsts: Mapping[Entry, Any],
        numbers: Mapping[Entry, Numbers],
        seconds: Mapping[Entry, Any],
        *,
        number: int | None,
        newer: bool,
        older: bool,
    ) -> ThreadPage:
        """Return the page of these first rows, each with its thread and its objects."""
        entries = list(firsts.items())[: self.size]
        rows = [row for _, row in entries]
        threads = [self.thread(entry, row, numbers.get(entry)) for entry, row in entries]
        wanted = {
            entry: seconds[entry]
            for (entry, _), thread in zip(entries, threads, strict=True)
            if thread and thread.people == 2 and seconds.get(entry) is not None
        }
        by_key = self.rows._without_objects().in_bulk(list(wanted.values())) if wanted else {}
        for (entry, row), thread in zip(entries, threads, strict=True):
            if thread:
                thread.second = by_key.get(wanted.get(entry))
                vars(row)[ATTRIBUTE] = thread
        attach_objects([*rows, *by_key.values()], viewer=self.viewer)
        return ThreadPage(rows, number, self.paginator, key=self.key, newer=newer, older=older)

    def thread(self, entry: Entry, row: Any, numbers: Numbers | None) -> Thread | None:
        """Return the thread of a first row, or None if the row stands alone."""
        if not isinstance(entry, tuple) or numbers is None or (numbers.count == 1 and numbers.is_exact):
            return None
        count = numbers.count if numbers.is_exact else None
        return Thread(
            key=key_of_target(entry),
            value=Shown(entry, count, numbers.newest, getattr(row, self.key)).dumps(),
            count=numbers.count,
            unread=numbers.unread,
            is_exact=numbers.is_exact,
            people=numbers.people,
            reason=numbers.reason or row.reason,
        )

    # The rows

    def read(self, rows: Rows, most: int) -> list[Read]:
        """Return the columns of the first of these rows that threads are made of."""
        is_new = Case(When(UNREAD.condition(), then=1), default=0)
        some = rows._without_objects().annotate(ntf_unread=is_new).order_by(*self.order)
        found = some.values_list("pk", *TARGET, "ntf_unread", "reason", *SAID)[:most]
        return [
            Read(pk, content_type_id, object_id, unread, reason, tuple(said))
            for pk, content_type_id, object_id, unread, reason, *said in found
        ]

    def load(
        self, region: Rows, groups: Mapping[Entry, Sequence[Read]], found: Sequence[Entry]
    ) -> dict[Entry, Any]:
        """Return the first row of each entry, in the order of the list, with the counts of the tabs.

        Of the entries that were only ``found`` by counting, which come after the others, the database looks for the
        first rows. Besides their keys there is no condition, which would lead MariaDB through the whole list.
        """
        first = [some[0].pk for some in list(groups.values())[: self.size + 1]]
        wanted = Q(pk__in=first)
        if found:
            wanted |= Q(pk__in=self.first_rows(region.filter(any_of(found))).order_by().values("pk"))
        model = self.rows.model
        loaded = {
            row.pk: row for row in self.counted(type(self.rows)(model, using=self.rows.db).filter(wanted))
        }
        rows = [loaded.pop(pk) for pk in first if pk in loaded]
        rows += sorted(
            loaded.values(), key=lambda row: (getattr(row, self.key), row.pk), reverse=self.descending
        )
        return {target_of(row) or row.pk: row for row in rows[: self.size + 1]}

    def after_edge(self, edge: Edge) -> Rows:
        """Return the rows after an edge whose threads have none before it."""
        ahead = self.rows.filter(beyond(self.key, f"{self.ahead}e", edge), HAS_TARGET)
        # Django asks each expression for a type; a row of two columns has none of its own.
        targets = Subquery(ahead.values(*TARGET), output_field=TextField())
        is_shown = IsAmong(*map(F, TARGET), targets)
        return self.rows.filter(beyond(self.key, self.behind, edge), ~HAS_TARGET | ~Q(is_shown))

    def first_rows(self, rows: Rows | None = None) -> Any:
        """Return the first row of each thread in its place. The database reads all rows."""
        alone = Case(When(HAS_TARGET, then=Value("")), default=key_text(), output_field=TextField())
        place = Window(RowNumber(), partition_by=[F(TARGET[0]), F(TARGET[1]), alone], order_by=self.order)
        rows = (self.rows if rows is None else rows)._without_objects()
        return rows.annotate(ntf_place=place).filter(ntf_place=1).order_by(*self.order)

    def count_in(
        self, region: Rows, entries: Iterable[Entry] | None = None
    ) -> tuple[dict[Entry, Numbers], bool]:
        """Count the rows of these threads, or of all: see :func:`~notifications.inbox.thread_counts.count`."""
        return count(region, entries, key=self.key, descending=self.descending)


class IsAmong(Func):
    """Whether two columns are among those of a subquery, which the database reads once."""

    output_field = BooleanField()

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        """Return the comparison with a row value."""
        (first, one), (second, two), (rows, three) = map(compiler.compile, self.source_expressions)
        return f"({first}, {second}) IN {rows}", (*one, *two, *three)


def grouped(rows: Iterable[Read]) -> dict[Entry, list[Read]]:
    """Return the rows of each entry, the entries in the order of their first rows."""
    groups: dict[Entry, list[Read]] = {}
    for row in rows:
        groups.setdefault(row.entry, []).append(row)
    return groups


def second_of(rows: Sequence[Read]) -> Any:
    """Return the primary key of the first row of another actor than that of the first, or None."""
    actor = rows[0].said[2]
    return next((row.pk for row in rows if row.said[2] != actor), None)
