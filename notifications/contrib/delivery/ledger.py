"""Write the deliveries of an event: one ``INSERT ... SELECT`` for all channels and all recipients.

It runs in the transaction of the notifications, so there is no moment at which a process that dies leaves a
notification without its deliveries. Who does not want it, or cannot be reached, gets no row.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import EmptyResultSet
from django.db import connections, models
from django.db.models import Case, Exists, F, FilteredRelation, OuterRef, Q, Value, When
from django.db.models.functions import Coalesce

from notifications.contrib.delivery.channels import Channel, get_channels
from notifications.contrib.delivery.choices import Frequency, scopes_of
from notifications.contrib.delivery.clocks import (
    DIGEST_TIME,
    DIGEST_WEEKDAY,
    next_at,
    next_hour,
    stored,
    utc_now,
    zone_named,
)
from notifications.contrib.delivery.models import Delivery
from notifications.contrib.delivery.preferences import default_frequency
from notifications.contrib.delivery.runners import wake
from notifications.events import Event
from notifications.sending.audience import active
from notifications.storage.transactions import after_commit
from notifications.types import NotificationType, type_of

PREFERENCES, SCHEDULE = "notification_preferences", "notification_schedule"


def offered_channels(kind: type[NotificationType]) -> list[Channel]:
    """Return the channels on which the notifications of a type can be delivered."""
    return [channel for channel in get_channels().values() if default_frequency(kind, channel) is not None]


def write_deliveries(event: Event, rows: Any, using: str, *, fresh: bool) -> int:
    """Write the deliveries of notifications of an event, and wake the runner after the commit. Return their number."""
    kind, now = type_of(event.verb), utc_now()
    selections, params = [], []
    for channel in offered_channels(kind):
        try:
            sql, values = selected(kind, channel, rows, using, now, fresh=fresh)
        except EmptyResultSet:
            continue
        selections.append(sql)
        params += values
    if not selections:
        return 0
    connection = connections[using]
    quote = connection.ops.quote_name
    fields: list[Any] = [Delivery._meta.get_field(name) for name in (*SELECTED, *CONSTANTS)]
    columns = ", ".join(quote(field.column) for field in fields)
    constants = [field.get_default() for field in fields[len(SELECTED) :]]
    # Only names that Django quoted and selections that it compiled go into the text; every value is a parameter.
    sql = (
        f"INSERT INTO {quote(Delivery._meta.db_table)} ({columns}) "  # noqa: S608
        f"SELECT chosen.*, {', '.join(['%s'] * len(constants))} FROM ({' UNION ALL '.join(selections)}) chosen"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*constants, *params])
        written = int(cursor.rowcount)
    if written:
        after_commit(partial(wake, using), using=using)
    return written


#: The columns that are selected for each delivery, and those that begin with the same value in all.
SELECTED = ("notification", "recipient", "channel", "frequency", "due_at", "next_attempt_at")
CONSTANTS = ("status", "attempts", "reference", "problem")


def selected(
    kind: type[NotificationType], channel: Channel, rows: Any, using: str, now: datetime, *, fresh: bool
) -> tuple[str, list[Any]]:
    """Return the selection of the deliveries on a channel, and its parameters. Raise EmptyResultSet for none.

    It joins the notifications with the users who want them, so that each user is looked up once.
    """
    if not fresh:
        there = Delivery.objects.using(using).filter(notification=OuterRef("pk"), channel=channel.name)
        rows = rows.exclude(Exists(there))
    key, recipient, rows_sql, rows_params = compiled(rows.values_list("pk", "recipient_id"), using)
    user, frequency, due, users_sql, users_params = compiled(wanting(kind, channel, using, now), using)
    values = (f"r.{key}", f"r.{recipient}", "%s", f"u.{frequency}", f"u.{due}", f"u.{due}")
    # MariaDB wants different names.
    columns = ", ".join(f"{value} AS {name}" for value, name in zip(values, SELECTED, strict=True))
    sql = (
        f"SELECT {columns} "  # noqa: S608
        f"FROM ({rows_sql}) r INNER JOIN ({users_sql}) u ON u.{user} = r.{recipient}"
    )
    return sql, [channel.name, *rows_params, *users_params]


def compiled(queryset: Any, using: str) -> tuple[Any, ...]:
    """Return the quoted names of the columns of a queryset, its SQL and its parameters."""
    query = queryset.order_by().query
    compiler = query.get_compiler(using)
    sql, params = compiler.as_sql(with_col_aliases=True)
    quote = connections[using].ops.quote_name
    return (*(quote(name) for _, _, name in compiler.select), sql, params)


def wanting(kind: type[NotificationType], channel: Channel, using: str, now: datetime) -> Any:
    """Return the users who want a type on a channel and can be reached: key, frequency, and when it is due."""
    default = Value(default_frequency(kind, channel), output_field=models.CharField())
    users = reachable(channel, using)
    if kind.critical:
        return users.values_list("pk", default, moment(now))
    names = []
    for number, scope in enumerate(scopes_of(kind)):
        condition = Q(**{f"{PREFERENCES}__scope": scope, f"{PREFERENCES}__channel": channel.name})
        users = users.annotate(**{f"choice{number}": FilteredRelation(PREFERENCES, condition=condition)})
        names.append(f"choice{number}__frequency")
    users = users.alias(frequency_=Coalesce(*names, default)).exclude(frequency_=Frequency.OFF.value)
    return users.values_list("pk", F("frequency_"), due_case(kind, channel, now))


def reachable(channel: Channel, using: str) -> Any:
    """Return the active users whom a channel reaches, each of them once, as a queryset that can be filtered."""
    everybody: Any = get_user_model()._base_manager.using(using)
    users: Any = channel.reachable(active(everybody))
    query = users.query
    # A join may name a user more than once.
    is_plain = not (query.combinator or query.distinct or query.group_by)
    if is_plain and sum(map(bool, query.alias_refcount.values())) == 1:
        return users
    return everybody.filter(pk__in=users.values("pk"))


def due_case(kind: type[NotificationType], channel: Channel, now: datetime) -> Case:
    """Return when a delivery is due, by its frequency and the schedule of its recipient."""
    moments = default_moments(now)
    return Case(
        When(frequency_=Frequency.INSTANT.value, then=moment(now + channel.delay(kind))),
        When(frequency_=Frequency.HOURLY.value, then=moment(moments["hourly"])),
        When(
            frequency_=Frequency.DAILY.value,
            then=Coalesce(f"{SCHEDULE}__next_daily_at", moment(moments["daily"])),
        ),
        default=Coalesce(f"{SCHEDULE}__next_weekly_at", moment(moments["weekly"])),
        output_field=models.DateTimeField(),
    )


def default_moments(now: datetime) -> Mapping[str, datetime]:
    """Return the next moments of digests of users without a schedule."""
    zone = zone_named("")
    return {
        "hourly": next_hour(now),
        "daily": next_at(now, zone, DIGEST_TIME),
        "weekly": next_at(now, zone, DIGEST_TIME, DIGEST_WEEKDAY),
    }


def moment(value: datetime) -> Value:
    """Return a moment as a parameter of SQL."""
    return Value(stored(value), output_field=models.DateTimeField())
