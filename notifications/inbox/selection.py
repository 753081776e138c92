"""The rows that a form of the inbox selects, and the action to perform on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import IntegerField, Q
from django.http import HttpRequest, QueryDict

from notifications.compat.slugs import text_of_slug
from notifications.conf import get_notification_model
from notifications.inbox import search
from notifications.inbox.actions import ACTIONS, Action
from notifications.inbox.matching import Matching
from notifications.inbox.requests import rows_of
from notifications.inbox.tabs import TABS, Tab, tab_of
from notifications.inbox.threads import PREFIX, most_rows, of_key, shown_in
from notifications.objects.fetch import key_field, primary_key
from notifications.storage.notification import Rows


@dataclass(frozen=True, slots=True)
class Selection:
    """The content of a form: an action, and the selected rows, given by their slugs or as all results in a tab.

    Among the slugs are the values of threads, which stand for all of their rows in the tab of the page.
    """

    action: Action
    slugs: list[str] = field(default_factory=list)
    tab: Tab | None = None
    query: str = ""
    #: With a tab: which rows these are, as the user has seen it.
    matching: Matching | None = None
    #: The field of the form that says so.
    matching_field: str = "matching"
    #: With a tab: the thread whose rows the page shows.
    thread: str = ""
    #: The tab in which threads were selected.
    place: Tab = TABS["inbox"]

    @classmethod
    def from_form(cls, data: QueryDict) -> Selection | None:
        """Read the form. Return None for an unknown action.

        The button of a row (``one=done:110910``) selects only that row. ``all=read`` selects all unread rows.
        """
        name, _, slug = data.get("one", "").partition(":")
        everything = data.get("all", "")
        action = ACTIONS.get(name or everything or data.get("action", ""))
        if action is None:
            return None
        place, query = tab_of(data), data.get("q", "")
        if name:
            return cls(action, [slug], query=query, place=place)
        if everything:
            name = "matching_unread"
            unread = Matching.loads(data.get(name, ""))
            return cls(action, tab=TABS["unread"], matching=unread, matching_field=name)
        scopes = data.getlist("scope")
        if "all" in scopes:
            matching = Matching.loads(data.get("matching", ""))
            return cls(action, tab=place, query=query, matching=matching, thread=data.get("thread", ""))
        shown = data.get("shown", "").split(",") if "page" in scopes else []
        return cls(action, [*data.getlist("id"), *shown], query=query, place=place)

    @property
    def is_empty(self) -> bool:
        """Return whether the form selects nothing."""
        return self.tab is None and not self.slugs

    @property
    def is_confirmed(self) -> bool:
        """Return whether the user has seen how many rows all results are."""
        return self.matching is not None and self.matching.count is not None

    def matching_now(self, request: HttpRequest, found: search.Search) -> Matching:
        """Return which rows all results are now, without those that arrived after the page was loaded."""
        rows = self.rows(request, found)
        return Matching.of(rows if self.matching is None else self.matching.narrow(rows))

    def find(self, request: HttpRequest) -> search.Search:
        """Return the search of the form, an empty one if the selected rows do not depend on it."""
        has_rows = self.tab is None and not any(slug.startswith(PREFIX) for slug in self.slugs)
        return search.parse("" if has_rows else self.query, get_notification_model(), viewer=request.user)

    def rows(self, request: HttpRequest, found: search.Search | None = None) -> Rows:
        """Return the selected rows of the current user, with a tab those that match the search ``found``."""
        if self.tab:
            shown = self.tab.rows(rows_of(request), found or self.find(request))
            return of_key(shown, self.thread) if self.thread else shown
        model = get_notification_model()
        rows = rows_of(request).visible()
        keys = {key_of(slug, model, rows.db) for slug in self.slugs} - {None}
        threads = shown_in(self.slugs, rows.db)
        if not threads:
            return rows.filter(pk__in=keys)
        of_search = found or self.find(request)
        key, descending = self.place.order(of_search)
        conditions = (thread.condition(key=key, descending=descending) for thread in threads)
        in_threads = self.place.rows(rows_of(request), of_search).filter(reduce(or_, conditions)).order_by()
        if not keys:
            return in_threads
        return rows.filter(Q(pk__in=keys) | Q(pk__in=in_threads.values("pk")))

    def most_rows(self, using: str) -> int | None:
        """Return how many rows the page has shown as selected, if it has threads and has counted all of them."""
        threads = shown_in(self.slugs, using)
        most = most_rows(threads) if threads and self.tab is None else None
        return None if most is None else most + sum(not slug.startswith(PREFIX) for slug in self.slugs)


def key_of(slug: str, model: Any, using: str) -> Any:
    """Return the primary key behind a slug, or None for a text that is none."""
    text = text_of_slug(slug, is_number=isinstance(key_field(model), IntegerField))
    return None if text is None else primary_key(model, text, using)
