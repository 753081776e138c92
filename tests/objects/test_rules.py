"""A rule about who may see an object holds at every door, and is closed where it cannot be asked."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.contenttypes.prefetch import GenericPrefetch
from django.core import checks
from django.db import connection
from django.db.models import Prefetch, prefetch_related_objects
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from notifications.checks import check_visibility
from notifications.conf import get_notification_model
from notifications.inbox import search
from notifications.objects.visibility import Rule, rule_of
from notifications.presentation import sentences, serialize
from tests.factories import make_issue, make_notification, make_project, make_user, make_users, rows
from tests.testapp.models import Fork, Issue, Project, ProjectProxy
from tests.testapp.rules import NotForStrangers

pytestmark = pytest.mark.django_db

SECRET = "top-secret"
RULE = "tests.testapp.rules.NotForStrangers"


def use(settings: Any, rules: Any) -> None:
    settings.NOTIFICATIONS = {"VISIBILITY": rules}


def tell(recipient: Any, target: Any = None, **columns: Any) -> Any:
    return make_notification(
        recipient,
        **{
            "target": target or make_project(SECRET),
            "description": f"in {SECRET}",
            "data": {"a": SECRET},
            **columns,
        },
    )


@pytest.fixture
def stranger(settings: Any) -> Any:
    use(settings, {"testapp.Project": RULE})
    return make_user("stranger")


@pytest.mark.parametrize("key", ["actor", "action_object", "target"])
@pytest.mark.parametrize("how", ["fresh", "deferred", "with_objects", "prefetch_related"])
def test_a_row_knows_that_something_is_hidden_whatever_was_read_before(
    stranger: Any, how: str, key: str
) -> None:
    tell(stranger, **{"target": make_issue(), key: make_project(SECRET)})
    mine = stranger.notifications
    row = {
        "fresh": mine.all(),
        "deferred": mine.only("pk", "recipient"),
        "with_objects": mine.with_objects(),
        "prefetch_related": mine.prefetch_related(key),
    }[how].get()
    assert row.is_hidden


# Every door in Python: each returns what it shows of the one row of the user

DOORS: dict[str, Any] = {
    "attribute": lambda user: user.notifications.get().target,
    "with_objects": lambda user: user.notifications.with_objects()[0].target,
    "prefetch_related": lambda user: user.notifications.prefetch_related("target")[0].target,
    "prefetch_related of two": lambda user: user.notifications.prefetch_related("actor", "target")[0].target,
    "GenericPrefetch": lambda user: (
        user.notifications.prefetch_related(
            GenericPrefetch("target", [Project.objects.all(), Issue.objects.all()])
        )[0].target
    ),
    "prefetch_related_objects": lambda user: prefetched(user.notifications.get()).target,
    "iterator": lambda user: next(user.notifications.prefetch_related("target").iterator(10)).target,
    "pickle": lambda user: again(user.notifications.with_objects()).all()[0].target,
    "copy": lambda user: copy.deepcopy(user.notifications.with_objects())[0].target,
    "in_bulk": lambda user: [row.target for row in user.notifications.with_objects().in_bulk().values()],
    "prefetch_related of a user": lambda user: first_of(user, "notifications__target").target,
    "Prefetch": lambda user: first_of(user, Prefetch("notifications", rows().with_objects())).target,
    "label": lambda user: user.notifications.get().label("target"),
    "str": lambda user: str(user.notifications.get()),
    "str after prefetch": lambda user: str(user.notifications.prefetch_related("target")[0]),
    "text": lambda user: sentences.text(user.notifications.get()),
    "JSON": lambda user: serialize.entry(user.notifications.get()),
    "JSON after prefetch": lambda user: serialize.entry(user.notifications.prefetch_related("target")[0]),
    "JSON of hq": lambda user: serialize.item(user.notifications.prefetch_related("target")[0]),
    "search": lambda user: found(user, f"target:{SECRET}"),
    "search for a word": lambda user: found(user, SECRET),
    "search for a phrase": lambda user: found(user, f'"in {SECRET}"'),
}


def again(found: Any) -> Any:
    return pickle.loads(pickle.dumps(found))  # noqa: S301 - ours


def first_of(user: Any, lookup: Any) -> Any:
    users: Any = get_user_model()._base_manager
    return users.prefetch_related(lookup).get(pk=user.pk).notifications.all()[0]


def prefetched(row: Any) -> Any:
    prefetch_related_objects([row], "target")
    return row


def found(user: Any, query: str) -> list[str]:
    asked = search.parse(query, get_notification_model(), viewer=user)
    return [SECRET for _ in asked.narrow(user.notifications.all())]


@pytest.mark.parametrize("door", DOORS)
def test_no_door_shows_what_a_rule_hides(stranger: Any, settings: Any, door: str) -> None:
    settings.NOTIFICATIONS["SEARCH_FIELDS"] = {"testapp.Project": "name"}
    friend = make_user("friend")
    tell(stranger)
    tell(friend)
    assert SECRET in str(DOORS[door](friend))
    assert SECRET not in str(DOORS[door](stranger))


def test_what_was_prefetched_reads_as_hidden(stranger: Any) -> None:
    tell(stranger)
    [row] = rows().prefetch_related("target")
    assert (row.target, row.label("target"), row.is_hidden) == (None, "hidden project", True)


def test_to_prefetch_costs_a_query_for_each_type_and_one_for_each_rule(
    stranger: Any, django_assert_num_queries: Any
) -> None:
    friend = make_user("friend")
    for _ in range(3):
        tell(friend)
    ContentType.objects.get_for_model(Project)
    with django_assert_num_queries(3):
        assert {row.target.name for row in friend.notifications.prefetch_related("target")} == {SECRET}


@pytest.mark.parametrize("query", [f"-target:{SECRET}", f"-{SECRET}", f'-"in {SECRET}"'])
def test_a_negated_search_gives_nothing_away(stranger: Any, settings: Any, query: str) -> None:
    settings.NOTIFICATIONS["SEARCH_FIELDS"] = {"testapp.Project": "name"}
    tell(stranger)
    tell(stranger, make_project("another"), description="in another")
    # As if no such word were anywhere: what is hidden is not told from what is not there.
    asked = search.parse(query, get_notification_model(), viewer=stranger)
    assert asked.narrow(stranger.notifications.all()).count() == 2


def test_a_row_that_was_hidden_and_is_deleted_reads_as_deleted(stranger: Any) -> None:
    row = tell(stranger)
    assert row.is_hidden is False
    fresh = rows().get()
    assert fresh.label("target") == "hidden project"
    Project.objects.all().delete()
    fresh.refresh_from_db()
    assert (rows().get().label("target"), rows().get().is_hidden) == ("deleted project", False)


# The nearest rule


class Nobody(Rule):
    def users(self, users: Any, obj: Any) -> Any:
        return users.none()

    def objects(self, objects: Any, user: Any) -> Any:
        return objects.none()


NOBODY = f"{__name__}.Nobody"


def path_of(model: Any) -> Any:
    rule = rule_of(model)
    return rule and rule.path


def test_a_child_and_a_proxy_follow_the_rule_of_the_nearest(settings: Any) -> None:
    use(settings, {"testapp.Project": RULE})
    assert [path_of(model) for model in (Project, Fork, ProjectProxy, Issue)] == [RULE, RULE, RULE, None]
    use(settings, {"testapp.project": RULE, "testapp.FORK": NOBODY})
    assert [path_of(model) for model in (Project, Fork, ProjectProxy)] == [RULE, NOBODY, RULE]
    use(settings, {"testapp.Project": RULE, "testapp.ProjectProxy": NOBODY})
    assert [path_of(model) for model in (Project, ProjectProxy)] == [RULE, NOBODY]
    # A rule for a proxy is one for its rows, which other objects are too.
    use(settings, {"testapp.ProjectProxy": RULE})
    assert [path_of(model) for model in (Project, ProjectProxy, Issue)] == [RULE, RULE, None]
    assert path_of(Fork()) is None


@pytest.mark.parametrize("model", [Project, Fork, ProjectProxy])
def test_the_objects_of_children_and_proxies_are_hidden(stranger: Any, settings: Any, model: Any) -> None:
    settings.NOTIFICATIONS["SEARCH_FIELDS"] = {"testapp.Project": "name"}
    tell(stranger, model.objects.create(name=SECRET))
    for door in DOORS.values():
        assert SECRET not in str(door(stranger))


def test_a_proxy_with_a_rule_of_its_own_is_searched_by_that(stranger: Any, settings: Any) -> None:
    use(settings, {"testapp.Project": NOBODY, "testapp.ProjectProxy": RULE})
    friend = make_user("friend")
    project = make_project(SECRET)
    row = tell(friend, project)
    proxy = ContentType.objects.get_for_model(ProjectProxy, for_concrete_model=False)
    assert found(friend, f'"in {SECRET}"') == []
    rows().filter(pk=row.pk).update(target_content_type=proxy)
    assert found(friend, f'"in {SECRET}"') == [SECRET]


# What is not right is closed, and an error


class Unfinished(Rule):
    pass


class HalfFinished(Rule):
    def users(self, users: Any, obj: Any) -> Any:
        return users


class NoRule:
    pass


class Unmakeable(NotForStrangers):
    def __init__(self, argument: int) -> None:
        raise AssertionError


WRONG = {
    "a typo in the model": ({"testapp.Projcet": RULE}, "notifications.E003", "'testapp.Project'"),
    "a typo in the app": ({"testap.Project": RULE}, "notifications.E003", "'testapp.Project'"),
    "a model of an app that is not installed": ({"nowhere.Project": RULE}, "notifications.E003", ""),
    "no label": ({"Project": RULE}, "notifications.E003", ""),
    "no text": ({7: RULE}, "notifications.E003", "It must be like"),
    "another word": ({"testapp.xyz": RULE}, "notifications.E003", ""),
    "a module that is not there": ({"testapp.Project": "tests.nowhere.Rule"}, "notifications.E004", "Rule"),
    "a class that is not there": (
        {"testapp.Project": "tests.testapp.rules.No"},
        "notifications.E004",
        "Rule",
    ),
    "no path": ({"testapp.Project": "NotForStrangers"}, "notifications.E004", "Rule"),
    "nothing": ({"testapp.Project": None}, "notifications.E004", "Rule"),
    "a class": ({"testapp.Project": NotForStrangers}, "notifications.E004", "Rule"),
    "no method": ({"testapp.Project": f"{__name__}.Unfinished"}, "notifications.E004", "Rule"),
    "one method": ({"testapp.Project": f"{__name__}.HalfFinished"}, "notifications.E004", "Rule"),
    "another class": ({"testapp.Project": f"{__name__}.NoRule"}, "notifications.E004", "Rule"),
    "one that cannot be made": ({"testapp.Project": f"{__name__}.Unmakeable"}, "notifications.E004", "Rule"),
    "a function": ({"testapp.Project": "tests.factories.make_user"}, "notifications.E004", "Rule"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_an_error_and_closed(settings: Any, wrong: str) -> None:
    rules, identifier, hint = WRONG[wrong]
    use(settings, rules)
    [problem] = check_visibility(None)
    assert (problem.id, problem.level) == (identifier, checks.ERROR)
    assert hint in (problem.hint or "")
    friend = make_user("friend")
    tell(friend)
    settings.NOTIFICATIONS["SEARCH_FIELDS"] = {"testapp.Project": "name"}
    for name, door in DOORS.items():
        # A rule that can be asked from one side only answers from that side.
        if wrong != "one method" or "search" in name:
            assert SECRET not in str(door(friend)), name


@pytest.mark.parametrize("rules", [["testapp.Project"], "testapp.Project", {"testapp.Project"}, 7])
def test_what_is_no_dict_hides_everything(settings: Any, rules: Any) -> None:
    use(settings, rules)
    assert check_visibility(None) == []
    friend = make_user("friend")
    tell(friend)
    assert [rows().get().label(key) for key in ("actor", "target")] == ["hidden user", "hidden project"]


def test_a_model_of_a_site_that_says_itself_what_is_hidden_is_an_error(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a column by which users hide rows: a template asks the name whether the objects may be known."""
    monkeypatch.setattr(get_notification_model(), "is_hidden", False)
    assert check_visibility(None) == []
    use(settings, {"testapp.project": RULE})
    assert [problem.id for problem in check_visibility(None)] == ["notifications.E013"]


