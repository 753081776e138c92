"""Actor, action object and target: generic foreign keys that never raise and never cost a query for each row.

Django's own GenericForeignKey raises ValueError, ValidationError or AttributeError where an id does not fit its
model or the content type's app is gone, ``prefetch_related`` included. Here such an object is simply gone (None).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import connections, models, router

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


def primary_key(model: type[models.Model], text: str, using: str | None = None) -> Any:
    """Return the primary key that ``text`` stands for, or None when no row of ``model`` can have it."""
    field: Any = model._meta.pk
    if isinstance(field, models.CompositePrimaryKey):
        return None
    while field.remote_field:
        field = field.target_field
    try:
        value = field.to_python(text)
    except (ValidationError, ValueError, TypeError, OverflowError):
        return None
    if isinstance(field, models.IntegerField):
        # A database answers to a number that is too large for it with an error of its own.
        operations = connections[using or router.db_for_read(model)].ops
        least, most = operations.integer_field_range(field.get_internal_type())
        return value if least <= value <= most else None
    return None if isinstance(value, str) and "\x00" in value else value


def fetch_objects(
    references: Iterable[Reference],
    row: models.Model,
    querysets: Mapping[int, models.QuerySet[Any]] | None = None,
) -> dict[Reference, models.Model]:
    """Return the objects behind the references: one query for each content type, none for what cannot exist.

    ``row`` is one of the rows that hold them; it decides the database, as Django's routers let it. ``querysets`` says
    where else to look for the objects of some content types. An object that is gone is missing from the answer.
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
        objects: models.QuerySet[Any] = model._base_manager.using(router.db_for_read(model, instance=row))
        if querysets and content_type_id in querysets:
            objects = querysets[content_type_id]
        keys = {text: key for text in texts if (key := primary_key(model, text, objects.db)) is not None}
        by_key = objects.in_bulk(set(keys.values()))
        found.update({(content_type_id, text): by_key[key] for text, key in keys.items() if key in by_key})
    return found


class ObjectKey(GenericForeignKey):
    """A generic foreign key whose object reads as None when it is gone, for whatever reason."""

    def contribute_to_class(self, cls: type[models.Model], name: str, **kwargs: Any) -> None:  # type: ignore[override]
        super().contribute_to_class(cls, name, **kwargs)
        # In the place of Django's own access, which is the field itself before Django 6.1 and another class since.
        setattr(cls, name, ObjectAccess(self))

    def reference(self, instance: models.Model) -> Reference | None:
        """Return what the row stores of its object, or None when it stores nothing that can be found."""
        content_type_id = getattr(instance, f"{self.ct_field}_id")
        text = getattr(instance, self.fk_field)
        return None if content_type_id is None or text is None else (content_type_id, str(text))

    def put(self, instance: models.Model, reference: Reference | None, obj: models.Model | None) -> None:
        """Keep the object with the row, and what it was found by, so that a later look need not judge it again."""
        self.set_cached_value(instance, obj)
        instance._state.fields_cache[f"{self.name} found by"] = reference

    def was_found_by(self, instance: models.Model, reference: Reference | None) -> bool:
        """Tell whether what is kept with the row was found by what the row stores now."""
        return bool(instance._state.fields_cache.get(f"{self.name} found by", ()) == reference)


class ObjectAccess:
    """The attribute of a row that reads and writes the object of a generic key, and lets it be prefetched."""

    def __init__(self, key: ObjectKey) -> None:
        self.key = key

    def is_cached(self, instance: models.Model) -> bool:
        """Tell whether the object was fetched, as ``prefetch_related`` asks."""
        return self.key.is_cached(instance)

    def __get__(self, instance: models.Model | None, cls: type[models.Model] | None = None) -> Any:
        if instance is None:
            return self
        reference = self.key.reference(instance)
        if self.key.is_cached(instance):
            cached = self.key.get_cached_value(instance)
            if (
                cached is None
                or self.key.was_found_by(instance, reference)
                or self.is_of(cached, reference, instance._state.db)
            ):
                return cached
        obj = fetch_objects([reference], instance).get(reference) if reference else None
        self.key.put(instance, reference, obj)
        return obj

    def __set__(self, instance: models.Model, obj: models.Model | None) -> None:
        # The id as text from the start, as it is when the row is read back.
        setattr(instance, self.key.ct_field, None if obj is None else self.key.get_content_type(obj=obj))
        setattr(instance, self.key.fk_field, None if obj is None or obj.pk is None else str(obj.pk))
        self.key.set_cached_value(instance, obj)

    def is_of(self, obj: models.Model, reference: Reference | None, using: str | None) -> bool:
        """Tell whether ``obj`` is the object that the row stores now."""
        return (
            reference is not None
            and reference[0] in content_type_ids(obj, using)
            and primary_key(type(obj), reference[1], obj._state.db) == obj.pk
        )

    def get_prefetch_querysets(self, instances: Any, querysets: Any = None) -> tuple[Any, ...]:
        """Answer ``prefetch_related``, in which a ``GenericPrefetch`` may say where the objects come from."""
        chosen = {
            self.key.get_content_type(model=rows.model, using=rows.db).pk: rows for rows in querysets or ()
        }
        references = filter(None, map(self.key.reference, instances))
        found = fetch_objects(references, instances[0], chosen)

        def object_of(row: models.Model) -> int:
            reference = self.key.reference(row)
            return id(found.get(reference) if reference else None)

        # Rows and objects meet by identity: two texts may stand for one key.
        return list(found.values()), id, object_of, True, self.key.name, False


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
        key.put(row, reference, found.get(reference) if reference else None)
