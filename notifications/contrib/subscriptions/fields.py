"""The column that stands for the object of a subscription, and the text in it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models.signals import pre_save

from notifications.objects.fetch import model_of, primary_key

if TYPE_CHECKING:
    TextColumn = models.CharField[Any, Any]
else:
    TextColumn = models.CharField


@cache
def parent_link(model: type[models.Model]) -> Any:
    """Return the field by which a multi-table child points to its parent, or None."""
    fields: Any = model._meta.concrete_model._meta.local_fields  # type: ignore[union-attr]
    return next((field for field in fields if field.remote_field and field.remote_field.parent_link), None)


@cache
def root_of(model: type[models.Model]) -> type[models.Model]:
    """Return the multi-table parent, of all its parents, whose primary key a model has."""
    while (link := parent_link(model)) is not None and link.primary_key:
        model = link.related_model
    return model


def reference_of(obj: models.Model) -> tuple[type[models.Model], Any]:
    """Return the concrete model and the primary key by which a subscription stores the object.

    A multi-table child with a primary key of its own is stored as its parent: the key of a child does not show which
    parent it is.
    """
    model: Any = obj._meta.concrete_model
    pk = obj.pk
    while (link := parent_link(model)) is not None and not link.primary_key:
        model, pk = link.related_model._meta.concrete_model, getattr(obj, link.attname)
    return model, pk


def make_object_key(model: type[models.Model], pk: Any, using: str | None = None) -> str:
    """Return the text that stands for one object among all objects of all models.

    It is the same for a proxy and its model, for a multi-table child and its parent, and for a primary key in another
    spelling. It ends with a digit: MySQL ignores spaces at the end of a text.
    """
    root = root_of(model)
    text = str(pk)
    # Every event makes some of these; numbers and UUIDs have one spelling.
    if not isinstance(pk, (int, UUID)) and (key := primary_key(root, text, using)) is not None:
        text = str(key)
    return f"{text}:{ContentType.objects.db_manager(using).get_for_model(root).pk}"


class ObjectKeyField(TextColumn):
    """The object of a row as one text, which follows the generic key whichever way the row is written.

    It is compared byte by byte on every database. By the default collations of MySQL and MariaDB, texts that differ in
    case or accents are equal.
    """

    def db_type(self, connection: Any) -> str | None:
        """Return the type of the column, with a binary collation on MySQL and MariaDB."""
        plain = super().db_type(connection)
        return f"{plain} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" if connection.vendor == "mysql" else plain

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        """Follow the generic key of rows that ``loaddata`` writes, too."""
        super().contribute_to_class(cls, name, private_only)
        pre_save.connect(self.follow_loaded, sender=cls)

    def follow_loaded(self, instance: models.Model, raw: bool, using: str | None, **kwargs: Any) -> None:
        """Set the text of a row of a fixture. In the database of the fixture, content types had other primary keys."""
        if raw:
            self.follow(instance, using)

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        """Return what is written: the text for the object that the row has now."""
        return self.follow(model_instance, model_instance._state.db)

    def follow(self, row: Any, using: str | None) -> str:
        """Set, and return, the text for the object that the row has now in this database."""
        model = model_of(row.content_type_id, using)
        key = (
            f"{row.object_id}:{row.content_type_id}"
            if model is None
            else make_object_key(model, row.object_id, using)
        )
        setattr(row, self.attname, key)
        return key
