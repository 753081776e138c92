"""The urls: their names and paths, under every way of including them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.apps import apps
from django.conf.urls.i18n import i18n_patterns
from django.http import HttpResponse
from django.test import Client
from django.urls import Resolver404, include, path, re_path, resolve, reverse
from django.urls.exceptions import NoReverseMatch

import notifications
from notifications.checks import check_urls
from tests.factories import make_notification, make_user, rows

PATHS = {
    "all": "",
    "unread": "unread/",
    "saved": "saved/",
    "snoozed": "snoozed/",
    "done": "done/",
    "act": "act/",
    "undo": "undo/",
    "seen": "seen/",
    "saved_searches": "searches/",
    "mark_all_as_read": "mark-all-as-read/",
    "mark_as_read": "mark-as-read/110910/",
    "mark_as_unread": "mark-as-unread/110910/",
    "delete": "delete/110910/",
    "token": "api/token/",
    "api_inbox": "api/inbox/",
    "live_unread_notification_count": "api/unread_count/",
    "live_unread_notification_list": "api/unread_list/",
    "live_all_notification_count": "api/all_count/",
    "live_all_notification_list": "api/all_list/",
}
JSON = {name for name, rest in PATHS.items() if rest.startswith("api/")}
WITH_SLUG = {"mark_as_read", "mark_as_unread", "delete"}


def home(request: Any) -> HttpResponse:
    return HttpResponse("home")


# Each is a tuple, so that Django can remember what it made of it.
WAYS: dict[str, Any] = {
    "the module": lambda: include(notifications.urls),
    "its name": lambda: include("notifications.urls"),
    "its name and the namespace": lambda: include("notifications.urls", namespace="notifications"),
    "the module and the namespace": lambda: include(notifications.urls, namespace="notifications"),
    "its patterns in a tuple": lambda: include((notifications.urls.urlpatterns, "notifications")),
    "an instance of its own": lambda: include("notifications.urls", namespace="inbox"),
}


@pytest.fixture(params=WAYS)
def way(request: Any, settings: Any) -> str:
    """A site whose urls are included in this way, below /i/."""
    settings.ROOT_URLCONF = (
        path("accounts/login/", home, name="login"),
        path("i/", WAYS[request.param]()),
    )
    return str(request.param)


def args(name: str) -> list[int]:
    return [110910] if name in WITH_SLUG else []


@pytest.mark.usefixtures("way")
def test_each_name_has_its_path() -> None:
    for name, rest in PATHS.items():
        found = reverse(f"notifications:{name}", args=args(name))
        assert found == f"/i/{rest}"
        assert (resolve(found).url_name, resolve(found).app_name) == (name, "notifications")


def test_these_are_all_urls() -> None:
    assert {pattern.name for pattern in notifications.urls.urlpatterns} == set(PATHS)
    assert notifications.urls.app_name == "notifications"


@pytest.mark.parametrize("name", WITH_SLUG)
def test_a_slug_is_one_piece_of_a_path(name: str) -> None:
    for slug in ("a/b", ""):
        with pytest.raises(NoReverseMatch):
            reverse(f"notifications:{name}", args=[slug])
    made: list[Any] = [110910, "7d444840-9dc0-11d1-b245-5ffdce74fad2"]
    for slug in made:
        assert reverse(f"notifications:{name}", args=[slug]).endswith(f"/{slug}/")


@pytest.mark.parametrize("name", PATHS)
def test_a_path_ends_where_it_ends(name: str) -> None:
    found = reverse(f"notifications:{name}", args=args(name))
    for rest in ("zzz", "zzz/", "/"):
        with pytest.raises(Resolver404):
            resolve(found + rest)


@pytest.mark.django_db
def test_the_inbox_works_whichever_way_it_is_included(way: str, client: Client) -> None:
    user = make_user()
    client.force_login(user)
    row = make_notification(user)
    namespace = "inbox" if way == "an instance of its own" else "notifications"
    response = client.get("/i/")
    assert response.status_code == 200
    assert response.resolver_match.namespace == namespace
    page = response.content.decode()
    assert set(re.findall(r'(?:action|data-ntf-\w+)="(/i/[^"]+)"', page)) == {
        "/i/act/", "/i/undo/", "/i/seen/", "/i/api/inbox/", "/i/api/token/", "/i/mark-as-read/0/"
    }  # fmt: skip
    assert re.findall(r'<a href="(/i/[^"]*)" data-ntf-tab', page) == [
        "/i/", "/i/unread/", "/i/saved/", "/i/snoozed/", "/i/done/"
    ]  # fmt: skip
    assert client.post("/i/act/", {"one": f"save:{row.slug}"})["Location"] == "/i/"
    assert client.get(f"/i/mark-as-read/{row.slug}/").context["cancel_url"] == "/i/unread/"
    assert client.post(f"/i/mark-as-read/{row.slug}/")["Location"] == "/i/unread/"
    assert client.post("/i/mark-all-as-read/")["Location"] == "/i/unread/"
    assert client.post(f"/i/delete/{row.slug}/")["Location"] == "/i/"
    assert client.get("/i/api/all_list/").json() == {"all_count": 0, "all_list": []}


def site_of(ours: Any) -> tuple[Any, ...]:
    """Return the urls of a site that has an app of its own, and ours among them."""
    return (path("accounts/login/", home, name="login"), *ours)


MISPLACED: dict[str, Any] = {
    "as 'core:notifications'": lambda: [
        path("", include(([path("i/", include("notifications.urls"))], "core")))
    ],
    "as 'inbox'": lambda: [path("i/", include((notifications.urls.urlpatterns, "inbox")))],
    "without a namespace": lambda: [*notifications.urls.urlpatterns],
    "below a path with an argument": lambda: [path("<slug:org>/i/", include("notifications.urls"))],
}


@pytest.mark.parametrize("place", MISPLACED)
def test_a_place_where_links_fail_is_a_warning_unless_there_is_another(settings: Any, place: str) -> None:
    """The pages were errors, and nothing said why."""
    ours = MISPLACED[place]()
    settings.ROOT_URLCONF = site_of(ours)
    with pytest.raises(NoReverseMatch):
        reverse("notifications:all")
    [warning] = check_urls(None)
    assert warning.msg == f"notifications.urls is included {place}, so links to it fail."
    settings.ROOT_URLCONF = site_of([*ours, path("other/", include("notifications.urls"))])
    assert check_urls(None) == []


def test_arguments_are_also_found_in_regular_expressions_and_in_what_a_view_is_given(settings: Any) -> None:
    for ours in (
        [re_path(r"^(\w+)/i/", include("notifications.urls"))],
        [path("i/", include("notifications.urls"), {"org": "pallets"})],
        [path("<slug:org>/", include([path("i/", include("notifications.urls"))]))],
    ):
        settings.ROOT_URLCONF = site_of(ours)
        [warning] = check_urls(None)
        assert "with an argument" in warning.msg


def test_each_app_is_warned_about(settings: Any) -> None:
    names = [each.name for each in apps.get_app_configs() if each.name.startswith("notifications.contrib.")]
    settings.ROOT_URLCONF = site_of(
        [
            *(path("<slug:org>/i/", include(f"{name}.urls")) for name in names),
            path("", include("notifications.urls")),
        ]
    )
    assert names
    assert [each.msg.partition(" is included ")[0] for each in check_urls(None)] == [
        f"{name}.urls" for name in names
    ]


@pytest.mark.usefixtures("way")
def test_a_place_where_links_work_is_fine() -> None:
    assert check_urls(None) == []


def test_a_site_may_have_none_of_our_urls_and_no_urls_at_all(settings: Any) -> None:
    settings.ROOT_URLCONF = (*i18n_patterns(path("i/", include("notifications.urls"))),)
    assert check_urls(None) == []
    settings.ROOT_URLCONF = site_of([])
    assert check_urls(None) == []
    del settings.ROOT_URLCONF
    assert check_urls(None) == []


@pytest.mark.django_db
def test_two_instances_each_lead_to_themselves(settings: Any, client: Client) -> None:
    settings.ROOT_URLCONF = (
        path("a/", include("notifications.urls", namespace="notifications")),
        path("b/", include("notifications.urls", namespace="second")),
    )
    user = make_user()
    client.force_login(user)
    first, second = make_notification(user), make_notification(user)
    assert client.post(f"/a/mark-as-read/{first.slug}/")["Location"] == "/a/unread/"
    assert client.post(f"/b/mark-as-read/{second.slug}/")["Location"] == "/b/unread/"
    assert "/b/" not in client.get("/a/").content.decode()
    assert "/a/" not in client.get("/b/").content.decode()
    # A page with a link that asks before it deletes.
    second.mark_as_done()
    page = client.get("/b/done/").content.decode()
    assert f"/b/delete/{second.slug}/" in page
    assert "/a/" not in page


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in PATHS if name not in JSON])
@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_is_led_to_the_login_and_back(client: Client, name: str, method: str) -> None:
    make_notification(make_user())
    found = reverse(f"notifications:{name}", args=args(name))
    # Not to what only takes a form.
    back = "" if name == "saved_searches" else found
    response = getattr(client, method)(found)
    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={back}")
    assert rows().unread().count() == 1


@pytest.mark.django_db
def test_the_page_of_the_login_is_a_setting(client: Client, settings: Any) -> None:
    settings.LOGIN_URL = "/enter/"
    for name in ("all", "mark_all_as_read"):
        found = reverse(f"notifications:{name}")
        assert client.get(found)["Location"] == f"/enter/?next={found}"


@pytest.mark.django_db
@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("actions_on_get", [False, True])
def test_no_cache_keeps_an_answer_about_the_rows_of_a_user(
    client: Client, settings: Any, name: str, actions_on_get: bool
) -> None:
    settings.NOTIFICATIONS = {"ACTIONS_ON_GET": actions_on_get}
    user = make_user()
    row = make_notification(user)
    client.force_login(user)
    response = client.get(reverse(f"notifications:{name}", args=[row.slug] if name in WITH_SLUG else []))
    assert {"no-store", "private"} <= set(response["Cache-Control"].split(", "))
