"""A site with every app of ``notifications.contrib``. It runs everything that uses a database."""

from __future__ import annotations

from tests.settings.default import *  # noqa: F403
from tests.settings.default import INSTALLED_APPS as DEFAULT_APPS

INSTALLED_APPS = [
    *DEFAULT_APPS,
    "notifications.contrib.subscriptions",
    "notifications.contrib.delivery",
    "tests.contrib.subscriptions",
]
ROOT_URLCONF = "tests.contrib.urls"

TESTED_LIKE = "default"
TESTED_HERE = "databases"
