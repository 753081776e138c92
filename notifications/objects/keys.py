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

from notifications.objects import visibility
from notifications.storage import fast_queries

#: What a row stores of an object: the id of its content type and its primary key as text.
Reference: TypeAlias = tuple[int, str]


def model_of(content_type_id: int, using: str | None) -> type[models.Model] | None:
    """Return the model class of a content type, or None when the content type or its app is gone."""
    try:
        return ContentType.objects.db_manager(using).get_for_id(content_type_id).model_class()
    except ContentType.DoesNotExist:
        return None


def content_type_ids(obj: models.Model | type[models.Model], using: str | None) -> set[int]:
    """Return the ids of the content types a row may store for an object or model: its own and its concrete one."""
    manager = ContentType.objects.db_manager(using)
    return {manager.get_for_model(obj, for_concrete_model=flag).pk for flag in (True, False)}


def key_field(model: type[models.Model]) -> Any:
    """Return the field that holds the primary keys of ``model``, which a multi-table child has in its parent."""
    field: Any = model._meta.pk
    while field.remote_field:
        field = field.target_field
    return field


def primary_key(model: type[models.Model], text: str, using: str | None = None) -> Any:
    """Return the primary key that ``text`` stands for, or None when no row of ``model`` can have it."""
    return primary_keys(model, [text], using).get(text)


def primary_keys(model: type[models.Model], texts: Iterable[str], using: str | None = None) -> dict[str, Any]:
    """Return the primary keys that these texts stand for, without those that no row of ``model`` can have."""
    field, found = key_field(model), {}
    if isinstance(field, models.CompositePrimaryKey):
        return {}
    least = most = None
    if isinstance(field, models.IntegerField):
        # A database answers to a number that is too large for it with an error of its own.
        operations = connections[using or router.db_for_read(model)].ops
        least, most = operations.integer_field_range(field.get_internal_type())
    for text in texts:
        try:
            key = field.to_python(text)
        except (ValidationError, ValueError, TypeError, OverflowError):
            continue
        if key is None or (isinstance(key, str) and "\x00" in key):
            continue
        if least is None or least <= key <= most:
            found[text] = key
    return found


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
        chosen = querysets.get(content_type_id) if querysets else None
        database = router.db_for_read(model, instance=row) if chosen is None else chosen.db
        keys = primary_keys(model, texts, database)
        wanted = set(keys.values())
        by_key = objects_of(model, wanted, database) if chosen is None else chosen.in_bulk(wanted)
        found.update({(content_type_id, text): by_key[key] for text, key in keys.items() if key in by_key})
    return found


def objects_of(model: type[models.Model], keys: set[Any], using: str) -> dict[Any, models.Model]:
    """Return the objects with these primary keys, by primary key."""
    found = fast_queries.by_primary_key(model, keys, using)
    # An order would only cost time.
    return model._base_manager.using(using).order_by().in_bulk(keys) if found is None else found


class ObjectKey(GenericForeignKey):
    """A generic foreign key whose object reads as None when it is gone, for whatever reason.

    ``reader`` names the foreign key to the user who reads the row: what they may not see is None as well.
    """

    def __init__(self, ct_field: str, fk_field: str, *, reader: str) -> None:
        super().__init__(ct_field, fk_field)
        self.reader = reader

    def contribute_to_class(self, cls: type[models.Model], name: str, **kwargs: Any) -> None:  # type: ignore[override]
        super().contribute_to_class(cls, name, **kwargs)
        self.type_column, self.found_by = f"{self.ct_field}_id", f"{name} found by"
        self.hidden_by = f"{name} is hidden"
        # In the place of Django's own access, which is the field itself before Django 6.1 and another class since.
        setattr(cls, name, ObjectAccess(self))

    def reference(self, instance: models.Model) -> Reference | None:
        """Return what the row stores of its object, or None when it stores nothing that can be found."""
        content_type_id, text = getattr(instance, self.type_column), getattr(instance, self.fk_field)
        return None if content_type_id is None or text is None else (content_type_id, str(text))

    def put(self, instance: models.Model, reference: Reference | None, obj: models.Model | None) -> None:
        """Keep the object with the row, and what it was found by, so that a later look need not judge it again."""
        self.set_cached_value(instance, obj)
        instance._state.fields_cache[self.found_by] = reference

    def is_hidden(self, instance: models.Model) -> bool:
        """Tell whether there is an object that the reader of the row may not see."""
        return getattr(instance, self.name) is None and self.hidden_by in instance._state.fields_cache

    def look(self, instance: models.Model, obj: models.Model) -> tuple[Any, Any, models.Model]:
        """Return who looks at the object: the reader's primary key, the reader if at hand, and the object."""
        field: Any = instance._meta.get_field(self.reader)
        reader = field.get_cached_value(instance, default=None)
        return getattr(instance, field.attname), reader, obj

    def was_found_by(self, instance: models.Model, reference: Reference | None) -> bool:
        """Tell whether what is kept with the row was found by what the row stores now."""
        return bool(instance._state.fields_cache.get(self.found_by, ()) == reference)


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
        attach([(instance, self.key, reference)])
        return self.key.get_cached_value(instance)

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
    attach(
        (row, key, key.reference(row))
        for row in rows
        for key in row._meta.private_fields
        if isinstance(key, ObjectKey) and not key.is_cached(row)
    )


def attach(wanted: Iterable[tuple[models.Model, ObjectKey, Reference | None]]) -> None:
    """Fetch the objects of some keys of some rows and put those in place that the readers of the rows may see."""
    wanted = list(wanted)
    if not wanted:
        return
    found = fetch_objects((reference for _, _, reference in wanted if reference), wanted[0][0])
    placed = [
        (row, key, reference, found.get(reference) if reference else None) for row, key, reference in wanted
    ]
    looks = (key.look(row, obj) for row, key, _, obj in placed if obj is not None)
    hidden = visibility.hidden(looks, wanted[0][0]._state.db)
    for row, key, reference, obj in placed:
        is_hidden = bool(hidden) and obj is not None and (key.look(row, obj)[0], id(obj)) in hidden
        if is_hidden:
            row._state.fields_cache[key.hidden_by] = True
        key.put(row, reference, None if is_hidden else obj)
