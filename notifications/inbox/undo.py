"""Perform and undo an action of a user. Undo restores exactly the rows that changed.

The last thing that each user did is kept in their :class:`~notifications.models.InboxState`: the rows that it changed,
in groups of the same change, with what they were and what they became. Undoing writes back the columns that changed,
in the rows where they still hold what was written and to which what they were still fits. Of more than
:data:`MAX_UNDO_ROWS` rows nothing is kept.
"""

from __future__ import annotations

import json
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any, TypeAlias

from django.db import models, router
from django.db.models import Expression, F, Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from notifications.inbox.actions import Action
from notifications.inbox.matching import MAX_COMPARED_ROWS, Matching, MatchingChanged
from notifications.objects.text import text_problem
from notifications.storage.inbox_state import InboxState, alone
from notifications.storage.notification import Rows
from notifications.storage.owners import rows_of_user
from notifications.storage.states import is_possible
from notifications.storage.verbs import changed_by

#: The values of some columns, as JSON holds them.
Values: TypeAlias = "dict[str, Any]"

#: The columns that the actions write.
UNDO_COLUMNS = ("unread", "read_at", "done_at", "saved_at", "snoozed_until", "deleted")

#: Those that say together where a row is.
PLACE = {"unread", "done_at", "snoozed_until"}

#: The maximum number of changed rows that can be undone, so that no rows are locked for more than a few seconds.
MAX_UNDO_ROWS = 20_000

#: The most rows and the most different changes that one statement names.
MAX_STATEMENT_ROWS, MAX_STATEMENT_CASES = 5_000, 500


@dataclass(frozen=True, slots=True)
class Change:
    """The result of an action: the number of changed rows, and the token to undo it, or None."""

    changed: int
    token: str | None = None


def do(
    user: Any,
    rows: Rows,
    action: Action,
    *,
    until: datetime | None = None,
    matching: Matching | None = None,
    command: str = "",
    at_most: int | None = None,
) -> Change:
    """Perform an action on all rows of ``user`` or on none, and store how to undo it. ``until`` is for "snooze".

    With ``matching``, rows that arrived later are left as they are. Raise MatchingChanged if the others are not those,
    or if the rows are more than ``at_most``.
    If nothing changes, the action before can still be undone. ``command`` is an id that a script gives to the action:
    if the last action had the same one, its response did not arrive, and its result is returned again.
    """
    using = router.db_for_write(rows.model)
    wanted: Rows = rows.using(using)
    if text_problem(command):
        # No script of ours has made it.
        command = ""
    if matching is not None:
        wanted = matching.narrow(wanted)

    def write(state: models.QuerySet[InboxState]) -> Change:
        last = last_change(state) if command else None
        if last and last.get("command") == command:
            return Change(last["changed"], last["token"])
        is_compared = matching is not None or at_most is not None
        most = max(MAX_UNDO_ROWS, MAX_COMPARED_ROWS) if is_compared else MAX_UNDO_ROWS
        keys = list(wanted.order_by("pk").values_list("pk", flat=True)[: most + 1])
        if matching not in {None, Matching.of_keys(keys, wanted)} or len(keys) > (at_most or most + 1):
            raise MatchingChanged
        if len(keys) > MAX_UNDO_ROWS:
            state.update(undo=None)
            if is_compared and len(keys) <= most:
                # Only these: another transaction may have been committed since they were compared.
                changed = sum(
                    action.write(wanted.filter(pk__in=some).quietly(), until)
                    for some in parts(keys, MAX_STATEMENT_ROWS)
                )
                wanted.announce(changed)
                return Change(changed)
            changed = action.write(wanted, until)
            if matching is not None and changed > (matching.count or 0):
                raise MatchingChanged
            return Change(changed)
        changed = 0
        groups: defaultdict[Any, list[Any]] = defaultdict(list)
        for some in parts(keys, MAX_STATEMENT_ROWS):
            before = look(wanted, some)
            changed += action.write(wanted.filter(pk__in=list(before)).quietly(), until)
            for pk, now in look(wanted, some).items():
                if difference := differences(before[pk], now):
                    groups[difference].append(pk)
        wanted.announce(changed)
        token = secrets.token_urlsafe(9) if groups else None
        if changed:
            groups_of_change = {"groups": list(groups.items()), "changed": changed, "command": command}
            if not state.update(undo=token and {"token": token, **groups_of_change}):
                return Change(changed)
        return Change(changed, token)

    return alone(user, using, write)


def undo(user: Any, token: str, rows: Rows | None = None) -> Change:
    """Undo the last action of ``user``, which the token identifies, in ``rows``, by default all of the user."""
    rows = rows_of_user(user) if rows is None else rows
    using = router.db_for_write(rows.model)
    wanted: Rows = rows.using(using)

    def write(state: models.QuerySet[InboxState]) -> Change:
        kept = last_change(state)
        if not kept or not secrets.compare_digest(kept["token"].encode(), token.encode()):
            return Change(0)
        changes: defaultdict[Any, list[Any]] = defaultdict(list)
        for difference, keys in kept["groups"]:
            written = tuple((name, after) for name, _, after in difference)
            was = {name: before for name, before, _ in difference}
            changes[written].extend((was, some) for some in parts(keys, MAX_STATEMENT_ROWS))
        changed = sum(
            put_back(wanted, dict(written), batch)
            for written, some in changes.items()
            for batch in batches(some)
        )
        state.update(undo=None)
        wanted.announce(changed)
        return Change(changed)

    return alone(user, using, write)


