"""What sends: the command, and the runner that is woken after a commit."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import StringIO
from typing import Any

import pytest
from celery import Celery
from django.core.management import CommandError, call_command
from django.db import InterfaceError, InternalError, OperationalError as Lost, connection, transaction
from django.test.utils import CaptureQueriesContext
from kombu.exceptions import OperationalError

from notifications import notify
from notifications.contrib.delivery.management.commands import deliver_notifications
from notifications.contrib.delivery.models import Delivery
from notifications.contrib.delivery.preferences import choose
from notifications.contrib.delivery.runners import MAX_DELIVERIES, celery as celery_runner, inline, tasks
from notifications.contrib.delivery.sending import deliver
from tests.contrib.delivery.scripted import Scripted
from tests.factories import deleted_meanwhile, make_project, make_user, make_users, moment
from tests.waiting import join

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def channel(settings: Any) -> Iterator[type[Scripted]]:
    settings.NOTIFICATIONS = {
        "DELIVERY_CHANNELS": {"scripted": {"channel": "tests.contrib.delivery.scripted.Scripted"}},
        "DELIVERY_RUNNER": "none",
    }
    Scripted.forget()
    yield Scripted
    Scripted.forget()


def send(*users: Any) -> None:
    notify.send(make_project(), verb="closed", recipient=list(users))


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("deliver_notifications", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_the_command_sends_what_is_due_and_says_so() -> None:
    send(*make_users(2))

    assert command() == "2 sent, 0 skipped, 0 moved, 0 retried, 0 failed.\n"
    assert command("--database", "default") == "0 sent, 0 skipped, 0 moved, 0 retried, 0 failed.\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_sends_until_it_is_told_to_stop_and_then_finishes_its_message(number: int) -> None:
    send(*make_users(3))
    before = signal.getsignal(number)
    Scripted.steps = [None, lambda message: os.kill(os.getpid(), number)]

    assert command("--loop") == "2 sent, 0 skipped, 0 moved, 0 retried, 0 failed.\n"

    assert signal.getsignal(number) is before
    assert Delivery.objects.get(status="pending").token is None


def test_the_command_looks_again_after_each_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    ann, bob = make_users(2)
    send(ann)
    waited: list[float] = []

    class Stop(deliver_notifications.Stop):
        def wait(self, seconds: float) -> bool:
            waited.append(seconds)
            if len(waited) == 1:
                send(bob)
            return len(waited) == 3

    monkeypatch.setattr(deliver_notifications, "Stop", Stop)
    monkeypatch.setattr(deliver_notifications, "close_old_connections", lambda: None)

    assert command("--loop", "--interval", "7").count("1 sent") == 2
    assert waited == [7, 7, 7]


def test_a_signal_is_heard_at_any_moment_of_the_wait() -> None:
    """Also between two lines of it, where a lock of its own would never be free again."""

    def is_heard_at(number: int) -> bool:
        """Wait, with a signal at this line. Return whether it was heard: not if there is no such line."""
        stop, lines = deliver_notifications.Stop(), itertools.count(1)

        def trace(frame: Any, event: str, argument: Any) -> Any:
            if next(lines) == number:
                stop.set()
            return trace

        sys.settrace(trace)
        stop.wait(0)
        sys.settrace(None)
        return stop.is_set()

    heard: list[int] = []
    # Another thread has no trace of its own, such as that of coverage.
    thread = threading.Thread(
        target=lambda: heard.extend(itertools.takewhile(is_heard_at, itertools.count(1))), daemon=True
    )
    thread.start()
    join(thread)
    assert len(heard) > 3


def test_the_command_leaves_the_signals_alone_outside_the_main_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threading, "main_thread", lambda: None)
    monkeypatch.setattr(signal, "signal", None)
    assert command().startswith("0 sent")


def test_inline_sends_after_the_commit(settings: Any, django_capture_on_commit_callbacks: Any) -> None:
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "DELIVERY_RUNNER": "inline"}
    ann, bob = make_users(2)
    choose(bob, "", "scripted", "daily")

    with django_capture_on_commit_callbacks(execute=True):
        send(ann, bob)
        assert Scripted.sent == []

    assert [message.recipient for message in Scripted.sent] == [ann]


def test_inline_sends_no_more_than_a_few() -> None:
    send(*make_users(MAX_DELIVERIES + 1))

    inline.wake("default")

    assert len(Scripted.sent) == MAX_DELIVERIES


def test_inline_leaves_the_moments_of_digests_to_the_command() -> None:
    with CaptureQueriesContext(connection) as captured:
        inline.wake("default")

    assert not any("_delivery_schedule" in query["sql"] for query in captured)


def test_an_error_of_a_channel_does_not_reach_the_sender(
    settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "DELIVERY_RUNNER": "inline"}
    Scripted.steps = [ZeroDivisionError()]

    with django_capture_on_commit_callbacks(execute=True):
        send(make_user())

    assert Delivery.objects.get().attempts == 1


def test_a_task_of_django_sends_what_is_due(settings: Any, django_capture_on_commit_callbacks: Any) -> None:
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "DELIVERY_RUNNER": "tasks"}

    with django_capture_on_commit_callbacks(execute=True):
        send(make_user())

    # The backend that Django has without a setting runs tasks at once.
    assert len(Scripted.sent) == 1


def test_a_task_of_celery_sends_what_is_due(settings: Any, django_capture_on_commit_callbacks: Any) -> None:
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "DELIVERY_RUNNER": "celery"}
    app = Celery(set_as_current=True, broker="memory://")
    app.conf.task_always_eager = True

    with django_capture_on_commit_callbacks(execute=True):
        send(make_user())

    assert len(Scripted.sent) == 1
    assert app.tasks["notifications.deliver"].ignore_result


def celery_is_eager() -> None:
    Celery(set_as_current=True, broker="memory://").conf.task_always_eager = True


@pytest.mark.parametrize("runner", ["inline", "tasks", "celery"])
def test_no_runner_lets_the_sender_wait_for_more_than_a_few(
    settings: Any, django_capture_on_commit_callbacks: Any, runner: str
) -> None:
    # The backend of Django's tasks that is the default runs a task at once, and so does Celery's eager mode.
    celery_is_eager()
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "DELIVERY_RUNNER": runner}
    with django_capture_on_commit_callbacks(execute=True):
        send(*make_users(MAX_DELIVERIES + 1))
    assert len(Scripted.sent) == MAX_DELIVERIES
    assert command().startswith("1 sent")


@pytest.mark.parametrize("runner", [tasks, celery_runner], ids=["tasks", "celery"])
def test_a_worker_of_its_own_sends_all_that_is_due(runner: Any) -> None:
    celery_is_eager()
    send(*make_users(MAX_DELIVERIES + 1))
    runner.wake("default")
    assert len(Scripted.sent) == MAX_DELIVERIES + 1


def test_a_broker_that_is_down_does_not_reach_the_sender(
    settings: Any,
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "DELIVERY_RUNNER": "celery"}

    def refuse(using: str) -> None:
        raise OperationalError("refused")

    monkeypatch.setattr(celery_runner.send_deliveries, "delay", refuse)

    with django_capture_on_commit_callbacks(execute=True):
        send(make_user())

    assert "The runner celery failed" in caplog.text
    assert command().startswith("1 sent")


@pytest.fixture
def silent_redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A broker whose connections are accepted by the system, and answered by nobody."""
    monkeypatch.setattr(celery_runner, "TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.mark.parametrize("scheme", ["redis", "sentinel"])
def test_a_broker_that_says_nothing_is_given_up(silent_redis: socket.socket, scheme: str) -> None:
    problems: list[Exception] = []
    host, port = silent_redis.getsockname()
    broker = ";".join([f"{scheme}://{host}:{port}"] * 3)
    app = Celery(set_as_current=False, broker=broker)
    app.conf.broker_transport_options = {"master_name": "mymaster"} if scheme == "sentinel" else {}

    def wake() -> None:
        # Of this thread.
        app.set_current()
        try:
            celery_runner.wake("default")
        except OperationalError as error:
            problems.append(error)

    thread = threading.Thread(target=wake, daemon=True)
    thread.start()
    join(thread)
    assert "Timeout" in str(problems[0]) or "No master" in str(problems[0])
    # Each of the three is asked twice at most.
    for _ in range(3 * 2):
        with suppress(BlockingIOError):
            silent_redis.accept()[0].close()
    with pytest.raises(BlockingIOError):
        silent_redis.accept()


@pytest.mark.parametrize("error", [Lost, InterfaceError, InternalError])
def test_the_command_goes_on_when_the_server_is_restarted_or_read_only(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    send(make_user())
    lost = [error("gone")]

    def sometimes(*arguments: Any, **options: Any) -> Any:
        if lost:
            raise lost.pop()
        return deliver(*arguments, **options)

    class Stop(deliver_notifications.Stop):
        rounds = 0

        def wait(self, timeout: float | None = None) -> bool:
            self.rounds += 1
            return self.rounds == 2

    monkeypatch.setattr(deliver_notifications, "deliver", sometimes)
    monkeypatch.setattr(deliver_notifications, "close_old_connections", lambda: None)
    monkeypatch.setattr(deliver_notifications, "Stop", Stop)

    assert command("--loop").startswith("1 sent")
    lost.append(error("gone"))
    with pytest.raises(error):
        command()


@pytest.fixture
def manual() -> Iterator[None]:
    """Let each connection begin as with ``AUTOCOMMIT`` False: nothing is committed by itself."""
    transaction.set_autocommit(False)
    yield
    connection.rollback()
    transaction.set_autocommit(True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "run",
    [
        command,
        lambda: celery_runner.send_deliveries("default"),
        lambda: tasks.send_deliveries.call("default"),
    ],
)
def test_what_a_worker_sends_is_noted_also_where_nothing_is_committed_by_itself(
    run: Callable[[], Any], manual: None
) -> None:
    send(make_user())
    connection.commit()

    run()
    if not transaction.get_autocommit():
        # As when the connection is closed.
        connection.rollback()

    assert Delivery.objects.get().status == "sent"
    assert len(Scripted.sent) == 1


# The command that deletes


def prune(*arguments: str) -> str:
    out = StringIO()
    call_command("prune_deliveries", *arguments, stdout=out)
    return out.getvalue().strip()


def test_old_deliveries_that_are_not_pending_are_deleted() -> None:
    users = make_users(5)
    send(*users)
    *old, young = Delivery.objects.order_by("pk")
    Delivery.objects.exclude(pk=young.pk).update(due_at=moment(2026, 1, 1))
    Delivery.objects.exclude(pk=old[0].pk).update(status="sent")

    assert prune("--older-than=30d", "--dry-run") == "Would delete 3 deliveries."
    assert prune("--older-than=30d", "--chunk-size=2") == "Deleted 3 deliveries."

    assert set(Delivery.objects.values_list("pk", flat=True)) == {old[0].pk, young.pk}
    assert prune("--older-than=30d") == "Deleted 0 deliveries."


def test_only_the_deliveries_that_it_deleted_are_counted() -> None:
    send(*make_users(3))
    Delivery.objects.update(due_at=moment(2026, 1, 1), status="sent")
    first = Delivery.objects.order_by("pk")[0].pk

    with deleted_meanwhile(Delivery.objects.filter(pk=first)):
        assert prune("--older-than=30d") == "Deleted 2 deliveries."

    assert Delivery.objects.count() == 0


def test_deliveries_that_wait_for_the_end_of_a_long_pause_keep_none_that_is_old() -> None:
    users = make_users(6)
    send(*users)
    waiting = list(Delivery.objects.order_by("pk").values_list("pk", flat=True)[:4])
    Delivery.objects.filter(pk__in=waiting).update(due_at=moment(2999, 1, 1))
    Delivery.objects.exclude(pk__in=waiting).update(status="sent", due_at=moment(2026, 1, 1))

    assert prune("--older-than=30d", "--chunk-size=2") == "Deleted 2 deliveries."
    assert Delivery.objects.count() == 4


def test_what_was_due_late_keeps_none_that_is_old() -> None:
    users = make_users(6)
    send(*users)
    weekly = list(Delivery.objects.order_by("pk").values_list("pk", flat=True)[:4])
    Delivery.objects.update(status="sent")
    Delivery.objects.exclude(pk__in=weekly).update(due_at=moment(2026, 1, 1))

    assert prune("--older-than=30d", "--chunk-size=2") == "Deleted 2 deliveries."
    assert set(Delivery.objects.values_list("pk", flat=True)) == set(weekly)


def test_a_database_that_is_not_there_is_refused_by_its_name() -> None:
    with pytest.raises(CommandError, match="nope"):
        call_command("deliver_notifications", "--database", "nope")
