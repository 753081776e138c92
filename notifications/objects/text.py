"""Which text every database can store, and which part of a text of the site a page can show."""

from __future__ import annotations

import re

#: The maximum length of a name, in characters. Longer names are cut.
MAX_LABEL_LENGTH = 1000

#: Characters that a page cannot contain.
UNPRINTABLE = re.compile("[\x00\ud800-\udfff]")


def text_problem(text: str) -> str | None:
    """Return what in ``text`` some database refuses, in words, or None."""
    if "\x00" in text:
        return "a NUL byte"
    if text.isascii():
        return None
    return "a lone surrogate" if any("\ud800" <= character <= "\udfff" for character in text) else None


def shown_text(text: str) -> str:
    """Return plain text for a page: at most ``MAX_LABEL_LENGTH`` characters, empty if nothing is visible."""
    # A slice is a plain string, also of one that is marked as safe HTML, so no name of the site becomes HTML.
    plain = text[: MAX_LABEL_LENGTH + 1]
    if len(plain) > MAX_LABEL_LENGTH:
        plain = f"{plain[: MAX_LABEL_LENGTH - 1]}…"
    if text_problem(plain):
        plain = UNPRINTABLE.sub("\ufffd", plain)
    if plain[:1].isalnum() or any(one.isprintable() and not one.isspace() for one in plain):
        return plain
    return ""
