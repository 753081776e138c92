"""Any history of sending, marking, deleting, recalling and pruning leaves what a plain dict says it must.

``HISTORIES`` plays so many instead of a few, ``SEED`` others than the suite always plays, and makes a short one of a
history that fails, which takes minutes.
"""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, seed, settings as hypothesis_settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from notifications import badge, notify
from notifications.pagination import get_page
from notifications.signals import notified, read_state_changed
from tests.factories import make_user, moment, rows

SEED = os.environ.get("SEED")
#: A server takes ten times as long for each statement as SQLite in memory.
HISTORIES = int(os.environ.get("HISTORIES") or (60 if connection.vendor == "sqlite" else 25))

USERS = st.sampled_from([0, 1])
ONE_OR_ALL = st.sampled_from([0, 1, None])
KEYS = st.sampled_from([None, "a", "b", "c"])
TICKS = st.integers(0, 3)
#: Chooses one of the rows that are there.
CHOICE = st.integers(0, 10**6)
#: The forms in which the same users can be named.
FORMS: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "backwards": lambda users: users[::-1],
    "twice": lambda users: users * 2,
    "keys": lambda users: [user.pk for user in users],
    "iterator": iter,
    "queryset": lambda users: type(users[0])._default_manager.filter(pk__in=[user.pk for user in users]),
}


@dataclass
class Row:
    """What a row must be."""

    event: str
    user: int
    pk: int
    tick: int
    unread: bool = True
    deleted: bool = False

    @property
    def place(self) -> tuple[int, int]:
        """Return what the inbox is ordered by."""
        return (self.tick, self.pk)


