"""The sentence of a notification, as text and as HTML: the site's template for its verb, or the default sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.html import format_html
from django.utils.safestring import SafeString

from notifications.objects.labels import labels_of, sentence, shape_of
from notifications.presentation.verb_templates import render_text, verb_template

if TYPE_CHECKING:
    from notifications.storage.notification import AbstractNotification


def text(notification: AbstractNotification) -> str:
    """Return the sentence without the time, in the current language: from the template of the verb, or the default."""
    own = None if notification.is_hidden else verb_template(notification.verb, "txt")
    if own is not None:
        return render_text(own, notification)
    return sentence({**labels_of(notification), "verb": notification.verb})


def html(parts: Mapping[str, str]) -> SafeString:
    """Return the sentence of these parts as HTML: ``actor``, ``verb``, ``action_object`` and ``target``.

    Parts that are not marked as safe are escaped.
    """
    placeholders = {name: f"{{{name}}}" for name in parts}
    return format_html(shape_of(parts) % placeholders, **parts)
