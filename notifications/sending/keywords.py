"""The other keywords of ``notify.send``: columns, attributes of the site's model, or extra data.

As in the older packages, a keyword sets a column of their table, or what the site's own model adds to it. Everything
else is extra data, even if it has the name of a column that only this package has.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import Any

from django.contrib.contenttypes.fields import GenericForeignKey
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models

from notifications.events import OBJECTS
from notifications.objects.text import text_problem
from notifications.storage.notification import AbstractNotification

logger = logging.getLogger("notifications")

#: The columns of the older packages' table that a keyword sets. The others have arguments of their own.
OLDER_COLUMNS = {
    "unread", "deleted", "emailed", *(f"{name}_{part}" for name in OBJECTS for part in ("content_type", "object_id")),
}  # fmt: skip

#: The arguments of ``notify.send`` that have a meaning of their own.
ARGUMENTS = (
    "recipient", "verb", "action_object", "target", "description", "level", "public", "timestamp", "data", "actor",
    *(f"{name}_for_concrete_model" for name in OBJECTS),
    "idempotency_key", "recipient_reason", "fanout_chunk", "on_progress",
)  # fmt: skip

#: The similarity from which a keyword is considered a misspelt argument. "recipients" and "targt" are above it, "date"
#: and "action" below.
LIKENESS = 0.85


def split_keywords(
    model: type[AbstractNotification], extra: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Split keywords into the values of columns, those of other attributes of the site's model, and the rest.

    Raise ValueError or TypeError, naming the keyword, for a value that a column cannot store.
    """
    columns: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in extra.items():
        field = column_of(model, name)
        if field is not None:
            columns[name] = clean_column(field, value, name=name)
        elif is_attribute(model, name):
            attributes[name] = value
        else:
            rest[name] = value
            warn_of_misspelling(name)
    return columns, attributes, rest


def column_of(model: type[AbstractNotification], name: str) -> Any:
    """Return the field that a keyword with its name, or the name of its column, sets, or None."""
    try:
        field: Any = model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    if not field.concrete or field.primary_key or field.generated:
        return None
    is_open = field.name in OLDER_COLUMNS or field.name not in our_columns()
    return field if is_open else None


@cache
def our_columns() -> frozenset[str]:
    """Return the names of the fields that every notification model has."""
    return frozenset(field.name for field in AbstractNotification._meta.local_fields)


@lru_cache(maxsize=1000)
def is_attribute(model: type[AbstractNotification], name: str) -> bool:
    """Return whether the site's own model has an attribute of this name that can be set and is not a column.

    This is a generic foreign key, a property with a setter, or a plain attribute of the class.
    """
    if hasattr(AbstractNotification, name):
        return False
    if any(
        isinstance(field, GenericForeignKey) and field.name == name for field in model._meta.private_fields
    ):
        return True
    found = inspect.getattr_static(model, name, None)
    if isinstance(found, property):
        return found.fset is not None
    return (
        hasattr(model, name)
        and not name.startswith("_")
        and not (callable(found) or hasattr(found, "__get__"))
    )


def clean_column(field: Any, value: Any, *, name: str | None = None) -> Any:
    """Return ``value`` as the column stores it. Raise ValueError, naming the keyword, when it cannot.

    ``name`` is the keyword: that of the field, or of a foreign key's column such as ``team_id``.
    """
    name = name or field.name
    if hasattr(value, "resolve_expression"):
        # An expression of the database, such as Now().
        return value
    if isinstance(value, str) and (problem := text_problem(value)):
        raise ValueError(f"{name} holds {problem}, which not every database can store: {value!r}.")
    if value is None and field.null:
        return None
    if field.remote_field and name == field.name:
        return clean_related(field, value)
    plain = field.target_field if field.remote_field else field
    try:
        cleaned = plain.to_python(value)
        if cleaned is None:
            raise ValidationError("It is not null.")
        plain.run_validators(cleaned)
    except ValidationError as error:
        raise ValueError(f"{name} cannot be {value!r}: {' '.join(error.messages)}") from error
    except Exception as error:
        # A field of the site can raise anything.
        raise ValueError(f"{name} cannot be {value!r}: {error}") from error
    return cleaned


def clean_related(field: Any, value: Any) -> Any:
    """Return ``value``, a saved instance of the model that the foreign key refers to."""
    model = field.related_model
    if not isinstance(value, model._meta.concrete_model) or value.pk is None:
        raise ValueError(
            f"{field.name} must be a saved {model.__name__}, got {value!r}. Its primary key goes into {field.attname}."
        )
    return value


def warn_of_misspelling(name: str) -> None:
    """Log that a keyword that looks like a misspelt argument is extra data."""
    if meant := meant_by(name):
        logger.warning("notify.send() got %s=, which is extra data. Did you mean %s=?", name, meant)


@lru_cache(maxsize=1000)
def meant_by(name: str) -> str | None:
    """Return the argument that was probably meant by a keyword, or None."""
    return next(iter(get_close_matches(name, ARGUMENTS, n=1, cutoff=LIKENESS)), None)


def is_expression(value: Any) -> bool:
    """Return whether the database computes the value."""
    return hasattr(value, "resolve_expression")


def fields_set(model: type[models.Model], columns: Mapping[str, Any]) -> set[str]:
    """Return the names of the fields whose columns these keywords set."""
    return {model._meta.get_field(name).name for name in columns}
