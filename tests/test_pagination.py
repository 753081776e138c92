"""Keyset pages: the next page is found by the last row of this one, and nobody counts."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

import pytest
from django.http import Http404, QueryDict

from notifications.models import get_notification_model
from notifications.pagination import Page, cursor_of, edge_of, get_page
from tests.factories import make_notification, make_user, moment, rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def justquick() -> Any:
    return make_user("justquick")


@pytest.fixture
def seven(justquick: Any) -> list[Any]:
    """Seven rows, the newest first; the middle five of the same moment."""
    days = [1, 2, 2, 2, 2, 2, 3]
    return [make_notification(justquick, timestamp=moment(2026, 1, day)) for day in days][::-1]


def page(size: int = 3, **query: Any) -> Page:
    return get_page(rows(), size, query)


def neighbours(found: Page) -> tuple[bool, bool]:
    return found.has_previous(), found.has_next()


def cursor(text: str) -> str:
    return urlsafe_b64encode(text.encode(errors="surrogateescape")).decode().rstrip("=")


def test_the_first_page_has_the_newest_rows(seven: list[Any], django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        first = page()
        assert list(first) == seven[:3]
        assert neighbours(first) == (False, True)
        assert (first.number, first.next_page_number(), first.has_other_pages()) == (1, 2, True)
        assert (first.before, first.after) == (cursor_of(seven[2]), "")


def test_the_pages_lead_to_older_rows_and_back(seven: list[Any], django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        second = page(before=cursor_of(seven[2]))
    assert list(second) == seven[3:6]
    assert neighbours(second) == (True, True)
    assert {second.number, second.next_page_number(), second.previous_page_number()} == {None}
    third = page(before=second.before)
    assert list(third) == seven[6:]
    assert (neighbours(third), third.before) == ((True, False), "")
    with django_assert_num_queries(1):
        back = page(after=third.after)
    assert list(back) == seven[3:6]
    assert neighbours(back) == (True, True)
    again = page(after=back.after)
    assert (list(again), neighbours(again)) == (seven[:3], (False, True))


def test_a_way_through_all_pages_meets_every_row_once(seven: list[Any]) -> None:
    for size in (1, 2, 3, 6, 7, 8):
        met: list[Any] = []
        query: dict[str, str] = {}
        while True:
            found = page(size, **query)
            met.extend(found)
            if not found.before:
                break
            query = {"before": found.before}
        assert (size, met) == (size, seven)


def test_a_row_that_comes_meanwhile_moves_nothing(justquick: Any, seven: list[Any]) -> None:
    older = page().before
    make_notification(justquick, timestamp=moment(2026, 1, 4))
    assert list(page(before=older)) == seven[3:6]


def test_a_row_that_goes_meanwhile_moves_nothing(seven: list[Any]) -> None:
    older = page().before
    rows().filter(pk=seven[2].pk).delete()
    assert list(page(before=older)) == seven[3:6]


def test_with_few_newer_rows_the_page_is_the_first_and_full(
    seven: list[Any], django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(2):
        found = page(after=cursor_of(seven[1]))
    assert (list(found), found.number) == (seven[:3], 1)
    assert list(page(after=cursor_of(seven[0]))) == seven[:3]


def test_with_no_older_rows_the_page_is_the_first(seven: list[Any]) -> None:
    assert list(page(before=cursor_of(seven[6]))) == seven[:3]


def test_the_older_rows_win_where_a_url_names_both(seven: list[Any]) -> None:
    assert list(page(before=cursor_of(seven[2]), after=cursor_of(seven[6]))) == seven[3:6]


def test_a_cursor_wins_over_a_number(seven: list[Any]) -> None:
    assert list(page(before=cursor_of(seven[2]), page="3")) == seven[3:6]
    assert list(page(after=cursor_of(seven[0]), page="3")) == seven[:3]


def test_a_number_still_finds_its_page(seven: list[Any], django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        second = page(page="2")
    assert list(second) == seven[3:6]
    assert (second.number, neighbours(second)) == (2, (True, True))
    assert (second.next_page_number(), second.previous_page_number()) == (3, 1)
    assert list(page(page="03")) == seven[6:]
    assert list(page(page="")) == seven[:3]


def test_the_last_page_is_found_by_counting(seven: list[Any], django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):
        last = page(page="last")
    assert (list(last), last.number, neighbours(last)) == (seven[6:], 3, (True, False))


def test_an_empty_inbox_has_one_page(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        only = page()
        assert (list(only), only.number, neighbours(only)) == ([], 1, (False, False))
        assert (only.before, only.after) == ("", "")
    assert list(page(page="last")) == []


@pytest.mark.parametrize(
    "text", ["0", "00", "-1", "+1", "4", "1.0", "first", "9" * 10, "9" * 11, "\uff11", "²", "\x00"]
)
@pytest.mark.usefixtures("seven")
def test_a_number_of_no_page_is_404(text: str) -> None:
    with pytest.raises(Http404):
        page(page=text)


def test_the_query_of_a_request_will_do(seven: list[Any]) -> None:
    query: Mapping[str, str] = QueryDict(f"before={cursor_of(seven[2])}")
    assert list(get_page(rows(), 3, query)) == seven[3:6]


def test_the_paginator_counts_only_where_a_template_asks(
    seven: list[Any], django_assert_num_queries: Any
) -> None:
    found = page()
    with django_assert_num_queries(1):
        assert (found.paginator.count, found.paginator.num_pages) == (7, 3)


def test_the_rows_keep_their_filters_and_their_objects(
    justquick: Any, seven: list[Any], django_assert_num_queries: Any
) -> None:
    rows().filter(pk=seven[3].pk).update(unread=False)
    chosen = justquick.notifications.unread().with_objects()
    with django_assert_num_queries(2):
        found = get_page(chosen, 3, {"before": cursor_of(seven[2])})
        assert [row.actor for row in found] == [justquick] * 3
    assert list(found) == seven[4:7]


# Cursors


def test_a_cursor_says_when_and_which(seven: list[Any]) -> None:
    row = rows().get(pk=seven[3].pk)
    assert edge_of(cursor_of(row), get_notification_model()) == (row.timestamp, row.pk)
    assert set(cursor_of(row)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def now_as_text() -> str:
    return moment(2026, 1, 2).isoformat()


@pytest.mark.parametrize(
    "make",
    [
        lambda: "",
        lambda: "A",
        lambda: "=",
        lambda: "ü",
        lambda: "\x00",
        lambda: "A" * 5000,
        lambda: cursor("nothing"),
        lambda: cursor("\udcff\udcfe"),
        lambda: cursor(now_as_text()),
        lambda: cursor(f"{now_as_text()} "),
        lambda: cursor(f"{now_as_text()} x"),
        lambda: cursor(f"{now_as_text()} 1 2"),
        lambda: cursor(f"{now_as_text()} {2**64}"),
        lambda: cursor(f"{now_as_text()} {'9' * 5000}"),
        lambda: cursor(f"{now_as_text()} 1\x00"),
        lambda: cursor("2026-13-45T00:00:00 1"),
        lambda: cursor("2026-13-45T00:00:00+00:00 1"),
        lambda: cursor("99999-01-01T00:00:00 1"),
        # The other kind of moment than this site keeps.
        lambda: cursor(f"{other_kind()} 1"),
    ],
)
def test_what_we_did_not_make_is_no_cursor(make: Any) -> None:
    assert edge_of(make(), get_notification_model()) is None


def other_kind() -> str:
    return "2026-01-02T00:00:00" if "+" in now_as_text() else "2026-01-02T00:00:00+00:00"


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00 1", "9999-12-31T23:59:59-14:00 1"])
def test_a_moment_beyond_the_calendar_is_no_cursor(text: str) -> None:
    assert edge_of(cursor(text), get_notification_model()) is None
