"""Write the deliveries of an event: one ``INSERT ... SELECT`` for all channels and all recipients.

It runs in the transaction of the notifications, so there is no moment at which a process that dies leaves a
notification without its deliveries. Who does not want it, or cannot be reached, gets no row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from django.contrib.auth import get_user_model
from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import Exists, Manager, OuterRef

from notifications.contrib.delivery.channels import Channel, get_channels
from notifications.contrib.delivery.choices import Frequency, scopes_of
from notifications.contrib.delivery.clocks import (
    DIGEST_TIME,
    DIGEST_WEEKDAY,
    next_at,
    next_hour,
    stored,
    stored_after,
    stored_until,
    utc_now,
    zone_named,
)
from notifications.contrib.delivery.models import Delivery, Preference, Schedule
from notifications.contrib.delivery.preferences import default_frequency
from notifications.contrib.delivery.runners import wake
from notifications.events import Event
from notifications.objects.guard import guarded
from notifications.sending.audience import active
from notifications.sending.statement import is_one_table
from notifications.storage.transactions import after_commit
from notifications.types import NotificationType, type_of


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
        f"SELECT chosen.*, chosen.due_at, {', '.join(['%s'] * len(constants))} "
        f"FROM ({' UNION ALL '.join(selections)}) chosen"
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

    Django compiles which notifications and which users there are. What users chose is joined by SQL that is written
    here, because compiling it would take longer than all else that notifies one user.
    """
    if not fresh:
        there = Delivery.objects.using(using).filter(notification=OuterRef("pk"), channel=channel.name)
        rows = rows.exclude(Exists(there))
    key, recipient, rows_sql, rows_params = compiled(rows.values_list("pk", "recipient_id"), using)
    user, users_sql, users_params = compiled_users(channel, using)
    keys = f"r.{key} AS notification, r.{recipient} AS recipient"
    source = f"FROM ({rows_sql}) r INNER JOIN ({users_sql}) u ON u.{user} = r.{recipient}"
    default = default_frequency(kind, channel)
    if kind.critical:
        sql = f"SELECT {keys}, %s AS channel, %s AS frequency, %s AS due_at {source}"
        return sql, [channel.name, default, *moments([stored(now)], using), *rows_params, *users_params]
    quote = connections[using].ops.quote_name
    preferences, schedules = (quote(model._meta.db_table) for model in (Preference, Schedule))
    scopes = scopes_of(kind)
    # SQL of the site may have stored a frequency that there is not.
    known = ", ".join(["%s"] * len(Frequency.values))
    for number in range(len(scopes)):
        own = f"p{number}.user_id = r.{recipient} AND p{number}.scope = %s AND p{number}.channel = %s"
        source += f" LEFT OUTER JOIN {preferences} p{number} ON {own} AND p{number}.frequency IN ({known})"
    source += f" LEFT OUTER JOIN {schedules} s ON s.user_id = r.{recipient}"
    joined = [value for scope in scopes for value in (scope, channel.name, *Frequency.values)]
    chosen = ", ".join(f"p{number}.frequency" for number in range(len(scopes)))
    # When it is due, by its frequency and the schedule of its recipient.
    due = (
        "CASE d.frequency WHEN 'instant' THEN %s WHEN 'hourly' THEN %s"
        " WHEN 'daily' THEN COALESCE(d.next_daily_at, %s) ELSE COALESCE(d.next_weekly_at, %s) END"
    )
    delay = guarded(channel, "delay()", channel.waits, kind, otherwise=timedelta(0))
    times = [stored_after(now, delay), stored_after(now, next_hour(now) - now), *default_digests(now)]
    wanted = f"SELECT {keys}, COALESCE({chosen}, %s) AS frequency, s.next_daily_at, s.next_weekly_at {source}"
    sql = f"SELECT d.notification, d.recipient, %s AS channel, d.frequency, {due} AS due_at FROM ({wanted}) d"  # noqa: S608
    params = [channel.name, *moments(times, using), default, *rows_params, *users_params, *joined]
    return f"{sql} WHERE d.frequency <> 'off'", params


#: What was compiled for the channels whose condition is always the same, by database.
_users: WeakKeyDictionary[Channel, dict[str, tuple[Any, ...]]] = WeakKeyDictionary()


def compiled_users(channel: Channel, using: str) -> tuple[Any, ...]:
    """Return the name of the column with the users whom a channel reaches, the SQL that selects it, and parameters."""
    # A base manager of the site's may filter by what changes, such as the current tenant.
    is_plain = type(get_user_model()._base_manager) is Manager
    if not (is_plain and getattr(channel.reachable, "is_constant", False)):
        return compiled(reachable(channel, using).values_list("pk"), using)
    found = _users.setdefault(channel, {})
    if using not in found:
        found[using] = compiled(reachable(channel, using).values_list("pk"), using)
    return found[using]


def compiled(queryset: Any, using: str) -> tuple[Any, ...]:
    """Return the quoted names of the columns of a queryset, its SQL and its parameters."""
    query = queryset.order_by().query
    compiler = query.get_compiler(using)
    sql, params = compiler.as_sql(with_col_aliases=True)
    quote = connections[using].ops.quote_name
    return (*(quote(name) for _, _, name in compiler.select), sql, params)


def reachable(channel: Channel, using: str) -> Any:
    """Return the active users whom a channel reaches, each of them once, as a queryset that can be filtered."""
    everybody: Any = get_user_model()._base_manager.using(using)
    accounts = active(everybody)
    # If it fails, all get a row: it is asked again before the message is sent, which then waits until it works.
    users: Any = guarded(channel, "reachable()", channel.reached_among, accounts, otherwise=accounts)
    # A join may name a user more than once.
    return users if is_one_table(users.query) else everybody.filter(pk__in=users.values("pk"))


def default_digests(now: datetime) -> tuple[datetime, datetime]:
    """Return the next moments of daily and weekly digests of users without a schedule, as they are stored."""
    zone = zone_named("")
    daily = stored_until(next_at(now, zone, DIGEST_TIME))
    return daily, stored_until(next_at(now, zone, DIGEST_TIME, DIGEST_WEEKDAY))


def moments(values: Sequence[datetime], using: str) -> list[Any]:
    """Return stored moments as parameters of SQL."""
    adapt = connections[using].ops.adapt_datetimefield_value
    return [adapt(value) for value in values]