def test_the_check_has_nothing_to_say_of_what_is_right(settings: Any) -> None:
    use(settings, {"testapp.project": RULE, "auth.User": NOBODY})
    assert check_visibility(None) == []
    use(settings, {"testapp.ProjectProxy": RULE})
    [problem] = check_visibility(None)
    assert (problem.id, problem.hint) == ("notifications.E003", "Use 'testapp.Project'.")


def test_a_model_that_nothing_is_like_hides_nothing(settings: Any) -> None:
    use(settings, {"nowhere.nothing": RULE})
    assert rule_of(Project) is None


# A rule that misbehaves

ANSWERS: dict[str, Any] = {
    "raises": lambda rows: 1 / 0,
    "none": lambda rows: None,
    "list": list,
    "true": lambda rows: True,
    "manager": lambda rows: Project.objects,
    "another model": lambda rows: Issue.objects.all(),
    "pages": lambda rows: rows.raw("SELECT 1"),
    "a lookup that is not there": lambda rows: rows.filter(no_such_field=1),
    "a query that fails": lambda rows: rows.extra(where=["no_such_function(1)"]),
    "a column": lambda rows: rows.values("no_such_column"),
}


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("answer", [name for name in ANSWERS if name != "a query that fails"])
def test_a_rule_that_misbehaves_hides_the_object_and_is_logged_once(
    stranger: Any, settings: Any, monkeypatch: Any, caplog: Any, answer: str, count: int
) -> None:
    monkeypatch.setattr(NotForStrangers, "users", lambda rule, users, obj: ANSWERS[answer](users))
    monkeypatch.setattr(NotForStrangers, "objects", lambda rule, objects, user: ANSWERS[answer](objects))
    friend = make_user("friend")
    for _ in range(count):
        tell(friend, action_object=make_issue("issue 2"))
    for _ in range(2):
        for row in friend.notifications.with_objects():
            assert str(row).startswith("friend closed issue 2 on hidden project")
    assert len(caplog.records) == 1
    assert found(friend, SECRET) == []
    client = Client()
    client.force_login(friend)
    for url in ("", "unread/", "api/inbox/", "api/all_list/"):
        response = client.get(f"/inbox/notifications/{url}")
        assert response.status_code == 200
        assert SECRET not in response.content.decode()


