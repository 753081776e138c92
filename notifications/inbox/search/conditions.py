"""The terms of a query as ``Q`` objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from django.db.models import Q, Value

from notifications.events import OBJECTS
from notifications.inbox.search.logic import NEVER, all_of, any_of
from notifications.inbox.search.names import Named
from notifications.inbox.search.terms import Term
from notifications.storage.expressions import IsOneOf
from notifications.storage.states import STATES
from notifications.types import NotificationType, Other, registered, type_named

#: The texts of a row that are searched.
TEXTS = ("verb", "description", "reason")

#: The values of ``is:`` that include rows outside the inbox.
STATES_ELSEWHERE = {"saved", "snoozed", "done"}


@dataclass(frozen=True, slots=True)
class Found:
    """What a query has to know before it becomes conditions."""

    objects: Named
    #: The condition that the viewer may see all that a row is about, and so its description.
    readable: Q
    #: The condition that the target is inside an object, by the names of such objects.
    inside: Mapping[str, Q]
    #: The values with characters that the texts of rows cannot have in this database.
    impossible: frozenset[str] = frozenset()


def combine(terms: Sequence[Term], found: Found) -> Q:
    """Return what all terms ask for: one of the values of each key, each word of ``is:``, none of what is negated."""
    by_key: defaultdict[str, list[Q]] = defaultdict(list)
    conditions = []
    for term in terms:
        condition = condition_of(term, found)
        if term.negated:
            conditions.append(~condition)
        elif term.key == "is":
            conditions.append(condition)
        else:
            by_key[term.key].append(condition)
    return all_of([*conditions, *(any_of(choices) for choices in by_key.values())])


def condition_of(term: Term, found: Found) -> Q:
    """Return what one term asks for, whether or not it is negated."""
    return KEYS[term.key](term.value, found)


def is_(value: str, found: Found) -> Q:
    """Return the condition of ``is:unread`` and its like."""
    return STATES[value.lower()].condition()


def level(value: str, found: Found) -> Q:
    """Return the condition of ``level:error``."""
    return Q(level=value.lower())


def reason(value: str, found: Found) -> Q:
    """Return the condition of ``reason:mention``."""
    return text_has(value, found, "reason__iexact")


def verb(value: str, found: Found) -> Q:
    """Return the condition of ``verb:commented``, which also finds "commented on"."""
    return text_has(value, found, "verb__icontains")


def text_has(value: str, found: Found, lookup: str) -> Q:
    """Return the condition that a text of the row compares so with the value."""
    return NEVER if value in found.impossible else Q(**{lookup: value})


def type_(value: str, found: Found) -> Q:
    """Return the condition of ``type:closed``, or of ``type:other`` for all verbs that are not registered."""
    # The value has been judged.
    return is_of_type(type_named(value) or Other)


def is_of_type(kind: type[NotificationType]) -> Q:
    """Return the condition of the rows of a type."""
    verbs = [each.verb for each in registered()] if kind is Other else [kind.verb]
    found = Q(IsOneOf("verb", *map(Value, verbs))) if verbs else NEVER
    return ~found if kind is Other else found


def named(key: str, value: str, found: Found) -> Q:
    """Return the condition that the ``actor``, ``action_object`` or ``target`` has this name."""
    return (
        any_of(
            Q(**{f"{key}_content_type__in": [content_type_id], f"{key}_object_id__in": sorted(ids)})
            for content_type_id, ids in found.objects.get(value, {}).items()
        )
        or NEVER
    )


def in_(value: str, found: Found) -> Q:
    """Return the condition of ``in:pinax``: the target is called so, or inside an object that is."""
    return named("target", value, found) | found.inside.get(value, NEVER)


def anything(value: str, found: Found) -> Q:
    """Return the condition that the words of a row have this in them, or that one of its objects has this name."""
    parts = [verb(value, found), text_has(value, found, "description__icontains") & found.readable]
    return any_of([*parts, *(named(key, value, found) for key in OBJECTS)])


#: What may stand before a colon; the empty one is free text.
KEYS: dict[str, Callable[[str, Found], Q]] = {
    "is": is_,
    "level": level,
    "verb": verb,
    "type": type_,
    "reason": reason,
    "from": partial(named, "actor"),
    "target": partial(named, "target"),
    "in": in_,
    "": anything,
}
