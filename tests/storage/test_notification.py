"""The row: its columns, what it reads as, and what marking, saving and deleting it do."""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import date, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, connection, models, transaction
from django.db.models.functions import Now
from django.db.models.signals import post_save
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

import notifications.models
from notifications.conf import get_notification_model
from notifications.models import AbstractNotification
from notifications.objects.keys import ObjectKey
from notifications.storage.fields import DataField, ObjectIdField
from notifications.storage.querysets import NotificationQuerySet
from tests.factories import (
    listening,
    make_issue,
    make_notification,
    make_project,
    make_user,
    moment,
    names_of_indexes,
    rows,
)
from tests.testapp.models import Project, Quiet, TextThing

pytestmark = pytest.mark.django_db

#: MariaDB reads the keys that it is to lock; the others lock and write in one statement.
READS_FIRST = connection.vendor == "mysql"


def column(name: str) -> Any:
    return get_notification_model()._meta.get_field(name)


def an_hour_ago() -> Any:
    return timezone.now() - timedelta(hours=1, seconds=5)


def reloaded(row: Any) -> Any:
    return rows().get(pk=row.pk)


# The columns


@pytest.mark.parametrize(
    ("name", "kind", "may_be_null", "may_be_blank", "default", "longest"),
    [
        ("id", models.BigAutoField, False, True, None, None),
        ("level", models.CharField, False, False, "info", 20),
        ("recipient", models.ForeignKey, False, False, None, None),
        ("unread", models.BooleanField, False, False, True, None),
        ("actor_content_type", models.ForeignKey, True, False, None, None),
        ("actor_object_id", ObjectIdField, False, False, "", 255),
        ("verb", models.CharField, False, False, "", 255),
        ("description", models.TextField, True, True, None, None),
        ("target_content_type", models.ForeignKey, True, True, None, None),
        ("target_object_id", ObjectIdField, True, True, None, 255),
        ("action_object_content_type", models.ForeignKey, True, True, None, None),
        ("action_object_object_id", ObjectIdField, True, True, None, 255),
        ("public", models.BooleanField, False, False, True, None),
        ("deleted", models.BooleanField, False, False, False, None),
        ("emailed", models.BooleanField, False, False, False, None),
        ("data", DataField, True, True, None, None),
        ("event", models.UUIDField, True, False, None, 32),
        ("read_at", models.DateTimeField, True, False, None, None),
    ],
)
def test_the_columns_are_those_of_the_older_packages_with_event_and_read_at(
    name: str, kind: type, may_be_null: bool, may_be_blank: bool, default: Any, longest: int | None
) -> None:
    field = column(name)
    assert (type(field), field.null, field.blank) == (kind, may_be_null, may_be_blank)
    assert (field.get_default(), field.max_length) == (default, longest)


def test_the_timestamp_is_now_unless_it_is_given(justquick: Any) -> None:
    before = timezone.now()
    row = make_notification(justquick)
    assert before <= row.timestamp <= timezone.now()
    assert make_notification(justquick, timestamp=moment(2011, 2, 4)).timestamp == moment(2011, 2, 4)


def test_the_model_has_no_other_columns() -> None:
    own = {field.name for field in AbstractNotification._meta.get_fields()}
    assert own == {
        "level", "recipient", "unread", "read_at", "verb", "description", "timestamp", "public", "deleted",
        "emailed", "data", "event", "done_at", "saved_at", "snoozed_until", "inbox_at",
            "reason",
        "actor", "actor_content_type", "actor_object_id",
        "target", "target_content_type", "target_object_id",
        "action_object", "action_object_content_type", "action_object_object_id",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["actor", "action_object", "target"])
def test_the_objects_are_generic_keys(name: str) -> None:
    assert isinstance(column(name), ObjectKey)


@pytest.mark.parametrize(
    ("name", "related_name"),
    [
        ("recipient", "notifications"),
        ("actor_content_type", "notify_actor"),
        ("target_content_type", "notify_target"),
        ("action_object_content_type", "notify_action_object"),
    ],
)
def test_the_related_names_are_those_of_the_older_packages(name: str, related_name: str) -> None:
    assert column(name).remote_field.related_name == related_name


