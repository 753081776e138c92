"""The page of preferences: what it shows, and what its form changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.db import router
from django.utils.dates import WEEKDAYS
from django.utils.translation import get_language, gettext

from notifications.contrib.delivery.channels import Channel, get_channels
from notifications.contrib.delivery.choices import (
    EVERYTHING,
    Frequency,
    Status,
    category_scope,
    frequency_label,
    type_scope,
)
from notifications.contrib.delivery.clocks import (
    as_utc,
    day_in,
    find_zone,
    loaded,
    quiet_times,
    stored,
    stored_until,
    time_of,
    utc_now,
    zone_named,
)
from notifications.contrib.delivery.models import Delivery, Schedule
from notifications.contrib.delivery.preferences import (
    choices_of,
    choose_all,
    decide,
    default_frequency,
)
from notifications.inbox.snooze import yet_to_come
from notifications.storage.databases import at_home
from notifications.storage.expressions import moment_of
from notifications.storage.locking import hold, retry, writing
from notifications.storage.owners import user_pk
from notifications.types import NotificationType, all_types, category_label, type_label

#: The beginning of the name of a field that chooses a frequency: "choice:<channel>:<scope>".
CHOICE = "choice"


class NotValid(ValueError):
    """The form has a value that cannot be stored. The text is for the user."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What holds for a scope on a channel."""

    channel: str
    #: The choice of the user, or empty for that of a wider scope.
    chosen: str
    #: The frequency that holds, or empty for a scope of several types that have no choice.
    holds: str
    is_locked: bool
    is_offered: bool

    @property
    def label(self) -> str:
        """Return the name of the frequency that holds."""
        return frequency_label(self.holds)


@dataclass(frozen=True, slots=True)
class Row:
    """A scope, with a cell for each channel."""

    scope: str
    label: str
    #: 0 for everything, 1 for a category, 2 for a type.
    depth: int
    cells: list[Cell]


def table(user: Any) -> list[Row]:
    """Return the rows of the page: everything, and each category with its types. Costs one query."""
    chosen, channels = choices_of([user])[user_pk(user)], list(get_channels().values())

    def group(scope: str, label: str, depth: int) -> Row:
        cells = [
            Cell(each.name, found, found, is_locked=False, is_offered=True)
            for each in channels
            for found in [chosen.get((scope, each.name), "")]
        ]
        return Row(scope, label, depth, cells)

    rows = [group(EVERYTHING, gettext("All notifications"), 0)]
    for kinds in by_category().values():
        rows.append(group(category_scope(kinds[0]), category_label(kinds[0]), 1))
        rows += [
            Row(type_scope(kind), type_label(kind), 2, [cell(kind, channel, chosen) for channel in channels])
            for kind in kinds
        ]
    return rows


def by_category() -> dict[str, list[type[NotificationType]]]:
    """Return the types by category, in the order of their registration."""
    found: dict[str, list[type[NotificationType]]] = {}
    for kind in all_types():
        found.setdefault(kind.category, []).append(kind)
    return found


def cell(kind: type[NotificationType], channel: Channel, chosen: Mapping[tuple[str, str], str]) -> Cell:
    """Return what holds for a type on a channel."""
    offered = default_frequency(kind, channel) is not None
    return Cell(
        channel.name,
        chosen.get((type_scope(kind), channel.name), ""),
        decide(kind, channel, chosen).frequency,
        is_locked=kind.critical,
        is_offered=offered,
    )


def schedule_of(user: Any) -> Schedule:
    """Return the schedule of a user, unsaved if there is none. Costs one query."""
    rows = at_home(Schedule.objects.all())
    return rows.filter(user=user).first() or Schedule(user=user)


