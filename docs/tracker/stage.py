"""What every example of the documentation may use without saying where it comes from."""

from __future__ import annotations

from functools import partial

from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings

from notifications import notify
from notifications.models import Notification
from tracker.models import Issue, Repository

__all__ = [
    "Client",
    "Group",
    "Issue",
    "Notification",
    "Repository",
    "User",
    "activity_stream",
    "brosner",
    "count_queries",
    "issue",
    "justquick",
    "maintainers",
    "mitsuhiko",
    "notify",
    "override_settings",
    "set_stage",
]

justquick = User(pk=1, username="justquick")
brosner = User(pk=2, username="brosner")
mitsuhiko = User(pk=3, username="mitsuhiko")
maintainers = Group(pk=1, name="maintainers")
activity_stream = Repository(pk=1, name="activity-stream")
issue = Issue(pk=1, repository=activity_stream, number=2)

#: Count the statements that a block of code sends to the database.
count_queries = partial(CaptureQueriesContext, connection)


def set_stage() -> None:
    """Empty the database and the cache, and put the people and the objects in place."""
    call_command("flush", interactive=False, verbosity=0)
    cache.clear()
    for thing in (justquick, brosner, mitsuhiko, maintainers, activity_stream, issue):
        thing.save(force_insert=True)
    maintainers.user_set.set([justquick, brosner])
    issue.watchers.set([brosner, mitsuhiko])
    # A process looks up each content type once, and examples count what comes after.
    ContentType.objects.get_for_models(User, Group, Repository, Issue)
