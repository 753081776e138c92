"""Upgrade the table of an older package without losing rows.

:class:`AdoptTable` is used by the migration of this app, and by the migration of a site with a custom model.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.models.fields import NOT_PROVIDED

if TYPE_CHECKING:
    from django.db.migrations.state import ProjectState

logger = logging.getLogger("notifications")

#: The columns that some older release made differently: an integer key, text data, content types with constraints ...
ALTERED_COLUMNS = ("id", "data", "actor_content_type", "target_content_type", "action_object_content_type")
#: ... and a recipient with an index of its own, which goes last: without another index that begins with it, MariaDB
#: would make one for the constraint.
LAST_ALTERED_COLUMNS = ("recipient",)
#: The indexes of all older releases, beside those that come with the foreign keys. Their names depend on the release
#: of Django that made them.
OLD_INDEXES = (
    ["unread"],
    ["public"],
    ["deleted"],
    ["emailed"],
    ["timestamp"],
    ["recipient", "unread"],
    ["actor_content_type", "actor_object_id"],
    ["target_content_type", "target_object_id"],
    ["action_object_content_type", "action_object_object_id"],
)

#: Per backend: a text as a JSON string that holds it, and whether the JSON column takes a text as it is.
AS_JSON = {
    "sqlite": ("json_quote({0})", "json_valid({0})"),
    "mysql": ("json_quote({0})", "json_valid({0})"),
    "postgresql": ("to_jsonb({0})::text", "pg_temp.ntf_fits_jsonb({0})"),
}
# PostgreSQL 16 is the first that can say whether a text is JSON; the others can only try.
FITS_JSONB = """
CREATE OR REPLACE FUNCTION pg_temp.ntf_fits_jsonb(value text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM value::jsonb;
    RETURN true;
EXCEPTION WHEN OTHERS THEN
    RETURN false;
END
$$
"""


class AdoptTable(Operation):
    """Change the existing table of any older release to the table that the migration state describes.

    Each step inspects the table first and makes only the missing changes. So it costs only a few queries if there is
    nothing to do, and can be run again after a crash if the database cannot roll back schema changes (MariaDB).
    Reversing it does nothing.

    Text in ``data`` that is not JSON becomes a JSON string, unless the column stays a text column. This includes values
    that Python accepts and the column does not: NaN on every database, NUL and lone surrogates on PostgreSQL, more than
    31 levels on MariaDB. The logger ``notifications`` logs their number.
    """

    reduces_to_sql = False
    reversible = True

    def __init__(self, name: str) -> None:
        self.name = name

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Leave the state as it is: it says what the table is meant to be."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Do it, if the table of this model is in this database."""
        model = to_state.apps.get_model(app_label, self.name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        table = Table(model, schema_editor)
        # The order spares the work of carrying old indexes through the changes of the columns.
        table.add_columns()
        table.drop_old_indexes()
        table.quote_text()
        # On SQLite this makes the table anew, with all that the model says of the other columns.
        table.add_columns(generated=True)
        table.alter_columns(ALTERED_COLUMNS)
        table.add_indexes()
        table.alter_columns(LAST_ALTERED_COLUMNS)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Leave the database as it is."""

    def describe(self) -> str:
        """Say what ``migrate`` is doing."""
        return f"Adopt the table of {self.name} if an older package made it"


class Table:
    """The table of a model as the database has it, and the steps to what the model says."""

    def __init__(self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor) -> None:
        self.model = model
        # Stubs do not know what the fields of a model made by a migration have.
        self.meta: Any = model._meta
        self.editor = schema_editor
        self.connection = schema_editor.connection

    def columns(self) -> dict[str, Any]:
        with self.connection.cursor() as cursor:
            description = self.connection.introspection.get_table_description(cursor, self.meta.db_table)
        return {column.name: column for column in description}

    def constraints(self) -> Mapping[str, Any]:
        with self.connection.cursor() as cursor:
            return self.connection.introspection.get_constraints(cursor, self.meta.db_table)

    def add_columns(self, *, generated: bool = False) -> None:
        there = self.columns()
        for field in self.meta.local_concrete_fields:
            if field.column in there or field.generated is not generated:
                continue
            if generated:
                # Django adds nullable columns with ADD COLUMN, which SQLite refuses for generated columns. The database
                # does not need "null" here: the expression determines it.
                not_null = copy.copy(field)
                not_null.null = False
                self.editor.add_field(self.model, not_null)
            elif field.db_default is NOT_PROVIDED:
                self.editor.add_field(self.model, field)
            else:
                # SQLite's own would make the table anew, and look in the old one for what it adds.
                BaseDatabaseSchemaEditor.add_field(self.editor, self.model, field)

    def drop_old_indexes(self) -> None:
        ours = {index.name for index in self.meta.indexes}
        old = {tuple(self.meta.get_field(name).column for name in names): names for names in OLD_INDEXES}
        for name, constraint in self.constraints().items():
            columns = tuple(constraint["columns"])
            if constraint["index"] and not constraint["unique"] and columns in old and name not in ours:
                self.editor.remove_index(self.model, models.Index(fields=old[columns], name=name))

    def quote_text(self) -> None:
        field, wanted = self.as_it_is("data"), self.meta.get_field("data")
        if field.get_internal_type() != "TextField" or wanted.get_internal_type() == "TextField":
            return
        quote = self.connection.ops.quote_name
        column = quote(field.column)
        as_json, fits = (sql.format(column) for sql in AS_JSON[self.connection.vendor])
        with self.connection.cursor() as cursor:
            if self.connection.vendor == "postgresql":
                cursor.execute(FITS_JSONB)
            cursor.execute(
                f"UPDATE {quote(self.meta.db_table)} SET {column} = {as_json}"  # noqa: S608 - the names are ours
                f" WHERE {column} IS NOT NULL AND NOT {fits}"
            )
            if cursor.rowcount:
                logger.warning(
                    "%d values of %s.%s are not JSON. They were stored as JSON strings.",
                    cursor.rowcount,
                    self.meta.db_table,
                    field.column,
                )

    def alter_columns(self, names: Iterable[str]) -> None:
        for name in names:
            old, new = self.as_it_is(name), self.meta.get_field(name)
            if self.shape(old) != self.shape(new):
                # On SQLite the first of these makes the table anew, with all that the model says.
                self.editor.alter_field(self.model, old, new)

    def add_indexes(self) -> None:
        there = self.constraints()
        for index in self.meta.indexes:
            if index.name not in there:
                self.editor.add_index(self.model, index)
        for constraint in self.meta.constraints:
            if constraint.name not in there:
                self.editor.add_constraint(self.model, constraint)

    def as_it_is(self, name: str) -> Any:
        """Return the field that would describe this column as the database has it."""
        new = self.meta.get_field(name)
        column = self.columns()[new.column]
        constraints = [
            constraint for constraint in self.constraints().values() if constraint["columns"] == [new.column]
        ]
        if new.remote_field:
            old = copy.deepcopy(new)
            old.db_constraint = any(constraint["foreign_key"] for constraint in constraints)
            old.db_index = any(constraint["index"] for constraint in constraints)
        else:
            kind = getattr(models, self.connection.introspection.get_field_type(column.type_code, column))
            old = kind(primary_key=new.primary_key)
            old.set_attributes_from_name(name)
            old.model = self.model
        old.null = column.null_ok
        return old

    def shape(self, field: Any) -> tuple[Any, ...]:
        """Return what of a field is seen in the database."""
        parameters = field.db_parameters(self.connection)
        constraint = getattr(field, "db_constraint", None)
        return parameters["type"], parameters["check"], field.null, field.db_index, constraint
