"""A site with naive timestamps."""

from __future__ import annotations

from tests.settings.default import *  # noqa: F403

USE_TZ = False

#: What naive times can change.
TESTED_HERE = {
    "compat/test_adoption.py": "the type of the column",
    "contrib/live/test_hub.py": "times of rows are compared",
    "contrib/live/test_queries.py": "times of rows are compared",
    "contrib/live/test_wire.py": "times in cursors",
    "inbox/test_action_views.py": "times to snooze until, and up to which rows are meant",
    "inbox/test_admin.py": "times in a form",
    "inbox/test_lists.py": "times in an ETag",
    "inbox/test_pages.py": "days and times of a page",
    "inbox/test_pagination.py": "times in cursors",
    "inbox/test_snooze.py": "times to snooze until",
    "inbox/test_undo.py": "times are restored",
    "objects/test_keys.py": "times as texts",
    "presentation/test_serialize.py": "times in JSON",
    "sending/test_arguments.py": "times as arguments",
    "sending/test_fanout.py": "the timestamp is filled by SQL",
    "sending/test_multidb.py": "times of another database",
    "storage/test_counts.py": "times of rows are compared",
    "storage/test_indexes.py": "times in conditions of SQL",
    "storage/test_notification.py": "defaults and comparisons of times",
    "storage/test_querysets.py": "times of rows are compared",
    "storage/test_state_machine.py": "everything above in one",
    "storage/test_states.py": "times of rows are compared",
    "test_commands.py": "ages of rows",
    "test_seed.py": "what the seed promises holds without time zones",
    "test_tags.py": "times in HTML",
    "test_templates.py": "times in HTML",
}
