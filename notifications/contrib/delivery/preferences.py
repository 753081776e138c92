"""Which frequency holds for a type on a channel: the nearest choice of the user, else the default of the type.

Only what users chose is stored. A choice for the type goes before one for its category, and that before one for
everything; then comes the default of the type, and that of the channel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connections

from notifications.contrib.delivery.channels import Channel
from notifications.contrib.delivery.choices import EVERYTHING, Frequency, scopes_of
from notifications.contrib.delivery.models import MAX_CHANNEL, MAX_SCOPE, Preference
from notifications.objects.text import text_problem
from notifications.storage.databases import at_home
from notifications.storage.locking import retry, writing
from notifications.storage.owners import user_pk
from notifications.types import NotificationType


def default_frequency(kind: type[NotificationType], channel: Channel) -> str | None:
    """Return the frequency that holds until the user chooses another one, or None if the channel is not offered."""
    frequency = kind.channels.get(channel.name, channel.default)
    return frequency if frequency is None or not kind.critical else Frequency.INSTANT.value


@dataclass(frozen=True, slots=True)
class Choice:
    """A frequency, and the rule that decided: critical, type, category, everything, default or not_offered."""

    frequency: str
    rule: str


def decide(kind: type[NotificationType], channel: Channel, chosen: Mapping[tuple[str, str], str]) -> Choice:
    """Return which frequency holds, by the choices of a user: see :func:`choices_of`."""
    default = default_frequency(kind, channel)
    if default is None:
        return Choice(Frequency.OFF.value, "not_offered")
    if kind.critical:
        return Choice(default, "critical")
    for scope, rule in zip(scopes_of(kind), ("type", "category", "everything"), strict=True):
        if (scope, channel.name) in chosen:
            return Choice(chosen[scope, channel.name], rule)
    return Choice(default, "default")


def choices_of(users: Iterable[Any], using: str | None = None) -> dict[Any, dict[tuple[str, str], str]]:
    """Return the choices of users by primary key: the frequency by scope and channel. Costs one query.

    They are read from the database ``using``, by default the one where they are written.
    """
    found: dict[Any, dict[tuple[str, str], str]] = {user_pk(user): {} for user in users}
    # SQL of the site may have stored a frequency that there is not.
    stored = preferences_for_write() if using is None else Preference.objects.using(using)
    rows = stored.filter(user__in=list(found), frequency__in=Frequency.values)
    for user, scope, channel, frequency in rows.values_list("user", "scope", "channel", "frequency"):
        found[user][scope, channel] = frequency
    return found


def preferences_for_write() -> Any:
    """Return all preferences, from the database where they are written."""
    return at_home(Preference.objects.all())


def turn_off(user: Any, scope: str, channel: str) -> None:
    """Turn off a scope on a channel. For everything, choices that are nearer are removed."""
    choices: dict[tuple[str, str], str | None] = {(scope, channel): Frequency.OFF.value}
    if scope == EVERYTHING:
        for other, name in choices_of([user])[user_pk(user)]:
            if name == channel and other != EVERYTHING:
                choices[other, name] = None
    choose_all(user, choices)


def choose(user: Any, scope: str, channel: str, frequency: str | None) -> None:
    """Store a choice, or remove it for None. Raise ValueError like :func:`choose_all`."""
    choose_all(user, {(scope, channel): frequency})


def refuse_unknown(choice: tuple[tuple[str, str], str | None]) -> None:
    """Raise ValueError for a choice that cannot be stored."""
    (scope, channel), frequency = choice
    if frequency is not None and frequency not in Frequency.values:
        raise ValueError(
            f"frequency must be one of {', '.join(Frequency.values)} or None, got {frequency!r}."
        )
    for name, text, most in (("scope", scope, MAX_SCOPE), ("channel", channel, MAX_CHANNEL)):
        if len(text) > most or text_problem(text):
            raise ValueError(
                f"{name} must be a text of at most {most} characters without NUL, got {text[:most]!r}."
            )


def choose_all(user: Any, choices: Mapping[tuple[str, str], str | None]) -> None:
    """Store choices by scope and channel, and remove those that are None. Either all are stored or none.

    Raise ValueError for a frequency that there is not, and for a scope or channel that a database cannot store.
    """
    for choice in choices.items():
        refuse_unknown(choice)
    rows = preferences_for_write()
    # MySQL and MariaDB look at all unique keys.
    has_target = connections[rows.db].features.supports_update_conflicts_with_target

    def write() -> None:
        with writing(rows.db):
            # In one order, so that two requests of a user do not wait for each other in a circle.
            for (scope, channel), frequency in sorted(choices.items()):
                key = {"user": user, "scope": scope, "channel": channel}
                if frequency is None:
                    rows.filter(**key).delete()
                else:
                    # One statement: of two, another request may make the row between them, and a third remove it.
                    rows.bulk_create(
                        [Preference(**key, frequency=frequency)],
                        update_conflicts=True,
                        unique_fields=list(key) if has_target else None,
                        update_fields=["frequency"],
                    )

    retry(write, rows.db)
