"""A site that keeps the text column of an older installation."""

from __future__ import annotations

from tests.settings.default import *  # noqa: F403

NOTIFICATIONS = {"JSONFIELD": "jsonfield.JSONField"}

#: What a text column instead of JSON can change.
TESTED_HERE = {
    "compat/test_adoption_of_sites.py": "the type of the column",
    "compat/test_adoption.py": "the type of the column",
    "compat/test_older_packages.py": "this is the field of the older packages",
    "inbox/test_admin.py": "data in a form",
    "inbox/test_lists.py": "data in an ETag",
    "inbox/test_pages.py": "data in JSON",
    "inbox/test_undo.py": "JSON in InboxState is Django's own",
    "presentation/test_serialize.py": "data in JSON",
    "sending/test_arguments.py": "what can be stored",
    "sending/test_fanout.py": "the column is filled by SQL",
    "sending/test_handler.py": "extra data is stored",
    "sending/test_keywords.py": "extra data is stored",
    "storage/test_fields.py": "the field itself",
    "storage/test_notification.py": "the column of a row",
    "storage/test_querysets.py": "updates in bulk",
    "test_commands.py": "data from the command line",
    "test_seed.py": "extra data is promised for this field",
    "test_templates.py": "actions in data",
}

#: On the servers, only what depends on the type that the column has there.
TESTED_ON_SERVERS = {
    "compat/test_adoption.py": "the column is altered by SQL",
    "inbox/test_undo.py": "the column beside one of JSON",
    "sending/test_fanout.py": "the column is filled by SQL",
    "storage/test_fields.py": "the type of the column",
    "storage/test_querysets.py": "updates in bulk",
}
