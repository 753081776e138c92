"""The document this project was made from: each of its code blocks runs as written, each of its promises holds.

Sentences in docstrings that stand in quotation marks are the document's own.
"""

from __future__ import annotations

import logging
import re
import sys
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import model_utils
import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.contrib.contenttypes.fields import GenericForeignKey
from django.db.models.signals import post_save
from django.http import HttpRequest
from django.template import engines
from django.test import RequestFactory
from django.urls import include, path, re_path, resolve, reverse
from django.utils import timezone
from django.utils.timesince import timesince

from notifications import notify
from notifications.conf import get_notification_model
from notifications.storage.querysets import NotificationQuerySet
from tests.factories import make_group, make_issue, make_notification, make_project, make_user, rows
from tests.testapp.models import BigThing, Issue, TextThing, UuidThing

pytestmark = pytest.mark.django_db

# The code blocks, as they are written.

URLS = """
import notifications

urlpatterns = patterns('',
    ('^inbox/notifications/', include(notifications.urls)),
"""

HANDLER = """
from django.db.models.signals import post_save
from notifications import notify
from myapp.models import MyModel

def my_handler(sender, instance, created, **kwargs):
    notify.send(instance, verb='was saved')

post_save.connect(my_handler, sender=MyModel)
"""

ANYWHERE = """
from notifications import notify

notify.send(request.user, verb='reached level 10')
notify.send(request.user, verb='joined', target=group)
notify.send(request.user, verb='created comment', action_object=comment, target=group)
"""

ONE_USER = """
user = User.objects.get(pk=pk)
"""

MARK_ALL_AS_READ = "qs.mark_all_as_read() | qs.mark_all_as_read(recipient)"

MARK_ALL_AS_UNREAD = "qs.mark_all_as_unread() | qs.mark_all_as_unread(recipient)"

TAG = "{% notifications_unread %}"

TAG_AS_VARIABLE = """
{% notifications_unread as unread_count %}
{% if unread_count %}
    You have <strong>{{ unread_count }}</strong> unread notifications.
{% endif %}"""


@pytest.fixture
def myapp(monkeypatch: pytest.MonkeyPatch) -> type[Issue]:
    """Somebody's ``myapp.models``, whose ``MyModel`` is one of ours."""
    package, models = ModuleType("myapp"), ModuleType("myapp.models")
    vars(models)["MyModel"] = Issue
    monkeypatch.setitem(sys.modules, "myapp", package)
    monkeypatch.setitem(sys.modules, "myapp.models", models)
    return Issue


def run(block: str, **names: Any) -> dict[str, Any]:
    """Execute a code block of the document with these names in scope. Return the scope after it."""
    scope: dict[str, Any] = {"__name__": "somebody", **names}
    exec(block, scope)  # noqa: S102 - what the document shows is what is tested
    return scope


def render(template: str, user: Any) -> str:
    request = RequestFactory().get("/")
    request.user = user
    text = "{% load notifications_tags %}" + template
    return str(engines["django"].from_string(text).render({}, request)).strip()


def request_of(user: Any) -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = user
    return request


# What a notification is


@pytest.mark.without_extensions
def test_the_example_reads_as_it_is_written(justquick: Any) -> None:
    """ "justquick (actor) closed (verb) issue 2 (object) on activity-stream (target) 12 hours ago" """
    notify.send(
        justquick,
        verb="closed",
        action_object=make_issue("issue 2"),
        target=make_project("activity-stream"),
        timestamp=timezone.now() - timedelta(hours=12),
    )

    assert str(rows().get()) == "justquick closed issue 2 on activity-stream 12\xa0hours ago"


@pytest.mark.without_extensions
def test_action_object_and_target_are_optional(justquick: Any) -> None:
    """ "Action Object. (Optional) The object linked to the action itself." "Target. (Optional) The object to which the
    activity was performed." """
    issue, project = make_issue("issue 2"), make_project("activity-stream")
    then = timezone.now() - timedelta(hours=12)

    for objects in ({}, {"target": project}, {"action_object": issue}):
        notify.send(justquick, verb="closed", timestamp=then, **objects)

    assert [str(row) for row in rows().order_by("pk")] == [
        "justquick closed 12\xa0hours ago",
        "justquick closed activity-stream 12\xa0hours ago",
        "justquick closed issue 2 12\xa0hours ago",
    ]


