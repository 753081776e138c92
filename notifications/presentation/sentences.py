"""The sentence of a notification, as text and as HTML: the site's template for its verb, or the default sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.html import format_html
from django.utils.safestring import SafeString

from notifications.objects.labels import labels_of, sentence, shape_of
from notifications.presentation.verb_templates import html_of_verb, text_of_verb

if TYPE_CHECKING:
    from django.template import Context

    from notifications.storage.notification import AbstractNotification


def text(notification: AbstractNotification, names: Mapping[str, str] | None = None) -> str:
    """Return the sentence without the time, in the current language: from the template of the verb, or the default.

    ``names`` are the names of actor, action object and target, if the caller has them already.
    """
    names = labels_of(notification) if names is None else names
    if not notification.is_hidden:
        own = text_of_verb(notification.verb, {**names, "notice": notification})
        if own is not None:
            return own
    return sentence({**names, "verb": notification.verb})


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
    own = None
    if not notification.is_hidden:
        own = html_of_verb(notification.verb, {**parts, "notice": notification}, context)
    return html({**parts, "verb": notification.verb}) if own is None else own
