"""What a user does to rows in the inbox: the name in the form, the title of the button, and what is said afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _, ngettext_lazy, pgettext_lazy

from notifications.conf import settings
from notifications.storage.notification import AbstractNotification, Rows


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a user can do to rows."""

    name: str
    title: str | Promise
    #: What is said of so many rows when it is done.
    message: Any
    #: Writes it, and returns how many rows changed. The moment is for "snooze" alone.
    write: Callable[[Rows, Any], int]

    def message_for(self, changed: int) -> str:
        """Return what is said when it was done to so many rows, in the current language."""
        words: str = self.message % {"count": changed}
        return words


def delete_rows(rows: Rows) -> int:
    """Hide the rows under SOFT_DELETE, else delete them. Return how many."""
    return rows.mark_all_as_deleted() if settings.SOFT_DELETE else rows.delete()[0]


def snooze_rows(rows: Rows, until: datetime) -> int:
    """Put the rows out of sight until a moment. Return how many changed."""
    return rows.snooze_all(until)


ACTIONS: Mapping[str, Action] = {
    action.name: action
    for action in (
        Action(
            "done",
            pgettext_lazy("button", "Done"),
            ngettext_lazy("%(count)d notification is done.", "%(count)d notifications are done.", "count"),
            lambda rows, until: rows.mark_all_as_done(),
        ),
        Action(
            "undone",
            pgettext_lazy("button", "Not done"),
            ngettext_lazy(
                "%(count)d notification is back in the inbox.",
                "%(count)d notifications are back in the inbox.",
                "count",
            ),
            lambda rows, until: rows.mark_all_as_undone(),
        ),
        Action(
            "save",
            pgettext_lazy("button", "Save"),
            ngettext_lazy("%(count)d notification is saved.", "%(count)d notifications are saved.", "count"),
            lambda rows, until: rows.mark_all_as_saved(),
        ),
        Action(
            "unsave",
            pgettext_lazy("button", "Do not save"),
            ngettext_lazy(
                "%(count)d notification is no longer saved.",
                "%(count)d notifications are no longer saved.",
                "count",
            ),
            lambda rows, until: rows.mark_all_as_unsaved(),
        ),
        Action(
            "snooze",
            pgettext_lazy("button", "Snooze"),
            ngettext_lazy(
                "%(count)d notification is snoozed.", "%(count)d notifications are snoozed.", "count"
            ),
            snooze_rows,
        ),
        Action(
            "unsnooze",
            pgettext_lazy("button", "Wake up"),
            ngettext_lazy(
                "%(count)d notification is no longer snoozed.",
                "%(count)d notifications are no longer snoozed.",
                "count",
            ),
            lambda rows, until: rows.unsnooze_all(),
        ),
        Action(
            "read",
            _("Mark as read"),
            ngettext_lazy("%(count)d notification is read.", "%(count)d notifications are read.", "count"),
            lambda rows, until: rows.mark_all_as_read(),
        ),
        Action(
            "unread",
            _("Mark as unread"),
            ngettext_lazy(
                "%(count)d notification is unread.", "%(count)d notifications are unread.", "count"
            ),
            lambda rows, until: rows.mark_all_as_unread(),
        ),
        Action(
            "delete",
            _("Delete"),
            ngettext_lazy(
                "%(count)d notification is deleted.", "%(count)d notifications are deleted.", "count"
            ),
            lambda rows, until: delete_rows(rows),
        ),
    )
}

#: The actions that have a button on a row: each and its opposite. Before rows are deleted, a page asks.
ROW_ACTIONS = tuple(action for action in ACTIONS.values() if action.name != "delete")


def actions_for(notice: AbstractNotification) -> list[Action]:
    """Return what a button can do to this row as it stands."""
    names = ["undone" if notice.is_done else "done", "unsave" if notice.is_saved else "save"]
    if notice.is_snoozed:
        names.append("unsnooze")
    else:
        names += ["snooze", "unread" if notice.is_read else "read"]
    return [ACTIONS[name] for name in names]
