"""Keep what code of the site makes of a queryset within that queryset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.db.models import QuerySet


def within(rows: QuerySet[Any], narrowed: QuerySet[Any]) -> QuerySet[Any]:
    """Return those of the rows that are in ``narrowed``, which the site was to make of them by filters.

    It may have been made without them, as in ``obj.members.all()``. Then it has others as well.
    """
    if narrowed.query.is_sliced:
        # It cannot be filtered any more, and not every database has slices in subqueries.
        return rows.filter(pk__in=list(narrowed.values_list("pk", flat=True)))
    return narrowed if is_part(narrowed, rows) else rows.filter(pk__in=narrowed.order_by().values("pk"))


def is_part(narrowed: QuerySet[Any], rows: QuerySet[Any]) -> bool:
    """Return whether a queryset was made of another one by filters, so that it has its conditions and its columns."""
    part, whole = narrowed.query, rows.query
    if part.combinator or not whole.annotations.keys() <= part.annotations.keys():
        return False
    conditions = part.where.children
    return part.where.connector == whole.where.connector and all(
        any(one is each or is_same(one, each) for one in conditions) for each in whole.where.children
    )


def is_same(one: Any, other: Any) -> bool:
    """Return whether two conditions are the same, as far as it can be said."""
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 - values of a site can be compared by code of the site
        return False
