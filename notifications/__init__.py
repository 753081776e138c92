"""GitHub-like notifications for Django: an actor did something, and the recipients are notified.

``from notifications import notify`` and ``include(notifications.urls)`` both work while apps are being imported,
before the app registry is ready: the URLs are imported when they are first accessed.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from notifications.signals import notify

__all__ = ["__version__", "notify", "urls"]

__version__ = "2.0.0.dev0"


def __getattr__(name: str) -> Any:
    if name == "urls":
        return import_module("notifications.urls")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
