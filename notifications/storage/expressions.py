"""Expressions for queries: the current time, the earliest time, the number of rows, and what a user has seen."""

from __future__ import annotations

from datetime import datetime, timezone as zones
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import FullResultSet
from django.db import models
from django.utils import timezone
from django.utils.dateparse import parse_datetime


class CurrentMoment(models.Value):
    """The moment at which a query is executed, by the clock of this process, as the rows' own moments are.

    A queryset may live longer than a request: what it compares with must not grow old with it.
    """

    output_field = models.DateTimeField()

    def __init__(self) -> None:
        super().__init__(None)

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """Return a parameter that holds the moment."""
        return models.Value(timezone.now(), output_field=self.output_field).as_sql(compiler, connection)

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        """Return itself: the value that it has not got yet needs no check."""
        return self


class IsSet(models.Func):
    """Whether a boolean column is true, written so that each database uses its index.

    SQLite and PostgreSQL use a partial index if the condition is only the name of the column. PostgreSQL would take a
    comparison for a second condition and estimate too few rows. MySQL and MariaDB need a comparison, and Django adds
    ``= True`` to every condition there.
    """

    arity = 1
    template = "%(expressions)s"
    output_field = models.BooleanField()

    def __init__(self, column: str, **extra: Any) -> None:
        super().__init__(column, **extra)
        self.column = column


class IsOneOf(models.Func):
    """Whether a column of texts holds exactly one of some texts, at least one.

    To MySQL and MariaDB texts that differ in case, in accents or in spaces at the end are one.
    """

    template = "%(expressions)s"
    output_field = models.BooleanField()

    def __init__(self, column: Any, *texts: Any, **extra: Any) -> None:
        super().__init__(column, *texts, **extra)

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **extra: Any) -> Any:
        """Return the comparison."""
        parts, params = zip(*map(compiler.compile, self.source_expressions), strict=True)
        if connection.vendor == "mysql":
            parts = tuple(f"BINARY CONVERT({part} USING utf8mb4)" for part in parts)
        column, *texts = parts
        return f"{column} IN ({', '.join(texts)})", [value for some in params for value in some]


class CountOfRows(models.Func):
    """The number of the rows of the query in which it stands, without its limit, if the query :meth:`fits`.

    A subquery of Django is the same, but takes longer to build than the rows of a page take to be read.
    """

    arity = 0
    output_field = models.IntegerField()

    @staticmethod
    def fits(query: Any) -> bool:
        """Return whether the rows of a query are those of its tables and conditions, each of them once."""
        where = query.where
        return not (
            query.distinct
            or query.group_by
            or query.combinator
            or query.is_sliced
            or query.extra_tables
            or where.contains_aggregate
            or where.contains_over_clause
        )

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **extra: Any) -> Any:
        """Return a query with the tables and the conditions of the one around it."""
        tables, params = compiler.get_from_clause()
        sql = f"SELECT COUNT(*) FROM {' '.join(tables)}"  # noqa: S608 - written by Django
        try:
            where, values = compiler.compile(compiler.query.where)
        except FullResultSet:
            return f"({sql})", params
        return f"({sql} WHERE {where})", [*params, *values]


class EarliestMoment(models.Func):
    """The earliest time that all databases support, for comparisons without another lower bound."""

    template = "'1000-01-01 00:00:00'"
    output_field = models.DateTimeField()

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        """Return it with its zone, so that it is the same moment whatever the zone of the connection."""
        return self.as_sql(compiler, connection, template="TIMESTAMPTZ '1000-01-01 00:00:00+00'")

    def as_mysql(self, compiler: Any, connection: Any) -> Any:
        """Return it as a moment, which a text is not."""
        return self.as_sql(compiler, connection, template="TIMESTAMP'1000-01-01 00:00:00'")


