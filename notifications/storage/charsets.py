"""The characters that a database can have. MySQL and MariaDB refuse to compare a column with a text of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connections, models

#: The attribute of a connection with the names of its character sets, by table.
KNOWN = "notifications_charsets"

#: The names that Python has for character sets of MySQL, where they are others.
CODECS = {"latin1": "cp1252", "utf8mb4": "utf-8"}

#: The character set of the connection, and those of some columns.
CHARSETS = """
SELECT @@character_set_connection UNION SELECT character_set_name FROM information_schema.columns
WHERE table_schema = DATABASE() AND table_name = %s AND column_name IN ({marks})
"""


def can_be_compared(text: str, model: type[models.Model], names: Sequence[str], using: str) -> bool:
    """Return whether this database can compare these fields of a model with a text, which otherwise none of them has.

    Costs a query for each connection where a text is not ASCII.
    """
    if text.isascii() or connections[using].vendor != "mysql":
        return True
    return all(has_characters(charset, text) for charset in charsets_of(model, names, using))


def charsets_of(model: type[models.Model], names: Sequence[str], using: str) -> list[str]:
    """Return the character sets of the connection and of these fields, in one table, as MySQL calls them."""
    connection = connections[using]
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    # A model that inherits from another one has them there.
    table = fields[0].model._meta.db_table
    known: dict[str, list[str]] = vars(connection).setdefault(KNOWN, {})
    if table not in known:
        columns = [field.column for field in fields]
        marks = ", ".join(["%s"] * len(columns))
        with connection.cursor() as cursor:
            cursor.execute(CHARSETS.format(marks=marks), [table, *columns])
            known[table] = [charset for (charset,) in cursor.fetchall() if charset]
    return known[table]


def has_characters(charset: str, text: str) -> bool:
    """Return whether a character set of MySQL has all characters of a text."""
    if charset in {"utf8", "utf8mb3", "ucs2"}:
        return max(text) <= "\uffff"
    try:
        text.encode(CODECS.get(charset, charset))
    except (UnicodeEncodeError, LookupError):
        return False
    return True
