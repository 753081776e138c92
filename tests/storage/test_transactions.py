"""Every write under every isolation and every way to hold a transaction, and what waits for the end of one."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import connection, connections, models, transaction
from django.db.backends.signals import connection_created
from django.db.models.signals import pre_save
from django.utils import timezone

import notifications
from notifications import notify
from notifications.conf import get_notification_model
from notifications.inbox import undo
from notifications.inbox.actions import ACTIONS
from notifications.signals import notified
from notifications.storage import changes
from notifications.storage.counts import mark_seen
from notifications.storage.notification import AbstractNotification
from notifications.storage.querysets import NotificationQuerySet
from notifications.storage.transactions import after_commit, is_ours
from tests.factories import at_once, listening, make_group, make_notification, make_users, rows

PACKAGE = Path(notifications.__file__).parent


class Stage:
    """Three users with three rows each, and what there is to write with."""

    def __init__(self) -> None:
        self.users = make_users(3)
        self.actor = self.users[0]
        self.group = make_group("all", *self.users)
        self.model: Any = get_notification_model()
        ContentType.objects.get_for_model(type(self.actor))
        self.rows = [make_notification(user, actor=self.actor) for user in self.users for _ in range(3)]

    def reset(self) -> None:
        """Let each user have the first three rows again, and no others."""
        rows().all()._raw_delete(using="default")
        models.QuerySet(self.model).bulk_create(self.rows)

    def send(self, recipient: Any, **arguments: Any) -> Any:
        [(_, answer)] = notify.send(self.actor, verb="closed", recipient=recipient, **arguments)
        return answer

    def all(self) -> Any:
        return get_user_model()._default_manager.all()

    def row(self) -> Any:
        return rows().order_by("pk").first()

    def saving(self, recipient: Any, **arguments: Any) -> Any:
        """Send while somebody listens to each row before it is saved."""
        with listening(pre_save, self.model):
            return self.send(recipient, **arguments)


def later() -> Any:
    return timezone.now() + timedelta(days=1)


#: What writes, each in a call. Where there is nothing to do it writes nothing, and must not fail either.
SENDS: dict[str, Callable[[Stage], Any]] = {
    "send to a user": lambda s: s.send(s.users[1]),
    "send to a list": lambda s: s.send(s.users),
    "send to an iterator": lambda s: s.send(iter(s.users)),
    "send to a group": lambda s: s.send(s.group),
    "send to a queryset": lambda s: s.send(s.all()),
    "send to a union": lambda s: s.send(s.all().union(s.all())),
    "send in chunks": lambda s: s.send(s.users, fanout_chunk=2),
    "send to a queryset in chunks": lambda s: s.send(s.all(), fanout_chunk=2),
    "send to a user by a key": lambda s: s.send(s.users[1], idempotency_key="k"),
    "send to a list by a key": lambda s: s.send(s.users[::-1], idempotency_key="k"),
    "send to a queryset by a key": lambda s: s.send(s.all(), idempotency_key="k"),
    "send in chunks by a key": lambda s: s.send(s.users, idempotency_key="k", fanout_chunk=2),
    "send to a list of rows that save themselves": lambda s: s.saving(s.users),
    "send to a queryset of rows that save themselves, by a key": lambda s: s.saving(
        s.all(), idempotency_key="k"
    ),
}
QUERYSETS: dict[str, Callable[[Any], Any]] = {
    "mark_all_as_read": lambda q: q.mark_all_as_read(),
    "mark_all_as_unread": lambda q: q.mark_all_as_unread(),
    "mark_all_as_done": lambda q: q.mark_all_as_done(),
    "mark_all_as_undone": lambda q: q.mark_all_as_undone(),
    "mark_all_as_saved": lambda q: q.mark_all_as_saved(),
    "mark_all_as_unsaved": lambda q: q.mark_all_as_unsaved(),
    "snooze_all": lambda q: q.snooze_all(later()),
    "unsnooze_all": lambda q: q.unsnooze_all(),
    "mark_all_as_sent": lambda q: q.mark_all_as_sent(),
    "mark_all_as_unsent": lambda q: q.mark_all_as_unsent(),
    "mark_as_sent": lambda q: q.mark_as_sent(),
    "mark_as_unsent": lambda q: q.mark_as_unsent(),
    "delete_in_order": lambda q: q.delete_in_order(),
    "recall": lambda q: q.recall(key="k"),
}
OTHERS: dict[str, Callable[[Stage], Any]] = {
    "update": lambda s: rows().update(unread=False),
    "delete": lambda s: rows().delete(),
    "bulk_create": lambda s: rows().bulk_create([s.model(recipient=s.actor, actor=s.actor, verb="made")]),
    "bulk_update": lambda s: rows().bulk_update([s.row()], ["description"]),
    "row.mark_as_read": lambda s: s.row().mark_as_read(),
    "row.mark_as_unread": lambda s: s.row().mark_as_unread(),
    "row.mark_as_done": lambda s: s.row().mark_as_done(),
    "row.mark_as_undone": lambda s: s.row().mark_as_undone(),
    "row.mark_as_saved": lambda s: s.row().mark_as_saved(),
    "row.mark_as_unsaved": lambda s: s.row().mark_as_unsaved(),
    "row.mark_as_sent": lambda s: s.row().mark_as_sent(),
    "row.mark_as_unsent": lambda s: s.row().mark_as_unsent(),
    "row.snooze": lambda s: s.row().snooze(later()),
    "row.unsnooze": lambda s: s.row().unsnooze(),
    "row.save": lambda s: s.row().save(),
    "row.delete": lambda s: s.row().delete(),
    "mark_seen": lambda s: mark_seen(s.actor),
    "an action of the inbox, undone": lambda s: undo.undo(
        s.actor, str(undo.do(s.actor, s.actor.notifications.all(), ACTIONS["done"]).token)
    ),
}
WRITES: dict[str, Callable[[Stage], Any]] = {
    **SENDS,
    **{name: lambda s, write=write: write(rows().all()) for name, write in QUERYSETS.items()},  # type: ignore[misc]
    **OTHERS,
}

#: The same in parts, each of which a test does in a few seconds.
PARTS = {
    "sends by name": [name for name in SENDS if "key" not in name],
    "sends by a key": [name for name in SENDS if "key" in name],
    "verbs": list(QUERYSETS),
    "rows": [name for name in OTHERS if name.startswith("row.")],
    "others": [name for name in OTHERS if not name.startswith("row.")],
}

#: SQLite has no level but its own.
LEVELS = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"][: 1 if connection.vendor == "sqlite" else 3]


@contextmanager
def isolation(level: str) -> Iterator[None]:
    """Let every connection that is opened meanwhile have this isolation. SQLite has none but its own."""

    def isolate(connection: Any, **_: Any) -> None:
        text = {
            "postgresql": f"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {level}",
            "mysql": f"SET SESSION TRANSACTION ISOLATION LEVEL {level}",
        }.get(connection.vendor)
        if text:
            with connection.cursor() as cursor:
                cursor.execute(text)

    connection_created.connect(isolate)
    if connection.vendor != "sqlite":
        connection.close()
    try:
        yield
    finally:
        connection_created.disconnect(isolate)
        if connection.vendor != "sqlite":
            connection.close()


@contextmanager
def by_hand() -> Iterator[None]:
    """Commit by hand, as a script does after ``set_autocommit(False)``."""
    connection.ensure_connection()
    transaction.set_autocommit(False)
    try:
        yield
        transaction.commit()
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)


@contextmanager
def block_by_hand() -> Iterator[None]:
    """Commit by hand, with an atomic block in between."""
    with by_hand(), transaction.atomic():
        yield


@contextmanager
def savepoint() -> Iterator[None]:
    with transaction.atomic(), transaction.atomic():
        yield


HELD: dict[str, Callable[[], Any]] = {
    "by itself": nullcontext,
    "in a block": transaction.atomic,
    "in a durable block": lambda: transaction.atomic(durable=True),
    "in a savepoint": savepoint,
    "by hand": by_hand,
    "in a block by hand": block_by_hand,
}


def state() -> list[Any]:
    """Return all that is in the table but for moments, which differ."""
    return list(
        rows()
        .order_by("recipient__username", "verb", "unread", "pk")
        .values_list("recipient__username", "verb", "unread", "emailed")
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("level", LEVELS)
def test_every_write_works_however_the_transaction_is_held(level: str, held: str, part: str) -> None:
    """One test for some writes: a test of its own for each would take longer to set up than to run."""
    stage = Stage()
    with isolation(level):
        for name in PARTS[part]:
            stage.reset()
            with HELD[held]():
                WRITES[name](stage)
                within = state()
            assert connection.get_autocommit(), name
            assert state() == within, name


@pytest.mark.backend("postgres", "mariadb")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
@pytest.mark.parametrize(
    "name",
    [*(name for name in SENDS if "iterator" not in name), *QUERYSETS, "update", "delete"],
    ids=lambda name: name.replace(" ", "_"),
)
def test_what_could_not_be_serialized_is_done_again(name: str, level: str) -> None:
    """An iterator cannot be gone through again, and so it is the caller who has to."""
    stage = Stage()
    with isolation(level):
        results = at_once(3, lambda: [WRITES[name](stage) for _ in range(3)])

    assert [result for result in results if isinstance(result, Exception)] == []
    if "key" in name:
        assert rows().filter(verb="closed", event__isnull=False).count() == (1 if "a user" in name else 3)


def test_every_verb_is_among_the_writes() -> None:
    verb = re.compile(r"(mark|recall|update|bulk|delete)(_|$)|[a-z]\w*_all$|(un)?snooze$|save$")

    def verbs_of(owner: type) -> set[str]:
        ours = [one for one in owner.__mro__ if one.__module__.startswith("notifications.")]
        names = {name for one in ours for name in vars(one)}
        # An async verb calls the other one.
        return {name for name in names if verb.match(name) and name[1:] not in names}

    of_rows = {f"row.{name}" for name in verbs_of(AbstractNotification)}
    # Two are refused unless a site deletes softly.
    assert verbs_of(NotificationQuerySet) - {"mark_all_as_deleted", "mark_all_as_active"} <= {
        *QUERYSETS,
        *OTHERS,
    }
    assert of_rows - {"row.mark_as_deleted", "row.mark_as_active"} <= {*OTHERS}


# After commit


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("held", ["in a block", "in a durable block", "in a savepoint"])
def test_what_waits_for_the_commit_waits_for_it(held: str) -> None:
    done: list[str] = []

    with HELD[held]():
        after_commit(lambda: done.append("committed"), using="default")
        assert done == []

    assert done == ["committed"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("held", ["by itself", "by hand", "in a block by hand"])
def test_where_there_is_no_commit_to_wait_for_it_is_done_at_once(held: str) -> None:
    done: list[str] = []

    with HELD[held]():
        after_commit(lambda: done.append("done"), using="default")
        assert done == ["done"]

    assert done == ["done"]


@pytest.mark.django_db(transaction=True)
def test_what_waits_for_a_commit_that_does_not_come_is_never_done() -> None:
    done: list[str] = []

    with transaction.atomic():
        after_commit(lambda: done.append("committed"), using="default")
        transaction.set_rollback(True)

    assert done == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("held", HELD)
def test_an_error_in_what_follows_a_commit_goes_to_the_log_and_no_further(
    held: str, caplog: pytest.LogCaptureFixture
) -> None:
    with HELD[held]():
        after_commit(lambda: 1 / 0, using="default")

    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("held", HELD)
def test_receivers_are_told_once_however_the_transaction_is_held(held: str) -> None:
    stage = Stage()

    with listening(notified) as heard, HELD[held]():
        stage.send(stage.users)

    assert [each["audience_size"] for each in heard] == [3]


@pytest.mark.django_db(transaction=True)
def test_whose_transaction_it_is() -> None:
    held = {}
    for name, hold in HELD.items():
        with hold():
            held[name] = is_ours("default")

    assert held == {name: name == "by itself" for name in HELD}


@pytest.mark.django_db(transaction=True)
def test_what_is_written_by_hand_is_pending_until_then() -> None:
    assert not changes.are_pending()
    with by_hand():
        assert changes.are_pending()
    assert not changes.are_pending()


def test_a_connection_that_was_never_opened_is_in_no_transaction_of_anybodys() -> None:
    connections["other"].close()

    assert not changes.are_pending()


def test_nothing_else_waits_for_a_commit() -> None:
    """A second door would forget that there is no commit to wait for where the caller commits by hand."""
    found = [
        path.relative_to(PACKAGE).as_posix()
        for path in sorted(PACKAGE.rglob("*.py"))
        if re.search(r"\bon_commit\s*\(", path.read_text())
    ]

    assert found == ["storage/transactions.py"]
