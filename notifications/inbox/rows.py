"""The rows of a page of the inbox: what is the same for all of them is made once, the rest without template nodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

from django.template import Context
from django.urls import reverse
from django.utils import formats
from django.utils.html import escape, format_html, format_html_join, linebreaks
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from django.utils.translation import gettext, pgettext

from notifications.inbox.actions import actions_of
from notifications.inbox.snooze import local
from notifications.inbox.tabs import day_of
from notifications.objects import links
from notifications.objects.faces import avatar_of, initials_of
from notifications.objects.labels import label_of
from notifications.presentation import sentences
from notifications.presentation.icons import icons, kind_of
from notifications.presentation.threads import Thread, thread_of
from notifications.presentation.verb_templates import has_own
from notifications.storage.notification import AbstractNotification
from notifications.storage.reasons import reason_label
from notifications.storage.states import states_of

#: Stand for the slug, and for the value of a button, in what is made once for all rows. No slug has them.
SLUG, VALUE = "\0", "\1"

#: The face of an actor. Initials are no text of the page: the sentence has the name.
FACE = '<span class="ntf-face" aria-hidden="true" data-ntf-initials="{}">{}{}</span>'
LEVEL = '<span class="ntf-level">{}</span>'
#: The icon of the model of what the row is about, beside the face.
KIND = '<span class="ntf-kind">{}</span>'
IMAGE = '<img src="{}" alt="" width="24" height="24" loading="lazy">'

#: What else holds of a row, which a script writes anew.
MARKS = '<span class="ntf-when" data-ntf-slot="marks"{}>{}</span>'
#: The states that are said there.
MARKED_STATES = {"snoozed", "saved", "done"}

#: The levels that a row names. The others are of no interest in a list.
SHOWN_LEVELS = ("warning", "error")


class Rows:
    """The rows of one page, for the template ``notifications/row.html``."""

    def __init__(self, context: Context, key: str) -> None:
        self.context, self.key = context, key
        self.request: Any = getattr(context, "request", None) or context.get("request")
        self.in_tab = bool(context.get("tab"))
        # A template of the site, and one with its own buttons where the page has no form.
        self.includes_notice = not self.in_tab or has_own("notifications/notice.html", context)
        self.words: dict[str, str] = {
            "unread": format_html(
                '<span class="ntf-state">{}</span>', pgettext("one notification", "Unread")
            ),
        }
        self.icons = {kind: format_html(KIND, icon) for kind, icon in icons(context).items()}
        asked = getattr(self.request, "GET", {}).get("q", "")
        self.asked = {"q": asked} if asked else {}
        self.reasons: dict[str, str] = {"": ""}
        self.tools: dict[Any, str] = {}

    def by_day(self, notices: Iterable[AbstractNotification]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Yield each day as a heading, with its rows."""
        for day, some in groupby(notices, key=lambda notice: day_of(notice, self.key)):
            yield day, [self.row(notice) for notice in some]

    def row(self, notice: AbstractNotification) -> dict[str, Any]:
        """Return what the template shows of a notification: texts, and parts that are HTML."""
        slug, states, thread = escape(notice.slug), set(states_of(notice)), thread_of(notice)
        value: str = slug
        if thread:
            states = states - {"unread", "read"} | {"unread" if thread.unread else "read"}
            value = thread.value
        unread = "unread" in states
        row = {
            "notice": notice,
            "slug": slug,
            "value": value,
            "thread": thread,
            "level": notice.level,
            "new": " ntf-new" if unread else "",
            "unread": " data-ntf-unread" if unread else "",
            "face": self.face(notice),
            "tools": self.tools_of(states, slug, value) if self.in_tab else "",
        }
        if not self.includes_notice:
            row |= {
                "sentence": sentences.html_of(notice, sentences.parts_of(notice, self.request), self.context),
                "meta": self.meta(notice, states, thread),
                "description": self.description(notice),
                "links": format_html_join(
                    "",
                    '<li><a href="{}">{}</a></li>',
                    ((link["href"], link["title"]) for link in links.action_links(notice)),
                ),
            }
        return row

    def face(self, notice: AbstractNotification) -> SafeString:
        """Return the image of the actor, or the initials, in a circle, with the icon of the object if there is one."""
        icon = self.icons.get(kind_of(notice), "") if self.icons else ""
        url = avatar_of(notice.actor)
        if url:
            return format_html(FACE, "", format_html(IMAGE, url), icon)
        return format_html(FACE, initials_of(notice.actor, label_of(notice, "actor")), "", icon)

    def description(self, notice: AbstractNotification) -> str:
        """Return the paragraphs of the description, or an empty text."""
        if not notice.description or notice.is_hidden:
            return ""
        return mark_safe(linebreaks(notice.description, autoescape=True))  # noqa: S308 - escaped

    def meta(self, notice: AbstractNotification, states: set[str], thread: Thread | None) -> SafeString:
        """Return the muted line: the time, the reason, and what holds of the row or of its thread."""
        moment = local(notice.timestamp)
        title, ago = with_zone(formats.date_format(moment, "DATETIME_FORMAT"), moment), ago_of(notice)
        parts: list[str] = [
            self.words["unread"] if "unread" in states else "",
            format_html(LEVEL, level) if (level := level_of(notice)) else "",
            f'<time datetime="{moment.isoformat(timespec="seconds")}" title="{escape(title)}">{escape(ago)}</time>',
            self.reason(thread.reason if thread else notice.reason),
            self.more(thread) if thread else "",
            marks(marks_of(notice) if states & MARKED_STATES else ""),
        ]
        return mark_safe(" ".join(filter(None, parts)))  # noqa: S308 - each is escaped

    def more(self, thread: Thread) -> str:
        """Return the link to the rows of a thread, with their number and that of the new ones."""
        new = (
            format_html(' <span class="ntf-news" data-ntf-slot="new">{}</span>', thread.new)
            if thread.new
            else ""
        )
        path = f"{getattr(self.request, 'path', '')}?{urlencode({**self.asked, 'thread': thread.key})}"
        return format_html('<a class="ntf-rest" href="{}" data-ntf-rest>{}</a>{}', path, thread.more, new)

    def reason(self, name: str) -> str:
        """Return the reason why the recipient was notified."""
        if name not in self.reasons:
            self.reasons[name] = when(capfirst(reason_label(name)))
        return self.reasons[name]

    def tools_of(self, states: set[str], slug: str, value: str) -> str:
        """Return the buttons of a row in these states."""
        return mark_safe(self.tools_for(states).replace(VALUE, value).replace(SLUG, slug))  # noqa: S308 - escaped

    def tools_for(self, states: set[str]) -> str:
        """Return the buttons of a row in these states, with ``SLUG`` in the place of its slug."""
        names = frozenset(states)
        if names not in self.tools:
            tools: list[str] = [tool(action.name, action.title) for action in actions_of(names)]
            if "done" in names:
                tools.append(self.delete_link())
            self.tools[names] = "".join(tools)
        return self.tools[names]

    def delete_link(self) -> str:
        """Return the link to the page that asks before it deletes."""
        match = getattr(self.request, "resolver_match", None)
        namespace = match.namespace if match else None
        url = reverse("notifications:delete", args=["-slug-"], current_app=namespace).replace("-slug-", SLUG)
        back = urlencode({"next": getattr(self.request, "path", "")})
        return format_html(
            '<a class="ntf-tool" href="{}?{}" aria-label="{title}" title="{title}" aria-describedby="ntf-{slug}"'
            " data-ntf-delete>{icon}</a>",
            mark_safe(url),  # noqa: S308 - of this site
            back,
            title=gettext("Delete"),
            slug=SLUG,
            icon=icon("delete"),
        )


