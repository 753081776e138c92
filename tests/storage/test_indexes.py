"""Each index has a question, and the plan of the database shows that it answers it.

The table holds enough rows, and the database knows how many, so that the choice of the planner is a real one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.checks import run_checks
from django.db import connection
from django.db.models import Index
from django.test.utils import CaptureQueriesContext, isolate_apps
from django.utils import timezone

from notifications import notify
from notifications.conf import get_notification_model
from notifications.inbox.lists import newest
from notifications.inbox.pagination import cursor_of, get_page
from notifications.storage import counts
from notifications.storage.notification import AbstractNotification
from tests.factories import make_user, moment, names_of_indexes, rows
from tests.testapp.models import Project

pytestmark = pytest.mark.django_db
# The planner does the same under every shape.
planned = pytest.mark.shape("default")

TABLE = get_notification_model()._meta.db_table
READERS = 50
EVENTS = 200
#: What one user has beside that.
MANY = 4000


class Site:
    """A site in which something happened. One row in ten is unread."""

    def __init__(self) -> None:
        users: Any = get_user_model()._default_manager
        self.user = make_user("reader")
        users.bulk_create(type(self.user)(username=f"reader{number}") for number in range(READERS))
        self.readers = users.filter(username__startswith="reader")
        self.other = users.get(username="reader7")
        Project.objects.bulk_create(Project(name=f"project {number}") for number in range(EVENTS))
        self.projects = list(Project.objects.order_by("pk"))
        self.gone = ContentType.objects.create(app_label="gone", model="thing")
        for number, project in enumerate(self.projects):
            notify.send(
                project,
                verb="released",
                recipient=self.readers,
                timestamp=moment(2026, 1, 1) + timedelta(hours=number),
                idempotency_key=f"release {number}",
                unread=number % 10 == 0,
            )
        rows().bulk_create(map(self.star, range(MANY)), batch_size=500)
        # What this one was told is saved, done or snoozed by turns.
        self.keeper = users.get(username="reader8")
        self.keep()
        #: Names a row in the middle of the inbox.
        self.cursor = cursor_of(self.user.notifications.order_by("-inbox_at", "-pk")[MANY // 2])

    def keep(self) -> None:
        """Give the keeper many rows, and something to each."""
        rows().bulk_create((self.star(number, self.keeper) for number in range(MANY)), batch_size=500)
        keys = list(self.keeper.notifications.order_by("pk").values_list("pk", flat=True))
        kept, start = self.keeper.notifications, timezone.now()
        for number, column in enumerate(("saved_at", "done_at", "snoozed_until")):
            chosen = kept.filter(pk__in=keys[number::3]).order_by("pk")
            for part, pk in enumerate(keys[number::3][::100]):
                chosen.filter(pk__gte=pk).update(**{column: start + timedelta(days=1, minutes=part)})

    def star(self, number: int, recipient: Any = None) -> Any:
        """Return one of the many rows of one user."""
        types = ContentType.objects
        project_type, user_type = types.get_for_model(Project), types.get_for_model(self.user)
        model: Any = get_notification_model()
        return model(
            recipient=recipient or self.user,
            actor_content_type=user_type if number or recipient else self.gone,
            actor_object_id=number,
            target_content_type=project_type if number or recipient else self.gone,
            target_object_id=self.projects[number % EVENTS].pk,
            action_object_content_type=project_type if number or recipient else self.gone,
            action_object_object_id=self.projects[number * 7 % EVENTS].pk,
            verb="starred",
            timestamp=moment(2026, 1, 1) + timedelta(minutes=number),
            unread=number % 10 == 0,
        )

    def remove(self) -> None:
        """Leave nothing behind."""
        rows().all().delete()
        self.readers.delete()
        Project.objects.all().delete()
        ContentType.objects.filter(app_label="gone").delete()


def analyze(table: str = TABLE) -> None:
    """Let the database look at what is there, as it does by itself now and then."""
    statement = {
        "postgresql": f"VACUUM ANALYZE {table}",
        "mysql": f"ANALYZE TABLE {table}",
        "sqlite": "ANALYZE",
    }
    with connection.cursor() as cursor:
        cursor.execute(statement[connection.vendor])


@pytest.fixture(scope="module")
def site(django_db_setup: None, django_db_blocker: Any) -> Iterator[Site]:
    """Make the site once, outside of the transactions of the tests, which only look at it."""
    with django_db_blocker.unblock():
        site = Site()
        analyze()
    yield site
    with django_db_blocker.unblock():
        site.remove()
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM sqlite_stat1")
        else:
            analyze()


def plan_of(ask: Callable[[], object]) -> str:
    """Return how the database goes about what this asks of the table of notifications."""
    with CaptureQueriesContext(connection) as queries:
        ask()
    statements = [query["sql"] for query in queries.captured_queries if TABLE in query["sql"]]
    assert statements
    return "\n".join(map(explained, statements))


def explained(sql: str) -> str:
    """Return the plan of a statement, a line for each step."""
    with connection.cursor() as cursor:
        prefix = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
        cursor.cursor.execute(f"{prefix} {sql}")
        found = cursor.fetchall()
        names = [column[0] for column in cursor.description]
    if connection.vendor == "mysql":
        return "\n".join(
            " ".join(f"{name}={value}" for name, value in zip(names, row, strict=True)) for row in found
        )
    return "\n".join(str(row[-1]) for row in found)


def indexes_in(plan: str) -> set[str]:
    """Return the names of our indexes that a plan uses."""
    if connection.vendor == "mysql":
        return set(re.findall(r"ntf_\w+", " ".join(re.findall(r" key=(\S+)", plan))))
    # SQLite gives the index of a constraint a name of its own.
    automatic = f"sqlite_autoindex_{TABLE}_1"
    return set(re.findall(r"ntf_\w+", plan.replace(automatic, "ntf_event_recipient")))


def reads_all(plan: str) -> bool:
    """Return whether the whole table is read."""
    patterns = {
        "sqlite": rf"\bSCAN {TABLE}",
        "postgresql": rf"Seq Scan on {TABLE}",
        "mysql": rf"table={TABLE} .*type=(ALL|index) ",
    }
    return bool(re.search(patterns[connection.vendor], plan))


def sorts(plan: str) -> bool:
    """Return whether rows are put in order after they were found, but for those of one moment."""
    return bool(re.search(r"(?<!Incremental )\bSort\b(?! Key)|TEMP B-TREE FOR ORDER BY|filesort", plan))


#: Each question, the indexes that answer it, and how it is asked.
QUESTIONS: dict[str, tuple[set[str], Callable[[Site], object]]] = {
    "What is the newest in this inbox?": (
        {"ntf_inbox"},
        lambda site: get_page(site.user.notifications.inbox(), 20, {}),
    ),
    "What is older, in the middle of this inbox?": (
        {"ntf_inbox"},
        lambda site: get_page(site.user.notifications.inbox(), 20, {"before": site.cursor}),
    ),
    "What is newer, in the middle of this inbox?": (
        {"ntf_inbox"},
        lambda site: get_page(site.user.notifications.inbox(), 20, {"after": site.cursor}),
    ),
    "What is unread?": (
        {"ntf_unread"},
        lambda site: get_page(site.user.notifications.unread(), 20, {}),
    ),
    "What is unread and older, in the middle of this inbox?": (
        {"ntf_unread"},
        lambda site: get_page(site.user.notifications.unread(), 20, {"before": site.cursor}),
    ),
    "How much is unread, up to the cap?": (
        {"ntf_unread"},
        lambda site: counts.capped(site.user.notifications.unread()),
    ),
    "How much is unread, exactly?": (
        {"ntf_unread"},
        lambda site: site.user.notifications.unread().count(),
    ),
    "Is anything unread?": (
        {"ntf_unread"},
        lambda site: site.user.notifications.unread().exists(),
    ),
    "Did what is unread change since the last poll?": (
        {"ntf_unread"},
        lambda site: newest(site.user.notifications.unread(), 10),
    ),
    "What is the newest of all that this user was told?": (
        {"ntf_inbox"},
        lambda site: list(site.user.notifications.all()[:20]),
    ),
    "Did anything change since the last poll?": (
        {"ntf_inbox"},
        lambda site: newest(site.user.notifications.all(), 10),
    ),
    "What is unseen?": (
        {"ntf_unread"},
        lambda site: counts.capped(counts.unseen(site.user)),
    ),
    "What is snoozed?": (
        {"ntf_inbox"},
        lambda site: list(site.keeper.notifications.snoozed()[:20]),
    ),
    "What is saved?": (
        {"ntf_saved"},
        lambda site: list(site.keeper.notifications.saved()[:20]),
    ),
    "What is done?": (
        {"ntf_done"},
        lambda site: list(site.keeper.notifications.done()[:20]),
    ),
    "What was told about this object?": (
        {"ntf_actor", "ntf_target", "ntf_action_object"},
        lambda site: list(rows().about(site.projects[17]).order_by()),
    ),
    "Which rows name a content type that is being removed?": (
        {"ntf_actor", "ntf_target", "ntf_action_object"},
        lambda site: ContentType.objects.filter(pk=site.gone.pk).delete(),
    ),
    "Who was told of this event?": (
        {"ntf_event_recipient"},
        lambda site: list(rows().of_event("release 17").order_by()),
    ),
}
#: PostgreSQL takes it for a coincidence that a row is of the future and was snoozed, and expects few of these.
SORTED = {"What is snoozed?"}
#: Questions of statements that write; PostgreSQL reads a table of this size as a whole for the outer part of one.
WRITES: dict[str, tuple[set[str], Callable[[Site], object]]] = {
    "Which rows of this event has nobody read?": (
        {"ntf_event_recipient"},
        lambda site: rows().recall(key="release 20"),
    ),
    "Which rows of this user are to be marked?": (
        {"ntf_unread"},
        lambda site: site.other.notifications.mark_all_as_read(),
    ),
}


@planned
@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_is_answered_by_its_indexes_and_in_their_order(site: Site, question: str) -> None:
    indexes, ask = QUESTIONS[question]
    plan = plan_of(lambda: ask(site))
    assert indexes <= indexes_in(plan), plan
    assert not reads_all(plan), plan
    assert question in SORTED or not sorts(plan), plan


@planned
@pytest.mark.parametrize("question", WRITES)
def test_rows_that_are_written_are_found_by_their_indexes(site: Site, question: str) -> None:
    indexes, ask = WRITES[question]
    plan = plan_of(lambda: ask(site))
    assert indexes <= indexes_in(plan), plan


@planned
@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("unread", [False, True], ids=["inbox", "unread"])
def test_a_page_begins_where_its_cursor_says_and_not_at_the_first_row(
    site: Site, side: str, unread: bool
) -> None:
    found = site.user.notifications.unread() if unread else site.user.notifications.inbox()
    plan = plan_of(lambda: get_page(found, 20, {side: site.cursor}))
    sign = "<" if side == "before" else ">"
    sought = {
        "sqlite": f"AND inbox_at{sign}?",
        "postgresql": f"(inbox_at {sign}= ",
        # The recipient (4 bytes), whether it is unread (1), and the moment (8), which might be null (1).
        "mysql": "key_len=14" if unread else "key_len=13",
    }
    assert sought[connection.vendor] in plan, plan


def steps_of(ask: Callable[[], object]) -> int:
    """Return how many instructions SQLite takes for this while it has no statistics, as on most sites."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM sqlite_stat1 WHERE tbl = %s", [TABLE])
        cursor.execute("ANALYZE sqlite_schema")
    taken: list[None] = []
    connection.connection.set_progress_handler(lambda: taken.append(None), 1)
    try:
        ask()
    finally:
        connection.connection.set_progress_handler(None, 0)
        analyze()
    return len(taken)