def test_the_related_managers_lead_from_users_and_content_types_to_the_rows(justquick: Any) -> None:
    row = make_notification(justquick, action_object=make_issue(), target=make_project())
    assert list(justquick.notifications.all()) == [row]
    assert list(row.actor_content_type.notify_actor.all()) == [row]
    assert list(row.action_object_content_type.notify_action_object.all()) == [row]
    assert list(row.target_content_type.notify_target.all()) == [row]


def test_levels_can_be_named() -> None:
    levels = get_notification_model().LEVELS
    assert (levels.success, levels.info, levels.warning, levels.error) == (
        "success",
        "info",
        "warning",
        "error",
    )
    assert list(levels) == levels.choices == [(name, name) for name in levels.values]
    assert levels.values == levels.names == levels.labels == ["success", "info", "warning", "error"]


def test_a_level_has_a_display_name(justquick: Any) -> None:
    assert make_notification(justquick, level="warning").get_level_display() == "warning"


def test_rows_come_newest_first_and_at_the_same_moment_the_later_one_first(justquick: Any) -> None:
    old, *twins, new = [
        make_notification(justquick, timestamp=moment(2011, 2, day)) for day in (1, 2, 2, 2, 3)
    ]
    assert list(rows()) == [new, *reversed(twins), old]


def test_rows_know_their_neighbours_in_time(justquick: Any) -> None:
    first, second = [make_notification(justquick, timestamp=moment(2011, 2, day)) for day in (1, 2)]
    assert first.get_next_by_timestamp() == second
    assert second.get_previous_by_timestamp() == first


def test_the_table_has_the_indexes_and_the_constraint_that_the_model_names() -> None:
    meta = get_notification_model()._meta
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, meta.db_table)
    names = names_of_indexes()
    assert set(names.values()) <= set(found)
    assert found[names["ntf_event_recipient"]]["unique"]
    assert found[names["ntf_event_recipient"]]["columns"] == ["event", "recipient_id"]
    assert found[names["ntf_inbox"]]["columns"] == ["recipient_id", "inbox_at"]


def test_no_constraint_of_the_database_checks_content_types() -> None:
    meta = get_notification_model()._meta
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, meta.db_table)
    checked = {tuple(constraint["columns"]) for constraint in found.values() if constraint["foreign_key"]}
    assert checked == {("recipient_id",)}


def test_the_rows_of_a_user_go_with_the_user(justquick: Any) -> None:
    brosner = make_user("brosner")
    make_notification(justquick, actor=brosner)
    kept = make_notification(brosner, actor=justquick)
    justquick.delete()
    assert list(rows()) == [kept]


@pytest.mark.shape("default", "custom_user", "jsonfield", "no_tz", "soft_delete")
def test_the_table_is_the_one_of_the_older_packages() -> None:
    model = get_notification_model()
    assert model._meta.label == "notifications.Notification"
    assert model._meta.db_table == "notifications_notification"
    assert model._meta.swappable == "NOTIFICATIONS_NOTIFICATION_MODEL"
    assert model._meta.swapped is None


@pytest.mark.shape("swapped")
def test_a_site_may_bring_its_own_model(justquick: Any) -> None:
    assert get_notification_model()._meta.label == "swapped.SwappedNotification"
    assert notifications.models.Notification._meta.swapped == "swapped.SwappedNotification"
    row = make_notification(justquick, details="its own")
    assert reloaded(row).details == "its own"
    assert list(justquick.notifications.unread()) == [row]


def test_the_setting_for_the_model_has_a_default(settings: Any) -> None:
    assert get_notification_model()._meta.label == settings.NOTIFICATIONS_NOTIFICATION_MODEL


# The sentence


def test_a_row_without_objects_reads_actor_verb_time(justquick: Any) -> None:
    row = make_notification(justquick, verb="reached level 10", timestamp=an_hour_ago())
    assert str(row) == "justquick reached level 10 1\xa0hour ago"


def test_a_row_with_a_target_reads_actor_verb_target_time(justquick: Any) -> None:
    row = make_notification(justquick, verb="joined", target=make_project("pinax"), timestamp=an_hour_ago())
    assert str(row) == "justquick joined pinax 1\xa0hour ago"


