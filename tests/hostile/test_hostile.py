"""Whatever the site's own code does, every page, tag, JSON, command and verb works; the other rows do not notice."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from notifications import urls
from notifications.contrib.live.rendering import render
from notifications.contrib.subscriptions import urls as subscriptions_urls
from notifications.contrib.subscriptions.operations import watch
from notifications.events import OBJECTS
from notifications.presentation import serialize
from notifications.sending.handler import notify_handler
from notifications.signals import notified, read_state_changed
from tests.factories import make_notification, make_project, make_user, rows
from tests.hostile import models
from tests.hostile.ways import SOME_WAYS, WAYS
from tests.settings.hostile import TEMPLATES_OF_VERBS

pytestmark = [pytest.mark.django_db, pytest.mark.shape("hostile")]

hostile: Any = models

#: Pages are made of rows of a few lines each, whatever a site's own code writes.
MAX_PAGE = 200_000
OTHER = "innocent project"


class RuleOf:
    """The rules of the setting, by the way in which they misbehave."""

    def __init__(self, way: str) -> None:
        self.users = self.objects = lambda rows, other: WAYS[way]()


def __getattr__(name: str) -> Any:
    # What a dotted path names: "rule_of_runtime_error".
    way = name.removeprefix("rule_of_").replace("_", " ")
    if way not in WAYS:
        raise AttributeError(name)
    return lambda: RuleOf(way)


# What is hostile, each a function that makes one row of the user


def about(make: Callable[[], Any], **columns: Any) -> Callable[[Any], Any]:
    def make_row(user: Any) -> Any:
        obj = make()
        return make_notification(user, **{"verb": "met", "target": obj, "action_object": obj, **columns})

    return make_row


def stored(make: Callable[[], Any]) -> Callable[[Any], Any]:
    """Return a row about an object that can't be had as an object even now."""

    def make_row(user: Any) -> Any:
        row = make_notification(user, verb="met")
        obj = make()
        row.target = obj
        row.save()
        return row

    return make_row


def hooked(model: Any, hook: str, way: str) -> Callable[[], Any]:
    return lambda: model.objects.create(hook=hook, way=way)


CASES: dict[str, Callable[[Any], Any]] = {
    **{f"__str__: {way}": about(hooked(hostile.Plain, "__str__", way)) for way in WAYS},
    **{
        f"get_absolute_url: {way}": about(hooked(hostile.Plain, "get_absolute_url", way)) for way in SOME_WAYS
    },
    **{
        f"get_url: {way}": about(hooked(hostile.Linked, "get_url_for_notifications", way))
        for way in SOME_WAYS
    },
    **{f"parents: {way}": about(hooked(hostile.Plain, "notifications_parents", way)) for way in SOME_WAYS},
    **{f"rule: {way}": about(hostile.Ruled.objects.create) for way in SOME_WAYS},
    **{f"template: {verb}": about(lambda: make_project("named"), verb=verb) for verb in TEMPLATES_OF_VERBS},
    "false": about(hostile.Falsy.objects.create),
    "a converter": about(lambda: hostile.Converted.objects.create(value="broken")),
    "from_db": about(hostile.Loaded.objects.create),
    "a base manager": about(lambda: hostile.Managed.objects.bulk_create([hostile.Managed(pk=7)])[0]),
    "no table": stored(lambda: hostile.Tableless(pk=7)),
    "a model without a name": about(hostile.Nameless.objects.create),
    "an actor": lambda user: make_notification(
        user, verb="met", actor=hooked(hostile.Plain, "__str__", "recursion")()
    ),
}


@pytest.fixture(params=CASES)
def case(request: Any, settings: Any) -> Any:
    name: str = request.param
    kind, _, way = name.partition(": ")
    if kind == "rule":
        path = f"{__name__}.rule_of_{way.replace(' ', '_')}"
        settings.NOTIFICATIONS = {"VISIBILITY": {"hostile.Ruled": path}}
    return name


@pytest.fixture
def row(case: str) -> Any:
    """A hostile row, between two that are not."""
    user = make_user("reader", is_staff=True, is_superuser=True)
    make_notification(user, target=make_project(OTHER))
    row = CASES[case](user)
    make_notification(user, target=make_project(OTHER))
    return row


@pytest.fixture
def client(row: Any) -> Client:
    client = Client()
    client.force_login(row.recipient)
    return client


# Every url. What it needs stands in a function of the row; a new url without a line here fails a test.

