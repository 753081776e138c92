"""The newest rows with the count of all, by a statement that is written by hand.

Django takes longer to build such a query than the database takes to answer it. Where a queryset has anything beyond
filters, :func:`newest` returns None and Django builds the query.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections, models
from django.db.models.sql import Query

from notifications.objects.fast_fetch import columns_of, read

#: What is different about a query that was only filtered.
FILTER_ATTRIBUTES = {
    "where",
    "alias_map",
    "alias_refcount",
    "table_map",
    "base_table",
    "used_aliases",
    "_lookup_joins",
}


def newest(rows: models.QuerySet[Any], number: int, total: str) -> list[Any] | None:
    """Return the first ``number`` of the rows as the model orders them, each with the count of all as ``total``."""
    model: type[models.Model] = rows.model
    query, using, meta = rows.query, rows.db, model._meta
    columns, blank = columns_of(model, using), Query(model)
    changed = {name for name, value in vars(query).items() if value != getattr(blank, name, None)}
    joined = sum(map(bool, query.alias_refcount.values())) > 1
    ordering = list(meta.ordering or ())
    order = order_of(model, ordering, connections[using].ops.quote_name)
    if columns is None or joined or not changed <= FILTER_ATTRIBUTES or order is None:
        return None
    connection = connections[using]
    quote = connection.ops.quote_name
    try:
        where, params = query.get_compiler(using).compile(query.where)
    except EmptyResultSet:
        return []
    source = f"FROM {quote(meta.db_table)} WHERE {where}"
    sql = (
        f"SELECT {columns}, (SELECT COUNT(*) {source}) AS {quote(total)} {source} "
        f"ORDER BY {order} {connection.ops.limit_offset_sql(0, number)}"
    )
    found, others = read(model, using, sql, [*params, *params])
    for row, count in zip(found, *others, strict=True):
        setattr(row, total, count)
    # The related manager of a user leaves the user here.
    for field, known in rows._known_related_objects.items():  # type: ignore[attr-defined]
        for row in found:
            setattr(row, field.name, known[getattr(row, field.attname)])
    return found


def order_of(model: type[models.Model], ordering: Sequence[Any], quote: Callable[[str], str]) -> str | None:
    """Return the order of a model as SQL, or None where it takes more than columns of the model's own table.

    A relation is ordered as the other model says, "?" by chance, and an expression is for Django to write.
    """
    columns = {field.attname: field for field in model._meta.concrete_fields}
    columns.update({field.name: field for field in columns.values() if not field.is_relation})
    key = model._meta.pk
    if not key.is_relation:
        columns["pk"] = key
    order = []
    for name in ordering:
        field: Any = columns.get(name.removeprefix("-")) if isinstance(name, str) else None
        if field is None:
            return None
        order.append(f"{quote(field.column)} {'DESC' if name.startswith('-') else 'ASC'}")
    return ", ".join(order) or None
