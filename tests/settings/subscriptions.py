"""A site with the app subscriptions."""

from __future__ import annotations

from tests.settings.default import *  # noqa: F403
from tests.settings.default import INSTALLED_APPS as DEFAULT_APPS

INSTALLED_APPS = [
    *(app for app in DEFAULT_APPS if not app.startswith("notifications.contrib.")),
    "notifications.contrib.subscriptions",
    "tests.contrib.subscriptions",
]
ROOT_URLCONF = "tests.contrib.subscriptions.urls"

#: Its settings are those of the shape default, so tests that are marked for that one run here too.
TESTED_LIKE = "default"
#: The app's own tests, and what of the core it can change.
TESTED_HERE = {
    "browser/subscriptions/": "buttons and keys of the app",
    "contrib/subscriptions/": "the app itself",
    "test_acting.py": "buttons beside the actions",
    "test_admin.py": "a second model in the admin",
    "test_checks.py": "settings of the app",
    "test_chunks.py": "audiences are narrowed batch by batch",
    "test_commands.py": "audiences of a command",
    "test_compat.py": "names of the older packages",
    "test_conf.py": "settings of the app",
    "test_etag.py": "rows that are written by an event",
    "test_extensions.py": "a second extension",
    "test_fanout.py": "audiences are narrowed and have reasons",
    "test_fields.py": "migrations of the app",
    "test_handlers.py": "audiences",
    "test_multidb.py": "audiences of another database",
    "test_pagination.py": "the pages of the inbox",
    "test_reasons.py": "reasons come from the app",
    "test_recipients.py": "audiences are narrowed",
    "test_response.py": "the rows of an event",
    "test_search.py": "searching by reason",
    "test_seed.py": "what the seed promises holds with the app installed",
    "test_serialize.py": "JSON of rows",
    "test_signals.py": "the signals of an event",
    "test_templates.py": "places of the inbox that the app fills",
    "test_urls.py": "urls beside the app's",
    "test_views.py": "the pages of the inbox",
}