LISTS = ("all", "unread", "api_inbox", "live_unread_notification_list", "live_all_notification_list")
ASKED: dict[str, Callable[[Any], tuple[list[Any], dict[str, Any]]]] = {
    **{name: lambda row: ([], {}) for name in LISTS},
    **{
        name: lambda row: ([], {})
        for name in (
            "saved",
            "snoozed",
            "done",
            "live_unread_notification_count",
            "live_all_notification_count",
        )
    },
    "act": lambda row: ([], {"one": f"done:{row.slug}"}),
    "undo": lambda row: ([], {"undo": "nothing"}),
    "saved_searches": lambda row: ([], {"do": "save", "name": "mine", "q": "is:unread"}),
    "token": lambda row: ([], {}),
    "seen": lambda row: ([], {}),
    "mark_all_as_read": lambda row: ([], {}),
    "mark_as_read": lambda row: ([row.slug], {}),
    "mark_as_unread": lambda row: ([row.slug], {}),
    "delete": lambda row: ([row.slug], {}),
    "list": lambda row: ([], {}),
    "change": lambda row: ([], {"action": "watch", "object": "nonsense"}),
    "change_from_notification": lambda row: ([], {"row": f"mute:{row.slug}"}),
    "change_selected": lambda row: ([], {"id": "1", "action": "mute"}),
    "why": lambda row: ([row.slug], {}),
}


def test_every_url_is_asked() -> None:
    patterns = [*urls.urlpatterns, *subscriptions_urls.urlpatterns]
    assert {pattern.name for pattern in patterns} == set(ASKED)


def url_of(name: str, row: Any) -> tuple[str, dict[str, Any]]:
    arguments, data = ASKED[name](row)
    wing = "_subscriptions" if name in {each.name for each in subscriptions_urls.urlpatterns} else ""
    return reverse(f"notifications{wing}:{name}", args=arguments), data


def test_every_page_and_every_answer(case: str, row: Any, client: Client) -> None:
    if not case.startswith("parents"):
        # Whoever watches it has it on another page, too.
        for name in OBJECTS[1:]:
            if (obj := getattr(rows().get(pk=row.pk), name)) is not None:
                watch(row.recipient, obj)
    for name in ASKED:
        url, data = url_of(name, row)
        for accept in ("text/html", "application/json"):
            response = client.get(url, data, headers={"accept": accept})
            assert response.status_code in (200, 400, 405), (name, response.status_code)
            assert len(response.content) < MAX_PAGE
            page = response.content.decode()
            # In JSON it is a text like any other.
            assert response["Content-Type"].startswith("application/json") or "<script>alert" not in page
            if name in LISTS:
                assert OTHER in page
            if name.startswith("api") or name.endswith(("_list", "_count")):
                response.json()


def test_it_can_be_acted_on_and_deleted(row: Any, client: Client) -> None:
    for name in ("act", "change_from_notification", "mark_as_read", "mark_as_unread", "delete"):
        url, data = url_of(name, row)
        assert client.post(url, data).status_code in (302, 400)
    assert rows().count() == 2


ADMIN_PAGES: dict[str, Callable[[Any], tuple[str, dict[str, Any]]]] = {
    "changelist": lambda row: (admin("changelist"), {}),
    "search": lambda row: (admin("changelist"), {"q": "reader met"}),
    "change": lambda row: (admin("change", row.pk), {}),
    "history": lambda row: (admin("history", row.pk), {}),
    "delete": lambda row: (admin("delete", row.pk), {}),
    "subscriptions": lambda row: (reverse("admin:notifications_subscriptions_subscription_changelist"), {}),
}


def admin(page: str, *arguments: Any) -> str:
    return reverse(f"admin:notifications_notification_{page}", args=arguments)


def test_the_admin(row: Any, client: Client, monkeypatch: Any) -> None:
    chosen = {"action": "delete_selected", "_selected_action": [each.pk for each in rows()]}
    for page, asked in ADMIN_PAGES.items():
        url, data = asked(row)
        response = client.get(url, data)
        assert response.status_code == 200, page
        assert len(response.content) < MAX_PAGE
        assert "<script>alert" not in response.content.decode()
    assert client.post(admin("changelist"), chosen).status_code == 200
    assert client.post(admin("changelist"), {**chosen, "action": "mark_read"}).status_code == 302


TAGS = [
    "{% notifications_unread %}",
    "{% live_notify_badge %}",
    "{% notifications_bell rows=5 %}",
    "{% notifications_list rows=5 %}",
    "{% notices_by_day rows as days %}{{ days|length }}",
    "{% for notice in rows %}{{ notice|notice_text }}{{ notice|notice_reason }}{% endfor %}",
    "{% for notice in rows %}{{ notice|notice_actions|length }}{% notice_main_url notice %}{% endfor %}",
    "{% for notice in rows %}{% notice_parts notice as parts %}{% notice_sentence notice parts %}{% endfor %}",
    "{% for notice in rows %}{% include 'notifications/notice.html' %}{% endfor %}",
    "{% for notice in rows %}{{ notice }}{% endfor %}",
]


