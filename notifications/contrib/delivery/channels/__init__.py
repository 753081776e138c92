"""The channels of the site, by name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from notifications.contrib.delivery.channels.base import Channel, Down, Failed, Message, Outcome, Retry, Sent
from notifications.contrib.delivery.conf import settings

__all__ = [
    "Channel",
    "Down",
    "Failed",
    "Message",
    "Outcome",
    "Retry",
    "Sent",
    "get_channel",
    "get_channels",
    "make_channels",
]

#: The channels of this app. The name in the setting is enough for them.
BUILT_IN = {
    "email": "notifications.contrib.delivery.channels.email.Channel",
    "console": "notifications.contrib.delivery.channels.console.Channel",
    "webhook": "notifications.contrib.delivery.channels.webhook.Channel",
    "memory": "notifications.contrib.delivery.channels.memory.Channel",
}


@cache
def get_channels() -> Mapping[str, Channel]:
    """Return the channels that the setting ``DELIVERY_CHANNELS`` names, in its order. Nothing is sent by these."""
    return make_channels()


def make_channels() -> dict[str, Channel]:
    """Return channels of the caller's own: one that sends has a connection, which two threads must not share."""
    return {name: load_channel(name, options) for name, options in settings.DELIVERY_CHANNELS.items()}


def get_channel(name: str) -> Channel:
    """Return the channel with this name. Raise KeyError if the setting does not name it."""
    return get_channels()[name]


def load_channel(name: str, options: Mapping[str, Any]) -> Channel:
    """Return a channel. Raise ImportError, TypeError or ValueError if the setting is wrong."""
    path = options.get("channel", BUILT_IN.get(name))
    if not isinstance(path, str):
        raise TypeError(f"the channel {name!r} needs the option 'channel', a dotted path")
    channel: Any = import_string(path)
    if not (isinstance(channel, type) and issubclass(channel, Channel)):
        raise TypeError(f"{path} is not a subclass of notifications.contrib.delivery.channels.Channel")
    loaded: Channel = channel(name, **{key: value for key, value in options.items() if key != "channel"})
    return loaded


def reset_channels(*, setting: str, **arguments: Any) -> None:
    """Load the channels again when a test overrides their settings."""
    if setting == "NOTIFICATIONS":
        get_channels.cache_clear()


setting_changed.connect(reset_channels)
