"""The query language of the inbox: ``is:unread level:error from:alice -from:bot "free text"``.

A query becomes conditions of Django's, never SQL. A name after ``from:`` or ``target:``, and free text, is looked up
in the models that people search by name: users by their ``USERNAME_FIELD``, and what the setting ``SEARCH_FIELDS``
adds, one query for each model whatever is asked for, among the objects that the viewer may see. A query that cannot be
understood finds nothing and says why: it may also choose the rows that are about to change.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import models, router
from django.db.models import Q
from django.utils.translation import gettext

from notifications.inbox.search.conditions import (
    KEYS,
    STATES_ELSEWHERE,
    TEXTS,
    Found,
    combine,
    condition_of,
)
from notifications.inbox.search.containers import inside
from notifications.inbox.search.logic import all_of
from notifications.inbox.search.names import MAX_NAMED_OBJECTS, find
from notifications.inbox.search.readable import readable
from notifications.inbox.search.terms import NotUnderstood, Term, split
from notifications.storage.charsets import can_be_compared
from notifications.storage.querysets import levels_of
from notifications.storage.states import STATES
from notifications.types import all_types, type_named, type_word


@dataclass(frozen=True, slots=True)
class Search:
    """A parsed query: its conditions, or its error message."""

    #: The text that the user entered.
    text: str = ""
    #: The conditions of the terms with a key and of those that are negated.
    conditions: Q = field(default_factory=Q)
    #: The words and phrases of the free text.
    words: tuple[str, ...] = ()
    #: The conditions of these words.
    words_condition: Q = field(default_factory=Q)
    #: Whether it includes rows that are not in the inbox.
    is_elsewhere: bool = False
    #: The error message of an invalid query in the current language, or an empty string.
    error: str = ""
    #: Why some of the matching rows are not found, in the current language, or an empty string. Then the results cannot
    #: be changed as a whole.
    limit: str = ""

    def narrow(self, rows: Any) -> Any:
        """Return the matching rows; no rows if the query is invalid."""
        return rows.none() if self.error else rows.filter(self.conditions, self.words_condition)


def parse(text: str, model: type[models.Model], *, using: str | None = None, viewer: Any = None) -> Search:
    """Parse a query for rows of ``model``. Costs one query for each model that is searched by name.

    ``viewer`` is the user who searches: objects that the setting ``VISIBILITY`` hides from them are not found by name,
    and the descriptions about them are not searched. Without a viewer, everything is searched.
    """
    text = text.strip()
    try:
        terms = split(text)
        levels = levels_of(model)
        for term in terms:
            judge(term, levels)
        named = [term for term in terms if term.key in {"from", "target", "in", ""}]
        objects, missing = find({term.value for term in named}, using, viewer)
        limit = limit_text(missing, is_excluded=any(term.negated for term in named)) if missing else ""
        has_words = viewer is not None and not all(term.key for term in terms)
        database = using or router.db_for_read(model)
        within = {
            term.value: inside(objects.get(term.value, {}), database, viewer)
            for term in terms
            if term.key == "in"
        }
        impossible = frozenset(
            term.value for term in terms if not can_be_compared(term.value, model, TEXTS, database)
        )
        found = Found(objects, readable(model, using, viewer) if has_words else Q(), within, impossible)
    except NotUnderstood as error:
        return Search(text, error=str(error))
    words = tuple(term.value for term in terms if not term.key and not term.negated)
    return Search(
        text,
        combine([term for term in terms if term.key or term.negated], found),
        words,
        all_of(condition_of(Term("", word, False), found) for word in words),
        any(term.key == "is" and term.value in STATES_ELSEWHERE and not term.negated for term in terms),
        limit=limit,
    )


def limit_text(name: str, *, is_excluded: bool) -> str:
    """Return why some rows are not found. Raise NotUnderstood if some would be found that must not be."""
    words = {"count": MAX_NAMED_OBJECTS, "name": name[:40]}
    if is_excluded:
        raise NotUnderstood(
            gettext("More than %(count)d objects are called “%(name)s”. Exclude a more specific name.")
            % words
        )
    return (
        gettext(
            "More than %(count)d objects are called “%(name)s”. Only notifications about the newest are found."
        )
        % words
    )


def judge(term: Term, levels: dict[Any, Any]) -> None:
    """Raise NotUnderstood for an unknown key or an invalid value."""
    words = {"term": f"{term.key}:{term.value}", "key": f"{term.key}:"}
    if term.key and term.key not in KEYS:
        known = ", ".join(f"{key}:" for key in KEYS if key)
        raise NotUnderstood(
            gettext(
                "Unknown filter “%(key)s”. Use one of: %(known)s. Put text that contains a colon in quotes."
            )
            % {**words, "known": known}
        )
    if term.key and not term.value:
        raise NotUnderstood(gettext("Enter a value after “%(key)s”.") % words)
    values = {"is": list(STATES), "level": list(levels), "type": [type_word(kind) for kind in all_types()]}
    known_values = values.get(term.key)
    value = term.value.lower()
    if term.key == "type" and (kind := type_named(value)) is not None:
        value = type_word(kind)
    if known_values is not None and value not in known_values:
        raise NotUnderstood(
            gettext("“%(term)s” is not valid. Choose one of: %(known)s.")
            % {**words, "known": ", ".join(map(str, known_values))}
        )
