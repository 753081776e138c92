"""The actions of the inbox: their name in the form, the title of the button, and the message afterwards."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _, ngettext_lazy, pgettext_lazy

from notifications.conf import settings
from notifications.storage.notification import AbstractNotification, Rows
from notifications.storage.states import states_of
from notifications.storage.verbs import changed_by


@dataclass(frozen=True, slots=True)
class Action:
    """An action that a user can perform on rows."""

    name: str
    title: str | Promise
    #: The message afterwards, with the number of rows.
    message: Any
    #: Changes the rows and returns the number of changes. The time is only used by "snooze".
    write: Callable[[Rows, Any], int]

    def message_for(self, changed: int) -> str:
        """Return the message for this number of changed rows, in the current language."""
        words: str = self.message % {"count": changed}
        return words


def delete_rows(rows: Rows) -> int:
    """Mark the rows as deleted with SOFT_DELETE, otherwise delete them. Return their number, without cascades."""
    return changed_by("mark_all_as_deleted" if settings.SOFT_DELETE else "delete", rows)


def snooze_rows(rows: Rows, until: datetime) -> int:
    """Snooze the rows until a time. Return the number of changes."""
    return changed_by("snooze_all", rows, until)


ACTIONS: Mapping[str, Action] = {
    action.name: action
    for action in (
        Action(
            "done",
            pgettext_lazy("button", "Done"),
            ngettext_lazy(
                "%(count)d notification marked as done.", "%(count)d notifications marked as done.", "count"
            ),
            lambda rows, until: changed_by("mark_all_as_done", rows),
        ),
        Action(
            "undone",
            pgettext_lazy("button", "Move to inbox"),
            ngettext_lazy(
                "%(count)d notification moved to the inbox.",
                "%(count)d notifications moved to the inbox.",
                "count",
            ),
            lambda rows, until: changed_by("mark_all_as_undone", rows),
        ),
        Action(
            "save",
            pgettext_lazy("button", "Save"),
            ngettext_lazy("%(count)d notification saved.", "%(count)d notifications saved.", "count"),
            lambda rows, until: changed_by("mark_all_as_saved", rows),
        ),
        Action(
            "unsave",
            pgettext_lazy("button", "Unsave"),
            ngettext_lazy(
                "%(count)d notification removed from saved.",
                "%(count)d notifications removed from saved.",
                "count",
            ),
            lambda rows, until: changed_by("mark_all_as_unsaved", rows),
        ),
        Action(
            "snooze",
            pgettext_lazy("button", "Snooze"),
            ngettext_lazy("%(count)d notification snoozed.", "%(count)d notifications snoozed.", "count"),
            snooze_rows,
        ),
        Action(
            "unsnooze",
            pgettext_lazy("button", "Unsnooze"),
            ngettext_lazy(
                "%(count)d notification unsnoozed.",
                "%(count)d notifications unsnoozed.",
                "count",
            ),
            lambda rows, until: changed_by("unsnooze_all", rows),
        ),
        Action(
            "read",
            _("Mark as read"),
            ngettext_lazy(
                "%(count)d notification marked as read.", "%(count)d notifications marked as read.", "count"
            ),
            lambda rows, until: changed_by("mark_all_as_read", rows),
        ),
        Action(
            "unread",
            _("Mark as unread"),
            ngettext_lazy(
                "%(count)d notification marked as unread.",
                "%(count)d notifications marked as unread.",
                "count",
            ),
            lambda rows, until: changed_by("mark_all_as_unread", rows),
        ),
        Action(
            "delete",
            _("Delete"),
            ngettext_lazy("%(count)d notification deleted.", "%(count)d notifications deleted.", "count"),
            lambda rows, until: delete_rows(rows),
        ),
    )
}

#: The actions that have a button on a row, each with its opposite. Deletion has a confirmation page instead.
ROW_ACTIONS = tuple(action for action in ACTIONS.values() if action.name != "delete")


def actions_for(notice: AbstractNotification) -> list[Action]:
    """Return the actions that are available for this row in its current state."""
    return actions_of(states_of(notice))


def actions_of(states: Collection[str]) -> list[Action]:
    """Return the actions that are available for a row in these states."""
    names = ["undone" if "done" in states else "done", "unsave" if "saved" in states else "save"]
    if "snoozed" in states:
        names.append("unsnooze")
    else:
        names += ["snooze", "unread" if "read" in states else "read"]
    return [ACTIONS[name] for name in names]


def write_as_before(rows: Rows, action: Action) -> int:
    """Perform an action on a few rows as the views of the older packages do: by a method of each row.

    That matters only if the site's model overrides the method or ``save()``, or if saving has receivers. Return the
    number of changes.
    """
    delete = "mark_as_deleted" if settings.SOFT_DELETE else "delete"
    name = {"read": "mark_as_read", "unread": "mark_as_unread", "delete": delete}[action.name]
    is_ours = getattr(rows.model, name) is getattr(AbstractNotification, name)
    if is_ours and (name == "delete" or not rows.model.is_saved_by_others()):
        return action.write(rows, None)
    # One of hq's time returns nothing.
    return sum(getattr(row, name)() is not False for row in rows)
