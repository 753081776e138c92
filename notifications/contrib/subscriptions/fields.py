"""The columns of this app, and what keeps their labels and choices out of migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models

if TYPE_CHECKING:
    TextColumn = models.CharField[Any, Any]
else:
    TextColumn = models.CharField

M = TypeVar("M", bound=type[models.Model])

#: What people read of a field or a model. It differs in no table.
LABELS = ("choices", "help_text", "verbose_name", "verbose_name_plural")


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


def without_labels_in_migrations(model: M) -> M:
    """Keep the labels, help texts and choices of a model and of all its fields out of migrations: a class decorator.

    Without it another wording would be a migration, on each site anew.
    """
    for field in model._meta.local_fields:
        hide_labels(field)
    for name in LABELS:
        # What the state of a migration copies; the names themselves stay.
        model._meta.original_attrs.pop(name, None)
    return model


def hide_labels(field: Any) -> None:
    """Let a migration be told of a field without its labels."""
    # Not by subclasses: Django takes a CharField and a subclass of it in one expression for mixed types.
    deconstruct = field.deconstruct

    def without_labels() -> Any:
        name, path, args, kwargs = deconstruct()
        return name, path, args, {key: value for key, value in kwargs.items() if key not in LABELS}

    field.deconstruct = without_labels
