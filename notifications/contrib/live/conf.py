"""The settings of the wing: keys of the dict ``NOTIFICATIONS``, beside those of the core."""

from __future__ import annotations

from typing import Any

from notifications import conf
from notifications.conf import Setting


class Settings(conf.Settings):
    """What the wing reads."""

    #: The message bus that wakes the streams: "poll", "postgres", "redis", or the dotted path of a bus.
    LIVE_BUS = Setting("poll")
    #: The keyword arguments of the bus, such as its URL.
    LIVE_BUS_OPTIONS: Setting[dict[str, Any]] = Setting({})
    #: The maximum number of open streams of one user in one process.
    LIVE_STREAMS_PER_USER = Setting(10, minimum=1)
    #: Seconds without an event after which a stream sends a heartbeat.
    LIVE_HEARTBEAT = Setting(15, minimum=1)
    #: Seconds between two checks of the sessions of all streams.
    LIVE_SESSION_CHECK = Setting(30, minimum=1)


settings = Settings()
