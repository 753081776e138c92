"""Every url, by every method, for everybody, whatever there is to see: the status is what the rule says."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from notifications import urls
from notifications.contrib.subscriptions import urls as subscriptions_urls
from tests.factories import make_notification, make_project, make_user, rows
from tests.hostile import models
from tests.hostile.test_hostile import url_of
from tests.testapp.models import Project

pytestmark = [pytest.mark.django_db, pytest.mark.shape("hostile")]

hostile: Any = models

NAMES = [str(pattern.name) for pattern in (*urls.urlpatterns, *subscriptions_urls.urlpatterns)]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PEOPLE = ("anonymous", "owner", "other", "staff")
OBJECTS = ("visible", "hidden", "gone", "raising")

#: What answers by JSON, also to nobody.
APIS = {name for name in NAMES if name.startswith(("api", "live"))}
PAGES = {"all", "unread", "saved", "snoozed", "done"}
#: What is named in the url, and in the form.
OF_ONE = {"mark_as_read", "mark_as_unread", "delete", "why"}
OF_ONE_BY_FORM = {"change_from_notification"}
#: The methods that are understood, where they are not these.
ASK_AND_ACT = {"GET", "HEAD", "POST"}
ALLOWED = {
    **{name: {"GET", "HEAD", "OPTIONS"} for name in PAGES},
    **{name: {"GET", "HEAD"} for name in ("api_inbox", "list", "token", "why")},
    **{
        name: {"POST"} for name in ("change", "change_from_notification", "change_selected", "saved_searches")
    },
}


def expected(name: str, method: str, who: str, what: str) -> int:
    """Return the status that the rule says."""
    if name not in APIS and who == "anonymous":
        return 302
    if method not in ALLOWED.get(name, ASK_AND_ACT):
        return 405
    if name in OF_ONE | OF_ONE_BY_FORM and who != "owner":
        return 404
    if name == "change" or (name == "change_from_notification" and what in ("hidden", "gone")):
        # Nothing that a form of theirs has named, or that they may see.
        return 400
    if name in APIS or method != "POST":
        return 200
    return 204 if name == "seen" else 302


@pytest.mark.parametrize("what", OBJECTS)
@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("name", NAMES)
def test_the_status_is_what_the_rule_says(settings: Any, name: str, who: str, what: str) -> None:
    if what == "hidden":
        settings.NOTIFICATIONS = {"VISIBILITY": {"testapp.Project": "tests.testapp.rules.NotForStrangers"}}
    people = {
        "owner": make_user("stranger"),
        "other": make_user("other"),
        "staff": make_user("staff", is_staff=True),
    }
    target = (
        hostile.Plain.objects.create(hook="__str__", way="recursion") if what == "raising" else make_project()
    )
    client, found = Client(), {}
    if who != "anonymous":
        client.force_login(people[who])
    for method in METHODS:
        rows().all().delete()
        row = make_notification(people["owner"], target=target)
        if what == "gone":
            Project.objects.all().delete()
        url, data = url_of(name, row)
        arguments = data if method in ("GET", "HEAD", "POST") else None
        found[method] = getattr(client, method.lower())(url, arguments).status_code
    assert found == {method: expected(name, method, who, what) for method in METHODS}