@pytest.mark.backend("sqlite")
def test_a_rule_whose_query_fails_hides_the_object(stranger: Any, monkeypatch: Any) -> None:
    answer = ANSWERS["a query that fails"]
    monkeypatch.setattr(NotForStrangers, "users", lambda rule, users, obj: answer(users))
    friend = make_user("friend")
    tell(friend)
    assert rows().get().label("target") == "hidden project"


@pytest.mark.backend("sqlite")
def test_a_search_by_name_outlives_a_query_that_fails(stranger: Any, settings: Any, monkeypatch: Any) -> None:
    settings.NOTIFICATIONS["SEARCH_FIELDS"] = {"testapp.Project": "name"}
    answer = ANSWERS["a query that fails"]
    monkeypatch.setattr(NotForStrangers, "objects", lambda rule, objects, user: answer(objects))
    tell(stranger, make_project("x"))
    assert found(stranger, "target:x") == []


# The admin, for staff who are not superusers


def staff_of(user: Any) -> Client:
    model = get_notification_model()
    user.is_staff = True
    user.save()
    names = [f"{action}_{model._meta.model_name}" for action in ("view", "change", "delete")]
    user.user_permissions.add(
        *Permission.objects.filter(content_type=ContentType.objects.get_for_model(model), codename__in=names)
    )
    client = Client()
    client.force_login(user)
    return client