@planned
@pytest.mark.backend("sqlite")
@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("unread", [False, True], ids=["inbox", "unread"])
def test_a_page_far_down_takes_sqlite_no_longer_than_the_first(site: Site, side: str, unread: bool) -> None:
    found = site.user.notifications.unread() if unread else site.user.notifications.inbox()
    first = steps_of(lambda: get_page(found, 20, {}))
    assert steps_of(lambda: get_page(found, 20, {side: site.cursor})) < 1.5 * first


@planned
@pytest.mark.backend("sqlite")
def test_what_is_unseen_is_counted_by_sqlite_without_a_look_at_what_is_read(site: Site) -> None:
    site.user.notifications.mark_all_as_read()
    assert steps_of(lambda: counts.unseen(site.user).count()) < 200


@planned
@pytest.mark.backend("postgres", "mariadb")
def test_who_was_told_already_is_known_from_the_index(site: Site) -> None:
    """SQLite does not say how it finds a conflict."""
    plan = plan_of(
        lambda: notify.send(
            site.projects[17], verb="released", recipient=site.readers, idempotency_key="release 17"
        )
    )
    assert "ntf_event_recipient" in indexes_in(plan)
    assert not reads_all(plan)


@planned
def test_the_rows_of_a_user_who_is_deleted_are_found_by_an_index(site: Site) -> None:
    plan = plan_of(lambda: rows().filter(recipient__in=[site.other]).delete())
    assert indexes_in(plan) & {"ntf_inbox", "ntf_unread", "ntf_saved", "ntf_done"}, plan
    assert not reads_all(plan), plan


