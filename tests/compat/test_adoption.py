"""The table of an older package becomes today's, row by row. ``tests/adoption`` does it with the real packages."""

from __future__ import annotations

import json
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState
from django.db.migrations.writer import OperationWriter
from django.test.utils import CaptureQueriesContext

import notifications.migrations
from notifications.compat import tables
from notifications.compat.adoption import AdoptTable
from notifications.compat.tables import SQLiteTable
from notifications.models import Notification
from notifications.storage.fields import DataField
from tests.adoption.project.table import dump, shape
from tests.factories import make_notification, make_project, make_user, moment, rows

# The other shapes change nothing that is seen in the table.
with_our_model = pytest.mark.shape("custom_user", "default", "jsonfield")

TABLE = "notifications_notification"
MIGRATION = "0014_adopt_older_tables"
#: How a statement begins that changes something.
CHANGE = re.compile(r"\s*(ALTER|CREATE|DROP|RENAME|INSERT|UPDATE|DELETE|SET CONSTRAINTS (?!ALL))")
NATIVE = DataField().get_internal_type() == "JSONField"

#: The types of the older tables, per backend. PostgreSQL had serial keys until Django 4.1.
TYPES = {
    "sqlite": {
        "key": "integer NOT NULL PRIMARY KEY AUTOINCREMENT",
        "boolean": "bool",
        "moment": "datetime",
        "text": "text",
        "json": 'text CHECK ((JSON_VALID("data") OR "data" IS NULL))',
        "deferred": "DEFERRABLE INITIALLY DEFERRED",
    },
    "postgresql": {
        "key": "serial NOT NULL PRIMARY KEY",
        "boolean": "boolean",
        "moment": "timestamp with time zone",
        "text": "text",
        "json": "jsonb",
        "deferred": "DEFERRABLE INITIALLY DEFERRED",
    },
    "mysql": {
        "key": "integer AUTO_INCREMENT NOT NULL PRIMARY KEY",
        "boolean": "bool",
        "moment": "datetime(6)",
        "text": "longtext",
        "json": "json",
        "deferred": "",
    },
}
CREATE_TABLE = """
CREATE TABLE notifications_notification (
    id {key},
    level varchar(20) NOT NULL,
    unread {boolean} NOT NULL,
    actor_object_id varchar(255) NOT NULL,
    verb varchar(255) NOT NULL,
    description {text} NULL,
    target_object_id varchar(255) NULL,
    action_object_object_id varchar(255) NULL,
    timestamp {moment} NOT NULL,
    public {boolean} NOT NULL,
    action_object_content_type_id integer NULL,
    actor_content_type_id integer NOT NULL,
    recipient_id {user_key} NOT NULL,
    target_content_type_id integer NULL,
    deleted {boolean} NOT NULL,
    emailed {boolean} NOT NULL,
    data {data},
    CONSTRAINT old_actor FOREIGN KEY (actor_content_type_id) REFERENCES django_content_type (id) {deferred},
    CONSTRAINT old_target FOREIGN KEY (target_content_type_id) REFERENCES django_content_type (id) {deferred},
    CONSTRAINT old_action FOREIGN KEY (action_object_content_type_id) REFERENCES django_content_type (id) {deferred},
    CONSTRAINT old_recipient FOREIGN KEY (recipient_id) REFERENCES {user_table} (id) {deferred}
)
"""
FOREIGN_KEYS = [
    "actor_content_type_id",
    "target_content_type_id",
    "action_object_content_type_id",
    "recipient_id",
]
HQ_1_8_INDEXES = ["unread", "public", "deleted", "emailed", "timestamp", "recipient_id, unread"]
COMMUNITY_INDEXES = [
    "actor_content_type_id, actor_object_id",
    "target_content_type_id, target_object_id",
    "action_object_content_type_id, action_object_object_id",
]
#: What was in the column ``data``, and the indexes beside those of the foreign keys.
RELEASES: dict[str, tuple[str, list[str]]] = {
    "hq 1.0": ("text", []),
    "hq 1.8.3": ("text", HQ_1_8_INDEXES),
    "community": ("json", [*HQ_1_8_INDEXES, *COMMUNITY_INDEXES]),
}
#: What an older row says of what no older release knew.
ADDED = {**dict.fromkeys(["read_at", "event", "done_at", "saved_at", "snoozed_until"]), "reason": ""}
JSON = [
    None,
    "{}",
    '{"a": [1, {"b": null}, "日本語 😀"]}',
    '["\\u65e5"]',
    "3",
    '"text"',
    "null",
    ' {"a" : 1} ',
]
NOT_JSON = ["", " ", 'plain "text" \\ \' % %s\n日本語 😀', "{'a': 1}", '{"a": "b', '{"a": NaN}']
#: What is JSON to Python and not to the JSON column of this database.
REFUSED = {
    "sqlite": [],
    "postgresql": ['{"a": "\\u0000"}', '{"a": "\\ud800"}'],
    "mysql": ["[" * 32 + "]" * 32, '{"a": "\\ud800"}'],
}


