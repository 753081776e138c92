"""The settings of the wing: keys of the dict ``NOTIFICATIONS``, beside those of the core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from notifications import conf
from notifications.conf import Setting


class Settings(conf.Settings):
    """What the wing reads."""

    #: The channels by name, each with its options: ``{"email": {}, "sms": {"channel": "shop.channels.Sms"}}``.
    DELIVERY_CHANNELS: Setting[Mapping[str, Mapping[str, Any]]] = Setting({}, kind=Mapping)
    #: What sends after a commit: "inline", "tasks", "celery", "none", or the dotted path of a runner.
    DELIVERY_RUNNER = Setting("inline")
    #: The beginning of all links that leave the site: ``"https://example.com"``.
    BASE_URL = Setting("")


settings = Settings()
