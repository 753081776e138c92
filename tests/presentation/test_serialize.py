"""The public JSON shape: that of the older packages, key by key and value by value."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ImproperlyConfigured
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models, transaction
from django.db.models.fields.files import FieldFile
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import translation

from notifications.conf import get_notification_model
from notifications.inbox.lists import (
    LISTS,
    fingerprint,
    get_notification_list,
    get_num_to_fetch,
    marks_as_read,
    newest,
)
from notifications.presentation import serialize
from notifications.presentation.serialize import STATE_COLUMNS, entry, item
from tests.factories import make_issue, make_notification, make_project, make_user, moment, rows
from tests.testapp.models import Issue, Project, Quiet

pytestmark = pytest.mark.django_db

#: MariaDB reads the keys that it is to lock; the others lock and write in one statement.
UPDATE = 2 if connection.vendor == "mysql" else 1


def asked(user: Any, method: str = "get", query: str = "", **data: str) -> Any:
    """Return the request of this user."""
    request = getattr(RequestFactory(), method)(f"/{query}", data)
    request.user = user
    return request


def make_rows(recipient: Any, count: int, **columns: Any) -> None:
    model = get_notification_model()
    rows().bulk_create(
        model(recipient=recipient, actor=recipient, verb="closed", **columns) for _ in range(count)
    )


def as_json(shown: Any) -> Any:
    return json.loads(json.dumps(shown, cls=DjangoJSONEncoder))


def site_columns() -> dict[str, Any]:
    """Return the editable columns of a site's own model, which are shown too."""
    swapped = get_notification_model()._meta.app_label == "swapped"
    return {"details": "none", "urgent": False} if swapped else {}


def key_of(user: Any) -> Any:
    return as_json(user.pk)


# One item


def test_an_item_has_the_keys_and_values_of_the_older_packages(justquick: Any) -> None:
    brosner, issue, project = make_user("brosner"), make_issue("issue 2"), make_project("activity-stream")
    row = make_notification(
        justquick,
        actor=brosner,
        verb="commented on",
        action_object=issue,
        target=project,
        description="d",
        level="warning",
        timestamp=moment(2026, 11, 22, 15, 26, 23, 995123),
        data={"foo": "bar"},
    )
    type_of = ContentType.objects.get_for_model
    assert as_json(item(rows().get(pk=row.pk))) == {
        "id": row.pk,
        "level": "warning",
        "recipient": key_of(justquick),
        "unread": True,
        "actor_content_type": type_of(brosner).pk,
        "actor_object_id": str(brosner.pk),
        "verb": "commented on",
        "description": "d",
        "target_content_type": type_of(Project).pk,
        "target_object_id": str(project.pk),
        "action_object_content_type": type_of(Issue).pk,
        "action_object_object_id": str(issue.pk),
        "timestamp": "2026-11-22T15:26:23.995" + ("Z" if django_settings.USE_TZ else ""),
        "public": True,
        "deleted": False,
        "emailed": False,
        "data": {"foo": "bar"},
        **site_columns(),
        "slug": row.pk + 110909,
        "actor": "brosner",
        "target": "activity-stream",
        "target_url": f"/projects/{project.pk}/",
        "action_object": "issue 2",
        "action_object_url": f"/issues/{issue.pk}/?from={row.pk}",
    }


def test_the_keys_come_in_the_order_of_the_older_packages(justquick: Any) -> None:
    row = make_notification(justquick, target=make_project(), action_object=make_issue())
    known = [
        "id", "level", "recipient", "unread", "actor_content_type", "actor_object_id", "verb", "description",
        "target_content_type", "target_object_id", "action_object_content_type", "action_object_object_id",
        "timestamp", "public", "deleted", "emailed", "data", *site_columns(), "slug",
        "actor", "target", "target_url", "action_object", "action_object_url",
    ]  # fmt: skip
    assert list(item(row)) == known


def test_an_item_without_objects_and_words_has_nulls(justquick: Any) -> None:
    shown = as_json(item(make_notification(justquick, timestamp=moment(2026, 1, 2))))
    assert {key: value for key, value in shown.items() if value is None} == dict.fromkeys(
        [
            "description",
            "target_content_type",
            "target_object_id",
            "action_object_content_type",
            "action_object_object_id",
            "data",
        ]
    )
    assert shown["timestamp"] == "2026-01-02T00:00:00" + ("Z" if django_settings.USE_TZ else "")
    assert "target" not in shown
    assert "action_object" not in shown


