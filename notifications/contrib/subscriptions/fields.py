"""The column that stands for the object of a subscription, and the text in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.contenttypes.models import ContentType
from django.db import models

from notifications.objects.fetch import model_of, primary_key

if TYPE_CHECKING:
    TextColumn = models.CharField[Any, Any]
else:
    TextColumn = models.CharField


def parent_link(model: type[models.Model]) -> Any:
    """Return the field by which a multi-table child points to its parent, or None."""
    fields: Any = model._meta.concrete_model._meta.local_fields  # type: ignore[union-attr]
    return next((field for field in fields if field.remote_field and field.remote_field.parent_link), None)


def reference_of(obj: models.Model) -> tuple[type[models.Model], Any]:
    """Return the concrete model and the primary key by which a subscription stores the object.

    A multi-table child with a primary key of its own is stored as its parent: the key of a child does not tell which
    parent it is.
    """
    model: Any = obj._meta.concrete_model
    pk = obj.pk
    while (link := parent_link(model)) is not None and not link.primary_key:
        model, pk = link.related_model._meta.concrete_model, getattr(obj, link.attname)
    return model, pk


def make_object_key(content_type_id: int, object_id: Any, using: str | None = None) -> str:
    """Return the text that stands for one object among all objects of all models.

    It is the same for a proxy and its model, for a multi-table child and its parent, and for a primary key in another
    spelling. It ends with a digit: MySQL ignores spaces at the end of a text.
    """
    model, text = model_of(content_type_id, using), str(object_id)
    if model is not None:
        while (link := parent_link(model)) is not None and link.primary_key:
            model = link.related_model
        content_type_id = ContentType.objects.db_manager(using).get_for_model(model).pk
        key = primary_key(model, text, using)
        text = text if key is None else str(key)
    return f"{text}:{content_type_id}"


class ObjectKeyField(TextColumn):
    """The object of a row as one text, which follows the generic key whichever way the row is written.

    It is compared byte by byte on every database. By the default collations of MySQL and MariaDB, texts that differ in
    case or accents are equal.
    """

    def db_type(self, connection: Any) -> str | None:
        """Return the type of the column, with a binary collation on MySQL and MariaDB."""
        plain = super().db_type(connection)
        return f"{plain} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" if connection.vendor == "mysql" else plain

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        """Return what is written: the text for the object that the row has now."""
        row: Any = model_instance
        key = make_object_key(row.content_type_id, row.object_id, row._state.db)
        setattr(row, self.attname, key)
        return key
