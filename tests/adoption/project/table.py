"""What stands in a table and what the table is, asked without a model, so that both sides of the swap say it alike."""

from typing import Any

from django.db import connection


def dump(table: str) -> Any:
    """Yield each row as a dict of what JSON has."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} ORDER BY id")  # noqa: S608
        columns = [column[0] for column in cursor.description]
        for row in cursor:
            yield dict(zip(columns, map(plain, row)))  # noqa: B905


def plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def shape(connection: Any, table: str) -> Any:
    """Return everything that the database says of the columns, indexes and constraints of a table."""
    with connection.cursor() as cursor:
        columns = {
            column.name: column._asdict()
            for column in connection.introspection.get_table_description(cursor, table)
        }
        # A foreign key is known by its columns: its name is that of the Django which made it, and nobody asks for it.
        constraints = {
            "foreign key of " + ", ".join(constraint["columns"])
            if constraint["foreign_key"]
            else name: constraint
            for name, constraint in connection.introspection.get_constraints(cursor, table).items()
        }
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT seqtypid::regtype::text FROM pg_sequence"
                " WHERE seqrelid = pg_get_serial_sequence(%s, 'id')::regclass",
                [table],
            )
            columns["id"]["sequence"] = cursor.fetchone()
            # Django before 4.1 made a serial column, which is as good as today's identity column.
            del columns["id"]["default"], columns["id"]["is_autofield"]
    return columns, constraints