def test_a_row_with_an_action_object_reads_actor_verb_object_time(justquick: Any) -> None:
    row = make_notification(justquick, action_object=make_issue("issue 2"), timestamp=an_hour_ago())
    assert str(row) == "justquick closed issue 2 1\xa0hour ago"


def test_a_row_with_both_reads_actor_verb_object_on_target_time(justquick: Any) -> None:
    row = make_notification(
        justquick,
        action_object=make_issue("issue 2"),
        target=make_project("activity-stream"),
        timestamp=timezone.now() - timedelta(hours=12, seconds=5),
    )
    assert str(row) == "justquick closed issue 2 on activity-stream 12\xa0hours ago"


CATALOGUE = {
    "": "Content-Type: text/plain; charset=utf-8\n",
    "%(actor)s %(verb)s %(action_object)s on %(target)s %(timesince)s ago": (
        "vor %(timesince)s auf %(target)s: %(action_object)s %(verb)s von %(actor)s"
    ),
    "%(actor)s %(verb)s %(target)s %(timesince)s ago": "vor %(timesince)s %(target)s %(verb)s von %(actor)s",
    "%(actor)s %(verb)s %(action_object)s %(timesince)s ago": (
        "vor %(timesince)s: %(action_object)s %(verb)s von %(actor)s"
    ),
    "%(actor)s %(verb)s %(timesince)s ago": "vor %(timesince)s %(verb)s %(actor)s",
    "deleted %(model)s": "%(model)s (weg)",
    "deleted object": "etwas, das weg ist",
}


@pytest.fixture
def german(settings: Any, tmp_path: Path) -> Any:
    """A catalogue whose words stand in another order than the English ones, in force."""
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.mo").write_bytes(compiled(CATALOGUE))
    settings.LOCALE_PATHS = [str(tmp_path)]
    with translation.override("de"):
        yield


def compiled(catalogue: dict[str, str]) -> bytes:
    """Return a catalogue as gettext reads it: a header, two tables of (length, offset), and the texts."""
    texts = [text.encode() for pair in zip(*sorted(catalogue.items()), strict=True) for text in pair]
    place, table = 28 + 8 * len(texts), b""
    for text in texts:
        table += struct.pack("<2I", len(text), place)
        place += len(text) + 1
    header = struct.pack("<7I", 0x950412DE, 0, len(catalogue), 28, 28 + 8 * len(catalogue), 0, 28)
    return header + table + b"".join(text + b"\0" for text in texts)


@pytest.mark.usefixtures("german")
def test_each_of_the_four_sentences_is_translated_as_a_whole(justquick: Any) -> None:
    objects = {"action_object": make_issue("issue 2"), "target": make_project("pinax")}
    shapes: list[dict[str, Any]] = [
        objects,
        {"target": objects["target"]},
        {"action_object": objects["action_object"]},
        {},
    ]
    sentences = [
        str(make_notification(justquick, verb="zu", timestamp=an_hour_ago(), **shape)) for shape in shapes
    ]
    assert sentences == [
        "vor 1\xa0Stunde auf pinax: issue 2 zu von justquick",
        "vor 1\xa0Stunde pinax zu von justquick",
        "vor 1\xa0Stunde: issue 2 zu von justquick",
        "vor 1\xa0Stunde zu justquick",
    ]


@pytest.mark.usefixtures("german")
def test_what_is_gone_is_translated_too(justquick: Any) -> None:
    project = make_project()
    row = make_notification(justquick, target=project)
    project.delete()
    assert reloaded(row).label("target") == "project (weg)"
    row.target_content_type = None
    assert row.label("target") == "etwas, das weg ist"


def test_a_deleted_object_reads_as_deleted(justquick: Any) -> None:
    issue, project = make_issue(), make_project()
    row = make_notification(justquick, action_object=issue, target=project, timestamp=an_hour_ago())
    issue.delete()
    project.delete()
    assert str(reloaded(row)) == "justquick closed deleted issue on deleted project 1\xa0hour ago"


def test_a_deleted_actor_reads_as_deleted_and_never_as_none(justquick: Any) -> None:
    brosner = make_user("brosner")
    row = make_notification(justquick, actor=brosner, verb="left", timestamp=an_hour_ago())
    brosner.delete()
    assert str(reloaded(row)) == "deleted user left 1\xa0hour ago"


