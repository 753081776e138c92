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
