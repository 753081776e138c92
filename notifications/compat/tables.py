"""The table of a model as the database has it, and the changes that make it what the model says.

Every step inspects the table first and makes only the missing changes. So they can be repeated after a crash if the
database cannot roll back schema changes (MySQL and MariaDB).
"""

from __future__ import annotations

import copy
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

from django.apps.registry import Apps
from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models.fields import NOT_PROVIDED

logger = logging.getLogger("notifications")

#: The most primary keys in one statement.
MAX_UPDATE_KEYS = 500

#: The foreign keys that had constraints and indexes of their own. The recipient comes last: without another index that
#: begins with it, MySQL would create one for the constraint.
OBJECT_TYPES = ("actor_content_type", "target_content_type", "action_object_content_type")
OBJECT_IDS = ("actor_object_id", "target_object_id", "action_object_object_id")
#: The indexes of all older releases. Their names depend on the release of Django that created them.
OLD_INDEXES = (
    ["unread"],
    ["public"],
    ["deleted"],
    ["emailed"],
    ["timestamp"],
    ["recipient", "unread"],
    *([name] for name in OBJECT_TYPES),
    *map(list, zip(OBJECT_TYPES, OBJECT_IDS, strict=True)),
    ["recipient"],
)


class Table(ABC):
    """What the database says about the table of a model, and the steps that all databases have in common."""

    def __init__(self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor) -> None:
        self.model = model
        # Stubs do not know what the fields of a model made by a migration have.
        self.meta: Any = model._meta
        self.editor: Any = schema_editor
        self.connection = schema_editor.connection
        self.quote = self.connection.ops.quote_name

    @abstractmethod
    def adopt(self) -> None:
        """Make the table of any older release what the model says."""

    # What is there

    def columns(self, model: Any = None) -> dict[str, Any]:
        """Return the columns of the table, or of the table of another model, by name."""
        table = (model or self.model)._meta.db_table
        with self.connection.cursor() as cursor:
            description = self.connection.introspection.get_table_description(cursor, table)
        return {column.name: column for column in description}

    def constraints(self, model: Any = None) -> Mapping[str, Any]:
        """Return the constraints and indexes of the table, or of the table of another model, by name."""
        table = (model or self.model)._meta.db_table
        with self.connection.cursor() as cursor:
            return self.connection.introspection.get_constraints(cursor, table)

    def foreign_keys(self, field: Any) -> list[str]:
        """Return the names of the constraints of a foreign key."""
        return [
            name
            for name, constraint in self.constraints(field.model).items()
            if constraint["foreign_key"] and constraint["columns"] == [field.column]
        ]

    def tables(self) -> list[str]:
        """Return the names of all tables in the database."""
        with self.connection.cursor() as cursor:
            return self.connection.introspection.table_names(cursor)

    def as_it_is(self, field: Any) -> Any:
        """Return the field that would describe this column as the database has it."""
        column = self.columns(field.model)[field.column]
        kind = getattr(models, self.connection.introspection.get_field_type(column.type_code, column))
        old = kind(primary_key=field.primary_key, null=column.null_ok)
        old.set_attributes_from_name(field.name)
        old.column, old.model = field.column, field.model
        return old

    def is_as_it_should_be(self, field: Any) -> bool:
        """Return whether the column has the type of the field."""
        old, new = (each.db_parameters(self.connection) for each in (self.as_it_is(field), field))
        return bool((old["type"], old["check"]) == (new["type"], new["check"]))

    # Steps

    def missing_fields(self) -> Iterator[Any]:
        """Yield the fields without a column, generated ones last."""
        there = self.columns()
        fields = [field for field in self.meta.local_concrete_fields if field.column not in there]
        yield from sorted(fields, key=lambda field: field.generated)

    def add_many_to_many(self) -> None:
        """Create the missing tables of many-to-many fields, which a site may add in the same migration."""
        there = self.tables()
        for field in self.meta.local_many_to_many:
            through = field.remote_field.through
            if through._meta.auto_created and through._meta.db_table not in there:
                self.editor.create_model(through)

    def drop_old_indexes(self) -> None:
        """Drop the indexes that the older packages had and the model has not."""
        old = {tuple(self.meta.get_field(name).column for name in names): names for names in OLD_INDEXES}
        ours = {index.name for index in self.meta.indexes}
        ours_by_field = {(field.column,) for field in self.meta.local_concrete_fields if field.db_index}
        for name, constraint in self.constraints().items():
            columns = tuple(constraint["columns"])
            is_plain = constraint["index"] and not constraint["unique"] and not constraint["foreign_key"]
            if is_plain and columns in old and columns not in ours_by_field and name not in ours:
                self.editor.remove_index(self.model, models.Index(fields=old[columns], name=name))

    def quote_text(self) -> None:
        """Store text in ``data`` that is not JSON as JSON strings, if the column becomes a JSON column.

        SQLite, MySQL and MariaDB have the functions for that. PostgreSQL does it while it changes the column.
        """
        field = self.meta.get_field("data")
        if self.is_as_it_should_be(field) or field.get_internal_type() == "TextField":
            return
        table, column, key = map(self.quote, (self.meta.db_table, field.column, self.meta.pk.column))
        with self.connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {key} FROM {table} WHERE {column} IS NOT NULL AND NOT json_valid({column})"  # noqa: S608
            )
            keys = [key for (key,) in cursor.fetchall()]
            # By primary keys, because with ``sql_safe_updates`` MySQL refuses an UPDATE without them.
            for start in range(0, len(keys), MAX_UPDATE_KEYS):
                some = keys[start : start + MAX_UPDATE_KEYS]
                cursor.execute(
                    f"UPDATE {table} SET {column} = json_quote({column})"  # noqa: S608
                    f" WHERE {key} IN ({', '.join(['%s'] * len(some))})",
                    some,
                )
            self.log_quoted(len(keys))

    def log_quoted(self, number: int) -> None:
        """Log how many texts became JSON strings."""
        if number:
            logger.warning(
                "%d values of %s.%s are not JSON. They were stored as JSON strings.",
                number,
                self.meta.db_table,
                self.meta.get_field("data").column,
            )

    def add_indexes(self) -> None:
        """Add the missing indexes and constraints."""
        there = self.constraints()
        for index in self.meta.indexes:
            if index.name not in there:
                self.editor.add_index(self.model, index)
        for constraint in self.meta.constraints:
            if constraint.name not in there:
                self.editor.add_constraint(self.model, constraint)


