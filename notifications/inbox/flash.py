"""The message about an action on the next page of the inbox, with the undo button.

It is stored in a signed cookie for one minute, so it costs no query.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, ngettext

from notifications.extensions import message_of
from notifications.inbox.actions import ACTIONS
from notifications.inbox.saved_searches import MAX_SEARCHES
from notifications.storage.owners import user_pk

COOKIE = "notifications_flash"
#: The lifetime of the cookie in seconds.
MAX_AGE = 60

#: The names of messages that do not belong to an action.
UNDO, NOTHING_CHOSEN, CHANGED, TOO_MANY_SEARCHES = OWN_MESSAGES = "undo", "nothing", "changed", "searches"


@dataclass(frozen=True, slots=True)
class Flash:
    """The action, the number of changed rows, and the token to undo it."""

    action: str
    changed: int = 0
    token: str = ""

    @property
    def message(self) -> str:
        """Return the message in the current language."""
        own = message_of(self.action)
        if own is not None:
            return str(own)
        if self.action == CHANGED:
            return gettext("Your notifications have changed since the page was loaded.")
        if self.action == TOO_MANY_SEARCHES:
            return gettext("You can save at most %(count)d searches.") % {"count": MAX_SEARCHES}
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


def set_flash(response: HttpResponse, request: HttpRequest, flash: Flash) -> None:
    """Show this message on the next page. It replaces the last one, whichever view set it."""
    response.set_signed_cookie(
        COOKIE,
        f"{flash.action} {flash.changed} {flash.token}",
        salt=salt(request),
        max_age=MAX_AGE,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE or request.is_secure(),
        httponly=True,
        # Where the session reaches, in a frame of another site too.
        samesite=settings.SESSION_COOKIE_SAMESITE or None,
    )


def get_flash(request: HttpRequest) -> Flash | None:
    """Return the message about the user's action in the last minute, if there is one."""
    value = request.get_signed_cookie(COOKIE, default="", salt=salt(request), max_age=MAX_AGE)
    if not value:
        return None
    action, changed, token = value.split(" ")
    # Another version of the site may have set it, with an app that this one has not.
    is_known = action in OWN_MESSAGES or action in ACTIONS or message_of(action) is not None
    return Flash(action, int(changed), token) if is_known else None


def salt(request: HttpRequest) -> str:
    """Return the salt, which makes the cookie of one user invalid for others."""
    return f"{COOKIE}:{user_pk(request.user)}"
