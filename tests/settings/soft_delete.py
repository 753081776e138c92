"""A site that hides deleted notifications and keeps their rows."""

from __future__ import annotations

from tests.settings.default import *  # noqa: F403

NOTIFICATIONS = {"SOFT_DELETE": True}

#: What hiding deleted rows can change.
TESTED_HERE = {
    "contrib/live/test_questions.py": "deleted rows are not counted",
    "test_acting.py": "delete",
    "test_admin.py": "deleted rows in the list",
    "test_badge.py": "deleted rows are not counted",
    "test_commands.py": "pruning deleted rows",
    "test_compat.py": "deleted() and active()",
    "test_etag.py": "deleted rows are not listed",
    "test_models.py": "the column of a row",
    "test_multidb.py": "deleted rows of another database",
    "test_pagination.py": "deleted rows are on no page",
    "test_querysets.py": "deleted() and active()",
    "test_search.py": "deleted rows are not found",
    "test_seed.py": "what the seed promises holds under SOFT_DELETE",
    "test_serialize.py": "deleted rows are not listed",
    "test_state_machine.py": "delete and restore",
    "test_states.py": "deleted is one more state",
    "test_tags.py": "deleted rows are not counted",
    "test_templates.py": "deleted rows are not listed",
    "test_undo.py": "a deleted row comes back",
    "test_views.py": "delete",
    "test_visibility.py": "deleted rows stay hidden",
}
