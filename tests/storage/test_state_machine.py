"""Any history of what can happen to rows leaves what a plain dict says it must.

They are sent, read, done, saved, snoozed, hidden, deleted, recalled and pruned, and time passes.

Each run plays others. ``SEED``, which is printed, plays those of another run again, and makes a short one of a history
that fails, which takes minutes.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import BooleanField, ExpressionWrapper
from django.utils import timezone
from hypothesis import settings as hypothesis_settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from notifications import notify
from notifications.inbox.pagination import get_page
from notifications.models import InboxState
from notifications.signals import notified, read_state_changed
from notifications.storage import counts
from notifications.storage.states import DONE
from tests.factories import make_user, moment, rows
from tests.histories import play

#: A history is sixty steps of several statements each. A server takes ten times as long for one as SQLite in memory.
HISTORIES = hypothesis_settings().max_examples // (50 if connection.vendor == "sqlite" else 130)

USERS = st.sampled_from([0, 1])
ONE_OR_ALL = st.sampled_from([0, 1, None])
KEYS = st.sampled_from([None, "a", "b", "c"])
TICKS = st.integers(0, 3)
#: Chooses one of the rows that are there.
CHOICE = st.integers(0, 10**6)
#: Later than any tick.
FUTURE = 1000
START = moment(2011, 2, 1)
#: The forms in which the same users can be named.
FORMS: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "backwards": lambda users: users[::-1],
    "twice": lambda users: users * 2,
    "keys": lambda users: [user.pk for user in users],
    "iterator": iter,
    "queryset": lambda users: type(users[0])._default_manager.filter(pk__in=[user.pk for user in users]),
}


IS_DONE_COLUMN = ExpressionWrapper(DONE.condition(), BooleanField())


@dataclass
class Row:
    """What a row must be."""

    event: str
    user: int
    pk: int
    tick: int
    unread: bool = True
    deleted: bool = False
    #: Whether it is known when it was read, be it before it was snoozed.
    read: bool = False
    done: bool = False
    saved: bool = False
    #: Whether it was done when it was put to sleep.
    was_done: bool = False
    #: The number of the snoozing, as long as it is asleep, and when it came back.
    asleep: int | None = None
    back: int | None = None

    @property
    def order(self) -> tuple[int, int]:
        """Return what the inbox is ordered by."""
        back = self.tick if self.back is None else self.back
        return (-1 if self.done else FUTURE + self.asleep if self.asleep is not None else back, self.pk)

    @property
    def is_shown(self) -> bool:
        """Return whether it is in the inbox."""
        return not (self.deleted or self.done or self.asleep is not None)

    def reads(self) -> bool:
        """Return whether marking everything as read changes it."""
        return self.unread and self.asleep is None

    # What the verbs do

    def turn(self, unread: bool) -> None:
        self.unread, self.read, self.done = unread, not unread, self.done and not unread
        self.was_done = self.was_done and not unread

    def finish(self) -> None:
        self.done, self.unread, self.read, self.asleep, self.back = True, False, True, None, None
        self.was_done = False

    def sleep(self, number: int) -> None:
        self.read = self.read if self.asleep is not None or not self.unread else False
        self.was_done = self.was_done if self.asleep is not None else self.done
        self.unread, self.done, self.asleep, self.back = True, False, number, None

    def awake(self) -> None:
        self.unread, self.done, self.asleep, self.was_done = not self.read, self.was_done, None, False

    def come_back(self, tick: int) -> None:
        self.asleep, self.back, self.was_done = None, tick, False


class Inbox(RuleBasedStateMachine):
    """Two users, to whom things happen."""

    def __init__(self) -> None:
        super().__init__()
        self.users = [make_user("justquick"), make_user("brosner")]
        self.rows: dict[tuple[str, int], Row] = {}
        self.names = (f"event {number}" for number in itertools.count())
        self.snoozings = itertools.count()
        #: What was in the inbox of each user who looked at the bell, when they did.
        self.looked: dict[int, set[int]] = {}
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
        try:
            self.each_user_sees_the_own_rows_in_order()
            self.the_number_on_the_badge_is_true()
        finally:
            # Also after a failure: the history is played once more to tell of it.
            notified.disconnect(self.hear_told)
            read_state_changed.disconnect(self.hear_changed)
            rows().all().delete()
            InboxState.objects.all().delete()
            type(self.users[0])._default_manager.all().delete()

    # What happens

    @initialize()
    def begin(self) -> None:
        for tick in (1, 2):
            self.send([0, 1], None, tick, "list", None)

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
            idempotency_key=key,
            timestamp=START + timedelta(minutes=tick),
            fanout_chunk=chunk_size,
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
            notify.send(self.users[0], verb=key or "never", recipient=recipient, idempotency_key=key)
            transaction.set_rollback(True)

    @rule(user=ONE_OR_ALL, unread=st.booleans(), how=st.sampled_from(["verb", "argument", "update"]))
    def mark(self, user: int | None, unread: bool, how: str) -> None:
        found = rows() if user is None else self.users[user].notifications.all()
        if how == "update":
            mine = [row for row in self.of(user) if row.unread != unread]
            assert found.filter(unread=not unread).update(unread=unread) == len(mine)
            for row in mine:
                # Django's own update knows nothing of what is done.
                row.unread, row.read = unread, not unread
        else:
            mine = self.turned(user, unread)
            whose = None
            if how == "argument":
                found, whose = rows(), None if user is None else self.users[user]
            assert self.verb(found, unread)(whose) == len(mine)
            for row in mine:
                row.turn(unread)
        self.expected_changed += len(mine)

    @precondition(lambda self: self.rows)
    @rule(choice=CHOICE, unread=st.booleans(), user=ONE_OR_ALL)
    def mark_up_to_a_row(self, choice: int, unread: bool, user: int | None) -> None:
        last = self.choose(choice)
        mine = [row for row in self.turned(user, unread) if row.pk <= last.pk]
        found = rows() if user is None else self.users[user].notifications
        assert self.verb(found, unread)(up_to=rows().get(pk=last.pk)) == len(mine)
        self.happened(mine, lambda row: row.turn(unread))

    @rule(tick=TICKS, unread=st.booleans())
    def mark_up_to_a_moment(self, tick: int, unread: bool) -> None:
        mine = [row for row in self.turned(None, unread) if row.tick <= tick]
        up_to = START + timedelta(minutes=tick)
        assert self.verb(rows(), unread)(up_to=up_to) == len(mine)
        self.happened(mine, lambda row: row.turn(unread))

    @precondition(lambda self: self.rows)
    @rule(choice=CHOICE, unread=st.booleans())
    def mark_a_row(self, choice: int, unread: bool) -> None:
        chosen = self.choose(choice)
        row = rows().get(pk=chosen.pk)
        changes = [chosen] if chosen in self.turned(None, unread) else []
        assert (row.mark_as_unread() if unread else row.mark_as_read()) is bool(changes)
        self.happened(changes, lambda row: row.turn(unread))

    @rule(user=ONE_OR_ALL, done=st.booleans())
    def finish(self, user: int | None, done: bool) -> None:
        mine = [row for row in self.of(user) if row.done != done]
        found = rows() if user is None else self.users[user].notifications
        assert (found.mark_all_as_done() if done else found.mark_all_as_undone()) == len(mine)
        self.happened(mine, lambda row: row.finish() if done else setattr(row, "done", False))

    @precondition(lambda self: self.rows)
    @rule(choice=CHOICE, done=st.booleans())
    def finish_a_row(self, choice: int, done: bool) -> None:
        chosen = self.choose(choice)
        row = rows().get(pk=chosen.pk)
        changes = [chosen] if chosen.done != done else []
        assert (row.mark_as_done() if done else row.mark_as_undone()) is bool(changes)
        self.happened(changes, lambda row: row.finish() if done else setattr(row, "done", False))

    @rule(user=ONE_OR_ALL, saved=st.booleans())
    def save(self, user: int | None, saved: bool) -> None:
        mine = [row for row in self.of(user) if row.saved != saved]
        found = rows() if user is None else self.users[user].notifications
        assert (found.mark_all_as_saved() if saved else found.mark_all_as_unsaved()) == len(mine)
        self.set(mine, saved=saved)

    @precondition(lambda self: self.rows)
    @rule(choice=CHOICE, saved=st.booleans())
    def save_a_row(self, choice: int, saved: bool) -> None:
        chosen = self.choose(choice)
        row = rows().get(pk=chosen.pk)
        changes = [chosen] if chosen.saved != saved else []
        assert (row.mark_as_saved() if saved else row.mark_as_unsaved()) is bool(changes)
        self.set(changes, saved=saved)

    @rule(user=ONE_OR_ALL)
    def snooze(self, user: int | None) -> None:
        found = rows() if user is None else self.users[user].notifications
        number = next(self.snoozings)
        mine = self.of(user)
        assert found.snooze_all(self.until(number)) == len(mine)
        self.happened(mine, lambda row: row.sleep(number))

    @precondition(lambda self: self.rows)
    @rule(choice=CHOICE)
    def snooze_a_row(self, choice: int) -> None:
        chosen, number = self.choose(choice), next(self.snoozings)
        assert rows().get(pk=chosen.pk).snooze(self.until(number))
        self.happened([chosen], lambda row: row.sleep(number))

    @rule(user=ONE_OR_ALL)
    def unsnooze(self, user: int | None) -> None:
        found = rows() if user is None else self.users[user].notifications
        mine = [row for row in self.of(user) if row.asleep is not None]
        assert found.unsnooze_all() == len(mine)
        self.happened(mine, Row.awake)

    @precondition(lambda self: self.rows)
    @rule(choice=CHOICE)
    def unsnooze_a_row(self, choice: int) -> None:
        chosen = self.choose(choice)
        changes = [chosen] if chosen.asleep is not None else []
        assert rows().get(pk=chosen.pk).unsnooze() is bool(changes)
        self.happened(changes, Row.awake)

    @rule(user=USERS, tick=TICKS)
    def let_time_pass(self, user: int, tick: int) -> None:
        """Nobody waits for tomorrow here: the moments are moved into the past."""
        asleep = [row for row in self.of(user) if row.asleep is not None]
        found = rows().filter(pk__in=[row.pk for row in asleep])
        found.update(snoozed_until=START + timedelta(minutes=tick))
        self.happened(asleep, lambda row: row.come_back(tick))

    @rule(user=USERS)
    def look_at_the_bell(self, user: int) -> None:
        counts.mark_seen(self.users[user])
        self.looked[user] = {row.pk for row in self.of(user) if row.is_shown}

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
        gone = [row for row in self.rows.values() if row.event == key and row.unread and not row.read]
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
            newest = sorted(self.of(user), key=lambda row: row.order, reverse=True)
            oldest = newest[keep - 1].order[0] if keep and len(newest) >= keep else -1
            spared |= {row.pk for row in newest if row.order[0] >= oldest}
        gone = [
            row
            for row in self.rows.values()
            if ((read and not row.unread) or (deleted and row.deleted))
            and row.pk not in spared
            and not row.saved
        ]
        out = io.StringIO()
        call_command("prune_notifications", *arguments, f"--chunk-size={chunk_size}", stdout=out)
        assert [int(word) for word in out.getvalue().split() if word.isdigit()] == [len(gone)]
        if not dry:
            self.remove(gone)

    # What must be true at any time, and is looked at now and then where that takes many queries

    @invariant()
    def the_rows_are_those_of_the_dict(self) -> None:
        found = {
            (verb, pks.index(recipient)): (
                pk,
                unread,
                deleted,
                *(value is not None for value in moments),
                done,
            )
            for pks in [[user.pk for user in self.users]]
            for verb, recipient, pk, unread, deleted, done, *moments in rows().values_list(
                "verb", "recipient", "pk", "unread", "deleted", IS_DONE_COLUMN, "read_at", "saved_at"
            )
        }
        assert found == {
            key: (row.pk, row.unread, row.deleted, row.read, row.saved, row.done)
            for key, row in self.rows.items()
        }
        assert rows().count() == len(found)

    @rule()
    def each_user_sees_the_own_rows_in_order(self) -> None:
        for number, user in enumerate(self.users):
            mine = sorted(self.of(number), key=lambda row: row.order, reverse=True)
            page = get_page(user.notifications.inbox(), 3, {})
            pages = [row.pk for row in page]
            while page.has_next():
                page = get_page(user.notifications.inbox(), 3, {"before": page.before})
                pages += [row.pk for row in page]
            assert pages == [row.pk for row in mine if row.is_shown]
            there = [row for row in mine if not row.deleted]
            assert [row.pk for row in user.notifications.visible()] == [row.pk for row in there]
            asleep = [row.pk for row in reversed(there) if row.asleep is not None and not row.done]
            assert [row.pk for row in user.notifications.snoozed()] == asleep
            assert {row.pk for row in user.notifications.done()} == {row.pk for row in there if row.done}
            assert {row.pk for row in user.notifications.saved()} == {row.pk for row in there if row.saved}

    @rule()
    def the_number_on_the_badge_is_true(self) -> None:
        for number, user in enumerate(self.users):
            unread = {row.pk for row in self.of(number) if row.unread and row.is_shown}
            assert counts.unread_count(user) == len(unread)
            # What happens here happened long before anybody looked, but it arrives when it does.
            assert counts.unseen_count(user) == len(unread - self.looked.get(number, set()))

    @invariant()
    def what_was_announced_is_what_happened(self) -> None:
        assert (self.told, self.changed) == (self.expected_told, self.expected_changed)

    # How the dict is asked and changed

    def of(self, user: int | None) -> list[Row]:
        return [row for row in self.rows.values() if user in (None, row.user)]

    def choose(self, choice: int) -> Row:
        return list(self.rows.values())[choice % len(self.rows)]

    def turned(self, user: int | None, unread: bool) -> list[Row]:
        """Return the rows that marking as unread, or as read, changes."""
        return [row for row in self.of(user) if (not row.unread if unread else row.reads())]

    def until(self, number: int) -> Any:
        return timezone.now() + timedelta(days=1000 + number)

    def verb(self, found: Any, unread: bool) -> Any:
        return found.mark_all_as_unread if unread else found.mark_all_as_read

    def set(self, changed: list[Row], **values: bool) -> None:
        self.happened(changed, lambda row: vars(row).update(values))

    def happened(self, changed: list[Row], change: Callable[[Row], object]) -> None:
        for row in changed:
            change(row)
        self.expected_changed += len(changed)

    def remove(self, gone: list[Row]) -> None:
        for row in gone:
            del self.rows[row.event, row.user]
        self.expected_changed += len(gone)


@pytest.fixture
def histories(settings: Any) -> None:
    settings.NOTIFICATIONS = {"SOFT_DELETE": True, "CACHE_TIMEOUT": 3600}


@pytest.mark.django_db(transaction=True)
@pytest.mark.shape("default")
@pytest.mark.usefixtures("histories")
def test_any_history_leaves_what_a_dict_says() -> None:
    play(Inbox, histories=HISTORIES, steps=60)
