"""The one statement that writes the rows of an event: ``INSERT ... SELECT`` from the audience."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib.auth import get_user_model
from django.core.exceptions import EmptyResultSet
from django.db import DatabaseError, IntegrityError, connections, models
from django.db.models.expressions import DatabaseDefault

from notifications.extensions import REASON, says_reasons
from notifications.sending.audience import members_of
from notifications.storage.locking import retry
from notifications.storage.notification import AbstractNotification

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

T = TypeVar("T")

#: How often rows are written again when another process wrote some of the same event in between. That ends when the
#: other one does; the bound is for a transaction that keeps looking at an old state of the table.
MAX_ATTEMPTS = 100

#: The constraint that makes a recipient unique within an event. On a custom model, its name begins with this.
CONSTRAINT = "ntf_event_recipient"


def insert_select(
    row: AbstractNotification, audience: models.QuerySet[Any], using: str, *, fresh: bool
) -> int:
    """Write a row like ``row`` for each user of the audience, in one statement. Return how many were written.

    ``fresh`` says that no row of the event can be there yet. Rows that are there stay as they are: only a conflict
    over (event, recipient) is passed over, any other one is an error.
    """
    if audience.query.combinator:
        audience = members_of(audience)
    why = [REASON] if says_reasons(audience) and not row.reason else []
    query = audience.values_list("pk", *why).query
    query.clear_ordering()
    grouped = is_grouped_by_user(query)
    if grouped:
        # Rows that come in the order of the recipients go side by side into the indexes that lead with them.
        query.add_ordering("pk")
    compiler = query.get_compiler(using)
    try:
        selection, params = compiler.as_sql(with_col_aliases=True)
    except EmptyResultSet:
        return 0
    once = grouped or is_one_table(query)
    names = [name for _, _, name in compiler.select]
    return insert(
        row, selection, params, names[0], using, fresh=fresh, once=once, reason=names[1] if why else None
    )


def is_one_table(query: Any) -> bool:
    """Return whether a query reads a single table, so that no join names a user more than once.

    The tables of an order, which is left where it decides who is chosen, are not known to the query.
    """
    is_choice = query.is_sliced or query.distinct_fields
    return not is_choice and not query.extra_tables and sum(map(bool, query.alias_refcount.values())) == 1


def is_grouped_by_user(query: Any) -> bool:
    """Return whether a query of users has one row for each, because it is grouped by nothing but their primary key."""
    key = query.get_meta().pk
    return isinstance(query.group_by, tuple) and [getattr(one, "target", None) for one in query.group_by] == [
        key
    ]


def insert_one(row: AbstractNotification, user_pk: Any, using: str, *, fresh: bool) -> int:
    """Write a row like ``row`` for one user, as :func:`insert_select` does, without compiling a query for it."""
    connection = connections[using]
    key: Any = get_user_model()._meta.pk
    table, column = map(connection.ops.quote_name, (key.model._meta.db_table, key.column))
    selection = f"SELECT {column} AS pk FROM {table} WHERE {column} = %s"  # noqa: S608
    params = (key.get_db_prep_save(user_pk, connection),)
    return insert(row, selection, params, "pk", using, fresh=fresh, once=True)


def insert(
    row: AbstractNotification,
    selection: str,
    params: Sequence[Any],
    column: str,
    using: str,
    *,
    fresh: bool,
    once: bool,
    reason: str | None = None,
) -> int:
    """Write a row like ``row`` for each primary key in ``column`` of ``selection``, a SELECT.

    ``once`` says that nobody is in it twice; ``reason`` is the column of it that says why each is notified.
    """
    connection = connections[using]
    quote = connection.ops.quote_name
    own = {"recipient": f"audience.{quote(column)}"}
    if reason is not None:
        own["reason"] = f"audience.{quote(reason)}"
    if not (once or passes_over(row, connection)):
        why = "" if reason is None else f", MAX({own['reason']}) AS {quote(reason)}"
        user = own["recipient"]
        selection = f"SELECT {user} AS {quote(column)}{why} FROM ({selection}) audience GROUP BY {user}"  # noqa: S608
    sql, constants, existing = insert_statement(row, selection, own, connection, fresh=fresh, once=once)

    def execute() -> int:
        with connection.cursor() as cursor:
            cursor.execute(sql, [*constants, *params, *existing])
            return int(cursor.rowcount)

    return retry_alone(execute, type(row), using)


def keeps_constraint(model: type[AbstractNotification]) -> bool:
    """Return whether the table of the model, or of a parent of it, makes a recipient unique within an event."""
    tables = [model, *model._meta.get_parent_list()]
    return any(
        constraint.name.startswith(CONSTRAINT) for table in tables for constraint in table._meta.constraints
    )


def passes_over(row: AbstractNotification, connection: BaseDatabaseWrapper) -> bool:
    """Return whether the database can ignore only conflicts on (event, recipient).

    MySQL and MariaDB ignore all conflicts or none; there, existing rows are left out of the selection.
    """
    return keeps_constraint(type(row)) and connection.vendor in {"sqlite", "postgresql"}


def insert_statement(
    row: AbstractNotification,
    selection: str,
    own: Mapping[str, str],
    connection: BaseDatabaseWrapper,
    *,
    fresh: bool,
    once: bool,
) -> tuple[str, list[Any], list[Any]]:
    """Return the statement that writes ``row`` for the users selected by ``selection``, and its values around theirs.

    ``own`` says which columns of that selection go into which fields; that of the recipient holds the primary keys.
    """
    meta = row._meta
    quote = connection.ops.quote_name
    recipient: Any = meta.get_field("recipient")
    columns, values = [], []
    for field in meta.local_concrete_fields:
        if field.primary_key or field.name in own or getattr(field, "generated", False):
            continue
        value, column = field.pre_save(row, True), str(field.column)
        if not isinstance(value, DatabaseDefault):
            columns.append(quote(column))
            values.append(field.get_db_prep_save(value, connection))
    event_field: Any = meta.get_field("event")
    own_fields: list[Any] = [meta.get_field(name) for name in own]
    user, own_columns = own["recipient"], [quote(field.column) for field in own_fields]
    table, owner, event = quote(meta.db_table), quote(recipient.column), quote(event_field.column)
    skips = passes_over(row, connection)
    # Only names that Django quoted and a selection that it compiled go into the text; every value is a parameter.
    sql = (
        f"INSERT INTO {table} ({', '.join([*columns, *own_columns])}) "  # noqa: S608
        f"SELECT {', '.join([*['%s'] * len(values), *own.values()])} "
        f"FROM ({selection}) audience WHERE "
    )
    existing: list[Any] = []
    if skips or fresh:
        sql += "1 = 1"
    else:
        sql += f"NOT EXISTS (SELECT 1 FROM {table} old WHERE old.{event} = %s AND old.{owner} = {user})"  # noqa: S608
        existing = [event_field.get_db_prep_save(row.event, connection)]
    if not fresh:
        # Two writers of the same event lock in the same order and do not deadlock.
        sql += f" ORDER BY {user}"
    if skips and not (fresh and once):
        # Where there can be no conflict, PostgreSQL is spared looking for one: an eighth of its time.
        sql += f" ON CONFLICT ({event}, {owner}) DO NOTHING"
    return sql, values, existing


def retry_alone(write_rows: Callable[[], T], model: type[AbstractNotification], using: str) -> T:
    """Write again when another process wrote a row of the same event between our look and our write, or at once."""

    def came_in_between(error: DatabaseError) -> bool:
        return isinstance(error, IntegrityError) and is_over_event(error, model)

    return retry(write_rows, using, attempts=MAX_ATTEMPTS, also=came_in_between)


def is_over_event(error: IntegrityError, model: type[AbstractNotification]) -> bool:
    """Return whether a recipient has a row of the event already. SQLite names the columns, others the constraint."""
    fields: list[Any] = [model._meta.get_field(name) for name in ("event", "recipient")]
    columns = ", ".join(f"{field.model._meta.db_table}.{field.column}" for field in fields)
    return CONSTRAINT in str(error) or columns in str(error)
