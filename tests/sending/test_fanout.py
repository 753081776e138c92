"""An event becomes rows: in one statement where that can be, else in batches; once for each recipient; all or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, connection, transaction
from django.db.models.signals import post_init, post_save, pre_init, pre_save
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifications import notify
from notifications.conf import get_notification_model
from notifications.events import event_uuid
from notifications.sending import audience, batches, prototype
from notifications.sending.audience import BATCH_SIZE
from notifications.signals import notified
from tests.factories import at_once, listening, make_group, make_project, make_user, make_users, rows, told

pytestmark = pytest.mark.django_db

KEY = "order:17:paid"


@pytest.fixture
def actor() -> Any:
    """A project, so that no user is in the way. Its content type, looked up once in a process, is known."""
    project = make_project()
    ContentType.objects.get_for_model(project)
    return project


@pytest.fixture
def threes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a batch be of three, so that a test need not write thousands."""
    for module in (batches, audience):
        monkeypatch.setattr(module, "BATCH_SIZE", 3)


def users() -> Any:
    return get_user_model()._default_manager.all()


def send(actor: Any, recipient: Any, **arguments: Any) -> Any:
    [(_, answer)] = notify.send(actor, verb="closed", recipient=recipient, **arguments)
    return answer


def gone_key() -> Any:
    """Return a primary key that no user has any more."""
    gone = make_user("gone")
    key = gone.pk
    gone.delete()
    return key


@contextmanager
def watching(before: Callable[[str], object]) -> Iterator[None]:
    """Call ``before(sql)`` before each statement on the default database."""

    def wrapper(execute: Any, sql: str, *arguments: Any) -> Any:
        before(sql)
        return execute(sql, *arguments)

    with connection.execute_wrapper(wrapper):
        yield


# One statement


