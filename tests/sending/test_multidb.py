"""More than one database: rows go where the router writes them, whoever is told and wherever they are read from."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import connections, transaction
from django.db.backends.dummy.base import DatabaseWrapper as NoDatabase
from django.db.models.signals import post_save, pre_save
from django.test.utils import CaptureQueriesContext

from notifications import notify
from notifications.conf import get_notification_model
from notifications.inbox import tabs, thread_counts
from notifications.models import AbstractNotification
from notifications.sending import audience, batches
from notifications.signals import notified
from tests.factories import listening, make_group, make_project, make_user, make_users, rows, told

pytestmark = pytest.mark.django_db(databases=["default", "other"])

KEY = "order:17:paid"


class NotificationsElsewhere:
    """Notifications live in the other database, with the content types they name."""

    def db_for_read(self, model: type[Any], **hints: Any) -> str | None:
        return "other" if issubclass(model, AbstractNotification) else None

    db_for_write = db_for_read


class Replica:
    """The other database is a replica of the default one, and behind it."""

    def db_for_read(self, model: type[Any], **hints: Any) -> str:
        return "other"

    def db_for_write(self, model: type[Any], **hints: Any) -> str:
        return "default"

    def allow_relation(self, *objects: Any, **hints: Any) -> bool:
        return True


def in_both(count: int) -> list[Any]:
    """Return users who are known to both databases, as a constraint on the recipient wants them."""
    made = make_users(count)
    get_user_model()._base_manager.using("other").bulk_create(made)
    return list(get_user_model()._base_manager.using("default").order_by("pk"))


def users(*, using: str | None = None) -> Any:
    return get_user_model()._default_manager.using(using).filter(username__startswith="user")


@pytest.fixture
def actor() -> Any:
    project = make_project()
    for alias in ("default", "other"):
        ContentType.objects.db_manager(alias).get_for_model(project)
    return project


@pytest.fixture
def threes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a batch be of three, so that a test need not write thousands."""
    for module in (batches, audience):
        monkeypatch.setattr(module, "BATCH_SIZE", 3)


def send(actor: Any, recipient: Any, **arguments: Any) -> Any:
    [(_, answer)] = notify.send(actor, verb="closed", recipient=recipient, **arguments)
    return answer


# Users of another database


@pytest.mark.usefixtures("threes")
@pytest.mark.parametrize("key", [None, KEY], ids=["without key", "with key"])
def test_users_of_another_database_are_read_there_once_and_told_here_in_batches(
    actor: Any, key: str | None
) -> None:
    made = in_both(7)

    with (
        CaptureQueriesContext(connections["other"]) as there,
        CaptureQueriesContext(connections["default"]) as here,
    ):
        answer = send(actor, users(using="other"), idempotency_key=key)

    assert told() == sorted(user.username for user in made)
    assert (len(answer), answer.created, rows(using="other").count()) == (7, 7, 0)
    assert len(there) == 1
    assert sum(query["sql"].startswith("INSERT") for query in here) == 3


def test_nobody_is_told_twice_by_way_of_another_database(actor: Any) -> None:
    made = in_both(3)

    send(actor, made[:1], idempotency_key=KEY)
    answer = send(actor, users(using="other"), idempotency_key=KEY)

    assert (answer.created, answer.existing) == (2, 1)
    assert told() == ["user0", "user1", "user2"]


def test_nobody_in_another_database_is_nobody(actor: Any) -> None:
    make_users(2)

    answer = send(actor, users(using="other"))

    assert answer == []
    assert rows().count() == 0


def test_a_group_of_another_database_names_its_members_there(actor: Any) -> None:
    made = in_both(3)
    make_group("team", *made)
    there = Group.objects.using("other").create(name="team")
    there.user_set.add(users(using="other").get(pk=made[0].pk))

    send(actor, there)

    assert told() == [made[0].username]


def test_one_who_was_loaded_from_another_database_is_told_here(actor: Any) -> None:
    made = in_both(2)

    send(actor, users(using="other").get(pk=made[0].pk))
    send(actor, list(users(using="other")))

    assert rows().count() == 3
    assert rows(using="other").count() == 0


def test_an_actor_of_another_database_is_named_by_the_content_type_of_this_one(actor: Any) -> None:
    there = type(actor).objects.using("other").create(name="elsewhere")
    user = make_user()

    [row] = send(there, user)

    assert row.actor_content_type == ContentType.objects.db_manager("default").get_for_model(actor)
    assert row.actor_object_id == str(there.pk)