@pytest.fixture
def old_table(transactional_db: None) -> Iterator[Callable[..., list[dict[str, Any]]]]:
    """Return what puts an older release's table in the place of today's and says what is in it.

    Afterwards today's is there again, and so are the tables of the apps whose migrations depend on ours.
    """
    yield put_old_table
    call_command("migrate", verbosity=0)
    put_table_of(Notification)


def put_old_table(release: str, texts: list[str | None] = JSON) -> list[dict[str, Any]]:
    """Make the table of this release with these texts for data, and return its rows."""
    data, indexes = RELEASES[release]
    types = TYPES[connection.vendor]
    user_pk: Any = get_user_model()._meta.pk
    columns = CREATE_TABLE.format(
        **types,
        data=types[data],
        user_key=user_pk.rel_db_type(connection),
        user_table=get_user_model()._meta.db_table,
    )
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {TABLE}")
        cursor.execute(columns)
        for number, names in enumerate([*(FOREIGN_KEYS if connection.vendor != "mysql" else []), *indexes]):
            cursor.execute(f"CREATE INDEX old_index_{number} ON {TABLE} ({names})")
    put_old_rows(texts)
    return [*dump(TABLE)]


def put_table_of(model: Any) -> None:
    """Make the table that this model would have on a fresh database."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {TABLE}")
    with connection.schema_editor() as editor:
        editor.create_model(model)


def fresh_shape() -> Any:
    """Return what the older tables are to become, whatever later migrations add."""
    put_table_of(notification_at(MIGRATION))
    return shape(connection, TABLE)


def put_old_rows(texts: list[str | None]) -> None:
    user, project = make_user(), make_project()
    types = [ContentType.objects.get_for_model(model).pk for model in (user, project)]
    key = user._meta.pk.get_db_prep_value(user.pk, connection)
    common = {
        "recipient_id": key,
        "actor_content_type_id": types[0],
        "actor_object_id": str(user.pk),
        "timestamp": connection.ops.adapt_datetimefield_value(moment(2015, 1, 2, 3, 4, 5, 678901)),
        "verb": "schloß 日本語",
    }
    for number, text in enumerate(texts):
        row = common | {
            "level": ("info", "warning")[number % 2],
            "unread": number % 3 > 0,
            "description": (None, "", "x" * 1000)[number % 3],
            "target_content_type_id": (None, types[1])[number % 2],
            "target_object_id": (None, str(project.pk))[number % 2],
            "action_object_content_type_id": (types[1], None)[number % 2],
            "action_object_object_id": ("gone", None)[number % 2],
            "public": number % 2 > 0,
            "deleted": number % 4 == 0,
            "emailed": number % 5 == 0,
            "data": text,
        }
        insert = f"INSERT INTO {TABLE} ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(insert, [*row.values()])


def migrate(name: str) -> None:
    MigrationExecutor(connection).migrate([("notifications", name)])


@cache
def state_at(name: str) -> ProjectState:
    return MigrationLoader(connection).project_state(("notifications", name))


def notification_at(name: str) -> Any:
    """Return the model as it is after this migration, whatever comes later."""
    return state_at(name).apps.get_model("notifications", "Notification")


def adopt(operation: AdoptTable, state: ProjectState | None = None) -> None:
    """Run one operation as a migration would."""
    run(operation, state or state_at(MIGRATION))


def run(operation: Any, state: ProjectState) -> None:
    with connection.schema_editor() as editor:
        operation.database_forwards("notifications", editor, state, state)


def changes(operation: AdoptTable) -> list[str]:
    """Run one operation and return the statements that change something."""
    with CaptureQueriesContext(connection) as queries:
        adopt(operation)
    return [query["sql"] for query in queries if CHANGE.match(query["sql"])]


def without_data(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "data"} for row in rows]


def read_data() -> list[Any]:
    with warnings.catch_warnings():
        # jsonfield says so when it reads a text that is not JSON, and gives the text.
        warnings.filterwarnings("ignore", ".*failed to load invalid json", RuntimeWarning)
        return [notification.data for notification in notification_at(MIGRATION).objects.order_by("pk")]


def python(text: str | None) -> Any:
    return None if text is None else json.loads(text)


# The table


@with_our_model
@pytest.mark.parametrize("release", RELEASES)
def test_an_older_table_becomes_what_a_fresh_one_is_and_keeps_every_row(old_table: Any, release: str) -> None:
    fresh = fresh_shape()
    old = old_table(release)
    assert shape(connection, TABLE) != fresh

    adopt(AdoptTable("Notification"))

    assert shape(connection, TABLE) == fresh
    new = [*dump(TABLE)]
    assert len(new) == len(JSON)
    assert without_data(new) == [{**row, **ADDED, "inbox_at": row["timestamp"]} for row in without_data(old)]
    assert read_data() == [python(text) for text in JSON]


@with_our_model
@pytest.mark.backend("mariadb")
@pytest.mark.parametrize("row_format", ["COMPACT", "REDUNDANT"])
def test_a_table_that_an_old_server_made_gets_the_indexes_too(old_table: Any, row_format: str) -> None:
    """MySQL 5.6 and older made them so, and a newer server leaves them: a key of 255 characters was too long."""
    fresh = fresh_shape()
    old_table("hq 1.8.3")
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {TABLE} ROW_FORMAT={row_format}")

    adopt(AdoptTable("Notification"))

    assert shape(connection, TABLE) == fresh


@with_our_model
@pytest.mark.backend("mariadb")
def test_a_key_of_an_object_keeps_the_character_set_of_its_column(old_table: Any) -> None:
    old_table("hq 1.8.3")
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {TABLE} DEFAULT CHARACTER SET latin1")
        cursor.execute(f"UPDATE {TABLE} SET actor_object_id = '日本語'")  # noqa: S608

    adopt(AdoptTable("Notification"))

    columns = shape(connection, TABLE)[0]
    assert {row["actor_object_id"] for row in dump(TABLE)} == {"日本語"}
    assert columns["actor_object_id"]["collation"] == "utf8mb4_bin"


@with_our_model
def test_new_rows_get_the_next_keys(old_table: Any) -> None:
    last = old_table("hq 1.8.3")[-1]["id"]
    adopt(AdoptTable("Notification"))
    user = get_user_model()._base_manager.get()
    model = notification_at(MIGRATION)

    new = model.objects.create(recipient_id=user.pk, actor_object_id=user.pk, verb="went on", data={"a": 1})

    assert new.pk == last + 1
    assert model.objects.get(pk=new.pk).data == {"a": 1}


@with_our_model
def test_a_fresh_table_is_left_alone(old_table: Any) -> None:
    put_table_of(notification_at(MIGRATION))

    assert changes(AdoptTable("Notification")) == []


@with_our_model
def test_an_adopted_table_is_left_alone(old_table: Any) -> None:
    old_table("hq 1.8.3")
    assert changes(AdoptTable("Notification")) != []

    assert changes(AdoptTable("Notification")) == []


@with_our_model
def test_an_index_that_the_site_made_stays(old_table: Any) -> None:
    old_table("hq 1.8.3")
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX own_index ON {TABLE} (verb, level)")

    adopt(AdoptTable("Notification"))

    # SQLite makes the table anew.
    assert ("own_index" in shape(connection, TABLE)[1]) == (connection.vendor != "sqlite")


@with_our_model
def test_going_back_changes_nothing_and_going_all_the_way_drops_the_table(old_table: Any) -> None:
    migrate("0001_initial")
    old_table("hq 1.8.3")
    migrate(MIGRATION)
    adopted = shape(connection, TABLE), [*dump(TABLE)]

    migrate("0001_initial")
    assert (shape(connection, TABLE), [*dump(TABLE)]) == adopted

    call_command("migrate", "notifications", "zero", verbosity=0)
    assert TABLE not in connection.introspection.table_names()

    call_command("migrate", "notifications", verbosity=0)
    assert not [*dump(TABLE)]


@with_our_model
@pytest.mark.parametrize("last", ["0003", "0006", "0009", "0013"])
def test_what_the_older_packages_recorded_does_no_harm(old_table: Any, last: str) -> None:
    migrate("0001_initial")
    old = old_table("community")
    for name in OLD_MIGRATIONS:
        if name[:4] <= last:
            MigrationRecorder(connection).record_applied("notifications", name)

    call_command("migrate", verbosity=0)

    assert [row["id"] for row in dump(TABLE)] == [row["id"] for row in old]
    assert "read_at" in shape(connection, TABLE)[0]


#: All that either package recorded after 0001_initial.
OLD_MIGRATIONS = [
    "0002_auto_20150224_1134",
    "0003_notification_data",
    "0004_auto_20150826_1508",
    "0005_auto_20160504_1520",
    "0006_indexes",
    "0007_add_timestamp_index",
    "0008_index_together_recipient_unread",
    "0009_alter_notification_options_and_more",
    "0010_rename_notification_recipient_unread_notificatio_recipie_8bedf2_idx",
    "0011_replace_jsonfield_with_native",
    "0012_gfk_indexes",
    "0013_alter_notification_level",
]


def test_a_site_may_name_every_older_migration_and_they_do_nothing() -> None:
    names = {path.stem for path in Path(notifications.migrations.__path__[0]).glob("0*.py")}

    assert names == {"0001_initial", *OLD_MIGRATIONS, MIGRATION, "0015_inbox_state"}
    for name in OLD_MIGRATIONS:
        assert not import_module(f"notifications.migrations.{name}").Migration.operations


class Killed(Exception):
    """The process ends here."""


class Allowance:
    """Let so many statements change something, and end the process at the next."""

    def __init__(self, statements: int) -> None:
        self.left = statements

    def __call__(self, execute: Any, sql: Any, *args: Any) -> Any:
        # Quoting what is not JSON is done again until the column has its type, and finds nothing then.
        if CHANGE.match(str(sql)) and not str(sql).startswith("UPDATE"):
            if not self.left:
                raise Killed
            self.left -= 1
        return execute(sql, *args)


@with_our_model
@pytest.mark.backend("mariadb")
@pytest.mark.parametrize("release", ["hq 1.0", "community"])
def test_a_crash_after_any_statement_is_made_good_by_running_again(old_table: Any, release: str) -> None:
    fresh = fresh_shape()
    old = old_table(release, [*JSON, *NOT_JSON] if RELEASES[release][0] == "text" else JSON)

    # One more statement each time, so that every next one is the first of some run.
    crashes = 0
    while crashes < 100:
        try:
            with connection.execute_wrapper(Allowance(1)):
                adopt(AdoptTable("Notification"))
            break
        except Killed:
            crashes += 1

    assert crashes > 6
    assert shape(connection, TABLE) == fresh
    assert without_data([*dump(TABLE)]) == [
        {**row, **ADDED, "inbox_at": row["timestamp"]} for row in without_data(old)
    ]


@with_our_model
@pytest.mark.backend("sqlite", "postgres")
def test_a_crash_leaves_the_older_table_where_the_database_can_roll_back(old_table: Any) -> None:
    old = old_table("hq 1.8.3")
    before = shape(connection, TABLE)

    with pytest.raises(Killed), connection.execute_wrapper(Allowance(8)):
        adopt(AdoptTable("Notification"))

    assert shape(connection, TABLE) == before
    assert [*dump(TABLE)] == old


# The data


@with_our_model
def test_text_that_is_not_json_is_kept_as_text(old_table: Any, caplog: pytest.LogCaptureFixture) -> None:
    texts = [*NOT_JSON, *REFUSED[connection.vendor]]
    old_table("hq 1.8.3", [None, *texts, "{}"])

    with caplog.at_level(logging.WARNING, "notifications"):
        adopt(AdoptTable("Notification"))

    if NATIVE:
        assert read_data() == [None, *texts, {}]
        assert [record.getMessage() for record in caplog.records] == [
            f"{len(texts)} values of {TABLE}.data are not JSON. They were stored as JSON strings."
        ]
    else:
        assert [row["data"] for row in dump(TABLE)] == [None, *texts, "{}"]
        assert not caplog.records


@with_our_model
@pytest.mark.backend("postgres")
def test_a_role_without_the_right_to_temporary_objects_can_adopt(old_table: Any) -> None:
    old_table("hq 1.8.3", [None, "no JSON", "{}"])
    database = connection.ops.quote_name(connection.settings_dict["NAME"])
    statements = [
        "CREATE ROLE ntf_owner",
        "GRANT ALL ON SCHEMA public TO ntf_owner",
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO ntf_owner",
        f"ALTER TABLE {TABLE} OWNER TO ntf_owner",
        f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC",
        "SET LOCAL ROLE ntf_owner",
    ]

    # PostgreSQL rolls all of it back, also the role.
    with transaction.atomic():
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        adopt(AdoptTable("Notification"))
        found = read_data()
        made = (
            "SELECT count(*) FROM pg_class, pg_proc WHERE relname = 'ntf_quoted' OR proname = 'ntf_to_json'"
        )
        with connection.cursor() as cursor:
            cursor.execute(made)
            left = cursor.fetchone()[0]
        transaction.set_rollback(True)

    assert found == [None, "no JSON", {}]
    assert left == 0


@with_our_model
@pytest.mark.backend("mariadb")
def test_a_server_that_wants_keys_in_each_update_can_adopt(
    old_table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MAX_UPDATE_KEYS", 2)
    texts = [f"no JSON {number}" for number in range(5)]
    old_table("hq 1.8.3", ["{}", *texts])
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_safe_updates = 1")
    try:
        adopt(AdoptTable("Notification"))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION sql_safe_updates = 0")

    assert read_data() == [{}, *texts]


@with_our_model
def test_nothing_is_logged_where_all_is_json(old_table: Any, caplog: pytest.LogCaptureFixture) -> None:
    old_table("hq 1.8.3")

    adopt(AdoptTable("Notification"))

    assert not caplog.records


@with_our_model
def test_data_that_is_json_already_is_left_alone(old_table: Any) -> None:
    old = old_table("community")

    adopt(AdoptTable("Notification"))

    assert [row["data"] for row in dump(TABLE)] == [row["data"] for row in old]


# The operation


@pytest.mark.shape("swapped")
def test_a_model_that_another_has_replaced_is_left_alone(transactional_db: None) -> None:
    with CaptureQueriesContext(connection) as queries:
        adopt(AdoptTable("Notification"))

    assert not [query for query in queries if TABLE in query["sql"]]
    assert TABLE not in connection.introspection.table_names()


class Nowhere:
    """A router of a site that keeps notifications in another database."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return app_label != "notifications"