def test_actor_action_object_and_target_may_be_any_objects(justquick: Any) -> None:
    """ "Actor, Action Object and Target are GenericForeignKeys to any arbitrary Django object." """
    model = get_notification_model()
    for name in ("actor", "action_object", "target"):
        assert isinstance(model._meta.get_field(name), GenericForeignKey)

    things = [
        UuidThing.objects.create(name="by uuid"),
        TextThing.objects.create(code="by/text", name="by text"),
        BigThing.objects.create(id=2**63 - 1, name="by number"),
    ]
    for actor, action_object, target in (things, things[1:] + things[:1], things[2:] + things[:2]):
        notify.send(actor, verb="met", recipient=justquick, action_object=action_object, target=target)
        row = rows().latest("pk")
        assert (row.actor, row.action_object, row.target) == (actor, action_object, target)


def test_a_notification_is_of_an_instant() -> None:
    """ "An action is a description of an action that was performed (Verb) at some instant in time" """
    before = timezone.now() - timedelta(milliseconds=1)

    notify.send(make_user(), verb="closed")

    assert before <= rows().get().timestamp <= timezone.now()


# Installation


def test_pip_installs_it_under_its_name_with_django_model_utils() -> None:
    """ "pip install django-notifications" "Note that django-model-utils will be installed"

    The name in the seed belongs to somebody else's upload of 2010, so that ours has one word more.
    """
    declared = (Path(__file__).parent.parent / "pyproject.toml").read_text()

    assert re.search(r'^name = "django-notifications-inbox"$', declared, re.MULTILINE)
    assert re.search(r'^dependencies = \[.*"django-model-utils\b', declared, re.MULTILINE)
    assert isinstance(get_notification_model().LEVELS, model_utils.Choices)


def test_the_app_is_installed_by_its_name_after_those_that_generate_notifications(settings: Any) -> None:
    """ "add the app notifications to your INSTALLED_APPS" "The app should go somewhere after all the apps that are
    going to be generating notifications like django.contrib.auth" """
    installed = list(settings.INSTALLED_APPS)

    assert apps.is_installed("notifications")
    assert installed.index("notifications") > installed.index("django.contrib.auth")


def urlconf_of(urlpatterns: list[Any]) -> Any:
    """Return a urlconf module with these patterns."""
    module = ModuleType("somebodys_urls")
    vars(module)["urlpatterns"] = urlpatterns
    return module


def patterns(prefix: str, *routes: tuple[str, Any]) -> list[Any]:
    """Do what Django's function of this name did when the document was written."""
    return [re_path(prefix + regex, view) for regex, view in routes]


def test_the_urls_are_included_as_written() -> None:
    """ "Add the notifications urls to your urlconf". The block lacks its last bracket."""
    scope = run(URLS + ")", patterns=patterns, include=include)

    urlconf = urlconf_of(scope["urlpatterns"])
    assert reverse("notifications:all", urlconf=urlconf) == "/inbox/notifications/"
    assert reverse("notifications:unread", urlconf=urlconf) == "/inbox/notifications/unread/"
    match = resolve("/inbox/notifications/unread/", urlconf=urlconf)
    assert match.view_name == "notifications:unread"


@pytest.mark.parametrize("how", ["module", "path", "path with namespace"])
def test_the_urls_are_in_their_namespace_however_they_are_included_today(how: str) -> None:
    """ "The method of installing these urls, importing rather than using 'notifications.urls', is required to ensure
    that the urls are installed in the notifications namespace." It is required no more."""
    import notifications

    included = {
        "module": lambda: include(notifications.urls),
        "path": lambda: include("notifications.urls"),
        "path with namespace": lambda: include("notifications.urls", namespace="notifications"),
    }[how]()

    urlconf = urlconf_of([path("inbox/notifications/", included)])
    assert reverse("notifications:all", urlconf=urlconf) == "/inbox/notifications/"
    assert resolve("/inbox/notifications/", urlconf=urlconf).namespace == "notifications"


# Generating notifications


