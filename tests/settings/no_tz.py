"""A site with naive timestamps."""

from __future__ import annotations

from tests.settings.default import *  # noqa: F403

USE_TZ = False

#: What naive times can change.
TESTED_HERE = {
    "contrib/live/test_hub.py": "times of rows are compared",
    "contrib/live/test_questions.py": "times of rows are compared",
    "contrib/live/test_wire.py": "times in cursors",
    "test_acting.py": "times to snooze until, and up to which rows are meant",
    "test_admin.py": "times in a form",
    "test_adoption.py": "the type of the column",
    "test_badge.py": "times of rows are compared",
    "test_commands.py": "ages of rows",
    "test_etag.py": "times in an ETag",
    "test_fanout.py": "the timestamp is filled by SQL",
    "test_generic.py": "times as texts",
    "test_indexes.py": "times in conditions of SQL",
    "test_models.py": "defaults and comparisons of times",
    "test_multidb.py": "times of another database",
    "test_pagination.py": "times in cursors",
    "test_querysets.py": "times of rows are compared",
    "test_seed.py": "what the seed promises holds without time zones",
    "test_serialize.py": "times in JSON",
    "test_state_machine.py": "everything above in one",
    "test_states.py": "times of rows are compared",
    "test_tags.py": "times in HTML",
    "test_templates.py": "times in HTML",
    "test_undo.py": "times are restored",
    "test_validation.py": "times as arguments",
    "test_verbs.py": "times to snooze until",
    "test_views.py": "days and times of a page",
}
