"""The settings of the wing: keys of the dict ``NOTIFICATIONS``, beside those of the core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from notifications import conf
from notifications.conf import Setting


class Settings(conf.Settings):
    """What the wing reads."""

    #: Whether users are notified of what they do themselves.
    NOTIFY_ACTOR = Setting(False)
    #: Whether who acts begins to take part in the target.
    WATCH_WHEN_ACTING = Setting(True)
    #: Whether who is named with the reason "mention" or "assign" begins to take part in the target.
    WATCH_WHEN_CALLED = Setting(True)
    #: What contains an object, by model: the name of an attribute, or names: ``{"tracker.issue": "repository"}``.
    PARENTS: Setting[Mapping[str, Any]] = Setting({}, kind=Mapping)
    #: How many steps up it is looked for what contains an object.
    MAX_DEPTH = Setting(5, minimum=0)


settings = Settings()
