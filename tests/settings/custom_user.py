"""A site with a user model of its own, whose primary key is a UUID."""

from __future__ import annotations

from tests.settings.default import *  # noqa: F403
from tests.settings.default import INSTALLED_APPS as DEFAULT_APPS

INSTALLED_APPS = ["tests.custom_user", *DEFAULT_APPS]
AUTH_USER_MODEL = "custom_user.User"

#: What a user model with a primary key of another type can change.
TESTED_HERE = {
    "compat/test_adoption_of_sites.py": "columns that point at our table",
    "compat/test_adoption.py": "the column of the recipient",
    "contrib/live/": "users are known by their primary keys, also across processes",
    "inbox/test_action_views.py": "requests are compared with the owner of a row",
    "inbox/test_admin.py": "the recipient is a foreign key to the user",
    "inbox/test_pages.py": "requests are compared with the owner of a row",
    "inbox/test_undo.py": "the state of an inbox belongs to a user",
    "objects/test_keys.py": "object ids are the texts of primary keys",
    "objects/test_visibility.py": "the recipient is looked up for a rule",
    "presentation/test_serialize.py": "the recipient's key is in the JSON",
    "sending/test_arguments.py": "users as objects and as values",
    "sending/test_audience.py": "recipients are named by their primary keys",
    "sending/test_chunks.py": "ranges of primary keys",
    "sending/test_fanout.py": "the recipient's column is filled by SQL",
    "sending/test_handler.py": "recipients and actors are users",
    "sending/test_odd_querysets.py": "recipients are named by their primary keys",
    "sending/test_result.py": "rows are ordered by recipient",
    "storage/test_counts.py": "cache keys contain the primary key",
    "storage/test_fields.py": "migrations with AUTH_USER_MODEL",
    "storage/test_locking.py": "locks are taken in the order of primary keys",
    "storage/test_notification.py": "the recipient is a foreign key to the user",
    "storage/test_querysets.py": "filters by recipient",
    "storage/test_state_machine.py": "everything above in one",
    "test_commands.py": "users are named by their primary keys",
    "test_events.py": "the user is an object of the event",
    "test_extensions.py": "audiences are querysets of the user model",
    "test_seed.py": "what the seed promises holds for every user model",
    "test_tags.py": "cache keys and urls of the user",
}
