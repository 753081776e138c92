"""Until when a notification is snoozed: the moments to choose from, and one that was typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy as _

from notifications.storage.expressions import judge_moment

#: When a day begins for whoever snoozes until one, and when its evening does.
MORNING, EVENING = time(8), time(18)


@dataclass(frozen=True, slots=True)
class Preset:
    """A moment that can be chosen: the word in the form, what people read, and how it is computed from now."""

    name: str
    title: str | Promise
    moment: Callable[[datetime], datetime]


PRESETS: Mapping[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset("hour", _("In an hour"), lambda now: now + timedelta(hours=1)),
        Preset("evening", _("This evening"), lambda now: at(now, EVENING)),
        Preset("tomorrow", _("Tomorrow morning"), lambda now: at(now, MORNING, days=1)),
        Preset("week", _("Next week"), lambda now: at(now, MORNING, days=7 - now.weekday())),
    )
}


class SnoozeError(ValueError):
    """Nothing can be snoozed until this moment; the text is for the user who chose it."""


def choices() -> list[tuple[str, str | Promise, datetime]]:
    """Return the moments to choose from: the word, what people read, and when it is, the soonest first."""
    found = [(preset.name, preset.title, snooze_until(preset.name)) for preset in PRESETS.values()]
    return sorted(found, key=lambda choice: choice[2])


def snooze_until(text: str) -> datetime:
    """Return the moment that a preset names, or that was typed in the current time zone: "2026-12-24T18:00".

    Raise SnoozeError for one that is past, that cannot be read, or that is not there.
    """
    if not text:
        raise SnoozeError(gettext("Choose a date and time in the future."))
    if text in PRESETS:
        return stored(PRESETS[text].moment(local_now()))
    try:
        day = parse_date(text)
        moment = datetime.combine(day, MORNING) if day else parse_datetime(text)
        if moment is None:
            raise SnoozeError(gettext("“%(text)s” is not a valid date and time.") % {"text": text[:40]})
        until = stored(moment)
        judge_moment(until)
    except SnoozeError:
        raise
    except (ValueError, OverflowError):
        raise SnoozeError(gettext("Choose a date and time in the future.")) from None
    return until


def local_now() -> datetime:
    """Return now, as the clock on the wall shows it."""
    return timezone.localtime() if settings.USE_TZ else timezone.now()


def at(now: datetime, clock: time, *, days: int = 0) -> datetime:
    """Return the next time that the clock shows this, so many days from now or a day later."""
    moment = datetime.combine(now.date() + timedelta(days=days), clock)
    return moment if moment > now.replace(tzinfo=None) else moment + timedelta(days=1)


def stored(moment: datetime) -> datetime:
    """Return a moment as the site stores them: aware under USE_TZ, else naive."""
    if settings.USE_TZ:
        return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
    return timezone.make_naive(moment) if timezone.is_aware(moment) else moment
