"""The text that every database can store."""

from __future__ import annotations


def text_problem(text: str) -> str | None:
    """Return what in ``text`` some database refuses, in words, or None."""
    if "\x00" in text:
        return "a NUL byte"
    if text.isascii():
        return None
    return "a lone surrogate" if any("\ud800" <= character <= "\udfff" for character in text) else None
