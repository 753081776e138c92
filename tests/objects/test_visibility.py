"""Who may not see an object sees its name nowhere: not in the inbox, not in the JSON, not in the live stream."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db.models import prefetch_related_objects
from django.test import Client

from notifications.conf import get_notification_model
from notifications.contrib.live import queries
from notifications.inbox import search
from notifications.objects import links
from notifications.objects.visibility import Rule
from notifications.presentation import sentences
from tests.factories import make_issue, make_notification, make_project, make_user, make_users, rows
from tests.testapp.models import (
    BigThing,
    Fork,
    Project,
    ProjectProxy,
    SlugThing,
    TextThing,
    UuidThing,
)

pytestmark = pytest.mark.django_db

INBOX = "/inbox/notifications/"
SECRET = "top-secret"
RULE = "tests.testapp.rules.NotForStrangers"


class ProjectsElsewhere:
    """Projects live in the other database."""

    def db_for_read(self, model: type[Any], **hints: Any) -> str | None:
        return "other" if issubclass(model, Project) else None


@pytest.fixture(autouse=True)
def rule(settings: Any) -> None:
    settings.NOTIFICATIONS = {"VISIBILITY": {"testapp.Project": RULE}}


@pytest.fixture
def stranger() -> Any:
    return make_user("stranger")


@pytest.fixture
def friend() -> Any:
    return make_user("friend")


def tell(recipient: Any, project: Any = None, **columns: Any) -> Any:
    """Return a row about a project whose name only some may see, and which its texts tell too."""
    return make_notification(
        recipient,
        target=project or make_project(SECRET),
        action_object=make_issue("issue 2"),
        description=f"in {SECRET}",
        data={"actions": [{"href": "/x/", "title": SECRET}], "about": SECRET},
        **columns,
    )


def browser(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    "url",
    [
        INBOX,
        f"{INBOX}unread/",
        f"{INBOX}api/inbox/",
        f"{INBOX}api/all_list/",
        f"{INBOX}api/unread_list/",
        f"{INBOX}mark-as-read/{{slug}}/",
    ],
)
def test_no_page_and_no_answer_names_it_to_who_may_not_see_it(stranger: Any, friend: Any, url: str) -> None:
    for user, is_shown in ((friend, True), (stranger, False)):
        row = tell(user)
        page = browser(user).get(url.format(slug=row.slug)).content.decode()
        assert (SECRET in page) is is_shown
        assert "issue 2" in page


def test_it_reads_as_hidden_and_not_as_deleted(stranger: Any, friend: Any) -> None:
    tell(stranger)
    [row] = rows().with_objects()

    assert row.is_hidden
    assert (row.target, row.label("target")) == (None, "hidden project")
    assert str(row).startswith("stranger closed issue 2 on hidden project ")
    assert links.action_links(row) == []
    assert not tell(friend).is_hidden


def test_a_look_at_one_row_is_narrowed_too(stranger: Any) -> None:
    row = tell(stranger)

    assert rows().get(pk=row.pk).target is None
    assert rows().get(pk=row.pk).action_object.name == "issue 2"


def test_what_is_gone_is_deleted_also_where_there_is_a_rule(friend: Any) -> None:
    row = tell(friend)
    Project.objects.all().delete()

    found = rows().get(pk=row.pk)
    assert (found.is_hidden, found.label("target")) == (False, "deleted project")


def test_a_proxy_is_under_the_rule_of_its_model(stranger: Any) -> None:
    proxy = ProjectProxy.objects.create(name=SECRET)

    assert rows().get(pk=tell(stranger, proxy).pk).target is None


def test_what_has_no_rule_is_for_everybody(stranger: Any, settings: Any) -> None:
    settings.NOTIFICATIONS = {"VISIBILITY": {"testapp.issue": RULE}}
    row = rows().get(pk=tell(stranger).pk)

    assert row.target.name == SECRET
    assert row.action_object is None


def test_a_page_costs_one_query_more_for_a_model_with_a_rule(
    stranger: Any, friend: Any, django_assert_num_queries: Any
) -> None:
    for _ in range(3):
        tell(friend)
    prefetch_related_objects([friend], "groups")
    with django_assert_num_queries(5):
        # The rows, users, projects, issues; and which of the projects the friend may see.
        assert [row.target.name for row in friend.notifications.with_objects()] == [SECRET] * 3
    with django_assert_num_queries(6):
        # And who the recipient is.
        assert [row.target.name for row in rows().with_objects()] == [SECRET] * 3


def test_many_readers_of_one_object_cost_one_query(stranger: Any, django_assert_num_queries: Any) -> None:
    project = make_project(SECRET)
    for user in (*make_users(3), stranger):
        tell(user, project, actor=project)
    with django_assert_num_queries(4):
        shown = {row.recipient_id: row.target for row in rows().with_objects()}
    assert [pk for pk, target in shown.items() if target is None] == [stranger.pk]


def test_the_live_stream_does_not_name_it(stranger: Any, friend: Any) -> None:
    found, _ = queries.load_rows([tell(user).pk for user in (stranger, friend)])

    assert {row.recipient_id: row.label("target") for row in found.values()} == {
        stranger.pk: "hidden project",
        friend.pk: SECRET,
    }


@pytest.mark.parametrize("url", [f"{INBOX}api/inbox/", f"{INBOX}api/all_list/"])
def test_who_loses_access_is_told_by_the_next_poll(friend: Any, url: str, settings: Any) -> None:
    tell(friend)
    client = browser(friend)
    etag = client.get(url)["ETag"]
    assert client.get(url, headers={"If-None-Match": etag}).status_code == 304

    type(friend).objects.filter(pk=friend.pk).update(username="stranger")

    answer = client.get(url, headers={"If-None-Match": etag})
    assert answer.status_code == 200
    assert SECRET not in answer.content.decode()


def test_a_verb_with_a_template_of_its_own_is_worded_plainly_where_something_is_hidden(
    stranger: Any, friend: Any, settings: Any, tmp_path: Path
) -> None:
    own = tmp_path / "notifications" / "verbs"
    own.mkdir(parents=True)
    for kind in ("txt", "html"):
        (own / f"leaked.{kind}").write_text("it leaked: {{ notice.data.about }}")
    engine = settings.TEMPLATES[0]
    options = {name: option for name, option in engine["OPTIONS"].items() if name != "loaders"}
    settings.TEMPLATES = [{**engine, "DIRS": [tmp_path], "APP_DIRS": True, "OPTIONS": options}]
    for user, sentence in (
        (stranger, "stranger leaked issue 2 on hidden project"),
        (friend, f"it leaked: {SECRET}"),
    ):
        row = rows().get(pk=tell(user, verb="leaked").pk)
        assert sentences.text(row) == sentence
        assert (SECRET in browser(user).get(INBOX).content.decode()) is (user == friend)


# The search


def found(reader: Any, query: str) -> list[str]:
    """Return the verbs of what the query of this user finds in their inbox."""
    answer = browser(reader).get(f"{INBOX}api/inbox/", {"q": query}).json()
    assert answer["error"] is None
    return sorted(item["verb"] for item in answer["items"])


@pytest.fixture
def by_name(settings: Any) -> None:
    """Let people search projects and issues by their names."""
    settings.NOTIFICATIONS |= {"SEARCH_FIELDS": {"testapp.Project": "name", "testapp.Issue": "name"}}


@pytest.mark.usefixtures("by_name")
@pytest.mark.parametrize("query", [f"target:{SECRET}", SECRET, "top", f"@{SECRET}", f'"in {SECRET}"'])
def test_no_search_says_whether_a_name_that_one_may_not_see_is_there(
    stranger: Any, friend: Any, query: str
) -> None:
    for user in (stranger, friend):
        tell(user, verb="hid")
        make_notification(user, verb="told", target=make_issue("open"))

    assert found(friend, query) == ["hid"]
    assert found(friend, f"-{query}") == ["told"]
    assert found(stranger, query) == []
    assert found(stranger, f"-{query}") == ["hid", "told"]
    assert found(stranger, f"{query} verb:hid") == []


@pytest.mark.usefixtures("by_name")
def test_the_page_and_what_is_done_with_all_that_match_search_alike(stranger: Any, friend: Any) -> None:
    for user, count in ((stranger, 0), (friend, 1)):
        row, client = tell(user), browser(user)
        for query in (f"target:{SECRET}", "top"):
            page = client.get(INBOX, {"q": query}).content.decode()
            assert page.count("data-ntf-id=") - 1 == count
            body = {"action": "save", "scope": "all", "tab": "inbox", "q": query}
            response = client.post(f"{INBOX}act/", body, headers={"accept": "application/json"})
            # Nothing to change, or a number to confirm.
            assert (response.status_code, response.json().get("count", 0)) == (
                (409, 1) if count else (200, 0)
            )
            if count:
                body["matching"] = response.json()["matching"]
                response = client.post(f"{INBOX}act/", body, headers={"accept": "application/json"})
            assert response.json()["changed"] == count
            rows().filter(pk=row.pk).update(saved_at=None)


@pytest.mark.parametrize("place", ["actor", "action_object", "target"])
def test_the_words_of_a_row_are_found_where_one_may_see_all_of_it(
    stranger: Any, friend: Any, place: str
) -> None:
    for user in (stranger, friend):
        make_notification(user, verb="hid", description="loud", **{place: make_project()})
        make_notification(user, verb="told", description="loud", **{place: make_issue()})
        make_notification(user, verb="was loud", **{place: make_project()})

    assert found(friend, "loud") == ["hid", "told", "was loud"]
    assert found(friend, "-loud") == []
    # What is shown of the row, its verb for one, is still searched.
    assert found(stranger, "loud") == ["told", "was loud"]
    assert found(stranger, "-loud") == ["hid"]


@pytest.mark.parametrize("model", [TextThing, SlugThing, UuidThing, BigThing, ProjectProxy, Fork])
def test_the_words_are_found_whatever_the_key_is(
    stranger: Any, friend: Any, settings: Any, model: type[Any]
) -> None:
    settings.NOTIFICATIONS = {"VISIBILITY": {model._meta.concrete_model._meta.label: RULE}}
    key = {"TextThing": "a-Ä", "SlugThing": "a-b", "BigThing": 10**18 - 1}.get(model.__name__)
    thing = model.objects.create(name="thing", **({} if key is None else {"pk": key}))
    for user in (stranger, friend):
        make_notification(user, target=thing, description="loud")

    assert found(friend, "loud") == ["closed"]
    assert found(stranger, "loud") == []


@pytest.mark.parametrize("model", [Project, UuidThing])
def test_a_text_that_is_no_key_is_no_error(friend: Any, settings: Any, model: type[Any]) -> None:
    settings.NOTIFICATIONS = {"VISIBILITY": {model._meta.label: RULE}}
    for text in ("no key", "9" * 30, ""):
        row = make_notification(friend, target=model.objects.create(name="thing"), description="loud")
        rows().filter(pk=row.pk).update(target_object_id=text)
    make_notification(friend, target=model.objects.create(name="thing"), description="loud", verb="told")

    assert found(friend, "loud") == ["told"]


def test_words_cost_no_query_more_where_there_is_a_rule(
    friend: Any, settings: Any, django_assert_num_queries: Any
) -> None:
    tell(friend)
    for rules in ({}, {"testapp.Project": RULE, "testapp.Pair": RULE}):
        settings.NOTIFICATIONS = {"VISIBILITY": rules}
        search.parse("from:friend top", get_notification_model(), viewer=friend)
        with django_assert_num_queries(2):
            # Who is called friend, and the rows.
            asked = search.parse("from:friend top", get_notification_model(), viewer=friend)
            assert len(asked.narrow(rows())) == 1


@pytest.mark.django_db(databases=["default", "other"])
def test_the_words_of_what_another_database_holds_are_not_searched(friend: Any, settings: Any) -> None:
    """Nobody can say there, in the same statement, who may see it."""
    make_notification(friend, target=make_project(), description="loud", verb="hid")
    make_notification(friend, target=make_issue(), description="loud", verb="told")
    settings.DATABASE_ROUTERS = ["tests.objects.test_visibility.ProjectsElsewhere"]

    asked = search.parse("loud", get_notification_model(), viewer=friend)

    assert [row.verb for row in asked.narrow(rows())] == ["told"]


def test_whoever_asks_for_nobody_searches_everything(stranger: Any) -> None:
    tell(stranger)
    asked = search.parse("top", get_notification_model())

    assert asked.narrow(rows()).count() == 1


def test_a_rule_says_both() -> None:
    for ask in (Rule().users, Rule().objects):
        with pytest.raises(NotImplementedError):
            ask(Project.objects.all(), None)