def when(words: str) -> str:
    """Return a part of the muted line."""
    return format_html('<span class="ntf-when">{}</span>', words)


def level_of(notice: AbstractNotification) -> str:
    """Return the level in words, if it is one that a row names."""
    return str(capfirst(notice.get_level_display())) if notice.level in SHOWN_LEVELS else ""


def marks(words: str) -> str:
    """Return the part of the muted line in which these words are."""
    return format_html(MARKS, mark_safe("" if words else " hidden"), words)  # noqa: S308 - of this module


def marks_of(notice: AbstractNotification) -> str:
    """Return in words whether the row is snoozed, saved and done."""
    states = states_of(notice)
    words = {"saved": pgettext("one notification", "Saved"), "done": pgettext("one notification", "Done")}
    marks = [snoozed_words(notice)] if "snoozed" in states else []
    return " · ".join([*marks, *(word for name, word in words.items() if name in states)])


def snoozed_words(notice: AbstractNotification) -> str:
    """Return until when the row is snoozed."""
    until: Any = notice.snoozed_until
    moment = local(until)
    words = gettext("Snoozed until %(moment)s") % {
        "moment": formats.date_format(moment, "SHORT_DATETIME_FORMAT")
    }
    return with_zone(words, moment)


def ago_of(notice: Any) -> Any:
    """Return how long ago it happened. ``ago`` may be a property of the site's model, as templates read it too."""
    return notice.ago() if callable(notice.ago) else notice.ago


def with_zone(words: str, moment: datetime) -> str:
    """Return words that end with a time, and its time zone."""
    return f"{words} {formats.date_format(moment, 'T')}".strip()


def icon(name: str) -> SafeString:
    """Return the icon of this name, which ``icons.html`` draws."""
    return format_html(
        '<svg class="ntf-icon" width="18" height="18" aria-hidden="true"><use href="#ntf-i-{}"></use></svg>',
        name,
    )


def tool(name: str, title: Any) -> SafeString:
    """Return the button of an action in a row."""
    return format_html(
        '<button class="ntf-tool" name="one" value="{name}:{value}" form="ntf-bulk" data-ntf-action="{name}"'
        ' aria-label="{title}" title="{title}" aria-describedby="ntf-{slug}">{icon}</button>',
        name=name,
        title=title,
        slug=SLUG,
        value=VALUE,
        icon=icon(name),
    )
