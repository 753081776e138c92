"""Transactions that wait for each other in a circle: the database ends one of them, and it is done again."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, connections, models, transaction
from django.test.utils import CaptureQueriesContext

import notifications
from notifications.models import InboxState
from notifications.storage.locking import MAX_ATTEMPTS, hold, retry, writing
from tests.factories import at_once, make_notification, make_project, make_user
from tests.testapp.models import Project
from tests.waiting import PATIENCE

in_a_circle = pytest.mark.backend("postgres", "mariadb")


class Circle:
    """Two rows, and writers of both of which the second goes the other way round."""

    def __init__(self) -> None:
        self.rows = [make_project("one"), make_project("two")]
        self.met = threading.Barrier(2, timeout=PATIENCE)
        self.writers = count()
        self.attempts: list[int] = []

    def writer(self) -> Callable[[], int]:
        """Return what writes both rows in a transaction, and the first time waits between them for the other writer."""
        number = next(self.writers)
        first, second = self.rows if number == 0 else self.rows[::-1]
        waits = [self.met.wait]

        def write() -> int:
            self.attempts.append(number)
            with transaction.atomic():
                Project.objects.filter(pk=first.pk).update(name=f"by {number}")
                if waits:
                    waits.pop()()
                Project.objects.filter(pk=second.pk).update(name=f"by {number}")
            return number

        return write


@in_a_circle
@pytest.mark.django_db(transaction=True)
def test_the_transaction_that_the_database_ends_is_done_again() -> None:
    circle = Circle()

    results = at_once(2, lambda: retry(circle.writer(), "default"))

    assert sorted(results) == [0, 1]
    # One more than the writers; more than that where the second attempt was so fast that it met the other one again.
    assert len(circle.attempts) > 2
    assert len(set(Project.objects.values_list("name", flat=True))) == 1


@in_a_circle
@pytest.mark.django_db(transaction=True)
def test_the_transaction_of_a_caller_is_the_callers_to_do_again() -> None:
    circle = Circle()

    def within_another() -> int:
        with transaction.atomic():
            return retry(circle.writer(), "default")

    results = at_once(2, within_another)

    assert sum(isinstance(result, OperationalError) for result in results) == 1
    assert sorted(circle.attempts) == [0, 1]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["delete", "update"])
def test_what_django_writes_is_done_again_as_well_unless_the_caller_has_a_transaction(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = make_user()
    make_notification(user)
    write = getattr(models.QuerySet, name)
    left: list[int] = []

    def write_at_the_second_attempt(*args: Any, **kwargs: Any) -> Any:
        if left:
            left.pop()
            raise OperationalError(1213, "Deadlock found when trying to get lock")
        return write(*args, **kwargs)

    monkeypatch.setattr(models.QuerySet, name, write_at_the_second_attempt)
    values = {"verb": "reopened"} if name == "update" else {}
    left.append(1)
    with pytest.raises(OperationalError), transaction.atomic():
        getattr(user.notifications.all(), name)(**values)
    assert [row.verb for row in user.notifications.all()] == ["closed"]
    left.append(1)
    getattr(user.notifications.all(), name)(**values)
    assert [row.verb for row in user.notifications.all()] == (["reopened"] if name == "update" else [])


def of_state(state: str, text: str) -> OperationalError:
    """Return an error that says, as those of PostgreSQL, what it is in its cause."""
    error = OperationalError(text)
    error.__cause__ = Exception(text)
    error.__cause__.sqlstate = state  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (OperationalError(1213, "Deadlock found when trying to get lock"), MAX_ATTEMPTS),
        (OperationalError(1467, "Failed to read auto-increment value"), MAX_ATTEMPTS),
        (OperationalError(1020, "Record has changed since last read"), MAX_ATTEMPTS),
        (of_state("40001", "could not serialize access"), MAX_ATTEMPTS),
        (of_state("40P01", "deadlock detected"), MAX_ATTEMPTS),
        (of_state("23505", "duplicate key"), 1),
        (OperationalError(2006, "Server has gone away"), 1),
        (OperationalError("database is locked"), 1),
        (IntegrityError(1062, "Duplicate entry"), 1),
        (ValueError("something else"), 1),
    ],
    ids=[
        "deadlock",
        "deadlock over the next key",
        "changed since",
        "not serialized",
        "deadlock by state",
        "duplicate by state",
        "server gone",
        "locked",
        "duplicate",
        "no database error",
    ],
)
def test_only_what_the_database_ended_is_done_again_and_not_for_ever(error: Exception, attempts: int) -> None:
    tried: list[Exception] = []

    def write() -> None:
        tried.append(error)
        raise error

    with pytest.raises(type(error)) as caught:
        retry(write, "default")

    assert caught.value is error
    assert len(tried) == attempts


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Return what opens connections to one file of SQLite, which do not wait for each other."""
    opened: list[str] = []

    def connect(alias: str, **options: Any) -> Any:
        wrapper: Any = connection.copy(alias)
        wrapper.settings_dict |= {"NAME": str(tmp_path / "db"), "OPTIONS": {"timeout": 0, **options}}
        connections[alias] = wrapper
        opened.append(alias)
        return wrapper

    yield connect
    for alias in opened:
        connections[alias].close()
        del connections[alias]


