"""The cached counts are right whatever wrote the rows, and nobody waits for them."""

from __future__ import annotations

import math
import pickle
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import ANY
from uuid import UUID

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.fields import GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, connections, models, transaction
from django.db.models import Value
from django.db.models.signals import post_save
from django.test.utils import isolate_apps
from django.utils import timezone

from notifications import notify
from notifications.conf import get_notification_model
from notifications.models import InboxState
from notifications.signals import read_state_changed
from notifications.storage import cascades, changes, counts
from notifications.storage.cascades import models_with_cascades
from notifications.storage.count_cache import count_cache
from notifications.storage.counts import unread_count
from tests.contrib.routers import EmptyReplica
from tests.factories import listening, make_group, make_notification, make_user, make_users, rows
from tests.testapp.models import Watched
from tests.waiting import wait_for_event

# Where something is cached there must have been a commit.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _five_minutes(settings: Any) -> None:
    settings.NOTIFICATIONS = {"CACHE_TIMEOUT": 300}


def cached_count(user: Any, name: str = "unread", using: str = "default") -> Any:
    """Return what the cache has, without its generation."""
    value = cache.get(changes.cache_key(user.pk, name, using=using))
    return value and value[1]


# A cache in the database


@pytest.fixture
def table(settings: Any, transactional_db: None) -> Iterator[None]:
    """Keep the cache in a table of the database."""
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cached"}
    }
    call_command("createcachetable")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE cached")


@pytest.mark.usefixtures("table")
def test_in_a_transaction_a_cache_in_the_database_is_not_touched(justquick: Any, settings: Any) -> None:
    other = make_user("brosner")
    assert unread_count(justquick) == 0
    assert cached_count(justquick) == 0
    with transaction.atomic():
        # Another user's count, in a transaction that has changed nothing: a page with ATOMIC_REQUESTS.
        assert unread_count(other) == 0
        assert cached_count(other) is None
        make_notification(justquick)
        notify.send(other, verb="closed", recipient=make_group("all", other))
        assert cached_count(justquick) == 0
        assert unread_count(justquick) == 1
    assert cached_count(justquick) is None
    assert (unread_count(justquick), unread_count(other)) == (1, 1)
    transaction.set_autocommit(False)
    try:
        justquick.notifications.mark_all_as_read()
        assert cached_count(justquick) == 1
        assert unread_count(justquick) == 0
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert unread_count(justquick) == 0
    assert cached_count(justquick) == 0


@pytest.mark.usefixtures("table")
@pytest.mark.backend("postgres", "mariadb")
def test_two_transactions_that_cross_do_not_wait_for_a_cache_in_the_database() -> None:
    one, other = make_users(2)
    groups = [make_group("one", one), make_group("other", other)]
    for user in (one, other):
        assert unread_count(user) == 0
    turn, done = threading.Event(), threading.Event()

    def cross() -> None:
        try:
            with transaction.atomic():
                notify.send(other, verb="closed", recipient=groups[1])
                unread_count(one)
                one.notifications.mark_all_as_read()
            turn.set()
        finally:
            connections.close_all()
            done.set()

    thread = threading.Thread(target=cross)
    with transaction.atomic():
        notify.send(one, verb="closed", recipient=groups[0])
        unread_count(other)
        thread.start()
        # It ends while this transaction is open.
        wait_for_event(done, "the other transaction")
        other.notifications.mark_all_as_read()
    thread.join()
    assert turn.is_set()
    assert (unread_count(one), unread_count(other)) == (1, 0)


@pytest.mark.django_db(databases=["default", "other"], transaction=True)
def test_rows_in_another_database_do_not_lock_the_cache_in_this_one(
    justquick: Any, settings: Any, table: None
) -> None:
    assert unread_count(justquick) == 0
    with transaction.atomic():
        changes.drop_counts([justquick.pk], using="default")
        changes.drop_counts([justquick.pk], using="other")
        assert cached_count(justquick) == 0
    assert cached_count(justquick) is None


