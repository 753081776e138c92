"""The signals: ``notify`` goes in, ``notified`` comes out."""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path

import notifications
from notifications import notify
from notifications.conf import get_notification_model
from notifications.events import Event, event_uuid
from notifications.sending.handler import notify_handler
from notifications.signals import notified
from tests.factories import listening, make_group, make_user, make_users, moment, rows, told
from tests.testapp.models import Project


def tell(request: HttpRequest) -> HttpResponse:
    notify.send(request.user, verb="joined")
    if "fail" in request.GET:
        raise ValueError("after the fact")
    return HttpResponse()


async def tell_async(request: HttpRequest) -> JsonResponse:
    user = await request.auser()
    [(_, answer)] = await notify.asend(user, verb="joined")
    return JsonResponse({"told": [row.verb async for row in answer.queryset()]})


def no_users() -> Any:
    return get_user_model()._default_manager.none()


urlpatterns = [
    path("tell/", tell),
    path("atell/", tell_async),
    path("inbox/notifications/", include(notifications.urls)),
]


# notify


def test_notify_is_a_signal_under_each_of_its_names() -> None:
    from notifications.signals import notify as from_signals

    assert isinstance(notify, Signal)
    assert notifications.notify is from_signals is notify


def test_the_handler_is_connected_once_however_often_the_app_gets_ready() -> None:
    from django.apps import apps

    apps.get_app_config("notifications").ready()

    assert [receiver for receivers in notify._live_receivers(None) for receiver in receivers] == [
        notify_handler
    ]


def test_the_handler_can_be_disconnected_by_the_name_it_has_always_had() -> None:
    uid = "notifications.models.notification"
    assert notify.disconnect(dispatch_uid=uid)
    try:
        assert not notify.has_listeners()
        assert notify.send(object(), verb="closed") == []
    finally:
        notify.connect(notify_handler, dispatch_uid=uid)


@pytest.mark.django_db
def test_a_receiver_of_the_site_hears_what_was_sent() -> None:
    user = make_user()

    with listening(notify) as heard:
        answers = notify.send(user, verb="closed", foo="bar")

    assert [(each["sender"], each["signal"], each["verb"], each["foo"]) for each in heard] == [
        (user, notify, "closed", "bar")
    ]
    assert len(answers) == 2


@pytest.mark.django_db
def test_what_a_receiver_raises_reaches_the_caller() -> None:
    with pytest.raises(TypeError, match="verb is missing"):
        notify.send(make_user())  # type: ignore[call-arg]


@pytest.mark.django_db
@pytest.mark.parametrize("how", [notify.send, async_to_sync(notify.asend)], ids=["send", "asend"])
def test_an_unsaved_actor_is_refused_before_django_wants_its_hash(how: Any) -> None:
    with pytest.raises(ValueError, match=r"actor \(the sender\) must be saved"):
        how(Project(name="unsaved"), verb="closed")


# asend


@pytest.mark.django_db
def test_asend_answers_as_send_does() -> None:
    users = make_users(3)

    async def main() -> Any:
        return await notify.asend(users[0], verb="closed", recipient=users, foo="bar")

    [(handler, answer)] = async_to_sync(main)()

    assert handler is notify_handler
    assert len(answer) == 3
    assert [row.data for row in answer] == [{"foo": "bar"}] * 3
    assert told() == ["user0", "user1", "user2"]


@pytest.mark.django_db
def test_asend_raises_as_send_does() -> None:
    user = make_user()

    with pytest.raises(ValueError, match="level must be one of"):
        async_to_sync(notify.asend)(user, verb="closed", level="critical")
    assert rows().count() == 0


@pytest.mark.django_db
def test_the_answer_of_asend_is_the_list_that_it_is_in_the_older_packages() -> None:
    user = make_user()

    async def main() -> tuple[int, str, list[str]]:
        [(_, answer)] = await notify.asend(user, verb="closed")
        return len(answer), answer[0].verb, [row.verb async for row in answer.queryset()]

    assert async_to_sync(main)() == (1, "closed", ["closed"])


@pytest.mark.django_db
@pytest.mark.urls(__name__)
def test_an_async_view_may_notify(client: Any) -> None:
    user = make_user()
    client.force_login(user)

    assert client.get("/atell/").json() == {"told": ["joined"]}
    assert rows().get().recipient == user


@pytest.mark.django_db(transaction=True)
def test_many_tasks_of_one_loop_may_notify_at_once() -> None:
    users = make_users(5)

    async def main() -> None:
        await asyncio.gather(*(notify.asend(user, verb="closed", recipient=users) for user in users))

    async_to_sync(main)()

    assert rows().count() == 25
    assert rows().values("event").distinct().count() == 5


# notified


