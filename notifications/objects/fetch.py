"""The objects behind the generic keys of rows: one query for each content type, None for what is gone.

Django's own GenericForeignKey raises ValueError, ValidationError or AttributeError where an id does not fit its
model or the content type's app is gone, ``prefetch_related`` included. Here such an object is simply gone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, TypeAlias
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import DatabaseError, InterfaceError, connections, models, router

from notifications.objects.fast_fetch import by_primary_key
from notifications.objects.guard import report
from notifications.objects.isolation import fetch_isolated
from notifications.objects.text import text_of, text_problem

#: What a row stores of an object: the id of its content type and its primary key as text.
Reference: TypeAlias = tuple[int, str]


class Lost(str, Enum):
    """Why an object is None, if it was not simply deleted."""

    #: The viewer of the row may not see it.
    HIDDEN = "hidden"
    #: Code of the site failed while the object was loaded.
    UNAVAILABLE = "unavailable"
    #: Its content type was deleted.
    TYPELESS = "typeless"


def model_of(content_type_id: int, using: str | None) -> type[models.Model] | None:
    """Return the model class of a content type, or None if the content type or its app was removed."""
    try:
        return ContentType.objects.db_manager(using).get_for_id(content_type_id).model_class()
    except ContentType.DoesNotExist:
        return None


def models_of(content_type_ids: Iterable[int], using: str | None) -> dict[int, type[models.Model] | None]:
    """Return the model classes of these content types, or None if the app was removed. Deleted types are left out.

    Costs no query for types that are cached in this process, and two queries if some were deleted, whatever their
    number.
    """
    manager, found = ContentType.objects.db_manager(using), {}
    left = list(content_type_ids)
    while left:
        content_type_id = left.pop()
        try:
            found[content_type_id] = manager.get_for_id(content_type_id).model_class()
        except ContentType.DoesNotExist:
            there = set(manager.filter(pk__in=left).values_list("pk", flat=True)) if left else set()
            left = [each for each in left if each in there]
    return found


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


def is_numbered(model: type[models.Model]) -> bool:
    """Return whether the primary keys of ``model`` are numbers, which rows have in the order in which they arrive."""
    return isinstance(key_field(model), models.IntegerField)


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
        except Exception as error:  # noqa: BLE001 - the field may be the site's
            report(f"{model._meta.label}.{field.name}", "its to_python()", error)
            continue
        if key is None or (isinstance(key, str) and text_problem(key)):
            continue
        if least is None or least <= key <= most:
            found[text] = key
    return found


def stored_key(obj: models.Model) -> str:
    """Return the primary key of an object as the text that rows store.

    It is the same for each spelling in which a site may have set it: that of a UUID, for one, may be in upper case.
    """
    text = text_of(obj.pk)
    if isinstance(obj.pk, (int, UUID)):
        # They have one spelling.
        return text
    key = primary_key(obj.__class__, text, obj._state.db)
    return text if key is None else str(key)


def fetch_objects(
    references: Iterable[Reference],
    row: models.Model,
    querysets: Mapping[int, models.QuerySet[Any]] | None = None,
    lost: dict[Reference, Lost] | None = None,
) -> dict[Reference, models.Model]:
    """Return the objects behind the references: one query for each content type, none for what cannot exist.

    ``row`` is one of the rows that hold them; the database routers get it. ``querysets`` are used for the objects of
    some content types. A deleted object is missing in the result. If it is missing for another reason, the reason is
    added to ``lost``.
    """
    using = row._state.db
    texts_by_type: defaultdict[int, set[str]] = defaultdict(set)
    for content_type_id, text in references:
        texts_by_type[content_type_id].add(text)
    found: dict[Reference, models.Model] = {}
    lost = {} if lost is None else lost
    classes = models_of(texts_by_type, using)
    for content_type_id, texts in texts_by_type.items():
        if content_type_id not in classes:
            lost.update(dict.fromkeys(((content_type_id, text) for text in texts), Lost.TYPELESS))
            continue
        model = classes[content_type_id]
        if model is None:
            continue
        chosen = querysets.get(content_type_id) if querysets else None
        database = router.db_for_read(model, instance=row) if chosen is None else chosen.db
        keys = primary_keys(model, texts, database)
        by_key, failed = objects_that_can_be_read(model, set(keys.values()), database, chosen)
        for text, key in keys.items():
            if key in by_key:
                found[content_type_id, text] = by_key[key]
            elif key in failed:
                lost[content_type_id, text] = Lost.UNAVAILABLE
    return found


def objects_that_can_be_read(
    model: type[models.Model], keys: set[Any], using: str, chosen: models.QuerySet[Any] | None
) -> tuple[dict[Any, models.Model], set[Any]]:
    """Return the objects with these primary keys, by primary key, and the keys of those that could not be loaded.

    A manager, a field or an ``__init__`` of the site may fail for some of them.
    """

    def fetch(some: Iterable[Any]) -> dict[Any, models.Model]:
        return objects_of(model, set(some), using) if chosen is None else chosen.in_bulk(some)

    try:
        found, failed = fetch_isolated(fetch, keys, using, fatal=DatabaseError)
    except (DatabaseError, InterfaceError) as error:
        report(f"{model._meta.label} {', '.join(sorted(map(str, keys)))[:100]}", "loading it", error)
        return {}, keys
    for key, problem in failed.items():
        report(f"{model._meta.label} {str(key)[:100]}", "loading it", problem)
    return found, set(failed)


def objects_of(model: type[models.Model], keys: set[Any], using: str) -> dict[Any, models.Model]:
    """Return the objects with these primary keys, by primary key."""
    found = by_primary_key(model, keys, using)
    # An order would only cost time.
    return model._base_manager.using(using).order_by().in_bulk(keys) if found is None else found
