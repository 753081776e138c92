"""Statements so plain that they are written by hand: the newest rows with their count, and objects by primary key.

Django takes longer to build such a query than the database takes to answer it. Where a model or a queryset has
anything of its own beyond columns and filters, these return None and Django builds the query.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections, models
from django.db.models.expressions import Col
from django.db.models.sql import Query

#: Every database takes so many values in one statement.
FEW = 500

#: What is different about a query that was only filtered.
FILTERED = {
    "where",
    "alias_map",
    "alias_refcount",
    "table_map",
    "base_table",
    "used_aliases",
    "_lookup_joins",
}


@cache
def columns_of(model: type[models.Model], using: str) -> str | None:
    """Return the columns of the model as a SELECT names them, or None where it takes more than their names."""
    meta = model._meta
    if len(meta.local_concrete_fields) != len(meta.concrete_fields):
        return None
    quote, names = connections[using].ops.quote_name, []
    for field in meta.concrete_fields:
        column: Any = field
        # A field may be read through a function, as those of GeoDjango and of encrypted columns are.
        if type(column.cached_col) is not Col or type(field).select_format is not models.Field.select_format:
            return None
        names.append(quote(column.column))
    return ", ".join(names)


def read(
    model: type[models.Model], using: str, sql: str, params: Sequence[Any]
) -> tuple[list[Any], list[Any]]:
    """Return what a statement finds that selects the columns of the model first: the objects, and its other columns."""
    connection, fields = connections[using], model._meta.concrete_fields
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        columns: list[Any] = list(zip(*cursor.fetchall(), strict=True))
    if not columns:
        return [], []
    for index, field in enumerate(fields):
        # Of a foreign key, the column that it names: a UUID, for one, has converters that the key itself has not.
        column: Any = field.get_col(model._meta.db_table)
        for convert in connection.ops.get_db_converters(column) + column.get_db_converters(connection):
            columns[index] = [convert(value, column, connection) for value in columns[index]]
    names = [field.attname for field in fields]
    own, others = columns[: len(names)], columns[len(names) :]
    return [model.from_db(using, names, values) for values in zip(*own, strict=True)], others


def by_primary_key(
    model: type[models.Model], keys: Collection[Any], using: str
) -> dict[Any, models.Model] | None:
    """Return the objects with these primary keys, by primary key, as ``in_bulk`` of the base manager does."""
    columns = columns_of(model, using)
    # A base manager of the model's own may filter.
    if columns is None or type(model._base_manager) is not models.Manager or not 0 < len(keys) <= FEW:
        return None
    connection, meta = connections[using], model._meta
    pk: Any = meta.pk
    table, key = connection.ops.quote_name(meta.db_table), connection.ops.quote_name(pk.column)
    sql = f"SELECT {columns} FROM {table} WHERE {key} IN ({', '.join(['%s'] * len(keys))})"  # noqa: S608
    params = [pk.get_db_prep_value(value, connection) for value in keys]
    return {obj.pk: obj for obj in read(model, using, sql, params)[0]}


def newest(rows: models.QuerySet[Any], number: int, total: str) -> list[Any] | None:
    """Return the first ``number`` of the rows as the model orders them, each with the count of all as ``total``."""
    model: type[models.Model] = rows.model
    query, using, meta = rows.query, rows.db, model._meta
    columns, blank = columns_of(model, using), Query(model)
    changed = {name for name, value in vars(query).items() if value != getattr(blank, name, None)}
    joined = sum(map(bool, query.alias_refcount.values())) > 1
    ordering = list(meta.ordering or ())
    names = [name for name in ordering if isinstance(name, str)]
    if columns is None or joined or not changed <= FILTERED or names != ordering:
        return None
    connection = connections[using]
    quote = connection.ops.quote_name
    try:
        where, params = query.get_compiler(using).compile(query.where)
    except EmptyResultSet:
        return []
    order = []
    for name in names:
        column: Any = meta.pk if name.lstrip("-") == "pk" else meta.get_field(name.lstrip("-"))
        order.append(f"{quote(column.column)} {'DESC' if name.startswith('-') else 'ASC'}")
    source = f"FROM {quote(meta.db_table)} WHERE {where}"
    sql = (
        f"SELECT {columns}, (SELECT COUNT(*) {source}) AS {quote(total)} {source} "
        f"ORDER BY {', '.join(order)} {connection.ops.limit_offset_sql(0, number)}"
    )
    found, others = read(model, using, sql, [*params, *params])
    for row, count in zip(found, *others, strict=True):
        setattr(row, total, count)
    # The related manager of a user leaves the user here.
    for field, known in rows._known_related_objects.items():  # type: ignore[attr-defined]
        for row in found:
            setattr(row, field.name, known[getattr(row, field.attname)])
    return found
