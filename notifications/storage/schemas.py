"""The schema of the current tenant, on sites whose database has one for each, as with django-tenants.

There, one primary key is another user and another row in each schema, and each may have templates of its own. Whatever
outlives a request or leaves it, such as a key of a cache or a signed link, names the schema.
"""

from __future__ import annotations

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections


def schema_of(using: str = DEFAULT_DB_ALIAS) -> str:
    """Return the schema that is chosen on the connection of this thread, or an empty text without tenants."""
    return schema_on(connections[using])


def schema_on(connection: Any) -> str:
    """Return the schema that is chosen on a connection, or an empty text."""
    return str(getattr(connection, "schema_name", None) or "")
