"""A site on which people watch and mute."""

from __future__ import annotations

from tests.settings.default import *  # noqa: F403
from tests.settings.default import INSTALLED_APPS as DEFAULT_APPS

INSTALLED_APPS = [*DEFAULT_APPS, "notifications.contrib.subscriptions", "tests.contrib.subscriptions"]
ROOT_URLCONF = "tests.contrib.subscriptions.urls"
