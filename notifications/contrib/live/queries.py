"""The queries of a hub: for all who are connected at once, whatever their number.

All but :func:`load_rows` read columns only, so that no code of the site can fail them.

The write database answers, because a replica may not know yet what a bus has just announced.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connections, router, transaction
from django.db.models import (
    Count,
    DateTimeField,
    FilteredRelation,
    IntegerField,
    OuterRef,
    Q,
    Subquery,
    Value,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from notifications.conf import get_notification_model
from notifications.contrib.live.conf import settings
from notifications.contrib.live.rounds import MAX_REPLAYED_ROWS
from notifications.contrib.live.snapshots import EventRow, InboxRow, Snapshot
from notifications.contrib.live.wire import Counts, Cursor, mark
from notifications.extensions import rows_for
from notifications.objects.isolation import fetch_isolated
from notifications.objects.keys import attach_objects
from notifications.storage.expressions import EarliestMoment, IsUnseen, SeenFloor
from notifications.storage.states import IS_MARKED_UNREAD, newest_first

#: How far the clocks of two machines may differ: what one has just written, the other does not take for the future.
CLOCK_TOLERANCE = timedelta(seconds=0.5)


def database() -> str:
    """Return the alias of the database that the notifications are written to."""
    return router.db_for_write(get_notification_model())


def snapshots(pks: Collection[Any], since: datetime) -> dict[str, Snapshot]:
    """Return the counts of these users, and the rows that came into their inboxes after a moment. Costs one query."""
    using = database()
    late = Q(notifications__inbox_at__gt=since, notifications__inbox_at__lte=timezone.now() + CLOCK_TOLERANCE)
    if settings.SOFT_DELETE:
        late &= Q(notifications__deleted=False)
    users = get_user_model()._base_manager.using(using).filter(pk__in=pks)
    query: Any = users.annotate(
        ntf_late=FilteredRelation("notifications", condition=late),
        ntf_first_uncounted=first_uncounted("pk", using),
        **counts("pk", using),
    )
    found: dict[str, Snapshot] = {}
    columns = ("pk", "ntf_unread", "ntf_unseen", "ntf_first_uncounted", "ntf_late__pk", "ntf_late__inbox_at")
    with without_compilation(using):
        answers = list(query.order_by().values_list(*columns))
    for user_pk, unread, unseen, uncounted, pk, inbox_at in answers:
        snapshot = found.setdefault(str(user_pk), Snapshot(Counts(unread, unseen), uncounted))
        if pk is not None:
            snapshot.rows[mark(pk, inbox_at)] = InboxRow(pk, inbox_at)
    return found


def event_rows(pks: Collection[Any], events: Collection[UUID]) -> list[EventRow]:
    """Return the rows of some events in the inboxes of these users, with their counts. Costs one query."""
    using = database()
    rows = inbox_rows(using).filter(recipient__in=pks, event__in=events)
    columns = ("event", "recipient", "pk", "inbox_at", "ntf_unread", "ntf_unseen")
    with without_compilation(using):
        found = list(rows.annotate(**counts("recipient", using)).order_by().values_list(*columns))
    return [
        EventRow(event, recipient, InboxRow(pk, inbox_at), Counts(unread, unseen))
        for event, recipient, pk, inbox_at, unread, unseen in found
    ]


@contextmanager
def without_compilation(using: str) -> Iterator[None]:
    """Keep PostgreSQL from compiling a query.

    It takes a thousand small queries in one for a big one, and compiles for a second what then runs for forty
    milliseconds.
    """
    if connections[using].vendor != "postgresql":
        yield
        return
    with transaction.atomic(using=using, savepoint=False):
        with connections[using].cursor() as cursor:
            cursor.execute("SET LOCAL jit = off")
        yield


def missed(pk: Any, cursor: Cursor) -> dict[str, InboxRow]:
    """Return what came into a user's inbox and is not behind the cursor, the newest, as far as it may be replayed.

    One row beyond ``MAX_REPLAYED_ROWS`` says that there is more.
    """
    rows = inbox_rows(database()).filter(recipient=pk, inbox_at__gt=cursor.since)
    most = MAX_REPLAYED_ROWS + len(cursor.known) + 1
    newest = rows.order_by(*newest_first("inbox_at")).values_list("pk", "inbox_at")[:most]
    found = {mark(*row): InboxRow(*row) for row in newest}
    return {key: row for key, row in found.items() if key not in cursor.known}


def load_rows(pks: Iterable[Any]) -> tuple[dict[Any, Any], dict[Any, Exception]]:
    """Return these rows with their objects, and what failed, by their primary keys.

    Costs one query, and one for each content type. This is where code of the site runs: its rules, its fields, its
    managers. A row of which that fails is missing, and no other.
    """
    using = database()

    def fetch(pks: list[Any]) -> dict[Any, Any]:
        found = {row.pk: row for row in inbox_rows(using).filter(pk__in=pks)}
        attach_objects(found.values())
        return found

    return fetch_isolated(fetch, set(pks), using)


def visible_keys(pks: Collection[Any], request: Any) -> set[Any]:
    """Return the primary keys of those rows that a request sees, as the extensions say."""
    if not pks:
        return set()
    return set(rows_for(request, inbox_rows(database()).filter(pk__in=pks)).values_list("pk", flat=True))


def counts(owner: str, using: str) -> dict[str, Any]:
    """Return the annotations ``ntf_unread`` and ``ntf_unseen``, for a query whose column ``owner`` names the user.

    Both count as the badge does, no further than one beyond ``BADGE_CAP``.
    """
    unread = unread_since(EarliestMoment(), owner, using)
    user = OuterRef(owner)
    unseen = unread_since(SeenFloor(user), owner, using).filter(IsUnseen(user))
    return {"ntf_unread": capped(unread), "ntf_unseen": capped(unseen)}


def unread_since(moment: Any, owner: str, using: str) -> Any:
    """Return the unread rows in the inbox of the user whom the column ``owner`` of the outer query names."""
    return inbox_rows(using, moment).filter(IS_MARKED_UNREAD, recipient=OuterRef(owner)).order_by()


def first_uncounted(owner: str, using: str) -> Any:
    """Return an expression for what moves when the counts, which go to their cap, do not.

    It says since when the newest unread row beyond ``BADGE_CAP`` is in the inbox; null where there is none.
    """
    cap = settings.BADGE_CAP
    if cap is None:
        return Value(None, output_field=DateTimeField())
    unread = unread_since(EarliestMoment(), owner, using).order_by(*newest_first("inbox_at"))
    return Subquery(unread.values("inbox_at")[cap : cap + 1])


def capped(rows: Any) -> Any:
    """Return the number of these rows of one user as an expression that every database can look up in an index."""
    total = Subquery(rows.values("recipient").annotate(ntf_total=Count("pk")).values("ntf_total"))
    cap = settings.BADGE_CAP
    if cap is None:
        return Coalesce(total, 0)
    # MariaDB knows no limit in a table that depends on the outer query. It knows one in a value: is there a row
    # beyond the cap? Only where there is none are the rows counted.
    beyond = rows.annotate(ntf_total=Value(cap + 1, output_field=IntegerField())).values("ntf_total")
    return Coalesce(Subquery(beyond[cap : cap + 1]), total, 0)


def inbox_rows(using: str, since: Any = EarliestMoment()) -> Any:  # noqa: B008 - it never changes
    """Return the rows that are in an inbox, as the queryset's ``inbox()`` has it, by the fastest of the clocks."""
    rows: Any = get_notification_model()._default_manager.using(using)
    return rows.visible().filter(inbox_at__gt=since, inbox_at__lte=timezone.now() + CLOCK_TOLERANCE)
