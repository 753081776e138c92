"""A site with a notification model of its own."""

from __future__ import annotations

from tests.settings.default import *  # noqa: F403
from tests.settings.default import INSTALLED_APPS as DEFAULT_APPS

INSTALLED_APPS = [*DEFAULT_APPS, "tests.swapped", "tests.variants"]
NOTIFICATIONS_NOTIFICATION_MODEL = "swapped.SwappedNotification"

#: What a notification model of the site's can change.
TESTED_HERE = {
    "compat/test_adoption.py": "adopting the site's table",
    "compat/test_import_paths.py": "names of the older packages",
    "compat/test_older_packages.py": "names of the older packages, for a swapped model",
    "compat/test_projects.py": "code of public projects, with the site's model",
    "contrib/live/test_hub.py": "rows are of the site's model",
    "contrib/live/test_queries.py": "SQL for the site's table",
    "inbox/test_action_views.py": "rows are of the site's model",
    "inbox/test_admin.py": "the admin of the site's model",
    "inbox/test_all_results.py": "SQL for the site's table",
    "inbox/test_pages.py": "rows are of the site's model",
    "inbox/test_pagination.py": "SQL for the site's table",
    "inbox/test_search.py": "SQL for the site's table",
    "inbox/test_undo.py": "rows are of the site's model",
    "objects/test_keys.py": "generic keys of the site's model",
    "objects/test_visibility.py": "generic keys of the site's model",
    "presentation/test_serialize.py": "columns of the site's own",
    "sending/test_arguments.py": "columns of the site's own as arguments",
    "sending/test_audience.py": "SQL for the site's table",
    "sending/test_chunks.py": "SQL for the site's table",
    "sending/test_fanout.py": "SQL for the site's table",
    "sending/test_handler.py": "rows are of the site's model",
    "sending/test_keywords.py": "columns and attributes of the site's model",
    "sending/test_multidb.py": "routers see the site's model",
    "sending/test_odd_querysets.py": "models that inherit from the user model",
    "sending/test_repeats.py": "rows are of the site's model",
    "sending/test_result.py": "rows are of the site's model",
    "storage/test_counts.py": "SQL for the site's table",
    "storage/test_fields.py": "migrations of the site's model",
    "storage/test_labels_in_migrations.py": "the site's model inherits the labels",
    "storage/test_indexes.py": "indexes of the site's table",
    "storage/test_locking.py": "constraints of the site's table",
    "storage/test_notification.py": "rows are of the site's model",
    "storage/test_querysets.py": "SQL for the site's table",
    "storage/test_state_machine.py": "everything above in one",
    "storage/test_states.py": "SQL for the site's table",
    "storage/test_transactions.py": "SQL for the site's table",
    "test_commands.py": "rows are of the site's model",
    "test_conf.py": "the setting that swaps the model",
    "test_events.py": "rows are of the site's model",
    "test_seed.py": "what the seed promises holds for a swapped model",
    "test_signals.py": "signals of the site's model",
}

#: On the servers, only SQL, locks and migrations of the site's table.
TESTED_ON_SERVERS = {
    "compat/test_adoption.py": "the site's table is altered by SQL",
    "contrib/live/test_queries.py": "SQL by hand",
    "inbox/test_pagination.py": "the order of the site's table",
    "sending/test_chunks.py": "statements for ranges of keys",
    "sending/test_fanout.py": "the site's table is filled by SQL",
    "sending/test_repeats.py": "constraints of the site's table",
    "storage/test_fields.py": "migrations of the site's model",
    "storage/test_indexes.py": "indexes of the site's table",
    "storage/test_locking.py": "locks in the site's table",
}
