"""The arguments of ``notify.send``, validated before anything is written.

Values that some databases refuse are refused on all databases. Every error names the argument, its value and what is
allowed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone as zone
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.utils import timezone
from django.utils.functional import Promise

from notifications.conf import settings
from notifications.events import OBJECTS, Event, event_uuid
from notifications.objects.text import text_problem
from notifications.storage.fields import DataField
from notifications.storage.notification import AbstractNotification

#: How deep arrays and objects may be nested in data. MariaDB's JSON functions accept no more.
MAX_DATA_DEPTH = 31

#: The columns that arguments of their own fill, so that no other keyword may.
OWN_COLUMNS = {
    "level", "recipient", "verb", "description", "timestamp", "public", "data", "event", "reason",
    *(f"{name}_{part}" for name in OBJECTS for part in ("content_type", "object_id")),
}  # fmt: skip


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
    key: Any = None,
    reason: Any = None,
    data: Any = None,
    actor_for_concrete_model: bool = True,
    action_object_for_concrete_model: bool = True,
    target_for_concrete_model: bool = True,
    **extra: Any,
) -> Event:
    """Return the event that these arguments of ``notify.send`` describe.

    Raise TypeError or ValueError, naming the argument, when it cannot be stored on every backend.
    """
    columns, rest = split_columns(model, extra)
    key = None if key is None else clean_key(key)
    return Event(
        uuid=event_uuid(key),
        key=key,
        reason=""
        if reason is None
        else clean_column(model._meta.get_field("reason"), clean_text("reason", reason)),
        actor=clean_object("actor", actor),
        verb=clean_verb(verb),
        action_object=None if action_object is None else clean_object("action_object", action_object),
        target=None if target is None else clean_object("target", target),
        description=None if description is None else clean_text("description", description),
        level=clean_level(model, level),
        public=clean_column(model._meta.get_field("public"), public),
        timestamp=clean_timestamp(timestamp),
        data=clean_data(model._meta.get_field("data"), data, rest),
        columns=columns,
        concrete={
            "actor": actor_for_concrete_model,
            "action_object": action_object_for_concrete_model,
            "target": target_for_concrete_model,
        },
    )


def clean_object(name: str, value: Any) -> models.Model:
    """Return ``value``, a saved model instance whose primary key a row can store as text."""
    if not isinstance(value, models.Model):
        raise TypeError(f"{name} must be a saved model instance, got {value!r}.")
    if value.pk is None:
        raise ValueError(
            f"{name} must be saved before anybody is notified of it, got {value!r} without primary key."
        )
    if isinstance(value.pk, tuple):
        raise TypeError(
            f"{name} has a composite primary key, which a generic foreign key cannot hold: {value!r}."
        )
    if len(clean_text(name, str(value.pk))) > 255:
        raise ValueError(f"{name} has a primary key longer than 255 characters: {value.pk!r}.")
    return value


def clean_text(name: str, value: Any) -> str:
    """Return ``value`` as a str that every backend can store."""
    if not isinstance(value, (str, Promise)):
        raise TypeError(f"{name} must be text, got {value!r}.")
    text = str(value)
    if problem := text_problem(text):
        raise ValueError(f"{name} holds {problem}, which not every database can store: {text!r}.")
    return text


def clean_key(value: Any) -> str:
    """Return the key. An empty one, which a missing value makes, would make one event of many."""
    key = clean_text("key", value)
    if not key.strip():
        raise ValueError(f"key must not be empty, got {key!r}.")
    return key


def clean_verb(value: Any) -> str:
    """Return the verb, between 1 and 255 characters."""
    if value is None:
        raise TypeError('verb is missing: notify.send(actor, verb="closed", ...).')
    verb = clean_text("verb", value)
    if not verb.strip():
        raise ValueError(f"verb must not be empty, got {verb!r}.")
    if len(verb) > 255:
        raise ValueError(f"verb must be at most 255 characters, got {len(verb)}: {verb[:40]!r}...")
    return verb


def clean_level(model: type[AbstractNotification], value: Any) -> str:
    """Return the level, one of ``model.LEVELS``; the model's default for None."""
    if value is None:
        default: str = model._meta.get_field("level").get_default()
        return default
    allowed = [str(level) for level, _ in model.LEVELS]
    if value not in allowed:
        raise ValueError(f"level must be one of {', '.join(allowed)}, got {value!r}.")
    return str(value)


def clean_timestamp(value: Any) -> datetime:
    """Return the time of the event, now for None; aware if USE_TZ is on, otherwise naive."""
    if value is None:
        return timezone.now()
    if not isinstance(value, datetime):
        raise TypeError(f"timestamp must be a datetime, got {value!r}.")
    wants_aware = timezone.is_aware(timezone.now())
    if timezone.is_aware(value) != wants_aware:
        kind = "aware (USE_TZ is True)" if wants_aware else "naive (USE_TZ is False)"
        raise ValueError(f"timestamp must be {kind}, got {value!r}.")
    try:
        if wants_aware:
            value.astimezone(zone.utc)
    except OverflowError as error:
        # PostgreSQL stores such a time, but it cannot be read.
        raise ValueError(f"timestamp must be in the years 1 to 9999 of UTC, got {value!r}.") from error
    return value


