"""Who is told is read from one index, however many subscriptions there are to other things.

The table holds enough rows, and the database knows how many, so that the choice of the planner is a real one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext

from notifications.contrib.subscriptions.models import Subscription
from tests.contrib.subscriptions.models import Owner
from tests.contrib.subscriptions.things import make_ticket, send
from tests.factories import make_user
from tests.storage.test_indexes import analyze, explained

pytestmark = pytest.mark.django_db

TABLE = Subscription._meta.db_table
USERS, THINGS = 500, 200
#: How many things each user watches.
WATCHED = 10


@pytest.fixture(scope="module")
def crowd(django_db_setup: None, django_db_blocker: Any) -> Iterator[list[Any]]:
    """Make users who watch a lot, once, outside of the transactions of the tests; return them."""
    users: Any = get_user_model()._base_manager
    with django_db_blocker.unblock():
        users.bulk_create(users.model(username=f"crowd{number}") for number in range(USERS))
        made = list(users.filter(username__startswith="crowd").order_by("pk"))
        owner = ContentType.objects.get_for_model(Owner)
        Subscription.objects.bulk_create(
            [
                Subscription(
                    user=user, content_type=owner, object_id=str(1_000_000 + (first + step) % THINGS)
                )
                for first, user in enumerate(made)
                for step in range(WATCHED)
            ],
            batch_size=500,
        )
        analyze(TABLE)
    yield made
    with django_db_blocker.unblock():
        Subscription.objects.all().delete()
        users.filter(username__startswith="crowd").delete()
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM sqlite_stat1")
        else:
            analyze(TABLE)


def plan_of_send(ticket: Any, recipient: Any = None) -> str:
    """Return how the database writes the rows of an event."""
    actor = make_user("actor")
    with CaptureQueriesContext(connection) as queries:
        send(actor, target=ticket, recipient=recipient)
    [insert] = [sql for query in queries if (sql := query["sql"]).startswith("INSERT") and "audience" in sql]
    return explained(insert)


def test_who_watches_is_read_from_one_index_and_from_nothing_else_of_the_table(crowd: list[Any]) -> None:
    plan = plan_of_send(make_ticket())
    only = {
        "sqlite": "USING COVERING INDEX ntf_subs_audience",
        "postgresql": "Index Only Scan using ntf_subs_audience",
        "mysql": "key=ntf_subs_audience",
    }
    assert only[connection.vendor] in plan, plan
    if connection.vendor == "mysql":
        [step] = [line for line in plan.splitlines() if "ntf_subs_audience" in line]
        assert "Using index" in step, plan


def test_who_of_the_named_muted_it_is_read_by_their_own_subscriptions(crowd: list[Any]) -> None:
    """However many others muted the same object: everybody in the crowd did."""
    ticket = make_ticket()
    content_type = ContentType.objects.get_for_model(type(ticket))
    Subscription.objects.bulk_create(
        Subscription(user=user, content_type=content_type, object_id=str(ticket.pk), level="muted")
        for user in crowd[5:]
    )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {TABLE}")
    plan = plan_of_send(ticket, crowd[:3])
    by_user = {
        "sqlite": r"SEARCH \w+ USING INDEX sqlite_autoindex_\w+ \(user_id=\?",
        "postgresql": r"Index Cond: \(\(?user_id = |Index Cond: .* AND \(user_id = ",
        # Of the users and the objects that the event names, and what contains them, not of the crowd.
        "mysql": r"key=ntf_subs_(user_object|audience) .* rows=[1-9]\d? ",
    }
    assert re.search(by_user[connection.vendor], plan), plan
