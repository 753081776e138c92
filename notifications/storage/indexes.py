"""The indexes that follow the states of rows."""

from __future__ import annotations

import copy
from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Q


class StateIndex(models.Index):
    """An index that ends with a moment, for lists in its order, of the rows ``where`` a condition is true.

    It is partial where the database has partial indexes; a boolean column that the condition names is then no column
    of the index. Elsewhere it holds all rows. Without ``where`` it holds all rows everywhere.

    Django warns of a ``condition`` where there are no partial indexes, so that this has a name of its own.
    """

    def __init__(self, *, where: Q | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.where = where

    def deconstruct(self) -> Any:
        """Return what a migration writes."""
        path, args, kwargs = super().deconstruct()
        return path, args, kwargs if self.where is None else {**kwargs, "where": self.where}

    def create_sql(
        self,
        model: type[models.Model],
        schema_editor: BaseDatabaseSchemaEditor,
        using: str = "",
        **kwargs: Any,
    ) -> Any:
        """Return the statement that makes the index, as this database can make it."""
        connection, index = schema_editor.connection, copy.copy(self)
        if self.where is not None and connection.features.supports_partial_indexes:
            constant = {name for name, _ in self.where.children}  # type: ignore[misc]
            index.fields_orders = [order for order in self.fields_orders if order[0] not in constant]
            index.condition = self.where
        if connection.vendor == "postgresql":
            # It alone puts what has no moment last in an ascending order, and its indexes serve the order they have.
            *others, (moment, _) = index.fields_orders
            index.fields_orders = [*others, (moment, "NULLS FIRST")]
        return super(StateIndex, index).create_sql(model, schema_editor, using, **kwargs)