def test_an_id_that_does_not_fit_its_model_reads_as_deleted(justquick: Any) -> None:
    row = make_notification(justquick, target=make_project(), timestamp=an_hour_ago())
    rows().update(target_object_id="pinax/issues")
    assert str(reloaded(row)) == "justquick closed deleted project 1\xa0hour ago"


def test_an_object_whose_app_is_gone_reads_as_a_deleted_object(
    justquick: Any, gone_type: ContentType
) -> None:
    row = make_notification(justquick, target=make_project(), timestamp=an_hour_ago())
    rows().update(target_content_type=gone_type)
    assert str(reloaded(row)) == "justquick closed deleted object 1\xa0hour ago"


def test_an_object_whose_content_type_is_gone_reads_as_a_deleted_object_and_its_row_stays(
    justquick: Any, gone_type: ContentType
) -> None:
    row = make_notification(justquick, target=make_project(), timestamp=an_hour_ago())
    rows().update(
        actor_content_type=gone_type, action_object_content_type=gone_type, action_object_object_id="7"
    )
    gone_type.delete()
    kept = reloaded(row)
    assert (kept.actor_content_type, kept.action_object_content_type) == (None, None)
    assert str(kept) == "deleted object closed deleted object on activity-stream 1\xa0hour ago"


def test_an_empty_id_without_content_type_is_an_object_that_never_was(justquick: Any) -> None:
    # The admin of old Djangos stored '' where nothing was entered.
    row = make_notification(justquick, timestamp=an_hour_ago())
    rows().update(target_object_id="", action_object_object_id="")
    assert str(reloaded(row)) == "justquick closed 1\xa0hour ago"


@pytest.fixture
def gone_type() -> Any:
    """The content type of a model whose app is not installed any more."""
    yield ContentType.objects.create(app_label="gone", model="thing")
    # The cache outlives the transaction of the test.
    ContentType.objects.clear_cache()


# Time, slug, links


def test_timesince_counts_to_now_or_to_a_given_moment(justquick: Any) -> None:
    row = make_notification(justquick, timestamp=an_hour_ago())
    assert row.timesince() == "1\xa0hour"
    assert row.timesince(row.timestamp + timedelta(days=2)) == "2\xa0days"
    assert row.timesince(now=row.timestamp + timedelta(minutes=5)) == "5\xa0minutes"


def test_naturalday_and_naturaltime_speak_as_humanize_does(justquick: Any) -> None:
    row = make_notification(justquick)
    assert (row.naturalday(), row.naturaltime()) == ("today", "now")
    old = make_notification(justquick, timestamp=timezone.now() - timedelta(hours=3, seconds=5))
    assert old.naturaltime() == "3\xa0hours ago"
    assert make_notification(justquick, timestamp=moment(2011, 2, 4)).naturalday() == "Feb. 4, 2011"


def test_the_slug_is_the_id_and_110909(justquick: Any) -> None:
    row = make_notification(justquick)
    assert row.slug == row.pk + 110909


def test_the_object_urls_lead_to_the_admin(justquick: Any) -> None:
    issue, project = make_issue(), make_project()
    row = make_notification(justquick, actor=project, action_object=issue, target=project)
    to_project = reverse("admin:testapp_project_change", args=[project.pk])
    to_issue = reverse("admin:testapp_issue_change", args=[issue.pk])
    assert row.actor_object_url() == f'<a href="{to_project}">{project.pk}</a>'
    # django-notifications-hq raised AttributeError here.
    assert row.action_object_url() == f'<a href="{to_issue}">{issue.pk}</a>'
    assert row.target_object_url() == f'<a href="{to_project}">{project.pk}</a>'


def test_an_object_without_admin_has_only_its_id(justquick: Any) -> None:
    quiet = Quiet.objects.create()
    assert make_notification(justquick, target=quiet).target_object_url() == str(quiet.pk)


def test_an_object_that_is_gone_has_only_its_id_and_one_that_never_was_has_nothing(justquick: Any) -> None:
    row = make_notification(justquick, target=make_project())
    rows().update(target_object_id="<i>gone</i>")
    assert reloaded(row).target_object_url() == "<i>gone</i>"
    assert not hasattr(reloaded(row).target_object_url(), "__html__")
    assert row.action_object_url() == ""


