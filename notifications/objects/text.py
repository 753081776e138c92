"""Which text every database can store, and which part of a text of the site a page can show."""

from __future__ import annotations

import re
from enum import Enum
from typing import Any

from django.utils.translation import get_language_bidi

#: The maximum length of a name, in characters. Longer names are cut.
MAX_LABEL_LENGTH = 1000

#: Characters that turn the direction of the text after them, and letters that are written from right to left.
DIRECTION_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")
RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)

#: Characters that a page cannot contain.
UNPRINTABLE = re.compile("[\x00\ud800-\udfff]")


def text_problem(text: str) -> str | None:
    """Return what in ``text`` some database refuses, in words, or None."""
    if "\x00" in text:
        return "a NUL byte"
    if text.isascii():
        return None
    return "a lone surrogate" if any("\ud800" <= character <= "\udfff" for character in text) else None


def text_of(value: Any) -> str:
    """Return the text of any value: ``str()``, but of a member of ``class Level(str, Enum)`` the text that it is.

    That is what databases store and compare. ``str()`` of it is "Level.INFO".
    """
    if isinstance(value, str) and isinstance(value, Enum) and type(value).__str__ is Enum.__str__:
        return str(value.value)
    return str(value)


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


def isolated(name: str, *, is_bidi: bool | None = None) -> str:
    """Return a name as plain text that does not turn the direction of the sentence around it.

    Characters that override the direction are removed. A name that is written from right to left, and every name in a
    language that is (``is_bidi``, by default the current one), stands between isolates (U+2068 and U+2069).
    """
    is_bidi = get_language_bidi() if is_bidi is None else is_bidi
    if name.isascii() and not is_bidi:
        return name
    plain = DIRECTION_CONTROLS.sub("", name)
    return f"\u2068{plain}\u2069" if plain and (is_bidi or RIGHT_TO_LEFT.search(plain)) else plain
