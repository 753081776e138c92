"""Subscriptions: watch and mute objects, so that no event has to name its recipients.

``from notifications.contrib.subscriptions import watch`` works at import time of an app, before the app registry is
ready: what is behind a name is imported when the name is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notifications.contrib.subscriptions.containment import subject_of
    from notifications.contrib.subscriptions.explanations import Explanation, describe, explain, recipients_of
    from notifications.contrib.subscriptions.operations import (
        is_watching,
        mute,
        unmute,
        unsubscribe,
        unwatch,
        watch,
        watchers,
    )
    from notifications.contrib.subscriptions.resolution import (
        ResolvesNotifications,
        resolve,
        resolve_all,
        resolve_seen,
    )

__all__ = [
    "Explanation",
    "ResolvesNotifications",
    "describe",
    "explain",
    "is_watching",
    "mute",
    "recipients_of",
    "resolve",
    "resolve_all",
    "resolve_seen",
    "subject_of",
    "unmute",
    "unsubscribe",
    "unwatch",
    "watch",
    "watchers",
]

#: The module of each name.
MODULES = {
    **dict.fromkeys(("Explanation", "describe", "explain", "recipients_of"), "explanations"),
    **dict.fromkeys(("ResolvesNotifications", "resolve", "resolve_all", "resolve_seen"), "resolution"),
    **dict.fromkeys(
        ("is_watching", "mute", "unmute", "unsubscribe", "unwatch", "watch", "watchers"), "operations"
    ),
    "subject_of": "containment",
}


def __getattr__(name: str) -> Any:
    if name in MODULES:
        return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