def test_the_object_urls_are_escaped_and_lead_to_keys_with_any_characters(
    justquick: Any, admin_client: Any
) -> None:
    thing = TextThing.objects.create(code="<b>a/b_3A\"'&", name="odd")
    url = make_notification(justquick, target=thing).target_object_url()
    href, _, text = url.removeprefix('<a href="').removesuffix("</a>").partition('">')
    assert text == "&lt;b&gt;a/b_3A&quot;&#x27;&amp;"
    assert not set(href) & set("<>\"'")
    assert admin_client.get(unescape(href)).context["original"] == thing


# Marking one row


def statements(queries: Any) -> list[str]:
    """Return the first word of each statement but those that a transaction needs."""
    words = [query["sql"].split()[0] for query in queries.captured_queries]
    return [word for word in words if word in {"SELECT", "UPDATE", "INSERT", "DELETE"}]


WRITE = ["SELECT", "UPDATE"] if READS_FIRST else ["UPDATE"]


def test_mark_as_read_writes_unread_and_read_at_and_nothing_else(justquick: Any) -> None:
    row = make_notification(justquick)
    rows().update(verb="written by another process")
    before = timezone.now()
    with CaptureQueriesContext(connection) as queries:
        assert row.mark_as_read() is True
    assert statements(queries) == [*WRITE, "SELECT"]
    fresh = reloaded(row)
    assert (fresh.unread, fresh.verb) == (False, "written by another process")
    assert before <= fresh.read_at <= timezone.now()
    assert fresh.read_at == row.read_at


def test_mark_as_unread_takes_back_both(justquick: Any) -> None:
    row = make_notification(justquick, unread=False)
    assert row.mark_as_unread() is True
    assert (reloaded(row).unread, reloaded(row).read_at) == (True, None)


def test_marking_what_is_marked_writes_nothing_and_says_so(justquick: Any) -> None:
    read, unread = make_notification(justquick, unread=False), make_notification(justquick)
    first_read_at = read.read_at
    assert read.mark_as_read() is False
    assert unread.mark_as_unread() is False
    assert reloaded(read).read_at == first_read_at


def test_a_verb_of_a_row_goes_by_what_the_database_has(justquick: Any) -> None:
    row = make_notification(justquick)
    twin = rows().get(pk=row.pk)
    until = timezone.now() + timedelta(days=1)
    twin.snooze(until)

    assert row.mark_as_read() is False

    assert (row.is_snoozed, row.unread, row.inbox_at) == (True, True, reloaded(row).inbox_at)
    assert twin.mark_as_done()
    assert (row.mark_as_done(), row.is_done, row.inbox_at) == (False, True, None)


def test_a_verb_of_a_row_that_is_gone_changes_nothing(justquick: Any) -> None:
    row = make_notification(justquick, unread=False)
    rows().all().delete()
    assert [row.mark_as_unread(), row.mark_as_done(), row.mark_as_saved()] == [False] * 3
    assert (row.unread, row.done_at) == (False, None)


def test_a_verb_of_a_row_leaves_what_was_set_on_the_object(justquick: Any) -> None:
    row = make_notification(justquick)
    row.verb = "not saved yet"
    row.mark_as_read()
    assert (row.verb, reloaded(row).verb) == ("not saved yet", "closed")


def test_a_verb_of_a_row_that_is_not_saved_says_so(justquick: Any) -> None:
    row = get_notification_model()(recipient=justquick, actor=justquick, verb="closed")
    with pytest.raises(ValueError, match="is not saved yet"):
        row.mark_as_read()


def test_the_other_columns_of_a_row_have_verbs_as_well(justquick: Any, settings: Any) -> None:
    settings.NOTIFICATIONS = {"SOFT_DELETE": True}
    row = make_notification(justquick)
    for verb, column, value in [("sent", "emailed", True), ("unsent", "emailed", False),
                                ("deleted", "deleted", True), ("active", "deleted", False)]:  # fmt: skip
        called = getattr(row, f"mark_as_{verb}")
        assert [called(), called()] == [True, False]
        assert getattr(row, column) is getattr(reloaded(row), column) is value
    settings.NOTIFICATIONS = {"SOFT_DELETE": False}
    for verb in ("deleted", "active"):
        with pytest.raises(ImproperlyConfigured, match="need soft deletion"):
            getattr(row, f"mark_as_{verb}")()


