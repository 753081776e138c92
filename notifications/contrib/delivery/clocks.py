"""Moments of digests and quiet hours, by the wall clock of a user's time zone.

A moment is found by its day and its time of day, never by counting hours, so the nights in which the clocks change need
no care. Moments are compared in UTC, because Python compares two moments of one zone without their offsets.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, timezone as fixed, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_time

#: When digests are sent to users who chose no time.
DIGEST_TIME, DIGEST_WEEKDAY = time(9), 0

#: The days around a day whose moments can be needed.
DAYS_AROUND = timedelta(days=3)


def utc_now() -> datetime:
    """Return the current moment, aware, in UTC."""
    return as_utc(timezone.now())


def site_zone() -> tzinfo:
    """Return the time zone of the site, that of the server where ``TIME_ZONE`` is None or empty."""
    if settings.TIME_ZONE:
        return timezone.get_default_timezone()
    here = datetime.now().astimezone().tzinfo
    assert here is not None  # noqa: S101 - astimezone() sets it
    return here


def as_utc(moment: datetime) -> datetime:
    """Return a moment aware, in UTC. A naive one is of the site's zone. :func:`loaded` is for those of the database."""
    if timezone.is_naive(moment):
        moment = moment.replace(tzinfo=site_zone())
    return moment.astimezone(fixed.utc)


def loaded(moment: datetime) -> datetime:
    """Return a moment that the database returned, aware, in UTC.

    Without ``USE_TZ``, of a time that comes twice it is the first, also on PostgreSQL, which always says the second.
    """
    return as_utc(moment.replace(fold=0))


def stored(moment: datetime) -> datetime:
    """Return an aware moment as the database stores it: naive without ``USE_TZ``."""
    return moment if settings.USE_TZ else timezone.make_naive(moment, site_zone())


def stored_after(now: datetime, pause: timedelta) -> datetime:
    """Return the moment so long after ``now`` as the database stores it.

    Without ``USE_TZ``, an hour of autumn comes twice. What is later is never stored as what is earlier.
    """
    return max(stored(now + pause), stored(now) + pause)


def stored_until(moment: datetime) -> datetime:
    """Return a moment that is waited for as the database stores it: never as an earlier one.

    Without ``USE_TZ``, of a time that comes twice the database means the first. The second is stored as one later.
    """
    moment = as_utc(moment)
    at = stored(moment).replace(fold=0)
    return at + (moment - as_utc(at))


def zone_named(name: str) -> tzinfo:
    """Return the time zone with this name; that of the site if there is none."""
    return find_zone(name) or site_zone()


def find_zone(name: str) -> tzinfo | None:
    """Return the time zone with this name, or None. Browsers know names that a server may not have."""
    try:
        # An empty name is looked for among the files each time.
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        return None


def next_hour(now: datetime) -> datetime:
    """Return the next full hour after an aware moment, in UTC."""
    return as_utc(now).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def next_at(now: datetime, zone: tzinfo, at: time, weekday: int | None = None) -> datetime:
    """Return the first moment after ``now`` at this time of day, in UTC, on any day or on one weekday (0 is Monday).

    A time that the clocks skip is the moment as long after the change. One that comes twice is the first of both.
    """
    now = as_utc(now)
    day = now.astimezone(zone).date() - timedelta(days=1)
    # A schedule that was not made by the page can have any number.
    wanted = None if weekday is None else weekday % 7
    while True:
        moment = on_day(day, at, zone)
        if moment > now and wanted in (None, day.weekday()):
            return moment
        day += timedelta(days=1)


def on_day(day: Any, at: time, zone: tzinfo) -> datetime:
    """Return the moment of a time of day on a day, in UTC."""
    return datetime.combine(day, at, tzinfo=zone).astimezone(fixed.utc)


def quiet_until(now: datetime, zone: tzinfo, quiet: Mapping[str, Any]) -> datetime | None:
    """Return when the quiet hours that contain ``now`` end, in UTC, or None if it is not quiet.

    ``quiet`` has for a weekday ("0" is Monday) the times of day when it begins and ends: ``{"0": ["22:00", "07:00"]}``.
    If it begins later than it ends, it ends on the next day. Hours that follow one another are one.
    """
    if not quiet:
        return None
    begin = end = as_utc(now)
    # It ends: each of several that follow one another begins earlier in the day than the one before.
    while (day := day_in(zone, end)) and (
        ends := [stop for start, stop in windows(day, zone, quiet) if start <= end < stop]
    ):
        end = max(ends)
    return end if end > begin else None


def day_in(zone: tzinfo, moment: datetime) -> date | None:
    """Return the day of a moment in a time zone, or None for one that is at an end of the calendar."""
    try:
        day = moment.astimezone(zone).date()
    except OverflowError:
        return None
    return day if date.min + DAYS_AROUND < day < date.max - DAYS_AROUND else None


def windows(day: Any, zone: tzinfo, quiet: Any) -> list[tuple[datetime, datetime]]:
    """Return the quiet hours that begin on a day or on the day before, as pairs of moments in UTC."""
    found = []
    for begins in (day - timedelta(days=1), day):
        times = quiet_times(quiet, begins.weekday())
        if times is not None:
            start, stop = times
            ends = begins + timedelta(days=1) if start > stop else begins
            found.append((on_day(begins, start, zone), on_day(ends, stop, zone)))
    return found


def quiet_times(quiet: Any, weekday: int) -> tuple[time, time] | None:
    """Return when the quiet hours that begin on a weekday begin and end, or None if there are none."""
    times = quiet.get(str(weekday)) if isinstance(quiet, Mapping) else None
    if not isinstance(times, list) or len(times) != 2:
        return None
    begins, ends = time_of(times[0]), time_of(times[1])
    return None if begins is None or ends is None or begins == ends else (begins, ends)


def time_of(text: Any) -> time | None:
    """Return the time of day that a text such as "22:00" means, or None."""
    try:
        return parse_time(text)
    except (ValueError, TypeError):
        return None
