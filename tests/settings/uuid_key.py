"""A site with a notification model of its own, whose primary key is a UUID."""

from __future__ import annotations

from tests.settings.default import *  # noqa: F403
from tests.settings.default import INSTALLED_APPS as DEFAULT_APPS

INSTALLED_APPS = [*DEFAULT_APPS, "tests.uuid_key"]
NOTIFICATIONS_NOTIFICATION_MODEL = "uuid_key.UuidNotification"

#: What a primary key of another type can change.
TESTED_HERE = {
    "compat/test_slugs.py": "slugs are texts",
    "inbox/test_undo.py": "primary keys in JSON",
    "inbox/test_all_results.py": "rows are not numbered",
    "inbox/test_threads.py": "a thread ends with the last row that had arrived",
}

#: They expect that rows of the same moment come in the order in which they were made, that an audience is written by
#: one statement, or that a key is a number. Here, rows of the same moment have no order, and Python makes the keys.
NOT_TESTED_HERE = {
    "inbox/test_action_views.py": "rows are numbered",
    "inbox/test_pagination.py": "the order of rows",
    "objects/test_keys.py": "the order of rows",
    "presentation/test_serialize.py": "the order of fields",
    "sending/test_chunks.py": "one statement",
    "sending/test_fanout.py": "one statement",
    "sending/test_handler.py": "one statement",
    "sending/test_multidb.py": "one statement",
    "sending/test_reasons.py": "one statement",
    "sending/test_result.py": "the order of rows",
    "storage/test_every_state.py": "the order of rows",
    "storage/test_notification.py": "rows are numbered",
    "storage/test_querysets.py": "the order of rows",
    "storage/test_states.py": "the order of rows",
    "test_commands.py": "one statement",
    "test_extensions.py": "one statement",
    "test_seed.py": "the order of rows",
}
