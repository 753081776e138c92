"""A site that keeps the text column of an older installation."""

from __future__ import annotations

from tests.settings.default import *  # noqa: F403

NOTIFICATIONS = {"JSONFIELD": "jsonfield.JSONField"}

#: What a text column instead of JSON can change.
TESTED_HERE = {
    "test_admin.py": "data in a form",
    "test_adoption.py": "the type of the column",
    "test_commands.py": "data from the command line",
    "test_compat.py": "this is the field of the older packages",
    "test_etag.py": "data in an ETag",
    "test_fanout.py": "the column is filled by SQL",
    "test_fields.py": "the field itself",
    "test_handlers.py": "extra data is stored",
    "test_models.py": "the column of a row",
    "test_querysets.py": "updates in bulk",
    "test_seed.py": "extra data is promised for this field",
    "test_serialize.py": "data in JSON",
    "test_templates.py": "actions in data",
    "test_undo.py": "JSON in InboxState is Django's own",
    "test_validation.py": "what can be stored",
    "test_views.py": "data in JSON",
}
