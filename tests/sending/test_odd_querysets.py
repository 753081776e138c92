"""Querysets as recipients that do not say who is meant: refused in words, before anything is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models import Count, F, QuerySet, Value
from django.db.models.functions import Length

from notifications import notify
from notifications.extensions import REASON, Extension
from notifications.sending import audience
from notifications.sending.odd_querysets import begins_with_key
from tests.factories import make_group, make_project, make_user, make_users, rows, told
from tests.testapp.models import Project

pytestmark = pytest.mark.django_db


class Crowd:
    """Ten users, of whom those from the third on have keys that no number of groups is."""

    def __init__(self) -> None:
        self.made = make_users(10)
        self.users: Any = get_user_model()._default_manager
        self.some = self.users.filter(username__in=["user7", "user8"])
        self.group = make_group("some", self.made[7], self.made[8])
        make_group("more", self.made[7], self.made[8])
        #: H7 of the core's faults: a number stands before the key.
        self.counted = self.users.annotate(n=Count("groups")).filter(n=2)


@pytest.fixture
def crowd() -> Crowd:
    return Crowd()


#: What cannot be used, and what the error says of it.
ODD: dict[str, tuple[Callable[[Crowd], Any], str]] = {
    "another column": (
        lambda c: c.some.values_list("username", flat=True),
        "selects username and not the primary key",
    ),
    "other columns": (lambda c: c.some.values("username", "email"), "selects username, email and not"),
    "a foreign key": (lambda c: c.some.values_list("groups", flat=True), "selects groups and not"),
    "a lookup": (lambda c: c.some.values_list("groups__pk", flat=True), "selects groups__pk and not"),
    "an expression": (lambda c: c.some.values_list(Length("username"), flat=True), "and not the primary key"),
    "F": (lambda c: c.some.values_list(F("groups")), "and not the primary key"),
    "named": (lambda c: c.some.values_list("username", named=True), "selects username and not"),
    "dates": (lambda c: c.some.dates("date_joined", "day"), "and not the primary key"),
    "groups of rows": (lambda c: c.users.values("is_active").annotate(n=Count("pk")), "selects is_active"),
    "another column of a union": (
        lambda c: c.some.union(c.some).values_list("username", flat=True),
        "selects username and not",
    ),
    "a union with a number first": (
        lambda c: c.counted.values("n", "pk").union(c.counted.values("n", "pk")),
        "parts select other columns before the primary key",
    ),
    "a union with a text first": (
        lambda c: c.some.values("username", "pk").union(c.some.values("username", "pk")),
        "parts select other columns before the primary key",
    ),
    "a union within a union": (
        lambda c: c.some.values("pk", "username").union(
            c.some.values("username", "pk").union(c.some.values("username", "pk"))
        ),
        "parts select other columns before the primary key",
    ),
    "a difference with a text first": (
        lambda c: c.some.values("username", "pk").difference(c.some.values("username", "pk")[:0]),
        "difference whose parts select other columns",
    ),
    "a union of which one part selects": (
        lambda c: c.some.union(c.some.values("pk")),
        "only some parts select columns",
    ),
    "a union with another model": (
        lambda c: c.some.values("pk").union(Project.objects.values("pk")),
        "is a queryset of Project",
    ),
    "another model": (lambda c: Project.objects.all(), "is a queryset of Project"),
    "keys of another model": (
        lambda c: Project.objects.values_list("pk", flat=True),
        "is a queryset of Project",
    ),
    "a through table": (
        lambda c: get_user_model().groups.through.objects.values_list("user_id", flat=True),
        "is a queryset of",
    ),
    "a manager": (lambda c: c.users, "recipient is a manager, not a queryset. Write .all() after it"),
    "a related manager": (lambda c: c.group.user_set, "Write .all() after it: group.user_set.all()"),
    "another manager": (lambda c: Project.objects, "Write .all() after it"),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize(
    "arguments", [{}, {"fanout_chunk": 2}, {"idempotency_key": "x"}], ids=["", "chunk", "key"]
)
def test_what_does_not_say_who_is_meant_is_refused_before_anything_is_read(
    crowd: Crowd, name: str, arguments: dict[str, Any], django_assert_num_queries: Any
) -> None:
    make, words = ODD[name]
    recipient = make(crowd)

    with django_assert_num_queries(0), pytest.raises(TypeError, match="recipient") as caught:
        notify.send(crowd.made[0], verb="closed", recipient=recipient, **arguments)

    assert words in str(caught.value)


def select(columns: str) -> str:
    return f"SELECT {columns} FROM {get_user_model()._meta.db_table}"  # noqa: S608 - only words of ours


#: What is odd and says who is meant, by the primary key or by being users.
USABLE: dict[str, Callable[[Crowd], Any]] = {
    "keys": lambda c: c.some.values_list("pk", flat=True),
    "keys by their column": lambda c: c.some.values_list("id"),
    "keys that are named": lambda c: c.some.values_list("id", named=True),
    "keys after another column": lambda c: c.some.values("username", "pk"),
    "all columns": lambda c: c.some.values(),
    "all columns and a number": lambda c: c.some.values().annotate(n=Count("groups")),
    "a number beside each user": lambda c: c.counted,
    "a number beside each key": lambda c: c.counted.values("n", "pk"),
    "a number beside each key of a slice": lambda c: c.counted.order_by("pk").values("n", "pk")[:2],
    "a union of counted users": lambda c: c.counted.union(c.counted),
    "the keys of a union of counted users": lambda c: c.counted.union(c.counted).values("pk"),
    "a union of keys": lambda c: c.some.values("pk").union(c.some.values("pk")),
    "a union of keys and numbers": lambda c: c.counted.values("pk", "n").union(c.counted.values("pk", "n")),
    "a union within a union": lambda c: c.some.union(c.some.union(c.some)),
    "a slice of a union": lambda c: c.some.union(c.some).order_by("pk")[:2],
    "an intersection": lambda c: c.users.all().intersection(c.some),
    "distinct": lambda c: c.users.filter(groups__isnull=False).distinct(),
    "a join": lambda c: c.users.filter(groups__isnull=False),
    "a slice in the order of a join": lambda c: c.some.order_by("groups__name")[:4],
    "the keys of such a slice": lambda c: c.some.order_by("groups__name").values("pk")[:4],
    "an extra table": lambda c: c.some.extra(tables=["auth_group"]),
    "an extra column": lambda c: c.some.annotate(x=Value(1)).order_by("x", "-pk"),
    "raw": lambda c: c.users.raw(f"{select('*')} WHERE username IN ('user7', 'user8')"),
    "raw with the key last": lambda c: c.users.raw(
        f"{select('username, id')} WHERE username IN ('user7', 'user8')"
    ),
    "an iterator": lambda c: c.some.iterator(),
    "a list of keys": lambda c: list(c.some.values_list("pk", flat=True)),
}


@pytest.mark.parametrize("name", USABLE)
@pytest.mark.parametrize(
    "arguments", [{}, {"fanout_chunk": 1}, {"idempotency_key": "x"}], ids=["", "chunk", "key"]
)
def test_what_says_who_is_meant_is_used(crowd: Crowd, name: str, arguments: dict[str, Any]) -> None:
    notify.send(crowd.made[0], verb="closed", recipient=USABLE[name](crowd), **arguments)

    assert told() == ["user7", "user8"]


@pytest.mark.backend("postgres")
def test_the_first_of_each_kind_are_used(crowd: Crowd) -> None:
    chosen = crowd.users.order_by("is_active", "username").distinct("is_active")

    notify.send(crowd.made[0], verb="closed", recipient=chosen)

    assert told() == ["user0"]


@pytest.mark.backend("postgres")
def test_a_user_who_is_the_first_of_several_kinds_is_notified_once(crowd: Crowd) -> None:
    chosen = crowd.some.order_by("groups__name", "username").distinct("groups__name")

    notify.send(crowd.made[0], verb="closed", recipient=chosen)

    assert told() == ["user7"]


def test_a_queryset_of_another_user_model_says_which_it_must_be_of() -> None:
    with pytest.raises(TypeError, match=r"recipient is a queryset of Group; it must be one of \w+"):
        notify.send(make_project(), verb="closed", recipient=Group.objects.all())


# What extensions return


class Answers(Extension):
    """An extension that answers what the test says."""

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        self.answer = answer

    def notifications_audience(self, event: Any, audience: Any) -> Any:
        return self.answer(audience)


def install(monkeypatch: pytest.MonkeyPatch, *answers: Callable[[Any], Any]) -> None:
    monkeypatch.setattr(audience, "audience_extensions", lambda: [Answers(answer) for answer in answers])


@pytest.mark.parametrize("named", [None, "user", "group", "queryset"])
@pytest.mark.parametrize("name", [*ODD, "list", "user", "text"])
def test_what_an_extension_returns_is_judged_alike(
    crowd: Crowd, name: str, named: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {"list": lambda c: c.made, "user": lambda c: c.made[0], "text": lambda c: "bob"}
    make = more[name] if name in more else ODD[name][0]
    install(monkeypatch, lambda _: make(crowd))
    recipient = {None: None, "user": crowd.made[0], "group": crowd.group, "queryset": crowd.some}[named]

    with pytest.raises(TypeError, match=r"test_odd_querysets.Answers.notifications_audience\(\) returned"):
        notify.send(crowd.made[0], verb="closed", recipient=recipient)

    assert rows().count() == 0


@pytest.mark.parametrize("named", [None, "users"])
@pytest.mark.parametrize("place", ["only", "first", "last"])
@pytest.mark.parametrize(
    "name", [name for name in USABLE if "raw" not in name and "iter" not in name and "list" not in name]
)
def test_every_queryset_of_users_is_a_good_answer_and_the_next_extension_can_filter_it(
    crowd: Crowd, name: str, place: str, named: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(_: Any) -> Any:
        return USABLE[name](crowd)

    def narrow(users: Any) -> Any:
        return None if users is None else users.filter(username="user8")

    answers: dict[str, list[Any]] = {"only": [answer], "first": [answer, narrow], "last": [narrow, answer]}
    install(monkeypatch, *answers[place])

    notify.send(make_project(), verb="closed", recipient=crowd.some if named else None)

    assert told() == (["user8"] if place == "first" else ["user7", "user8"])


def test_an_extension_that_cuts_its_answer_may_say_why(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, lambda _: crowd.some.annotate(**{REASON: Value("best")}).order_by("-username")[:1])

    notify.send(make_project(), verb="closed")

    assert [(row.recipient.username, row.reason) for row in rows()] == [("user8", "best")]


# Models that inherit from the user model


@pytest.mark.shape("swapped")
@pytest.mark.parametrize(
    "recipient",
    [
        lambda one: one,
        lambda one: [one],
        lambda one: type(one).objects.all(),
        lambda one: type(one).objects.order_by("pk")[:5],
        lambda one: type(one).objects.all().union(type(one).objects.all()),
        lambda one: type(one).objects.values("id"),
    ],
    ids=["user", "list", "queryset", "slice", "union", "values"],
)
@pytest.mark.parametrize("extended", [False, True], ids=["", "extended"])
def test_a_child_with_a_key_of_its_own_is_the_user_and_not_the_one_with_that_number(
    recipient: Callable[[Any], Any], extended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.swapped.models import Numbered

    make_users(3)
    one = Numbered.objects.create(username="one", number=get_user_model().objects.get(username="user1").pk)
    if extended:
        install(monkeypatch, lambda users: users)

    notify.send(one, verb="closed", recipient=recipient(one))

    assert told() == ["one"]


@pytest.mark.shape("swapped")
@pytest.mark.parametrize("cut", [False, True], ids=["whole", "slice"])
def test_an_extension_may_answer_with_such_a_child(cut: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.swapped.models import Numbered

    make_users(3)
    Numbered.objects.create(username="one", number=get_user_model().objects.get(username="user1").pk)
    chosen: Any = Numbered.objects.order_by("number")
    install(monkeypatch, lambda _: chosen[:1] if cut else chosen)

    notify.send(make_project(), verb="closed")

    assert told() == ["one"]


@pytest.mark.shape("swapped")
def test_the_key_of_such_a_child_does_not_say_who_is_meant() -> None:
    from tests.swapped.models import Numbered

    with pytest.raises(TypeError, match="selects pk and not the primary key of a user"):
        notify.send(make_user(), verb="closed", recipient=Numbered.objects.values_list("pk", flat=True))


@pytest.mark.shape("swapped")
def test_where_a_proxy_is_the_user_model_its_model_is_users_too(settings: Any) -> None:
    """Django's own foreign keys take either."""
    user = make_user()
    settings.AUTH_USER_MODEL = "swapped.Reader"

    recipients: list[Any] = [user, [user], QuerySet(type(user)), None]
    for recipient in recipients:
        notify.send(user, verb="closed", recipient=recipient)

    assert told() == ["justquick"] * 4


def test_a_foreign_key_leads_to_the_key_of_a_user() -> None:
    assert begins_with_key(rows().order_by().values_list("recipient").query, "default")
    assert not begins_with_key(rows().order_by().values_list("verb").query, "default")
