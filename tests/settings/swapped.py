"""A site with a notification model of its own."""

from __future__ import annotations

from tests.settings.default import *  # noqa: F403
from tests.settings.default import INSTALLED_APPS as DEFAULT_APPS

INSTALLED_APPS = [*DEFAULT_APPS, "tests.swapped", "tests.variants"]
NOTIFICATIONS_NOTIFICATION_MODEL = "swapped.SwappedNotification"
