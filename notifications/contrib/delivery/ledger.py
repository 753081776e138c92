"""Write the deliveries of an event: one ``INSERT ... SELECT`` for all channels and all recipients.

It runs in the transaction of the notifications, so there is no moment at which a process that dies leaves a
notification without its deliveries. Who does not want it, or cannot be reached, gets no row.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
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

#: The name of the e-mail channel, which waits for ``email_delay`` of a type.
EMAIL = "email"

PREFERENCES, SCHEDULE = "recipient__notification_preferences", "recipient__notification_schedule"


def offered_channels(kind: type[NotificationType]) -> list[Channel]:
    """Return the channels on which the notifications of a type can be delivered."""
    return [channel for channel in get_channels().values() if default_frequency(kind, channel) is not None]


def write_deliveries(event: Event, rows: Any, using: str, *, fresh: bool) -> int:
    """Write the deliveries of notifications of an event, and wake the runner after the commit. Return their number."""
    kind, now = type_of(event.verb), utc_now()
    selections, params = [], []
    for channel in offered_channels(kind):
        try:
            sql, values = selected(kind, channel, rows, now, fresh=fresh).query.get_compiler(using).as_sql()
        except EmptyResultSet:
            continue
        selections.append(sql)
        params += values
    if not selections:
        return 0
    connection = connections[using]
    fields: list[Any] = [
        Delivery._meta.get_field(name)
        for name in ("notification", "recipient", "channel", "frequency", "due_at", "next_attempt_at")
    ]
    plain: list[Any] = [
        Delivery._meta.get_field(name) for name in ("status", "attempts", "reference", "problem")
    ]
    constants = {field: field.get_default() for field in plain}
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.column) for field in (*fields, *constants))
    # Only names that Django quoted and selections that it compiled go into the text; every value is a parameter.
    sql = (
        f"INSERT INTO {quote(Delivery._meta.db_table)} ({columns}) "  # noqa: S608
        f"SELECT chosen.*, {', '.join(['%s'] * len(constants))} FROM ({' UNION ALL '.join(selections)}) chosen"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*constants.values(), *params])
        written = int(cursor.rowcount)
    if written:
        after_commit(partial(wake, using), using=using)
    return written


def selected(
    kind: type[NotificationType], channel: Channel, rows: Any, now: datetime, *, fresh: bool
) -> models.QuerySet[Any]:
    """Return the columns of the deliveries on a channel: key, recipient, channel, frequency, and when due, twice."""
    default = default_frequency(kind, channel)
    text = models.CharField()
    if kind.critical:
        frequency: Any = Value(default, output_field=text)
    else:
        names = []
        for number, scope in enumerate(scopes_of(kind)):
            condition = {f"{PREFERENCES}__scope": scope, f"{PREFERENCES}__channel": channel.name}
            rows = rows.annotate(
                **{f"choice{number}": FilteredRelation(PREFERENCES, condition=Q(**condition))}
            )
            names.append(f"choice{number}__frequency")
        frequency = Coalesce(*names, Value(default, output_field=text))
    users: Any = get_user_model()._base_manager.using(rows.db)
    rows = rows.filter(recipient__in=channel.reachable(active(users)))
    if not fresh:
        there = Delivery.objects.using(rows.db).filter(notification=OuterRef("pk"), channel=channel.name)
        rows = rows.exclude(Exists(there))
    rows = rows.alias(frequency_=frequency)
    if not kind.critical:
        rows = rows.exclude(frequency_=Frequency.OFF.value)
    due = moment(now) if kind.critical else due_case(kind, channel, now)
    found: models.QuerySet[Any] = rows.order_by().values_list(
        "pk",
        "recipient_id",
        Value(channel.name, output_field=text),
        F("frequency_"),
        due,
        due,
    )
    return found


def due_case(kind: type[NotificationType], channel: Channel, now: datetime) -> Case:
    """Return when a delivery is due, by its frequency and the schedule of its recipient."""
    moments = default_moments(now)
    delay = kind.email_delay if channel.name == EMAIL else timedelta(0)
    return Case(
        When(frequency_=Frequency.INSTANT.value, then=moment(now + delay)),
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