def test_an_object_that_is_gone_has_no_name_and_no_url(justquick: Any) -> None:
    brosner, project = make_user("brosner"), make_project()
    project_pk = project.pk
    row = make_notification(justquick, actor=brosner, target=project)
    brosner.delete()
    project.delete()
    shown = item(rows().get(pk=row.pk))
    assert not {"actor", "target", "target_url"} & shown.keys()
    assert shown["target_object_id"] == str(project_pk)


def test_an_object_without_a_page_has_no_url(justquick: Any) -> None:
    shown = item(make_notification(justquick, target=Quiet.objects.create()))
    assert (shown["target"], "target_url" in shown, "actor_url" in shown) == ("<b>quiet</b>", False, False)


def test_a_url_that_is_not_of_the_web_is_not_shown(justquick: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(Project, "get_absolute_url", lambda self: f"javascript:alert('{self.name}')")
    assert "target_url" not in item(make_notification(justquick, target=make_project()))


def test_the_columns_that_nobody_edits_are_not_shown(justquick: Any) -> None:
    assert not {"read_at", "event"} & item(make_notification(justquick, unread=False)).keys()


# ?max=


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1), ("50", 50), ("100", 100), (" 7 ", 7), ("+7", 7), ("007", 7)],
)
def test_the_request_says_how_many(text: str, number: int) -> None:
    assert get_num_to_fetch(asked(None, max=text)) == number


@pytest.mark.parametrize(
    "text",
    ["", "0", "-1", "101", "1e1", "1.5", "ten", "None", "\x00", "9" * 30, "9" * 5000, "'; --", "1,2", "½"],
)
def test_where_the_request_says_nothing_that_can_be_it_is_the_setting(text: str, settings: Any) -> None:
    settings.NOTIFICATIONS = {"NUM_TO_FETCH": 4}
    assert get_num_to_fetch(asked(None, max=text)) == 4


def test_where_the_request_says_nothing_it_is_ten(settings: Any) -> None:
    settings.NOTIFICATIONS = {}
    assert get_num_to_fetch(asked(None)) == 10
    settings.DJANGO_NOTIFICATIONS_CONFIG = {"NUM_TO_FETCH": 3}
    assert get_num_to_fetch(asked(None)) == 3


# ?mark_as_read=


YES = ["true", "True", "1", "yes", "on", "anything", " true "]
NO = ["", "false", "False", "FALSE", "0", "no", "No", "off", " false ", "  "]


@pytest.mark.parametrize("value", YES)
@pytest.mark.parametrize("place", ["body", "query"])
def test_a_post_says_yes_by_any_other_value(value: str, place: str) -> None:
    request = (
        asked(None, "post", mark_as_read=value)
        if place == "body"
        else asked(None, "post", f"?mark_as_read={value}")
    )
    assert marks_as_read(request) is True


@pytest.mark.parametrize("value", NO)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_no_is_a_no(value: str, method: str, settings: Any) -> None:
    settings.NOTIFICATIONS = {"ACTIONS_ON_GET": True}
    assert marks_as_read(asked(None, method, mark_as_read=value)) is False


def test_the_body_is_heard_before_the_query() -> None:
    assert marks_as_read(asked(None, "post", "?mark_as_read=true", mark_as_read="false")) is False
    assert marks_as_read(asked(None, "post", "?mark_as_read=false", mark_as_read="true")) is True


def test_nothing_said_is_a_no() -> None:
    assert marks_as_read(asked(None, "post")) is False


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("setting", [True, False])
def test_a_get_is_heard_only_where_the_setting_says_so(method: str, setting: bool, settings: Any) -> None:
    settings.NOTIFICATIONS = {"ACTIONS_ON_GET": setting}
    assert marks_as_read(asked(None, method, mark_as_read="true")) is setting


# Lists


def kinds(user: Any, name: str) -> list[str]:
    return [shown["verb"] for shown in get_notification_list(asked(user), name)]


@pytest.fixture
def five(justquick: Any) -> None:
    """A row of each kind, and one of somebody else."""
    for number, (verb, columns) in enumerate(
        [
            ("unread", {}),
            ("read", {"unread": False}),
            ("sent", {"emailed": True}),
            ("deleted", {"deleted": True}),
        ]
    ):
        make_notification(
            justquick, verb=verb, timestamp=moment(2026, 1, 1) - timedelta(days=number), **columns
        )
    make_notification(make_user("brosner"), verb="of somebody else")


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize(
    ("name", "with_soft_delete", "without"),
    [
        ("all", ["unread", "read", "sent"], ["unread", "read", "sent", "deleted"]),
        ("unread", ["unread", "sent"], ["unread", "sent", "deleted"]),
        ("read", ["read"], ["read"]),
        ("sent", ["sent"], ["sent"]),
        ("unsent", ["unread", "read"], ["unread", "read", "deleted"]),
        ("active", ["unread", "read", "sent"], ImproperlyConfigured),
        ("deleted", ["deleted"], ImproperlyConfigured),
    ],
)
def test_a_list_has_the_rows_of_the_adjective_that_the_user_may_see(
    justquick: Any, settings: Any, name: str, with_soft_delete: Any, without: Any
) -> None:
    settings.NOTIFICATIONS = {"SOFT_DELETE": True}
    assert kinds(justquick, name) == with_soft_delete
    settings.NOTIFICATIONS = {"SOFT_DELETE": False}
    if without is ImproperlyConfigured:
        with pytest.raises(ImproperlyConfigured):
            kinds(justquick, name)
    else:
        assert kinds(justquick, name) == without


