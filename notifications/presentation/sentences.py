"""The sentence of a notification, as text and as HTML: the site's template for its verb, or the default sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from notifications.objects import links
from notifications.objects.guard import guarded
from notifications.objects.labels import isolated_names, label_of, labels_of, shape_of
from notifications.presentation.threads import actors_html, actors_text, several
from notifications.presentation.verb_templates import html_of_verb, text_of_verb
from notifications.types import pieces, sentence_of, type_of

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.template import Context

    from notifications.storage.notification import AbstractNotification


def text(notification: AbstractNotification, names: Mapping[str, str] | None = None) -> str:
    """Return the sentence without the time, in the current language: from the template of the verb, or the default.

    ``names`` are the names of actor, action object and target, if the caller has them already. The sentence of a row
    that stands for a thread names several actors, if it fits all of its rows.
    """
    names = labels_of(notification) if names is None else names
    thread = several(notification)
    if thread:
        parts = {
            **isolated_names(names),
            "verb": notification.verb,
            "actor": actors_text(thread, notification),
        }
        return sentence_of_type(notification.verb, parts, str, is_several=True) or shape_of(parts) % parts
    return text_of_row(notification, names)


def text_of_row(notification: AbstractNotification, names: Mapping[str, str]) -> str:
    """Return the sentence of the row itself, also if it stands for a thread."""
    parts = isolated_names(names)
    if not notification.is_hidden:
        own = text_of_verb(notification.verb, {**parts, "notice": notification})
        if own is not None:
            return own
    parts["verb"] = notification.verb
    return sentence_of_type(notification.verb, parts, str) or shape_of(parts) % parts


def parts_of(
    notification: AbstractNotification, request: HttpRequest | None = None
) -> dict[str, SafeString | str]:
    """Return the names of ``actor``, ``action_object`` and ``target`` as HTML, each as a link if the object has a URL.

    The link that opens the notification has the attribute ``data-ntf-open``: that of the target, otherwise of the
    action object, otherwise of the actor.
    """
    parts: dict[str, SafeString | str] = {}
    is_open = False
    for key in links.CLICKED:
        url = links.object_url(notification, key, request)
        parts[key] = linked(notification, key, url, " data-ntf-open" if url and not is_open else "")
        is_open = is_open or bool(url)
    thread = several(notification)
    if thread:
        named = {id(notification): parts["actor"]}

        def actor(row: AbstractNotification) -> SafeString | str:
            return named.get(id(row)) or linked(row, "actor", links.object_url(row, "actor", request))

        parts["actor"] = actors_html(thread, notification, actor)
    return parts


def linked(notice: AbstractNotification, key: str, url: str, mark: str = "") -> SafeString | str:
    """Return the name of an object as a link to ``url``, if there is one; ``mark`` is an attribute of the link.

    A deleted object is shown as "deleted ...". An object that the notification does not have is an empty string.
    """
    label = label_of(notice, key)
    if not label:
        return ""
    if getattr(notice, key) is None:
        return format_html('<span class="ntf-gone">{}</span>', label)
    # A name may be written from right to left in a sentence that is not, and the other way round.
    if url:
        return format_html('<bdi><a href="{}"{}>{}</a></bdi>', url, mark, label)
    return format_html("<bdi>{}</bdi>", label)


def html(parts: Mapping[str, str]) -> SafeString:
    """Return the sentence of these parts as HTML: ``actor``, ``verb``, ``action_object`` and ``target``.

    Parts that are not marked as safe are escaped.
    """
    placeholders = {name: f"{{{name}}}" for name in parts}
    return format_html(shape_of(parts) % placeholders, **parts)


def html_of(notification: AbstractNotification, parts: Mapping[str, str], context: Context) -> SafeString:
    """Return the sentence of a notification as HTML: from the template of the verb, or the default.

    ``parts`` are ``actor``, ``action_object`` and ``target`` as HTML, and ``context`` is the context of the page.
    """
    own, is_several = None, several(notification) is not None
    if not notification.is_hidden:
        own = html_of_verb(notification.verb, {**parts, "notice": notification}, context)
    if own is None:
        parts = {**parts, "verb": notification.verb}
        typed = sentence_of_type(notification.verb, parts, conditional_escape, is_several=is_several)
        # Each piece is escaped.
        own = mark_safe(typed) if typed else html(parts)  # noqa: S308
    return own


def sentence_of_type(
    verb: str, parts: Mapping[str, str], escape: Callable[[str], str], *, is_several: bool = False
) -> str:
    """Return the sentence of the type of a verb with these parts, or an empty text if there is none that fits."""
    kind = type_of(verb)
    words = sentence_of(kind, is_several=is_several)
    if not words:
        return ""
    # It may be translated by the site, and a translation may have other parts.
    return guarded(f"{kind.__name__}.sentence", words, filled, words, parts, escape, otherwise="")


def filled(sentence: str, parts: Mapping[str, str], escape: Callable[[str], str]) -> str:
    """Return the sentence of a type with these parts, or an empty text if one of those that it names is missing."""
    found = []
    for words, name in pieces(sentence):
        found.append(escape(words))
        if name is not None:
            if not parts[name]:
                return ""
            found.append(escape(parts[name]))
    return "".join(found)
