"""What a preference can be about: a type, a category, or everything."""

from __future__ import annotations

from notifications.types import NotificationType, Other

#: The scope of a choice for everything.
EVERYTHING = ""


def type_scope(kind: type[NotificationType]) -> str:
    """Return the scope of choices for a type."""
    return "other" if kind is Other else f"type:{kind.verb}"


def category_scope(kind: type[NotificationType]) -> str:
    """Return the scope of choices for the category of a type."""
    return f"category:{kind.category}"


def scopes_of(kind: type[NotificationType]) -> tuple[str, str, str]:
    """Return the scopes of a type, the nearest first."""
    return type_scope(kind), category_scope(kind), EVERYTHING