def test_a_verb_of_a_row_can_be_awaited(justquick: Any) -> None:
    row = make_notification(justquick)
    assert async_to_sync(row.amark_as_read)(at=moment(2026, 1, 1)) is True
    assert async_to_sync(row.asnooze)(timezone.now() + timedelta(days=1)) is True
    assert async_to_sync(row.aunsnooze)() is True
    assert reloaded(row).read_at == moment(2026, 1, 1)


def test_a_verb_of_a_row_calls_a_save_of_the_sites_own_and_what_that_raises_undoes_it(
    justquick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[Any] = []

    def save(self: Any, **kwargs: Any) -> None:
        if self.read_at == moment(2026, 1, 1):
            raise ZeroDivisionError
        saved.append(set(kwargs["update_fields"]))
        AbstractNotification.save(self, **kwargs)

    row = make_notification(justquick)
    monkeypatch.setattr(get_notification_model(), "save", save)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        row.mark_as_read(at=moment(2026, 1, 1))
    assert reloaded(row).unread

    assert row.mark_as_done()
    assert saved == [{"unread", "read_at", "done_at", "snoozed_until"}]
    assert (row.inbox_at, reloaded(row).inbox_at) == (None, None)
    assert not row.mark_as_done()
    assert len(saved) == 1


def test_marking_a_row_still_fires_post_save(justquick: Any) -> None:
    row = make_notification(justquick)
    heard: list[Any] = []

    def listen(instance: Any, created: bool, update_fields: Any, **kwargs: Any) -> None:
        heard.append((instance, created, set(update_fields)))

    post_save.connect(listen, sender=get_notification_model())
    try:
        row.mark_as_read()
        row.mark_as_read()
    finally:
        post_save.disconnect(listen, sender=get_notification_model())
    assert heard == [(row, False, {"unread", "read_at"})]


# read_at follows unread, and saving writes what was asked for


def test_a_row_that_is_created_read_was_read_now(justquick: Any) -> None:
    before = timezone.now()
    row = reloaded(make_notification(justquick, unread=False))
    assert before <= row.read_at <= timezone.now()


def test_a_row_that_is_created_read_keeps_the_moment_it_was_read(justquick: Any) -> None:
    row = make_notification(justquick, unread=False, read_at=moment(2011, 2, 4))
    assert reloaded(row).read_at == moment(2011, 2, 4)


def test_an_unread_row_was_never_read(justquick: Any) -> None:
    assert reloaded(make_notification(justquick, read_at=moment(2011, 2, 4))).read_at is None


#: A time in the past as Django takes it, and as a site may have it.
TIMES: dict[str, Callable[[], Any]] = {
    "without zone": lambda: datetime(2026, 1, 2, 3, 4),  # noqa: DTZ001
    "text": lambda: timezone.now().isoformat(),
    "text without zone": lambda: "2026-01-02 03:04",
    "text of a day": lambda: "2026-01-02",
    "day": lambda: date(2026, 1, 2),
    "expression": Now,
}


@pytest.mark.filterwarnings("ignore:.*received a naive datetime:RuntimeWarning")
@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize("column", ["timestamp", "snoozed_until"])
def test_a_time_may_be_set_in_each_way_that_django_takes(justquick: Any, name: str, column: str) -> None:
    row = make_notification(justquick, **{column: TIMES[name]()})
    if name != "expression":
        assert (row.is_in_inbox, row.is_unread) == (True, True)
    setattr(row, column, TIMES[name]())
    row.save()
    rows().bulk_update([row], [column, "unread"])
    again = type(row)(recipient=justquick, actor=justquick, verb="closed", **{column: TIMES[name]()})
    rows().bulk_create([again])

    assert [(row.is_in_inbox, row.is_unread) for row in rows()] == [(True, True)] * 2


def test_a_row_calls_the_method_of_a_queryset_that_a_site_wrote_for_the_older_packages(
    justquick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, called = NotificationQuerySet.mark_all_as_read, []

    def own(self: Any, recipient: Any = None) -> int:
        called.append(recipient)
        return original(self, recipient)

    monkeypatch.setattr(NotificationQuerySet, "mark_all_as_read", own)
    row = make_notification(justquick)

    assert row.mark_as_read()
    assert not async_to_sync(row.amark_as_read)()
    assert called == [None, None]


@pytest.mark.parametrize("replaced", ["mark_all_as_read", "update"])
def test_a_row_that_a_queryset_of_a_site_changes_without_saying_so_is_changed(
    justquick: Any, replace_verb: Any, replaced: str
) -> None:
    row = make_notification(justquick)
    replace_verb(replaced)
    with listening(post_save, sender=get_notification_model()) as heard:
        assert row.mark_as_read()
    assert [call["instance"] for call in heard] == [row]
    assert not reloaded(row).unread


def test_save_lets_read_at_follow(justquick: Any) -> None:
    row = make_notification(justquick)
    row.unread = False
    row.save()
    assert reloaded(row).read_at is not None
    row.unread = True
    row.save()
    assert reloaded(row).read_at is None


def test_save_of_some_columns_lets_read_at_follow_unread_and_writes_no_third(justquick: Any) -> None:
    row = make_notification(justquick)
    row.unread, row.verb = False, "not asked for"
    with CaptureQueriesContext(connection) as queries:
        row.save(update_fields=["unread"])
    assert len(queries) == 1
    fresh = reloaded(row)
    assert fresh.read_at is not None
    assert fresh.verb == "closed"


def test_save_takes_its_arguments_by_place_as_overrides_of_sites_hand_them_on(justquick: Any) -> None:
    row = make_notification(justquick, verb="closed")
    row.unread, row.verb = False, "opened"
    row.save(False, True, None, ["unread"])

    row = rows().get()
    assert (row.unread, row.read_at is None, row.verb) == (False, False, "closed")
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(True, using="default")


def test_save_of_another_column_leaves_read_at_alone(justquick: Any) -> None:
    row = make_notification(justquick)
    row.unread, row.verb = False, "reopened"
    row.save(update_fields=["verb"])
    fresh = reloaded(row)
    assert (fresh.verb, fresh.unread, fresh.read_at) == ("reopened", True, None)


def test_save_of_no_column_writes_nothing(justquick: Any, django_assert_num_queries: Any) -> None:
    row = make_notification(justquick)
    row.unread = False
    with django_assert_num_queries(0):
        row.save(update_fields=[])


def test_a_row_that_was_loaded_in_part_can_be_marked_saved_and_deleted(justquick: Any) -> None:
    row = make_notification(justquick)
    part = rows().only("pk").get()
    part.save()
    assert part.mark_as_read() is True
    assert reloaded(row).read_at is not None
    part = rows().defer("unread").get()
    part.unread = True
    part.save()
    assert reloaded(row).read_at is None
    assert rows().only("pk").get().delete() == (1, {get_notification_model()._meta.label: 1})
    assert not rows().exists()


def test_update_or_create_lets_read_at_follow(justquick: Any) -> None:
    row = make_notification(justquick)
    rows().update_or_create(pk=row.pk, defaults={"unread": False})
    assert reloaded(row).read_at is not None


@pytest.mark.parametrize("name", ["asave", "adelete"])
@pytest.mark.django_db(transaction=True)
def test_the_async_twins_of_a_row_do_the_same(name: str) -> None:
    from asgiref.sync import async_to_sync

    row = make_notification(make_user())
    row.unread = False
    async_to_sync(getattr(row, name))()
    assert list(rows().values_list("unread", flat=True)) == ([False] if name == "asave" else [])
    assert rows().filter(read_at=None).count() == 0


def test_delete_deletes_one_row(justquick: Any) -> None:
    row, other = make_notification(justquick), make_notification(justquick)
    assert row.delete() == (1, {get_notification_model()._meta.label: 1})
    assert list(rows()) == [other]


# Names of the module


def test_the_module_has_the_receiver_where_the_older_packages_had_it() -> None:
    from notifications.sending.handler import notify_handler

    assert notifications.models.notify_handler is notify_handler


def test_a_project_that_is_looked_up_by_a_row_is_a_project(justquick: Any) -> None:
    project = make_project()
    assert isinstance(reloaded(make_notification(justquick, target=project)).target, Project)
