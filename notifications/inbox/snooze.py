"""The snooze time: predefined times, and a date and time that the user entered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone as zones
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy as _, pgettext

from notifications.storage.expressions import judge_moment, moment_of, stored

#: The times of day for snoozing until the morning and until the evening.
MORNING, EVENING = time(8), time(18)


@dataclass(frozen=True, slots=True)
class Preset:
    """A predefined time: its name in the form, its title, and how to compute it from the current time."""

    name: str
    title: str | Promise
    moment: Callable[[datetime], datetime]


def in_an_hour(now: datetime) -> datetime:
    """Return when an hour has passed, also in a night in which the clocks are put back."""
    start = now if timezone.is_naive(now) else now.astimezone(zones.utc)
    return start + timedelta(hours=1)


PRESETS: Mapping[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset("hour", _("In an hour"), in_an_hour),
        Preset("evening", _("This evening"), lambda now: at(now, EVENING)),
        Preset("tomorrow", _("Tomorrow morning"), lambda now: at(now, MORNING, days=1)),
        Preset("week", _("Next week"), lambda now: at(now, MORNING, days=7 - now.weekday())),
    )
}


class SnoozeError(ValueError):
    """The snooze time is invalid. The text is the error message for the user."""


def choices() -> list[tuple[str, str | Promise, datetime]]:
    """Return the predefined times, soonest first: name, title, and time."""
    found = [(preset.name, preset.title, snooze_until(preset.name)) for preset in PRESETS.values()]
    return sorted(found, key=lambda choice: choice[2])


def snooze_panel() -> dict[str, Any]:
    """Return what the script shows where it asks until when: a title, texts, buttons, and a field with its button."""
    zone = gettext("Times are in the time zone %(zone)s.") % {"zone": timezone.get_current_timezone_name()}
    buttons = [
        {
            "name": "until",
            "value": name,
            "title": title,
            "note": date_format(local(moment), "SHORT_DATETIME_FORMAT"),
        }
        for name, title, moment in choices()
    ]
    field = {
        "type": "datetime-local",
        "label": gettext("Pick date and time"),
        "name": "until",
        "title": pgettext("button", "Snooze"),
    }
    return {"title": gettext("Snooze until…"), "texts": [zone], "buttons": buttons, "input": field}


def local(moment: datetime) -> datetime:
    """Return a time of a row in the current time zone, as it is if times have none, or if the zone has not this one.

    That is so in the first and the last hours of the calendar.
    """
    try:
        return timezone.localtime(moment) if timezone.is_aware(moment) else moment
    except OverflowError:
        return moment


def snooze_until(text: str) -> datetime:
    """Return the time of a preset, or the time that was entered in the current time zone: "2026-12-24T18:00".

    Raise SnoozeError if it is in the past, invalid or missing.
    """
    if not text:
        raise SnoozeError(gettext("Choose a date and time in the future."))
    if text in PRESETS:
        return stored(PRESETS[text].moment(local_now()))
    try:
        day = parse_date(text)
        moment = datetime.combine(day, MORNING) if day else moment_of(text)
        if moment is None:
            raise SnoozeError(gettext("“%(text)s” is not a valid date and time.") % {"text": text[:40]})
        until = yet_to_come(moment, stored, timezone.now())
        judge_moment(until)
    except SnoozeError:
        raise
    except (ValueError, OverflowError):
        raise SnoozeError(gettext("Choose a date and time in the future.")) from None
    return until


def local_now() -> datetime:
    """Return the current local time."""
    return timezone.localtime() if settings.USE_TZ else timezone.now()


def yet_to_come(clock: datetime, read: Callable[[datetime], datetime], now: datetime) -> datetime:
    """Return the moment that ``read`` makes of a time on a clock: of one that comes twice, the one after ``now``.

    In the night in which the clocks are put back, "02:30" at 02:10 for the second time is in twenty minutes.
    """
    first, second = (read(clock.replace(fold=fold)) for fold in (0, 1))
    return first if first > now else second


def at(now: datetime, clock: time, *, days: int = 0) -> datetime:
    """Return the time of day ``clock`` in this number of days, or one day later if that is in the past."""
    moment = datetime.combine(now.date() + timedelta(days=days), clock)
    return moment if moment > now.replace(tzinfo=None) else moment + timedelta(days=1)