def quiet_rows(schedule: Schedule) -> list[tuple[int, str, str, str]]:
    """Return each weekday with its name and when its quiet hours begin and end, empty if there are none."""
    found = []
    for day, name in WEEKDAYS.items():
        times = quiet_times(schedule.quiet, day)
        begins, ends = [f"{each:%H:%M}" for each in times] if times else ("", "")
        found.append((day, str(name), begins, ends))
    return found


def paused_until(schedule: Schedule) -> str:
    """Return until when everything is paused, by the clock of the user, as a form has it; empty if it is over."""
    if schedule.paused_until is None:
        return ""
    until, zone = loaded(schedule.paused_until), zone_named(schedule.time_zone)
    # A pause without end was not made by this page, which cannot show it.
    if until <= utc_now() or day_in(zone, until) is None:
        return ""
    return f"{until.astimezone(zone):%Y-%m-%dT%H:%M}"


@cache
def zones() -> list[str]:
    """Return the names of all time zones."""
    return sorted(available_timezones())


def state(user: Any) -> dict[str, Any]:
    """Return the preferences and the schedule of a user as JSON has them. Costs two queries."""
    schedule = schedule_of(user)
    return {
        "choices": [
            {
                "scope": row.scope,
                "channel": each.channel,
                "chosen": each.chosen or None,
                "frequency": each.holds or None,
                "locked": each.is_locked,
            }
            for row in table(user)
            for each in row.cells
            if each.is_offered
        ],
        "schedule": {
            "time_zone": schedule.time_zone,
            "digest_time": f"{schedule.digest_time:%H:%M}",
            "digest_weekday": schedule.digest_weekday,
            "quiet": schedule.quiet,
            "paused_until": schedule.paused_until,
        },
    }


# What the form changes


def save(user: Any, data: Mapping[str, str]) -> None:
    """Store what a form says. Only what it names is changed. Raise NotValid, with nothing stored, for other values."""
    choices = chosen_in(data)
    fields = SCHEDULE_FIELDS & data.keys()
    days = {day for day in WEEKDAYS if {f"quiet_from_{day}", f"quiet_to_{day}"} & data.keys()}
    if not (choices or fields or days):
        # A client that sends JSON, or misspells a name, is not to believe that it was stored.
        raise NotValid(gettext("This choice is not possible."))
    using = router.db_for_write(Schedule)

    def write() -> None:
        with writing(using):
            choose_all(user, choices)
            if fields or days:
                schedule = hold(Schedule.objects.using(using), "time_zone", user=user).get()
                before = (schedule.time_zone, schedule.digest_time, schedule.digest_weekday)
                silent_before = (schedule.quiet, schedule.paused_until)
                silent_until = schedule.silent_until(utc_now())
                fill(schedule, data, fields, days)
                schedule.save(using=using)
                is_silent_otherwise = silent_before != (schedule.quiet, schedule.paused_until)
                if is_silent_otherwise and silent_until is not None:
                    ask_again(user, using, silent_until)
                after = (schedule.time_zone, schedule.digest_time, schedule.digest_weekday)
                if is_silent_otherwise or before != after:
                    move_digests(schedule, using)

    retry(write, using)


#: The fields of the form that change a schedule, beside the quiet hours of each day.
SCHEDULE_FIELDS = {"time_zone", "digest_time", "digest_weekday", "paused_until"}


def chosen_in(data: Mapping[str, str]) -> dict[tuple[str, str], str | None]:
    """Return the choices in the data of a form. Raise NotValid for what cannot be chosen."""
    possible = {EVERYTHING, *map(category_scope, all_types())}
    found: dict[tuple[str, str], str | None] = {}
    for name, value in data.items():
        prefix, _, rest = name.partition(":")
        if prefix != CHOICE:
            continue
        channel, _, scope = rest.partition(":")
        kinds = [kind for kind in all_types() if type_scope(kind) == scope and not kind.critical]
        is_known = scope in possible or any(
            default_frequency(kind, get_channels()[channel]) is not None
            for kind in kinds
            if channel in get_channels()
        )
        if channel not in get_channels() or not is_known or value not in {"", *Frequency.values}:
            raise NotValid(gettext("This choice is not possible."))
        found[scope, channel] = value or None
    return found


