"""The search of the inbox: converts a query that a user entered to conditions on their rows."""

from __future__ import annotations

from notifications.inbox.search.conditions import is_of_type
from notifications.inbox.search.containers import containers_of, paths, query_for
from notifications.inbox.search.names import searched_field
from notifications.inbox.search.query import Search, parse

__all__ = ["Search", "containers_of", "is_of_type", "parse", "paths", "query_for", "searched_field"]
