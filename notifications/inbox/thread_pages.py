"""The pages of a list in which the rows about one target are one entry, in the place of the first of them.

A page of 20 reads a few columns of the first :data:`MAX_READ_ROWS` rows. Where these are not all, one more query counts
the rows of its threads among the first :data:`MAX_COUNTED_ROWS`, or, where one long thread comes first, reads what
comes after it. The last query loads the rows that are shown. No index is needed for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.db import connections
from django.db.models import (
    BooleanField,
    Case,
    F,
    Func,
    IntegerField,
    Q,
    Subquery,
    TextField,
    Value,
    When,
    Window,
)
from django.db.models.functions import Concat, RowNumber, StrIndex
from django.http import Http404
from django.utils.functional import SimpleLazyObject

from notifications.inbox.matching import matching_of_keys
from notifications.inbox.pagination import Edge, Page, beyond, edge_of, page_number
from notifications.inbox.threads import TARGET, Shown, key_of_target, target_of
from notifications.objects.fetch import is_numbered, primary_key
from notifications.objects.keys import attach_objects
from notifications.presentation.threads import ATTRIBUTE, Thread
from notifications.storage.notification import Rows
from notifications.storage.reasons import Reason, strongest
from notifications.storage.states import UNREAD, key_text, newest_first, oldest_first

#: The rows that are read at once for a page of up to 20 entries; five for each entry of a longer page.
MAX_READ_ROWS = 100

#: The rows of a list that are counted for the threads of a page.
MAX_COUNTED_ROWS = 1_000

#: What must be the same in all rows for one sentence, and the actor: columns.
SAID = (
    "verb",
    "actor_content_type_id",
    "actor_object_id",
    "action_object_object_id",
    "action_object_content_type_id",
)
#: The place of a reason in this text is its strength.
RANKS = f",{','.join(Reason.values)},"

#: Of each thread: its place, its numbers, its actors, and the least, the greatest and the number of the other columns.
COUNT_SQL = (
    "SELECT ntf_type, ntf_target, ntf_alone, {edge}(ntf_key), COUNT(*), MAX(ntf_pk), SUM(ntf_unread), MAX(ntf_rank), "
    "COUNT(DISTINCT ntf_2), MIN(ntf_0), MAX(ntf_0), COUNT(ntf_0), MIN(ntf_1), MAX(ntf_1), COUNT(ntf_1), "
    "MIN(ntf_3), MAX(ntf_3), COUNT(ntf_3), MIN(ntf_4), MAX(ntf_4), COUNT(ntf_4) "
    "FROM ({rows}) ntf_counted GROUP BY ntf_type, ntf_target, ntf_alone"
)

HAS_TARGET = Q(**{f"{name}__isnull": False for name in TARGET}) & ~Q(**{TARGET[1]: ""})

#: What names an entry: the target of its rows, or the primary key of the only row of an entry without one.
Entry = Any


@dataclass(frozen=True, slots=True)
class Read:
    """The columns of a row that decide to which thread it belongs, and what is said of that."""

    pk: Any
    content_type_id: int | None
    object_id: str | None
    unread: int
    reason: str
    said: tuple[Any, ...]

    @property
    def entry(self) -> Entry:
        """Return the entry of this row."""
        if self.content_type_id is None or self.object_id in {None, ""}:
            return self.pk
        return self.content_type_id, self.object_id


@dataclass(slots=True)
class Numbers:
    """What is known of the rows of a thread."""

    count: int
    unread: int
    #: How many actors they have, 0 if they have not one verb, one action object and one kind of actor.
    people: int
    reason: str
    #: Whether these are all of its rows.
    is_exact: bool
    #: The greatest primary key, if they are numbers, so that no row that comes later is one of them.
    newest: int | None


class ThreadPage(Page):
    """A page of threads: of each the first row. ``keys`` are the primary keys of all rows, if they are all known."""

    keys: Sequence[Any] | None = None
    unread_keys: Sequence[Any] = ()

    @property
    def total(self) -> int | None:
        """Return the number of all rows, if it is known."""
        return None if self.keys is None else len(self.keys)

    def matching(self, tab: str, query: str, *, newest: int | None) -> dict[str, str]:
        """Return the fields of the form of this page of a search in a tab."""
        rows: Any = self.object_list
        keys = self.keys or None
        unread = self.unread_keys if keys and tab in {"inbox", "unread"} and not query else None
        return matching_of_keys(keys, unread, type(rows[0]) if rows else None, newest=newest)


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
            numbers |= self.count(region, list(groups)[: self.size])[0]
        elif not is_whole and max(map(len, groups.values())) > 0.9 * most:
            rest = self.read(region.exclude(any_of(groups)), most)
            is_all = len(rest) < most
            others = grouped(rest)
            groups |= others
            numbers |= {entry: numbers_of(some, is_exact=is_all) for entry, some in others.items()}
        elif not is_whole:
            counted, is_all = self.count(region)
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
        numbers, _ = self.count(region, list(firsts)[: self.size])
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

    def count(
        self, region: Rows, entries: Iterable[Entry] | None = None
    ) -> tuple[dict[Entry, Numbers], bool]:
        """Count the rows of these threads, or of all, among the first rows of a region.

        Return the numbers of each, in the order of the list, and whether there are no other rows. Costs one query.
        """
        are_named = HAS_TARGET
        alone: Any = Case(When(HAS_TARGET, then=Value(None)), default=key_text(), output_field=TextField())
        if entries is not None:
            are_named = any_of(entry for entry in entries if isinstance(entry, tuple))
            alone = Value(None, output_field=TextField())
        columns = {
            "ntf_type": Case(When(are_named, then=F(TARGET[0]))),
            "ntf_target": Case(When(are_named, then=F(TARGET[1]))),
            "ntf_alone": alone,
            "ntf_key": F(self.key),
            "ntf_pk": F("pk") if is_numbered(region.model) else Value(None, output_field=IntegerField()),
            "ntf_unread": Case(When(UNREAD.condition(), then=1), default=0),
            "ntf_rank": StrIndex(Value(RANKS), Concat(Value(","), F("reason"), Value(","))),
            **{f"ntf_{number}": F(name) for number, name in enumerate(SAID)},
        }
        rows = region._without_objects().order_by(*self.order).annotate(**columns).values(*columns)
        sql, params = rows[:MAX_COUNTED_ROWS].query.sql_with_params()
        with connections[region.db].cursor() as cursor:
            cursor.execute(COUNT_SQL.format(edge="MAX" if self.descending else "MIN", rows=sql), params)
            found = sorted(cursor.fetchall(), key=lambda each: each[3], reverse=self.descending)
        is_all = sum(each[4] for each in found) < MAX_COUNTED_ROWS
        numbers: dict[Entry, Numbers] = {}
        for content_type_id, object_id, alone_key, _, count, newest, unread, rank, *said in found:
            entry = (content_type_id, object_id)
            if object_id is None:
                entry = alone_key and primary_key(region.model, alone_key, region.db)
            reason = RANKS[rank:].partition(",")[0] if rank else ""
            numbers[entry] = Numbers(count, int(unread), people_of(count, *said), reason, is_all, newest)
        numbers.pop(None, None)
        return numbers, is_all


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


def any_of(entries: Iterable[Entry]) -> Q:
    """Return the condition for the rows of these entries; false for none."""
    found, alone = defaultdict(list), []
    for entry in entries:
        if isinstance(entry, tuple):
            found[entry[0]].append(entry[1])
        else:
            alone.append(entry)
    of_any = Q(pk__in=alone)
    for content_type_id, object_ids in found.items():
        of_any |= Q(**{TARGET[0]: content_type_id, f"{TARGET[1]}__in": object_ids})
    return of_any


def numbers_of(rows: Sequence[Read], *, is_exact: bool) -> Numbers:
    """Return the numbers of a thread whose rows were read."""
    verbs, actor_types, actors, *objects = (
        set(values) for values in zip(*(row.said for row in rows), strict=True)
    )
    is_one = all(len(values) == 1 for values in (verbs, actor_types, *objects)) and None not in actor_types
    people = len(actors) if is_one else 0
    unread = sum(row.unread for row in rows)
    keys = [row.pk for row in rows]
    newest = max(keys) if isinstance(keys[0], int) else None
    return Numbers(len(rows), unread, people, strongest([row.reason for row in rows]), is_exact, newest)


def people_of(count: int, *said: Any) -> int:
    """Return the number of actors of a thread from what was counted, 0 if one sentence does not fit all rows."""
    actors, *pairs = said
    same = all(
        least == most and number in {0, count} for least, most, number in zip(*[iter(pairs)] * 3, strict=True)
    )
    return int(actors) if same and said[6] else 0