# Whose count it is


@pytest.mark.django_db(databases=["default", "other"], transaction=True)
def test_a_user_of_another_database_has_another_count(justquick: Any) -> None:
    make_notification(justquick)
    get_user_model()._base_manager.using("other").bulk_create([justquick])
    elsewhere = get_user_model()._base_manager.using("other").get(pk=justquick.pk)
    here = get_user_model()._base_manager.using("default").get(pk=justquick.pk)
    assert [unread_count(user) for user in (here, elsewhere) * 2] == [1, 0] * 2
    assert [cached_count(here, using=using) for using in ("default", "other")] == [1, 0]
    here.notifications.mark_all_as_read()
    assert [cached_count(here, using=using) for using in ("default", "other")] == [None, 0]


def test_a_send_to_a_few_forgets_a_few(justquick: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    others = make_users(2)
    everybody = [justquick, *others]
    users = get_user_model()._base_manager.filter(pk__in=[user.pk for user in others])
    for recipient in (make_group("others", *others), users, iter(others), [user.pk for user in others]):
        for user in everybody:
            unread_count(user)
        notify.send(justquick, verb="closed", recipient=recipient)
        assert [cached_count(user) is None for user in everybody] == [False, True, True], recipient
    monkeypatch.setattr(changes, "MAX_DROPPED_KEYS", 1)
    before = cache.get(changes.generation_key("default"))
    notify.send(justquick, verb="closed", recipient=users)
    assert cache.get(changes.generation_key("default")) != before


# Changes that no method of this package makes


def moved(user: Any, other: Any) -> dict[str, Callable[[], Any]]:
    """Return ways to give a user's only row to another user."""

    def save() -> None:
        row = user.notifications.get()
        row.recipient = other
        row.save()

    def bulk_update() -> None:
        row = user.notifications.get()
        row.recipient = other
        rows().bulk_update([row], ["recipient"])

    def deferred() -> Any:
        row = pickle.loads(pickle.dumps(rows().only("verb").get()))  # noqa: S301 - ours
        row.recipient = other
        return row

    def refreshed() -> None:
        row = rows().only("verb").get()
        assert row.recipient == user
        row.recipient = other
        row.save()

    def rolled_back() -> None:
        row = user.notifications.get()
        row.recipient = other
        with transaction.atomic():
            row.save()
            transaction.set_rollback(True)
        assert user.notifications.exists()
        unread_count(user)
        row.save()

    def verb_first() -> None:
        row = user.notifications.get()
        row.recipient = other
        row.save(update_fields=["verb"])
        unread_count(user)
        row.save()

    def back_and_forth() -> None:
        row = user.notifications.get()
        row.recipient = other
        rows().bulk_update([row], ["recipient"])
        unread_count(other)
        row.recipient = user
        row.save()
        assert (unread_count(user), unread_count(other)) == (1, 0)
        rows().update(recipient=other)

    def after_bulk_create() -> None:
        user.notifications.all().delete()
        [row] = rows().bulk_create([get_notification_model()(actor=user, recipient=user, verb="closed")])
        unread_count(user)
        row.recipient = other
        row.save()

    def bulk_create() -> None:
        row = rows().defer("recipient").get()
        row.recipient = other
        has_target = connection.features.supports_update_conflicts_with_target
        target = ["pk"] if has_target else None
        rows().bulk_create([row], update_conflicts=True, unique_fields=target, update_fields=["recipient"])

    return {
        "update": lambda: user.notifications.update(recipient=other),
        "update of a key": lambda: rows().filter(recipient=user).update(recipient_id=other.pk),
        "update of the user's": lambda: user.notifications.update(recipient_id=other.pk),
        "update to an expression": lambda: user.notifications.update(recipient=Value(other.pk)),
        "save": save,
        "bulk_update": bulk_update,
        "save of a deferred": lambda: deferred().save(),
        "bulk_update of a deferred": lambda: user.notifications.bulk_update([deferred()], ["recipient"]),
        "save of one that was loaded later": refreshed,
        "save after a rollback": rolled_back,
        "save after one of other columns": verb_first,
        "save after bulk_update": back_and_forth,
        "save after bulk_create": after_bulk_create,
        "bulk_create": bulk_create,
        "add": lambda: other.notifications.add(user.notifications.get()),
    }


#: The names of these ways.
WAYS = (
    "update", "update of a key", "update of the user's", "update to an expression", "save", "bulk_update",
    "save of a deferred", "bulk_update of a deferred", "save of one that was loaded later", "save after a rollback",
    "save after one of other columns", "save after bulk_update", "save after bulk_create", "bulk_create", "add",
)  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_row_that_gets_another_recipient_changes_both_counts(justquick: Any, way: str) -> None:
    brosner = make_user("brosner")
    make_notification(justquick)
    assert (unread_count(justquick), unread_count(brosner)) == (1, 0)
    # As it happens where a site makes a model later on.
    apps.clear_cache()
    ways = moved(justquick, brosner)
    assert tuple(ways) == WAYS
    ways[way]()
    assert (unread_count(justquick), unread_count(brosner)) == (0, 1)


def spelled(user: Any) -> str:
    """Return the primary key of a user as a site may have it from a request, and as none is loaded."""
    return user.pk.hex.upper() if isinstance(user.pk, UUID) else f"0{user.pk}"


SPELLED: dict[str, Callable[[Any, str], Any]] = {
    "verb": lambda user, key: rows().mark_all_as_read(recipient=key),
    "update": lambda user, key: make_notification(make_user("other")) and rows().update(recipient=key),
    "update of the user's": lambda user, key: make_notification(
        make_user("other")
    ).recipient.notifications.update(recipient_id=key),
    "create": lambda user, key: rows().create(actor=user, recipient_id=key, verb="closed"),
    "bulk_create": lambda user, key: rows().bulk_create(
        [get_notification_model()(actor=user, recipient_id=key, verb="closed")]
    ),
}


@pytest.mark.parametrize("way", SPELLED)
def test_a_user_whose_key_is_in_another_spelling_is_counted_again(justquick: Any, way: str) -> None:
    make_notification(justquick)
    assert unread_count(justquick) == 1
    with listening(read_state_changed) as heard:
        SPELLED[way](justquick, spelled(justquick))
    assert unread_count(justquick) == justquick.notifications.unread().count()
    assert {call["recipient_id"] for call in heard} <= {justquick.pk, None}


def test_a_row_that_is_deleted_with_another_recipient_is_not_counted_for_its_own(justquick: Any) -> None:
    for number, found in enumerate((rows(), rows().defer("recipient"))):
        make_notification(justquick)
        assert unread_count(justquick) == 1
        row = found.get()
        row.recipient = make_user(f"other {number}")
        row.delete()
        assert unread_count(justquick) == 0


def test_a_base_manager_that_a_site_names_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    meta = get_notification_model()._meta
    monkeypatch.setattr(meta, "base_manager_name", "objects")
    monkeypatch.delitem(vars(meta), "base_manager", raising=False)
    assert meta.base_manager is meta.managers_map["objects"]
    del vars(meta)["base_manager"]


def test_models_whose_deletion_deletes_rows_are_found() -> None:
    assert set(models_with_cascades(get_notification_model())) >= {Watched}
    assert list(models_with_cascades(InboxState)) == []
    # By a foreign key.
    assert list(models_with_cascades(Permission)) == [ContentType]


def test_models_that_delete_rows_of_a_proxy_or_of_an_inheriting_model_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with isolate_apps("tests.testapp") as isolated:

        class Owner(models.Model):
            class Meta:
                app_label = "testapp"

        class Row(models.Model):
            class Meta:
                app_label = "testapp"

        class RowProxy(Row):
            class Meta:
                app_label = "testapp"
                proxy = True

        class OwnedRow(Row):
            owner = models.ForeignKey(Owner, models.CASCADE)

            class Meta:
                app_label = "testapp"

        class Taker(models.Model):
            rows = GenericRelation(RowProxy)

            class Meta:
                app_label = "testapp"

    monkeypatch.setattr(cascades, "apps", isolated)
    assert list(cascades.models_with_cascades(Row)) == [Owner, Taker]
    assert list(cascades.models_with_cascades(OwnedRow)) == [Row, Owner]


def test_a_row_whose_recipient_was_not_loaded_is_saved(justquick: Any) -> None:
    make_notification(justquick)
    row = rows().only("verb").get()
    row.verb = "reopened"
    row.save(update_fields=["verb"])
    assert unread_count(justquick) == 1


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
@pytest.mark.parametrize("timeout", [0, 300])
def test_what_a_replica_does_not_know_yet_is_counted(justquick: Any, settings: Any, timeout: int) -> None:
    settings.NOTIFICATIONS = {"CACHE_TIMEOUT": timeout}
    settings.DATABASE_ROUTERS = [EmptyReplica(get_notification_model()._meta.app_label)]
    make_notification(justquick)
    assert (unread_count(justquick), counts.unseen_count(justquick)) == (1, 1)


@pytest.mark.parametrize("is_loaded", [True, False])
def test_a_row_that_is_stored_before_a_receiver_fails_is_counted(justquick: Any, is_loaded: bool) -> None:
    def fail(**kwargs: Any) -> None:
        raise ZeroDivisionError

    row = make_notification(justquick)
    row = row if is_loaded else rows().only("unread").get()
    assert unread_count(justquick) == 1
    row.unread = False
    with listening(post_save, before=fail), pytest.raises(ZeroDivisionError):
        row.save()
    assert unread_count(justquick) == 0

    with listening(post_save, before=fail), pytest.raises(ZeroDivisionError):
        rows().create(recipient=justquick, actor=justquick, verb="closed")
    assert unread_count(justquick) == 1


def test_the_deletion_of_an_object_that_takes_its_rows_along_drops_the_counts(justquick: Any) -> None:
    watched = Watched.objects.create()
    make_notification(justquick, target=watched)
    make_notification(justquick)
    assert unread_count(justquick) == 2
    with transaction.atomic():
        Watched.objects.create().delete()
        watched.delete()
    assert unread_count(justquick) == 1


def test_a_row_that_is_due_is_counted_when_it_is(justquick: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    make_notification(justquick).snooze(timezone.now() + timedelta(seconds=90))
    timeouts: list[Any] = []
    monkeypatch.setattr(count_cache, "set", lambda values, timeout: timeouts.append(timeout))
    assert unread_count(justquick) == 0
    # The generation, and the count.
    assert timeouts == [None, ANY]
    assert 0 < timeouts[1] < 90


@pytest.mark.parametrize(("before", "seconds"), [(2.5, 2), (0.5, 0), (0, math.inf)])
def test_a_count_is_cached_until_the_next_row_is_due(
    justquick: Any, monkeypatch: pytest.MonkeyPatch, before: float, seconds: float
) -> None:
    due = timezone.now() + timedelta(hours=1)
    make_notification(justquick).snooze(due)
    timeouts: list[Any] = []
    monkeypatch.setattr(count_cache, "set", lambda values, timeout: timeouts.append(timeout))
    monkeypatch.setattr(timezone, "now", lambda: due - timedelta(seconds=before))
    assert counts.seconds_until_next(justquick, "default") == seconds
    assert unread_count(justquick) == int(before == 0)
    # The generation, and the count, unless that is right for less than a second.
    assert timeouts == ([None, ANY if before == 0 else seconds] if seconds else [None])
