"""The admin: a list that costs the same whatever is in it, and a change page that keeps read_at right."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, path, reverse

import notifications
from notifications import notify
from notifications.admin import AbstractNotificationAdmin, NotificationAdmin
from notifications.conf import get_notification_model
from notifications.inbox import admin as inbox_admin, search
from notifications.inbox.admin import RecipientWidget
from tests.factories import make_issue, make_notification, make_project, make_user, moment, rows
from tests.testapp.models import Issue, Project, Quiet, UuidThing

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    """A browser in which somebody is logged in who may do everything."""
    client.force_login(make_user("admin", is_staff=True, is_superuser=True))
    return client


def allow(user: Any, *actions: str) -> None:
    """Let a user of the admin do this with notifications."""
    model = get_notification_model()
    user.user_permissions.add(
        *Permission.objects.filter(
            content_type=ContentType.objects.get_for_model(model),
            codename__in=[f"{action}_{model._meta.model_name}" for action in actions],
        )
    )


def url(page: str, *args: Any) -> str:
    meta = get_notification_model()._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=args)


def make_rows(recipient: Any, count: int, **columns: Any) -> None:
    model = get_notification_model()
    rows().bulk_create(
        model(recipient=recipient, **{"actor": recipient, "verb": "closed", **columns}) for _ in range(count)
    )


def listed(staff: Client, **query: Any) -> list[Any]:
    response = staff.get(url("changelist"), query)
    assert response.status_code == 200
    return list(response.context["cl"].result_list)


def test_the_model_of_the_site_is_registered() -> None:
    assert isinstance(admin.site.get_model_admin(get_notification_model()), NotificationAdmin)
    assert issubclass(NotificationAdmin, AbstractNotificationAdmin)


# The list


def test_the_list_costs_the_same_queries_at_20_and_at_100_rows(
    staff: Client, justquick: Any, django_assert_num_queries: Any
) -> None:
    ContentType.objects.get_for_models(Project, Issue, type(justquick), get_notification_model())
    for count in (20, 80):
        for number in range(0, count, 20):
            make_rows(
                make_user(f"user{count}{number}"),
                20,
                actor=justquick,
                action_object=make_issue(str(number)),
                target=make_project(str(number)),
            )
        # Session and user; the count of what the filters leave; the rows with their recipients, and one for each
        # of the three types of their objects.
        with django_assert_num_queries(2 + 1 + 1 + 3):
            response = staff.get(url("changelist"))
        assert len(response.context["cl"].result_list) == count + (20 if count == 80 else 0)


def test_the_list_names_the_objects_and_what_is_gone(staff: Client, justquick: Any) -> None:
    project, issue = make_project("pinax"), make_issue("issue 2")
    make_notification(justquick, verb="reopened", target=project, action_object=issue)
    deleted = make_project("deleted")
    make_notification(justquick, target=deleted, actor=Quiet.objects.create())
    deleted.delete()
    page = staff.get(url("changelist")).content.decode()
    for text in ("justquick", "pinax", "issue 2", "reopened", "deleted project", "&lt;b&gt;quiet&lt;/b&gt;"):
        assert f">{text}</" in page
    assert "None" not in page
    assert "<b>quiet" not in page


def test_an_object_that_never_was_is_a_dash(staff: Client, justquick: Any) -> None:
    make_notification(justquick)
    page = staff.get(url("changelist")).content.decode()
    assert '<td class="field-target_label">-</td>' in page
    assert '<td class="field-action_object_label">-</td>' in page


@pytest.mark.parametrize("words", ["1", "alice", "alicealice", "9" * 30, "@1", "from:1", "from:alice"])
@pytest.mark.parametrize("field", ["id", "date_joined", "is_staff"])
def test_the_search_takes_no_name_for_a_text_that_is_none(
    staff: Client, justquick: Any, monkeypatch: pytest.MonkeyPatch, field: str, words: str
) -> None:
    make_notification(justquick, verb="alice")
    monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", field)
    assert {row.verb for row in listed(staff, q=words)} <= {"alice"}


@pytest.mark.shape("default")
def test_the_search_finds_whoever_logs_in_by_a_number(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (7, 77, 777):
        make_notification(make_user(f"user {number}", pk=70_000 + number), verb=f"verb of {number}")
    monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", "id")
    assert {row.verb for row in listed(staff, q="70077")} == {"verb of 77"}


@pytest.mark.shape("custom_user")
def test_the_search_follows_a_relation_to_the_name_that_users_log_in_by(
    staff: Client, justquick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    users: Any = get_user_model()._default_manager
    users.filter(pk=justquick.pk).update(badge=Group.objects.create(name="badge-77"))
    make_notification(justquick, verb="mine")
    make_notification(make_user("other"), actor=justquick, verb="seen")
    monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", "badge")
    for words in ("badge-77", "badge", "@badge-77"):
        assert {row.verb for row in listed(staff, q=words)} == {"mine"}
    assert {row.verb for row in listed(staff, q="from:badge-77")} == {"mine", "seen"}


def test_one_function_says_where_the_name_is_that_users_log_in_by() -> None:
    package = Path(notifications.__file__).parent
    uses = {path.name for path in package.rglob("*.py") if "USERNAME_FIELD" in path.read_text()}
    # Beside it, the text of an error, and the documentation of the search.
    assert uses == {"names.py", "verbs.py", "query.py"}


@pytest.mark.parametrize(
    ("words", "verbs"),
    [
        ("closed", {"closed"}),
        ("a word of the desc", {"opened"}),
        ("brosn", {"opened"}),
        ("justquick", {"closed", "joined"}),
        ("justquick joined", {"joined"}),
        ("nothing of all this", set()),
        ("'; DROP TABLE", set()),
        ("%", set()),
        ("\x00", None),
    ],
)
def test_the_search_looks_at_the_words_and_the_recipient(
    staff: Client, justquick: Any, words: str, verbs: set[str] | None
) -> None:
    make_notification(justquick, verb="closed")
    make_notification(justquick, verb="joined")
    make_notification(make_user("brosner"), verb="opened", description="There is a word of the description.")
    if verbs is None:
        # What no database can hold is no search at all for Django.
        assert staff.get(url("changelist"), {"q": words}).status_code == 200
    else:
        assert {row.verb for row in listed(staff, q=words)} == verbs


@pytest.mark.parametrize(
    "query", ["temp\\ home", '"temp\\ to" home', "\\temp\\ home", "\\\\temp", "temp\\\\ to"]
)
def test_the_search_reads_words_with_backslashes_as_the_inbox_does(
    staff: Client, justquick: Any, query: str
) -> None:
    make_notification(justquick, verb="moved", description="from d:\\temp\\ to home")
    asked = search.parse(query, get_notification_model())
    assert list(listed(staff, q=query)) == list(asked.narrow(get_notification_model().objects.all()))


@pytest.mark.parametrize(
    ("query", "verbs"),
    [
        ("is:unread from:brosner", {"opened"}),
        ("-from:brosner", {"closed", "failed"}),
        ("level:error level:success", {"failed"}),
        ("-level:error justquick", {"closed", "opened"}),
        ("is:saved", set()),
    ],
)
def test_the_search_understands_the_language_of_the_inbox(
    staff: Client, justquick: Any, query: str, verbs: set[str]
) -> None:
    brosner = make_user("brosner")
    make_notification(justquick, verb="closed")
    make_notification(justquick, verb="opened", actor=brosner)
    make_notification(brosner, verb="failed", actor=justquick, level="error", unread=False)
    assert {row.verb for row in listed(staff, q=query)} == verbs


def test_a_search_that_cannot_be_understood_finds_nothing_and_says_why(staff: Client, justquick: Any) -> None:
    make_notification(justquick)
    response = staff.get(url("changelist"), {"q": "frm:justquick"})
    assert list(response.context["cl"].result_list) == []
    [message] = {str(message) for message in get_messages(response.wsgi_request)}
    assert message.startswith("Unknown filter “frm:”.")


@pytest.mark.parametrize(
    ("query", "verbs"),
    [
        ({"level__exact": "error"}, {"error"}),
        ({"unread__exact": "0"}, {"read"}),
        ({"public__exact": "0"}, {"private"}),
        ({"timestamp__year": "2011"}, {"old"}),
        ({"timestamp__year": "2011", "timestamp__month": "2", "timestamp__day": "4"}, {"old"}),
        ({"timestamp__year": "2012"}, set()),
    ],
)
def test_the_filters_and_the_dates_narrow_the_list(
    staff: Client, justquick: Any, query: dict[str, str], verbs: set[str]
) -> None:
    make_notification(justquick, verb="error", level="error")
    make_notification(justquick, verb="read", unread=False)
    make_notification(justquick, verb="private", public=False)
    make_notification(justquick, verb="old", timestamp=moment(2011, 2, 4))
    assert {row.verb for row in listed(staff, **query)} == verbs


@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC"])
def test_the_list_needs_no_time_zone_of_the_database_server(
    staff: Client, justquick: Any, settings: Any, zone: str
) -> None:
    settings.TIME_ZONE = zone
    make_notification(justquick)
    assert len(listed(staff)) == 1
    assert len(listed(staff, timestamp__gte=moment(2011, 1, 1).isoformat(" "))) == 1


def test_rows_are_counted_up_to_a_cap(staff: Client, justquick: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("notifications.inbox.admin.MAX_COUNTED_ROWS", 150)
    make_rows(justquick, 160)
    with CaptureQueriesContext(connection) as queries:
        found = staff.get(url("changelist")).context["cl"]
    assert (found.result_count, found.paginator.num_pages) == (150, 2)
    [counted] = [query["sql"] for query in queries.captured_queries if "COUNT(" in query["sql"]]
    assert "LIMIT 150" in counted
    # Nor are the first and the last day of all rows looked for.
    assert [query["sql"] for query in queries.captured_queries if "MIN(" in query["sql"]] == []
    assert len(listed(staff, p=2)) == 50


def test_a_recipient_is_found_by_how_their_name_begins_and_by_no_scan(staff: Client, justquick: Any) -> None:
    for name in ("alice", "alina", "al"):
        make_notification(make_user(name), verb=name)
    make_notification(justquick, verb="alibi")
    assert {row.verb for row in listed(staff, q="ali")} == {"alice", "alina"}
    assert {row.verb for row in listed(staff, q="@ALI")} == {"alice", "alina"}
    assert {row.verb for row in listed(staff, q="al")} == {"al"}
    # A phrase is no name, and a word that begins none is one of the text.
    assert {row.verb for row in listed(staff, q='"alib"')} == {"alibi"}
    with CaptureQueriesContext(connection) as queries:
        listed(staff, q="alice")
    table = get_notification_model()._meta.db_table
    [(page, count)] = [
        [
            query["sql"]
            for query in queries.captured_queries
            if f"FROM {connection.ops.quote_name(table)}" in query["sql"]
        ]
    ]
    assert "verb LIKE" not in (page + count).replace('"', "").replace("`", "")


def test_more_recipients_than_can_be_looked_up_are_cut_and_it_says_so(
    staff: Client, justquick: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("notifications.inbox.admin.MAX_RECIPIENTS", 2)
    for number in range(3):
        make_notification(make_user(f"many{number}"), verb=str(number))
    response = staff.get(url("changelist"), {"q": "many"})
    assert {row.verb for row in response.context["cl"].result_list} == {"0", "1"}
    [message] = {str(message) for message in get_messages(response.wsgi_request)}
    assert message == "More than 2 names of recipients begin with “many”. Only the first 2 are searched."


def test_an_event_is_found_by_its_uuid(staff: Client, justquick: Any) -> None:
    event = uuid4()
    make_notification(justquick, verb="one", event=event)
    make_notification(justquick, verb="other")
    assert {row.verb for row in listed(staff, q=str(event))} == {"one"}


# One row


def test_a_second_admin_links_to_its_own_pages_and_to_no_page_that_it_has_not(
    staff: Client, justquick: Any, settings: Any
) -> None:
    """The links led to the first admin, which its users may not enter."""
    second = admin.AdminSite(name="second")
    second.register(Issue)
    second.register(get_notification_model(), AbstractNotificationAdmin)
    settings.ROOT_URLCONF = (path("admin/", admin.site.urls), path("second/", second.urls))
    issue, project = make_issue(), make_project()
    row = make_notification(justquick, actor=project, action_object=issue)
    first_page = staff.get(url("change", row.pk)).content.decode()
    page = staff.get(url("change", row.pk).replace("/admin/", "/second/")).content.decode()
    assert f'href="/admin/testapp/issue/{issue.pk}/change/"' in first_page
    assert f'href="/admin/testapp/project/{project.pk}/change/"' in first_page
    assert f'href="/second/testapp/issue/{issue.pk}/change/"' in page
    assert 'href="/admin/' not in page
    assert str(project) in page


def test_the_change_page_links_to_the_objects(staff: Client, justquick: Any) -> None:
    project, issue = make_project(), make_issue()
    row = make_notification(justquick, actor=project, action_object=issue, target=project, reason="mentioned")
    page = staff.get(url("change", row.pk)).content.decode()
    to_project = reverse("admin:testapp_project_change", args=[project.pk])
    to_issue = reverse("admin:testapp_issue_change", args=[issue.pk])
    assert page.count(f'<a href="{to_project}">{project}</a>') == 2
    assert page.count(f'<a href="{to_issue}">{issue}</a>') == 1
    assert "mentioned" in page
    alone = make_notification(justquick, target=Quiet.objects.create())
    page = staff.get(url("change", alone.pk)).content.decode()
    assert '<div class="readonly">&lt;b&gt;quiet&lt;/b&gt;</div>' in page


def test_the_change_page_costs_the_same_whatever_else_there_is(
    staff: Client, justquick: Any, django_assert_num_queries: Any
) -> None:
    row = make_notification(justquick, action_object=make_issue(), target=make_project())
    make_rows(justquick, 20)
    ContentType.objects.get_for_models(Project, Issue, type(justquick), get_notification_model())
    # Session and user; the row, and one for each of the three types of its objects; the recipient, once for its
    # name; the content types for each of the three lists to choose from.
    with django_assert_num_queries(2 + 1 + 3 + 1 + 3):
        assert staff.get(url("change", row.pk)).status_code == 200


def form(row: Any, **changes: Any) -> dict[str, Any]:
    """Return what the browser sends for this row."""
    values: dict[str, Any] = {
        "level": row.level,
        "recipient": str(row.recipient_id),
        "actor_content_type": row.actor_content_type_id,
        "actor_object_id": row.actor_object_id,
        "verb": row.verb,
        "timestamp_0": "2026-01-01",
        "timestamp_1": "00:00:00",
        "data": "null",
        "details": "none",
        **{name: "on" for name in ("unread", "public", "deleted", "emailed") if getattr(row, name)},
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


def test_saving_a_row_as_read_or_unread_lets_read_at_follow(staff: Client, justquick: Any) -> None:
    row = make_notification(justquick)
    assert staff.post(url("change", row.pk), form(row, unread=None)).status_code == 302
    fresh = rows().get()
    assert (fresh.unread, fresh.read_at is not None) == (False, True)
    staff.post(url("change", row.pk), form(fresh, verb="reopened"))
    assert (rows().get().read_at, rows().get().verb) == (fresh.read_at, "reopened")
    staff.post(url("change", row.pk), form(fresh, unread="on"))
    assert (rows().get().unread, rows().get().read_at) == (True, None)


def test_what_nobody_edits_cannot_be_forged(staff: Client, justquick: Any) -> None:
    row = make_notification(justquick)
    forged = {"read_at": "2011-01-01", "read_at_0": "2011-01-01", "event": "6ba7b8109dad11d180b400c04fd430c8"}
    assert staff.post(url("change", row.pk), form(row, **forged)).status_code == 302
    assert (rows().get().read_at, rows().get().event) == (None, None)


def test_a_row_can_be_added(staff: Client, justquick: Any) -> None:
    model = get_notification_model()
    row = model(recipient=justquick, actor=justquick, verb="welcomed")
    assert staff.get(url("add")).status_code == 200
    assert staff.post(url("add"), form(row, data='{"foo": "bar"}')).status_code == 302
    added = rows().get()
    assert (added.recipient, added.actor, added.verb) == (justquick, justquick, "welcomed")
    assert (added.data, added.target, added.description) == ({"foo": "bar"}, None, "")


@pytest.mark.parametrize(
    "data",
    [
        '{"a": "\\u0000"}',
        '{"a": NaN}',
        '{"a": "\\ud800"}',
        "[" * 40 + "]" * 40,
        '{"a": ' * 40 + "1" + "}" * 40,
    ],
)
def test_data_that_not_every_database_can_store_is_refused(data: str, staff: Client, justquick: Any) -> None:
    row = make_notification(justquick)
    answer = staff.post(url("change", row.pk), form(row, data=data))
    assert answer.status_code == 200
    assert list(answer.context["adminform"].errors) == ["data"]


def test_a_recipient_who_was_notified_of_the_event_is_refused(staff: Client, justquick: Any) -> None:
    other, third = make_user("other"), make_user("third")
    notify.send(justquick, verb="closed", recipient=[justquick, other])
    row = rows().get(recipient=other)
    answer = staff.post(url("change", row.pk), form(row, recipient=str(justquick.pk)))
    assert answer.status_code == 200
    assert "already exists" in answer.context["adminform"].errors["__all__"][0]
    assert staff.post(url("change", row.pk), form(row, recipient=str(third.pk))).status_code == 302
    assert rows().get(pk=row.pk).recipient == third


@pytest.mark.parametrize(
    ("zone", "day", "clock"),
    [("Asia/Tokyo", "0001-01-01", "00:00:00"), ("America/Chicago", "9999-12-31", "23:59:59")],
)
def test_a_time_that_not_every_database_can_return_is_refused(
    staff: Client, justquick: Any, settings: Any, zone: str, day: str, clock: str
) -> None:
    settings.TIME_ZONE = zone
    row = make_notification(justquick)
    answer = staff.post(url("change", row.pk), form(row, timestamp_0=day, timestamp_1=clock))
    assert answer.status_code == 200
    assert list(answer.context["adminform"].errors) == ["timestamp"]
    assert rows().get().timestamp == row.timestamp


@pytest.mark.parametrize("name", ["actor", "target", "action_object"])
@pytest.mark.parametrize(("kind", "typed"), [(Project, "0{}"), (Project, "+{}"), (UuidThing, "{{{}}}")])
def test_a_key_is_stored_as_it_is_compared(
    staff: Client, justquick: Any, name: str, kind: Any, typed: str
) -> None:
    thing = kind.objects.create(name="pinax")
    row = make_notification(justquick)
    values = {
        f"{name}_content_type": ContentType.objects.get_for_model(kind).pk,
        f"{name}_object_id": typed.format(str(thing.pk).upper()),
    }
    assert staff.post(url("change", row.pk), form(row, **values)).status_code == 302
    fresh = rows().get()
    assert (getattr(fresh, name), getattr(fresh, f"{name}_object_id")) == (thing, str(thing.pk))


def test_a_list_that_can_be_edited_refuses_the_same(staff: Client, rf: Any) -> None:
    class Own(AbstractNotificationAdmin):
        list_editable = ("data",)

    request = rf.get("/")
    assert issubclass(Own(get_notification_model(), admin.AdminSite()).get_changelist_form(request), Own.form)


@pytest.mark.backend("sqlite")
def test_a_row_of_an_older_table_keeps_its_data(staff: Client, justquick: Any) -> None:
    row = make_notification(justquick)
    rows().update(data={"a": "\0"})
    answer = staff.post(url("change", row.pk), form(row, verb="reopened", data='{"a": "\\u0000"}'))
    assert answer.status_code == 302
    assert (rows().get().verb, rows().get().data) == ("reopened", {"a": "\0"})


def test_a_row_keeps_a_time_that_no_new_one_may_have(staff: Client, justquick: Any) -> None:
    row = make_notification(justquick, timestamp=moment(9999, 12, 31, 12))
    typed = {"timestamp_0": "9999-12-31", "timestamp_1": "12:00:00"}
    # The page also sends what it showed.
    as_it_is = typed | {f"initial-{name}": value for name, value in typed.items()}
    answer = staff.post(url("change", row.pk), form(row, verb="reopened", **as_it_is))
    assert answer.status_code == 302
    assert (rows().get().verb, rows().get().timestamp) == ("reopened", row.timestamp)


@pytest.mark.parametrize(("viewer", "recipient"), [("stranger", "me"), ("boss", "stranger")])
def test_no_page_names_what_its_user_may_not_see_and_each_names_the_rest(
    client: Client, settings: Any, viewer: str, recipient: str
) -> None:
    settings.NOTIFICATIONS = {"VISIBILITY": {"testapp.Project": "tests.testapp.rules.NotForStrangers"}}
    who = make_user(viewer, is_staff=True)
    who.user_permissions.set(Permission.objects.all())
    client.force_login(who)
    user = make_user(recipient)
    row = make_notification(user, target=make_project("the plan"))
    pages = {page: client.get(url(page, row.pk)) for page in ("change", "delete", "history")}
    pages["list"] = client.get(url("changelist"))

    def delete_selected(place: str, key: Any) -> Any:
        return client.post(place, {"action": "delete_selected", "_selected_action": [str(key)]})

    pages["delete selected"] = delete_selected(url("changelist"), row.pk)
    if admin.site.is_registered(get_user_model()):
        users = "admin:{0.app_label}_{0.model_name}_{1}"
        meta = get_user_model()._meta
        pages["delete user"] = client.get(reverse(users.format(meta, "delete"), args=[user.pk]))
        pages["delete selected users"] = delete_selected(reverse(users.format(meta, "changelist")), user.pk)
    assert {name for name, page in pages.items() if page.status_code != 200} == set()
    naming = {name for name, page in pages.items() if "the plan" in page.content.decode()}
    assert naming == (set() if viewer == "stranger" else {*pages})


def test_a_row_can_be_deleted(staff: Client, justquick: Any) -> None:
    row = make_notification(justquick)
    assert staff.get(url("delete", row.pk)).status_code == 200
    assert staff.post(url("delete", row.pk), {"post": "yes"}).status_code == 302
    assert not rows().exists()


def test_a_row_whose_objects_are_gone_can_be_opened_and_saved(staff: Client, justquick: Any) -> None:
    row = make_notification(justquick, target=make_project())
    rows().update(target_object_id="no number")
    assert b"deleted project" in staff.get(url("history", row.pk)).content
    assert staff.get(url("change", row.pk)).status_code == 200
    assert staff.post(url("change", row.pk), form(row, verb="reopened")).status_code == 302
    assert rows().get().verb == "reopened"


def test_a_row_whose_content_type_is_gone_can_be_saved(staff: Client, justquick: Any) -> None:
    row = make_notification(justquick)
    rows().update(actor_content_type=None)
    assert staff.post(url("change", row.pk), form(rows().get(), verb="reopened")).status_code == 302
    assert (rows().get().verb, rows().get().actor_content_type_id) == ("reopened", None)
    # A row that has one keeps it.
    other = make_notification(justquick)
    page = staff.post(url("change", other.pk), form(other, actor_content_type=""))
    assert "This field is required." in page.content.decode()


# Actions


def act(client: Client, action: str, chosen: Any, **data: Any) -> Any:
    return client.post(
        url("changelist"), {"action": action, "_selected_action": [row.pk for row in chosen], **data}
    )


@pytest.mark.parametrize(("action", "before"), [("mark_read", True), ("mark_unread", False)])
def test_an_action_marks_what_was_chosen_and_says_how_many(
    staff: Client, justquick: Any, action: str, before: bool
) -> None:
    make_rows(justquick, 3, unread=before)
    make_rows(justquick, 1, unread=not before)
    first, second, _ = rows().filter(unread=before)
    done = rows().get(unread=not before)
    response = act(staff, action, [first, second, done])
    assert response.status_code == 302
    assert [str(message) for message in get_messages(response.wsgi_request)] == [
        "2 notifications were changed."
    ]
    assert rows().filter(unread=before).count() == 1
    assert {row.read_at is None for row in rows() if row.pk in (first.pk, second.pk)} == {not before}
    response = act(staff, action, rows().filter(unread=before))
    assert [str(message) for message in get_messages(response.wsgi_request)][
        -1
    ] == "1 notification was changed."


def test_an_action_of_a_site_need_not_say_how_many_rows_it_changed(
    staff: Client, justquick: Any, replace_verb: Any
) -> None:
    make_rows(justquick, 2)
    replace_verb("mark_all_as_read")
    response = act(staff, "mark_read", rows())
    assert [str(message) for message in get_messages(response.wsgi_request)] == [
        "2 notifications were changed."
    ]


@pytest.mark.parametrize("columns", [("verb",), ("verb", "timestamp")])
def test_a_manager_of_a_site_may_leave_out_columns(
    staff: Client, justquick: Any, monkeypatch: pytest.MonkeyPatch, columns: tuple[str, ...]
) -> None:
    make_rows(justquick, 1)
    manager: Any = type(get_notification_model()._default_manager)
    every = manager.get_queryset
    monkeypatch.setattr(manager, "get_queryset", lambda self: every(self).only(*columns))
    assert [row.recipient for row in listed(staff)] == [justquick]
    chosen = {"action": "delete_selected", "_selected_action": [rows().get().pk], "post": "yes"}
    assert staff.post(url("changelist"), chosen).status_code == 302
    assert not rows().exists()


def test_an_action_is_one_update(staff: Client, justquick: Any) -> None:
    make_rows(justquick, 5, target=make_project())
    with CaptureQueriesContext(connection) as queries:
        act(staff, "mark_read", rows())
    updates = [q["sql"] for q in queries.captured_queries if q["sql"].startswith("UPDATE")]
    assert len([sql for sql in updates if get_notification_model()._meta.db_table in sql]) == 1
    assert rows().unread().count() == 0


@pytest.mark.parametrize("action", ["mark_read", "mark_unread"])
def test_an_action_needs_the_right_to_change(client: Client, justquick: Any, action: str) -> None:
    make_rows(justquick, 2, unread=action == "mark_read")
    clerk = make_user("clerk", is_staff=True)
    allow(clerk, "view")
    client.force_login(clerk)
    page = client.get(url("changelist"))
    assert page.status_code == 200
    assert action not in page.content.decode()
    act(client, action, rows())
    assert rows().filter(unread=action == "mark_read").count() == 2
    allow(clerk, "change")
    act(client, action, rows())
    assert rows().filter(unread=action == "mark_read").count() == 0


def test_the_action_of_django_deletes_what_was_chosen(staff: Client, justquick: Any) -> None:
    make_rows(justquick, 3, target=make_project("pinax"))
    first, second, third = rows()
    page = act(staff, "delete_selected", [first, second])
    assert page.content.decode().count("justquick closed pinax") == 2
    assert rows().count() == 3
    act(staff, "delete_selected", [first, second], post="yes")
    assert list(rows()) == [third]


# The admin of a site's own


def test_a_site_can_build_on_it(justquick: Any, rf: Any) -> None:
    class Own(AbstractNotificationAdmin):
        list_display = ("verb", "target_label")  # type: ignore[assignment]

        def get_search_fields(self, request: Any) -> tuple[str, ...]:
            return (*super().get_search_fields(request), "level")

    own = Own(get_notification_model(), admin.AdminSite())
    assert own.check() == []
    request = rf.get("/")
    request.user = justquick
    assert own.get_search_fields(request)[-1] == "level"
    assert list(own.get_queryset(request)) == []


@pytest.mark.parametrize("raw", [("recipient",), ()])
def test_a_site_can_choose_the_recipient_from_a_list(staff: Client, rf: Any, raw: tuple[str, ...]) -> None:
    own = type("Own", (AbstractNotificationAdmin,), {"raw_id_fields": raw})(
        get_notification_model(), admin.AdminSite()
    )
    field = own.get_form(rf.get("/")).base_fields["recipient"]
    assert isinstance(getattr(field.widget, "widget", field.widget), RecipientWidget) is bool(raw)


def test_the_widget_of_the_recipient_names_only_who_is_there(
    justquick: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    field: Any = get_notification_model()._meta.get_field("recipient")
    widget = RecipientWidget(field.remote_field, admin.site)
    name, page = widget.label_and_url_for_value(justquick.pk)
    assert name == "justquick"
    assert (str(justquick.pk) in page) == admin.site.is_registered(type(justquick))
    assert widget.label_and_url_for_value("no key at all") == ("", "")

    def reverse_nothing(*arguments: Any, **named: Any) -> str:
        raise NoReverseMatch

    monkeypatch.setattr(inbox_admin, "reverse", reverse_nothing)
    assert widget.label_and_url_for_value(justquick.pk) == ("justquick", "")
