"""The rows that a form of the inbox selects, and the action to perform on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db.models import IntegerField
from django.http import HttpRequest, QueryDict

from notifications.compat.slugs import text_of_slug
from notifications.conf import get_notification_model
from notifications.inbox import search
from notifications.inbox.actions import ACTIONS, Action
from notifications.inbox.tabs import TABS, Tab, moment_of_page, rows_of
from notifications.objects.fetch import key_field, primary_key
from notifications.storage.notification import Rows


@dataclass(frozen=True, slots=True)
class Selection:
    """The content of a form: an action, and the selected rows, given by their slugs or as all results in a tab."""

    action: Action
    slugs: list[str] = field(default_factory=list)
    tab: Tab | None = None
    query: str = ""

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
        if name:
            return cls(action, [slug])
        if everything:
            return cls(action, tab=TABS["unread"])
        scopes = data.getlist("scope")
        if "all" in scopes:
            return cls(action, tab=TABS.get(data.get("tab", ""), TABS["inbox"]), query=data.get("q", ""))
        shown = data.get("shown", "").split(",") if "page" in scopes else []
        return cls(action, [*data.getlist("id"), *shown])

    def rows(self, request: HttpRequest, up_to: str) -> Rows:
        """Return the selected rows of the current user. All results do not include rows that arrived later."""
        model = get_notification_model()
        if self.tab:
            wanted = search.parse(self.query, model, viewer=request.user)
            return self.tab.rows_up_to(rows_of(request), wanted, moment_of_page(up_to))
        rows = rows_of(request).visible()
        keys = {key_of(slug, model, rows.db) for slug in self.slugs} - {None}
        return rows.filter(pk__in=keys)


def key_of(slug: str, model: Any, using: str) -> Any:
    """Return the primary key behind a slug, or None for a text that is none."""
    text = text_of_slug(slug, is_number=isinstance(key_field(model), IntegerField))
    return None if text is None else primary_key(model, text, using)