@pytest.mark.parametrize(
    ("recipient", "queries"),
    [
        (lambda made: made[0], 1),
        (lambda made: made[:1], 1),
        (lambda made: [made[0].pk], 1),
        (lambda made: iter(made[:1]), 1),
        (lambda made: make_group("all", *made), 1),
        (lambda made: users(), 1),
        (lambda made: users().order_by("username")[:2], 1),
        (lambda made: users().filter(username="user0").union(users().filter(username="user1")), 1),
        (lambda made: users().none(), 0),
        (lambda made: [], 0),
        (lambda made: made, 3),
        (tuple, 3),
        (lambda made: (user for user in made), 3),
        (lambda made: [user.pk for user in made], 3),
    ],
    ids=[
        "user", "list of one", "pk", "iterator of one", "group", "queryset", "slice", "union", "none", "empty list",
        "list", "tuple", "generator", "pks",
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", [None, KEY], ids=["without key", "with key"])
@pytest.mark.without_extensions
def test_one_statement_tells_everybody_and_a_list_has_a_savepoint_about_it(
    actor: Any, recipient: Callable[[Any], Any], queries: int, key: str | None
) -> None:
    chosen = recipient(make_users(3))

    with CaptureQueriesContext(connection) as captured:
        send(actor, chosen, idempotency_key=key)

    # A key is looked up first: that of another event is a mistake.
    assert len(captured) == queries + (key is not None)
    inserts = [query["sql"] for query in captured if query["sql"].startswith("INSERT")]
    assert len(inserts) == min(queries, 1)


def test_the_cost_of_a_queryset_does_not_depend_on_how_many_are_in_it(
    actor: Any, django_assert_num_queries: Any
) -> None:
    make_users(BATCH_SIZE * 2 + 1)

    with django_assert_num_queries(1):
        answer = send(actor, users())

    assert len(answer) == BATCH_SIZE * 2 + 1


def test_the_statement_takes_what_is_in_the_row_as_values_and_never_as_sql(actor: Any) -> None:
    user = make_user()
    odd = "%s %(x)s {} '; DROP TABLE x; -- \\ \" ` \U0001f600"

    send(actor, users(), description=odd, text=odd, level="error")

    row = rows().get()
    assert (row.description, row.data, row.level, row.recipient) == (odd, {"text": odd}, "error", user)


@pytest.mark.without_extensions
def test_the_content_type_is_looked_up_once(actor: Any, django_assert_num_queries: Any) -> None:
    user = make_user()
    ContentType.objects.clear_cache()

    with django_assert_num_queries(2):
        send(actor, user)
    with django_assert_num_queries(1):
        send(actor, user)


# Once for each recipient


@pytest.mark.parametrize(
    "recipient", [list, lambda made: users(), iter], ids=["list", "queryset", "iterator"]
)
def test_the_same_key_is_the_same_event_and_told_once(actor: Any, recipient: Callable[[Any], Any]) -> None:
    made = make_users(3)

    first = send(actor, recipient(made), idempotency_key=KEY)
    before = list(rows().order_by("pk").values())
    second = send(actor, recipient(made), idempotency_key=KEY, description="another")

    assert (first.created, first.existing) == (3, 0)
    assert (second.created, second.existing, len(second)) == (0, 3, 3)
    assert list(rows().order_by("pk").values()) == before
    assert {row["event"] for row in before} == {event_uuid(KEY)}
    assert event_uuid(KEY).version == 5


@pytest.mark.parametrize(
    ("recipient", "queries"),
    [(lambda made: made[0], 3), (lambda made: made, 5), (lambda made: users(), 2)],
    ids=["user", "list", "queryset"],
)
@pytest.mark.without_extensions
def test_what_was_sent_under_a_key_costs_no_more_than_a_look_whether_it_and_they_exist(
    actor: Any, django_assert_num_queries: Any, recipient: Callable[[Any], Any], queries: int
) -> None:
    chosen = recipient(make_users(3))
    send(actor, chosen, idempotency_key=KEY)

    with django_assert_num_queries(queries):
        assert send(actor, chosen, idempotency_key=KEY).created == 0


def test_a_key_tells_those_who_were_not_told_before(actor: Any) -> None:
    made = make_users(5)

    send(actor, made[:2], idempotency_key=KEY)
    answer = send(actor, made, idempotency_key=KEY)
    third = send(actor, users(), idempotency_key=KEY)

    assert (answer.created, answer.existing) == (3, 2)
    assert (third.created, third.existing) == (0, 5)
    assert told() == ["user0", "user1", "user2", "user3", "user4"]


def test_another_key_is_another_event(actor: Any) -> None:
    user = make_user()

    send(actor, user, idempotency_key=KEY)
    send(actor, user, idempotency_key="order:18:paid")

    assert rows().count() == 2


def test_without_a_key_every_send_is_an_event_of_its_own(actor: Any) -> None:
    user = make_user()

    send(actor, user)
    send(actor, user)

    assert rows().values("event").distinct().count() == 2


def test_rows_without_an_event_stand_in_no_ones_way(actor: Any) -> None:
    """Those of an older package have none, and may be many for one recipient."""
    user = make_user()
    rows().create(recipient=user, actor=actor, verb="closed", event=None)
    rows().create(recipient=user, actor=actor, verb="closed", event=None)

    send(actor, user)

    assert rows().count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_conflict_over_anything_else_is_an_error(actor: Any) -> None:
    """Only one over (event, recipient) is passed over; on MariaDB this rules out INSERT IGNORE."""
    user = make_user()
    table = connection.ops.quote_name(get_notification_model()._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE UNIQUE INDEX only_one_verb ON {table} (verb)")
    try:
        send(actor, user, idempotency_key=KEY)
        for recipient in (user, [user, make_user("other")], users()):
            with pytest.raises(IntegrityError):
                send(actor, recipient, idempotency_key="another")
        assert rows().count() == 1
    finally:
        with connection.cursor() as cursor:
            cursor.execute(
                f"DROP INDEX only_one_verb{f' ON {table}' if connection.vendor == 'mysql' else ''}"
            )


# Batches


@pytest.mark.usefixtures("threes")
@pytest.mark.parametrize(("count", "queries"), [(2, 3), (3, 3), (4, 4), (6, 4), (7, 5), (20, 9)])
@pytest.mark.without_extensions
def test_a_list_costs_one_statement_for_each_batch(
    actor: Any, django_assert_num_queries: Any, count: int, queries: int
) -> None:
    made = make_users(count)

    with django_assert_num_queries(queries):
        answer = send(actor, made)

    assert len(answer) == answer.created == count
    assert rows().count() == count


@pytest.mark.usefixtures("threes")
def test_an_iterator_is_read_no_further_than_one_batch_ahead(actor: Any) -> None:
    """So that an iterator of a million users never becomes a list."""
    made = make_users(20)
    read = 0
    read_at_insert: list[int] = []

    def one_by_one() -> Iterator[Any]:
        nonlocal read
        for user in made:
            read += 1
            yield user

    def note(sql: str) -> None:
        if sql.startswith("INSERT"):
            read_at_insert.append(read)

    with watching(note):
        answer = send(actor, one_by_one())

    assert read_at_insert == [6, 6, 9, 12, 15, 18, 20]
    assert len(answer) == rows().count() == 20


def test_more_than_one_batch_is_told_in_full(actor: Any) -> None:
    made = make_users(BATCH_SIZE * 2 + 1)

    answer = send(actor, (user.pk for user in made))

    assert len(answer) == BATCH_SIZE * 2 + 1
    assert rows().values("recipient").distinct().count() == BATCH_SIZE * 2 + 1


@pytest.mark.usefixtures("threes")
@pytest.mark.parametrize("key", [None, KEY], ids=["without key", "with key"])
def test_a_user_who_is_named_again_in_a_later_batch_is_told_once(actor: Any, key: str | None) -> None:
    made = make_users(4)

    answer = send(
        actor, [made[0], made[1], made[0], made[0], made[2], made[1], made[3]] * 3, idempotency_key=key
    )

    assert told() == ["user0", "user1", "user2", "user3"]
    assert (len(answer), answer.created) == (4, 4)


@pytest.mark.usefixtures("threes")
@pytest.mark.parametrize("wrap", [list, iter], ids=["list", "iterator"])
@pytest.mark.parametrize("place", [0, 2, 3, 7, 9])
def test_a_primary_key_that_nobody_has_is_an_error_and_nobody_is_told(
    actor: Any, wrap: Callable[[Any], Any], place: int
) -> None:
    missing = gone_key()
    named = [user.pk for user in make_users(9)]
    named.insert(place, missing)

    with (
        listening(notified) as heard,
        pytest.raises(ValueError, match="recipient holds 1 primary key") as caught,
    ):
        send(actor, wrap(named))

    assert repr(missing) in str(caught.value)
    assert (rows().count(), heard) == (0, [])


@pytest.mark.usefixtures("threes")
@pytest.mark.parametrize("wrap", [list, iter], ids=["list", "iterator"])
def test_nobody_is_told_also_when_the_first_batch_is_one_user_over_and_over(
    actor: Any, wrap: Callable[[Any], Any]
) -> None:
    user, missing = make_user(), gone_key()

    with pytest.raises(ValueError, match="no user has"):
        send(actor, wrap([user.pk, user.pk, user.pk, missing]))

    assert rows().count() == 0


@pytest.mark.usefixtures("threes")
def test_an_iterator_that_breaks_off_tells_nobody(actor: Any) -> None:
    made = make_users(8)

    def broken() -> Iterator[Any]:
        yield from made
        raise RuntimeError("the source broke off")

    with pytest.raises(RuntimeError, match="broke off"):
        send(actor, broken())
    with pytest.raises(TypeError, match="recipient holds None"):
        send(actor, iter([*made, None]))

    assert rows().count() == 0


def test_the_error_names_a_few_of_many_missing_keys(actor: Any) -> None:
    keys = [user.pk for user in make_users(7)]
    users().delete()

    with pytest.raises(ValueError, match="recipient holds 7 primary keys that no user has") as caught:
        send(actor, keys)

    assert f": {', '.join(map(repr, keys[:5]))}." in str(caught.value)


def test_an_error_about_recipients_leaves_the_callers_transaction_usable(actor: Any) -> None:
    made, missing = make_users(2), gone_key()

    with pytest.raises(ValueError, match="no user has"):
        send(actor, [*made, missing])
    send(actor, made)

    assert told() == ["user0", "user1"]


# What listens to the rows


def test_each_row_is_told_to_listeners_after_the_save_as_hq_did(
    actor: Any, django_assert_num_queries: Any
) -> None:
    made = make_users(3)
    model = get_notification_model()

    with listening(post_save, model) as heard, django_assert_num_queries(2):
        answer = send(actor, users())

    assert [each["instance"] for each in heard] == list(rows().order_by("pk")) == list(answer)
    assert {each["instance"].recipient_id for each in heard} == {user.pk for user in made}
    assert all(each["instance"].verb == "closed" and each["instance"].pk for each in heard)
    assert [
        (each["sender"], each["created"], each["raw"], each["using"], each["update_fields"]) for each in heard
    ] == [(model, True, False, "default", None)] * 3


@pytest.mark.parametrize("recipient", [list, lambda made: users()], ids=["list", "queryset"])
def test_with_a_key_listeners_hear_of_the_new_rows_only(actor: Any, recipient: Callable[[Any], Any]) -> None:
    made = make_users(3)
    send(actor, made[:1], idempotency_key=KEY)

    with listening(post_save, get_notification_model()) as heard:
        send(actor, recipient(made), idempotency_key=KEY)
        send(actor, recipient(made), idempotency_key=KEY)

    assert sorted(each["instance"].recipient.username for each in heard) == ["user1", "user2"]


@pytest.mark.parametrize(
    "recipient", [list, iter, lambda made: users(), lambda made: make_group("all", *made)],
    ids=["list", "iterator", "queryset", "group"],
)  # fmt: skip
@pytest.mark.parametrize("key", [None, KEY], ids=["without key", "with key"])
def test_a_listener_before_the_save_may_change_each_row(
    actor: Any, recipient: Callable[[Any], Any], key: str | None
) -> None:
    made = make_users(3)
    model = get_notification_model()

    def number(instance: Any, **_: Any) -> None:
        instance.description = f"for {instance.recipient.username}"

    with listening(pre_save, model, before=number) as before, listening(post_save, model) as after:
        answer = send(actor, recipient(made), idempotency_key=key)

    assert sorted(row.description for row in rows()) == ["for user0", "for user1", "for user2"]
    assert len(before) == len(after) == len(answer) == 3
    assert all(each["created"] for each in after)


def test_a_listener_that_raises_before_a_save_leaves_no_row(actor: Any) -> None:
    make_users(3)
    saved: list[Any] = []

    def fail_at_the_last(instance: Any, **_: Any) -> None:
        saved.append(instance)
        if len(saved) == 3:
            raise RuntimeError("a listener of the site")

    listener = listening(pre_save, get_notification_model(), before=fail_at_the_last)
    with listener, pytest.raises(RuntimeError, match="a listener of the site"):
        send(actor, users())

    assert rows().count() == 0


def test_with_nobody_listening_no_row_is_loaded(actor: Any) -> None:
    make_users(3)

    with CaptureQueriesContext(connection) as captured:
        send(actor, users())

    assert [query["sql"].split()[0] for query in captured] == ["INSERT"]


# The models of a site


@pytest.mark.shape("swapped")
class TestTheModelsOfASite:
    @pytest.fixture(params=["list", "iterator", "queryset"])
    def recipient(self, request: pytest.FixtureRequest) -> Any:
        made = make_users(3)
        return {"list": made, "iterator": iter(made), "queryset": users()}[request.param]

    @pytest.mark.parametrize("model", ["Tokened", "Stamped", "SelfMade"])
    def test_a_value_that_is_made_for_each_row_is_made_for_each_row(
        self, actor: Any, settings: Any, recipient: Any, model: str
    ) -> None:
        settings.NOTIFICATIONS_NOTIFICATION_MODEL = f"variants.{model}"

        send(actor, recipient)

        assert len({row.token for row in rows()}) == 3

    def test_one_that_saves_in_its_own_way_further_down_saves_each_row(
        self, actor: Any, settings: Any, recipient: Any
    ) -> None:
        settings.NOTIFICATIONS_NOTIFICATION_MODEL = "variants.SavesBase"

        send(actor, recipient)

        assert {row.description for row in rows()} == {f"saved for {row.recipient_id}" for row in rows()}

    @pytest.mark.parametrize("signal", [pre_init, post_init], ids=["pre_init", "post_init"])
    def test_one_whose_rows_are_listened_to_when_they_are_made_is_made_for_each(
        self, actor: Any, recipient: Any, signal: Any
    ) -> None:
        with listening(signal, get_notification_model()) as made:
            send(actor, recipient)

        assert len(made) >= 3

    def test_a_moment_that_a_column_is_filled_with_is_the_same_for_all(self, settings: Any) -> None:
        settings.NOTIFICATIONS_NOTIFICATION_MODEL = "variants.Stamped"

        model: Any = get_notification_model()
        assert prototype.varying_fields(model) == {"token"}

    def test_one_that_overrides_save_saves_each_row(self, actor: Any, settings: Any, recipient: Any) -> None:
        settings.NOTIFICATIONS_NOTIFICATION_MODEL = "variants.SavesItself"

        answer = send(actor, recipient)

        assert len(answer) == answer.created == 3
        assert {row.description for row in answer} == {f"saved for {user.pk}" for user in users()}

    def test_one_with_a_default_that_differs_gives_each_row_its_own(
        self, actor: Any, settings: Any, recipient: Any
    ) -> None:
        settings.NOTIFICATIONS_NOTIFICATION_MODEL = "variants.Tokened"

        answer = send(actor, recipient)

        assert len({row.token for row in answer}) == 3

    def test_a_value_for_all_in_such_a_column_is_written_in_one_statement(
        self, actor: Any, settings: Any, django_assert_num_queries: Any
    ) -> None:
        settings.NOTIFICATIONS_NOTIFICATION_MODEL = "variants.Tokened"
        make_users(3)

        with django_assert_num_queries(1):
            answer = send(actor, users(), token=UUID(int=7))

        assert [row.token for row in answer] == [UUID(int=7)] * 3

    def test_one_with_a_unique_column_is_written_where_the_rows_leave_it_empty(
        self, actor: Any, settings: Any, recipient: Any
    ) -> None:
        settings.NOTIFICATIONS_NOTIFICATION_MODEL = "variants.Ticketed"

        assert [row.ticket for row in send(actor, recipient)] == [None] * 3

    @pytest.mark.parametrize("key", [None, KEY], ids=["without key", "with key"])
    def test_a_value_that_only_one_row_may_have_is_the_databases_error_and_nobody_is_told(
        self, actor: Any, settings: Any, recipient: Any, key: str | None
    ) -> None:
        settings.NOTIFICATIONS_NOTIFICATION_MODEL = "variants.Ticketed"

        with pytest.raises(IntegrityError), transaction.atomic():
            send(actor, recipient, ticket=7, idempotency_key=key)

        assert rows().count() == 0

    def test_one_with_keys_of_its_own_makes_them(self, actor: Any, settings: Any, recipient: Any) -> None:
        settings.NOTIFICATIONS_NOTIFICATION_MODEL = "variants.UuidKeyed"

        assert len({row.pk for row in send(actor, recipient)}) == 3

    def test_the_child_of_a_multi_table_parent_is_written_with_its_parent(
        self, actor: Any, settings: Any, recipient: Any
    ) -> None:
        settings.NOTIFICATIONS_NOTIFICATION_MODEL = "swapped.Child"

        answer = send(actor, recipient, urgent=True)

        assert [(row.note, row.urgent, row.verb) for row in answer] == [("a child", True, "closed")] * 3

    @pytest.mark.parametrize(
        "model", ["swapped.Child", "variants.SavesItself", "variants.Tokened", "variants.Columned"]
    )
    @pytest.mark.parametrize("wrap", [list, lambda made: users()], ids=["list", "queryset"])
    def test_a_key_is_told_once_by_each_of_them(
        self, actor: Any, settings: Any, model: str, wrap: Callable[[Any], Any]
    ) -> None:
        settings.NOTIFICATIONS_NOTIFICATION_MODEL = model
        made = make_users(3)

        answers = [
            send(actor, recipient, idempotency_key=KEY) for recipient in (made[:1], wrap(made), wrap(made))
        ]

        assert [(answer.created, len(answer)) for answer in answers] == [(1, 3), (2, 3), (0, 3)]
        assert rows().count() == 3

    def test_columns_of_the_database_and_computed_ones_are_left_to_it(
        self, actor: Any, settings: Any, django_assert_num_queries: Any
    ) -> None:
        settings.NOTIFICATIONS_NOTIFICATION_MODEL = "variants.Columned"
        make_users(3)

        with django_assert_num_queries(1):
            answer = send(actor, users())

        assert [(row.priority, row.shout, row.project) for row in answer] == [(3, "CLOSED", None)] * 3

    def test_a_foreign_key_and_a_column_with_a_default_of_the_database_can_be_set(
        self, actor: Any, settings: Any
    ) -> None:
        settings.NOTIFICATIONS_NOTIFICATION_MODEL = "variants.Columned"
        make_users(3)

        answer = send(actor, users(), project=actor, priority=5)

        assert [(row.priority, row.project, row.data) for row in answer] == [(5, actor, None)] * 3

    def test_a_foreign_key_may_be_left_empty(self, actor: Any, settings: Any) -> None:
        settings.NOTIFICATIONS_NOTIFICATION_MODEL = "variants.Columned"

        assert send(actor, make_user(), project=None)[0].project is None

    def test_a_computed_column_cannot_be_set_and_is_extra_data(self, actor: Any, settings: Any) -> None:
        settings.NOTIFICATIONS_NOTIFICATION_MODEL = "variants.Columned"

        [row] = send(actor, make_user(), shout="quiet")

        assert (row.shout, row.data) == ("CLOSED", {"shout": "quiet"})

    @pytest.mark.parametrize(
        "value", [1, "activity-stream", lambda: make_user("no project")], ids=["number", "text", "user"]
    )
    def test_a_foreign_key_takes_nothing_but_a_saved_object_of_its_model(
        self, actor: Any, settings: Any, value: Any
    ) -> None:
        settings.NOTIFICATIONS_NOTIFICATION_MODEL = "variants.Columned"

        with pytest.raises(ValueError, match="project must be a saved Project"):
            send(actor, make_user(), project=value() if callable(value) else value)
        with pytest.raises(ValueError, match="project must be a saved Project"):
            send(actor, make_user("other"), project=type(actor)(name="unsaved"))

        assert rows().count() == 0

    def test_without_the_constraint_a_user_whom_a_join_finds_twice_is_told_once(
        self, actor: Any, settings: Any
    ) -> None:
        settings.NOTIFICATIONS_NOTIFICATION_MODEL = "variants.Columned"
        user = make_user()
        make_group("one", user)
        make_group("two", user)

        send(actor, users().filter(groups__isnull=False))
        send(actor, users().filter(groups__isnull=False), idempotency_key=KEY)

        assert told() == ["justquick", "justquick"]


# Two at once


@pytest.mark.parametrize("name", ["user", "list"])
def test_a_row_that_another_writes_between_the_look_and_the_write_is_passed_over(
    actor: Any, name: str
) -> None:
    """A listener makes each row save itself, so that there is a look, and a moment between."""
    made = make_users(3)
    model = get_notification_model()

    done: list[str] = []

    def before(sql: str) -> None:
        if sql.startswith("SELECT") and model._meta.db_table in sql:
            done.append("look")
        elif sql.startswith("SAVEPOINT") and done == ["look", "look"]:
            done.append("other process")
            row = model(recipient=made[0], actor=actor, verb="closed", event=event_uuid(KEY))
            model._base_manager.bulk_create([row])

    with listening(pre_save, model), watching(before):
        answer = send(actor, made[0] if name == "user" else made, idempotency_key=KEY)

    assert (answer.created, answer.existing) == ((0, 1) if name == "user" else (2, 1))
    assert told() == (["user0"] if name == "user" else ["user0", "user1", "user2"])
    # The first look is at the event, the others are at its rows; where an app has a say, one more asks whose they are.
    assert done[:4] == ["look", "look", "other process", "look"]


@pytest.mark.parametrize("does_something", [False, True], ids=["written together", "saved one by one"])
def test_a_transaction_that_never_sees_the_rows_of_another_passes_them_over_all_the_same(
    actor: Any, does_something: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under REPEATABLE READ: every look finds nothing, and every write finds the row."""
    made = make_users(3)
    model = get_notification_model()
    model._base_manager.create(recipient=made[1], actor=actor, verb="closed", event=event_uuid(KEY))
    monkeypatch.setattr(batches, "rows_are_constant", lambda *_: False)
    monkeypatch.setattr(batches, "existing_recipients", lambda *_: set())
    attempts: list[str] = []

    def before(sql: str) -> None:
        if sql.startswith("INSERT"):
            attempts.append(sql)

    with ExitStack() as stack:
        if does_something:
            stack.enter_context(listening(pre_save, model))
        with transaction.atomic(), watching(before):
            answer = send(actor, made, idempotency_key=KEY)

    assert (answer.created, answer.existing) == (2, 1)
    assert told() == ["user0", "user1", "user2"]
    assert len(attempts) <= 6


def test_a_row_that_cannot_be_written_for_another_reason_is_an_error(
    actor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_users(2)
    model = get_notification_model()
    model._base_manager.create(recipient=made[1], actor=actor, verb="closed", event=event_uuid(KEY))
    monkeypatch.setattr(batches, "rows_are_constant", lambda *_: False)
    monkeypatch.setattr(batches, "existing_recipients", lambda *_: set())

    def nothing_else(error: Any, model: Any) -> bool:
        attempts.append(error)
        return len(attempts) == 1

    attempts: list[Any] = []
    monkeypatch.setattr(batches, "is_over_event", nothing_else)

    with pytest.raises(IntegrityError), transaction.atomic():
        send(actor, made, idempotency_key=KEY)

    assert len(attempts) == 2


@pytest.mark.backend("postgres", "mariadb")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("listener", [False, True], ids=["one statement", "row by row"])
@pytest.mark.parametrize(
    "recipient",
    [lambda made: made[0], lambda made: made[::-1], lambda made: users().order_by("-pk")],
    ids=["user", "reversed list", "reversed queryset"],
)
def test_the_same_key_from_eight_threads_is_one_row_each(
    actor: Any, recipient: Callable[[Any], Any], listener: bool
) -> None:
    made = make_users(20)
    expected = 1 if recipient(made) is made[0] else 20
    model = get_notification_model()

    with listening(notified) as heard:
        if listener:
            with listening(pre_save, model):
                results = at_once(8, lambda: send(actor, recipient(made), idempotency_key=KEY).created)
        else:
            results = at_once(8, lambda: send(actor, recipient(made), idempotency_key=KEY).created)

    assert [result for result in results if not isinstance(result, int)] == []
    assert sum(results) == rows().count() == expected
    assert rows().values("recipient").distinct().count() == expected
    assert sum(each["audience_size"] for each in heard) == expected


# A huge audience, cut


@pytest.mark.parametrize(
    ("chunk_size", "queries", "steps"),
    [
        (1, 8, [(1, 3), (2, 3), (3, 3)]),
        (2, 4, [(2, 3), (3, 3)]),
        (3, 4, [(3, 3)]),
        (100, 2, [(3, 3)]),
    ],
)
def test_an_audience_may_be_cut_into_statements_of_so_many_users(
    actor: Any, django_assert_num_queries: Any, chunk_size: int, queries: int, steps: list[tuple[int, int]]
) -> None:
    make_users(3)
    seen: list[tuple[int, int | None]] = []

    with django_assert_num_queries(queries):
        answer = send(actor, users(), fanout_chunk=chunk_size)
    assert len(answer) == answer.created == 3
    assert told() == ["user0", "user1", "user2"]

    send(actor, users(), fanout_chunk=chunk_size, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == steps


def test_how_an_audience_is_cut_may_be_a_setting_of_the_site(
    actor: Any, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.NOTIFICATIONS = {"FANOUT_CHUNK": 2}
    make_users(3)

    with django_assert_num_queries(4):
        send(actor, users())
    with django_assert_num_queries(2):
        send(actor, users(), fanout_chunk=100)


@pytest.mark.parametrize(
    ("queryset", "names"),
    [
        (lambda: users().none(), []),
        (lambda: users().order_by("username")[1:4], ["user1", "user2", "user3"]),
        (
            lambda: users().filter(username="user0").union(users().filter(username="user4")),
            ["user0", "user4"],
        ),
        (lambda: users().filter(groups__name__startswith="team"), ["user0", "user1"]),
        (lambda: users().filter(groups__name__startswith="team").distinct(), ["user0", "user1"]),
        (
            lambda: users().order_by("-username").values("username", "pk"),
            [f"user{number}" for number in range(5)],
        ),
    ],
    ids=["none", "slice", "union", "join", "distinct", "values"],
)
@pytest.mark.parametrize("key", [None, KEY], ids=["without key", "with key"])
@pytest.mark.usefixtures("threes")
def test_any_audience_may_be_cut(
    actor: Any, queryset: Callable[[], Any], names: list[str], key: str | None
) -> None:
    make_users(5)
    team = users().filter(username__in=["user0", "user1"])
    make_group("team one", *team)
    make_group("team two", *team)

    answer = send(actor, queryset(), fanout_chunk=2, idempotency_key=key)

    assert told() == sorted(names)
    assert len(answer) == answer.created == len(names)


@pytest.mark.usefixtures("threes")
@pytest.mark.parametrize(("wrap", "total"), [(list, 7), (iter, None)], ids=["list", "iterator"])
def test_progress_tells_of_each_batch(actor: Any, wrap: Callable[[Any], Any], total: int | None) -> None:
    seen: list[tuple[int, int | None]] = []

    send(actor, wrap(make_users(7)), on_progress=lambda done, total: seen.append((done, total)))

    assert seen == [(3, total), (6, total), (7, total)]


@pytest.mark.usefixtures("threes")
@pytest.mark.parametrize("recipient", [list, lambda made: users().order_by("-pk")], ids=["list", "queryset"])
def test_a_cut_fan_out_that_is_killed_is_resumed_by_its_key(
    actor: Any, recipient: Callable[[Any], Any]
) -> None:
    made = make_users(8)

    def die(done: int, total: int | None) -> None:
        if done >= 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        send(actor, recipient(made), fanout_chunk=3, idempotency_key=KEY, on_progress=die)
    assert rows().count() == 3

    answer = send(actor, recipient(made), fanout_chunk=3, idempotency_key=KEY)

    assert (answer.created, answer.existing) == (5, 3)
    assert rows().values("recipient").distinct().count() == rows().count() == 8


@pytest.mark.usefixtures("threes")
def test_without_being_cut_a_fan_out_that_is_killed_tells_nobody(actor: Any) -> None:
    def die(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        send(actor, make_users(8), idempotency_key=KEY, on_progress=die)

    assert rows().count() == 0


def test_a_clock_that_a_test_replaces_makes_no_column_vary(monkeypatch: pytest.MonkeyPatch) -> None:
    """What varies is remembered for the process, so a test that sends first must not decide it for all others."""
    model: Any = get_notification_model()
    before = prototype.varying_fields(model)
    prototype.varying_fields.cache_clear()
    moment = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: moment)
    assert prototype.varying_fields(model) == before
