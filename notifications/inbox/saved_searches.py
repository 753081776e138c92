"""The searches that a user saved: named, in the user's order, in their :class:`~notifications.models.InboxState`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import models, router

from notifications.objects.text import text_problem
from notifications.storage.inbox_state import InboxState, alone, has_table
from notifications.storage.owners import user_pk

#: The most searches of a user, and the most characters of a name and of a search.
MAX_SEARCHES, MAX_NAME_LENGTH, MAX_QUERY_LENGTH = 15, 50, 500


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search with a name."""

    name: str
    query: str


class TooManySearches(Exception):
    """The user has as many searches as can be saved."""


def loaded(stored: Any) -> list[SavedSearch]:
    """Return the searches as the state of a user holds them, without what another version may have stored."""
    found = stored if isinstance(stored, list) else []
    are_texts = (isinstance(pair, list) and [type(part) for part in pair] == [str, str] for pair in found)
    return [SavedSearch(*pair) for pair, is_one in zip(found, are_texts, strict=True) if is_one]


def searches_of(user: Any) -> list[SavedSearch]:
    """Return the searches of a user. Costs one query."""
    if not has_table():
        return []
    states = InboxState.objects.using(user.notifications.all().db)
    return loaded(states.filter(pk=user_pk(user)).values_list("searches", flat=True).first())


def save(user: Any, name: str, query: str) -> None:
    """Save a search at the end, or another text under the same name. Raise TooManySearches beyond the limit."""
    name, query = " ".join(name.split())[:MAX_NAME_LENGTH], query.strip()[:MAX_QUERY_LENGTH]
    wanted = SavedSearch(name or query[:MAX_NAME_LENGTH], query)

    def write(found: list[SavedSearch]) -> list[SavedSearch]:
        if wanted.name in {search.name for search in found}:
            return [wanted if search.name == wanted.name else search for search in found]
        if len(found) >= MAX_SEARCHES:
            raise TooManySearches
        return [*found, wanted]

    # Only a request made by hand has what not every database can store.
    if query and not text_problem(wanted.name + query):
        change(user, write)


def remove(user: Any, name: str) -> None:
    """Remove a search."""
    change(user, lambda found: [search for search in found if search.name != name])


def move_up(user: Any, name: str) -> None:
    """Let a search change places with the one before it."""

    def write(found: list[SavedSearch]) -> list[SavedSearch]:
        names = [search.name for search in found]
        place = names.index(name) if name in names else 0
        if place:
            found[place - 1 : place + 1] = found[place], found[place - 1]
        return found

    change(user, write)


def change(user: Any, write: Callable[[list[SavedSearch]], list[SavedSearch]]) -> None:
    """Write what a function makes of the searches of a user, while no other changes them."""

    def store(state: models.QuerySet[InboxState]) -> None:
        found = loaded(state.values_list("searches", flat=True).first())
        state.update(searches=[[search.name, search.query] for search in write(found)])

    alone(user, router.db_for_write(user.notifications.model), store)
