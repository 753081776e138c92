"""Filters by what contains the targets: which there are, what they count, and that they find the same."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import unquote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from notifications.contrib.subscriptions.containment import lookups_of_parents
from notifications.extensions import Extension
from notifications.inbox import tabs
from notifications.inbox.search import terms
from notifications.inbox.search.containers import query_for
from notifications.objects.visibility import Rule
from tests.contrib.subscriptions.models import Branch, Mirror, Owner, Readme, Repo, RepoProxy, Ticket
from tests.contrib.subscriptions.things import make_repo, make_ticket
from tests.factories import make_notification, make_user

pytestmark = pytest.mark.django_db

INBOX = "/inbox/notifications/"
NAMED = {"subscriptions.Repo": "name", "subscriptions.Owner": "name"}
PARENTS = {"subscriptions.readme": "repo", "subscriptions.repo": "owner"}


class TargetsElsewhere:
    """A site with what notifications are about in another database."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "other" if model._meta.app_label == Repo._meta.app_label else None


class OnlyPublic(Rule):
    """Nobody sees what is called "secret"."""

    def users(self, users: Any, obj: Any) -> Any:
        return users.none() if obj.name == "secret" else users

    def objects(self, objects: Any, user: Any) -> Any:
        return objects.exclude(name="secret")


@pytest.fixture
def ann(settings: Any) -> Any:
    settings.NOTIFICATIONS = {"PARENTS": PARENTS, "SEARCH_FIELDS": NAMED}
    return make_user("ann")


@pytest.fixture
def client(ann: Any) -> Client:
    client = Client()
    client.force_login(ann)
    return client


def make_readme(repo: Repo) -> Readme:
    return Readme.objects.create(name="readme", repo=repo)


def offered(client: Client, path: str = INBOX) -> dict[str, tuple[str, str]]:
    """Return the filters of a page that begin with ``in:``: the name and the count of each."""
    html = client.get(path).content.decode().partition('class="ntf-chips"')[2].partition("</nav>")[0]
    links = re.findall(r'<a href="[^"?]*\?q=(in[^"]*)">([^<]*) <span [^>]*>([^<]*)</span></a>', html)
    return {unquote(query): (unescape(name), count) for query, name, count in links}


def found(client: Client, query: str) -> list[str]:
    answer = client.get(f"{INBOX}api/inbox/", {"q": query}).json()
    assert answer["error"] is None
    return sorted(item["verb"] for item in answer["items"])


def test_each_filter_finds_as_many_as_it_says(ann: Any, client: Client) -> None:
    pinax, flask = make_repo("pinax"), make_repo('a "b" / c')
    two_words = make_repo("two words")
    for verb, target in {
        "a": pinax,
        "b": make_readme(pinax),
        "c": make_readme(two_words),
        "d": pinax.owner,
        "e": flask,
        "f": make_ticket(repo=pinax),
        "g": make_user("pinax"),
        "h": None,
    }.items():
        make_notification(ann, verb=verb, target=target)
    make_notification(ann, verb="i", target=make_readme(flask)).mark_as_done()
    # A ticket has a method, which no query can ask; and no query has a quote in it.
    assert offered(client) == {
        "in:pinax": ("pinax", "2"),
        'in:"two words"': ("two words", "1"),
        "in:owner": ("owner", "1"),
    }
    # Users are searched by name as well.
    assert found(client, "in:pinax") == ["a", "b", "g"]
    assert found(client, "in:Pinax in:owner") == ["a", "b", "c", "d", "e", "g"]
    assert found(client, 'in:"two words"') == ["c"]
    assert found(client, "-in:pinax") == ["c", "d", "e", "f", "h"]
    assert found(client, "in:nothing") == []
    assert offered(client, f"{INBOX}done/") == {}
    assert offered(client, f"{INBOX}unread/").keys() == offered(client).keys()


def test_without_names_or_parents_there_are_no_filters_and_no_query(
    ann: Any, client: Client, settings: Any
) -> None:
    make_notification(ann, verb="closed", target=make_readme(make_repo("pinax")))
    client.get(INBOX)
    with CaptureQueriesContext(connection) as with_filters:
        assert list(offered(client)) == ["in:pinax"]
    for without in ({"PARENTS": PARENTS}, {"SEARCH_FIELDS": NAMED}):
        settings.NOTIFICATIONS = without
        with CaptureQueriesContext(connection) as queries:
            assert offered(client) == {}
        assert len(queries) == len(with_filters) - 1


@pytest.mark.parametrize("hidden", ["subscriptions.Repo", "subscriptions.Readme"])
def test_what_the_user_may_not_see_says_nothing(ann: Any, client: Client, settings: Any, hidden: str) -> None:
    settings.NOTIFICATIONS |= {"VISIBILITY": {hidden: f"{__name__}.OnlyPublic"}}
    readme = make_readme(make_repo("secret" if hidden.endswith("Repo") else "pinax"))
    Readme.objects.update(name="secret")
    make_notification(ann, verb="closed", target=readme)
    make_notification(ann, verb="merged", target=make_readme(make_repo("public")))
    assert offered(client) == {"in:public": ("public", "1")}
    name = readme.repo.name
    assert found(client, f"in:{name}") == []
    assert found(client, f"-in:{name}") == ["closed", "merged"]


