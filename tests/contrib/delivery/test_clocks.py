"""Digests and quiet hours by the clocks of people, also in the nights in which these change."""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone as fixed
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from notifications.contrib.delivery import clocks
from notifications.contrib.delivery.clocks import as_utc, find_zone, next_at, next_hour, quiet_until, stored


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=fixed.utc)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("zone", "at", "now", "expected"),
    [
        ("Europe/Berlin", time(9), utc(2026, 3, 4, 7, 59), utc(2026, 3, 4, 8)),
        ("Europe/Berlin", time(9), utc(2026, 3, 4, 8), utc(2026, 3, 5, 8)),
        # The clocks skip half past two, and then have it twice.
        ("Europe/Berlin", time(2, 30), utc(2027, 3, 28, 0), utc(2027, 3, 28, 1, 30)),
        ("Europe/Berlin", time(2, 30), utc(2027, 3, 28, 1, 30), utc(2027, 3, 29, 0, 30)),
        ("Europe/Berlin", time(2, 30), utc(2027, 10, 30, 23), utc(2027, 10, 31, 0, 30)),
        ("Europe/Berlin", time(2, 30), utc(2027, 10, 31, 0, 30), utc(2027, 11, 1, 1, 30)),
        # A day that was left out.
        ("Pacific/Apia", time(9), utc(2011, 12, 29, 20), utc(2011, 12, 30, 19)),
        ("Asia/Kathmandu", time(0), utc(2026, 3, 4, 18, 15), utc(2026, 3, 5, 18, 15)),
    ],
)
def test_the_next_digest_is_a_moment_of_the_zone(
    zone: str, at: time, now: datetime, expected: datetime
) -> None:
    assert next_at(now, ZoneInfo(zone), at) == expected


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago"]
)
@pytest.mark.parametrize("at", [time(0), time(2, 30), time(9)])
def test_a_year_has_one_digest_a_day(zone: str, at: time) -> None:
    moment, days = utc(2026, 1, 1), []
    for _ in range(365):
        moment = next_at(moment, ZoneInfo(zone), at)
        days.append(moment.astimezone(ZoneInfo(zone)).date())
    assert days == sorted(set(days))
    assert (days[-1] - days[0]).days == 364


def test_a_weekly_digest_is_on_its_day() -> None:
    # A Wednesday.
    now = utc(2026, 3, 4, 12)
    assert next_at(now, ZoneInfo("UTC"), time(9), 2) == utc(2026, 3, 11, 9)
    assert next_at(now, ZoneInfo("UTC"), time(13), 2) == utc(2026, 3, 4, 13)


def test_the_next_hour_is_after_now() -> None:
    assert next_hour(utc(2026, 3, 4, 12)) == utc(2026, 3, 4, 13)
    assert next_hour(utc(2026, 3, 4, 23, 59, 59)) == utc(2026, 3, 5)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "America", "a\0b", "x" * 300])
def test_a_name_that_is_no_zone_is_that_of_the_site(name: str) -> None:
    assert find_zone(name) is None
    assert str(clocks.zone_named(name)) == "UTC"


NIGHT: dict[str, Any] = {str(day): ["22:00", "07:00"] for day in range(7)}


@pytest.mark.parametrize(
    ("now", "quiet", "expected"),
    [
        (utc(2026, 3, 4, 12), NIGHT, None),
        (utc(2026, 3, 4, 22), NIGHT, utc(2026, 3, 5, 7)),
        (utc(2026, 3, 5, 6, 59), NIGHT, utc(2026, 3, 5, 7)),
        (utc(2026, 3, 5, 7), NIGHT, None),
        (utc(2026, 3, 4, 12), {"2": ["10:00", "13:00"]}, utc(2026, 3, 4, 13)),
        (utc(2026, 3, 5, 12), {"2": ["10:00", "13:00"]}, None),
        # One after the other is one.
        (utc(2026, 3, 4, 12), {"2": ["10:00", "00:00"], "3": ["00:00", "06:00"]}, utc(2026, 3, 5, 6)),
        (utc(2026, 3, 4, 12), {"2": ["10:00", "10:00"]}, None),
        (utc(2026, 3, 4, 12), {"2": ["25:00", "10"]}, None),
        (utc(2026, 3, 4, 12), {"2": "10:00"}, None),
        (utc(2026, 3, 4, 12), {"2": [10, 13]}, None),
        (utc(2026, 3, 4, 12), ["10:00", "13:00"], None),
    ],
)
def test_quiet_hours_are_of_the_wall_clock(now: datetime, quiet: Any, expected: datetime | None) -> None:
    assert quiet_until(now, ZoneInfo("UTC"), quiet) == expected


def test_quiet_hours_that_never_end_are_not_looked_at_for_ever() -> None:
    always = {str(day): ["00:00", "23:59:59.999999"] for day in range(7)}
    always |= {"0": ["00:00", "00:00"]}
    assert quiet_until(utc(2026, 3, 4, 12), ZoneInfo("UTC"), always) is not None
    endless = {str(day): ["12:00", "11:59:59.999999"] for day in range(7)}
    end = quiet_until(utc(2026, 3, 4, 12), ZoneInfo("UTC"), endless)
    assert end is not None
    assert end < utc(2026, 3, 20)


@pytest.mark.parametrize(
    ("evening", "end"),
    [(utc(2027, 3, 27, 22), utc(2027, 3, 28, 5)), (utc(2027, 10, 30, 22), utc(2027, 10, 31, 6))],
)
def test_quiet_hours_end_by_the_clock_in_the_nights_of_the_change(evening: datetime, end: datetime) -> None:
    assert quiet_until(evening, ZoneInfo("Europe/Berlin"), NIGHT) == end


@pytest.mark.parametrize("use_tz", [True, False])
def test_moments_are_stored_as_the_site_stores_them(settings: Any, use_tz: bool) -> None:
    settings.USE_TZ, settings.TIME_ZONE = use_tz, "Europe/Berlin"
    moment = utc(2026, 3, 4, 12)

    kept = stored(moment)

    assert kept.replace(tzinfo=None).hour == (12 if use_tz else 13)
    assert as_utc(kept) == moment
    assert as_utc(moment.astimezone(ZoneInfo("Asia/Tokyo"))) == moment
    assert clocks.utc_now() - utc(2026, 1, 1) > timedelta(0)


@pytest.mark.parametrize("name", [None, ""])
def test_a_site_without_a_time_zone_has_that_of_the_server(settings: Any, name: Any) -> None:
    settings.USE_TZ, settings.TIME_ZONE = False, name
    moment = utc(2026, 3, 4, 12)

    assert as_utc(stored(moment)) == moment
    assert clocks.zone_named("Mars") == datetime.now().astimezone().tzinfo