@with_our_model
def test_a_database_without_the_table_is_left_alone(transactional_db: None, settings: Any) -> None:
    settings.DATABASE_ROUTERS = [Nowhere()]

    with CaptureQueriesContext(connection) as queries:
        adopt(AdoptTable("Notification"))

    assert not [query for query in queries if TABLE in query["sql"]]


def test_the_operation_says_what_it_does() -> None:
    assert (
        AdoptTable("Notification").describe() == "Adopt the table of Notification if an older package made it"
    )


def test_the_operation_can_be_written_into_a_squashed_migration() -> None:
    written, imports = OperationWriter(AdoptTable("Notification"), indentation=0).serialize()

    assert imports == {"import notifications.compat.adoption"}
    scope: dict[str, Any] = {"notifications": notifications}
    operation = eval(written.rstrip(","), scope)  # noqa: S307
    assert type(operation) is AdoptTable
    assert operation.name == "Notification"


def test_no_migration_is_missing(db: None) -> None:
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)


@pytest.mark.backend("sqlite")
@pytest.mark.shape("default")
@pytest.mark.django_db(transaction=True)
def test_a_table_whose_columns_are_not_as_they_should_be_is_made_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_notification(make_user("justquick"))
    before = list(rows().values())
    monkeypatch.setattr(SQLiteTable, "is_done", lambda table: False)

    with connection.schema_editor() as editor:
        SQLiteTable(Notification, editor).adopt()

    assert list(rows().values()) == before
