"""The notifications of a user about one target as one entry: its sentence, and its numbers in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from notifications.conf import settings
from notifications.objects.labels import label_of
from notifications.objects.text import isolated
from notifications.objects.visibility import rule_of
from notifications.presentation.verb_templates import verb_template
from notifications.types import sentence_of, type_of

if TYPE_CHECKING:
    from notifications.storage.notification import AbstractNotification

#: Where a row keeps the thread that it stands for. No column of a site's own model has this name.
ATTRIBUTE = "_ntf_thread"


@dataclass(slots=True)
class Thread:
    """What an entry says of a thread besides its first row, which is the newest one in most lists."""

    #: What names the thread in a URL, and what names exactly these rows in a form.
    key: str
    value: str
    #: How many rows there are, and how many of them are unread. If there may be more, ``is_exact`` is False.
    count: int
    unread: int
    is_exact: bool
    #: How many actors they have, or 0 if one sentence does not fit them all.
    people: int
    #: The strongest reason.
    reason: str
    #: The newest row of the second actor, if it was read.
    second: AbstractNotification | None = None

    @property
    def more(self) -> str:
        """Return how many rows there are besides the first one: "4 more"."""
        number = self.count - 1
        return ngettext("%(number)s more", "%(number)s more", number) % {"number": self.number(number)}

    @property
    def new(self) -> str:
        """Return how many rows are unread, "3 new", or an empty text."""
        if not self.unread:
            return ""
        return ngettext("%(number)s new", "%(number)s new", self.unread) % {
            "number": self.number(self.unread)
        }

    def number(self, number: int) -> str:
        """Return a number of rows, at most ``BADGE_CAP``: "99+" if there are or may be more."""
        cap = settings.BADGE_CAP
        if cap is not None and number > cap:
            return f"{cap}+"
        return str(number) if self.is_exact else f"{number}+"


def thread_of(row: Any) -> Thread | None:
    """Return the thread that a row of a page stands for, or None if it stands for itself."""
    thread: Thread | None = vars(row).get(ATTRIBUTE)
    return thread


def several(row: AbstractNotification) -> Thread | None:
    """Return the thread of a row if its sentence can name several actors, otherwise None.

    It cannot if it comes from a template of the site, or from a type without a sentence for several. Nobody learns how
    many actors a rule hides from them.
    """
    thread = thread_of(row)
    if thread is None or thread.people < 2 or not thread.is_exact or row.is_hidden or row.actor is None:
        return None
    if thread.second is not None and thread.second.actor is None:
        return None
    if rule_of(row.actor) is not None or any(verb_template(row.verb, kind) for kind in ("txt", "html")):
        return None
    kind = type_of(row.verb)
    return None if sentence_of(kind) and not sentence_of(kind, is_several=True) else thread


def actors_text(thread: Thread, row: AbstractNotification) -> str:
    """Return the actors of a thread as text: "mitsuhiko and 2 others"."""
    text: str = actors(thread, lambda each: isolated(label_of(each, "actor")), row, str.__mod__)
    return text


def actors_html(thread: Thread, row: AbstractNotification, linked: Callable[[Any], Any]) -> SafeString:
    """Return the actors of a thread as HTML; ``linked`` returns the name of the actor of a row as HTML."""

    def filled(words: str, names: dict[str, Any]) -> SafeString:
        return format_html(conditional_escape(words) % {name: f"{{{name}}}" for name in names}, **names)

    html: SafeString = actors(thread, linked, row, filled)
    return html


def actors(
    thread: Thread, name: Callable[[Any], Any], row: AbstractNotification, fill: Callable[[str, Any], Any]
) -> Any:
    """Return the actors of a thread: one name, two names, or one name and the number of the others."""
    if thread.people == 2 and thread.second is not None:
        words = gettext("%(first)s and %(second)s")
        return fill(words, {"first": name(row), "second": name(thread.second)})
    others = thread.people - 1
    words = ngettext("%(name)s and %(count)d other", "%(name)s and %(count)d others", others)
    return fill(words.replace("%(count)d", "%(count)s"), {"name": name(row), "count": others})
