"""The terms of a query: ``is:unread -from:bot "free text"``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.translation import gettext

from notifications.objects.text import text_problem

#: The longest query, in characters, and the most terms in it.
MAX_QUERY_LENGTH, MAX_QUERY_TERMS = 500, 20

#: A term: perhaps a minus, perhaps a key, and a value, perhaps in quotes; a quote that never ends goes to the end.
TERM_PATTERN = re.compile(
    r'(?P<minus>-?)(?:(?P<key>[^\W\d_]+):(?!//))?(?:"(?P<quoted>[^"]*)"?|(?P<plain>[^\s"]+))?'
)


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a query: ``-from:bot``."""

    key: str
    value: str
    negated: bool


class NotUnderstood(ValueError):
    """The query is invalid. The text is the error message for the user."""


def split(text: str) -> list[Term]:
    """Return the terms of a query. Raise NotUnderstood if it is too long or has an invalid character."""
    if len(text) > MAX_QUERY_LENGTH:
        raise NotUnderstood(
            gettext("A search can have at most %(count)d characters.") % {"count": MAX_QUERY_LENGTH}
        )
    # Other characters cannot be stored, and some databases refuse them in a query.
    if text_problem(text):
        raise NotUnderstood(gettext("The search contains an invalid character."))
    terms = []
    for match in TERM_PATTERN.finditer(text):
        value = (match["plain"] or "" if match["quoted"] is None else match["quoted"]).strip()
        if match["key"] or value:
            terms.append(Term((match["key"] or "").lower(), value, bool(match["minus"])))
    if len(terms) > MAX_QUERY_TERMS:
        raise NotUnderstood(
            gettext("A search can have at most %(count)d words.") % {"count": MAX_QUERY_TERMS}
        )
    return terms
