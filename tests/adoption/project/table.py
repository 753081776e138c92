"""What stands in a table and what the table is, asked without a model, so that both sides of the swap say it alike."""

from django.db import connection


def dump(table):
    """Yield each row as a dict of what JSON has."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} ORDER BY id")  # noqa: S608
        columns = [column[0] for column in cursor.description]
        for row in cursor:
            yield dict(zip(columns, map(plain, row)))  # noqa: B905


def plain(value):
    return value.isoformat() if hasattr(value, "isoformat") else value


def shape(connection, table):
    """Return everything that the database says of the columns, indexes and constraints of a table."""
    with connection.cursor() as cursor:
        columns = {
            column.name: column._asdict()
            for column in connection.introspection.get_table_description(cursor, table)
        }
        constraints = connection.introspection.get_constraints(cursor, table)
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
