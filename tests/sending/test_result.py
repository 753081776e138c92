"""What ``notify.send`` answers: a sequence that code written for a list can go on using."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType

from notifications import notify
from notifications.sending import result
from notifications.sending.result import Notifications
from tests.factories import make_group, make_user, make_users, rows

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def known_content_type() -> None:
    """Let the content type of users, which is looked up once in a process, not count among the queries."""
    ContentType.objects.get_for_model(type(make_user("warm")))


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let more than three rows be many, so that a test need not write hundreds."""
    monkeypatch.setattr(result, "MAX_KEPT_ROWS", 3)


def send(recipient: Any, **arguments: Any) -> Notifications[Any]:
    [(_, answer)] = notify.send(make_user(), verb="closed", recipient=recipient, **arguments)
    assert isinstance(answer, Notifications)
    return answer


def test_its_length_is_known_without_a_query(django_assert_num_queries: Any) -> None:
    answer = send(make_users(3))

    with django_assert_num_queries(0):
        assert len(answer) == answer.created == 3
        assert answer.existing == 0
        assert answer


def test_nobody_makes_an_empty_answer_without_a_query(django_assert_num_queries: Any) -> None:
    answer = send(make_group())

    with django_assert_num_queries(0):
        assert not answer
        assert list(answer) == []
        assert answer == []
        assert answer[:5] == []
        with pytest.raises(IndexError):
            answer[0]


def test_few_rows_are_loaded_once_and_in_the_order_in_which_their_recipients_were_named(
    django_assert_num_queries: Any,
) -> None:
    one, two, three = make_users(3)
    answer = send([two, three, one, two])

    with django_assert_num_queries(1):
        found = list(answer)
        assert [row.recipient_id for row in found] == [two.pk, three.pk, one.pk]
        assert answer[0] is found[0]
        assert answer[-1] is found[2]
        assert answer[1:] == found[1:]
        assert answer[::-1] == found[::-1]
        assert list(reversed(answer)) == found[::-1]
        assert found[1] in answer
        assert answer.index(found[2]) == 2
        assert answer.count(found[2]) == 1
        with pytest.raises(IndexError):
            answer[3]


def test_rows_of_a_queryset_come_in_the_order_in_which_they_were_written() -> None:
    users = make_users(3)
    answer = send(type(users[0])._default_manager.filter(username__startswith="user").order_by("-username"))

    assert list(answer) == list(rows().order_by("pk"))


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    ("place", "queries"),
    [
        (0, 1), (4, 1), (-1, 1), (-5, 1),
        (slice(1, 3), 1), (slice(None, None, -1), 1), (slice(None, None, 2), 1), (slice(3, 0, -2), 1),
        (slice(-2, None), 1), (slice(0, 1000), 1), (slice(5, None), 0), (slice(2, 2), 0), (slice(0, 3, -1), 0),
    ],
    ids=str,
)  # fmt: skip
def test_of_many_rows_only_those_that_are_looked_at_are_loaded(
    django_assert_num_queries: Any, place: Any, queries: int
) -> None:
    answer = send(make_users(5))
    expected = list(rows().order_by("pk"))

    with django_assert_num_queries(queries):
        assert answer[place] == expected[place]


@pytest.mark.usefixtures("few")
def test_many_rows_are_never_kept(django_assert_num_queries: Any) -> None:
    answer = send(make_users(5))

    with django_assert_num_queries(2):
        assert [row.pk for row in answer] == [row.pk for row in answer]
    with pytest.raises(IndexError):
        answer[5]
    with pytest.raises(IndexError):
        answer[-6]


def test_rows_beyond_what_is_loaded_at_once_are_all_there() -> None:
    users = make_users(result.MAX_KEPT_ROWS + 1)
    answer = send(users)

    assert len(answer) == result.MAX_KEPT_ROWS + 1
    assert {row.recipient_id for row in answer} == {user.pk for user in users}
    assert answer[result.MAX_KEPT_ROWS].recipient_id in {user.pk for user in users}


def test_it_equals_a_list_of_the_same_rows_and_nothing_else() -> None:
    answer = send(make_users(2))
    same = list(answer)

    assert answer == same
    assert same == answer
    assert answer != same[:1]
    assert answer != same[::-1]
    assert answer != 2
    assert (answer == {1, 2}) is False


def test_it_cannot_be_hashed_as_a_list_cannot() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(send(make_users(1)))


def test_it_says_what_it_is_without_a_query(django_assert_num_queries: Any) -> None:
    answer = send(make_users(2), key="order:17:paid")

    with django_assert_num_queries(0):
        assert repr(answer) == "<Notifications: 2 new of event f28510e8-586b-5e49-b233-eef8520a7b10>"


def test_it_can_be_asked_as_a_queryset() -> None:
    answer = send(make_users(2))

    assert answer.queryset().filter(recipient__username="user1").count() == 1
    assert set(answer.queryset()) == set(rows())


def test_with_a_key_its_length_is_that_of_the_event_and_costs_one_query(
    django_assert_num_queries: Any,
) -> None:
    one, two, three = make_users(3)
    before = send([one, two], key="order:17:paid")
    assert (len(before), before.created, before.existing) == (2, 2, 0)
    [(_, answer)] = notify.send(one, verb="closed", recipient=[three, two, one], key="order:17:paid")

    with django_assert_num_queries(1):
        assert len(answer) == 3
        assert (answer.created, answer.existing) == (1, 2)
    assert [row.recipient for row in answer] == [three, two, one]
    assert answer.event.key == "order:17:paid"
