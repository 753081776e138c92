"""The slug of a notification in URLs: the number of the older packages, or another primary key as text."""

from __future__ import annotations

import re
from typing import Any

SLUG_OFFSET = 110909

#: An integer in a URL.
NUMBER = re.compile("-?[0-9]{1,19}")
#: Characters that are escaped in a URL, and the escaped form: the bytes in hexadecimal, each after a "_".
PLAIN, ESCAPED = re.compile("[^0-9A-Za-z-]"), re.compile("(?:_[0-9A-F]{2})+")
#: The slug of an empty string.
EMPTY = "_"


def id2slug(notification_id: Any) -> Any:
    """Return the slug of the notification with this primary key: a number for a number, otherwise a string."""
    if isinstance(notification_id, int):
        return notification_id + SLUG_OFFSET
    return PLAIN.sub(escaped, str(notification_id)) or EMPTY


def slug2id(slug: int | str) -> int:
    """Return the id for a slug of a model whose ids are numbers. Raise ValueError if it is not a number."""
    return int(slug) - SLUG_OFFSET


def text_of_slug(slug: str, *, is_number: bool) -> str | None:
    """Return the primary key for a slug as text, or None if ``id2slug`` cannot return this slug.

    ``is_number`` says whether the primary keys of the model are numbers.
    """
    if is_number:
        return str(slug2id(slug)) if slug.isascii() and NUMBER.fullmatch(slug) else None
    if slug == EMPTY:
        return ""
    try:
        text = ESCAPED.sub(lambda found: bytes.fromhex(found[0].replace("_", "")).decode(), slug)
    except ValueError:
        return None
    return text if id2slug(text) == slug else None


def escaped(found: re.Match[str]) -> str:
    """Return the escaped form of a character."""
    return "".join(f"_{byte:02X}" for byte in found[0].encode())
