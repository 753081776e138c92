"""What stands for a notification in a url: hq's number, or any other primary key; there and back."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import models
from django.test import Client
from django.test.utils import isolate_apps
from django.urls import reverse
from hypothesis import given, strategies as st

from notifications.checks import check_primary_key
from notifications.compat.slugs import SLUG_OFFSET, id2slug, slug2id, text_of_slug
from notifications.conf import get_notification_model
from notifications.inbox.pagination import cursor_of, edge_of
from notifications.inbox.selection import key_of
from tests.factories import make_notification, make_project, make_user, moment, rows

pytestmark = pytest.mark.django_db

INBOX = "/inbox/notifications/"


@given(st.text())
def test_a_text_comes_back_and_can_stand_in_a_url(text: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in text):
        return
    slug = id2slug(text)
    assert text_of_slug(slug, is_number=False) == text
    assert reverse("notifications:delete", args=[slug]) == f"{INBOX}delete/{slug}/"
    # It stands in lists with commas, behind colons, and in ids of elements.
    assert set(slug) <= set("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_")


@given(st.integers(-(2**63), 2**63 - SLUG_OFFSET - 1))
def test_a_number_is_that_of_the_older_packages(number: int) -> None:
    assert id2slug(number) == number + 110909
    assert slug2id(str(id2slug(number))) == number
    assert text_of_slug(str(id2slug(number)), is_number=True) in (str(number), None)


def test_a_uuid_is_itself() -> None:
    key = uuid.uuid4()
    assert id2slug(key) == str(key)
    assert text_of_slug(str(key), is_number=False) == str(key)


@pytest.mark.parametrize("slug", ["", "a", "1.5", "1e3", "9" * 30, "\uff11", "--1", "1-", "+1", " 1"])
def test_what_is_no_number_is_no_slug_of_one(slug: str) -> None:
    assert text_of_slug(slug, is_number=True) is None


@pytest.mark.parametrize("slug", ["_", "a_", "_4", "_FF", "_41", "_e4", "a b", "é", "_C3"])
def test_what_we_did_not_make_is_no_slug_of_a_text(slug: str) -> None:
    assert text_of_slug(slug, is_number=False) == ("" if slug == "_" else None)


def test_the_key_behind_a_slug(justquick: Any) -> None:
    row = make_notification(justquick)
    assert key_of(str(row.slug), get_notification_model(), "default") == row.pk
    assert key_of("nonsense", get_notification_model(), "default") is None


def test_a_cursor_carries_any_key(justquick: Any) -> None:
    row = rows().get(pk=make_notification(justquick, timestamp=moment(2026, 1, 1)).pk)
    assert edge_of(cursor_of(row), get_notification_model(), "default") == (moment(2026, 1, 1), row.pk)


# Every page of a model with such a key


def test_every_page_works_with_the_slugs_that_it_shows(justquick: Any) -> None:
    row = make_notification(justquick, target=make_project("pinax"))
    client = Client()
    client.force_login(justquick)
    page = client.get(INBOX).content.decode()
    assert f'value="done:{row.slug}"' in page
    assert f'data-ntf-id="{row.slug}"' in page
    [item] = client.get(f"{INBOX}api/inbox/").json()["items"]
    assert (item["slug"], item["id"]) == (row.slug, row.pk if isinstance(row.pk, int) else str(row.pk))
    assert client.get(f"{INBOX}api/unread_list/").json()["unread_list"][0]["slug"] == row.slug
    accept = {"accept": "application/json"}
    for data in ({"one": f"done:{row.slug}"}, {"action": "undone", "id": str(row.slug)}):
        answer = client.post(f"{INBOX}act/", data, headers=accept).json()
        assert answer["changed"] == 1
    shown = {"action": "done", "scope": "page", "shown": f"{row.slug},nonsense"}
    answer = client.post(f"{INBOX}act/", shown, headers=accept).json()
    assert answer["changed"] == 1
    undone = client.post(f"{INBOX}undo/", {"undo": answer["undo"]}, headers=accept).json()
    assert undone["changed"] == 1
    for name in ("mark_as_read", "mark_as_unread", "delete"):
        url = reverse(f"notifications:{name}", args=[row.slug])
        assert client.get(url).status_code == 200
        assert client.post(url).status_code == 302
        assert client.get(reverse(f"notifications:{name}", args=["nonsense"])).status_code == 404
    assert not rows().visible().exists()


def test_pages_lead_from_one_to_the_next(justquick: Any, settings: Any) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 2}
    for number in range(5):
        make_notification(justquick, verb=f"verb {number}", timestamp=moment(2026, 1, 1))
    client, seen = Client(), []
    query: dict[str, str] | None = {}
    client.force_login(justquick)
    while query is not None:
        response = client.get(INBOX, query)
        seen += [row.pk for row in response.context["notifications"]]
        before = response.context["page_obj"].before
        query = {"before": before} if before else None
    assert sorted(map(str, seen)) == sorted(str(row.pk) for row in rows())
    assert len(set(seen)) == 5


def test_the_admin_of_such_a_model(justquick: Any) -> None:
    row = make_notification(justquick, target=make_project("pinax"))
    client = Client()
    client.force_login(make_user("admin", is_staff=True, is_superuser=True))
    meta = get_notification_model()._meta
    names = {"changelist": [], "change": [row.pk], "history": [row.pk], "delete": [row.pk]}
    for page, arguments in names.items():
        url = reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=arguments)
        assert client.get(url).status_code == 200


def test_a_page_of_many_is_acted_on(justquick: Any) -> None:
    for _ in range(3):
        make_notification(justquick)
    assert rows().mark_all_as_read(up_to=rows().first()) == 3
    assert rows().delete_in_order() == 3


# What cannot be a key


@isolate_apps("tests.testapp")
def test_a_key_that_cannot_stand_in_a_url_is_an_error(monkeypatch: Any) -> None:
    class Timed(models.Model):
        id = models.DateTimeField(primary_key=True)

        class Meta:
            app_label = "testapp"

    assert check_primary_key(None) == []
    monkeypatch.setattr("notifications.checks.get_notification_model", lambda: Timed)
    [problem] = check_primary_key(None)
    assert (problem.id, problem.msg) == (
        "notifications.E005",
        "The primary key of testapp.Timed is a DateTimeField.",
    )
