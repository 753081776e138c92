"""Pages by keyset: they lead through every row both ways, and a cursor that was made up harms nobody."""

from __future__ import annotations

import random
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta, timezone
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.contenttypes.models import ContentType
from django.db import connections
from django.http import Http404
from django.test import Client

import notifications
from notifications.conf import get_notification_model
from notifications.inbox.pagination import Page, cursor_of, edge_of, get_page
from tests.factories import make_notification, make_user, moment, rows

pytestmark = pytest.mark.django_db

INBOX = "/inbox/notifications/"


@pytest.fixture
def inbox(client: Client, justquick: Any, settings: Any) -> Client:
    """A browser in which justquick is logged in, on a site with short pages."""
    settings.NOTIFICATIONS = {"PAGE_SIZE": 10}
    client.force_login(justquick)
    return client


def make_rows(recipient: Any, count: int, *, moments: int = 5, **columns: Any) -> list[Any]:
    """Return so many saved rows as the inbox shows them, of which many happened at the same moment."""
    model = get_notification_model()
    chance = random.Random(2)  # noqa: S311
    actor_type = ContentType.objects.get_for_model(recipient)
    rows().bulk_create(
        model(
            recipient=recipient,
            actor_content_type=actor_type,
            actor_object_id=recipient.pk,
            verb="closed",
            timestamp=moment(2011, 2, 1, 12, 0, 0, chance.randrange(moments)),
            **columns,
        )
        for _ in range(count)
    )
    return list(recipient.notifications.order_by("-timestamp", "-pk"))


def page_of(user: Any, **query: str) -> Page:
    return get_page(user.notifications.all(), 10, query)


def encoded(text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    return urlsafe_b64encode(data).decode().rstrip("=")


def now_at(pk: object) -> str:
    """Return the text of a cursor that names a row of today."""
    return f"{moment(2026, 11, 24).isoformat()} {pk}"


# The way through all rows


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 21, 47])
@pytest.mark.parametrize("moments", [1, 5, 10**6])
def test_older_and_newer_lead_through_all_rows_in_order(justquick: Any, count: int, moments: int) -> None:
    everything = make_rows(justquick, count, moments=moments)
    make_rows(make_user("brosner"), 3)

    page = page_of(justquick)
    down = [page]
    while page.has_next():
        page = page_of(justquick, before=page.before)
        down.append(page)
    up = [page]
    while page.has_previous():
        page = page_of(justquick, after=page.after)
        up.append(page)

    assert [row for page in down for row in page] == everything
    assert [len(page) for page in down[:-1]] == [10] * (len(down) - 1)
    seen = [row for page in reversed(up) for row in page]
    # The first page is always full, so that going up it may show again what was on the one before.
    assert list(dict.fromkeys(seen)) == everything
    assert list(up[-1]) == everything[:10]
    assert len(up) <= len(down)


def test_the_links_of_the_inbox_lead_through_all_rows_and_back(inbox: Client, justquick: Any) -> None:
    everything = make_rows(justquick, 35)

    def shown(response: Any) -> list[Any]:
        return list(response.context["notifications"])

    def link(response: Any, rel: str) -> str | None:
        found = re.search(rf'<a rel="{rel}" href="([^"]+)"', response.content.decode())
        return unescape(found[1]) if found else None

    response = inbox.get(INBOX)
    assert link(response, "prev") is None
    assert "Page 1" in response.content.decode()
    pages = [shown(response)]
    while older := link(response, "next"):
        response = inbox.get(older)
        pages.append(shown(response))
    assert [row for page in pages for row in page] == everything
    assert [len(page) for page in pages] == [10, 10, 10, 5]
    # A cursor names no number.
    assert "Page" not in re.sub(r"aria-label=\S+", "", response.content.decode())

    pages = []
    while newer := link(response, "prev"):
        response = inbox.get(newer)
        pages.append(shown(response))
    assert pages == [everything[20:30], everything[10:20], everything[:10]]


def test_the_pages_of_unread_rows_have_unread_rows_only(inbox: Client, justquick: Any) -> None:
    make_rows(justquick, 15)
    make_rows(justquick, 15, unread=False, read_at=moment(2011, 2, 2))
    unread = list(justquick.notifications.filter(unread=True).order_by("-timestamp", "-pk"))

    response = inbox.get(f"{INBOX}unread/")
    assert list(response.context["notifications"]) == unread[:10]
    response = inbox.get(f"{INBOX}unread/", {"before": response.context["page_obj"].before})
    assert list(response.context["notifications"]) == unread[10:]
    assert not response.context["page_obj"].has_next()