@pytest.mark.without_extensions
def test_a_handler_of_post_save_may_notify_as_written(
    myapp: type[Issue], caplog: pytest.LogCaptureFixture
) -> None:
    """ "Generating notifications is probably best done in a separate signal." What is saved is no user, so nobody is
    told, and the save goes on."""
    scope = run(HANDLER)
    try:
        with caplog.at_level(logging.INFO, logger="notifications"):
            saved = myapp.objects.create(name="issue 2")
    finally:
        assert post_save.disconnect(scope["my_handler"], sender=myapp)

    assert saved.pk
    assert rows().count() == 0
    assert caplog.messages == [
        (
            f"Nobody was notified that testapp.Issue {saved.pk} 'was saved': "
            "no recipient was named, and the actor is not a user."
        )
    ]


def test_the_handler_of_post_save_tells_a_user_who_was_saved(
    monkeypatch: pytest.MonkeyPatch, myapp: Any
) -> None:
    monkeypatch.setattr(sys.modules["myapp.models"], "MyModel", get_user_model())
    scope = run(HANDLER)
    try:
        user = make_user("justquick")
    finally:
        assert post_save.disconnect(scope["my_handler"], sender=get_user_model())

    row = rows().get()
    assert (row.recipient, row.actor, row.verb) == (user, user, "was saved")


@pytest.mark.without_extensions
def test_a_notification_is_generated_anywhere_as_written(justquick: Any) -> None:
    """ "To generate an notification anywhere in your code, simply import the notify signal and send it with your
    actor, verb, and target." """
    group, comment = make_group("django"), make_issue("a comment")

    run(ANYWHERE, request=request_of(justquick), group=group, comment=comment)

    assert [
        (row.recipient, row.actor, row.verb, row.action_object, row.target) for row in rows().order_by("pk")
    ] == [
        (justquick, justquick, "reached level 10", None, None),
        (justquick, justquick, "joined", None, group),
        (justquick, justquick, "created comment", comment, group),
    ]


@pytest.mark.urls("tests.urls")
@pytest.mark.without_extensions
def test_the_user_of_a_real_request_may_be_the_actor(client: Any, justquick: Any, settings: Any) -> None:
    """``request.user`` is a lazy object there."""
    client.force_login(justquick)
    request = client.get("/home/").wsgi_request
    assert type(request.user) is not get_user_model()

    run(ANYWHERE, request=request, group=make_group("django"), comment=make_issue())

    assert [row.actor for row in rows()] == [justquick] * 3


# Extra data


def test_extra_arguments_are_attached_to_data(justquick: Any, settings: Any) -> None:
    """ "any extra arguments you pass to notify.send(...) will be attached to the .data attribute of the notification
    object" """
    settings.NOTIFICATIONS = {}
    settings.NOTIFY_USE_JSONFIELD = True

    notify.send(justquick, verb="reached level 10", points=1200, badges=["gold", "silver"])

    assert rows().get().data == {"points": 1200, "badges": ["gold", "silver"]}


def test_extra_arguments_are_attached_also_where_the_setting_is_not_made(
    justquick: Any, settings: Any
) -> None:
    settings.NOTIFICATIONS = {}

    notify.send(justquick, verb="reached level 10", points=1200)

    assert rows().get().data == {"points": 1200}


def test_data_is_serialised_by_the_json_field(justquick: Any, settings: Any) -> None:
    """ "These will be serialised using the JSONField's serialiser, so you may need to take that into account: using
    only objects that will be serialised is a good idea." """
    moment = timezone.now().replace(microsecond=0)
    notify.send(justquick, verb="reached level 10", at=moment.date())
    assert rows().get().data == {"at": moment.date().isoformat()}

    settings.NOTIFICATIONS = {**getattr(settings, "NOTIFICATIONS", {}), "USE_JSONFIELD": True}
    with pytest.raises(TypeError, match="data\\['who'\\] cannot be stored as JSON"):
        notify.send(justquick, verb="reached level 10", who=justquick)
    assert rows().count() == 1


# QuerySet methods


def test_the_queryset_methods_are_on_the_manager_and_on_every_queryset(justquick: Any) -> None:
    """ "we get the ability to add queryset methods to not only the manager, but to all querysets that will be used,
    including related objects" """
    model = get_notification_model()
    make_notification(justquick)
    make_notification(make_user("brosner"))

    assert model._default_manager.unread().count() == 2
    assert model._default_manager.filter(verb="closed").unread().unread().count() == 2
    assert justquick.notifications.unread().count() == 1
    assert isinstance(justquick.notifications.all(), NotificationQuerySet)


