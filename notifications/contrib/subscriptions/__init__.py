"""Watch and mute: audiences that nobody has to name.

``from notifications.contrib.subscriptions import watch`` works at import time of an app, before the app registry is
ready: what is behind a name is imported when the name is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notifications.contrib.subscriptions.explaining import Explanation, describe, explain, recipients_of
    from notifications.contrib.subscriptions.resolving import resolve, resolve_all
    from notifications.contrib.subscriptions.verbs import is_watching, mute, unwatch, watch, watchers

__all__ = [
    "Explanation",
    "describe",
    "explain",
    "is_watching",
    "mute",
    "recipients_of",
    "resolve",
    "resolve_all",
    "unwatch",
    "watch",
    "watchers",
]

#: The module in which each of the names is.
HOMES = {
    **dict.fromkeys(("Explanation", "describe", "explain", "recipients_of"), "explaining"),
    **dict.fromkeys(("resolve", "resolve_all"), "resolving"),
    **dict.fromkeys(("is_watching", "mute", "unwatch", "watch", "watchers"), "verbs"),
}


def __getattr__(name: str) -> Any:
    if name in HOMES:
        return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
