"""What is counted of the threads of a list, and what is the same in all of their rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.models import Case, F, IntegerField, Q, TextField, Value, When
from django.db.models.functions import Concat, StrIndex

from notifications.inbox.threads import TARGET
from notifications.objects.fetch import is_numbered, primary_key
from notifications.storage.notification import Rows
from notifications.storage.reasons import Reason, strongest
from notifications.storage.states import UNREAD, key_text, newest_first, oldest_first

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
    "SELECT ntf_type, ntf_target, ntf_alone, COUNT(*), MAX(ntf_pk), SUM(ntf_unread), MAX(ntf_rank), "
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


def count(
    region: Rows, entries: Iterable[Entry] | None, *, key: str, descending: bool
) -> tuple[dict[Entry, Numbers], bool]:
    """Count the rows of these threads, or of all for None, among the first rows of a region, ordered by ``key``.

    Return the numbers of each, and whether there are no other rows. Costs one query.
    """
    order = (newest_first if descending else oldest_first)(key)
    are_named = HAS_TARGET
    alone: Any = Case(When(HAS_TARGET, then=Value(None)), default=key_text(), output_field=TextField())
    if entries is not None:
        are_named = any_of(entry for entry in entries if isinstance(entry, tuple))
        alone = Value(None, output_field=TextField())
    columns = {
        "ntf_type": Case(When(are_named, then=F(TARGET[0]))),
        "ntf_target": Case(When(are_named, then=F(TARGET[1]))),
        "ntf_alone": alone,
        "ntf_pk": F("pk") if is_numbered(region.model) else Value(None, output_field=IntegerField()),
        "ntf_unread": Case(When(UNREAD.condition(), then=1), default=0),
        "ntf_rank": StrIndex(Value(RANKS), Concat(Value(","), F("reason"), Value(","))),
        **{f"ntf_{number}": F(name) for number, name in enumerate(SAID)},
    }
    rows = region._without_objects().order_by(*order).annotate(**columns).values(*columns)
    # Not sql_with_params(), which writes it for the database "default".
    sql, params = rows[:MAX_COUNTED_ROWS].query.get_compiler(region.db).as_sql()
    with connections[region.db].cursor() as cursor:
        cursor.execute(COUNT_SQL.format(rows=sql), params)
        found = cursor.fetchall()
    is_all = sum(each[3] for each in found) < MAX_COUNTED_ROWS
    numbers: dict[Entry, Numbers] = {}
    for content_type_id, object_id, alone_key, count, newest, unread, rank, *said in found:
        if object_id is not None:
            entry: Entry = (content_type_id, object_id)
        elif alone_key is not None:
            entry = primary_key(region.model, alone_key, region.db)
        else:
            # The rows of all other entries.
            continue
        reason = RANKS[rank:].partition(",")[0] if rank else ""
        numbers[entry] = Numbers(count, int(unread), people_of(count, *said), reason, is_all, newest)
    return numbers, is_all


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
