"""The indexes for the states of rows."""

from __future__ import annotations

import copy
from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Q


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
        if self.where is not None and connection.features.supports_partial_indexes:
            constant = {name for name, _ in self.where.children}  # type: ignore[misc]
            index.fields_orders = [order for order in self.fields_orders if order[0] not in constant]
            index.condition = self.where
        if connection.vendor == "postgresql":
            # Only PostgreSQL sorts nulls last in ascending order, and an index supports only its own order.
            *others, (moment, _) = index.fields_orders
            index.fields_orders = [*others, (moment, "NULLS FIRST")]
        return super(StateIndex, index).create_sql(model, schema_editor, using, **kwargs)
