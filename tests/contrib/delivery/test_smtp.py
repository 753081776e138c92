"""A real server for mails: what it answers, and what then becomes of a delivery."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.core import mail

from notifications import notify
from notifications.contrib.delivery.channels import email as emails
from notifications.contrib.delivery.models import Circuit, Delivery
from notifications.contrib.delivery.sending import Tally, deliver
from tests.factories import make_project, make_user, moment

pytestmark = pytest.mark.django_db


class Sink:
    """Keeps the mails, and answers as a test says: by the name in the address of the recipient."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, bytes]] = []
        self.peers: set[Any] = set()
        self.answers: dict[str, str] = {}

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        self.peers.add(session.peer)
        if answer := self.answers.get(f"rcpt {address}"):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if answer := self.answers.get("mail"):
            return answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        [address] = envelope.rcpt_tos
        answer = self.answers.get(f"data {address}", "250 OK")
        if answer == "think":
            # Longer than the client waits; the end of the test cancels it.
            await asyncio.sleep(600)
        if answer == "close":
            server.transport.close()
            return "421 closing"
        if answer == "take and close":
            self.mails.append((address, envelope.content))
            server.transport.close()
            return "421 closing"
        if answer.startswith("250"):
            self.mails.append((address, envelope.content))
        return answer


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(autouse=True)
def sink(settings: Any, port: int) -> Iterator[Sink]:
    """A server at which the site sends its mails."""
    settings.NOTIFICATIONS = {
        "DELIVERY_CHANNELS": {"email": {}},
        "DELIVERY_RUNNER": "none",
        "BASE_URL": "https://example.com",
    }
    backend = "django.core.mail.backends.smtp.EmailBackend"
    if hasattr(mail, "mailers"):
        settings.MAILERS = {"default": {"BACKEND": backend, "OPTIONS": {"host": "127.0.0.1", "port": port}}}
    else:
        settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = backend, "127.0.0.1", port
    found = Sink()
    controller = Controller(found, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield found
    finally:
        controller.stop()


def send(*names: str) -> None:
    users = [make_user(name, email=f"{name}@example.com") for name in names]
    notify.send(make_project(), verb="closed", recipient=users)


def statuses() -> dict[str, str]:
    found = Delivery.objects.values_list("recipient__username", "status")
    return dict(found)


def test_mails_arrive_over_one_connection_each_for_one_recipient(sink: Sink) -> None:
    send("ann", "bob", "eve")

    assert deliver() == Tally(sent=3)

    assert [address for address, _ in sink.mails] == ["ann@example.com", "bob@example.com", "eve@example.com"]
    assert len(sink.peers) == 1
    assert all(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in content for _, content in sink.mails)


@pytest.mark.parametrize(
    ("step", "answer", "status"),
    [
        ("rcpt", "450 later", "pending"),
        ("rcpt", "550 no such user", "failed"),
        ("data", "451 rate", "pending"),
        ("data", "554 policy", "failed"),
        ("data", "close", "pending"),
        ("data", "take and close", "pending"),
    ],
)
def test_what_happens_to_one_mail_happens_to_no_other(
    sink: Sink, step: str, answer: str, status: str
) -> None:
    sink.answers[f"{step} bob@example.com"] = answer
    send("ann", "bob", "eve")

    deliver()

    assert statuses() == {"ann": "sent", "bob": status, "eve": "sent"}
    tried = Delivery.objects.get(recipient__username="bob")
    assert (tried.attempts, tried.token) == (1, None)


def test_a_mail_that_may_have_arrived_is_sent_again_under_the_same_name(sink: Sink) -> None:
    sink.answers["data bob@example.com"] = "take and close"
    send("bob")
    deliver()
    sink.answers.clear()
    Delivery.objects.update(next_attempt_at=moment(2026, 1, 1))

    assert deliver() == Tally(sent=1)

    names = {re.search(rb"Message-ID:\s*(\S+)", content)[1] for _, content in sink.mails}  # type: ignore[index]
    assert len(sink.mails) == 2
    assert len(names) == 1


@pytest.mark.parametrize(
    ("answer", "status", "is_paused"),
    [("550 not from you", "pending", True), ("552 too large", "failed", False)],
)
def test_a_sender_that_is_refused_pauses_the_channel_and_a_size_fails_one_mail(
    sink: Sink, answer: str, status: str, is_paused: bool
) -> None:
    sink.answers["mail"] = answer
    send("ann", "bob")

    deliver()

    assert set(statuses().values()) == {status}
    assert Circuit.objects.exists() == is_paused
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {0 if is_paused else 1}
    sink.answers.clear()
    Circuit.objects.all().delete()
    deliver()
    assert len(sink.mails) == (2 if is_paused else 0)


def test_a_server_that_thinks_for_ever_about_a_mail_is_given_up_and_asked_again(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    monkeypatch.setattr(emails, "TIMEOUT", 0.2)
    sink.answers["data bob@example.com"] = "think"
    send("bob")

    assert deliver() == Tally(retried=1)

    tried = Delivery.objects.get()
    assert (tried.status, tried.attempts, tried.token) == ("pending", 1, None)
    sink.answers.clear()
    monkeypatch.setattr(emails, "TIMEOUT", 30)
    Delivery.objects.update(next_attempt_at=moment(2026, 1, 1))
    assert deliver() == Tally(sent=1)


def test_a_server_that_is_not_there_pauses_the_channel(settings: Any, sink: Sink) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nowhere = taken.getsockname()[1]
        if hasattr(mail, "mailers"):
            settings.MAILERS = {
                "default": {**settings.MAILERS["default"], "OPTIONS": {"host": "127.0.0.1", "port": nowhere}}
            }
        else:
            settings.EMAIL_PORT = nowhere
        send("ann", "bob")

        assert deliver() == Tally()

    assert set(statuses().values()) == {"pending"}
    assert Delivery.objects.filter(attempts=0, token=None).count() == 2
    assert "refused" in Circuit.objects.get().problem.lower()


def test_a_server_that_says_nothing_is_given_up(
    settings: Any, monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    monkeypatch.setattr(emails, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nowhere = silent.getsockname()[1]
        if hasattr(mail, "mailers"):
            settings.MAILERS = {
                "default": {**settings.MAILERS["default"], "OPTIONS": {"host": "127.0.0.1", "port": nowhere}}
            }
        else:
            settings.EMAIL_PORT = nowhere
        send("ann")

        assert deliver() == Tally()

    assert statuses() == {"ann": "pending"}
    assert "timed out" in Circuit.objects.get().problem
