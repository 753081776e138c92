"""A site with a user model of its own, whose primary key is a UUID."""

from __future__ import annotations

from tests.settings.default import *  # noqa: F403
from tests.settings.default import INSTALLED_APPS as DEFAULT_APPS

INSTALLED_APPS = ["tests.custom_user", *DEFAULT_APPS]
AUTH_USER_MODEL = "custom_user.User"

#: What a user model with a primary key of another type can change.
TESTED_HERE = {
    "contrib/live/": "users are known by their primary keys, also across processes",
    "test_acting.py": "requests are compared with the owner of a row",
    "test_admin.py": "the recipient is a foreign key to the user",
    "test_adoption.py": "the column of the recipient",
    "test_badge.py": "cache keys contain the primary key",
    "test_chunks.py": "ranges of primary keys",
    "test_commands.py": "users are named by their primary keys",
    "test_deadlocks.py": "locks are taken in the order of primary keys",
    "test_events.py": "the user is an object of the event",
    "test_extensions.py": "audiences are querysets of the user model",
    "test_fanout.py": "the recipient's column is filled by SQL",
    "test_fields.py": "migrations with AUTH_USER_MODEL",
    "test_generic.py": "object ids are the texts of primary keys",
    "test_handlers.py": "recipients and actors are users",
    "test_models.py": "the recipient is a foreign key to the user",
    "test_querysets.py": "filters by recipient",
    "test_recipients.py": "recipients are named by their primary keys",
    "test_response.py": "rows are ordered by recipient",
    "test_seed.py": "what the seed promises holds for every user model",
    "test_serialize.py": "the recipient's key is in the JSON",
    "test_state_machine.py": "everything above in one",
    "test_tags.py": "cache keys and urls of the user",
    "test_undo.py": "the state of an inbox belongs to a user",
    "test_validation.py": "users as objects and as values",
    "test_views.py": "requests are compared with the owner of a row",
    "test_visibility.py": "the recipient is looked up for a rule",
}
