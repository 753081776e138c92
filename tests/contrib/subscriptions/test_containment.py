"""What an event is about, what contains it, and that one object is one object on every database."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, models
from django.test.utils import isolate_apps
from django.utils.functional import SimpleLazyObject

from notifications.contrib.subscriptions import (
    describe,
    explain,
    mute,
    subject_of,
    unsubscribe,
    unwatch,
    watch,
)
from notifications.contrib.subscriptions.containment import object_key, parents_of
from notifications.contrib.subscriptions.models import Subscription
from notifications.objects import guard
from tests.contrib.subscriptions.models import (
    Branch,
    Mirror,
    Node,
    Note,
    Owner,
    Post,
    Readme,
    Repo,
    RepoProxy,
    Ticket,
)
from tests.contrib.subscriptions.things import (
    make_remark,
    make_repo,
    make_ticket,
    said,
    send,
    send_and_commit,
    told_why,
)
from tests.factories import make_user
from tests.testapp.models import BigThing, TextThing, UuidThing

pytestmark = pytest.mark.django_db

OWNERS = {"PARENTS": {"subscriptions.repo": "owner"}}


@pytest.fixture
def alice() -> Any:
    return make_user("alice")


@pytest.fixture
def bob() -> Any:
    return make_user("bob")


# What an event is about


def make_all() -> dict[str, Any]:
    """Return a comment on an issue in a repository of an owner, and others beside them."""
    ticket = make_ticket()
    post = Post.objects.create(name="post")
    return {
        "remark": make_remark(ticket),
        "ticket": ticket,
        "repo": ticket.repo,
        "owner": ticket.repo.owner,
        "post": post,
        "note": Note.objects.create(name="note", post=post),
        "other": make_repo("other"),
        "robot": make_user("robot"),
    }


#: By the names above: target, action object, actor, and what the event is about.
SUBJECTS = [
    ("repo", "ticket", "robot", "ticket"),
    ("ticket", "repo", "robot", "ticket"),
    ("owner", "ticket", "robot", "ticket"),
    ("ticket", "remark", "robot", "ticket"),
    ("repo", "remark", "robot", "repo"),
    ("ticket", None, "robot", "ticket"),
    (None, "ticket", "robot", "ticket"),
    ("repo", None, "robot", "repo"),
    ("other", "ticket", "robot", "other"),
    ("repo", None, "ticket", "ticket"),
    (None, None, "ticket", "ticket"),
    (None, None, "robot", None),
    ("post", "note", "robot", "post"),
    (None, "note", "robot", "post"),
    ("other", "note", "robot", "other"),
    ("robot", None, "robot", "robot"),
]


@pytest.mark.parametrize("contained", [{}, OWNERS], ids=["repositories at the top", "owners at the top"])
@pytest.mark.parametrize(("target", "action_object", "actor", "expected"), SUBJECTS)
def test_an_event_is_about_one_object(
    settings: Any,
    contained: Any,
    target: str | None,
    action_object: str | None,
    actor: str,
    expected: str | None,
) -> None:
    settings.NOTIFICATIONS = contained
    things = make_all()
    if contained == {} and (target, action_object) == ("owner", "ticket"):
        # Nothing says that the owner contains it.
        expected = "owner"
    if contained == {} and (target, action_object) == ("repo", "remark"):
        # Nothing contains the repository, so that its innermost object is no part of a conversation.
        expected = "remark"
    event: Any = describe(
        things[actor],
        verb="did",
        target=things.get(target or ""),
        action_object=things.get(action_object or ""),
    )
    assert subject_of(event) == things.get(expected or "")


@pytest.mark.parametrize("contained", [{}, OWNERS], ids=["repositories at the top", "owners at the top"])
def test_the_sentence_of_the_seed_never_takes_the_whole_repository(
    alice: Any, bob: Any, settings: Any, contained: Any
) -> None:
    """``notify.send(bob, verb="closed", action_object=issue, target=repo)``."""
    settings.NOTIFICATIONS = contained
    ticket = make_ticket()
    other = make_ticket("issue 3", ticket.repo)
    send_and_commit(bob, "closed", action_object=ticket, target=ticket.repo)
    send_and_commit(alice, "called", action_object=ticket, target=ticket.repo, recipient=[bob])
    assert [row[0] for row in said(bob)] == ["issue 2"]
    assert told_why(send(alice, "closed", action_object=other, target=ticket.repo)) == {}

    watch(bob, ticket.repo)
    mute(bob, ticket)
    assert told_why(send(alice, "closed", action_object=ticket, target=ticket.repo)) == {}
    assert told_why(send(alice, "closed", action_object=other, target=ticket.repo)) == {"bob": "subscribed"}


def test_what_an_event_is_about_counts_as_named_by_it(alice: Any, bob: Any) -> None:
    """Who takes part in a post is notified of a note, although no event names the post."""
    note = Note.objects.create(name="note", post=Post.objects.create(name="post"))
    send_and_commit(bob, action_object=note)
    assert [row[0] for row in said(bob)] == ["post"]
    assert told_why(send(alice, action_object=note)) == {"bob": "comment"}
    mute(bob, note.post)
    assert explain(bob, describe(alice, verb="liked", action_object=note)).rule == "muted"


@pytest.mark.parametrize(
    ("returned", "expected"), [(None, "note"), ("post", "note"), (Post(name="unsaved"), "note"), (7, "note")]
)
def test_what_a_model_says_an_event_is_about_may_be_nonsense(
    alice: Any, monkeypatch: pytest.MonkeyPatch, returned: Any, expected: str
) -> None:
    note = Note.objects.create(name="note", post=Post.objects.create(name="post"))
    monkeypatch.setattr(Note, "notifications_subject", lambda self: returned)
    assert str(subject_of(describe(alice, verb="wrote", action_object=note))) == expected


def test_what_is_not_among_the_parents_may_be_what_an_event_is_about(
    alice: Any, bob: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = Note.objects.create(name="note", post=Post.objects.create(name="post"))
    monkeypatch.setattr(Note, "notifications_parents", lambda self: None)
    watch(bob, note.post)
    assert told_why(send(alice, action_object=note)) == {"bob": "subscribed"}


# What contains an object


def raises(self: Any) -> Any:
    raise RuntimeError("no parents today")


def asks_nonsense(self: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nonsense FROM nowhere")


#: What a method of a model's may do, by name: what it is, and whether the log has a line.
METHODS: dict[str, tuple[Any, bool]] = {
    "nothing": (lambda self: None, False),
    "one": (lambda self: self.repo, False),
    "several": (lambda self: [self.repo, None], False),
    "a queryset": (lambda self: Repo.objects.filter(pk=self.repo_id), False),
    "an unsaved one": (lambda self: Repo(name="unsaved"), False),
    "a text": (lambda self: "repo", True),
    "a number": (lambda self: self.repo_id, True),
    "texts": (lambda self: [self.repo, "repo"], True),
    "an error": (raises, True),
    "an error of the database": (asks_nonsense, True),
    "no method": (7, True),
}


@pytest.mark.parametrize("method", METHODS)
def test_parents_that_cannot_be_had_cost_one_line_of_the_log(
    alice: Any, bob: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    ticket = make_ticket()
    watch(bob, ticket)
    guard.forget_faults()
    function, is_fault = METHODS[method]
    monkeypatch.setattr(Ticket, "notifications_parents", function)
    for _ in range(2):
        assert told_why(send(alice, target=ticket)) == {"bob": "subscribed"}
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == is_fault


def dangle(repo: Any) -> None:
    repo.owner_id = 0


def has_readme(repo: Any) -> None:
    Readme.objects.create(name="readme", repo=repo)


#: The attribute that the setting names, what happens to the object, and the names of its parents, the error.
ATTRIBUTES: list[tuple[Any, Callable[[Any], None] | None, list[str], str]] = [
    ("owner", None, ["owner"], ""),
    (["owner", "owner"], None, ["owner", "owner"], ""),
    ("ownr", None, [], "which does not exist"),
    (["ownr", "owner"], None, ["owner"], "which does not exist"),
    (7, None, [], "which does not exist"),
    ("owner", dangle, [], "DoesNotExist"),
    ("readme", None, [], ""),
    ("readme", has_readme, ["readme"], ""),
    ("ticket_set", None, [], "which holds several objects"),
    ("owner_id", None, [], "which holds a value and no object"),
    ("name", None, [], "which holds a value and no object"),
    ("pk", None, [], "a parent must be a model instance or None, got int"),
    ("get_next_by_name", None, [], "which does not exist"),
    ("delete", None, [], "which is a method"),
]


@pytest.mark.parametrize(("names", "happens", "parents", "problem"), ATTRIBUTES)
def test_an_attribute_that_cannot_be_had_costs_one_parent_and_one_line_of_the_log(
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    names: Any,
    happens: Callable[[Any], None] | None,
    parents: list[str],
    problem: str,
) -> None:
    settings.NOTIFICATIONS = {"PARENTS": {"subscriptions.repo": names}}
    guard.forget_faults()
    for number in range(2):
        repo = Repo.objects.get(pk=make_repo(f"repo {number}").pk)
        if happens:
            happens(repo)
        assert [str(parent) for parent in parents_of(repo)] == parents
        assert [str(parent) for parent in parents_of(repo)] == parents
    messages = [record.getMessage() for record in caplog.records]
    # A wrong setting is one fault; an object whose parent is gone is one fault each.
    expected = 0 if not problem else 1 if problem.startswith("which") else 2
    assert len(messages) == expected
    assert all(problem in message for message in messages)


def test_several_objects_of_a_many_to_many_field_are_no_parents(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.NOTIFICATIONS = {"PARENTS": {"subscriptions.readme": "topics"}}
    guard.forget_faults()
    readme = Readme.objects.create(name="readme", repo=make_repo())
    readme.topics.add(Owner.objects.create(name="owner"))
    assert parents_of(readme) == []
    assert "return them from a method notifications_parents()" in caplog.text


def test_a_lazy_object_that_no_object_points_to_has_no_parents_and_no_fault(
    settings: Any, caplog: Any
) -> None:
    settings.NOTIFICATIONS = {"PARENTS": {"subscriptions.repo": "readme"}}
    lazy: Any = SimpleLazyObject(make_repo)
    assert parents_of(lazy) == []
    assert caplog.text == ""


@pytest.mark.parametrize("label", ["subscriptions.repo", "subscriptions.repoproxy", "Subscriptions.Repo"])
@pytest.mark.parametrize("model", [Repo, RepoProxy, Mirror, Branch])
def test_parents_are_those_of_the_model_its_proxies_and_its_children(
    settings: Any, label: str, model: Any
) -> None:
    settings.NOTIFICATIONS = {"PARENTS": {label: "owner", "gone.model": "nothing", 7: "nothing"}}
    made = model.objects.create(name="repo", owner=Owner.objects.create(name="owner"))
    assert parents_of(made) == [made.owner]


def test_a_setting_that_is_no_dict_gives_nobody_parents(settings: Any) -> None:
    settings.NOTIFICATIONS = {"PARENTS": ["owner"]}
    assert parents_of(make_repo()) == []


# One object is one object


def same(model: Any, *keys: Any) -> list[Any]:
    """Return objects of a model with these primary keys, none of which is in the database."""
    return [model(pk=key, name="thing") for key in keys]


#: Different objects, which a database or a text may take for one.
DIFFERENT = {
    "case": same(TextThing, "abc", "ABC", "Abc"),
    "accents": same(TextThing, "resume", "résumé"),
    "spaces": same(TextThing, "abc", "abc ", " abc"),
    "letters that some alphabets do not tell apart": same(TextThing, "strasse", "straße", "\u0131", "i"),
    "colons": same(TextThing, "1", "1:1", ":1", "1:"),
    "models": [TextThing(pk="1"), BigThing(pk=1), Owner(pk=1), Post(pk=1)],
    "emoji": same(TextThing, "🐍", "🐝", "?"),
}
#: The same object in several forms.
HEX = uuid.UUID("550e8400-e29b-41d4-a716-446655440000")
SAME = {
    "numbers": same(BigThing, 7, "7", "07"),
    "uuids": same(UuidThing, HEX, str(HEX), HEX.hex, str(HEX).upper()),
    "proxies": [Repo(pk=7), RepoProxy(pk=7)],
    "children": [Repo(pk=7), Mirror(id=7, repo_ptr_id=7)],
}


@pytest.mark.parametrize("kind", DIFFERENT)
def test_two_objects_share_no_subscription(alice: Any, bob: Any, kind: str) -> None:
    things = DIFFERENT[kind]
    for thing in things:
        watch(bob, thing)
    assert Subscription.objects.count() == len(things)
    for thing in things:
        assert told_why(send(alice, target=thing)) == {"bob": "subscribed"}
        mute(bob, thing)
        assert told_why(send(alice, target=thing)) == {}
        assert Subscription.objects.filter(level="muted").count() == 1
        assert unwatch(bob, thing) is True
        watch(bob, thing)


@pytest.mark.parametrize("kind", SAME)
def test_one_object_has_one_subscription(alice: Any, bob: Any, kind: str) -> None:
    for thing in SAME[kind]:
        watch(bob, thing)
    assert Subscription.objects.count() == 1
    for thing in SAME[kind]:
        assert told_why(send(alice, target=thing)) == {"bob": "subscribed"}
    for thing in SAME[kind]:
        mute(bob, thing)
        assert told_why(send(alice, target=SAME[kind][0])) == {}
        watch(bob, SAME[kind][0])


def test_a_child_with_a_key_of_its_own_is_its_parent(alice: Any, bob: Any) -> None:
    owner = Owner.objects.create(name="owner")
    for _ in range(2):
        Repo.objects.create(name="other", owner=owner)
    branch = Branch.objects.create(name="branch", owner=owner)
    repo = Repo.objects.get(pk=branch.parent_id)
    assert branch.pk != repo.pk
    watch(bob, branch)
    assert told_why(send(alice, target=repo)) == {"bob": "subscribed"}
    mute(bob, repo)
    assert told_why(send(alice, target=branch)) == {}
    assert [row[0] for row in said(bob)] == ["branch"]
    assert object_key(branch) == object_key(repo)
    unsubscribe(bob, branch)
    assert Subscription.objects.count() == 1


@isolate_apps("tests.contrib.subscriptions")
def test_the_key_of_what_has_no_model_any_more_is_its_text() -> None:
    class Gone(models.Model):
        class Meta:
            app_label = "gone"

    assert object_key(Gone(pk=7)).startswith("7:")


def test_a_generator_that_follows_a_loop_of_parents_ends(
    alice: Any, bob: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = [Node.objects.create(name=str(number)) for number in range(3)]

    def ancestors(node: Node) -> Any:
        place = nodes.index(node)
        while True:
            place = (place + 1) % len(nodes)
            yield nodes[place]

    monkeypatch.setattr(Node, "notifications_parents", ancestors)
    watch(bob, nodes[2])
    assert told_why(send(alice, target=nodes[0])) == {"bob": "subscribed"}