def test_the_unread_notifications_of_a_single_user_as_written(justquick: Any) -> None:
    """ "which returns all unread notifications. To do this for a single user, we can do:" """
    mine = make_notification(justquick)
    make_notification(justquick, unread=False)
    make_notification(make_user("brosner"))

    user = run(ONE_USER, User=get_user_model(), pk=justquick.pk)["user"]

    assert list(user.notifications.unread()) == [mine]


def test_unread_and_read_filter_the_current_queryset(justquick: Any) -> None:
    """ "Return all of the unread notifications, filtering the current queryset." "Return all of the read
    notifications, filtering the current queryset." """
    unread = make_notification(justquick, verb="closed")
    read = make_notification(justquick, verb="closed", unread=False)
    make_notification(justquick, verb="opened")
    make_notification(justquick, verb="opened", unread=False)
    qs = rows().filter(verb="closed")

    assert list(qs.unread()) == [unread]
    assert list(qs.read()) == [read]


@pytest.mark.parametrize(("block", "unread"), [(MARK_ALL_AS_READ, True), (MARK_ALL_AS_UNREAD, False)])
def test_a_queryset_is_marked_as_written(justquick: Any, block: str, unread: bool) -> None:
    """Both forms in one line; together they reach the whole queryset, and nothing beside it."""
    for recipient in (justquick, make_user("brosner")):
        make_notification(recipient, verb="closed", unread=unread)
    beside = make_notification(justquick, verb="opened", unread=unread)

    run(block, qs=rows().filter(verb="closed"), recipient=justquick)

    assert [row.unread for row in rows().filter(verb="closed")] == [not unread] * 2
    assert rows().get(pk=beside.pk).unread is unread


@pytest.mark.parametrize(("block", "unread"), [(MARK_ALL_AS_READ, True), (MARK_ALL_AS_UNREAD, False)])
def test_a_queryset_is_marked_for_one_recipient_as_written(justquick: Any, block: str, unread: bool) -> None:
    """ "Mark all of the unread notifications in the queryset (optionally also filtered by recipient) as read." "Mark
    all of the read notifications in the queryset (optionally also filtered by recipient) as unread." """
    make_notification(justquick, unread=unread)
    make_notification(make_user("brosner"), unread=unread)
    _, of_recipient = block.split(" | ")

    run(of_recipient, qs=rows().all(), recipient=justquick)

    assert justquick.notifications.get().unread is not unread
    assert rows().exclude(recipient=justquick).get().unread is unread


# Model methods


def test_timesince_is_djangos(justquick: Any) -> None:
    """ "A wrapper for Django's timesince function." """
    row = make_notification(justquick, timestamp=timezone.now() - timedelta(days=3, hours=2))

    assert row.timesince() == timesince(row.timestamp) == "3\xa0days, 2\xa0hours"
    assert row.timesince(row.timestamp + timedelta(hours=12)) == "12\xa0hours"


def test_mark_as_read_marks_the_current_object(justquick: Any) -> None:
    """ "Mark the current object as read." """
    row, other = make_notification(justquick), make_notification(justquick)

    row.mark_as_read()

    assert rows().get(pk=row.pk).unread is False
    assert rows().get(pk=other.pk).unread is True


# Template tags


def test_the_tag_gives_the_number_of_unread_notifications(justquick: Any) -> None:
    """ "Give the number of unread notifications for a user" """
    make_notification(justquick)
    make_notification(justquick)
    make_notification(justquick, unread=False)
    make_notification(make_user("brosner"))

    assert render(TAG, justquick) == "2"


def test_the_tag_gives_nothing_for_an_anonymous_user() -> None:
    """ "or nothing (an empty string) for an anonymous user" """
    make_notification(make_user())

    assert render(TAG, AnonymousUser()) == ""


def test_the_tag_stores_the_count_in_a_variable_as_written(justquick: Any) -> None:
    """ "Storing the count in a variable for further processing is advised" """
    make_notification(justquick)

    assert render(TAG_AS_VARIABLE, justquick) == "You have <strong>1</strong> unread notifications."
    assert render(TAG_AS_VARIABLE, make_user("nobody told")) == ""
    assert render(TAG_AS_VARIABLE, AnonymousUser()) == ""
