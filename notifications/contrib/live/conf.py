"""The settings of the wing: keys of the dict ``NOTIFICATIONS``, beside those of the core."""

from __future__ import annotations

from typing import Any

from notifications import conf
from notifications.conf import Setting


class Settings(conf.Settings):
    """What the wing reads."""

    #: What wakes the live streams: "poll", "postgres", "redis", or the dotted path of a bus; and its arguments.
    LIVE_BUS = Setting("poll")
    LIVE_BUS_OPTIONS: Setting[dict[str, Any]] = Setting({})
    #: How many live streams one user may have open in one process.
    LIVE_STREAMS_PER_USER = Setting(10, minimum=1)
    #: Seconds of silence after which a live stream says that it is still there.
    LIVE_HEARTBEAT = Setting(15, minimum=1)
    #: Seconds between two looks whether those who listen are still logged in.
    LIVE_SESSION_CHECK = Setting(30, minimum=1)


settings = Settings()
