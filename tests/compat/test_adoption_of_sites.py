"""What a site has beside the table: tables that point at it, migrations that run before ours, crashes in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError
from django.core.management.sql import emit_pre_migrate_signal
from django.db import DatabaseError, connection, migrations, models
from django.db.migrations.state import ModelState, ProjectState

import notifications
from notifications.compat.adoption import AdoptTable, CreateModel, refuse_plain_changes
from notifications.compat.older_data import OlderDataField
from notifications.models import InboxState, Notification
from notifications.storage.indexes import StateIndex
from tests.compat.test_adoption import (
    MIGRATION,
    TABLE,
    Allowance,
    Killed,
    adopt,
    put_old_table,
    put_table_of,
    run,
    state_at,
    with_our_model,
)
from tests.factories import make_user

OLD = "0013_alter_notification_level"
CASCADE = models.CASCADE


def foreign_key(to: str, kind: Any = models.ForeignKey, **options: Any) -> Any:
    return kind(to, on_delete=CASCADE, related_name="+", **options)


def key() -> Any:
    return models.AutoField(primary_key=True)


#: Tables of a site that contain keys of notifications, in each way there is.
SITE: dict[str, Callable[[], list[tuple[str, Any]]]] = {
    "Reply": lambda: [("id", key()), ("notification", foreign_key("notifications.Notification", null=True))],
    "Digest": lambda: [
        ("notification", foreign_key("notifications.Notification", models.OneToOneField, primary_key=True))
    ],
    "Part": lambda: [("id", key()), ("digest", foreign_key("site.Digest"))],
    "Free": lambda: [
        ("id", key()),
        ("notification", foreign_key("notifications.Notification", db_constraint=False, db_index=False)),
    ],
    "Folder": lambda: [("id", key()), ("rows", models.ManyToManyField("notifications.Notification"))],
}
#: The column of each table, and whether it has a constraint.
COLUMNS = {
    "site_reply": ("notification_id", True),
    "site_digest": ("notification_id", True),
    "site_part": ("digest_id", True),
    "site_free": ("notification_id", False),
    "site_folder_rows": ("notification_id", True),
}


def with_site(state: ProjectState) -> ProjectState:
    """Return the state with the models of a site."""
    state = state.clone()
    for name, fields in SITE.items():
        state.add_model(ModelState("site", name, fields()))
    return state


def description(table: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the database says about the columns and the constraints of a table."""
    with connection.cursor() as cursor:
        columns = connection.introspection.get_table_description(cursor, table)
        return {column.name: column for column in columns}, {
            **connection.introspection.get_constraints(cursor, table)
        }


def incoming() -> dict[str, tuple[str, bool]]:
    """Return the type of each column of the site, and whether it has a constraint."""
    found = {}
    for table, (name, _) in COLUMNS.items():
        columns, constraints = description(table)
        kind: Any = connection.introspection.get_field_type(columns[name].type_code, columns[name])
        keys = [each for each in constraints.values() if each["foreign_key"] and each["columns"] == [name]]
        found[table] = kind, bool(keys)
    return found


@pytest.fixture
def site(transactional_db: None) -> Iterator[ProjectState]:
    """Make the table of hq 1.8.3 with the tables of a site that point at it. Return the state after our migration."""
    put_old_table("hq 1.8.3")
    apps = with_site(state_at(OLD)).apps
    tables = [apps.get_model("site", name) for name in SITE]
    with connection.schema_editor() as editor:
        for model in tables:
            editor.create_model(model)
    (reply, digest, part, free, folder) = tables
    first = apps.get_model("notifications", "Notification").objects.order_by("pk")[0]
    reply.objects.create(notification=first)
    part.objects.create(digest=digest.objects.create(notification=first))
    free.objects.create(notification=first)
    folder.objects.create().rows.add(first)
    yield with_site(state_at(MIGRATION))
    with connection.schema_editor() as editor:
        for model in reversed(tables):
            editor.delete_model(model)
    put_table_of(Notification)


@with_our_model
@pytest.mark.backend("postgres", "mariadb")
def test_columns_that_contain_our_keys_are_widened_and_keep_their_constraints(site: ProjectState) -> None:
    adopt(AdoptTable("Notification"), site)

    assert incoming() == {table: ("BigIntegerField", has) for table, (_, has) in COLUMNS.items()}


