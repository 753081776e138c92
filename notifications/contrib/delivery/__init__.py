"""Delivery: notifications leave the site by channels, from a ledger in the database.

``from notifications.contrib.delivery import Channel`` works at import time of an app, before the app registry is ready:
what is behind a name is imported when the name is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notifications.contrib.delivery.channels.base import Channel, Down, Failed, Message, Retry, Sent
    from notifications.contrib.delivery.explanations import DeliveryExplanation, explain_delivery
    from notifications.contrib.delivery.sending import deliver

__all__ = [
    "Channel",
    "DeliveryExplanation",
    "Down",
    "Failed",
    "Message",
    "Retry",
    "Sent",
    "deliver",
    "explain_delivery",
]

#: The module of each name.
MODULES = {
    **dict.fromkeys(("Channel", "Down", "Failed", "Message", "Retry", "Sent"), "channels.base"),
    **dict.fromkeys(("DeliveryExplanation", "explain_delivery"), "explanations"),
    "deliver": "sending",
}


def __getattr__(name: str) -> Any:
    if name in MODULES:
        return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
