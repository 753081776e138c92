"""What the site makes of a queryset has nothing that was not in it, also where it was made without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from django.db import connection
from django.db.models import Count, Value
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from notifications import notify, registry
from notifications.conf import get_notification_model
from notifications.extensions import ROW_FILTERS, Extension, explained, rows_for
from notifications.inbox import search
from notifications.objects.narrowing import within
from notifications.objects.visibility import Rule, visible_to
from tests.factories import make_group, make_notification, make_project, make_user, rows, told
from tests.testapp.models import Project

pytestmark = pytest.mark.django_db


def everybody() -> Any:
    return type(make_user("somebody"))._default_manager.all()


class NoEquality:
    def __eq__(self, other: object) -> bool:
        raise ValueError("no")

    __hash__ = None  # type: ignore[assignment]


#: What the site may return for the users whose names begin with "a", of whom "ann" and "abe" may see something.
WAYS: dict[str, Callable[[Any, Any], Any]] = {
    "a filter": lambda users, all_: users.filter(username__in=["ann", "abe", "bob"]),
    "one that is negated": lambda users, all_: users.exclude(username="alf"),
    "no filter": lambda users, all_: users.exclude(username="alf").all(),
    "another queryset": lambda users, all_: all_.filter(username__in=["ann", "abe", "bob"]),
    "all others too": lambda users, all_: all_.exclude(username="alf"),
    "members": lambda users, all_: make_group("team", *all_.exclude(username="alf")).user_set.all(),
    "a union": lambda users, all_: all_.filter(username="ann").union(
        all_.filter(username__in=["abe", "bob"])
    ),
    "either": lambda users, all_: users.filter(username="ann") | all_.filter(username__in=["abe", "bob"]),
    "a slice of them": lambda users, all_: users.order_by("username").exclude(username="alf")[:3],
    "a slice": lambda users, all_: all_.exclude(username__in=["alf", "somebody"]).order_by("username")[:3],
    "with columns": lambda users, all_: all_.exclude(username="alf").annotate(groups_=Count("groups")),
}


@pytest.fixture
def names() -> Any:
    for name in ("ann", "abe", "alf", "bob"):
        make_user(name)
    return everybody()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("has_columns", [False, True])
def test_nobody_is_added(names: Any, way: str, has_columns: bool) -> None:
    users = names.filter(username__startswith="a")
    if has_columns:
        users = users.annotate(ntf_one=Value(1))
    found = within(users, WAYS[way](users, names))
    assert sorted(user.username for user in found) == ["abe", "ann"]
    if has_columns:
        assert {user.ntf_one for user in found} == {1}


def test_a_filter_costs_nothing(names: Any) -> None:
    users = names.filter(username__startswith="a").exclude(username="alf")
    narrowed = users.filter(is_active=True)
    assert within(users, narrowed) is narrowed
    assert within(names, narrowed) is narrowed


def test_conditions_that_cannot_be_compared_are_not_the_same(
    names: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = names.filter(username="ann")
    users.query.where.children.append(NoEquality())
    assert within(users, names.filter(username="ann")) is not users


class Members(Rule):
    """Who may see a project, and which a user may see, both said without what is given."""

    found: ClassVar[Any] = None

    def users(self, users: Any, obj: Any) -> Any:
        return self.found

    def objects(self, objects: Any, user: Any) -> Any:
        return Project._default_manager.all()


@pytest.fixture
def members(settings: Any, names: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(Members, "found", names)
    settings.NOTIFICATIONS = {
        "VISIBILITY": {"testapp.project": f"{__name__}.Members"},
        "SEARCH_FIELDS": {"testapp.project": "name"},
    }
    return names


def test_a_rule_adds_no_recipient(members: Any) -> None:
    ann = members.get(username="ann")
    notify.send(ann, verb="opened", target=make_project(), recipient=[ann])
    assert told() == ["ann"]


def test_a_search_finds_only_what_is_named(members: Any) -> None:
    ann = members.get(username="ann")
    for name in ("one", "two"):
        make_notification(ann, target=make_project(name))
    assert visible_to(ann, Project._default_manager.filter(name="one")).count() == 1
    for text in ("target:one", "one"):
        asked = search.parse(text, get_notification_model(), viewer=ann)
        assert [row.target.name for row in asked.narrow(rows())] == ["one"]


def test_an_extension_shows_nobody_the_rows_of_others(names: Any, client: Client) -> None:
    ann, bob = names.get(username="ann"), names.get(username="bob")
    make_notification(ann, verb="own")
    make_notification(bob, verb="secret")
    before = ROW_FILTERS.copy()
    registry.register_queryset_filter(lambda found, request: rows().filter(public=True))
    try:
        assert [row.verb for row in rows_for(None, ann.notifications.all())] == ["own"]
        client.force_login(ann)
        assert b"secret" not in client.get(reverse("notifications:all")).content
        client.post(reverse("notifications:mark_all_as_read"))
        assert bob.notifications.unread().count() == 1
    finally:
        ROW_FILTERS[:] = before


@pytest.mark.parametrize("hook", ["notifications_attributes", "notifications_explained"])
@pytest.mark.parametrize("answer", [ValueError("no"), None, 5])
def test_an_extension_that_cannot_say_something_breaks_no_page(
    names: Any, client: Client, add_extension: Callable[[Extension], None], hook: str, answer: Any
) -> None:
    def fail(*arguments: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    add_extension(type("Odd", (Extension,), {hook: fail})())
    client.force_login(names.get(username="ann"))
    assert client.get(reverse("notifications:all")).status_code == 200
    assert [text for text in explained(rows().model()) if "hook" in text] == []


def test_a_rule_that_filters_is_asked_by_the_same_query(names: Any, settings: Any) -> None:
    settings.NOTIFICATIONS = {"VISIBILITY": {"testapp.project": "tests.testapp.rules.NotForStrangers"}}
    ann = names.get(username="ann")
    make_notification(ann, target=make_project())
    with CaptureQueriesContext(connection) as queries:
        assert ann.notifications.with_objects()[0].target is not None
    assert not any(query["sql"].count("SELECT") > 1 for query in queries)
