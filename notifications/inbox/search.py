"""The query language of the inbox: ``is:unread level:error from:alice -from:bot "free text"``.

A query becomes conditions of Django's, never SQL. A name after ``from:`` or ``target:``, and free text, is looked up
in the models that people search by name: users by their ``USERNAME_FIELD``, and what the setting ``SEARCH_FIELDS``
adds, one query for each model whatever is asked for, among the objects that the reader may see. A query that cannot be
understood finds nothing and says why: it may also choose the rows that are about to change.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db import connections, models, router
from django.db.models import Case, Exists, F, Q, Value, When
from django.db.models.functions import Cast, Replace
from django.utils.translation import gettext

from notifications.conf import settings
from notifications.events import OBJECTS
from notifications.objects.keys import content_type_ids, key_field
from notifications.objects.visibility import rule_of
from notifications.storage.expressions import CurrentMoment, LongAgo
from notifications.storage.querysets import IS_DONE

#: The longest query, in characters, the most terms in it, and the most objects that one name may stand for.
MAX_LENGTH, MAX_TERMS, MAX_OBJECTS = 500, 20, 100

#: A term: perhaps a minus, perhaps a key, and a value, perhaps in quotes; a quote that never ends goes to the end.
TERM = re.compile(r'(?P<minus>-?)(?:(?P<key>[^\W\d_]+):(?!//))?(?:"(?P<quoted>[^"]*)"?|(?P<plain>[^\s"]+))?')

#: The words that ``is:`` knows, and what each means.
IS: dict[str, Callable[[], Q]] = {
    "unread": lambda: Q(unread__in=[True]),
    "read": lambda: Q(unread__in=[False]),
    "saved": lambda: Q(saved_at__isnull=False),
    "snoozed": lambda: Q(snoozed_until__gt=CurrentMoment()),
    "done": lambda: IS_DONE,
    "inbox": lambda: Q(inbox_at__gt=LongAgo(), inbox_at__lte=CurrentMoment()),
}
#: Those that look beyond the inbox.
ELSEWHERE = {"saved", "snoozed", "done"}

#: What is never true, and the texts that stand for a primary key.
NEVER, INTEGER, UUID = Q(pk__in=[]), "^-?[0-9]{1,18}$", "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"

#: For each name, and each content type, the ids of the objects that it stands for.
Named: TypeAlias = "dict[str, dict[int, set[str]]]"


@dataclass(frozen=True, slots=True)
class Found:
    """What a query has to know before it becomes conditions."""

    objects: Named
    #: The condition that the reader may see all that a row is about, and so its description.
    readable: Q


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a query: ``-from:bot``."""

    key: str
    value: str
    negated: bool