def test_rows_that_save_themselves_do_so_here(actor: Any) -> None:
    in_both(3)

    with listening(pre_save, get_notification_model()) as heard:
        send(actor, users(using="other"))

    assert [each["using"] for each in heard] == ["default"] * 3
    assert rows().count() == 3


# Rows in another database


@pytest.fixture
def elsewhere(settings: Any) -> None:
    settings.DATABASE_ROUTERS = ["tests.sending.test_multidb.NotificationsElsewhere"]


@pytest.mark.usefixtures("elsewhere", "threes")
@pytest.mark.parametrize(
    ("recipient", "count"),
    [
        (lambda made: made[0], 1),
        (lambda made: made, 4),
        (lambda made: (user.pk for user in made), 4),
        (lambda made: users(), 4),
        (lambda made: users(using="default"), 4),
        (lambda made: users(using="other"), 4),
        (lambda made: make_group("all", *made), 4),
    ],
    ids=["user", "list", "iterator of pks", "queryset", "queryset of here", "queryset of there", "group"],
)
@pytest.mark.parametrize("key", [None, KEY], ids=["without key", "with key"])
def test_rows_go_where_the_router_writes_them(
    actor: Any, recipient: Callable[[Any], Any], count: int, key: str | None
) -> None:
    made = in_both(4)

    def again() -> Any:
        Group.objects.all().delete()
        return send(actor, recipient(made), idempotency_key=key)

    answers = [again(), again()]

    rounds = 2 if key is None else 1
    assert (rows(using="default").count(), rows(using="other").count()) == (0, count * rounds)
    assert [answer.created for answer in answers] == [count, count if key is None else 0]
    assert {row._state.db for answer in answers for row in answer} == {"other"}
    there = ContentType.objects.db_manager("other").get_for_model(actor)
    assert {row.actor_content_type_id for row in answers[0]} == {there.pk}


@pytest.mark.usefixtures("elsewhere")
def test_users_who_are_where_the_rows_are_cost_one_statement_there(actor: Any) -> None:
    in_both(4)

    with (
        CaptureQueriesContext(connections["other"]) as there,
        CaptureQueriesContext(connections["default"]) as here,
    ):
        send(actor, users(using="other"))

    assert (len(there), len(here)) == (1, 0)


@pytest.mark.usefixtures("elsewhere")
def test_a_primary_key_that_nobody_has_is_an_error_there_too(actor: Any) -> None:
    made = in_both(2)
    gone = make_user("gone")
    gone_pk = gone.pk
    gone.delete()

    with pytest.raises(ValueError, match="no user has"):
        send(actor, [*made, gone_pk])

    assert rows(using="other").count() == 0


@pytest.mark.usefixtures("elsewhere")
def test_listeners_are_told_which_database_it_was(
    actor: Any, django_capture_on_commit_callbacks: Any
) -> None:
    in_both(3)

    with (
        listening(post_save, get_notification_model()) as saved,
        listening(notified) as heard,
        django_capture_on_commit_callbacks(using="other", execute=True),
    ):
        send(actor, users(using="other"))

    assert [each["using"] for each in saved] == ["other"] * 3
    assert [(each["using"], each["audience_size"]) for each in heard] == [("other", 3)]


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.django_db(databases=["default", "other"], transaction=True)
def test_the_rows_live_and_die_with_the_transaction_of_their_own_database(actor: Any) -> None:
    made = in_both(2)

    with listening(notified) as heard:
        with transaction.atomic(using="other"):
            send(actor, made)
            assert heard == []
            transaction.set_rollback(True, using="other")
        assert (rows(using="other").count(), heard) == (0, [])

        with transaction.atomic(using="default"):
            send(actor, made)
            assert len(heard) == 1
            transaction.set_rollback(True, using="default")
        assert rows(using="other").count() == 2


# A replica


@pytest.fixture
def replica(settings: Any) -> None:
    settings.DATABASE_ROUTERS = ["tests.sending.test_multidb.Replica"]


def as_the_replica_has_it(group: Group) -> Group:
    """Return the group read from the other database, which does not know its members yet."""
    return Group.objects.using("other").create(pk=group.pk, name=group.name)


