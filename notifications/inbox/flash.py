"""What the next page of the inbox says of what was just done, with the button that takes it back.

It travels in a signed cookie that lives for a minute, so that no page costs a query for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, ngettext

from notifications.extensions import message_of
from notifications.inbox.actions import ACTIONS

COOKIE = "notifications_flash"
#: How many seconds the cookie lives.
MAX_AGE = 60

#: What is said of something that is no action on rows.
UNDO, NOTHING_CHOSEN = "undo", "nothing"


@dataclass(frozen=True, slots=True)
class Flash:
    """What was done, to how many rows, and the token that undoes it."""

    action: str
    changed: int = 0
    token: str = ""

    @property
    def message(self) -> str:
        """Return it in the current language."""
        own = message_of(self.action)
        if own is not None:
            return str(own)
        if self.action == NOTHING_CHOSEN:
            return gettext("Select at least one notification.")
        if self.action == UNDO and self.changed:
            words = ngettext(
                "Undone. %(count)d notification restored.",
                "Undone. %(count)d notifications restored.",
                self.changed,
            )
            return words % {"count": self.changed}
        if self.action == UNDO:
            return gettext("This action can no longer be undone.")
        return ACTIONS[self.action].message_for(self.changed) if self.changed else gettext("Nothing changed.")


def set_flash(response: HttpResponse, request: HttpRequest, flash: Flash, path: str) -> None:
    """Let the next page below ``path`` show this."""
    response.set_signed_cookie(
        COOKIE,
        f"{flash.action} {flash.changed} {flash.token}",
        salt=salt(request),
        max_age=MAX_AGE,
        path=path,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )


def get_flash(request: HttpRequest) -> Flash | None:
    """Return what this user is shown of what they did in the last minute, if anything."""
    value = request.get_signed_cookie(COOKIE, default="", salt=salt(request), max_age=MAX_AGE)
    if not value:
        return None
    action, changed, token = value.split(" ")
    return Flash(action, int(changed), token)


def salt(request: HttpRequest) -> str:
    """Return what makes the cookie of one user worthless to another."""
    return f"{COOKIE}:{request.user.pk}"
