"""A site that hides deleted notifications and keeps their rows."""

from __future__ import annotations

from tests.settings.default import *  # noqa: F403

NOTIFICATIONS = {"SOFT_DELETE": True}

#: What hiding deleted rows can change.
TESTED_HERE = {
    "compat/test_older_packages.py": "deleted() and active()",
    "contrib/live/test_queries.py": "deleted rows are not counted",
    "inbox/test_action_views.py": "delete",
    "inbox/test_admin.py": "deleted rows in the list",
    "inbox/test_all_results.py": "deleted rows are no results",
    "inbox/test_lists.py": "deleted rows are not listed",
    "inbox/test_pages.py": "delete",
    "inbox/test_pagination.py": "deleted rows are on no page",
    "inbox/test_search.py": "deleted rows are not found",
    "inbox/test_undo.py": "a deleted row comes back",
    "objects/test_visibility.py": "deleted rows stay hidden",
    "presentation/test_serialize.py": "deleted rows are not listed",
    "sending/test_multidb.py": "deleted rows of another database",
    "storage/test_counts.py": "deleted rows are not counted",
    "storage/test_notification.py": "the column of a row",
    "storage/test_querysets.py": "deleted() and active()",
    "storage/test_state_machine.py": "delete and restore",
    "storage/test_states.py": "deleted is one more state",
    "test_commands.py": "pruning deleted rows",
    "test_seed.py": "what the seed promises holds under SOFT_DELETE",
    "test_tags.py": "deleted rows are not counted",
    "test_templates.py": "deleted rows are not listed",
}
