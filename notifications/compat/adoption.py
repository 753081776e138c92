"""Upgrade the table of an older package without losing rows.

:class:`AdoptTable` is used by the migration of this app, and by the migration of a site with a custom model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.core.management import CommandError
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation

from notifications.compat.server_tables import MySQLTable, PostgresTable
from notifications.compat.tables import SQLiteTable, Table

if TYPE_CHECKING:
    from django.db.migrations.state import ProjectState
    from django.db.models import Model


#: What to do about a migration as ``makemigrations`` writes it, for a label of a model.
USE_ADOPT_TABLE = (
    "The migration of %s changes the table of an older package column by column, which can lose data and does not "
    "work on every database. Let notifications.compat.adoption.AdoptTable do it: see 'With a custom model' on the "
    "page 'Upgrade from django-notifications-hq or -community' of the documentation."
)


def refuse_plain_changes(plan: Sequence[tuple[migrations.Migration, bool]], **kwargs: Any) -> None:
    """Raise CommandError for a migration that changes the table of an older package without :class:`AdoptTable`.

    A receiver of ``pre_migrate``: nothing is changed yet.
    """
    created: set[tuple[str, str]] = set()
    for migration, backwards in plan:
        for operation in () if backwards else migration.operations:
            if isinstance(operation, migrations.CreateModel):
                created.add((migration.app_label, operation.name_lower))
            elif (
                isinstance(operation, migrations.AddField)
                and operation.name == "inbox_at"
                and (migration.app_label, operation.model_name_lower) not in created
            ):
                raise CommandError(USE_ADOPT_TABLE % f"{migration.app_label}.{operation.model_name}")


def table_of(model: type[Model], schema_editor: BaseDatabaseSchemaEditor) -> Table:
    """Return the table of a model, for the database of this schema editor."""
    kinds = {"postgresql": PostgresTable, "mysql": MySQLTable}
    return kinds.get(schema_editor.connection.vendor, SQLiteTable)(model, schema_editor)


class AdoptTable(Operation):
    """Change the existing table of any older release to the table that the migration state describes.

    Each step inspects the table first and makes only the missing changes. So it costs only a few queries if there is
    nothing to do, and can be run again after a crash if the database cannot roll back schema changes (MariaDB). It also
    checks the foreign keys that point at the table: the types of their columns, and their constraints.
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
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            table_of(model, schema_editor).adopt()

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


class CreateModel(migrations.CreateModel):
    """Create the table of a model, or complete it if a crash left it without its constraints and indexes.

    Only MySQL and MariaDB need that. The others roll back what a migration has done.
    """

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Create or complete the table, if it belongs in this database."""
        model = to_state.apps.get_model(app_label, self.name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            table = table_of(model, schema_editor)
            # Another table of this name has other columns, and is an error of the database.
            if isinstance(table, MySQLTable) and table.is_there():
                table.complete()
                return
        super().database_forwards(app_label, schema_editor, from_state, to_state)
