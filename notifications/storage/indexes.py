"""The indexes for the states of rows, and the names of indexes and constraints."""

from __future__ import annotations

import copy
from hashlib import sha256
from typing import Any, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Q

from notifications.compat.adoption import USE_ADOPT_TABLE

M = TypeVar("M", bound=type[models.Model])

#: The model whose indexes and constraints have the names that the abstract model gives them.
DEFAULT_MODEL = "notifications.notification"


class StateIndex(models.Index):
    """An index of the rows that match ``where``, with a date and time as last column, for lists in its order.

    It is a partial index if the database supports that. A boolean column in ``where`` is then not a column of it. On
    other databases, and without ``where``, it contains all rows.

    The argument is not called ``condition``, because Django warns about that on databases without partial indexes.
    """

    def __init__(self, *, where: Q | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.where = where

    def deconstruct(self) -> Any:
        """Return the arguments that are written to migrations."""
        path, args, kwargs = super().deconstruct()
        return path, args, kwargs if self.where is None else {**kwargs, "where": self.where}

    def create_sql(
        self,
        model: type[models.Model],
        schema_editor: BaseDatabaseSchemaEditor,
        using: str = "",
        **kwargs: Any,
    ) -> Any:
        """Return the SQL that creates the index on this database."""
        connection, index = schema_editor.connection, copy.copy(self)
        there = {field.name for field in model._meta.get_fields()}
        if not there.issuperset(name for name, _ in self.fields_orders):
            raise ImproperlyConfigured(USE_ADOPT_TABLE % model._meta.label)
        if self.where is not None and connection.features.supports_partial_indexes:
            constant = {name for name, _ in self.where.children}  # type: ignore[misc]
            index.fields_orders = [order for order in self.fields_orders if order[0] not in constant]
            index.condition = self.where
        if connection.vendor == "postgresql":
            # Only PostgreSQL sorts nulls last in ascending order, and an index supports only its own order.
            *others, (moment, _) = index.fields_orders
            index.fields_orders = [*others, (moment, "NULLS FIRST")]
        return super(StateIndex, index).create_sql(model, schema_editor, using, **kwargs)


def with_own_index_names(abstract: M) -> M:
    """Give each subclass of a model indexes and constraints with names of its own: a class decorator.

    These names are unique in a database, and a site may have several subclasses. ``%(class)s`` would make them longer
    than the 30 characters that Django allows.
    """
    inherited = {each.name for each in (*abstract._meta.indexes, *abstract._meta.constraints)}

    def rename(sender: type[models.Model], **kwargs: Any) -> None:
        label = sender._meta.label_lower
        if issubclass(sender, abstract) and label != DEFAULT_MODEL:
            for each in (*sender._meta.indexes, *sender._meta.constraints):
                if each.name in inherited:
                    each.name += f"_{sha256(label.encode()).hexdigest()[:6]}"

    # The decorator is the only owner of this receiver.
    models.signals.class_prepared.connect(rename, weak=False)
    return abstract