@with_our_model
def test_rows_that_point_at_ours_still_do(site: ProjectState) -> None:
    adopt(AdoptTable("Notification"), site)

    first = site.apps.get_model("notifications", "Notification")._base_manager.order_by("pk")[0]
    for name in SITE:
        assert site.apps.get_model("site", name).objects.count() == 1
    assert site.apps.get_model("site", "Part").objects.get().digest.notification == first
    assert site.apps.get_model("site", "Folder").objects.get().rows.get() == first


@with_our_model
@pytest.mark.backend("mariadb")
def test_a_crash_after_any_statement_leaves_nothing_that_the_next_run_does_not_mend(
    site: ProjectState,
) -> None:
    crashes = 0
    while crashes < 100:
        try:
            with connection.execute_wrapper(Allowance(1)):
                adopt(AdoptTable("Notification"), site)
            break
        except Killed:
            crashes += 1

    assert crashes > 15
    assert incoming() == {table: ("BigIntegerField", has) for table, (_, has) in COLUMNS.items()}
    assert site.apps.get_model("site", "Part").objects.filter(digest__notification__isnull=False).count() == 1


@with_our_model
@pytest.mark.backend("mariadb")
@pytest.mark.parametrize("migration", ["0001_initial", "0015_inbox_state"])
def test_a_new_table_is_completed_after_a_crash(transactional_db: None, migration: str) -> None:
    (operation,) = import_module(f"notifications.migrations.{migration}").Migration.operations
    state = state_at(migration)
    model = state.apps.get_model("notifications", operation.name)
    table = model._meta.db_table

    def put_table() -> Any:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {table}")
        run(operation, state)
        return description(table)

    whole = put_table()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {table}")
    crashes = 0
    while crashes < 100:
        try:
            with connection.execute_wrapper(Allowance(1)):
                run(operation, state)
            break
        except Killed:
            crashes += 1

    assert crashes > 0
    assert description(table) == whole
    if table == TABLE:
        put_table_of(Notification)


def test_every_table_of_ours_is_completed_after_a_crash() -> None:
    package = Path(notifications.__path__[0])
    found = {
        str(path.relative_to(package)): operation
        for path in package.glob("**/migrations/0*.py")
        for operation in import_module(
            ".".join(path.relative_to(package.parent).with_suffix("").parts)
        ).Migration.operations
        if isinstance(operation, migrations.CreateModel)
    }

    assert len(found) >= 3
    # MariaDB cannot roll back: use the CreateModel of notifications.compat.adoption.
    assert [name for name, operation in found.items() if not isinstance(operation, CreateModel)] == []


@with_our_model
def test_a_table_of_somebody_else_is_an_error(transactional_db: None) -> None:
    operation = CreateModel("Alien", [("id", key()), ("verb", models.CharField(max_length=9))])
    state = ProjectState()
    operation.state_forwards("notifications", state)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE notifications_alien (id integer)")

    try:
        with pytest.raises(DatabaseError):
            run(operation, state)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE notifications_alien")


# Migrations of a site that run before ours


@with_our_model
def test_a_migration_of_a_site_that_runs_before_ours_finds_the_table_of_hq(
    transactional_db: None,
) -> None:
    old = put_old_table("hq 1.8.3")
    try:
        model = state_at("0009_alter_notification_options_and_more").apps.get_model(
            "notifications", "Notification"
        )

        assert [row.pk for row in model._base_manager.order_by("pk")] == [row["id"] for row in old]
        assert [row.data for row in model._base_manager.order_by("pk")][:3] == [
            None,
            {},
            {"a": [1, {"b": None}, "日本語 😀"]},
        ]
        row = model._base_manager.create(
            recipient_id=make_user("carol").pk,
            actor_content_type_id=ContentType.objects.get_for_model(InboxState).pk,
            actor_object_id="1",
            verb="",
            data={"a": ["é"]},
        )
        assert model._base_manager.get(pk=row.pk, data__contains='"a"', verb="").data == {"a": ["é"]}
        assert model._base_manager.filter(data={"a": ["é"]}).get() == row
    finally:
        put_table_of(Notification)


@with_our_model
def test_a_new_table_that_points_at_the_old_one_is_widened_with_it(site: ProjectState) -> None:
    # The order of a deployment in which the site's own migration comes first.
    adopt(AdoptTable("Notification"), site)
    model = site.apps.get_model("notifications", "Notification")
    big = model._base_manager.create(
        pk=2**31 + 5, recipient_id=make_user("carol").pk, actor_object_id="1", verb="went on"
    )

    assert site.apps.get_model("site", "Reply").objects.create(notification=big).notification_id == big.pk


