"""Actor, action object and target: generic foreign keys that never raise and never cost a query for each row.

Django's own GenericForeignKey raises ValueError, ValidationError or AttributeError where an id does not fit its
model or the content type's app is gone, ``prefetch_related`` included. Here such an object is simply gone (None).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, TypeAlias

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import models, router

#: What a row stores of an object: the id of its content type and its primary key as text.
Reference: TypeAlias = tuple[int, str]


def model_of(content_type_id: int, using: str | None) -> type[models.Model] | None:
    """Return the model class of a content type, or None when the content type or its app is gone."""
    try:
        return ContentType.objects.db_manager(using).get_for_id(content_type_id).model_class()
    except ContentType.DoesNotExist:
        return None


def content_type_ids(obj: models.Model, using: str | None) -> set[int]:
    """Return the ids of the content types a row may store for ``obj``: its own and that of its concrete model."""
    manager = ContentType.objects.db_manager(using)
    return {manager.get_for_model(obj, for_concrete_model=flag).pk for flag in (True, False)}


def primary_key(model: type[models.Model], text: str) -> Any:
    """Return the primary key that ``text`` stands for, or None when no row of ``model`` can have it."""
    field: Any = model._meta.pk
    while field.remote_field:
        field = field.target_field
    try:
        value = field.to_python(text)
        # The range of an integer key is among the validators; a database answers with an error of its own.
        field.run_validators(value)
    except (ValidationError, ValueError, TypeError, OverflowError):
        return None
    return None if isinstance(value, str) and "\x00" in value else value


def fetch_objects(references: Iterable[Reference], row: models.Model) -> dict[Reference, models.Model]:
    """Return the objects behind the references: one query for each content type, none for what cannot exist.

    ``row`` is one of the rows that hold them; it decides the database, as Django's routers let it. An object that
    is gone is missing from the answer.
    """
    using = row._state.db
    texts_by_type: defaultdict[int, set[str]] = defaultdict(set)
    for content_type_id, text in references:
        texts_by_type[content_type_id].add(text)
    found: dict[Reference, models.Model] = {}
    for content_type_id, texts in texts_by_type.items():
        model = model_of(content_type_id, using)
        if model is None:
            continue
        keys = {text: key for text in texts if (key := primary_key(model, text)) is not None}
        manager = model._base_manager.using(router.db_for_read(model, instance=row))
        objects = manager.in_bulk(set(keys.values()))
        found.update({(content_type_id, text): objects[key] for text, key in keys.items() if key in objects})
    return found


class ObjectKey(GenericForeignKey):
    """A generic foreign key whose object reads as None when it is gone, for whatever reason."""

    def reference(self, instance: models.Model) -> Reference | None:
        """Return what the row stores of its object, or None when it stores nothing that can be found."""
        field: Any = instance._meta.get_field(self.ct_field)
        content_type_id = getattr(instance, field.attname)
        text = getattr(instance, self.fk_field)
        return None if content_type_id is None or text is None else (content_type_id, str(text))

    def __get__(self, instance: models.Model | None, cls: type[models.Model] | None = None) -> Any:
        if instance is None:
            return self
        reference = self.reference(instance)
        if self.is_cached(instance):
            cached = self.get_cached_value(instance)
            if cached is None or self.is_of(cached, reference, instance._state.db):
                return cached
        obj = fetch_objects([reference], instance).get(reference) if reference else None
        self.set_cached_value(instance, obj)
        return obj

    def is_of(self, obj: models.Model, reference: Reference | None, using: str | None) -> bool:
        """Tell whether ``obj`` is the object that the row stores now."""
        return (
            reference is not None
            and reference[0] in content_type_ids(obj, using)
            and primary_key(type(obj), reference[1]) == obj.pk
        )


def attach_objects(rows: Iterable[models.Model]) -> None:
    """Fetch the objects of all generic keys of these rows, of one database, at once and put them in place."""
    wanted = [
        (row, key, key.reference(row))
        for row in rows
        for key in row._meta.private_fields
        if isinstance(key, ObjectKey) and not key.is_cached(row)
    ]
    if not wanted:
        return
    found = fetch_objects((reference for _, _, reference in wanted if reference), wanted[0][0])
    for row, key, reference in wanted:
        key.set_cached_value(row, found.get(reference) if reference else None)