def test_no_index_is_there_without_a_question() -> None:
    assert set().union(*(indexes for indexes, _ in QUESTIONS.values())) == names_of_indexes().keys()


@pytest.mark.backend("sqlite", "postgres")
def test_an_index_of_some_rows_holds_no_others() -> None:
    found = {
        "sqlite": "SELECT sql FROM sqlite_schema WHERE name = %s",
        "postgresql": "SELECT indexdef FROM pg_indexes WHERE indexname = %s",
    }
    conditions = {
        # Django 6.1 writes a comparison on SQLite.
        "ntf_unread": "unread( = 1)?",
        "ntf_saved": "saved_at IS NOT NULL",
        "ntf_done": "done_at IS NOT NULL",
    }
    with connection.cursor() as cursor:
        for name, condition in conditions.items():
            cursor.execute(found[connection.vendor], [names_of_indexes()[name]])
            [made] = cursor.fetchone()
            assert re.search(rf"WHERE \(?{condition}\)?$", made.replace('"', "")), made
            assert "unread," not in made


@pytest.mark.backend("mariadb")
def test_where_no_index_is_partial_what_is_unread_is_a_column_of_its_index() -> None:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, TABLE)
    assert found[names_of_indexes()["ntf_unread"]]["columns"] == ["recipient_id", "unread", "inbox_at"]


