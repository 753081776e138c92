"""The arguments of ``notify.send``, validated before anything is written.

Values that some databases refuse are refused on all databases. Every error names the argument, its value and what is
allowed.
"""

from __future__ import annotations

import logging
import warnings
from datetime import date, datetime, timezone as zone
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.functional import Promise

from notifications.conf import settings
from notifications.events import Event, event_uuid
from notifications.objects.text import text_of, text_problem
from notifications.sending.data import clean_data
from notifications.sending.keywords import clean_column, split_keywords
from notifications.sending.naming import shown
from notifications.storage.notification import AbstractNotification
from notifications.storage.querysets import levels_of
from notifications.types import typed_data

logger = logging.getLogger("notifications")

#: The first and the last day that an event may have. Those before and after have no name in some time zones.
FIRST_DAY, LAST_DAY = date(1, 1, 2), date(9999, 12, 30)

#: The most users in one statement. More than that is all of them, and a larger number is none that databases know.
MAX_CHUNK = 10**9


def clean_event(
    model: type[AbstractNotification],
    actor: Any,
    /,
    *,
    verb: Any = None,
    action_object: Any = None,
    target: Any = None,
    description: Any = None,
    level: Any = None,
    public: Any = True,
    timestamp: Any = None,
    idempotency_key: Any = None,
    recipient_reason: Any = None,
    data: Any = None,
    actor_for_concrete_model: bool = True,
    action_object_for_concrete_model: bool = True,
    target_for_concrete_model: bool = True,
    **extra: Any,
) -> Event:
    """Return the event that these arguments of ``notify.send`` describe.

    Raise TypeError or ValueError, naming the argument, when it cannot be stored on every backend.
    """
    if "actor" in extra:
        actor = clean_second_actor(actor, extra.pop("actor"))
    columns, attributes, rest = split_keywords(model, extra)
    verb = clean_verb(model._meta.get_field("verb"), verb)
    data, rest, is_strict = typed_data(verb, data, rest)
    key = None if idempotency_key is None else clean_key(idempotency_key)
    reason = "" if recipient_reason is None else clean_text("recipient_reason", recipient_reason)
    event = Event(
        uuid=event_uuid(key),
        key=key,
        reason=clean_column(model._meta.get_field("reason"), reason, name="recipient_reason"),
        actor=clean_object("actor (the sender)", actor),
        verb=verb,
        action_object=None if action_object is None else clean_object("action_object", action_object),
        target=None if target is None else clean_object("target", target),
        description=None if description is None else storable_text("description", description),
        level=clean_level(model, level),
        public=clean_public(public),
        timestamp=clean_timestamp(model._meta.get_field("timestamp"), timestamp),
        data=clean_data(model._meta.get_field("data"), data, rest, is_strict=is_strict),
        columns=columns,
        attributes=attributes,
        concrete={
            "actor": actor_for_concrete_model,
            "action_object": action_object_for_concrete_model,
            "target": target_for_concrete_model,
        },
    )
    return event


def clean_second_actor(sender: Any, actor: Any) -> Any:
    """Return the actor if ``actor=`` is passed in addition to the sender.

    As in django-notifications-hq, ``actor=`` is used if ``USE_JSONFIELD`` is set to True, and ignored otherwise.
    """
    if actor is None:
        return sender
    if settings.is_set("USE_JSONFIELD") and settings.USE_JSONFIELD:
        return clean_object("actor", actor)
    # Not ==, which can be code of the site.
    if not (isinstance(sender, models.Model) and models.Model.__eq__(sender, actor) is True):
        logger.warning(
            "notify.send() got actor=%s beside the sender %s, and ignores it: USE_JSONFIELD is not set to True.",
            shown(actor),
            shown(sender),
        )
    return sender


def clean_object(name: str, value: Any) -> models.Model:
    """Return ``value``, a saved model instance whose primary key a row can store as text."""
    if not isinstance(value, models.Model):
        raise TypeError(f"{name} must be a saved model instance, got {shown(value)}.")
    if value.pk is None:
        raise ValueError(
            f"{name} must be saved before anybody is notified of it, got {shown(value)} without primary key."
        )
    if isinstance(value.pk, tuple):
        raise TypeError(
            f"{name} has a composite primary key, which a generic foreign key cannot hold: {shown(value)}."
        )
    if len(clean_text(name, str(value.pk))) > 255:
        raise ValueError(f"{name} has a primary key longer than 255 characters: {value.pk!r}.")
    return value


