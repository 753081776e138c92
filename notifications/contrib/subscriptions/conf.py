"""The settings of the wing: keys of the dict ``NOTIFICATIONS``, beside those of the core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from notifications import conf
from notifications.conf import Setting


class Settings(conf.Settings):
    """What the wing reads."""

    #: Whether actors are notified of their own events if they are subscribed.
    NOTIFY_ACTOR = Setting(False)
    #: Whether the actor of an event is subscribed to its target as a participant.
    WATCH_WHEN_ACTING = Setting(True)
    #: Whether recipients with the reason "mention" or "assign" are subscribed to the target as participants.
    WATCH_WHEN_CALLED = Setting(True)
    #: The parents of the objects of a model: an attribute, or several: ``{"tracker.issue": "repository"}``.
    PARENTS: Setting[Mapping[str, Any]] = Setting({}, kind=Mapping)
    #: The maximum number of parent levels that are searched for subscriptions.
    MAX_DEPTH = Setting(5, minimum=0)


settings = Settings()
