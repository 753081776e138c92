"""Objects by primary key, by a statement that is written by hand.

Django takes longer to build such a query than the database takes to answer it. Where a model has anything of its own
beyond columns, these functions return None and Django builds the query.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from django.db import connections, models
from django.db.models.expressions import Col

#: The most primary keys in one statement: every database takes so many values.
MAX_KEYS = 500


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
    if columns is None or type(model._base_manager) is not models.Manager or not 0 < len(keys) <= MAX_KEYS:
        return None
    connection, meta = connections[using], model._meta
    pk: Any = meta.pk
    table, key = connection.ops.quote_name(meta.db_table), connection.ops.quote_name(pk.column)
    sql = f"SELECT {columns} FROM {table} WHERE {key} IN ({', '.join(['%s'] * len(keys))})"  # noqa: S608
    params = [pk.get_db_prep_value(value, connection) for value in keys]
    return {obj.pk: obj for obj in read(model, using, sql, params)[0]}