def last_change(state: models.QuerySet[InboxState]) -> dict[str, Any] | None:
    """Return what is kept of the last action, or None; also for what another version may have stored."""
    kept: Any = state.values_list("undo", flat=True).first()
    shape = {"token": str, "groups": list, "changed": int}
    is_ours = isinstance(kept, dict) and all(isinstance(kept.get(name), kind) for name, kind in shape.items())
    return kept if is_ours and all(map(is_group, kept["groups"])) else None


def is_group(group: Any) -> bool:
    """Return whether this is a change of columns and the keys of the rows that it changed, as :func:`do` keeps it."""
    match group:
        case [[*difference], [*_]]:
            names = [one[0] for one in difference if isinstance(one, list) and len(one) == 3]
            return len(names) == len(difference) and all(name in UNDO_COLUMNS for name in names)
    return False


def put_back(rows: Rows, written: Values, changes: Sequence[tuple[Values, Sequence[Any]]]) -> int:
    """Let rows in which this was written have again what they had. Return how many changed."""
    still = Q()
    for name, value in written.items():
        still &= Q(**{f"{name}__isnull": True} if value is None else {f"{name}__in": [loaded(value)]})
    values: dict[str, Any] = {}
    for name in written:
        field: Any = rows.model._meta.get_field(name)
        same = len({was[name] for was, _ in changes}) == 1
        values[name] = (
            loaded(changes[0][0][name])
            if same
            else ValueOfKey({str(key): was[name] for was, keys in changes for key in keys}, field)
        )
    if "unread" in values:
        # If only this changed, read_at must not change with it.
        values = {"read_at": F("read_at"), **values}
    # First locked, then named by their keys: what the database knows about the states of the rows may be old, and would
    # lead it to a plan that compares each row with each key.
    named = rows.filter(still, pk__in=[key for _, keys in changes for key in keys])
    locked = named.order_by("pk").select_for_update().values("pk", "timestamp", *PLACE)
    fresh: Rows = type(rows)(rows.model, using=rows.db)
    fitted = fresh.quietly().filter(pk__in=fitting(locked, written, changes))
    return changed_by("update", fitted, **values)


def fitting(
    rows: Iterable[dict[str, Any]], written: Values, changes: Sequence[tuple[Values, Sequence[Any]]]
) -> list[Any]:
    """Return the keys of the rows to which what they had still fits.

    Another column may have changed: a row that was snoozed, is opened after that is over, and so read, stays read.
    """
    place = PLACE & written.keys()
    if not place:
        return [row["pk"] for row in rows]
    now = timezone.now()
    was_of = {str(key): was for was, keys in changes for key in keys}

    def becomes(row: dict[str, Any]) -> SimpleNamespace:
        was = was_of[str(row["pk"])]
        return SimpleNamespace(**{**row, **{name: loaded(was[name]) for name in place}})

    return [row["pk"] for row in rows if is_possible(becomes(row), now)]


class ValueOfKey(Expression):
    """The value for the primary key of each row, as JSON holds both. Django's ``Case`` takes seconds to compile."""

    key: Any

    def __init__(self, values: Values, output_field: models.Field[Any, Any]) -> None:
        super().__init__(output_field=output_field)
        self.values = values

    def resolve_expression(self, query: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Find the column of the primary key in the query."""
        resolved = super().resolve_expression(query, *args, **kwargs)
        resolved.key = F("pk").resolve_expression(query, *args, **kwargs)
        return resolved

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """Return a CASE with a branch for each primary key."""
        column, params = compiler.compile(self.key)
        params = [*params]
        for key, value in self.values.items():
            params.append(self.key.target.get_db_prep_value(key, connection))
            params.append(self.output_field.get_db_prep_save(loaded(value), connection))
        return f"CASE {column} {'WHEN %s THEN %s ' * len(self.values)}END", params

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """Return a look-up in one parameter. The texts in it are what the database reads as well."""
        column, params = compiler.compile(self.key)
        sql = f"(%s::jsonb ->> ({column})::text)::{self.output_field.db_type(connection)}"
        return sql, [json.dumps(self.values), *params]


def look(rows: Rows, keys: Sequence[Any]) -> dict[Any, tuple[Any, ...]]:
    """Return what the columns of these rows hold, and hold the rows until the end of the transaction."""
    fresh = type(rows)(rows.model, using=rows.db).filter(pk__in=keys).order_by("pk").select_for_update()
    return {pk: values for pk, *values in fresh.values_list("pk", *UNDO_COLUMNS)}


def differences(before: Sequence[Any], after: Sequence[Any]) -> tuple[tuple[str, Any, Any], ...]:
    """Return the columns that differ, each with both of its values, as JSON holds them."""
    pairs = zip(UNDO_COLUMNS, before, after, strict=True)
    return tuple((name, kept(old), kept(new)) for name, old, new in pairs if old != new)


def kept(value: Any) -> Any:
    """Return a value as stored in JSON, which stores times with milliseconds only."""
    return value.isoformat() if isinstance(value, datetime) else value


def loaded(value: Any) -> Any:
    """Return the value of a column that JSON held."""
    return parse_datetime(value) if isinstance(value, str) else value


def parts(keys: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Cut a sequence into parts of this size."""
    return (keys[start : start + size] for start in range(0, len(keys), size))


def batches(changes: Sequence[tuple[Values, Sequence[Any]]]) -> Iterator[list[tuple[Values, Sequence[Any]]]]:
    """Put changes together that one statement may take back."""
    batch: list[tuple[Values, Sequence[Any]]] = []
    size = 0
    for was, keys in changes:
        if batch and (len(batch) == MAX_STATEMENT_CASES or size + len(keys) > MAX_STATEMENT_ROWS):
            yield batch
            batch, size = [], 0
        batch.append((was, keys))
        size += len(keys)
    yield batch