def test_these_are_all_lists() -> None:
    assert set(LISTS) == {"all", "unread", "read", "sent", "unsent", "active", "deleted"}


def test_no_other_name_is_dispatched_to_the_queryset(justquick: Any) -> None:
    make_notification(justquick)
    with pytest.raises(KeyError):
        get_notification_list(asked(justquick), "delete")
    assert rows().count() == 1


def test_a_list_is_of_all_rows_unless_it_says_otherwise(justquick: Any) -> None:
    make_rows(justquick, 2)
    make_rows(justquick, 1, unread=False)
    assert len(get_notification_list(asked(justquick))) == 3


@pytest.mark.parametrize("count", [20, 100])
def test_a_list_costs_one_query_and_one_for_each_content_type(
    justquick: Any, django_assert_num_queries: Any, count: int
) -> None:
    model = get_notification_model()
    project, issue = make_project(), make_issue()
    ContentType.objects.get_for_models(Project, Issue, type(justquick))
    rows().bulk_create(
        model(recipient=justquick, actor=justquick, verb="closed", action_object=issue, target=project)
        for _ in range(count)
    )
    request = asked(justquick, max="100")
    with django_assert_num_queries(4):
        assert len(get_notification_list(request)) == count


def test_a_list_that_marks_shows_the_rows_as_they_were_and_marks_only_them(
    justquick: Any, django_assert_num_queries: Any
) -> None:
    make_rows(justquick, 5)
    make_rows(make_user("brosner"), 2)
    request = asked(justquick, "post", "?max=3", mark_as_read="true")
    with django_assert_num_queries(2 + UPDATE):
        shown = get_notification_list(request, "unread")
    assert [one["unread"] for one in shown] == [True] * 3
    assert not rows().filter(pk__in=[one["id"] for one in shown], unread=True).exists()
    assert rows().unread().count() == 4


# The fingerprint


def test_the_newest_rows_and_the_count_cost_one_query(justquick: Any, django_assert_num_queries: Any) -> None:
    make_rows(justquick, 5)
    make_rows(make_user("brosner"), 2)
    for number in (0, 3, 100):
        with django_assert_num_queries(1):
            assert newest(justquick.notifications.all(), number)[1] == 5
    with django_assert_num_queries(1):
        assert newest(justquick.notifications.none() | justquick.notifications.read(), 3) == ([], 0)


def test_the_newest_of_any_queryset_are_those_that_django_finds(
    justquick: Any, django_assert_num_queries: Any
) -> None:
    make_rows(justquick, 4)
    mine = justquick.notifications
    for some in (mine.unread(), mine.filter(recipient__username="justquick"), mine.order_by("verb", "pk")):
        with django_assert_num_queries(1):
            found, count = newest(some, 3)
            # Whose they are is known without a query.
            assert {row.recipient.pk for row in found} == {justquick.pk}
        assert (found, count) == (list(some[:3]), 4)
    with django_assert_num_queries(0):
        assert newest(mine.none(), 3) == ([], 0)
    make_rows(make_user("brosner"), 2)
    assert newest(rows().all(), 3)[1] == 6


@pytest.mark.parametrize("raises", ["__str__", "get_absolute_url"])
def test_an_object_that_raises_keeps_what_it_has_in_a_transaction_too(
    justquick: Any, monkeypatch: Any, raises: str
) -> None:
    """Name and URL are asked for together, and each on its own where one of them fails."""

    def fail(obj: Any) -> str:
        make_project("of the call")
        return str(Quiet.objects.raw("SELECT 1 FROM no_such_table")[0])

    row = make_notification(justquick, target=make_project())
    monkeypatch.setattr(Project, "get_absolute_url", lambda obj: "/here/", raising=False)
    before = item(rows().get(pk=row.pk))
    monkeypatch.setattr(Project, raises, fail, raising=False)
    with transaction.atomic():
        shown = item(rows().get(pk=row.pk))
        assert not Project.objects.filter(name="of the call").exists()
    name, url = ("unavailable project", "/here/") if raises == "__str__" else (before["target"], None)
    assert (shown["target"], shown.get("target_url")) == (name, url)