@dataclass(frozen=True, slots=True)
class Search:
    """A query that was read: what it asks for, or why it cannot."""

    #: What was typed.
    text: str = ""
    #: The conditions of the terms with a key and of those that are negated.
    conditions: Q = field(default_factory=Q)
    #: The words and phrases that are to be found anywhere.
    words: tuple[str, ...] = ()
    #: The conditions of these words.
    words_condition: Q = field(default_factory=Q)
    #: Whether it asks for rows that are not in the inbox.
    is_elsewhere: bool = False
    #: Why it finds nothing, in the language of the reader, or an empty text.
    error: str = ""

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is asked for."""
        return not self.text

    def narrow(self, rows: Any) -> Any:
        """Return those of the rows that are asked for; none where the query cannot be understood."""
        return rows.none() if self.error else rows.filter(self.conditions, self.words_condition)


class NotUnderstood(ValueError):
    """A query that cannot be understood; its text is for the person who typed it."""


def parse(text: str, model: type[models.Model], *, using: str | None = None, reader: Any = None) -> Search:
    """Read a query for rows of ``model``. Costs one query for each model that is searched by name, if it names any.

    ``reader`` is the user who asks: what the setting ``VISIBILITY`` hides from them has neither name nor description.
    Without one, everything is searched.
    """
    text = text.strip()
    try:
        terms = split(text)
        choices = dict(model._meta.get_field("level").choices or ())  # type: ignore[union-attr]
        for term in terms:
            judge(term, choices)
        objects = find({term.value for term in terms if term.key in {"from", "target", ""}}, using, reader)
        has_words = reader is not None and not all(term.key for term in terms)
        found = Found(objects, readable(model, using, reader) if has_words else Q())
    except NotUnderstood as error:
        return Search(text, error=str(error))
    words = tuple(term.value for term in terms if not term.key and not term.negated)
    return Search(
        text,
        combine([term for term in terms if term.key or term.negated], found),
        words,
        all_of(condition_of(Term("", word, False), found) for word in words),
        any(term.key == "is" and term.value in ELSEWHERE and not term.negated for term in terms),
    )


def split(text: str) -> list[Term]:
    """Return the terms of a query. Raise NotUnderstood for one that no database should be asked."""
    if len(text) > MAX_LENGTH:
        raise NotUnderstood(
            gettext("A search can be %(count)d characters long at most.") % {"count": MAX_LENGTH}
        )
    # Others cannot be stored, so that there is nothing to find, and a database may refuse to look.
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise NotUnderstood(gettext("The search has a character in it that no text can have."))
    terms = []
    for match in TERM.finditer(text):
        value = (match["plain"] or "" if match["quoted"] is None else match["quoted"]).strip()
        if match["key"] or value:
            terms.append(Term((match["key"] or "").lower(), value, bool(match["minus"])))
    if len(terms) > MAX_TERMS:
        raise NotUnderstood(gettext("A search can have %(count)d words at most.") % {"count": MAX_TERMS})
    return terms


def judge(term: Term, levels: dict[Any, Any]) -> None:
    """Raise NotUnderstood for a key that there is not, or a value that it cannot have."""
    words = {"term": f"{term.key}:{term.value}", "key": f"{term.key}:"}
    if term.key and term.key not in KEYS:
        known = ", ".join(f"{key}:" for key in KEYS if key)
        raise NotUnderstood(
            gettext("There is no “%(key)s”. There is %(known)s; a text with a colon in it goes into quotes.")
            % {**words, "known": known}
        )
    if term.key and not term.value:
        raise NotUnderstood(gettext("Something has to follow “%(key)s”.") % words)
    known_values = {"is": list(IS), "level": list(levels)}.get(term.key)
    if known_values is not None and term.value.lower() not in known_values:
        raise NotUnderstood(
            gettext("“%(term)s” finds nothing: after “%(key)s” comes one of %(known)s.")
            % {**words, "known": ", ".join(map(str, known_values))}
        )


def searched_models() -> dict[type[models.Model], str]:
    """Return the models that people search by name, each with the field that holds it; a check says what is amiss."""
    wanted: dict[Any, Any] = {django_settings.AUTH_USER_MODEL: get_user_model().USERNAME_FIELD}
    if isinstance(settings.SEARCH_FIELDS, Mapping):
        wanted.update(settings.SEARCH_FIELDS)
    fields = (searched_field(label, name) for label, name in wanted.items())
    return {found.model: found.name for found in fields if found}


def searched_field(label: Any, name: Any) -> Any:
    """Return the field of this name of a model such as "tracker.Repository", or None where it is none of texts."""
    try:
        found = apps.get_model(label)._meta.get_field(name)
    except (LookupError, ValueError, TypeError, AttributeError, FieldDoesNotExist):
        return None
    return found if isinstance(found, (models.CharField, models.TextField)) else None


def find(names: Iterable[str], using: str | None, reader: Any) -> Named:
    """Return which objects these names stand for. A name may be written with an ``@``, and in small letters."""
    wanted = {spelling for name in names for spelling in spellings(name)}
    found: Named = defaultdict(lambda: defaultdict(set))
    if not wanted:
        return found
    for model, name in searched_models().items():
        rows = seen_by(reader, model._base_manager.filter(**{f"{name}__in": wanted}))
        types = content_type_ids(model, using)
        for called, pk in rows.values_list(name, "pk")[:MAX_OBJECTS]:
            for content_type_id in types:
                found[called.lower()][content_type_id].add(str(pk))
    return found


def spellings(name: str) -> set[str]:
    """Return how a name may be written in the database that was typed like this."""
    plain = name.removeprefix("@")
    return {plain, plain.lower()} - {""}


def seen_by(reader: Any, objects: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Return those of the objects that the reader may see, all where nobody is named."""
    rule = None if reader is None else rule_of(objects.model)
    return objects if rule is None else rule.objects(objects, reader)


