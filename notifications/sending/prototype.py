"""The row that is written for each recipient of an event, and how these rows can differ."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models.signals import post_init, post_save, pre_init, pre_save
from django.utils import timezone

from notifications.events import OBJECTS, Event
from notifications.objects.fetch import stored_key
from notifications.sending.keywords import fields_set, is_expression
from notifications.storage.notification import AbstractNotification

N = TypeVar("N", bound=AbstractNotification)


def prototype(model: type[N], event: Event, using: str) -> N:
    """Return an unsaved row of this event, complete but for its recipient."""
    row = model(
        verb=event.verb,
        level=event.level,
        description=event.description,
        timestamp=event.timestamp,
        public=event.public,
        data=event.data,
        event=event.uuid,
        reason=event.reason,
    )
    content_types = ContentType.objects.db_manager(using)
    for name in OBJECTS:
        obj = getattr(event, name)
        if obj is not None:
            key: Any = model._meta.get_field(name)
            content_type = content_types.get_for_model(obj, for_concrete_model=event.concrete.get(name, True))
            setattr(row, key.ct_field, content_type)
            setattr(row, key.fk_field, stored_key(obj))
    # After the objects, as in the older packages: actor_object_id= overrides that of the actor.
    for attribute, value in (*event.columns.items(), *event.attributes.items()):
        setattr(row, attribute, value)
    row.settle_read_at()
    return row


def rows_save_themselves(model: type[AbstractNotification], event: Event) -> bool:
    """Return whether each row must be saved by ``save()``: it is overridden, or ``pre_save`` has a receiver.

    The same applies if ``post_save`` has a receiver and the event has a key, because only ``save()`` knows which rows
    are new, or has attributes that are not columns, because a row that is read again would not have them.
    """
    return (
        model.save is not AbstractNotification.save
        or model.save_base is not models.Model.save_base
        or bool(model._meta.parents)
        or pre_save.has_listeners(model)
        or ((event.key is not None or bool(event.attributes)) and post_save.has_listeners(model))
    )


def rows_are_constant(model: type[AbstractNotification], event: Event) -> bool:
    """Return whether the rows of an event differ only in the recipient and the automatic primary key."""
    return not (
        rows_save_themselves(model, event)
        or model.__init__ is not models.Model.__init__
        or pre_init.has_listeners(model)
        or post_init.has_listeners(model)
        or any(map(is_expression, event.columns.values()))
        or varying_fields(model) - fields_set(model, event.columns)
    )


@cache
def varying_fields(model: type[AbstractNotification]) -> frozenset[str]:
    """Return the names of the columns that differ between the rows of an event unless the event sets them."""
    return frozenset(field.name for field in model._meta.local_concrete_fields if varies(field))


#: The default of ``timestamp`` as the model has it, also while a test replaces the clock.
NOW = timezone.now

#: The methods by which Django's own columns give each row of an event the same value.
CONSTANT_PRE_SAVES = {
    models.Field.pre_save,
    models.DateField.pre_save,
    models.DateTimeField.pre_save,
    models.TimeField.pre_save,
}


def varies(field: models.Field[Any, Any]) -> bool:
    """Return whether ``save()`` would give each row its own value of this column, or its own SQL."""
    if field.primary_key:
        return not isinstance(field, models.AutoField)
    if getattr(field, "generated", False):
        return False
    own_value = field.has_default() and callable(field.default) and field.default is not NOW
    return (
        own_value
        or field.unique
        or type(field).pre_save not in CONSTANT_PRE_SAVES
        or hasattr(field, "get_placeholder")
        or hasattr(field, "get_placeholder_sql")
    )