def test_the_fingerprint_changes_with_what_is_shown_and_only_then(justquick: Any) -> None:
    make_rows(justquick, 3)

    def now(number: int = 10) -> str:
        return fingerprint(*newest(justquick.notifications.all(), number))

    seen = [now()]
    assert now() == seen[0]
    changes: list[Any] = [
        lambda: make_notification(justquick),
        lambda: justquick.notifications.first().mark_as_read(),
        lambda: justquick.notifications.first().mark_as_unread(),
        lambda: justquick.notifications.update(emailed=True),
        lambda: justquick.notifications.update(public=False),
        lambda: justquick.notifications.update(deleted=True),
        lambda: justquick.notifications.last().delete(),
    ]
    for change in changes:
        change()
        seen.append(now())
    # Read and unread again is as before.
    assert seen[3] == seen[1]
    assert len(set(seen)) == len(seen) - 1
    make_notification(make_user("brosner"))
    assert now() == seen[-1]
    assert now(1) != now(2)
    with translation.override("de"):
        assert now() != seen[-1]


def test_the_fingerprint_knows_of_rows_beyond_those_it_shows(justquick: Any) -> None:
    make_rows(justquick, 3)
    before = fingerprint(*newest(justquick.notifications.all(), 1))
    justquick.notifications.last().delete()
    assert fingerprint(*newest(justquick.notifications.all(), 1)) != before


@pytest.mark.django_db
def test_an_entry_is_the_item_and_how_it_reads_where_it_leads_and_where_it_stands(justquick: Any) -> None:
    project = make_project()
    row = make_notification(justquick, target=project)
    row.refresh_from_db()

    shown = entry(row)

    assert shown["text"] == "justquick closed activity-stream"
    assert shown["url"] == project.get_absolute_url()
    assert [shown[name] for name in STATE_COLUMNS] == ["", None, None, None, None, row.timestamp]
    assert item(row).items() <= shown.items()
    assert entry(make_notification(justquick))["url"] == ""


@pytest.mark.parametrize("name", ["NOTIFICATIONS", "DJANGO_NOTIFICATIONS_CONFIG"])
def test_a_site_can_leave_keys_out(justquick: Any, settings: Any, name: str) -> None:
    settings.NOTIFICATIONS = {}
    setattr(settings, name, {"API_EXCLUDED_FIELDS": ["data", "target_url", "nothing"]})
    row = make_notification(justquick, target=make_project(), data={"secret": 1})
    for shown in (item(row), entry(row)):
        assert shown.keys().isdisjoint({"data", "target_url"})
        assert "target" in shown


def test_every_key_can_be_left_out_of_every_json(client: Client, justquick: Any, settings: Any) -> None:
    client.force_login(justquick)
    project = make_project()
    row, _ = (make_notification(justquick, target=project) for _ in range(2))
    api = reverse("notifications:api_inbox")

    def keys(**query: str) -> dict[str, set[str]]:
        answer = client.get(api, query).json()
        found = {"items": set(answer["items"][0]), "threads": set(answer.get("threads", [{}])[0])}
        return found | {"entry": set(entry(row)), "item": set(item(row))}

    everything = keys(threads="1")
    settings.NOTIFICATIONS = {"API_EXCLUDED_FIELDS": [*everything["items"]]}
    left = keys(threads="1")
    assert left.pop("threads") == {"row", "rows", "key", "id", "count", "unread", "is_exact", "more", "new"}
    assert left == {"items": set(), "entry": set(), "item": set()}


def test_columns_of_the_site_are_json_whatever_they_hold(justquick: Any, monkeypatch: Any) -> None:
    class Money:
        def __str__(self) -> str:
            return "12 EUR"

    file = models.FileField(name="attachment")
    file.set_attributes_from_name("attachment")
    row = make_notification(justquick)
    values = {"file": FieldFile(row, file, "a/b.txt"), "money": Money(), "plain": {"a": [1]}}
    monkeypatch.setattr(serialize, "own_columns", lambda model: [*values])
    model: Any = type(row)
    names, read = serialize.editable_columns(model)
    monkeypatch.setattr(
        serialize,
        "editable_columns",
        lambda model: ([*names, *values], lambda found: (*read(found), *values.values())),
    )

    shown = serialize.item(row)

    assert [shown[name] for name in values] == ["a/b.txt", "12 EUR", {"a": [1]}]


def test_only_what_the_site_added_is_a_column_of_the_site() -> None:
    model: Any = get_notification_model()
    assert serialize.own_columns(model) == [*site_columns()]