class SQLiteTable(Table):
    """A table that Django makes anew for most changes."""

    def adopt(self) -> None:
        """Make the table of any older release what the model says."""
        self.drop_old_indexes()
        self.quote_text()
        for field in self.missing_fields():
            self.add_field(field)
        if not self.is_done():
            self.editor._remake_table(self.model)
        self.add_indexes()
        self.add_many_to_many()

    def add_field(self, field: Any) -> None:
        """Add a column."""
        if not (field.generated or field.db_default is NOT_PROVIDED):
            # SQLite's own would make the table anew, and look in the old one for what it adds.
            BaseDatabaseSchemaEditor.add_field(self.editor, self.model, field)
            return
        # Where it makes the table anew, it may copy only the columns that are there.
        there = self.columns()
        fields = {
            each.name: copy.deepcopy(each) for each in self.meta.local_concrete_fields if each.column in there
        }
        options = {"app_label": self.meta.app_label, "db_table": self.meta.db_table, "apps": Apps()}
        meta = type("Meta", (), options)
        partial = type(self.model.__name__, (models.Model,), {**fields, "Meta": meta, "__module__": __name__})
        if field.generated:
            # Django adds nullable columns with ADD COLUMN, which SQLite refuses for generated columns. The database
            # does not need "null" here: the expression determines it.
            field = copy.copy(field)
            field.null = False
        self.editor.add_field(partial, field)

    def is_done(self) -> bool:
        """Return whether the columns are as the model says."""
        columns = self.columns()
        types = [self.meta.get_field(name) for name in OBJECT_TYPES]
        return all(map(self.is_as_it_should_be, (self.meta.pk, self.meta.get_field("data")))) and all(
            (bool(self.foreign_keys(field)), columns[field.column].null_ok)
            == (field.db_constraint, field.null)
            for field in types
        )