@pytest.mark.django_db
def test_notified_is_sent_once_for_each_event_after_commit(django_capture_on_commit_callbacks: Any) -> None:
    actor, users = make_user(), make_users(3)

    with listening(notified) as heard, django_capture_on_commit_callbacks(execute=True):
        notify.send(
            actor,
            verb="closed",
            recipient=users,
            timestamp=moment(2026, 1, 2),
            idempotency_key="order:17:paid",
            foo="bar",
        )
        assert heard == []
        assert rows().count() == 3

    [arguments] = heard
    assert arguments == {
        "signal": notified,
        "sender": get_notification_model(),
        "event": arguments["event"],
        "audience_size": 3,
        "using": "default",
    }
    event = arguments["event"]
    assert isinstance(event, Event)
    assert (event.actor, event.verb, event.timestamp) == (actor, "closed", moment(2026, 1, 2))
    assert (event.uuid, event.key, event.data) == (
        event_uuid("order:17:paid"),
        "order:17:paid",
        {"foo": "bar"},
    )


@pytest.mark.django_db
def test_its_event_is_that_of_the_rows(django_capture_on_commit_callbacks: Any) -> None:
    with listening(notified) as heard, django_capture_on_commit_callbacks(execute=True):
        notify.send(make_user(), verb="closed")
        notify.send(make_user("other"), verb="closed")

    assert [each["event"].uuid for each in heard] == [row.event for row in rows().order_by("pk")]
    assert all(isinstance(each["event"].uuid, UUID) for each in heard)


@pytest.mark.django_db
@pytest.mark.parametrize("recipient", [list, make_group, no_users], ids=["list", "group", "queryset"])
def test_notified_is_silent_where_nobody_was_told(
    recipient: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with listening(notified) as heard, django_capture_on_commit_callbacks(execute=True) as callbacks:
        notify.send(make_user(), verb="closed", recipient=recipient())

    assert (heard, callbacks) == ([], [])


@pytest.mark.django_db
def test_notified_counts_the_new_rows_only_and_is_silent_when_there_are_none(
    django_capture_on_commit_callbacks: Any,
) -> None:
    users = make_users(3)

    with listening(notified) as heard:
        for recipients in (users[:1], users, users):
            with django_capture_on_commit_callbacks(execute=True):
                notify.send(users[0], verb="closed", recipient=recipients, idempotency_key="order:17:paid")

    assert [each["audience_size"] for each in heard] == [1, 2]


@pytest.mark.django_db(transaction=True)
def test_without_a_transaction_notified_is_sent_before_send_returns() -> None:
    seen: list[int] = []

    with listening(notified, before=lambda **_: seen.append(rows().count())) as heard:
        notify.send(make_user(), verb="closed", recipient=make_users(3))
        assert len(heard) == 1

    assert seen == [3]


@pytest.mark.django_db(transaction=True)
def test_a_rollback_leaves_no_row_and_sends_no_signal() -> None:
    users = make_users(3)

    with listening(notified) as heard, transaction.atomic():
        notify.send(users[0], verb="closed", recipient=users)
        notify.send(users[0], verb="closed")
        assert rows().count() == 4
        transaction.set_rollback(True)

    assert (rows().count(), heard) == (0, [])


@pytest.mark.django_db(transaction=True)
def test_a_rollback_to_a_savepoint_takes_back_what_was_told_within() -> None:
    user = make_user()

    with listening(notified) as heard, transaction.atomic():
        with transaction.atomic():
            notify.send(user, verb="inner")
            transaction.set_rollback(True)
        notify.send(user, verb="outer")

    assert [each["event"].verb for each in heard] == ["outer"]
    assert [row.verb for row in rows()] == ["outer"]


@pytest.mark.django_db(transaction=True)
def test_a_listener_that_raises_disturbs_neither_the_sender_nor_the_other_listeners(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(**_: Any) -> None:
        raise ValueError("a listener of the site")

    user = make_user()
    with listening(notified, before=fail), listening(notified) as heard, caplog.at_level(logging.ERROR):
        notify.send(user, verb="closed")

    assert len(heard) == 1
    assert told() == ["justquick"]
    assert "a listener of the site" in caplog.text


@pytest.mark.django_db(transaction=True)
@pytest.mark.urls(__name__)
def test_under_atomic_requests_a_view_that_fails_tells_nobody(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    user = make_user()
    client.force_login(user)

    with listening(notified) as heard:
        with pytest.raises(ValueError, match="after the fact"):
            client.get("/tell/?fail")
        assert (rows().count(), heard) == (0, [])

        assert client.get("/tell/").status_code == 200
        assert len(heard) == 1
    assert told() == ["justquick"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.urls(__name__)
def test_without_atomic_requests_what_was_told_before_a_view_fails_stays_told(client: Any) -> None:
    user = make_user()
    client.force_login(user)

    with listening(notified) as heard, pytest.raises(ValueError, match="after the fact"):
        client.get("/tell/?fail")

    assert len(heard) == 1
    assert told() == ["justquick"]
