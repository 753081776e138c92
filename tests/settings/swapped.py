"""A site with a notification model of its own."""

from __future__ import annotations

from tests.settings.default import *  # noqa: F403
from tests.settings.default import INSTALLED_APPS as DEFAULT_APPS

INSTALLED_APPS = [*DEFAULT_APPS, "tests.swapped", "tests.variants"]
NOTIFICATIONS_NOTIFICATION_MODEL = "swapped.SwappedNotification"

#: What a notification model of the site's can change.
TESTED_HERE = {
    "contrib/live/test_hub.py": "rows are of the site's model",
    "contrib/live/test_questions.py": "SQL for the site's table",
    "test_acting.py": "rows are of the site's model",
    "test_admin.py": "the admin of the site's model",
    "test_adoption.py": "adopting the site's table",
    "test_badge.py": "SQL for the site's table",
    "test_chunks.py": "SQL for the site's table",
    "test_commands.py": "rows are of the site's model",
    "test_compat.py": "names of the older packages, for a swapped model",
    "test_conf.py": "the setting that swaps the model",
    "test_deadlocks.py": "constraints of the site's table",
    "test_events.py": "rows are of the site's model",
    "test_fanout.py": "SQL for the site's table",
    "test_fields.py": "migrations of the site's model",
    "test_generic.py": "generic keys of the site's model",
    "test_handlers.py": "rows are of the site's model",
    "test_indexes.py": "indexes of the site's table",
    "test_models.py": "rows are of the site's model",
    "test_multidb.py": "routers see the site's model",
    "test_pagination.py": "SQL for the site's table",
    "test_querysets.py": "SQL for the site's table",
    "test_recipients.py": "SQL for the site's table",
    "test_response.py": "rows are of the site's model",
    "test_search.py": "SQL for the site's table",
    "test_seed.py": "what the seed promises holds for a swapped model",
    "test_serialize.py": "columns of the site's own",
    "test_signals.py": "signals of the site's model",
    "test_state_machine.py": "everything above in one",
    "test_states.py": "SQL for the site's table",
    "test_undo.py": "rows are of the site's model",
    "test_validation.py": "columns of the site's own as arguments",
    "test_views.py": "rows are of the site's model",
    "test_visibility.py": "generic keys of the site's model",
}
