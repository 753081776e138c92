"""What stands for a notification in urls: the number that the older packages made, or another primary key as text."""

from __future__ import annotations

import re
from typing import Any

SLUG_OFFSET = 110909

#: A whole number as it stands in a url.
NUMBER = re.compile("-?[0-9]{1,19}")
#: What of a text stands in a url as it is, and how the rest does: its bytes in hexadecimal, each behind a "_".
PLAIN, ESCAPED = re.compile("[^0-9A-Za-z-]"), re.compile("(?:_[0-9A-F]{2})+")
#: The slug of an empty text.
EMPTY = "_"


def id2slug(notification_id: Any) -> Any:
    """Return the slug of the notification with this primary key: a number for a number, else a text."""
    if isinstance(notification_id, int):
        return notification_id + SLUG_OFFSET
    return PLAIN.sub(escaped, str(notification_id)) or EMPTY


def slug2id(slug: int | str) -> int:
    """Return the id behind a slug of a model whose ids are numbers. Raise ValueError when it is not a number."""
    return int(slug) - SLUG_OFFSET


def text_of_slug(slug: str, *, is_number: bool) -> str | None:
    """Return the primary key behind a slug as a text, or None for a slug that we did not make.

    ``is_number`` says whether the model has numbers for keys.
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
    """Return a character as it stands in a url."""
    return "".join(f"_{byte:02X}" for byte in found[0].encode())
