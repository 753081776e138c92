"""What another process does at the last moment, played in the gap between two statements."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from notifications import notify
from tests.factories import make_notification, make_user, make_users, rows, told

pytestmark = pytest.mark.django_db


# Where the model has a child with a table of its own, Django reads the rows and then deletes what it read.
childless = pytest.mark.shape("default", "custom_user", "jsonfield", "no_tz", "soft_delete")


@contextmanager
def just_before(verb: str, act: Callable[[], object]) -> Iterator[list[str]]:
    """Do something before the first statement that begins with ``verb``. Collect the statements from there on."""
    statements: list[str] = []
    acting = False

    def intervene(execute: Any, sql: str, *rest: Any) -> Any:
        nonlocal acting
        if not acting and (statements or sql.startswith(verb)):
            if not statements:
                acting = True
                act()
                acting = False
            statements.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(intervene):
        yield statements
    assert statements


@childless
def test_what_is_read_at_the_last_moment_is_not_recalled() -> None:
    """MariaDB looks for the rows in one statement and deletes them in the next."""
    ann, bob = make_users(2)
    notify.send(ann, verb="closed", recipient=[ann, bob], idempotency_key="issue:2:closed")

    with just_before("DELETE", lambda: ann.notifications.update(unread=False)):
        assert rows().recall(key="issue:2:closed") == 1

    assert told() == ["user0"]


@childless
def test_what_is_marked_as_unread_at_the_last_moment_is_not_pruned() -> None:
    user = make_user()
    long_ago = timezone.now() - timedelta(days=9)
    kept, _ = (
        make_notification(user, verb=verb, timestamp=long_ago, unread=False, read_at=long_ago)
        for verb in ("taken up", "read")
    )
    out = io.StringIO()

    with just_before("DELETE", lambda: rows().filter(pk=kept.pk).update(unread=True)):
        call_command("prune_notifications", "--read-older-than", "1d", stdout=out)

    assert out.getvalue() == "Deleted 1 notification.\n"
    assert list(rows()) == [kept]


def test_what_is_read_at_the_last_moment_is_not_counted_by_mark_all() -> None:
    ann, bob = make_users(2)
    for user in (ann, bob):
        make_notification(user)

    with just_before("UPDATE", lambda: ann.notifications.update(unread=False)):
        assert rows().mark_all_as_read() == 1

    assert rows().filter(unread=False).count() == 2


def test_what_is_deleted_at_the_last_moment_is_no_error() -> None:
    ann, bob = make_users(2)
    for user in (ann, bob):
        make_notification(user)

    with just_before("UPDATE", lambda: ann.notifications.all().delete()):
        assert rows().mark_all_as_read() == 1

    assert told() == ["user1"]