def clean_text(name: str, value: Any) -> str:
    """Return ``value``, a text, as a str that every backend can store."""
    if not isinstance(value, (str, Promise)):
        raise TypeError(f"{name} must be text, got {shown(value)}.")
    return storable_text(name, value)


def storable_text(name: str, value: Any) -> str:
    """Return the text of any value, as a str that every backend can store."""
    try:
        text = text_of(value)
    except Exception as error:
        raise ValueError(
            f"{name} has no text: {error!r} came of {type(value).__name__}.__str__()."
        ) from error
    if problem := text_problem(text):
        raise ValueError(f"{name} holds {problem}, which not every database can store: {text!r}.")
    return text


def clean_key(value: Any) -> str:
    """Return the key. An empty one, which a missing value makes, would make one event of many."""
    key = clean_text("idempotency_key", value)
    if not key.strip():
        raise ValueError(f"idempotency_key must not be empty, got {key!r}.")
    return key


def clean_verb(field: Any, value: Any) -> str:
    """Return the verb, at most as long as the column, which may be the site's own."""
    if value is None:
        raise TypeError('verb is missing: notify.send(actor, verb="closed", ...).')
    verb = storable_text("verb", value)
    if field.max_length is not None and len(verb) > field.max_length:
        raise ValueError(
            f"verb must be at most {field.max_length} characters, got {len(verb)}: {verb[:40]!r}..."
        )
    return verb


def clean_public(value: Any) -> bool:
    """Return whether the row is public: the truth of the value, as in Python."""
    try:
        return bool(value)
    except Exception as error:
        raise TypeError(f"public must be true or false, got {shown(value)}.") from error


def clean_level(model: type[AbstractNotification], value: Any) -> str:
    """Return the level, one of ``model.LEVELS`` or of the choices of the column; the model's default for None.

    A column of the site's own without choices takes any text.
    """
    field: Any = model._meta.get_field("level")
    if value is None:
        default: str = field.get_default()
        return default
    if not field.flatchoices:
        return str(clean_column(field, value))
    allowed = [str(level) for level in levels_of(model)]
    if value not in allowed:
        raise ValueError(f"level must be one of {', '.join(allowed)}, got {shown(value)}.")
    return text_of(value)


def clean_timestamp(field: Any, value: Any) -> datetime:
    """Return the time of the event, now for None; aware if USE_TZ is on, otherwise naive.

    Dates and texts are converted as Django converts them. As in Django, a naive time with USE_TZ is a warning.
    """
    if value is None:
        return timezone.now()
    wants_aware = timezone.is_aware(timezone.now())
    try:
        # Otherwise Django would warn about a naive date itself, with the name of a column.
        moment = value if isinstance(value, datetime) else naively(field, value)
    except (ValidationError, ValueError, TypeError, OverflowError) as error:
        raise TypeError(f"timestamp must be a datetime, got {value!r}.") from error
    if timezone.is_aware(moment) and not wants_aware:
        raise ValueError(f"timestamp must be naive (USE_TZ is False), got {value!r}.")
    try:
        if wants_aware and timezone.is_naive(moment):
            warnings.warn(
                f"notify.send() received a naive timestamp ({value!r}) while time zone support is active.",
                RuntimeWarning,
                stacklevel=2,
            )
            moment = timezone.make_aware(moment)
        # PostgreSQL refuses offsets of 16 hours and more.
        moment = moment.astimezone(zone.utc) if wants_aware else moment
        day: date | None = moment.date()
    except OverflowError:
        # PostgreSQL stores such a time, but it cannot be read.
        day = None
    if day is None or not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"timestamp must be from {FIRST_DAY} to {LAST_DAY} in UTC, got {value!r}.")
    return moment


def naively(field: Any, value: Any) -> datetime:
    """Return the datetime that the field makes of a date or a text."""
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - aware a moment later, in the site's zone
    if not isinstance(value, str):
        raise TypeError
    found: datetime = field.to_python(value)
    return found


def clean_fanout_chunk(value: Any) -> int | None:
    """Return how many users go into one statement, the setting ``FANOUT_CHUNK`` for None; None for all at once."""
    if value is None:
        return None if settings.FANOUT_CHUNK is None else min(settings.FANOUT_CHUNK, MAX_CHUNK)
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"fanout_chunk must be a number of users, got {value!r}.")
    if value < 1:
        raise ValueError(f"fanout_chunk must be at least 1, got {value!r}.")
    return min(value, MAX_CHUNK)