def clean_chunk_size(value: Any) -> int | None:
    """Return how many users go into one statement, the setting ``FANOUT_CHUNK`` for None; None for all at once."""
    if value is None:
        return settings.FANOUT_CHUNK
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"chunk_size must be a number of users, got {value!r}.")
    if value < 1:
        raise ValueError(f"chunk_size must be at least 1, got {value!r}.")
    return value


def split_columns(
    model: type[AbstractNotification], extra: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split further keywords into the values of plain columns of the model, by field name, and the rest."""
    columns: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in extra.items():
        try:
            field: Any = model._meta.get_field(name)
        except FieldDoesNotExist:
            field = None
        if (
            field is None
            or not field.concrete
            or field.primary_key
            or field.generated
            or field.name in OWN_COLUMNS
        ):
            rest[name] = value
        else:
            columns[field.name] = clean_column(field, value)
    return columns, rest


def clean_column(field: Any, value: Any) -> Any:
    """Return ``value`` as the column stores it. Raise ValueError, naming the column, when it cannot."""
    if isinstance(value, str):
        value = clean_text(field.name, value)
    if field.remote_field:
        return clean_related(field, value)
    try:
        return field.clean(value, None)
    except ValidationError as error:
        raise ValueError(f"{field.name} cannot be {value!r}: {' '.join(error.messages)}") from error


def clean_related(field: Any, value: Any) -> Any:
    """Return ``value``, a saved instance of the model that the foreign key points at, or None where it may be null."""
    if value is None and field.null:
        return None
    if not isinstance(value, field.related_model) or value.pk is None:
        raise ValueError(f"{field.name} must be a saved {field.related_model.__name__}, got {value!r}.")
    return value


def clean_data(field: Any, data: Any, extra: Mapping[str, Any]) -> Any:
    """Return what goes to ``data``: the dict ``data`` merged with the extra keywords, as JSON reads it back; else None.

    Raise TypeError for what the field's encoder cannot write, ValueError for NaN, infinity, text that a database
    refuses, nesting deeper than 31 and more than ``MAX_DATA_BYTES`` bytes, each naming the key.
    """
    if data is not None and not isinstance(data, Mapping):
        raise TypeError(f"data must be a dict, got {data!r}. Pass other values under a keyword of their own.")
    merged = {**(data or {}), **extra}
    if not merged:
        return None
    if not settings.USE_JSONFIELD:
        raise TypeError(
            f"{', '.join(map(str, merged))}: this site stores no extra data and the model has no such column. "
            'Remove the argument, or NOTIFICATIONS["USE_JSONFIELD"] = False.'
        )
    encoder = field.json_encoder() if isinstance(field, DataField) else getattr(field, "encoder", None)
    size = 0
    for name, value in merged.items():
        text = encode(name, value, encoder)
        merged[name] = json.loads(text)
        # First, because what judge_json refuses cannot be counted in bytes either.
        judge_json(name, merged[name])
        size += len(f'"{name}": {text}, '.encode())
        if size > settings.MAX_DATA_BYTES:
            raise ValueError(
                f"data is larger than MAX_DATA_BYTES ({settings.MAX_DATA_BYTES} bytes) at key {name!r}, "
                f"which has {len(text)} characters."
            )
    return merged


def encode(name: Any, value: Any, encoder: Any) -> str:
    """Return one value of data as JSON text."""
    if not isinstance(name, str):
        raise TypeError(f"data has the key {name!r}; keys must be text.")
    if problem := text_problem(name):
        raise ValueError(f"data has a key with {problem}, which not every database can store: {name!r}.")
    try:
        return json.dumps(value, cls=encoder, allow_nan=False, ensure_ascii=False)
    except TypeError as error:
        raise TypeError(f"data[{name!r}] cannot be stored as JSON: {error}.") from error
    except RecursionError as error:
        raise ValueError(f"data[{name!r}] is nested deeper than {MAX_DATA_DEPTH}.") from error
    except ValueError as error:
        raise ValueError(f"data[{name!r}] cannot be stored as JSON: {error}.") from error


def judge_json(name: str, value: Any) -> None:
    """Raise ValueError for what in the value of one key some database refuses."""
    # The dict of data itself is the first level.
    pending = [(value, 1)]
    while pending:
        item, depth = pending.pop()
        if isinstance(item, (dict, list)):
            if depth >= MAX_DATA_DEPTH:
                raise ValueError(f"data[{name!r}] is nested deeper than {MAX_DATA_DEPTH}.")
            parts = [*item, *item.values()] if isinstance(item, dict) else item
            pending.extend((part, depth + 1) for part in parts)
        elif isinstance(item, str) and (problem := text_problem(item)):
            raise ValueError(f"data[{name!r}] holds {problem}, which not every database can store.")
