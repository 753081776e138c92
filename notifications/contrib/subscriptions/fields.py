"""The column that stands for the object of a subscription."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    TextColumn = models.CharField[Any, Any]
else:
    TextColumn = models.CharField


def make_object_key(content_type_id: int, object_id: str) -> str:
    """Return the text that stands for one object among all objects of all models."""
    return f"{content_type_id}:{object_id}"


class ObjectKeyField(TextColumn):
    """The object of a row as one text, which follows the generic key whichever way the row is written."""

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        """Return what is written: the text for the object that the row has now."""
        row: Any = model_instance
        key = make_object_key(row.content_type_id, row.object_id)
        setattr(row, self.attname, key)
        return key