def readable(model: type[models.Model], using: str | None, reader: Any) -> Q:
    """Return the condition that the reader may see all objects of a row of ``model`` whose model has a rule."""
    using = using or router.db_for_read(model)
    ruled: defaultdict[Any, set[int]] = defaultdict(set)
    for each in apps.get_models() if settings.VISIBILITY else ():
        if rule_of(each) is not None:
            ruled[each._meta.concrete_model] |= content_type_ids(each, using)

    def is_readable(key: str) -> Q:
        of_type = f"{key}_content_type__in"
        has_no_rule = ~Q(**{of_type: sorted(set().union(*ruled.values()))})
        return any_of(
            [
                Q(**{f"{key}_content_type__isnull": True}) | has_no_rule,
                *(
                    Q(**{of_type: sorted(ids)}) & is_seen(key, each, using, reader)
                    for each, ids in ruled.items()
                ),
            ]
        )

    return all_of(is_readable(key) for key in OBJECTS if ruled)


def is_seen(key: str, model: type[models.Model], using: str, reader: Any) -> Q:
    """Return the condition that the reader may see the object of this key of a row, which is one of ``model``.

    It is looked up by its primary key, so that the database needs no more than an index. Never true for objects of
    another database, nor where nobody can say which key a text stands for.
    """
    field = key_field(model)
    text = models.ExpressionWrapper(models.OuterRef(f"{key}_object_id"), models.CharField())
    stored: Any
    if router.db_for_read(model) != using:
        return NEVER
    if isinstance(field, models.IntegerField):
        pattern, stored = INTEGER, Cast("ntf_text", models.BigIntegerField())
    elif isinstance(field, models.UUIDField):
        is_native = connections[using].features.has_native_uuid_field
        pattern, stored = UUID, Cast("ntf_text", field) if is_native else Replace("ntf_text", Value("-"))
    elif isinstance(field, (models.CharField, models.TextField)):
        pattern, stored = "^", F("ntf_text")
    else:
        return NEVER
    # Only what matches is cast: PostgreSQL would refuse the whole query for a single text that is no number.
    wanted = Case(When(ntf_text__regex=pattern, then=stored))
    return Q(Exists(seen_by(reader, model._base_manager.alias(ntf_text=text).filter(pk=wanted))))


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


def all_of(conditions: Iterable[Q]) -> Q:
    """Return the condition that all of these are true."""
    whole = Q()
    for condition in conditions:
        whole &= condition
    return whole


def any_of(conditions: Iterable[Q]) -> Q:
    """Return the condition that one of these is true."""
    whole = Q()
    for condition in conditions:
        whole |= condition
    return whole


def condition_of(term: Term, found: Found) -> Q:
    """Return what one term asks for, whether or not it is negated."""
    return KEYS[term.key](term.value, found)


def is_(value: str, found: Found) -> Q:
    """Return the condition of ``is:unread`` and its like."""
    return IS[value.lower()]()


def level(value: str, found: Found) -> Q:
    """Return the condition of ``level:error``."""
    return Q(level=value.lower())


def reason(value: str, found: Found) -> Q:
    """Return the condition of ``reason:mention``."""
    return Q(reason__iexact=value)


def verb(value: str, found: Found) -> Q:
    """Return the condition of ``verb:commented``, which also finds "commented on"."""
    return Q(verb__icontains=value)


def named(key: str, value: str, found: Found) -> Q:
    """Return the condition that the ``actor``, ``action_object`` or ``target`` has this name."""
    types = found.objects.get(value.removeprefix("@").lower(), {})
    return (
        any_of(
            Q(**{f"{key}_content_type__in": [content_type_id], f"{key}_object_id__in": sorted(ids)})
            for content_type_id, ids in types.items()
        )
        or NEVER
    )


def anything(value: str, found: Found) -> Q:
    """Return the condition that the words of a row have this in them, or that one of its objects has this name."""
    parts = [Q(verb__icontains=value), Q(description__icontains=value) & found.readable]
    return any_of([*parts, *(named(key, value, found) for key in ("actor", "action_object", "target"))])


#: What may stand before a colon; the empty one is free text.
KEYS: dict[str, Callable[[str, Found], Q]] = {
    "is": is_,
    "level": level,
    "verb": verb,
    "reason": reason,
    "from": partial(named, "actor"),
    "target": partial(named, "target"),
    "": anything,
}