class SeenFloor(models.Func):
    """The moment up to which all rows are seen by a user, who is given by a primary key or an expression.

    Subqueries of Django would do the same, but take longer to compile than the database takes to answer.
    """

    arity = 1
    output_field: Any = models.DateTimeField()

    def __init__(self, user: Any, *columns: str, **extra: Any) -> None:
        super().__init__(
            user if hasattr(user, "resolve_expression") else models.Value(user), *columns, **extra
        )

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **extra: Any) -> Any:
        """Return the query for the column, or the earliest moment if there is no state."""
        user, params = compiler.compile(self.source_expressions[0])
        return self.moment("seen_floor", user, compiler, connection), params

    def moment(self, name: str, user: str, compiler: Any, connection: Any) -> str:
        """Return the query for a moment of the state of the user."""
        earliest, _ = compiler.compile(EarliestMoment())
        return f"COALESCE({self.column(name, user, connection)}, {earliest})"

    def column(self, name: str, user: str, connection: Any) -> str:
        """Return the query for a column of the state of the user."""
        quote = connection.ops.quote_name
        state: Any = apps.get_model("notifications", "InboxState")._meta
        column, table, key = map(quote, (state.get_field(name).column, state.db_table, state.pk.column))
        return f"(SELECT {column} FROM {table} WHERE {key} = {user})"  # noqa: S608 - names of ours


class IsUnseen(SeenFloor):
    """Whether a row after the floor came into the inbox after the user opened the bell.

    It entered it later, or it was not there although it seems to be older: its key is not in the text of keys, which
    has a comma before and after each.
    """

    arity = 3
    output_field = models.BooleanField()

    def __init__(self, user: Any, **extra: Any) -> None:
        super().__init__(user, "inbox_at", "pk", **extra)

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **extra: Any) -> Any:
        """Return the condition for this database."""
        (user, params), (inbox_at, _), (pk, _) = map(compiler.compile, self.source_expressions)
        place = {
            "postgresql": "STRPOS({keys}, ',' || {pk} || ',')",
            "mysql": "INSTR({keys}, CONCAT(',', {pk}, ','))",
        }.get(connection.vendor, "INSTR({keys}, ',' || {pk} || ',')")
        place = place.format(keys=self.column("seen_keys", user, connection), pk=pk)
        seen_at = self.moment("seen_at", user, compiler, connection)
        return f"({inbox_at} > {seen_at} OR {place} = 0)", [*params, *params]


def moment_of(text: str) -> datetime | None:
    """Return the date and time that a text of a request names, in UTC if it names an offset, or None for another text.

    Raise ValueError for one that there is not. PostgreSQL would refuse offsets of 16 hours and more in a query.
    """
    moment = parse_datetime(text)
    if moment is None or timezone.is_naive(moment):
        return moment
    try:
        return moment.astimezone(zones.utc)
    except OverflowError as error:
        raise ValueError(f"There is no {text!r} in UTC.") from error


def stored(moment: datetime) -> datetime:
    """Return a time as the database stores it: aware if USE_TZ is on, otherwise naive."""
    if settings.USE_TZ:
        return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
    return timezone.make_naive(moment) if timezone.is_aware(moment) else moment


def judge_moment(until: Any) -> datetime:
    """Return ``until``, in UTC if it is aware: PostgreSQL refuses offsets of 16 hours and more.

    Raise TypeError or ValueError unless it is a time in the future, aware if ``USE_TZ`` is on.
    """
    if not isinstance(until, datetime):
        raise TypeError(f"until must be a datetime, got {until!r}.")
    now = timezone.now()
    if timezone.is_aware(until) != timezone.is_aware(now):
        kind = "aware of its time zone" if timezone.is_aware(now) else "naive"
        raise ValueError(f"until must be {kind}, as USE_TZ says, got {until!r}.")
    if until <= now:
        raise ValueError(f"until must be in the future, got {until!r}.")
    if until.year >= 9999:
        # The last days of the calendar have no name in some zones.
        raise ValueError(f"until must be before the year 9999, got {until!r}.")
    return until if timezone.is_naive(until) else until.astimezone(zones.utc)