def test_the_ten_with_most_are_offered_and_the_counts_are_capped(
    ann: Any, client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        repo = make_repo(f"repo{number}")
        for _ in range(2 if number % 2 else 1):
            make_notification(ann, target=repo)
    assert len(offered(client)) == tabs.MAX_CONTAINERS
    assert list(offered(client).values())[:6] == [(f"repo{number}", "2") for number in (11, 9, 7, 5, 3, 1)]
    settings.NOTIFICATIONS |= {"BADGE_CAP": 1}
    assert offered(client)["in:repo11"] == ("repo11", "1+")
    settings.NOTIFICATIONS |= {"BADGE_CAP": None}
    monkeypatch.setattr(tabs, "MAX_FILTERED_ROWS", 3)
    assert offered(client) == {"in:repo11": ("repo11", "2+"), "in:repo10": ("repo10", "1+")}


def test_the_list_of_the_script_has_the_counts_too(ann: Any, client: Client) -> None:
    pinax = make_repo("pinax")
    make_notification(ann, target=pinax)
    answer = client.get(f"{INBOX}api/inbox/", {"filters": 1})
    assert answer.json()["filters"]["in:pinax"] == "1"
    etag = {"If-None-Match": answer.headers["ETag"]}
    assert client.get(f"{INBOX}api/inbox/", {"filters": 1}, headers=etag).status_code == 304
    Repo.objects.update(name="renamed")
    answer = client.get(f"{INBOX}api/inbox/", {"filters": 1}, headers=etag)
    assert answer.json()["filters"]["in:renamed"] == "1"


def test_fields_lead_from_one_to_the_next_and_methods_end_the_way(settings: Any) -> None:
    up = ["repo", "repo__owner"]
    settings.NOTIFICATIONS = {"PARENTS": PARENTS}
    repos: list[Any] = [Repo, Branch, Mirror, RepoProxy]
    assert lookups_of_parents() == {Readme: up, **{model: ["owner"] for model in repos}}
    settings.NOTIFICATIONS |= {"MAX_DEPTH": 1}
    assert lookups_of_parents()[Readme] == ["repo"]
    # A ticket has a method; what is no foreign key is refused by a check.
    odd = {"subscriptions.ticket": "repo", "subscriptions.readme": ["topics", "nothing", 5, "name"]}
    settings.NOTIFICATIONS = {"PARENTS": odd}
    assert lookups_of_parents() == {}
    settings.NOTIFICATIONS = {"PARENTS": {}}
    assert lookups_of_parents() == {}


@pytest.mark.parametrize(
    "answer",
    [
        None,
        5,
        {Readme: 5},
        {Readme: [5]},
        {Readme: ["nothing"]},
        {Readme: ["name"]},
        {Readme: ["repo__nothing"]},
        {"text": ["repo"]},
    ],
)
def test_an_extension_that_says_nonsense_breaks_no_page(
    ann: Any, client: Client, add_extension: Any, answer: Any
) -> None:
    make_notification(ann, verb="closed", target=make_repo("pinax"))
    add_extension(type("Odd", (Extension,), {"notifications_containers": lambda self: answer})())
    assert list(offered(client)) == ["in:pinax"]
    assert found(client, "in:pinax") == ["closed"]


@pytest.mark.django_db(databases=["default", "other"])
def test_what_is_in_another_database_has_no_filter(ann: Any, client: Client, settings: Any) -> None:
    make_notification(ann, verb="closed", target=make_repo("pinax"))
    settings.DATABASE_ROUTERS = [f"{__name__}.TargetsElsewhere"]
    assert offered(client) == {}
    assert found(client, "in:pinax") == []


@pytest.mark.parametrize("name", ["", " pinax", "@pinax", 'a"b', "a" * 498, "a b" * 166, "a\0b"])
def test_a_name_that_no_query_finds_is_not_offered(name: str) -> None:
    assert query_for(name) == ""


@pytest.mark.parametrize("name", ["a" * 497, "a b" * 165, "-a:b", "漢字"])
def test_the_query_of_a_name_that_is_offered_finds_it(name: str) -> None:
    assert terms.split(query_for(name)) == [terms.Term("in", name, negated=False)]


def test_a_target_that_is_gone_or_has_another_kind_of_key_costs_nothing(ann: Any, client: Client) -> None:
    readme = make_readme(make_repo("pinax"))
    row = make_notification(ann, verb="closed", target=readme)
    type(row).objects.filter(pk=row.pk).update(target_object_id="no number")
    make_notification(ann, verb="opened", target=readme)
    gone = make_readme(make_repo("gone"))
    make_notification(ann, verb="merged", target=gone)
    Repo.objects.filter(name="gone").delete()
    assert offered(client) == {"in:pinax": ("pinax", "1")}
    assert found(client, "in:pinax") == ["opened"]
    assert (Owner.objects.count(), Ticket.objects.count()) == (2, 0)