def test_a_single_page_has_no_links(inbox: Client, justquick: Any) -> None:
    make_rows(justquick, 10)
    response = inbox.get(INBOX)
    assert response.context["is_paginated"] is False
    # A script shows it when a page gets full.
    assert re.findall(r'<nav class="ntf-pages"[^>]*', response.content.decode())[0].endswith(" hidden")


def test_rows_that_come_and_go_shift_no_page(justquick: Any) -> None:
    everything = make_rows(justquick, 30)
    first = page_of(justquick)

    make_notification(justquick, timestamp=moment(2011, 3, 1))
    everything[9].delete()
    everything[12].delete()

    assert list(page_of(justquick, before=first.before)) == [*everything[10:12], *everything[13:21]]


def test_the_first_page_is_full_when_few_rows_are_newer(justquick: Any) -> None:
    everything = make_rows(justquick, 30)

    page = page_of(justquick, after=cursor_of(everything[4]))

    assert list(page) == everything[:10]
    assert (page.number, page.has_previous(), page.has_next()) == (1, False, True)


def test_exactly_one_page_of_newer_rows_is_the_first_page(justquick: Any) -> None:
    everything = make_rows(justquick, 30)

    page = page_of(justquick, after=cursor_of(everything[10]))

    assert list(page) == everything[:10]
    assert (page.has_previous(), page.has_next(), page.after) == (False, True, "")


def test_before_wins_over_after_and_both_over_the_number(justquick: Any) -> None:
    everything = make_rows(justquick, 50)
    before, after = cursor_of(everything[19]), cursor_of(everything[45])

    assert list(page_of(justquick, before=before, after=after, page="5")) == everything[20:30]
    assert list(page_of(justquick, after=after, page="5")) == everything[35:45]


def test_beyond_the_last_row_is_the_first_page(justquick: Any) -> None:
    everything = make_rows(justquick, 15)

    page = page_of(justquick, before=cursor_of(everything[-1]), page="2")

    assert list(page) == everything[:10]
    assert page.number == 1


def test_an_empty_inbox_has_one_empty_page(justquick: Any) -> None:
    page = page_of(justquick)
    assert (list(page), page.number, page.before, page.after, page.has_other_pages()) == (
        [], 1, "", "", False,
    )  # fmt: skip
    nobodys = encoded(now_at(1))
    assert list(page_of(justquick, before=nobodys)) == list(page_of(justquick, after=nobodys)) == []


# Numbers


def test_a_number_names_the_page_as_it_always_did(justquick: Any) -> None:
    everything = make_rows(justquick, 25)
    found = {number: page_of(justquick, page=number) for number in ("", "1", "2", "3", "003", "last")}

    assert {number: list(page) for number, page in found.items()} == {
        "": everything[:10],
        "1": everything[:10],
        "2": everything[10:20],
        "3": everything[20:],
        "003": everything[20:],
        "last": everything[20:],
    }
    assert [page.number for page in found.values()] == [1, 1, 2, 3, 3, 3]
    assert [page.has_previous() for page in found.values()] == [False, False, True, True, True, True]
    assert [page.has_next() for page in found.values()] == [True, True, True, False, False, False]


def test_a_numbered_page_knows_the_numbers_of_its_neighbours(justquick: Any) -> None:
    make_rows(justquick, 25)
    page = page_of(justquick, page="2")
    assert (page.previous_page_number(), page.next_page_number()) == (1, 3)
    page = page_of(justquick, before=page.before)
    numbers: list[Any] = [page.number, page.previous_page_number(), page.next_page_number()]
    assert numbers == [None, None, None]


@pytest.mark.parametrize(
    "number",
    [
        "0", "00", "-1", "4", "1.0", "+1", " 1", "1e3", "first", "LAST", "²", "٣", "\x00", "1\x00",
        "9" * 10, "9" * 11, "9" * 20, "9" * 5000, "1; SELECT 1", "None",
    ],
)  # fmt: skip
def test_a_number_that_is_none_is_404(justquick: Any, number: str) -> None:
    make_rows(justquick, 25)
    with pytest.raises(Http404):
        page_of(justquick, page=number)


# Cursors that nobody gave out

