"""A site with every app of ``notifications.contrib``. It runs everything that these apps can change."""

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
TESTED_HERE = {
    "databases": "every app can narrow an audience, add to a page and listen to an event",
    "inbox/test_rows.py": "HTML that the apps add",
    "presentation/test_serialize.py": "JSON of rows",
    "sending/test_keywords.py": "keywords of an event that extensions see",
    "sending/test_silence.py": "an app says why nobody was notified",
    "storage/test_labels_in_migrations.py": "models of the apps",
    "test_security.py": "HTML that the apps add",
    "test_tags.py": "HTML that the apps add",
    "test_templates.py": "HTML that the apps add",
    "test_urls.py": "the urls of the apps",
}
