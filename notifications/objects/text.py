"""The text that every database can store, and what a page can show of a text of the site's."""

from __future__ import annotations

import re

#: The longest name that is shown whole, in characters.
MAX_LABEL_LENGTH = 1000

#: What no page can hold.
UNPRINTABLE = re.compile("[\x00\ud800-\udfff]")


def text_problem(text: str) -> str | None:
    """Return what in ``text`` some database refuses, in words, or None."""
    if "\x00" in text:
        return "a NUL byte"
    if text.isascii():
        return None
    return "a lone surrogate" if any("\ud800" <= character <= "\udfff" for character in text) else None


def shown_text(text: str) -> str:
    """Return what a page can show of a text: plain, at most ``MAX_LABEL_LENGTH`` long, empty if nothing is visible."""
    # A slice is a plain text, also of one that is marked as safe HTML: nothing that a site wrote becomes HTML here.
    plain = text[: MAX_LABEL_LENGTH + 1]
    if len(plain) > MAX_LABEL_LENGTH:
        plain = f"{plain[: MAX_LABEL_LENGTH - 1]}…"
    if text_problem(plain):
        plain = UNPRINTABLE.sub("\ufffd", plain)
    if plain[:1].isalnum() or any(one.isprintable() and not one.isspace() for one in plain):
        return plain
    return ""
