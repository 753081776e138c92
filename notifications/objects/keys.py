"""The generic foreign keys of a row: actor, action object and target, which never raise.

An object that is gone, for whatever reason, reads as None, and so does one that the user who looks at the row may not
see.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.contenttypes.fields import GenericForeignKey
from django.db import models
from django.utils.functional import Promise

from notifications.objects import visibility
from notifications.objects.fetch import (
    Lost,
    Reference,
    content_type_ids,
    fetch_objects,
    primary_key,
    stored_key,
)

#: Stands for a viewer: each row is viewed by its recipient. It stays itself when a queryset is pickled or copied.
OWNER: Any = ...


class ObjectKey(GenericForeignKey):
    """A generic foreign key whose object is None if it is not available, for any reason.

    ``viewer`` names the foreign key to the user who looks at the row: what they may not see is None as well. The admin
    shows it as ``label``.
    """

    def __init__(self, ct_field: str, fk_field: str, *, viewer: str, label: str | Promise) -> None:
        super().__init__(ct_field, fk_field)
        self.viewer, self.label = viewer, label

    def contribute_to_class(self, cls: type[models.Model], name: str, **kwargs: Any) -> None:  # type: ignore[override]
        super().contribute_to_class(cls, name, **kwargs)
        self.type_column, self.found_by = f"{self.ct_field}_id", f"{name} found by"
        self.lost_by = f"{name} is lost"
        # In the place of Django's own access, which is the field itself before Django 6.1 and another class since.
        setattr(cls, name, ObjectAccess(self))

    def reference(self, instance: models.Model) -> Reference | None:
        """Return what the row stores of its object, or None when it stores nothing that can be found."""
        content_type_id, text = getattr(instance, self.type_column), getattr(instance, self.fk_field)
        return None if content_type_id is None or text is None else (content_type_id, str(text))

    def put(
        self,
        instance: models.Model,
        reference: Reference | None,
        obj: models.Model | None,
        lost: Lost | None = None,
    ) -> None:
        """Cache the object with the row, and the reference by which it was found, so that it is not checked again.

        ``lost`` is the reason why it is None, if it was not simply deleted.
        """
        self.set_cached_value(instance, obj)
        instance._state.fields_cache[self.found_by] = reference
        instance._state.fields_cache[self.lost_by] = lost

    def lost(self, instance: models.Model) -> Lost | None:
        """Return why the object of a row is None, if it was not simply deleted."""
        # First, because the object may not have been fetched yet.
        if getattr(instance, self.name) is not None:
            return None
        lost: Lost | None = instance._state.fields_cache.get(self.lost_by)
        return lost

    def is_hidden(self, instance: models.Model) -> bool:
        """Return whether there is an object that the viewer of the row may not see."""
        return self.lost(instance) is Lost.HIDDEN

    def look(
        self, instance: models.Model, obj: models.Model, viewer: Any = OWNER
    ) -> tuple[Any, Any, models.Model]:
        """Return who looks at the object: the viewer's primary key, the viewer if at hand, and the object."""
        if viewer is not OWNER:
            return viewer.pk, viewer, obj
        field: Any = instance._meta.get_field(self.viewer)
        return getattr(instance, field.attname), field.get_cached_value(instance, default=None), obj

    def was_found_by(self, instance: models.Model, reference: Reference | None) -> bool:
        """Return whether what is kept with the row was found by what the row stores now."""
        return bool(instance._state.fields_cache.get(self.found_by, ()) == reference)


class ObjectAccess:
    """The attribute of a row that reads and writes the object of a generic key, and lets it be prefetched."""

    def __init__(self, key: ObjectKey) -> None:
        self.key = key
        #: By this name the admin finds the title of a column.
        self.short_description = key.label

    def is_cached(self, instance: models.Model) -> bool:
        """Return whether the object was fetched, as ``prefetch_related`` asks."""
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
        setattr(instance, self.key.fk_field, None if obj is None or obj.pk is None else stored_key(obj))
        self.key.set_cached_value(instance, obj)

    def is_of(self, obj: models.Model, reference: Reference | None, using: str | None) -> bool:
        """Return whether ``obj`` is the object that the row stores now."""
        return (
            reference is not None
            and reference[0] in content_type_ids(obj, using)
            and primary_key(obj.__class__, reference[1], obj._state.db) == obj.pk
        )

    def get_prefetch_querysets(self, instances: Any, querysets: Any = None) -> tuple[Any, ...]:
        """Answer ``prefetch_related``, in which a ``GenericPrefetch`` may say where the objects come from."""
        chosen = {
            self.key.get_content_type(model=rows.model, using=rows.db).pk: rows for rows in querysets or ()
        }
        wanted = [(row, self.key, self.key.reference(row)) for row in instances]
        # The visibility rules apply here as well. Objects are matched to rows by identity, because two different texts
        # can be the same key.
        attach(wanted, querysets=chosen)
        found = {id(obj): obj for row in instances if (obj := self.key.get_cached_value(row)) is not None}
        return (
            list(found.values()),
            id,
            lambda row: id(self.key.get_cached_value(row)),
            True,
            self.key.name,
            False,
        )


def attach_objects(rows: Iterable[models.Model], *, viewer: Any = OWNER, again: bool = False) -> None:
    """Fetch the objects of all generic keys of these rows, of one database, at once and put them in place.

    ``viewer`` is the user who looks at them, by default the recipient of each row; None sees everything. What has been
    fetched before, perhaps for another viewer, is fetched ``again`` if that is asked for.
    """
    attach(
        (
            (row, key, key.reference(row))
            for row in rows
            for key in row._meta.private_fields
            if isinstance(key, ObjectKey) and (again or not key.is_cached(row))
        ),
        viewer=viewer,
    )


def attach(
    wanted: Iterable[tuple[models.Model, ObjectKey, Reference | None]],
    *,
    viewer: Any = OWNER,
    querysets: Mapping[int, models.QuerySet[Any]] | None = None,
) -> None:
    """Fetch the objects of some keys of some rows and put those in place that the viewers of the rows may see."""
    wanted = list(wanted)
    if not wanted:
        return
    lost: dict[Reference, Lost] = {}
    references = (reference for _, _, reference in wanted if reference)
    found = fetch_objects(references, wanted[0][0], querysets, lost)
    hidden: set[tuple[Any, int]] = set()
    if viewer is not None:
        looks = (
            key.look(row, found[reference], viewer) for row, key, reference in wanted if reference in found
        )
        hidden = visibility.hidden(looks, wanted[0][0]._state.db)
    for row, key, reference in wanted:
        obj = found.get(reference) if reference else None
        if obj is None:
            key.put(row, reference, None, lost.get(reference) if reference else None)
        elif hidden and (key.look(row, obj, viewer)[0], id(obj)) in hidden:
            key.put(row, reference, None, Lost.HIDDEN)
        else:
            key.put(row, reference, obj)