@pytest.mark.usefixtures("replica")
@pytest.mark.parametrize(
    "recipient",
    [
        lambda made: made[0],
        lambda made: made[:1],
        lambda made: [made[0].pk],
        lambda made: users(),
        lambda made: make_group("all", made[0]),
        lambda made: as_the_replica_has_it(make_group("all", made[0])),
        lambda made: users().order_by("pk")[:1],
        lambda made: users().union(users()),
        lambda made: users().union(users()).order_by("pk")[:1],
    ],
    ids=[
        "user",
        "list",
        "pk",
        "queryset",
        "group",
        "group of the replica",
        "slice",
        "union",
        "slice of union",
    ],
)
@pytest.mark.parametrize("arguments", [{}, {"fanout_chunk": 1}], ids=["whole", "in chunks"])
@pytest.mark.parametrize("app", [[], ["tests.extending"]], ids=["alone", "with an app"])
@pytest.mark.parametrize("key", [None, KEY], ids=["without key", "with key"])
def test_a_replica_that_is_behind_is_never_asked_while_sending(
    actor: Any,
    recipient: Callable[[Any], Any],
    key: str | None,
    arguments: dict[str, Any],
    app: list[str],
    settings: Any,
) -> None:
    made = [make_user("user0")]
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, *app]
    chosen = recipient(made)

    with CaptureQueriesContext(connections["other"]) as there:
        answer = send(actor, chosen, idempotency_key=key, **arguments)
        again = send(actor, chosen, idempotency_key=key, **arguments)
        assert [row.recipient_id for row in answer] == [made[0].pk]

    assert len(there) == 0
    assert (answer.created, again.created) == (1, 1 if key is None else 0)


@pytest.mark.usefixtures("replica")
def test_rows_that_save_themselves_look_for_those_that_exist_where_they_are_written(actor: Any) -> None:
    user = make_user()

    with listening(pre_save, get_notification_model()), CaptureQueriesContext(connections["other"]) as there:
        answers = [send(actor, [user.pk], idempotency_key=KEY) for _ in range(2)]

    assert [answer.created for answer in answers] == [1, 0]
    assert len(there) == 0


@pytest.mark.usefixtures("replica")
def test_a_replica_is_not_asked_either_where_an_app_changes_the_audience(actor: Any, settings: Any) -> None:
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "tests.extending"]
    user = make_user()

    with CaptureQueriesContext(connections["other"]) as there:
        send(actor, [user.pk])

    assert len(there) == 0
    assert told() == ["justquick"]


@pytest.mark.usefixtures("replica")
@pytest.mark.parametrize(
    "recipient", [users, lambda: make_group("all", *users(using="default"))], ids=["queryset", "group"]
)
def test_the_log_says_of_recipients_that_a_replica_does_not_know_who_left_them_out(
    actor: Any, recipient: Callable[[], Any], settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "tests.extending"]
    make_user("user0", is_active=False)

    with (
        caplog.at_level("INFO", logger="notifications"),
        CaptureQueriesContext(connections["other"]) as there,
    ):
        send(actor, recipient())

    assert len(there) == 0
    assert "Nobody was notified" in caplog.text
    assert "has no users" not in caplog.text


def test_the_tabs_are_counted_where_the_users_are_not(settings: Any) -> None:
    settings.DATABASE_ROUTERS = [f"{__name__}.NotificationsElsewhere"]
    [user] = make_users(1)
    request: Any = SimpleNamespace(user=user)
    assert tabs.counts_on(tabs.carrier_of([], request), request) == {
        "inbox": 0,
        "unread": 0,
        "saved": 0,
        "snoozed": 0,
        "done": 0,
        "unseen": 0,
    }


def test_the_numbers_of_threads_are_read_without_a_default_database(settings: Any, actor: Any) -> None:
    """Django lets a site leave it empty. The statement was written for it, whatever the database of the rows is."""
    in_both(2)
    settings.DATABASE_ROUTERS = [NotificationsElsewhere()]
    send(actor, users())
    default = connections["default"]
    connections["default"] = NoDatabase({"ENGINE": ""}, "default")
    try:
        numbers, _ = thread_counts.count(rows(using="other"), None, key="timestamp", descending=True)
    finally:
        connections["default"] = default
    assert [each.count for each in numbers.values()] == [1, 1]