@planned
def test_a_content_type_that_is_removed_leaves_the_rows(site: Site) -> None:
    before = rows().count()
    types = ("actor_content_type", "target_content_type", "action_object_content_type")
    [row] = rows().filter(**dict.fromkeys(types, site.gone))

    with CaptureQueriesContext(connection) as queries:
        ContentType.objects.filter(pk=site.gone.pk).delete()

    row.refresh_from_db()
    assert rows().count() == before
    assert [getattr(row, name) for name in types] == [None] * 3
    assert [row.actor, row.target, row.action_object] == [None] * 3
    assert row.label("actor") == "deleted object"
    assert len([query for query in queries.captured_queries if TABLE in query["sql"]]) == 3


def test_the_site_check_of_this_database_has_nothing_to_say_about_the_model() -> None:
    """MariaDB has no conditional and no functional indexes, and a check says so of each (models.W036, W037, W043)."""
    config = apps.get_app_config(get_notification_model()._meta.app_label)
    problems = run_checks(app_configs=[config], databases=["default"])
    assert [problem for problem in problems if str(problem.id).startswith("models.")] == []


def test_an_index_of_the_sites_own_keeps_its_name() -> None:
    with isolate_apps("tests.testapp"):

        class Another(AbstractNotification):
            class Meta(AbstractNotification.Meta):
                app_label = "testapp"
                abstract = False
                indexes = [*AbstractNotification._meta.indexes, Index(fields=["verb"], name="mine_verb")]

        names = {index.name for index in Another._meta.indexes}
    assert "mine_verb" in names
    assert "ntf_inbox" not in names
