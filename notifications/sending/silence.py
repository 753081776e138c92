"""Log why an event reached nobody."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sized
from typing import Any

from django.contrib.auth.models import Group
from django.db import models

from notifications.events import Event
from notifications.extensions import Extension, audience_extensions
from notifications.sending.audience import at_home_by_default, members, recipient_asked_again
from notifications.sending.naming import name_of

logger = logging.getLogger("notifications")


def log_silence(event: Event, recipient: Any) -> None:
    """Log that nobody was notified of the event, and the reason."""
    logger.info(
        "Nobody was notified that %s %r: %s.",
        name_of(event.actor),
        event.verb,
        why_nobody(event, recipient_asked_again(event, recipient)),
    )


def why_nobody(event: Event, recipient: Any) -> str:
    """Return the reason why nobody was notified of an event with this argument ``recipient``."""
    if recipient is not None and not names_somebody(recipient):
        return f"{kind_of(recipient)} has no users"
    installed = audience_extensions()
    for extension in installed:
        if words := asked(extension, event, recipient):
            return words
    if recipient is None:
        return "no recipient was named, and the actor is not a user"
    names = ", ".join(type(extension).__module__ for extension in installed)
    return f"{kind_of(recipient)} has users, and {names} left out all of them"


def asked(extension: Extension, event: Event, recipient: Any) -> str | None:
    """Return the reason given by an extension, or None, also if it raises an error."""
    try:
        return extension.notifications_silence(event, named=recipient is not None)
    except Exception:
        logger.exception("%s could not say why nobody was notified.", type(extension).__module__)
        return None


def names_somebody(recipient: Any) -> bool:
    """Return whether the argument contains a user. An iterator is consumed already: then only extensions can know."""
    if isinstance(recipient, Group):
        return at_home_by_default(members(recipient)).exists()
    if isinstance(recipient, models.QuerySet):
        return at_home_by_default(recipient).exists()
    if isinstance(recipient, Iterator):
        return bool(audience_extensions())
    return not isinstance(recipient, Sized) or len(recipient) > 0


def kind_of(recipient: Any) -> str:
    """Return a description of the argument ``recipient`` without calling its code."""
    if isinstance(recipient, Group):
        return f"the group {recipient.name!r}"
    if isinstance(recipient, models.QuerySet):
        return f"the queryset of {recipient.model._meta.label}"
    if isinstance(recipient, models.Model):
        return f"the recipient {name_of(recipient)}"
    return f"the {type(recipient).__name__} of recipients"