def fill(schedule: Schedule, data: Mapping[str, str], names: set[str], days: set[int]) -> None:
    """Change these fields of a schedule, and the quiet hours of these days, as a form says, without saving it."""
    if "time_zone" in names:
        zone = data["time_zone"].strip()
        if zone and (find_zone(zone) is None or len(zone) > 64):
            raise NotValid(gettext("This time zone is not known."))
        schedule.time_zone = zone
    if "digest_time" in names:
        at = time_of(data["digest_time"])
        if at is None:
            raise NotValid(gettext("Enter a valid time."))
        schedule.digest_time = at.replace(second=0, microsecond=0)
    if "digest_weekday" in names:
        if data["digest_weekday"] not in {str(day) for day in WEEKDAYS}:
            raise NotValid(gettext("Choose a day of the week."))
        schedule.digest_weekday = int(data["digest_weekday"])
    quiet = {**(schedule.quiet if isinstance(schedule.quiet, Mapping) else {}), **quiet_in(data, days)}
    schedule.quiet = {day: times for day, times in quiet.items() if times}
    if "paused_until" in names:
        schedule.paused_until = pause_in(data["paused_until"], schedule)
    schedule.language = get_language() or ""
    schedule.settle()


def quiet_in(data: Mapping[str, str], days: set[int]) -> dict[str, list[str]]:
    """Return the quiet hours of these days in the data of a form. Raise NotValid for what are no hours."""
    found = {}
    for day in days:
        texts = [data.get(f"quiet_{end}_{day}", "").strip() for end in ("from", "to")]
        times = [time_of(text) for text in texts if text]
        shown = [f"{each:%H:%M}" for each in times if each is not None]
        # From 22:00 to 22:00 is never quiet, and the page would show no hours.
        if len({*shown}) != len(texts) and any(texts):
            raise NotValid(gettext("Quiet hours need a time at which they begin, and one at which they end."))
        found[str(day)] = shown
    return found


def pause_in(text: str, schedule: Schedule) -> datetime | None:
    """Return until when everything is paused, by the clock of the user. Raise NotValid for what is no time."""
    if not text.strip():
        return None
    try:
        moment = moment_of(text.strip())
    except ValueError:
        moment = None
    # The first and the last year have no name in some zones.
    if moment is None or not 2000 <= moment.year < 9999:
        raise NotValid(gettext("Enter a valid date and time."))
    clock = moment.replace(tzinfo=moment.tzinfo or zone_named(schedule.time_zone))
    return stored_until(yet_to_come(clock, as_utc, utc_now()))


def waiting(user: Any, using: str) -> Any:
    """Return the deliveries of a user that are not due yet."""
    rows = Delivery.objects.using(using).filter(recipient=user, status=Status.PENDING, token=None)
    return rows.filter(due_at__gt=stored(utc_now()))


def move_digests(schedule: Schedule, using: str) -> None:
    """Let the digests that wait be due at the next moment of the new schedule."""
    for frequency, at in (
        (Frequency.DAILY, schedule.next_daily_at),
        (Frequency.WEEKLY, schedule.next_weekly_at),
    ):
        waiting(schedule.user, using).filter(frequency=frequency).update(due_at=at, next_attempt_at=at)


def ask_again(user: Any, using: str, silent_until: datetime) -> None:
    """Let a worker look at once at what waits for the end of a pause, which may be another one now.

    What is due before that end waits for something else, such as the ``email_delay`` of its type.
    """
    now, frequencies = stored(utc_now()), [Frequency.INSTANT, Frequency.HOURLY]
    rows = waiting(user, using).filter(frequency__in=frequencies, due_at__gte=stored(silent_until))
    rows.update(due_at=now, next_attempt_at=now)
