"""What was read and seen stays so, and what arrived since does not, whatever the clocks, the commits and the cache do.

Rows are written by machines whose clocks differ, are committed late (PostgreSQL), and are kept in two databases in
which the users have the same keys. Each run plays other histories; ``SEED``, which is printed, plays them again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.core.cache.backends import base, locmem
from django.db import connection, connections, transaction
from django.utils import timezone
from hypothesis import settings as hypothesis_settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)

from notifications import notify
from notifications.models import InboxState
from notifications.storage.counts import mark_seen, unread_count, unseen_count
from tests.factories import make_user, moment, rows
from tests.histories import play

HISTORIES = hypothesis_settings().max_examples // (50 if connection.vendor == "sqlite" else 100)
CACHE_TIMEOUT = 10

ALIASES = st.sampled_from(["default", "other"])
USERS = st.sampled_from([0, 1])
#: By how many seconds the clock of the machine that acts is wrong.
CLOCKS = st.sampled_from([-7, 0, 5])
#: How many seconds ago it happened, as the sender says; None leaves it to the clock.
AGES = st.sampled_from([None, None, 1, 3600])
CHOICE = st.integers(0, 10**6)
START = moment(2011, 2, 1)


class Tenants:
    """A router to the database of whoever acts now."""

    alias = "default"

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return self.alias

    db_for_write = db_for_read


TENANTS = Tenants()


@dataclass
class Row:
    """What a row must be."""

    user: int
    pk: int
    at: datetime
    unread: bool = True
    seen: bool = False
    is_committed: bool = True


class Late:
    """A transaction on a connection of its own, which stays open until it is committed."""

    def __init__(self, alias: str, write: Callable[[], int]) -> None:
        self.alias = alias
        self.thread = ThreadPoolExecutor(1)
        self.block = transaction.atomic(using=alias)
        self.thread.submit(self.block.__enter__).result()
        self.pk = self.thread.submit(write).result()

    def commit(self) -> None:
        """Commit, and close the connection."""
        self.thread.submit(self.block.__exit__, None, None, None).result()
        self.thread.submit(connections.close_all).result()
        self.thread.shutdown()


class Arrivals(RuleBasedStateMachine):
    """Two users with the same keys in two databases, to whom things happen."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        #: By database, and by primary key.
        self.rows: dict[str, dict[int, Row]] = {"default": {}, "other": {}}
        self.late: list[tuple[Row, Late]] = []
        self.names = (f"event {number}" for number in itertools.count())
        #: What each count may be, since when, by what is counted.
        self.truths: dict[Any, list[tuple[datetime, int]]] = {}
        self.patches = ExitStack()
        self.patches.enter_context(mock.patch.object(timezone, "now", self.read_clock))
        clock = SimpleNamespace(time=lambda: datetime.timestamp(self.now))
        for module in (base, locmem):
            self.patches.enter_context(mock.patch.object(module, "time", clock))
        self.offset = 0
        names = ((1, "justquick"), (2, "brosner"))
        self.users = {
            alias: [make_user(name, using=alias, pk=pk) for pk, name in names] for alias in self.rows
        }
        cache.clear()

    def read_clock(self) -> datetime:
        return self.now + timedelta(seconds=self.offset)

    def teardown(self) -> None:
        try:
            while self.late:
                self.commit_late(0)
            self.wait(3600)
        finally:
            # Also after a failure: the history is played once more to tell of it.
            for alias in self.rows:
                rows(using=alias).all().delete()
                InboxState.objects.using(alias).all().delete()
                get_user_model()._default_manager.using(alias).all().delete()
            self.patches.close()

    @contextmanager
    def acting(self, alias: str, clock: int = 0) -> Iterator[list[Any]]:
        """Act in a database, on a machine with this clock."""
        TENANTS.alias, self.offset = alias, clock
        try:
            yield self.users[alias]
        finally:
            TENANTS.alias, self.offset = "default", 0
            self.remember()

    # What happens

    def write(self, users: list[Any], user: int, at: datetime | None) -> int:
        [(_, answer)] = notify.send(users[0], verb=next(self.names), recipient=users[user], timestamp=at)
        return int(answer[0].pk)

    @initialize(clocks=st.lists(CLOCKS, min_size=6, max_size=6), age=AGES)
    def begin(self, clocks: list[int], age: int | None) -> None:
        for number, clock in enumerate(clocks):
            self.send(("default", "other")[number % 2], number % 3 % 2, clock, age if number > 3 else None)
        self.wait(6)

    @rule(alias=ALIASES, user=USERS, clock=CLOCKS, age=AGES)
    def send(self, alias: str, user: int, clock: int, age: int | None) -> None:
        with self.acting(alias, clock) as users:
            at = None if age is None else self.read_clock() - timedelta(seconds=age)
            pk = self.write(users, user, at)
            self.rows[alias][pk] = Row(user, pk, at or self.read_clock())

    @precondition(lambda self: connection.vendor == "postgresql" and len(self.late) < 3)
    @rule(alias=ALIASES, user=USERS, clock=CLOCKS, age=AGES)
    def begin_late(self, alias: str, user: int, clock: int, age: int | None) -> None:
        with self.acting(alias, clock) as users:
            at = None if age is None else self.read_clock() - timedelta(seconds=age)
            late = Late(alias, lambda: self.write(users, user, at))
            self.rows[alias][late.pk] = Row(user, late.pk, at or self.read_clock(), is_committed=False)
            self.late.append((self.rows[alias][late.pk], late))

    @precondition(lambda self: self.late)
    @rule(choice=CHOICE)
    def commit_late(self, choice: int) -> None:
        row, late = self.late.pop(choice % len(self.late))
        with self.acting(late.alias):
            late.commit()
            row.is_committed = True

    @rule(seconds=st.sampled_from([1, 6, 30]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.remember()
        for alias, user in itertools.product(self.rows, (0, 1)):
            self.look_at_the_badge(alias, user, 0)

    @rule(alias=ALIASES, user=USERS, clock=CLOCKS)
    def open_the_bell(self, alias: str, user: int, clock: int) -> None:
        """The last look decides, also if the clock of its machine is behind that of the one before."""
        with self.acting(alias, clock) as users:
            mark_seen(users[user])
            for row in self.of(alias, user):
                row.seen = row.is_committed and row.at <= self.read_clock()

    @rule(alias=ALIASES, user=USERS, clock=CLOCKS, choice=CHOICE)
    def read_the_page(self, alias: str, user: int, clock: int, choice: int) -> None:
        """Whoever saw a row reads it and what arrived before, and nothing that came since."""
        with self.acting(alias, clock) as users:
            shown = [row for row in self.of(alias, user) if row.is_committed and row.at <= self.read_clock()]
            if not shown:
                return
            newest = shown[choice % len(shown)]
            changed = [row for row in shown if row.unread and row.pk <= newest.pk]
            # A row that is to come, as the clock of this machine has it, is not there.
            page = users[user].notifications.inbox()
            assert page.mark_all_as_read(up_to=page.get(pk=newest.pk)) == len(changed)
            for row in changed:
                row.unread = False

    @rule(alias=ALIASES, user=USERS, unread=st.booleans())
    def write_the_column(self, alias: str, user: int, unread: bool) -> None:
        """By SQL that nobody announces: the counts are right when they are older than ``CACHE_TIMEOUT``."""
        with self.acting(alias):
            rows(using=alias).filter(recipient_id=user + 1).update(unread=unread)
            for row in self.of(alias, user):
                row.unread = row.unread if not row.is_committed else unread

    @rule(alias=ALIASES, user=USERS, clock=CLOCKS)
    def look_at_the_badge(self, alias: str, user: int, clock: int) -> None:
        with self.acting(alias, clock) as users:
            self.remember()
            for name, count in (("unread", unread_count), ("unseen", unseen_count)):
                allowed = self.allowed(alias, user, name)
                assert int(count(users[user])) in allowed, (name, alias, user, allowed)

    # What must be

    def of(self, alias: str, user: int) -> list[Row]:
        return [row for row in self.rows[alias].values() if row.user == user]

    def count(self, alias: str, user: int, name: str, now: datetime) -> int:
        return sum(
            row.is_committed and row.unread and row.at <= now and not (name == "unseen" and row.seen)
            for row in self.of(alias, user)
        )

    def remember(self) -> None:
        """Note what each machine would count now."""
        for alias, user, name in itertools.product(self.rows, (0, 1), ("unread", "unseen")):
            for clock in (-7, 0, 5):
                number = self.count(alias, user, name, self.now + timedelta(seconds=clock))
                self.truths.setdefault((alias, user, name), []).append((self.now, number))

    def allowed(self, alias: str, user: int, name: str) -> set[int]:
        """Return what was true, on one of the machines, at some time within ``CACHE_TIMEOUT``."""
        since = self.now - timedelta(seconds=CACHE_TIMEOUT)
        return {number for at, number in self.truths[alias, user, name] if at >= since}


@pytest.fixture
def tenants(settings: Any) -> None:
    settings.DATABASE_ROUTERS = [TENANTS]
    settings.NOTIFICATIONS = {"CACHE_TIMEOUT": CACHE_TIMEOUT, "BADGE_CAP": None}


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
@pytest.mark.shape("default")
@pytest.mark.usefixtures("tenants")
def test_what_arrived_since_is_unread_and_unseen() -> None:
    play(Arrivals, histories=HISTORIES, steps=40)