NOT_OURS = {
    "letters": "abc",
    "one letter": "x",
    "padding": "====",
    "not ASCII": "é",
    "NUL": "\x00",
    "spaces": "   ",
    "percent": "%s%d%(x)s",
    "quote": "'; DROP TABLE notifications_notification; --",
    "long": "A" * 100_000,
    "not UTF-8": encoded(b"\xff\xfe\xfd"),
    "nothing inside": encoded(""),
    "no date": encoded("yesterday 1"),
    "no such date": encoded(f"{moment(2026, 2, 1).isoformat().replace('02-01', '02-30')} 1"),
    "no such month": encoded(f"{moment(2026, 2, 1).isoformat().replace('02-01', '13-01')} 1"),
    "no key": encoded(moment(2026, 11, 24).isoformat()),
    "empty key": encoded(now_at("")),
    "text for a key": encoded(now_at("abc")),
    "NUL in the key": encoded(now_at("1\x00")),
    "half a key": encoded(now_at("1.5")),
    "two keys": encoded(now_at("1 2")),
    "no number": encoded(now_at("nan")),
    "SQL for a key": encoded(now_at("1) OR (1=1")),
    "key beyond 64 bits": encoded(now_at(2**63)),
    "huge key": encoded(now_at("9" * 5000)),
    "key below 64 bits": encoded(now_at(-(2**63) - 1)),
    "before the first moment": encoded("0001-01-01T00:00:00+23:59 1"),
    "after the last moment": encoded("9999-12-31T23:59:59.999999-23:59 1"),
    "year 0": encoded("0000-01-01T00:00:00+00:00 1"),
    "year 10000": encoded("10000-01-01T00:00:00+00:00 1"),
    "an odd offset": encoded("2026-11-24T00:00:00+99:99 1"),
    # Naive where moments are aware, and the other way round.
    "the other kind of moment": encoded(
        "2026-11-24T00:00:00 1" if django_settings.USE_TZ else "2026-11-24T00:00:00+00:00 1"
    ),
}


@pytest.mark.parametrize("cursor", NOT_OURS.values(), ids=NOT_OURS)
def test_a_cursor_that_we_cannot_have_made_is_the_first_page(
    inbox: Client, justquick: Any, cursor: str
) -> None:
    everything = make_rows(justquick, 12)

    assert edge_of(cursor, get_notification_model(), "default") is None
    for name in ("before", "after"):
        page = page_of(justquick, **{name: cursor})
        assert (list(page), page.number) == (everything[:10], 1)
        assert inbox.get(INBOX, {name: cursor}).status_code == 200


