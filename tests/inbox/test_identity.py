"""Whose page a request comes from: what is answered to the page of one user when another is logged in."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware
from django.test import Client, RequestFactory
from django.urls import reverse

import notifications
from notifications import views
from notifications.inbox.identity import USER_HEADER
from tests.factories import make_notification, make_user, rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("defaults")]

#: The urls that a script asks, each with what it sends by POST, or None where it asks by GET.
ASKED: dict[str, dict[str, str] | None] = {
    "act": {"action": "done", "id": "SLUG"},
    "undo": {"undo": "x"},
    "seen": {},
    "saved_searches": {"do": "save", "q": "is:unread"},
    "mark_as_read": {},
    "mark_as_unread": {},
    "mark_all_as_read": {},
    "delete": {},
    "api_inbox": None,
    "token": None,
}
WITH_SLUG = {"mark_as_read", "mark_as_unread", "delete"}


def ask(client: Client, name: str, row: Any, user: Any, **form: str) -> Any:
    """Ask as the page of ``user`` does."""
    url = reverse(f"notifications:{name}", args=[row.slug] if name in WITH_SLUG else [])
    headers = {"accept": "application/json", USER_HEADER: str(user.pk)}
    data = ASKED[name]
    if data is None:
        return client.get(url, headers=headers)
    data = {name: str(row.slug) if value == "SLUG" else value for name, value in data.items()}
    return client.post(url, {**data, **form}, headers=headers)


def state() -> list[tuple[Any, ...]]:
    return list(rows().order_by("pk").values_list())


def test_these_are_all_urls_that_change_or_show_rows_as_json() -> None:
    pages = {"all", "unread", "saved", "snoozed", "done"}
    # The JSON of the older packages, whose scripts name no user.
    older = {
        pattern.name for pattern in notifications.urls.urlpatterns if str(pattern.name).startswith("live_")
    }
    assert {pattern.name for pattern in notifications.urls.urlpatterns} == {*ASKED, *pages, *older}


@pytest.mark.parametrize("name", ASKED)
def test_the_page_of_one_user_is_nothing_to_another(justquick: Any, name: str) -> None:
    """A token that is read when the script sends would be that of the other user."""
    brosner = make_user("brosner")
    make_notification(brosner, verb="whispered")
    row = make_notification(justquick, unread=name != "mark_as_unread")
    client = Client(enforce_csrf_checks=True)
    client.force_login(brosner)
    token = client.get(reverse("notifications:token")).json()["token"]
    before = state()
    # Before the token is looked at, and with one that is right.
    for form in ({}, {"csrfmiddlewaretoken": token}):
        response = ask(client, name, row, justquick, **form)
        assert response.status_code == 409
        assert response.json() == {"error": "You are signed in as another user."}
        assert response.headers[USER_HEADER] == str(brosner.pk)
    assert state() == before


@pytest.mark.parametrize("name", ASKED)
def test_who_is_signed_out_is_told_so(client: Client, justquick: Any, name: str) -> None:
    row = make_notification(justquick)
    before = state()
    response = ask(client, name, row, justquick)
    assert (response.status_code, response.json()) == (401, {"error": "You are signed out."})
    assert response.headers[USER_HEADER] == ""
    assert state() == before


@pytest.mark.parametrize("name", ASKED)
def test_the_own_page_is_answered_and_every_answer_names_the_user(justquick: Any, name: str) -> None:
    row = make_notification(justquick, unread=name != "mark_as_unread")
    client = Client(enforce_csrf_checks=True)
    client.force_login(justquick)
    old = client.get(reverse("notifications:token")).json()["token"]
    assert ask(client, name, row, justquick).status_code == (200 if ASKED[name] is None else 403)
    response = ask(client, name, row, justquick, csrfmiddlewaretoken=old)
    assert response.status_code == {"seen": 204, "saved_searches": 302}.get(name, 200)
    assert response.headers[USER_HEADER] == str(justquick.pk)
    if name.startswith("mark_") or name == "delete":
        assert response.json()["changed"] == 1


def test_a_token_of_an_older_login_is_renewed(justquick: Any) -> None:
    row = make_notification(justquick)
    client = Client(enforce_csrf_checks=True)
    client.force_login(justquick)
    old = client.get(reverse("notifications:token")).json()["token"]
    client.cookies.pop("csrftoken")
    new = client.get(reverse("notifications:token")).json()["token"]
    assert ask(client, "act", row, justquick, csrfmiddlewaretoken=old).status_code == 403
    assert ask(client, "act", row, justquick, csrfmiddlewaretoken=new).json()["changed"] == 1


def test_a_site_without_the_check_has_none_here(justquick: Any, settings: Any) -> None:
    settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if "Csrf" not in each]
    row = make_notification(justquick)
    client = Client(enforce_csrf_checks=True)
    client.force_login(justquick)
    assert ask(client, "act", row, justquick).json()["changed"] == 1


class BrowserCsrf:
    """The check of a site that asks for no token where there is one of its API."""

    def __init__(self, get_response: Any) -> None:
        self.get_response, self.django = get_response, CsrfViewMiddleware(get_response)

    def __call__(self, request: HttpRequest) -> Any:
        return self.django(request)

    def process_view(self, request: HttpRequest, *view: Any) -> Any:
        return None if "X-Api-Key" in request.headers else self.django.process_view(request, *view)


def tokens_of_browsers(get_response: Any) -> Any:
    """The same as a function."""
    return BrowserCsrf(get_response)


@pytest.mark.parametrize("check", ["BrowserCsrf", "tokens_of_browsers"])
def test_the_check_of_a_site_around_that_of_django_protects_our_views(
    justquick: Any, settings: Any, check: str
) -> None:
    """They were exempt from it."""
    ours = f"{__name__}.{check}"
    settings.MIDDLEWARE = [ours if "Csrf" in each else each for each in settings.MIDDLEWARE]
    row = make_notification(justquick)
    client = Client(enforce_csrf_checks=True)
    client.force_login(justquick)
    for name, form in ASKED.items():
        if form is not None:
            assert ask(client, name, row, justquick).status_code == 403
    token = client.get(reverse("notifications:token")).json()["token"]
    assert ask(client, "act", row, justquick, csrfmiddlewaretoken=token).json()["changed"] == 1
    by_key = client.post(reverse("notifications:seen"), headers={"X-Api-Key": "secret"})
    assert by_key.status_code == 204


def test_a_view_of_the_site_that_calls_ours_has_made_its_own_check(
    justquick: Any, rf: RequestFactory
) -> None:
    row = make_notification(justquick)
    request = rf.post("/anywhere/")
    request.user = justquick
    assert views.mark_as_read(request, str(row.slug)).status_code == 302


def test_the_key_of_a_user_may_have_any_character(client: Client, justquick: Any) -> None:
    make_notification(justquick)
    client.force_login(justquick)
    header = {USER_HEADER: "%C3%A9"}
    assert client.get(reverse("notifications:api_inbox"), headers=header).status_code == 409