def test_the_older_data_is_read_as_what_it_is() -> None:
    field = OlderDataField(null=True)

    assert field.from_db_value(None) is None
    assert field.from_db_value("not JSON") == "not JSON"
    assert field.get_prep_value(None) is None


def test_the_state_before_ours_is_that_of_hq(db: None) -> None:
    fields = state_at(OLD).models["notifications", "notification"].fields

    assert type(fields["id"]) is models.AutoField
    assert {"read_at", "event", "reason", "done_at", "saved_at", "snoozed_until", "inbox_at"}.isdisjoint(
        fields
    )
    assert isinstance(fields["data"], OlderDataField)


# What a site adds to a model of its own, in the same migration


@pytest.fixture
def with_own_fields(transactional_db: None) -> Iterator[ProjectState]:
    """Return the state after our migration with fields of a site, which sort before and after ours."""
    state = state_at(MIGRATION).clone()
    for name, field in {
        "attempts": models.IntegerField(default=3),
        "category": foreign_key("contenttypes.contenttype", null=True),
        "ticket": models.IntegerField(null=True, unique=True),
        "token": models.UUIDField(null=True, db_index=True),
        "types": models.ManyToManyField("contenttypes.ContentType", related_name="+"),
    }.items():
        state.add_field("notifications", "notification", name, field, preserve_default=True)
    yield state
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {TABLE}_types")
    put_table_of(Notification)


@with_our_model
@pytest.mark.parametrize("release", ["hq 1.0", "hq 1.8.3", "community"])
def test_fields_of_a_site_are_added_in_the_same_migration(
    with_own_fields: ProjectState, release: str
) -> None:
    old = put_old_table(release)

    adopt(AdoptTable("Notification"), with_own_fields)
    adopt(AdoptTable("Notification"), with_own_fields)

    rows = with_own_fields.apps.get_model("notifications", "Notification")._base_manager.order_by("pk")
    assert [(row.pk, row.attempts, row.category, row.ticket, row.verb) for row in rows] == [
        (row["id"], 3, None, None, row["verb"]) for row in old
    ]
    first = rows[0]
    first.types.add(ContentType.objects.get_for_model(Notification).pk)
    assert first.types.count() == 1
    columns, constraints = description(TABLE)
    assert [*constraints.values()] != []
    assert {"attempts", "category_id", "ticket", "token", "inbox_at"} <= columns.keys()
    assert any(each["unique"] and each["columns"] == ["ticket"] for each in constraints.values())
    assert any(each["index"] and each["columns"] == ["token"] for each in constraints.values())


# The migration as makemigrations writes it


def migration(*operations: Any) -> Any:
    made: Any = migrations.Migration("0002_upgrade", "mine")
    made.operations = [*operations]
    return made


def test_a_migration_that_does_without_the_operation_is_refused_before_it_changes_anything() -> None:
    inbox_at = migrations.AddField("notification", "inbox_at", models.DateTimeField(null=True))
    create = migrations.CreateModel("Notification", [("id", key())])
    wrapped = migrations.SeparateDatabaseAndState(state_operations=[inbox_at])

    with pytest.raises(
        CommandError, match=r"The migration of mine\.notification .* see 'With a custom model'"
    ):
        refuse_plain_changes([(migration(inbox_at), False)])
    for plan in (
        [(migration(inbox_at), True)],
        [(migration(create), False), (migration(inbox_at), False)],
        [(migration(wrapped), False)],
    ):
        refuse_plain_changes(plan)


def test_the_command_says_so_too(db: None) -> None:
    inbox_at = migrations.AddField("notification", "inbox_at", models.DateTimeField(null=True))

    with pytest.raises(CommandError, match="AdoptTable"):
        emit_pre_migrate_signal(0, False, "default", plan=[(migration(inbox_at), False)])


@with_our_model
def test_an_index_without_its_column_says_what_to_do(transactional_db: None) -> None:
    model = state_at(OLD).apps.get_model("notifications", "Notification")

    with pytest.raises(ImproperlyConfigured, match="AdoptTable"), connection.schema_editor() as editor:
        editor.add_index(model, StateIndex(fields=["recipient", "inbox_at"], name="ntf_inbox"))


def test_the_page_that_the_message_names_has_that_section() -> None:
    page = (Path(__file__).parents[2] / "docs" / "upgrade.rst").read_text()

    assert page.startswith("Upgrade from django-notifications-hq or -community\n")
    assert "\nWith a custom model\n-----" in page