def admin_url(page: str, *arguments: Any) -> str:
    meta = get_notification_model()._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=arguments)


def test_staff_see_what_they_may_see_themselves(stranger: Any) -> None:
    friend = make_user("friend")
    row = tell(friend)
    for user, is_shown in ((stranger, False), (friend, True), (make_user("root", is_superuser=True), True)):
        client = staff_of(user)
        pages = [
            client.get(admin_url("changelist")),
            client.get(admin_url("change", row.pk)),
            client.get(admin_url("delete", row.pk)),
            client.get(admin_url("history", row.pk)),
            client.post(admin_url("changelist"), {"action": "delete_selected", "_selected_action": [row.pk]}),
        ]
        assert [page.status_code for page in pages] == [200] * len(pages)
        shown = [SECRET in page.content.decode() for page in pages]
        assert shown == [is_shown] * len(pages)
        for query in (SECRET, f"target:{SECRET}"):
            listed = client.get(admin_url("changelist"), {"q": query}).context["cl"].result_list
            assert len(listed) == (1 if is_shown and ":" not in query else 0)


def test_saving_a_row_that_hides_something_loses_nothing(stranger: Any) -> None:
    row = tell(make_user("friend"))
    client = staff_of(stranger)
    page = client.get(admin_url("change", row.pk))
    form = page.context["adminform"].form
    values = {
        name: "" if value is None else value
        for name, value in form.initial.items()
        if value is not False and name not in {"timestamp", "recipient"}
    }
    values.update(
        verb="reopened", recipient=str(row.recipient_id), timestamp_0="2026-01-01", timestamp_1="00:00:00"
    )
    assert client.post(admin_url("change", row.pk), values).status_code == 302
    fresh = rows().get()
    assert (fresh.verb, fresh.description, fresh.data) == ("reopened", f"in {SECRET}", {"a": SECRET})


def test_the_list_of_staff_costs_the_same_whatever_is_in_it(stranger: Any) -> None:
    client, costs = staff_of(make_user("friend")), []
    for count in (10, 40):
        for user in make_users(count, f"user{count}-"):
            tell(user)
        client.get(admin_url("changelist"))
        with CaptureQueriesContext(connection) as queries:
            client.get(admin_url("changelist"))
        costs.append(len(queries))
    assert costs[0] == costs[1]