@pytest.mark.backend("sqlite")
@pytest.mark.django_db
@pytest.mark.parametrize("mode", [None, "DEFERRED", "IMMEDIATE", "EXCLUSIVE"])
def test_a_transaction_that_writes_is_a_writer_before_it_reads(file: Any, mode: str | None) -> None:
    one, two = file("one", **({"transaction_mode": mode} if mode else {})), file("two")
    one.cursor().execute("CREATE TABLE numbers (number)")

    def numbers() -> Any:
        return one.cursor().execute("SELECT number FROM numbers").fetchall()

    with writing("one"):
        assert numbers() == []
        with pytest.raises(OperationalError, match="locked"):
            two.cursor().execute("INSERT INTO numbers VALUES (2)")
        with writing("one"):
            one.cursor().execute("INSERT INTO numbers VALUES (1)")
    two.cursor().execute("INSERT INTO numbers VALUES (2)")

    assert numbers() == [(1,), (2,)]
    assert one.transaction_mode == mode


@pytest.mark.django_db
def test_a_row_that_another_makes_and_a_third_deletes_is_held_all_the_same(monkeypatch: Any) -> None:
    user, make, faults = make_user(), models.QuerySet.get_or_create, [IntegrityError(), IntegrityError()]

    def get_or_create(rows: Any, **key: Any) -> Any:
        if faults:
            raise faults.pop()
        return make(rows, **key)

    monkeypatch.setattr(models.QuerySet, "get_or_create", get_or_create)
    assert hold(InboxState.objects.all(), "seen_at", pk=user.pk).get().pk == user.pk


@in_a_circle
@pytest.mark.django_db
@pytest.mark.parametrize("verb", ["mark_all_as_read", "delete_in_order"])
def test_rows_are_locked_in_one_order_also_if_they_were_reversed(verb: str) -> None:
    user = make_user()
    make_notification(user)

    with CaptureQueriesContext(connection) as queries:
        assert getattr(user.notifications.reverse(), verb)() == 1

    orders = re.findall("ORDER BY .*? (ASC|DESC)", "".join(query["sql"] for query in queries))
    assert orders == ["ASC"]


def test_no_other_module_begins_a_transaction() -> None:
    package = Path(notifications.__file__).parent
    begins = re.compile(r"\batomic\(|\bupdate_or_create\(")
    found = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if begins.search(path.read_text(encoding="utf-8"))
    }
    # The others only read.
    assert found == {
        "storage/locking.py",
        "contrib/live/queries.py",
        "management/commands/send_notification.py",
    }
