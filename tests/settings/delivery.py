"""A site with the app delivery."""

from __future__ import annotations

from tests.settings.default import *  # noqa: F403
from tests.settings.default import INSTALLED_APPS as DEFAULT_APPS

INSTALLED_APPS = [
    *(app for app in DEFAULT_APPS if not app.startswith("notifications.contrib.")),
    "notifications.contrib.delivery",
]
ROOT_URLCONF = "tests.contrib.delivery.urls"

#: Those of the app's own tests of which the outcome also depends on the database.
TESTED_ON_SERVERS = {
    "contrib/delivery/test_ledger.py": "one statement for all deliveries of an event",
    "contrib/delivery/test_naive_times.py": "what a database returns of a time that comes twice",
    "contrib/delivery/test_pages.py": "threads of one user",
    "contrib/delivery/test_sending.py": "claims and their plans",
}
TESTED_HERE = {"contrib/delivery/": "the app itself", **TESTED_ON_SERVERS}
