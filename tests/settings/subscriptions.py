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
    "browser/test_access.py": "buttons beside the actions",
    "browser/test_inbox_js.py": "buttons beside the actions",
    "compat/test_import_paths.py": "names of the older packages",
    "compat/test_older_packages.py": "names of the older packages",
    "contrib/subscriptions/": "the app itself",
    "inbox/test_action_views.py": "buttons beside the actions",
    "inbox/test_admin.py": "a second model in the admin",
    "inbox/test_lists.py": "rows that are written by an event",
    "inbox/test_pages.py": "the pages of the inbox",
    "inbox/test_pagination.py": "the pages of the inbox",
    "inbox/test_search.py": "searching by reason",
    "presentation/test_serialize.py": "JSON of rows",
    "sending/test_audience.py": "audiences are narrowed",
    "sending/test_chunks.py": "audiences are narrowed batch by batch",
    "sending/test_fanout.py": "audiences are narrowed and have reasons",
    "sending/test_handler.py": "audiences",
    "sending/test_multidb.py": "audiences of another database",
    "sending/test_reasons.py": "reasons come from the app",
    "sending/test_result.py": "the rows of an event",
    "sending/test_silence.py": "the app says why nobody was notified",
    "storage/test_fields.py": "migrations of the app",
    "storage/test_labels_in_migrations.py": "models of the app",
    "test_checks.py": "settings of the app",
    "test_commands.py": "audiences of a command",
    "test_conf.py": "settings of the app",
    "test_extensions.py": "a second extension",
    "test_seed.py": "what the seed promises holds with the app installed",
    "test_signals.py": "the signals of an event",
    "test_templates.py": "places of the inbox that the app fills",
    "test_urls.py": "urls beside the app's",
}

#: On the servers, only the app itself and the SQL that it adds to a fan-out.
TESTED_ON_SERVERS = {
    "contrib/subscriptions/": "SQL, locks and migrations of the app",
    "sending/test_audience.py": "audiences are narrowed by SQL",
    "sending/test_chunks.py": "audiences are narrowed batch by batch",
    "sending/test_fanout.py": "audiences are narrowed and have reasons",
    "sending/test_reasons.py": "reasons come from the app",
    "storage/test_fields.py": "migrations of the app",
}
