"""What ``notify.send`` answers: a sequence that code written for a list can go on using."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import random
from itertools import chain
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
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
    actor = get_user_model()._base_manager.filter(username="justquick").first() or make_user()
    [(_, answer)] = notify.send(actor, verb="closed", recipient=recipient, **arguments)
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
    answer = send(make_users(2), idempotency_key="order:17:paid")

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
    before = send([one, two], idempotency_key="order:17:paid")
    assert (len(before), before.created, before.existing) == (2, 2, 0)
    [(_, answer)] = notify.send(
        one, verb="closed", recipient=[three, two, one], idempotency_key="order:17:paid"
    )

    with django_assert_num_queries(1):
        assert len(answer) == 3
        assert (answer.created, answer.existing) == (1, 2)
    assert [row.recipient for row in answer] == [three, two, one]
    assert answer.event.key == "order:17:paid"


def test_with_a_key_what_was_written_before_is_known_too() -> None:
    users = make_users(2)
    send(users, idempotency_key="order:17:paid")

    assert send(users, idempotency_key="order:17:paid").existing == 2


# All that a list can do


def send_to(count: int) -> Notifications[Any]:
    """Notify a queryset of users, whose rows come in the order of their primary keys, whatever those of users are."""
    pks = [user.pk for user in make_users(count)]
    return send(get_user_model()._base_manager.filter(pk__in=pks))


def plain(answer: Notifications[Any]) -> list[Any]:
    return list(answer.queryset())


#: What is done with a list, by the method of ``list`` that it is about. Each is done to the answer and to a plain list
#: of the same rows, and has to come to the same, and to leave the same behind.
DEEDS: dict[str, Any] = {
    "__add__": lambda x, row: x + [row],  # noqa: RUF005
    "__radd__": lambda x, row: [row] + x,  # noqa: RUF005
    "__mul__": lambda x, row: x * 2,
    "__rmul__": lambda x, row: 2 * x,
    "__iadd__": lambda x, row: x.__iadd__([row]) and None,
    "__imul__": lambda x, row: x.__imul__(2) and None,
    "__contains__": lambda x, row: (row in x, 5 in x, type(row)() in x),
    "__delitem__": lambda x, row: x.__delitem__(0),
    "__setitem__": lambda x, row: x.__setitem__(slice(1, 2), [row, row]),
    "__getitem__": lambda x, row: (x[0], x[-1], x[::2], x[1:]),
    "__iter__": lambda x, row: [one.pk for one in x],
    "__reversed__": lambda x, row: list(reversed(x)),
    "__len__": lambda x, row: (len(x), bool(x)),
    "__eq__": lambda x, row: (x == list(x), list(x) == x, x == [row], x == 5, x == tuple(x)[:0]),
    "__ne__": lambda x, row: (x != list(x), x != [row]),
    "__hash__": lambda x, row: x.__hash__,
    "__lt__": lambda x, row: failing(lambda: x < [row]),
    "__le__": lambda x, row: x <= list(x),
    "__gt__": lambda x, row: x > [],
    "__ge__": lambda x, row: x >= [],
    "__repr__": lambda x, row: isinstance(repr(x), str),
    "__reduce_ex__": lambda x, row: (copy.copy(x), [one.pk for one in copy.deepcopy(x)]),
    "__copy__": lambda x, row: copy.copy(x),
    "__init__": lambda x, row: isinstance(x, list),
    "__class_getitem__": lambda x, row: list[int],
    "append": lambda x, row: x.append(row),
    "clear": lambda x, row: x.clear(),
    "copy": lambda x, row: x.copy(),
    "count": lambda x, row: (x.count(row), x.count(x[0])),
    "extend": lambda x, row: x.extend([row, row]),
    "index": lambda x, row: (x.index(x[1]), failing(lambda: x.index(row)), failing(lambda: x.index(x[0], 1))),
    "insert": lambda x, row: x.insert(1, row),
    "pop": lambda x, row: (x.pop(), x.pop(0)),
    "remove": lambda x, row: (x.remove(x[1]), failing(lambda: x.remove(row))),
    "reverse": lambda x, row: x.reverse(),
    "sort": lambda x, row: x.sort(key=lambda one: -one.pk),
}

#: What no list has an own way of, or none that is about what is in it.
NOT_ABOUT_ROWS = {"__doc__", "__new__", "__getattribute__", "__sizeof__"}


def failing(act: Any) -> Any:
    """Return which error it raises, or what comes of it."""
    try:
        return act()
    except Exception as error:  # noqa: BLE001 - which one it is, is what the test compares
        return type(error)


def test_everything_that_a_list_can_do_is_tried_below() -> None:
    assert set(vars(list)) - NOT_ABOUT_ROWS <= {*DEEDS}
    assert set(DEEDS) - {"__class_getitem__"} <= {*vars(Notifications)}


@pytest.mark.parametrize("deed", DEEDS)
def test_it_does_all_that_a_list_does(deed: str) -> None:
    answer = send_to(3)
    [other] = send(make_users(1, "other"))
    mine = plain(answer)

    came = DEEDS[deed](answer, other)

    assert came == DEEDS[deed](mine, other)
    assert list(answer) == mine
    assert len(answer) == len(mine)
    assert rows().count() == 4


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("deed", DEEDS)
def test_it_does_so_too_where_its_rows_are_many(deed: str) -> None:
    answer = send_to(5)
    [other] = send(make_users(1, "other"))
    mine = plain(answer)

    assert DEEDS[deed](answer, other) == DEEDS[deed](mine, other)
    assert list(answer) == mine


def test_functions_that_take_a_list_take_it() -> None:
    answer = send_to(3)
    mine = plain(answer)

    assert sorted(answer, key=lambda row: -row.pk) == mine[::-1]
    assert json.dumps([row.pk for row in answer]) == json.dumps([row.pk for row in mine])
    assert [*answer] == mine
    assert list(enumerate(answer)) == list(enumerate(mine))
    assert list(zip(answer, mine, strict=True)) == list(zip(mine, mine, strict=True))
    assert [row.pk for row in pickle.loads(pickle.dumps(answer))] == [row.pk for row in mine]  # noqa: S301
    assert list(chain(answer, answer)) == mine * 2
    assert random.choice(answer) in mine  # noqa: S311
    kind: Any = type(answer)
    assert kind(row for row in answer) == mine
    # Django resolves each item, and makes another list of them.
    users = get_user_model()._base_manager.filter(notifications__in=answer)
    assert {*users} == {row.recipient for row in mine}
    mine.extend(answer)
    assert len(mine) == 6


def test_rows_that_were_changed_stay_changed_in_the_list() -> None:
    answer = send(make_users(2))

    answer[0].description = "changed"
    for row in answer:
        row.save()

    assert answer[0].description == "changed"
    assert rows().filter(description="changed").count() == 1


def test_nothing_that_is_done_to_the_list_is_done_to_the_table(django_assert_num_queries: Any) -> None:
    answer = send(make_users(2))

    with django_assert_num_queries(0):
        answer.clear()
        assert (len(answer), list(answer), bool(answer)) == (0, [], False)
    assert (answer.created, answer.existing, rows().count()) == (2, 0, 2)


# In async code, which must not query

USES: dict[str, Any] = {
    "length": len,
    "truth": bool,
    "first": lambda answer: answer[0].recipient_id,
    "iteration": lambda answer: [row.recipient_id for row in answer],
    "list": list,
    "equality": lambda answer: answer == list(answer),
    "addition": lambda answer: [1] + answer,  # noqa: RUF005 - the operator is tested
    "membership": lambda answer: answer[0] in answer,
}


def in_async_code(use: Any, call: str = "asend", **arguments: Any) -> Any:
    """Send, and use the answer in the event loop, where Django refuses to query."""
    actor = make_user("actor")
    recipients = make_users(3)

    async def send_and_use() -> Any:
        [(_, answer)] = await getattr(notify, call)(actor, verb="closed", recipient=recipients, **arguments)
        found = use(answer)
        return await found if inspect.isawaitable(found) else found

    return async_to_sync(send_and_use)()


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("call", ["asend", "asend_robust"])
@pytest.mark.parametrize("key", [None, "order:1"])
def test_the_rows_are_there_in_async_code(use: str, call: str, key: str | None) -> None:
    assert in_async_code(USES[use], call, idempotency_key=key)


async def all_of(answer: Any) -> list[Any]:
    return [row.recipient_id async for row in answer]


def test_few_rows_can_be_read_asynchronously() -> None:
    assert len(in_async_code(all_of)) == 3


@pytest.mark.django_db(transaction=True)
def test_many_rows_can_be_read_asynchronously(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result, "MAX_KEPT_ROWS", 2)
    assert len(in_async_code(all_of)) == 3


def test_a_receiver_of_the_site_can_return_anything_to_async_code() -> None:
    def custom(sender: Any, **arguments: Any) -> str:
        return "done"

    notify.connect(custom)
    try:
        answers = async_to_sync(notify.asend)(make_user("actor"), verb="closed", recipient=make_user())
    finally:
        notify.disconnect(custom)
    assert [answer for receiver, answer in answers if receiver is custom] == ["done"]