class Stream:
    """What a row is shown to by the wing that is live."""

    language = "en"

    def make_request(self) -> Any:
        return RequestFactory().get("/")


def test_every_tag_and_the_stream(row: Any) -> None:
    request = RequestFactory().get("/")
    request.user = row.recipient
    for tag in TAGS:
        template = Template("{% load notifications_tags %}" + tag)
        page = template.render(Context({"request": request, "rows": rows().with_objects()}))
        assert len(page) < MAX_PAGE
        assert "<script>alert" not in page
    obj = rows().get(pk=row.pk).target
    template = Template("{% load subscriptions %}{% watch_button obj %}{% resolve_notifications obj %}")
    if obj is not None:
        assert len(template.render(Context({"request": request, "obj": obj}))) < MAX_PAGE
    stream: Any = Stream()
    for found in rows().with_objects():
        assert len(str(found)) < 5_000
        assert json.loads(render(found, stream) or "")["text"] == serialize.entry(found)["text"]


COMMANDS: list[Callable[[Any], list[str]]] = [
    lambda row: ["prune_notifications", "--read-older-than", "1d"],
    lambda row: ["explain_notification", "reader", str(row.pk)],
    lambda row: ["prune_subscriptions"],
    lambda row: ["check"],
]


VERBS = [
    "mark_as_read",
    "mark_as_unread",
    "mark_as_done",
    "mark_as_undone",
    "mark_as_saved",
    "mark_as_unsaved",
]


def test_every_command_and_every_verb(case: str, row: Any) -> None:
    for command in COMMANDS:
        call_command(*command(row), stdout=io.StringIO(), stderr=io.StringIO())
    found = rows().get(pk=row.pk)
    assert all(isinstance(getattr(found, verb)(), bool) for verb in VERBS)
    assert found.snooze(timezone.now() + timedelta(days=1))
    assert found.unsnooze()
    assert rows().mark_all_as_done() == 3
    if found.target is not None:
        sent = notify_handler(sender=row.recipient, verb="met", target=found.target, recipient=row.recipient)
        assert len(sent) == 1
    assert found.delete()


@pytest.mark.parametrize("query", ["met", "target:seven"])
def test_a_base_manager_that_raises_under_a_rule_hides_its_objects_from_the_search(
    settings: Any, query: str
) -> None:
    settings.NOTIFICATIONS = {
        "VISIBILITY": {"hostile.Managed": "tests.testapp.rules.NotForStrangers"},
        "SEARCH_FIELDS": {"hostile.Managed": "name"},
    }
    user = make_user("reader")
    make_notification(
        user, verb="met", target=hostile.Managed.objects.bulk_create([hostile.Managed(pk=7)])[0]
    )
    client = Client()
    client.force_login(user)
    response = client.get(reverse("notifications:api_inbox"), {"q": query})
    assert len(response.json()["items"]) == (1 if query == "met" else 0)


# Receivers and the user model


@pytest.fixture
def receivers() -> Iterator[None]:
    def refuse(**arguments: Any) -> None:
        raise RuntimeError

    for signal in (notified, read_state_changed):
        signal.connect(refuse)
    yield
    for signal in (notified, read_state_changed):
        signal.disconnect(refuse)


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_raises_costs_nothing(receivers: None) -> None:
    user = make_user("reader")
    [(_, sent)] = [(None, notify_handler(sender=user, verb="met", recipient=user))]
    assert len(sent) == 1
    client = Client()
    client.force_login(user)
    response = client.post(
        reverse("notifications:act"),
        {"one": f"done:{rows().get().slug}"},
        headers={"accept": "application/json"},
    )
    assert response.json()["changed"] == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_user_may_misbehave_like_any_object(monkeypatch: Any, way: str) -> None:
    user = make_user("reader", is_staff=True, is_superuser=True)
    row = make_notification(user, target=user, verb="met")
    client = Client()
    client.force_login(user)
    monkeypatch.setattr(get_user_model(), "__str__", lambda self: WAYS[way]())
    for name in ASKED:
        url, data = url_of(name, row)
        assert client.get(url, data).status_code in (200, 400, 405)
    call_command("explain_notification", "reader", str(row.pk), stdout=io.StringIO())
    # The header of the admin says the user's own name by itself, where we have no say.
    monkeypatch.setattr(get_user_model(), "get_short_name", lambda self: "reader")
    for page, asked in ADMIN_PAGES.items():
        url, data = asked(row)
        if page != "delete":
            assert client.get(url, data).status_code == 200, page
