"""Who is told: every kind of ``recipient`` that there is. What is refused is in sending/test_arguments.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models import Count, Exists, OuterRef, Value
from django.utils.functional import SimpleLazyObject

from notifications import notify
from notifications.sending.audience import BATCH_SIZE, Users, resolve
from tests.factories import make_group, make_user, make_users, rows, told

pytestmark = pytest.mark.django_db


class Crowd:
    """Three users, two of them maintainers, and an actor who is none of them."""

    def __init__(self) -> None:
        self.actor = make_user("actor")
        self.ann, self.bob, self.cyd = (make_user(name) for name in ("ann", "bob", "cyd"))
        self.maintainers = make_group("maintainers", self.ann, self.bob)
        self.model: Any = get_user_model()
        self.users: Any = self.model._default_manager

    def send(self, recipient: Any) -> None:
        notify.send(self.actor, verb="closed", recipient=recipient)


@pytest.fixture
def crowd() -> Crowd:
    return Crowd()


def lazily(user: Any) -> Any:
    return SimpleLazyObject(lambda: user)


def one_by_one(*users: Any) -> Iterator[Any]:
    yield from users


@pytest.mark.parametrize(
    ("recipient", "names"),
    [
        (lambda c: c.ann, ["ann"]),
        (lambda c: lazily(c.ann), ["ann"]),
        (lambda c: c.actor, ["actor"]),
        (lambda c: c.maintainers, ["ann", "bob"]),
        (lambda c: make_group("nobody"), []),
        (lambda c: [c.cyd, c.ann], ["ann", "cyd"]),
        (lambda c: (c.cyd, c.ann), ["ann", "cyd"]),
        (lambda c: {c.cyd, c.ann}, ["ann", "cyd"]),
        (lambda c: frozenset([c.cyd]), ["cyd"]),
        (lambda c: {c.cyd: 1, c.ann: 2}.keys(), ["ann", "cyd"]),
        (lambda c: one_by_one(c.cyd, c.ann), ["ann", "cyd"]),
        (lambda c: (user for user in [c.cyd, c.ann]), ["ann", "cyd"]),
        (lambda c: map(lazily, [c.cyd, c.ann]), ["ann", "cyd"]),
        (lambda c: [], []),
        (lambda c: iter(()), []),
        (lambda c: [c.ann.pk, c.bob.pk], ["ann", "bob"]),
        (lambda c: [str(c.ann.pk)], ["ann"]),
        (lambda c: [c.ann, c.bob.pk, str(c.cyd.pk)], ["ann", "bob", "cyd"]),
        (lambda c: [c.ann] * 3, ["ann"]),
        (lambda c: iter([c.ann] * 3), ["ann"]),
        (lambda c: [c.ann, c.ann.pk, lazily(c.ann)], ["ann"]),
        (lambda c: c.users.raw(str(c.users.filter(username__gt="az").query).replace("az", "'az'")), ["bob", "cyd"]),
    ],
    ids=[
        "user", "lazy user", "the actor", "group", "empty group", "list", "tuple", "set", "frozenset", "dict keys",
        "generator", "generator expression", "map", "empty list", "empty iterator", "pks", "pks as text", "mixed",
        "three times", "three times by iterator", "three times in three ways", "raw query",
    ],
)  # fmt: skip
def test_users_may_be_named(crowd: Crowd, recipient: Callable[[Crowd], Any], names: list[str]) -> None:
    """In hq a tuple, a set and an iterator were a ValueError, and a user named twice was told twice."""
    crowd.send(recipient(crowd))

    assert told() == names


@pytest.mark.parametrize(
    ("queryset", "names"),
    [
        (lambda c: c.users.all(), ["actor", "ann", "bob", "cyd"]),
        (lambda c: c.users.none(), []),
        (lambda c: c.users.filter(pk__in=[]), []),
        (lambda c: c.users.filter(username="nobody"), []),
        (lambda c: c.users.exclude(pk=c.actor.pk), ["ann", "bob", "cyd"]),
        (lambda c: c.maintainers.user_set.all(), ["ann", "bob"]),
        (lambda c: c.users.order_by("-username"), ["actor", "ann", "bob", "cyd"]),
        (lambda c: c.users.order_by("username")[1:3], ["ann", "bob"]),
        (lambda c: c.users.order_by("username").reverse()[:1], ["cyd"]),
        (lambda c: c.users.filter(groups__isnull=False), ["ann", "bob"]),
        (lambda c: c.users.filter(groups__isnull=False).distinct(), ["ann", "bob"]),
        (lambda c: c.users.annotate(n=Count("groups")).filter(n=1), ["ann", "bob"]),
        (lambda c: c.users.annotate(x=Value("%s")).filter(x="%s", username__contains="n"), ["ann"]),
        (lambda c: c.users.filter(Exists(Group.objects.filter(user=OuterRef("pk")))), ["ann", "bob"]),
        (lambda c: c.users.filter(username="ann").union(c.users.filter(username="cyd")), ["ann", "cyd"]),
        (lambda c: c.users.filter(username="ann").union(c.users.none()), ["ann"]),
        (lambda c: c.users.filter(username="ann") | c.users.filter(username="cyd"), ["ann", "cyd"]),
        (lambda c: c.users.all().intersection(c.maintainers.user_set.all()), ["ann", "bob"]),
        (lambda c: c.users.all().difference(c.maintainers.user_set.all()), ["actor", "cyd"]),
        (lambda c: c.users.filter(username="ann").values_list("pk", flat=True), ["ann"]),
        (lambda c: c.users.filter(username="ann").values_list("username", "id"), ["ann"]),
        (lambda c: c.users.filter(username="ann").values("pk", "username"), ["ann"]),
        (lambda c: c.users.filter(username="ann").only("username"), ["ann"]),
        (lambda c: c.users.filter(username="ann").defer("username"), ["ann"]),
        (lambda c: c.users.filter(username="ann").prefetch_related("groups"), ["ann"]),
        (lambda c: c.users.filter(username="ann").select_for_update(), ["ann"]),
        (lambda c: c.users.using("default").filter(username="ann"), ["ann"]),
    ],
    ids=[
        "all", "none", "impossible", "nobody", "excluding", "related manager", "ordered", "slice", "first of reversed",
        "join", "distinct", "aggregate", "percent signs", "exists", "union", "union with none", "or", "intersection",
        "difference", "values_list of pks", "values_list of names", "values", "only", "defer", "prefetch",
        "for update", "using",
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", [None, "the same"], ids=["without key", "with key"])
def test_users_may_be_a_queryset(
    crowd: Crowd, queryset: Callable[[Crowd], Any], names: list[str], key: str | None
) -> None:
    [(_, response)] = notify.send(crowd.actor, verb="closed", recipient=queryset(crowd), idempotency_key=key)

    assert told() == names
    assert response.created == len(response) == len(names)


def test_a_user_whom_a_join_finds_twice_is_told_once(crowd: Crowd) -> None:
    make_group("also", crowd.ann)

    crowd.send(crowd.users.filter(groups__isnull=False))

    assert told() == ["ann", "bob"]


def test_a_union_keeps_its_slice_and_tells_nobody_twice(crowd: Crowd) -> None:
    one, two = (
        crowd.users.filter(username__in=["ann", "bob"]),
        crowd.users.filter(username__in=["bob", "cyd"]),
    )

    crowd.send(one.union(two, all=True).order_by("username")[1:])

    assert told() == ["bob", "cyd"]


@pytest.mark.parametrize("columns", [["pk"], ["id"], ["id", "username"]])
def test_the_parts_of_a_union_may_select_what_they_like_as_long_as_the_key_comes_first(
    crowd: Crowd, columns: list[str]
) -> None:
    one, two = (crowd.users.filter(username=name).values_list(*columns) for name in ("ann", "cyd"))

    crowd.send(one.union(two))

    assert told() == ["ann", "cyd"]


def test_a_queryset_that_was_read_before_is_asked_again(crowd: Crowd) -> None:
    queryset = crowd.users.filter(username__startswith="d")
    assert list(queryset) == []
    make_user("dan")

    crowd.send(queryset)

    assert told() == ["dan"]


def test_a_queryset_is_left_as_it_was(crowd: Crowd) -> None:
    queryset = crowd.users.order_by("-username")

    crowd.send(queryset)

    assert [user.username for user in queryset] == ["cyd", "bob", "ann", "actor"]


@pytest.mark.shape("swapped")
def test_a_proxy_of_the_user_model_is_the_user(crowd: Crowd) -> None:
    from tests.swapped.models import Reader

    reader = Reader.objects.get(username="ann")

    crowd.send(reader)
    crowd.send([Reader.objects.get(username="bob")])
    notify.send(crowd.actor, verb="closed", recipient=Reader.objects.filter(username="cyd"))

    assert told() == ["ann", "bob", "cyd"]
    assert [row.actor for row in rows()] == [crowd.actor] * 3


@pytest.mark.shape("swapped")
def test_a_multi_table_child_of_the_user_model_is_the_user(crowd: Crowd) -> None:
    from tests.swapped.models import Member

    one, two, three = (Member.objects.create(username=name, nickname=name) for name in ("mo", "mu", "my"))

    crowd.send(one)
    notify.send(crowd.actor, verb="closed", recipient=[two, crowd.ann])
    notify.send(crowd.actor, verb="closed", recipient=Member.objects.filter(nickname="my"))

    assert told() == ["ann", "mo", "mu", "my"]
    assert rows().filter(recipient=three.pk).count() == 1


@pytest.mark.shape("swapped")
def test_a_multi_table_child_as_the_actor_is_told_without_a_recipient() -> None:
    from tests.swapped.models import Member

    member = Member.objects.create(username="mo", nickname="mo")

    notify.send(member, verb="joined")

    row = rows().get()
    assert (row.recipient_id, row.actor) == (member.pk, member)


@pytest.mark.shape("swapped")
def test_a_user_model_whose_key_is_that_of_its_parent_can_be_named_by_it(settings: Any) -> None:
    from tests.swapped.models import Member

    member = Member.objects.create(username="mo", nickname="mo")
    settings.AUTH_USER_MODEL = "swapped.Member"

    audience = resolve([member, str(member.pk)])

    assert isinstance(audience, Users)
    assert list(audience.keys) == [member.pk, member.pk]


@pytest.mark.shape("custom_user")
def test_the_users_of_a_site_may_have_uuids_for_keys(crowd: Crowd) -> None:
    crowd.send([crowd.ann.pk, str(crowd.bob.pk), crowd.cyd.pk.hex])

    assert told() == ["ann", "bob", "cyd"]


def test_a_group_is_refused_where_users_have_none(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """A user model without ``PermissionsMixin`` has no groups. ``Quiet`` stands in for one; nothing is asked of it."""
    settings.AUTH_USER_MODEL = "testapp.Quiet"

    with pytest.raises(TypeError, match="recipient is a Group, but Quiet has no groups"):
        resolve(crowd.maintainers)


def test_members_of_a_collection_are_judged_before_anything_is_read_or_written(
    crowd: Crowd, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0), pytest.raises(TypeError, match="None"):
        notify.send(crowd.actor, verb="closed", recipient=[crowd.ann] * 2000 + [None])


def test_members_of_an_iterator_are_judged_as_they_come_by() -> None:
    users = make_users(3)
    passed: list[Any] = []

    def counted() -> Iterator[Any]:
        for user in users:
            passed.append(user)
            yield user

    audience = resolve(counted())

    assert isinstance(audience, Users)
    assert passed == []
    assert next(iter(audience.keys)) == users[0].pk
    assert passed == users[:1]


def test_batches_are_of_constant_size_and_name_nobody_twice() -> None:
    keys = [*range(BATCH_SIZE), *[7] * BATCH_SIZE, 1, 2, 1]

    assert [len(batch) for batch in Users(iter(keys)).batches()] == [BATCH_SIZE, 1, 2]
