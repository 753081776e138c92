"""Tables of PostgreSQL, MySQL and MariaDB, which one statement changes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from django.db.models.fields import NOT_PROVIDED

from notifications.compat.tables import OBJECT_IDS, OBJECT_TYPES, Table


class ServerTable(Table):
    """A table that one statement changes, which the server copies once."""

    #: The clause that drops the constraint of a foreign key.
    drop_foreign_key: str

    def alter(self) -> None:
        """Add the missing columns and change the others, in one statement."""
        clauses: list[str] = []
        values: list[Any] = []
        for clause, params in [*self.changed(), *self.added()]:
            clauses.append(clause)
            values += params
        if clauses:
            sql = f"ALTER TABLE {self.quote(self.meta.db_table)} {', '.join(clauses)}"
            self.editor.execute(sql, values)

    def added(self) -> Iterator[tuple[str, list[Any]]]:
        """Yield the clauses for the missing columns."""
        for field in self.missing_fields():
            is_plain = field.null or field.generated or field.db_default is not NOT_PROVIDED
            if is_plain and not (field.remote_field or field.unique or field.db_index):
                definition, params = self.editor.column_sql(self.model, field)
                yield f"ADD COLUMN {self.quote(field.column)} {definition}", params
            else:
                # Of the site's own, in the same migration.
                self.editor.add_field(self.model, field)

    def changed(self) -> Iterator[tuple[str, list[Any]]]:
        """Yield the clauses for the columns that an older release made differently."""
        columns = self.columns()
        for name in OBJECT_TYPES:
            field = self.meta.get_field(name)
            for constraint in () if field.db_constraint else self.foreign_keys(field):
                yield f"{self.drop_foreign_key} {self.quote(constraint)}", []
            if field.null and not columns[field.column].null_ok:
                yield self.with_null(field), []
        for field in (self.meta.pk, self.meta.get_field("data")):
            if not self.is_as_it_should_be(field):
                yield self.with_type(field), []

    @abstractmethod
    def with_null(self, field: Any) -> str:
        """Return the clause that makes a column nullable."""

    @abstractmethod
    def with_type(self, field: Any) -> str:
        """Return the clause that gives a column the type of the field."""

    def incoming(self) -> Iterator[Any]:
        """Yield the foreign keys whose columns contain the primary key of this table, also by way of each other."""
        there, fields = set(self.tables()), [self.meta.pk]
        while fields:
            target = fields.pop()
            for relation in target.model._meta.get_fields(include_hidden=True):
                if not (relation.auto_created and not relation.concrete and hasattr(relation, "field")):
                    continue
                field = relation.field
                if field.many_to_many or field.target_field != target:
                    continue
                if field.model._meta.db_table in there and field.model._meta.can_migrate(self.connection):
                    yield field
                    fields.append(field)

    def narrow(self) -> Iterator[tuple[Any, bool]]:
        """Yield the incoming foreign keys that are narrower than the primary key, and whether they can be null."""
        wanted = self.meta.pk.rel_db_type(self.connection)
        for field in self.incoming():
            old = self.as_it_is(field)
            if wanted == "bigint" and old.db_type(self.connection) in {"integer", "smallint"}:
                yield field, old.null


class PostgresTable(ServerTable):
    """A table of PostgreSQL, which keeps the constraints of both sides when the type of a key changes."""

    drop_foreign_key = "DROP CONSTRAINT"

    def adopt(self) -> None:
        """Make the table of any older release what the model says."""
        # Pending checks would keep the table from being changed.
        self.editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        self.drop_old_indexes()
        data = self.meta.get_field("data")
        if data.db_type(self.connection) == "jsonb" and not self.is_as_it_should_be(data):
            # Not temporary ones: a role that makes tables may still have no right to those.
            self.editor.execute("CREATE SEQUENCE ntf_quoted")
            self.editor.execute(TO_JSON)
            self.alter()
            with self.connection.cursor() as cursor:
                cursor.execute("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM ntf_quoted")
                self.log_quoted(cursor.fetchone()[0])
            self.editor.execute("DROP FUNCTION ntf_to_json(text)")
            self.editor.execute("DROP SEQUENCE ntf_quoted")
        else:
            self.alter()
        self.widen_sequence()
        self.add_indexes()
        for field, _ in self.narrow():
            table, column = self.quote(field.model._meta.db_table), self.quote(field.column)
            self.editor.execute(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE bigint")
        self.add_many_to_many()

    def with_null(self, field: Any) -> str:
        """Return the clause that makes a column nullable."""
        return f"ALTER COLUMN {self.quote(field.column)} DROP NOT NULL"

    def with_type(self, field: Any) -> str:
        """Return the clause that gives a column the type of the field."""
        column, name = self.quote(field.column), field.db_parameters(self.connection)["type"]
        using = f"ntf_to_json({column})" if name == "jsonb" else f"{column}::{name}"
        return f"ALTER COLUMN {column} TYPE {name} USING {using}"

    def widen_sequence(self) -> None:
        """Let a serial column, as Django before 4.1 made it, go beyond the integers. An identity column does it."""
        with self.connection.cursor() as cursor:
            cursor.execute(SERIAL, [self.quote(self.meta.db_table), self.meta.pk.column])
            found = cursor.fetchone()
        if found and self.meta.pk.db_type(self.connection) == "bigint":
            self.editor.execute(f"ALTER SEQUENCE {found[0]} AS bigint")


class MySQLTable(ServerTable):
    """A table of MySQL or MariaDB, where incoming constraints are dropped while the type of a key changes."""

    drop_foreign_key = "DROP FOREIGN KEY"

    def adopt(self) -> None:
        """Make the table of any older release what the model says."""
        self.quote_text()
        if not self.is_as_it_should_be(self.meta.pk):
            for field in self.incoming():
                for name in self.foreign_keys(field):
                    self.editor.execute(self.editor._delete_fk_sql(field.model, name))
        self.alter()
        self.add_indexes()
        self.drop_old_indexes()
        self.widen_incoming()
        self.add_many_to_many()

    def changed(self) -> Iterator[tuple[str, list[Any]]]:
        """Yield the clauses for the columns that an older release made differently."""
        yield from super().changed()
        with self.connection.cursor() as cursor:
            cursor.execute(ROW_FORMAT, [self.meta.db_table])
            if cursor.fetchone()[0] in {"Compact", "Redundant"}:
                # As MySQL 5.6 and older made it: its indexes are too narrow for the key of an object.
                yield "ROW_FORMAT=DYNAMIC", []
            cursor.execute(COLLATIONS, [self.meta.db_table])
            collations = {column: found for column, *found in cursor.fetchall()}
        for name in OBJECT_IDS:
            field = self.meta.get_field(name)
            charset, collation = collations[field.column]
            if "binary" in field.db_type(self.connection) and not collation.endswith("_bin"):
                # The column may have another character set than the table, and text that the table could not have.
                yield self.with_type(field).replace(" binary", f" CHARACTER SET {charset} binary"), []

    def with_null(self, field: Any) -> str:
        """Return the clause that makes a column nullable."""
        return self.with_type(field)

    def with_type(self, field: Any) -> str:
        """Return the clause that gives a column the type of the field."""
        definition, _ = self.editor.column_sql(self.model, field)
        # It is one already.
        return f"MODIFY {self.quote(field.column)} {definition.removesuffix(' PRIMARY KEY')}"

    def widen_incoming(self) -> None:
        """Widen the incoming foreign keys, and add the constraints that were dropped, also before a crash."""
        for field, null in self.narrow():
            table, column = self.quote(field.model._meta.db_table), self.quote(field.column)
            self.editor.execute(f"ALTER TABLE {table} MODIFY {column} bigint {'' if null else 'NOT '}NULL")
        for field in self.incoming():
            self.add_foreign_key(field)

    def add_foreign_key(self, field: Any) -> None:
        """Add the constraint of a foreign key, if it is missing."""
        if field.db_constraint and not self.foreign_keys(field):
            suffix = "_fk_%(to_table)s_%(to_column)s"
            self.editor.execute(self.editor._create_fk_sql(field.model, field, suffix))

    def is_there(self) -> bool:
        """Return whether the table exists, with all columns of the model."""
        return self.meta.db_table in self.tables() and not [*self.missing_fields()]

    def complete(self) -> None:
        """Add what Django adds to a new table after it created it."""
        there = {self.quote(name) for name in self.constraints()}
        for statement in self.editor._model_indexes_sql(self.model):
            if str(statement.parts["name"]) not in there:
                self.editor.execute(statement)
        for field in self.meta.local_concrete_fields:
            if field.remote_field:
                self.add_foreign_key(field)
        self.add_many_to_many()


# PostgreSQL 16 is the first that can say whether a text is JSON. The others can only try.
TO_JSON = """
CREATE OR REPLACE FUNCTION ntf_to_json(value text) RETURNS jsonb LANGUAGE plpgsql STRICT AS $$
BEGIN
    RETURN value::jsonb;
EXCEPTION WHEN OTHERS THEN
    PERFORM nextval('ntf_quoted');
    RETURN to_jsonb(value);
END
$$
"""
#: The sequence of a column, if it ends with the integers.
SERIAL = """
SELECT seqrelid::regclass FROM pg_sequence
WHERE seqrelid = pg_get_serial_sequence(%s, %s)::regclass AND seqtypid <> 'bigint'::regtype
"""
ROW_FORMAT = (
    "SELECT row_format FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s"
)
COLLATIONS = """
SELECT column_name, character_set_name, coalesce(collation_name, '') FROM information_schema.columns
WHERE table_schema = DATABASE() AND table_name = %s
"""