def test_a_made_up_cursor_that_could_be_ours_is_some_page(inbox: Client, justquick: Any) -> None:
    everything = make_rows(justquick, 12)
    first, last = everything[:10], everything[2:]

    for pk in (-(2**63), -1, 0, 2**63 - 1):
        for when in (moment(1, 1, 1), moment(2, 1, 1), moment(999, 1, 1), moment(1969, 12, 31)):
            cursor = encoded(f"{when.isoformat()} {pk}")
            assert list(page_of(justquick, before=cursor)) == first
            assert list(page_of(justquick, after=cursor)) == last
        for when in (moment(9998, 12, 31), moment(9999, 12, 31, 23, 59, 59, 999_999)):
            cursor = encoded(f"{when.isoformat()} {pk}")
            assert list(page_of(justquick, before=cursor)) == first
            assert list(page_of(justquick, after=cursor)) == first
            assert inbox.get(INBOX, {"before": cursor}).status_code == 200


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Let the database keep its moments in a zone of its own."""

    def set_zone(name: str) -> None:
        connection = connections["default"]
        monkeypatch.setitem(connection.settings_dict, "TIME_ZONE", name)
        for cached in ("timezone", "timezone_name"):
            vars(connection).pop(cached, None)

    yield set_zone
    for cached in ("timezone", "timezone_name"):
        vars(connections["default"]).pop(cached, None)


# PostgreSQL keeps its moments in UTC, whatever the zone.
@pytest.mark.backend("sqlite", "mariadb")
@pytest.mark.shape("default", "custom_user", "jsonfield", "soft_delete", "swapped")
@pytest.mark.parametrize("name", ["before", "after"])
@pytest.mark.parametrize(
    ("zone_name", "text"),
    [
        ("Asia/Tokyo", "9999-12-31T23:59:59.999999+00:00 1"),
        ("Pacific/Honolulu", "0001-01-01T00:00:00+00:00 1"),
    ],
)
def test_a_moment_that_the_zone_of_the_database_does_not_have_is_the_first_page(
    justquick: Any, zone: Callable[[str], None], name: str, zone_name: str, text: str
) -> None:
    make_rows(justquick, 12)
    zone(zone_name)
    everything = list(justquick.notifications.order_by("-timestamp", "-pk"))

    page = page_of(justquick, **{name: encoded(text)})

    assert (list(page), page.number) == (everything[:10], 1)


@pytest.mark.shape("default", "custom_user", "jsonfield", "soft_delete", "swapped")
@pytest.mark.parametrize("offset", ["+05:30", "-11:00", "+23:59", "Z"])
def test_a_cursor_may_name_its_moment_in_any_zone(justquick: Any, offset: str) -> None:
    everything = make_rows(justquick, 12)
    row = everything[4]
    hours = {"+05:30": 5.5, "-11:00": -11, "+23:59": 23 + 59 / 60}.get(offset, 0)
    elsewhere = timezone(timedelta(minutes=round(60 * hours)))
    text = row.timestamp.astimezone(elsewhere).isoformat()
    if offset == "Z":
        text = row.timestamp.isoformat().replace("+00:00", "Z")
    assert text.endswith(offset)

    assert list(page_of(justquick, before=encoded(f"{text} {row.pk}"))) == everything[5:]


def test_one_function_reads_the_moments_of_requests() -> None:
    """Another one could give a database an offset that it refuses."""
    modules = {path: path.read_text() for path in Path(notifications.__file__).parent.rglob("*.py")}
    words = ("parse_datetime", "datetime.fromisoformat", "strptime")
    reading = {path.name for path, text in modules.items() if any(word in text for word in words)}
    # What undo reads has been kept by itself.
    assert reading == {"expressions.py", "undo.py"}


# What a page costs


@pytest.mark.parametrize("place", [0, 10, 90, 99])
@pytest.mark.parametrize("name", ["before", "after", "page"])
def test_a_page_costs_one_query_and_counts_nothing(
    justquick: Any, django_assert_num_queries: Any, place: int, name: str
) -> None:
    everything = make_rows(justquick, 100)
    value = str(place // 10 + 1) if name == "page" else cursor_of(everything[place])

    # After the last row, and before less than a page of rows, comes the first page.
    twice = (name, place) in {("before", 99), ("after", 0)}
    with django_assert_num_queries(2 if twice else 1) as queries:
        page = page_of(justquick, **{name: value})
        bool(page.has_next() or page.has_previous() or page.before or page.after or list(page))
    assert "COUNT(" not in str([query["sql"] for query in queries])


def test_the_last_page_is_the_only_one_that_counts(justquick: Any, django_assert_num_queries: Any) -> None:
    make_rows(justquick, 25)
    with django_assert_num_queries(2):
        assert len(page_of(justquick, page="last")) == 5


def test_a_template_may_still_ask_how_many_pages_there_are(
    justquick: Any, django_assert_num_queries: Any
) -> None:
    make_rows(justquick, 25)
    page = page_of(justquick)
    with django_assert_num_queries(1):
        assert (page.paginator.num_pages, page.paginator.count) == (3, 25)


# Models of other shapes


@pytest.mark.shape("swapped")
def test_keys_may_be_uuids(justquick: Any) -> None:
    from tests.variants.models import UuidKeyed

    actor_type = ContentType.objects.get_for_model(justquick)
    UuidKeyed._base_manager.bulk_create(
        UuidKeyed(
            recipient=justquick,
            actor_content_type=actor_type,
            actor_object_id=justquick.pk,
            verb="closed",
            timestamp=moment(2011, 2, 1),
        )
        for _ in range(25)
    )
    everything = UuidKeyed._base_manager.all()
    in_order = list(everything.order_by("-timestamp", "-pk"))

    first = get_page(everything, 10, {})
    second = get_page(everything, 10, {"before": first.before})
    third = get_page(everything, 10, {"before": second.before})
    assert [*first, *second, *third] == in_order
    assert list(get_page(everything, 10, {"after": third.after})) == in_order[10:20]
    assert list(get_page(everything, 10, {"before": encoded(now_at(5))})) == in_order[:10]


def test_a_queryset_in_another_order_is_paged_in_the_order_of_the_inbox(justquick: Any) -> None:
    everything = make_rows(justquick, 12)
    page = get_page(justquick.notifications.order_by("verb", "pk"), 10, {})
    assert list(page) == everything[:10]
