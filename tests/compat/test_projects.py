"""The ways in which eleven public projects use the older packages, each as a small copy in our own words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db.models import Prefetch
from django.db.models.signals import post_save
from django.forms.models import model_to_dict
from django.http import HttpRequest
from django.template import Context, Template
from django.test import Client
from django.urls import reverse

from notifications.conf import get_notification_model
from notifications.models import AbstractNotification, notify_handler
from notifications.signals import notify
from notifications.views import AllNotificationsList
from tests.factories import (
    listening,
    make_group,
    make_issue,
    make_notification,
    make_project,
    make_user,
    rows,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> Any:
    return make_user("ann")


@pytest.fixture
def bob() -> Any:
    return make_user("bob")


def test_pontoon_sends_a_digest_without_a_verb_and_reads_objects_ahead(ann: Any, bob: Any) -> None:
    project, issue = make_project(), make_issue()
    notify.send(ann, recipient=bob, verb="", description="<p>Two suggestions</p>", category="unreviewed")
    notify.send(
        ann, recipient=bob, verb="has reviewed", target=issue, action_object=project, category="review"
    )
    found = bob.notifications.prefetch_related("actor", "target", "action_object").order_by("verb")
    assert [(row.verb, row.data["category"]) for row in found] == [
        ("", "unreviewed"),
        ("has reviewed", "review"),
    ]
    assert [row.target for row in found] == [None, issue]
    bob.notifications.mark_all_as_read()
    assert not bob.notifications.unread().exists()


def test_borrowd_follows_each_row_with_one_of_its_own_and_finds_them_by_text(ann: Any, bob: Any) -> None:
    followed: list[Any] = []

    def follow(sender: Any, instance: Any, created: bool, **kwargs: Any) -> None:
        followed.append((instance.pk, created, instance.recipient))

    post_save.connect(follow, sender=get_notification_model(), weak=False, dispatch_uid="follow")
    try:
        notify.send(ann, recipient=bob, verb="requested", message_type="ITEM_REQUESTED", item=7)
    finally:
        post_save.disconnect(sender=get_notification_model(), dispatch_uid="follow")
    [row] = bob.notifications.all()
    assert followed == [(row.pk, True, bob)]
    assert row.data == {"message_type": "ITEM_REQUESTED", "item": 7}


#: The requests that change single rows in the older packages, by the method of the row that they call.
REQUESTS = {
    "mark_as_read": "mark-as-read/{}/",
    "mark_as_unread": "mark-as-unread/{}/",
    "delete": "delete/{}/",
    "mark_as_read in a list": "api/unread_list/?mark_as_read=true",
}


@pytest.mark.parametrize("soft", [False, True], ids=["", "soft"])
@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_for_one_row_calls_what_a_site_has_of_its_own(
    ann: Any, bob: Any, client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch, name: str, soft: bool
) -> None:
    settings.NOTIFICATIONS = {"SOFT_DELETE": soft}
    model, called = get_notification_model(), []
    method, *_ = name.split()
    method = "mark_as_deleted" if soft and method == "delete" else method
    original = getattr(model, method)
    row = make_notification(bob, actor=ann, unread=method != "mark_as_unread")
    client.force_login(bob)
    url = f"/inbox/notifications/{REQUESTS[name].format(row.slug)}"

    def own(row: Any) -> None:
        called.append(row.pk)
        original(row)

    if method != "delete":
        with listening(post_save, sender=model) as heard:
            assert client.post(url).status_code in {200, 302}
        assert [(call["instance"].pk, call["created"]) for call in heard] == [(row.pk, False)]
        model._base_manager.filter(pk=row.pk).update(unread=row.unread, deleted=False)
    monkeypatch.setattr(model, method, own)
    assert client.post(url).status_code in {200, 302}
    assert called == [row.pk]
    assert client.post(url.replace(str(row.slug), "1")).status_code in {200, 404}


def saves_without_arguments(row: Any) -> None:
    row.description = "of the site"
    AbstractNotification.save(row)


def saves_as_older_djangos(row: Any, force_insert: bool = False, force_update: bool = False) -> None:
    row.description = "of the site"
    AbstractNotification.save(row, force_insert, force_update)


def saves_by_place(row: Any, *args: Any) -> None:
    row.description = "of the site"
    AbstractNotification.save(row, *args)


@pytest.mark.parametrize("save", [saves_without_arguments, saves_as_older_djangos, saves_by_place])
def test_a_site_may_save_rows_without_the_arguments_of_django(
    ann: Any, bob: Any, monkeypatch: pytest.MonkeyPatch, save: Any
) -> None:
    """The older packages called ``save()`` without any, for a new row and for one that was read."""
    monkeypatch.setattr(get_notification_model(), "save", save)
    notify.send(ann, recipient=[ann, bob], verb="closed")
    assert rows().filter(description="of the site").count() == 2
    notify.send(ann, recipient=[ann, bob], verb="opened", idempotency_key="once")
    notify.send(ann, recipient=[ann, bob], verb="opened", idempotency_key="once")
    assert rows().filter(description="of the site").count() == 4

    rows().update(description="")
    row = bob.notifications.first()
    assert row.mark_as_read()
    row.refresh_from_db()
    assert (row.unread, row.description) == (False, "of the site")
    assert not row.mark_as_read()


#: What a model of a site may have under a name that rows have here, but not in the older packages.
NAMES: dict[str, dict[str, Any]] = {
    "label, a column": {"label": "of the site"},
    "label, a property": {"label": property(lambda row: "of the site")},
    "label, a method": {"label": lambda row: "of the site"},
    "ago, a property": {"ago": property(lambda row: "of the site")},
    "columns": dict.fromkeys(
        ("is_read", "is_unread", "is_done", "is_saved", "is_snoozed", "is_in_inbox"), True
    ),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_site_may_have_names_of_its_own(
    ann: Any, bob: Any, client: Client, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for attribute, value in NAMES[name].items():
        monkeypatch.setattr(get_notification_model(), attribute, value)
    row = make_notification(bob, actor=ann, action_object=make_issue("issue 7"), unread=False)
    row.unread = True
    row.save()
    assert (str(row)[:18], row.read_at) == ("ann closed issue 7", None)
    client.force_login(bob)
    for path in ("", "api/inbox/", "api/unread_list/", f"mark-as-read/{row.slug}/"):
        assert b"issue 7" in client.get(f"/inbox/notifications/{path}").content
    client.force_login(make_user("admin", is_staff=True, is_superuser=True))
    meta = row._meta
    for page, args in (("changelist", ()), ("change", (row.pk,))):
        assert (
            client.get(reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=args)).status_code
            == 200
        )


def test_kelvin_puts_a_handler_of_its_own_before_ours(ann: Any, bob: Any) -> None:
    sent: list[Any] = []

    def own_handler(verb: Any, **kwargs: Any) -> Any:
        made = notify_handler(verb, **kwargs)
        sent.extend(made)
        return made

    notify.disconnect(notify_handler, dispatch_uid="notifications.models.notification")
    notify.connect(own_handler, dispatch_uid="own")
    try:
        notify.send(sender=ann, recipient=[bob], verb="submitted", important=True)
    finally:
        notify.disconnect(own_handler, dispatch_uid="own")
        notify.connect(notify_handler, dispatch_uid="notifications.models.notification")
    assert [row.pk for row in sent] == [row.pk for row in bob.notifications.all()]


def test_baseapp_reads_every_column_and_filters_a_queryset_of_its_own(ann: Any, bob: Any) -> None:
    notify.send(ann, recipient=bob, verb="liked", target=make_project())
    names = {field.name for field in get_notification_model()._meta.get_fields()}
    [row] = bob.notifications.filter(recipient=bob, public=True).unread()
    assert {"level", "recipient", "unread", "actor_object_id", "verb", "timestamp", "data"} <= names
    assert model_to_dict(row)["verb"] == "liked"


def test_openwisp_changes_the_settings_of_the_package_when_it_is_imported(ann: Any, bob: Any) -> None:
    from notifications.settings import CONFIG_DEFAULTS

    CONFIG_DEFAULTS.update({"USE_JSONFIELD": True})
    notify.send(ann, recipient=bob, verb="is down", level="error", type="connection", email_subject="Down")
    [row] = bob.notifications.all()
    assert (row.level, row.data) == ("error", {"type": "connection", "email_subject": "Down"})


def test_kaku_names_the_list_of_its_pages(rf: Any, ann: Any) -> None:
    class Notices(AllNotificationsList):
        context_object_name = "notice_list"
        paginate_by = 2

    for number in range(3):
        make_notification(ann, verb=f"wrote {number}")
    request = rf.get("/")
    request.user = ann
    response: Any = Notices.as_view()(request)
    assert [row.verb for row in response.context_data["notice_list"]] == ["wrote 2", "wrote 1"]


def test_a_diary_orders_its_list_and_shows_it_in_a_template_of_its_own(rf: Any, ann: Any) -> None:
    class Diary(AllNotificationsList):
        def get_queryset(self) -> Any:
            return super().get_queryset().filter(verb__startswith="wrote").order_by("verb")

    for verb in ("wrote b", "wrote a", "read c"):
        make_notification(ann, verb=verb)
    request = rf.get("/")
    request.user = ann
    response: Any = Diary.as_view()(request)
    shown = Template("{% for one in notifications %}{{ one.verb }};{% endfor %}").render(
        Context(response.context_data)
    )
    assert shown == "wrote a;wrote b;"


def test_notifications_rest_creates_updates_and_serializes_rows_by_itself(ann: Any, bob: Any) -> None:
    row = rows().create(actor=ann, recipient=bob, verb="followed", target=bob)
    assert rows().filter(recipient=bob, unread=True).update(unread=False) == 1
    row.refresh_from_db()
    fields = ("id", "level", "unread", "verb", "actor_object_id", "public", "data")
    assert (
        json.loads(json.dumps({name: getattr(row, name) for name in fields}, default=str))["unread"] is False
    )
    assert rows().filter(pk=row.pk).delete()[0] == 1


def test_macports_notifies_a_relation_of_users_and_links_to_what_it_reads(
    client: Client, ann: Any, bob: Any
) -> None:
    group = make_group("followers", ann, bob)
    notify.send(group, recipient=group.user_set.all(), verb="updated", target=make_project())
    [row] = bob.notifications.all()
    page = Template(
        "{% load notifications_tags %}{% notifications_unread as count %}{{ count }} "
        "{% url 'notifications:mark_as_read' row.slug %}"
    )
    request = HttpRequest()
    request.user = bob
    shown = page.render(Context({"request": request, "user": bob, "row": row}))
    assert shown == f"1 {reverse('notifications:mark_as_read', args=[row.slug])}"
    client.force_login(bob)
    client.post(shown.partition(" ")[2])
    assert not bob.notifications.unread().exists()


def test_openciviwiki_puts_the_tags_around_a_callback_of_its_own(ann: Any, bob: Any) -> None:
    notify.send(
        ann, recipient=bob, verb="started following you", action_object=ann, popup_string="ann", link="/ann"
    )
    page = Template(
        "{% load notifications_tags %}{% register_notify_callbacks callbacks='fill_notification_badge,mine' %}"
        "{% live_notify_badge badge_class='badge' %}{% live_notify_list list_class='list' %}"
    )
    request = HttpRequest()
    request.user = bob
    shown = page.render(Context({"request": request, "user": bob}))
    assert "mine" in shown
    assert "<span class='badge'>1</span><ul class='list'></ul>" in shown
    assert bob.notifications.unread()[0].data == {"popup_string": "ann", "link": "/ann"}


def test_a_site_names_the_actor_twice_and_saves_the_rows_of_the_answer(ann: Any, bob: Any) -> None:
    answers = notify.send(sender=ann, actor=ann, recipient=bob, verb="assigned", action_object=make_issue())
    for _, sent in answers:
        for row in sent:
            row.description = "saved again"
            row.save()
    found = rows().prefetch_related(Prefetch("recipient"))
    assert [(row.actor, row.recipient, row.description) for row in found] == [(ann, bob, "saved again")]
