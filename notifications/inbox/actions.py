"""What a user does to rows of theirs in the inbox: the word in the form, on the button, and in the answer.

And until when a notification is snoozed: the moments that people choose from, and one that they type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django.conf import settings as django_settings
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy as _, ngettext_lazy, pgettext_lazy

from notifications.conf import settings
from notifications.models import AbstractNotification
from notifications.storage.expressions import judge_moment
from notifications.storage.querysets import NotificationQuerySet

Rows = NotificationQuerySet[AbstractNotification]


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing to do."""

    name: str
    title: str | Promise
    #: What is said of so many rows when it is done.
    answer: Any
    #: Writes it, and returns how many rows changed. The moment is for "snooze" alone.
    write: Callable[[Rows, Any], int]

    def said_of(self, changed: int) -> str:
        """Return what is said when it was done to so many rows, in the language of the reader."""
        words: str = self.answer % {"count": changed}
        return words


def delete_rows(rows: Rows) -> int:
    """Hide the rows under SOFT_DELETE, else delete them. Return how many."""
    return rows.mark_all_as_deleted() if settings.SOFT_DELETE else rows.delete()[0]


def snooze_rows(rows: Rows, until: datetime) -> int:
    """Put the rows out of sight until a moment. Return how many changed."""
    return rows.snooze_all(until)


VERBS: Mapping[str, Verb] = {
    verb.name: verb
    for verb in (
        Verb(
            "done",
            pgettext_lazy("button", "Done"),
            ngettext_lazy("%(count)d notification is done.", "%(count)d notifications are done.", "count"),
            lambda rows, until: rows.mark_all_as_done(),
        ),
        Verb(
            "undone",
            pgettext_lazy("button", "Not done"),
            ngettext_lazy(
                "%(count)d notification is back in the inbox.",
                "%(count)d notifications are back in the inbox.",
                "count",
            ),
            lambda rows, until: rows.mark_all_as_undone(),
        ),
        Verb(
            "save",
            pgettext_lazy("button", "Save"),
            ngettext_lazy("%(count)d notification is saved.", "%(count)d notifications are saved.", "count"),
            lambda rows, until: rows.save_all(),
        ),
        Verb(
            "unsave",
            pgettext_lazy("button", "Do not save"),
            ngettext_lazy(
                "%(count)d notification is no longer saved.",
                "%(count)d notifications are no longer saved.",
                "count",
            ),
            lambda rows, until: rows.unsave_all(),
        ),
        Verb(
            "snooze",
            pgettext_lazy("button", "Snooze"),
            ngettext_lazy(
                "%(count)d notification is snoozed.", "%(count)d notifications are snoozed.", "count"
            ),
            snooze_rows,
        ),
        Verb(
            "unsnooze",
            pgettext_lazy("button", "Wake up"),
            ngettext_lazy(
                "%(count)d notification is no longer snoozed.",
                "%(count)d notifications are no longer snoozed.",
                "count",
            ),
            lambda rows, until: rows.unsnooze_all(),
        ),
        Verb(
            "read",
            _("Mark as read"),
            ngettext_lazy("%(count)d notification is read.", "%(count)d notifications are read.", "count"),
            lambda rows, until: rows.mark_all_as_read(),
        ),
        Verb(
            "unread",
            _("Mark as unread"),
            ngettext_lazy(
                "%(count)d notification is unread.", "%(count)d notifications are unread.", "count"
            ),
            lambda rows, until: rows.mark_all_as_unread(),
        ),
        Verb(
            "delete",
            _("Delete"),
            ngettext_lazy(
                "%(count)d notification is deleted.", "%(count)d notifications are deleted.", "count"
            ),
            lambda rows, until: delete_rows(rows),
        ),
    )
}

#: What has a button on a row: each thing and its opposite. Who deletes is asked first.
BUTTONS = tuple(verb for verb in VERBS.values() if verb.name != "delete")


def verbs_of(notice: AbstractNotification) -> list[Verb]:
    """Return what a button can do to this row as it stands."""
    names = ["undone" if notice.is_done else "done", "unsave" if notice.saved_at else "save"]
    if notice.is_snoozed:
        names.append("unsnooze")
    else:
        names += ["snooze", "read" if notice.unread else "unread"]
    return [VERBS[name] for name in names]


# Until when something is snoozed

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
        Preset("evening", _("In the evening"), lambda now: at(now, EVENING)),
        Preset("tomorrow", _("Tomorrow morning"), lambda now: at(now, MORNING, days=1)),
        Preset("week", _("Next week"), lambda now: at(now, MORNING, days=7 - now.weekday())),
    )
}


class NotAMoment(ValueError):
    """A moment that nothing can be snoozed until; its text is for the person who chose it."""


def choices() -> list[tuple[str, str | Promise, datetime]]:
    """Return the moments to choose from: the word, what people read, and when it is, the soonest first."""
    found = [(preset.name, preset.title, moment_of(preset.name)) for preset in PRESETS.values()]
    return sorted(found, key=lambda choice: choice[2])


def moment_of(text: str) -> datetime:
    """Return the moment that a preset names, or that was typed in the current time zone: "2026-12-24T18:00".

    Raise NotAMoment for one that is past, that cannot be read, or that is not there.
    """
    if not text:
        raise NotAMoment(gettext("Choose a moment to come."))
    if text in PRESETS:
        return stored(PRESETS[text].moment(local_now()))
    try:
        day = parse_date(text)
        moment = datetime.combine(day, MORNING) if day else parse_datetime(text)
        if moment is None:
            raise NotAMoment(gettext("“%(text)s” is not a date and a time.") % {"text": text[:40]})
        until = stored(moment)
        judge_moment(until)
    except NotAMoment:
        raise
    except (ValueError, OverflowError):
        raise NotAMoment(gettext("Choose a moment to come.")) from None
    return until


def local_now() -> datetime:
    """Return now, as the clock on the wall shows it."""
    return timezone.localtime() if django_settings.USE_TZ else timezone.now()


def at(now: datetime, clock: time, *, days: int = 0) -> datetime:
    """Return the next time that the clock shows this, so many days from now or a day later."""
    moment = datetime.combine(now.date() + timedelta(days=days), clock)
    return moment if moment > now.replace(tzinfo=None) else moment + timedelta(days=1)


def stored(moment: datetime) -> datetime:
    """Return a moment as the site stores them: aware under USE_TZ, else naive."""
    if django_settings.USE_TZ:
        return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
    return timezone.make_naive(moment) if timezone.is_aware(moment) else moment
