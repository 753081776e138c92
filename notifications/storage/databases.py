"""The database and the schema from which rows are read.

A replica may be behind the database to which rows are written: what somebody names is read there, with ``at_home()``.

On sites whose database has a schema for each tenant, as with django-tenants, one primary key is another user and
another row in each schema, and each may have templates of its own. Whatever outlives a request or leaves it, such as a
key of a cache or a signed link, names the schema.
"""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models, router

M = TypeVar("M", bound=models.Model)


def at_home(rows: models.QuerySet[M]) -> models.QuerySet[M]:
    """Return the same rows, read where they are written: a replica may not have yet what somebody names."""
    return rows.using(router.db_for_write(rows.model, **rows._hints))  # type: ignore[attr-defined] # not in the stubs


def schema_of(using: str = DEFAULT_DB_ALIAS) -> str:
    """Return the schema that is chosen on the connection of this thread, or an empty text without tenants."""
    return schema_on(connections[using])


def schema_on(connection: Any) -> str:
    """Return the schema that is chosen on a connection, or an empty text."""
    return str(getattr(connection, "schema_name", None) or "")