class Inbox(RuleBasedStateMachine):
    """Two users, to whom things happen."""

    def __init__(self) -> None:
        super().__init__()
        self.users = [make_user("justquick"), make_user("brosner")]
        self.rows: dict[tuple[str, int], Row] = {}
        self.names = (f"event {number}" for number in itertools.count())
        #: How many rows were announced, and how many announced changes there must be.
        self.told = self.expected_told = 0
        self.changed = self.expected_changed = 0
        notified.connect(self.hear_told)
        read_state_changed.connect(self.hear_changed)
        cache.clear()

    def hear_told(self, audience_size: int, **_: Any) -> None:
        self.told += audience_size

    def hear_changed(self, changed: int, **_: Any) -> None:
        self.changed += changed

    def teardown(self) -> None:
        notified.disconnect(self.hear_told)
        read_state_changed.disconnect(self.hear_changed)
        rows().all().delete()
        type(self.users[0])._default_manager.all().delete()

    # What happens

    @rule(users=st.lists(USERS, min_size=1, unique=True), key=KEYS, tick=TICKS, form=st.sampled_from(sorted(FORMS)),
          chunk_size=st.sampled_from([None, None, 1, 2]))  # fmt: skip
    def send(self, users: list[int], key: str | None, tick: int, form: str, chunk_size: int | None) -> None:
        name = key or next(self.names)
        new = [user for user in users if (name, user) not in self.rows]
        # What was sent under a key stays as it was sent first.
        [(_, answer)] = notify.send(
            self.users[0],
            verb=name,
            recipient=FORMS[form]([self.users[user] for user in users]),
            key=key,
            timestamp=moment(2011, 2, 1) + timedelta(minutes=tick),
            chunk_size=chunk_size,
        )
        assert answer.created == len(new)
        assert len(answer) == len(new) + sum(row.event == name for row in self.rows.values())
        pks = {row.recipient_id: row.pk for row in answer}
        for user in new:
            self.rows[name, user] = Row(name, user, pks[self.users[user].pk], tick)
        self.expected_told += len(new)

    @rule(users=st.lists(USERS, min_size=1, unique=True), key=KEYS)
    def send_and_take_back(self, users: list[int], key: str | None) -> None:
        with transaction.atomic():
            recipient = [self.users[user] for user in users]
            notify.send(self.users[0], verb=key or "never", recipient=recipient, key=key)
            transaction.set_rollback(True)

    @rule(user=ONE_OR_ALL, unread=st.booleans(), how=st.sampled_from(["verb", "argument", "update"]))
    def mark(self, user: int | None, unread: bool, how: str) -> None:
        mine = [row for row in self.of(user) if row.unread != unread]
        found = rows() if user is None else self.users[user].notifications.all()
        if how == "update":
            assert found.filter(unread=not unread).update(unread=unread) == len(mine)
        else:
            whose = None
            if how == "argument":
                found, whose = rows(), None if user is None else self.users[user]
            assert self.verb(found, unread)(whose) == len(mine)
        self.set(mine, unread=unread)

    @precondition(lambda self: self.rows)
    @rule(choice=CHOICE, unread=st.booleans(), user=ONE_OR_ALL)
    def mark_up_to_a_row(self, choice: int, unread: bool, user: int | None) -> None:
        last = self.choose(choice)
        mine = [row for row in self.of(user) if row.unread != unread and row.place <= last.place]
        found = rows() if user is None else self.users[user].notifications
        assert self.verb(found, unread)(up_to=rows().get(pk=last.pk)) == len(mine)
        self.set(mine, unread=unread)

    @rule(tick=TICKS, unread=st.booleans())
    def mark_up_to_a_moment(self, tick: int, unread: bool) -> None:
        mine = [row for row in self.rows.values() if row.unread != unread and row.tick <= tick]
        up_to = moment(2011, 2, 1) + timedelta(minutes=tick)
        assert self.verb(rows(), unread)(up_to=up_to) == len(mine)
        self.set(mine, unread=unread)

    @precondition(lambda self: self.rows)
    @rule(choice=CHOICE, unread=st.booleans())
    def mark_a_row(self, choice: int, unread: bool) -> None:
        chosen = self.choose(choice)
        row = rows().get(pk=chosen.pk)
        changes = chosen.unread != unread
        assert (row.mark_as_unread() if unread else row.mark_as_read()) is changes
        self.set([chosen] if changes else [], unread=unread)

    @rule(user=ONE_OR_ALL, deleted=st.booleans())
    def hide(self, user: int | None, deleted: bool) -> None:
        mine = [row for row in self.of(user) if row.deleted != deleted]
        found = rows() if user is None else self.users[user].notifications
        assert (found.mark_all_as_deleted() if deleted else found.mark_all_as_active()) == len(mine)
        self.set(mine, deleted=deleted)

    @precondition(lambda self: self.rows)
    @rule(choice=CHOICE, deleted=st.booleans())
    def hide_a_row(self, choice: int, deleted: bool) -> None:
        chosen = self.choose(choice)
        found = rows().filter(pk=chosen.pk)
        changed = found.mark_all_as_deleted() if deleted else found.mark_all_as_active()
        assert changed == (chosen.deleted != deleted)
        self.set([chosen] if changed else [], deleted=deleted)

    @precondition(lambda self: self.rows)
    @rule(choice=CHOICE)
    def delete_a_row(self, choice: int) -> None:
        chosen = self.choose(choice)
        rows().get(pk=chosen.pk).delete()
        self.remove([chosen])

    @rule(key=st.sampled_from(["a", "b", "c", "unheard of"]))
    def recall(self, key: str) -> None:
        gone = [row for row in self.rows.values() if row.event == key and row.unread]
        assert rows().recall(key=key) == len(gone)
        self.remove(gone)

    @rule(read=st.booleans(), deleted=st.booleans(), keep=st.sampled_from([None, 1, 2]),
          chunk_size=st.sampled_from([1, 2, 1000]), dry=st.booleans())  # fmt: skip
    def prune(self, read: bool, deleted: bool, keep: int | None, chunk_size: int, dry: bool) -> None:
        if not (read or deleted or keep):
            return
        arguments = [
            *(["--read-older-than=0h"] if read else []),
            *(["--deleted"] if deleted else []),
            *([f"--keep={keep}"] if keep else []),
            *(["--dry-run"] if dry else []),
        ]
        read = read or not deleted
        spared = set()
        for user in (0, 1) if keep else ():
            newest = sorted(self.of(user), key=lambda row: row.place, reverse=True)
            oldest = newest[keep - 1].tick if keep and len(newest) >= keep else 0
            spared |= {row.pk for row in newest if row.tick >= oldest}
        gone = [
            row
            for row in self.rows.values()
            if ((read and not row.unread) or (deleted and row.deleted)) and row.pk not in spared
        ]
        out = io.StringIO()
        call_command("prune_notifications", *arguments, f"--chunk-size={chunk_size}", stdout=out)
        assert out.getvalue().split()[0] == str(len(gone))
        if not dry:
            self.remove(gone)

    # What must be true at any time

    @invariant()
    def the_rows_are_those_of_the_dict(self) -> None:
        found = {
            (verb, pks.index(recipient)): (pk, unread, deleted, read_at is None)
            for pks in [[user.pk for user in self.users]]
            for verb, recipient, pk, unread, deleted, read_at in rows().values_list(
                "verb", "recipient", "pk", "unread", "deleted", "read_at"
            )
        }
        assert found == {key: (row.pk, row.unread, row.deleted, row.unread) for key, row in self.rows.items()}
        assert rows().count() == len(found)

    @invariant()
    def each_user_sees_the_own_rows_in_order(self) -> None:
        for number, user in enumerate(self.users):
            mine = sorted(self.of(number), key=lambda row: row.place, reverse=True)
            shown = [row.pk for row in mine if not row.deleted]
            page = get_page(user.notifications.visible(), 3, {})
            pages = [row.pk for row in page]
            while page.has_next():
                page = get_page(user.notifications.visible(), 3, {"before": page.before})
                pages += [row.pk for row in page]
            assert pages == shown

    @invariant()
    def the_number_on_the_badge_is_true(self) -> None:
        for number, user in enumerate(self.users):
            assert badge.unread_count(user) == sum(row.unread and not row.deleted for row in self.of(number))

    @invariant()
    def what_was_announced_is_what_happened(self) -> None:
        assert (self.told, self.changed) == (self.expected_told, self.expected_changed)

    # How the dict is asked and changed

    def of(self, user: int | None) -> list[Row]:
        return [row for row in self.rows.values() if user in (None, row.user)]

    def choose(self, choice: int) -> Row:
        return list(self.rows.values())[choice % len(self.rows)]

    def verb(self, found: Any, unread: bool) -> Any:
        return found.mark_all_as_unread if unread else found.mark_all_as_read

    def set(self, changed: list[Row], **values: bool) -> None:
        for row in changed:
            for name, value in values.items():
                setattr(row, name, value)
        self.expected_changed += len(changed)

    def remove(self, gone: list[Row]) -> None:
        for row in gone:
            del self.rows[row.event, row.user]
        self.expected_changed += len(gone)


@pytest.fixture
def histories(settings: Any) -> Iterator[None]:
    settings.NOTIFICATIONS = {"SOFT_DELETE": True, "CACHE_TIMEOUT": 3600}
    yield
    cache.clear()


@pytest.mark.django_db(transaction=True)
@pytest.mark.shape("default")
@pytest.mark.usefixtures("histories")
def test_any_history_leaves_what_a_dict_says() -> None:
    number = int(SEED or 2011)
    print(f"SEED={number} HISTORIES={HISTORIES}")
    run_state_machine_as_test(
        seed(number)(Inbox),
        settings=hypothesis_settings(
            max_examples=HISTORIES,
            stateful_step_count=30,
            deadline=None,
            database=None,
            phases=[Phase.generate, *([Phase.shrink] if SEED else [])],
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
