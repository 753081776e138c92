"""The receiver of ``notify``: who is told when nobody is named, and what becomes of what hq did to its rows."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db.models.signals import post_save

from notifications import notify
from notifications.conf import get_notification_model
from notifications.sending.handler import notify_handler
from tests.factories import listening, make_group, make_issue, make_project, make_user, make_users, rows, told
from tests.testapp.models import Issue, Project, Unhashable

pytestmark = pytest.mark.django_db


def test_without_a_recipient_the_actor_is_told_when_it_is_a_user() -> None:
    """In hq a missing recipient was a KeyError."""
    user = make_user()

    [(_, answer)] = notify.send(user, verb="reached level 10")

    assert [(row.recipient, row.actor) for row in answer] == [(user, user)]
    assert told() == ["justquick"]


def test_the_recipient_none_is_no_recipient() -> None:
    notify.send(make_user(), verb="reached level 10", recipient=None)

    assert told() == ["justquick"]


@pytest.mark.without_extensions
def test_without_a_recipient_and_a_user_nobody_is_told(django_assert_num_queries: Any) -> None:
    """What the log says of it is in sending/test_silence.py."""
    project = make_project()

    with django_assert_num_queries(0):
        [(handler, answer)] = notify.send(project, verb="was saved")

    assert (handler, answer) == (notify_handler, [])


def test_the_handler_can_be_wrapped_as_that_of_the_older_packages() -> None:
    """A site disconnects it, and connects one that calls it with the verb first and the rest as it came."""
    user = make_user()
    seen: list[Any] = []

    def custom(verb: Any, **kwargs: Any) -> Any:
        seen.append(verb)
        return notify_handler(verb, **kwargs)

    notify.disconnect(dispatch_uid="notifications.models.notification")
    notify.connect(custom)
    try:
        [(_, [row])] = notify.send(user, verb="closed", recipient=user, foo="bar")
    finally:
        notify.disconnect(custom)
        notify.connect(notify_handler, dispatch_uid="notifications.models.notification")

    assert (row.verb, row.recipient, row.actor, row.data) == ("closed", user, user, {"foo": "bar"})
    assert seen == ["closed"]


@pytest.mark.parametrize("call", ["send", "send_robust", "asend", "asend_robust"])
@pytest.mark.parametrize("sender", ["unsaved", "unhashable and unsaved", "class", "text"])
def test_all_four_ways_to_send_say_alike_what_cannot_act(call: str, sender: str) -> None:
    from asgiref.sync import async_to_sync

    actor: Any = {
        "unsaved": type(make_user("class"))(pk=None, username="new"),
        "unhashable and unsaved": Unhashable(name="new"),
        "class": Project,
        "text": "alice",
    }[sender]
    method: Any = getattr(notify, call)
    method = async_to_sync(method) if call.startswith("a") else method

    if call.endswith("robust"):
        [(handler, error)] = method(actor, verb="closed", recipient=make_user())
        assert handler is notify_handler
    else:
        with pytest.raises((TypeError, ValueError)) as caught:
            method(actor, verb="closed", recipient=make_user())
        error = caught.value

    assert str(error).startswith("actor (the sender) must be ")
    assert rows().count() == 0


@pytest.mark.parametrize("call", ["send", "send_robust", "asend", "asend_robust"])
def test_all_four_ways_to_send_take_an_actor_without_a_hash(call: str) -> None:
    """A model that defines ``__eq__`` alone has none, and Django looks senders up by it."""
    from asgiref.sync import async_to_sync

    actor = Unhashable.objects.get(pk=make_project().pk)
    method: Any = getattr(notify, call)
    method = async_to_sync(method) if call.startswith("a") else method

    [(_, [row])] = method(actor, verb="closed", recipient=make_user())

    assert row.actor_object_id == str(actor.pk)


def test_a_post_save_handler_without_anybody_to_tell_does_not_break_the_save() -> None:
    def my_handler(sender: Any, instance: Any, created: bool, **kwargs: Any) -> None:
        notify.send(instance, verb="was saved")

    with listening(post_save, Issue, before=my_handler) as saves:
        issue = make_issue()

    assert issue.pk
    assert len(saves) == 1
    assert rows().count() == 0


def test_an_empty_group_is_told_nothing_and_answers_an_empty_sequence() -> None:
    [(handler, answer)] = notify.send(make_user(), verb="closed", recipient=make_group())

    assert handler is notify_handler
    assert answer == []
    assert len(answer) == 0
    assert rows().count() == 0


def test_the_answer_is_a_pair_of_the_handler_and_its_rows() -> None:
    user = make_user()

    answer = notify.send(user, verb="closed", recipient=user)

    assert [receiver for receiver, _ in answer] == [notify_handler]
    assert answer == [(notify_handler, [rows().get()])]


def test_every_row_is_complete() -> None:
    actor, project, issue = make_user(), make_project(), make_issue()
    recipients = [make_user("brosner"), make_user("mitsuhiko")]

    notify.send(
        actor,
        verb="closed",
        recipient=recipients,
        action_object=issue,
        target=project,
        description="Fixed by a comment.",
        level="warning",
        public=False,
        emailed=True,
        foo="bar",
    )

    assert {row.recipient for row in rows()} == set(recipients)
    assert len({row.event for row in rows()}) == 1
    assert len({row.timestamp for row in rows()}) == 1
    for row in rows():
        assert (row.actor, row.verb, row.action_object, row.target) == (actor, "closed", issue, project)
        assert (row.description, row.level, row.public) == ("Fixed by a comment.", "warning", False)
        assert (row.unread, row.read_at, row.deleted, row.emailed) == (True, None, False, True)
        assert row.data == {"foo": "bar"}
        assert row.event.version == 7


@pytest.mark.without_extensions
def test_a_hundred_recipients_cost_three_statements(django_assert_num_queries: Any) -> None:
    """In hq they cost a hundred. Two of the three are the savepoint around the one that writes."""
    users = make_users(100)
    ContentType.objects.get_for_model(type(users[0]))

    with django_assert_num_queries(3):
        notify.send(users[0], verb="closed", recipient=users)

    assert rows().count() == 100


def test_the_handler_of_the_older_packages_is_where_it_was() -> None:
    from notifications.models import notify_handler as from_models

    assert from_models is notify_handler


def test_the_handler_can_be_called_without_the_signal() -> None:
    user = make_user()

    answer = notify_handler("closed", sender=user, recipient=user)

    assert list(answer) == [rows().get()]


def test_rows_are_of_the_sites_model() -> None:
    user = make_user()

    [(_, answer)] = notify.send(user, verb="closed")

    assert type(answer[0]) is get_notification_model()


@pytest.mark.parametrize(
    ("progress", "word"), [(5, "got 5"), ("bar", "'bar'"), ([], "got []")], ids=["number", "text", "list"]
)
def test_a_progress_that_cannot_be_called_is_refused(progress: Any, word: str) -> None:
    user = make_user()

    with pytest.raises(TypeError, match="on_progress must be callable") as caught:
        notify.send(user, verb="closed", on_progress=progress)

    assert word in str(caught.value)
    assert rows().count() == 0


@pytest.mark.parametrize(
    ("chunk_size", "error"),
    [(0, ValueError), (-1, ValueError), ("10", TypeError), (1.5, TypeError), (True, TypeError)],
)
def test_a_chunk_size_that_is_no_number_of_users_is_refused(chunk_size: Any, error: type[Exception]) -> None:
    user = make_user()

    with pytest.raises(error, match="fanout_chunk must be") as caught:
        notify.send(user, verb="closed", fanout_chunk=chunk_size)

    assert repr(chunk_size) in str(caught.value)
    assert rows().count() == 0
