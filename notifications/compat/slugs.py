"""The public number of a notification in urls, as the older packages made it."""

from __future__ import annotations

SLUG_OFFSET = 110909


def id2slug(notification_id: int) -> int:
    """Return the slug of the notification with this id."""
    return notification_id + SLUG_OFFSET


def slug2id(slug: int | str) -> int:
    """Return the id behind a slug. Raise ValueError when it is not a number."""
    return int(slug) - SLUG_OFFSET
