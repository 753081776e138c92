"""E-mail: what is in a mail, byte by byte, and what becomes of it."""

from __future__ import annotations

import email
import email.policy
import re
import smtplib
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.core.mail.backends.base import BaseEmailBackend
from django.test import Client
from django.test.utils import override_script_prefix
from django.urls import get_urlconf, set_urlconf
from django.utils import translation

from notifications import notify
from notifications.contrib.delivery import links
from notifications.contrib.delivery.channels import (
    Down,
    Failed,
    Message,
    Retry,
    Sent,
    email as emails,
    load_channel,
    mail as letters,
)
from notifications.contrib.delivery.channels.mail import Mail, compose, sender
from notifications.contrib.delivery.models import Circuit, Delivery, Schedule, StoppedAddress
from notifications.contrib.delivery.preferences import choose
from notifications.contrib.delivery.sending import Tally, deliver
from notifications.storage.databases import schema_of
from tests.factories import make_issue, make_notification, make_project, make_user, moment, rows

pytestmark = pytest.mark.django_db

HOST = "a-very-long-name-of-a-host.of-a-department.of-a-company.example.com"


#: By what the sender of an e-mail has a name.
LABEL_OF = "notifications.contrib.delivery.channels.mail.label_of"


@pytest.fixture(autouse=True)
def site(settings: Any) -> Any:
    settings.NOTIFICATIONS = {
        "DELIVERY_CHANNELS": {"email": {}},
        "DELIVERY_RUNNER": "none",
        "BASE_URL": f"https://{HOST}/",
    }
    settings.DEFAULT_FROM_EMAIL = "Tracker <noreply@example.com>"
    return settings


def make_reader(name: str = "ann", **columns: Any) -> Any:
    return make_user(name, email=f"{name}@Example.com", **columns)


def send(*users: Any, actor: Any = None, verb: str = "closed", **arguments: Any) -> None:
    arguments.setdefault("target", make_project())
    notify.send(actor or make_project("justquick"), verb=verb, recipient=list(users), **arguments)


def on_the_wire(letter: Any = None) -> bytes:
    found: bytes = (letter or mail.outbox[-1]).message().as_bytes()
    return found


def parsed(letter: Any = None) -> Any:
    return email.message_from_bytes(on_the_wire(letter), policy=email.policy.default)


def html(letter: Any = None) -> str:
    found: Any = letter or mail.outbox[-1]
    return str(found.alternatives[0][0])


def test_a_mail_goes_to_one_recipient_with_a_text_and_html() -> None:
    ann = make_reader()
    actor = make_user("justquick")
    send(ann, actor=actor, action_object=make_issue("issue 2"), target=make_project("activity-stream"))

    assert deliver() == Tally(sent=1)

    [letter] = mail.outbox
    assert (letter.to, letter.cc, letter.bcc) == (["ann@Example.com"], [], [])
    assert letter.subject == "activity-stream"
    assert letter.from_email == "justquick via Tracker <noreply@example.com>"
    assert letter.body.startswith("justquick closed issue 2 on activity-stream\n")
    assert f"https://{HOST}/" in letter.body
    assert 'lang="en" dir="ltr"' in html()
    assert "activity-stream</bdi></a>" in html()
    assert len(on_the_wire()) < 30_000
    delivery = Delivery.objects.get()
    assert delivery.reference == parsed()["Message-ID"].strip()
    # What Anymail hands to the service, which reports it back.
    assert vars(letter)["metadata"] == {"delivery": str(delivery.pk)}
    assert vars(letter)["tags"] == ["other"]
    for text in (letter.body, html()):
        assert "{{" not in text
        assert "None" not in text
        assert "http://" not in text


def test_a_mail_has_what_was_written_beside_the_notification() -> None:
    ann = make_reader()
    send(ann, actor=make_user("bob"), description="Please look:\n\n  a < b \x1b[31m & c\n" + "x" * 3000)
    deliver()

    [letter] = mail.outbox
    lines = letter.body.splitlines()
    assert lines[0].startswith("bob closed ")
    assert lines[1:5] == ["", "> Please look:", ">", ">   a < b [31m & c"]
    assert "Please look:\n\n  a &lt; b [31m &amp; c\nxxx" in html()
    for text in (letter.body, html()):
        assert 1900 < text.count("x") < 2100
        assert "x…" in text
    assert len(on_the_wire()) < 30_000


def test_a_digest_has_the_beginning_of_it_in_one_line() -> None:
    ann = make_reader()
    choose(ann, "", "email", "daily")
    send(ann, description="Please look:\n\na < b " + "x" * 3000)
    send(ann)
    Delivery.objects.update(next_attempt_at=moment(2026, 1, 1))
    deliver()

    [letter] = mail.outbox
    quotes = [line for line in letter.body.splitlines() if ">" in line]
    assert len(quotes) == 1
    assert quotes[0].startswith("  > Please look: a < b xxx")
    assert len(quotes[0]) == len("  > ") + 200
    assert "Please look: a &lt; b xxx" in html()


@pytest.mark.parametrize("frequency", ["instant", "daily"])
def test_the_text_that_was_written_about_a_hidden_object_is_in_no_mail(
    frequency: str, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = make_reader()
    [row] = [make_notification(ann, target=make_project("secret"), description="the secret plan")]
    monkeypatch.setattr(type(row), "is_hidden", True)
    message = Message(
        key="1.x", recipient=ann, address="ann@example.com", notifications=[row], frequency=frequency
    )
    letter = compose(message, channel="email", from_email="noreply@example.com")
    assert "secret plan" not in letter.body
    assert "secret plan" not in html(letter)


class Counting(BaseEmailBackend):
    """A backend that sends nothing and returns what a test wants."""

    answer: Any = None

    def send_messages(self, email_messages: Any) -> Any:
        return self.answer


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (1, Tally(sent=1)),
        (None, Tally(sent=1)),
        (True, Tally(sent=1)),
        ([], Tally(sent=1)),
        (0, Tally(failed=1)),
        (False, Tally(failed=1)),
    ],
)
def test_a_backend_that_sends_nothing_without_an_error_has_not_sent_it(
    site: Any, monkeypatch: pytest.MonkeyPatch, answer: Any, expected: Tally
) -> None:
    backend = f"{__name__}.Counting"
    if hasattr(mail, "mailers"):
        site.MAILERS = {"default": {"BACKEND": backend}}
    else:
        site.EMAIL_BACKEND = backend
    monkeypatch.setattr(Counting, "answer", answer)
    send(make_reader())

    assert deliver() == expected
    assert Delivery.objects.get().problem == ("The mail backend sent nothing." if expected.failed else "")


def test_the_headers_are_whole_on_the_wire() -> None:
    ann = make_reader()
    send(ann, recipient_reason="mention", target=make_project("pinax"))
    deliver()

    lines = re.sub(rb"\r?\n[ \t]+", b" ", on_the_wire().split(b"\n\n")[0]).split(b"\n")
    headers = {name: value.strip() for name, value in (line.split(b":", 1) for line in lines)}
    url = headers[b"List-Unsubscribe"].decode()
    assert re.fullmatch(rf"<https://{re.escape(HOST)}/inbox/settings/u/[\w:.\-]+/>", url.strip())
    assert headers[b"List-Unsubscribe-Post"] == b"List-Unsubscribe=One-Click"
    assert b"=?" not in b"".join(headers.values())
    delivery = Delivery.objects.get()
    row = delivery.notification
    assert row.event
    assert headers[b"Message-ID"].decode() == f"<{delivery.pk}.{row.event.hex}@{HOST}>"
    assert headers[b"References"] == headers[b"In-Reply-To"]
    assert headers[b"References"].startswith(b"<thread.")
    assert headers[b"List-Id"].decode() == f"<other.notifications.{HOST}>"
    assert headers[b"X-Notification-Reason"] == b"mention"
    assert headers[b"Auto-Submitted"] == b"auto-generated"
    assert headers[b"Precedence"] == b"list"


def test_the_mails_of_a_thread_have_one_subject_and_one_root() -> None:
    ann, bob = make_reader(), make_reader("bob")
    pinax, other = make_project("pinax"), make_project("pinax")
    for target in (pinax, other):
        send(ann, bob, target=target)
        send(ann, bob, target=target, verb="commented on")
    deliver()

    letters = [parsed(letter) for letter in mail.outbox]
    assert {letter["Subject"] for letter in letters} == {"pinax"}
    assert len({letter["References"] for letter in letters}) == 2
    assert len({letter["Message-ID"] for letter in letters}) == len(letters) == 8


@pytest.mark.parametrize("frequency", ["instant", "daily"])
def test_a_name_turns_no_line_of_a_mail_round(frequency: str) -> None:
    reader = make_reader()
    if frequency == "daily":
        choose(reader, "", "email", "daily")
    send(reader, target=make_project("Bud\u202eget"), actor=make_user("mal\u202elory"))
    Delivery.objects.update(next_attempt_at=moment(2026, 1, 1))
    deliver()
    [letter] = mail.outbox
    assert "\u202e" not in f"{letter.subject} {letter.from_email} {letter.body}"
    assert "Budget" in (letter.subject if frequency == "instant" else letter.body)


def test_a_mail_about_nothing_but_its_actor_has_a_sentence_as_subject() -> None:
    ann = make_reader()
    notify.send(make_project("justquick"), verb="reached level 10", recipient=ann)
    deliver()

    [letter] = mail.outbox
    assert letter.subject == "justquick reached level 10"
    assert "References" not in parsed()


def test_a_retry_has_the_same_message_id() -> None:
    send(make_reader())
    [message] = messages()
    first, second = (compose(message, channel="email", from_email="a@example.com") for _ in range(2))
    assert first.extra_headers["Message-ID"] == second.extra_headers["Message-ID"]


def messages(frequency: str = "instant", **options: Any) -> list[Message]:
    found = []
    for delivery in Delivery.objects.all():
        row = rows().with_objects().get(pk=delivery.notification_id)
        found.append(
            Message(
                key=f"{delivery.pk}.{row.event.hex}",
                recipient=row.recipient,
                address=row.recipient.email,
                notifications=[row],
                frequency=frequency,
                **options,
            )
        )
    return found


def test_a_mail_has_a_tag_whatever_the_letters_of_its_verb(make_type: Any) -> None:
    make_type("commented on")
    make_type("прокомментировал")
    for verb in ("commented on", "прокомментировал", "closed"):
        send(make_reader(f"reader{len(verb)}"), verb=verb)
    deliver()

    assert sorted(tag for letter in mail.outbox for tag in vars(letter)["tags"]) == [
        "commented-on",
        "other",
        "other",
    ]


def test_what_is_critical_has_no_link_to_unsubscribe(make_type: Any) -> None:
    make_type("closed", critical=True, category="security")
    send(make_reader())
    deliver()

    assert "List-Unsubscribe" not in parsed()
    assert "Unsubscribe" not in mail.outbox[0].body + html()
    assert parsed()["List-Id"].strip() == f"<security.notifications.{HOST}>"


def test_a_mail_is_in_the_language_and_the_direction_of_its_reader() -> None:
    ann, bob = make_reader(), make_reader("bob")
    Schedule.objects.create(user=ann, language="ar")
    send(ann, bob)
    with translation.override("de"):
        deliver()

    assert ['lang="ar" dir="rtl"' in html(letter) for letter in mail.outbox] == [True, False]


@pytest.mark.parametrize(("code", "prefix"), [("en-us", "en"), ("de-at", "de"), ("en-gb", "en-gb")])
def test_the_links_of_a_mail_are_in_a_language_that_the_urls_have(
    client: Client, settings: Any, code: str, prefix: str
) -> None:
    settings.LANGUAGE_CODE = code
    settings.ROOT_URLCONF = "tests.contrib.delivery.urls_by_language"
    # As in a worker, which has the language of the site.
    with translation.override(code):
        send(make_reader())
        deliver()

    links = re.findall(rf"https://{HOST}(/{prefix}/\S+)", str(mail.outbox[0].body))
    assert [client.get(link).status_code for link in links] == [200, 200]


def test_a_site_whose_own_language_is_not_among_its_languages_sends_mails(settings: Any) -> None:
    settings.LANGUAGES = [("de", "German")]
    settings.LANGUAGE_CODE = "fr"
    send(make_reader())

    assert deliver() == Tally(sent=1)
    assert 'lang="fr"' in html()


def test_the_links_of_a_mail_are_those_of_the_site_in_a_request_with_other_urls() -> None:
    send(make_reader())
    set_urlconf("tests.contrib.delivery.no_urls")
    try:
        deliver()
        assert get_urlconf() == "tests.contrib.delivery.no_urls"
    finally:
        set_urlconf(None)

    assert "/inbox/settings/u/" in parsed()["List-Unsubscribe"]


def test_a_digest_shows_its_threads_and_how_many_others_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    ann = make_reader()
    choose(ann, "", "email", "daily")
    monkeypatch.setattr(emails.Channel, "max_notifications", 3)
    pinax = make_project("pinax")
    for verb in ("opened", "closed"):
        send(ann, target=pinax, verb=verb)
    send(ann, verb="renamed", target=make_project("django"))
    notify.send(pinax, verb="slept", recipient=ann)
    Delivery.objects.update(next_attempt_at=moment(2026, 1, 1))

    assert deliver() == Tally(sent=4)

    [letter] = mail.outbox
    assert letter.subject == "4 new notifications"
    assert letter.from_email == "Tracker <noreply@example.com>"
    assert "and 1 more" in letter.body
    assert "and 1 more" in html()
    assert letter.body.index("\ndjango\n") < letter.body.index("\npinax\n")
    assert f"https://{HOST}/inbox/notifications/" in letter.body
    assert parsed()["List-Id"].strip() == f"<digest.notifications.{HOST}>"
    assert parsed()["List-Unsubscribe"]
    assert "References" not in parsed()


XSS = "<script>alert(1)</script>\"'&\r\nBcc: x@example.com"


def test_a_name_can_do_nothing_in_a_mail(make_type: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = make_reader()
    actor = make_user(XSS)
    said = {"actor": actor, "target": make_project(XSS), "description": XSS}
    send(ann, **said, verb="<i>closed</i>", recipient_reason="<b>\r\nX: y")
    deliver()
    choose(ann, "", "email", "daily")
    send(ann, **said, recipient_reason="<b>")
    Delivery.objects.filter(status="pending").update(next_attempt_at=moment(2026, 1, 1))
    assert deliver() == Tally(sent=1)

    for letter in mail.outbox:
        assert "<script" not in html(letter)
        assert "<i>" not in html(letter)
        assert "<b>" not in html(letter)
        found = parsed(letter)
        assert set(found.keys()) <= {
            "Content-Type", "MIME-Version", "Subject", "From", "To", "Date", "Message-ID", "List-Id",
            "X-Notification-Reason", "Auto-Submitted", "X-Auto-Response-Suppress", "Precedence", "In-Reply-To",
            "References", "List-Unsubscribe", "List-Unsubscribe-Post",
        }  # fmt: skip
        assert found["From"].addresses[0].addr_spec == "noreply@example.com"
        assert len(found["From"].addresses) == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ann", "Ann via Tracker <noreply@example.com>"),
        ('Ann, "x" boss@corp', '"Ann, \\"x\\" boss@corp via Tracker" <noreply@example.com>'),
        ("A\r\nBcc: b@c", '"A Bcc: b@c via Tracker" <noreply@example.com>'),
        ("x" * 400, "Tracker <noreply@example.com>"),
    ],
)
def test_the_name_of_the_actor_is_never_an_address(
    name: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LABEL_OF, lambda row, key: name)
    message = Message(key="1", recipient=None, address="", notifications=[None])
    assert sender(message, "Tracker <noreply@example.com>") == expected


def test_a_sender_without_a_name_has_that_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LABEL_OF, lambda row, key: "Ann" if key == "actor" else "")
    message = Message(key="1", recipient=None, address="", notifications=[None])
    assert sender(message, "noreply@example.com") == f'"Ann via {HOST}" <noreply@example.com>'


def test_a_subject_is_short_and_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project()
    monkeypatch.setattr(type(project), "__str__", lambda self: "x\n" * 200)
    send(make_reader(), target=project)
    deliver()
    assert len(mail.outbox[0].subject) == 150
    assert "\n" not in mail.outbox[0].subject


def test_templates_can_be_written_for_a_type_and_a_category(settings: Any, make_type: Any) -> None:
    make_type("closed", category="work")
    make_type("opened", category="work")
    settings.TEMPLATES = [
        {
            **settings.TEMPLATES[0],
            "APP_DIRS": False,
            "OPTIONS": {
                **settings.TEMPLATES[0]["OPTIONS"],
                "loaders": [
                    (
                        "django.template.loaders.locmem.Loader",
                        {
                            "notifications/email/types/closed/subject.txt": "Closed: {{ subject }}",
                            "notifications/email/categories/work/body.txt": "Work: {{ threads.0.0 }}",
                        },
                    ),
                    "django.template.loaders.app_directories.Loader",
                ],
            },
        }
    ]
    ann = make_reader()
    for verb in ("closed", "opened"):
        send(ann, verb=verb, target=make_project("pinax"))
    deliver()

    assert [letter.subject for letter in mail.outbox] == ["Closed: pinax", "pinax"]
    assert {letter.body for letter in mail.outbox} == {"Work: pinax\n"}


# Whom it reaches


def test_a_stopped_address_and_an_empty_one_are_not_reached() -> None:
    ann, bob = make_reader(), make_reader("bob")
    nobody = make_user("nobody")
    StoppedAddress.objects.create(channel="email", address="ann@example.com")
    StoppedAddress.objects.create(channel="sms", address="bob@example.com")

    send(ann, bob, nobody)

    assert [one.recipient for one in Delivery.objects.all()] == [bob]
    assert emails.Channel("email").address(nobody) == ""


# What a server answers

BOB = "bob@example.com"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (smtplib.SMTPRecipientsRefused({BOB: (450, b"later")}), Retry("450 later")),
        (smtplib.SMTPRecipientsRefused({BOB: (550, b"no user")}), Failed("550 no user", stop=True)),
        (smtplib.SMTPDataError(451, b"rate"), Retry("451 rate")),
        (smtplib.SMTPDataError(554, b"policy"), Failed("554 policy")),
        (smtplib.SMTPSenderRefused(552, b"too big", "a@b"), Failed("552 too big")),
        (smtplib.SMTPSenderRefused(530, b"log in", "a@b"), Down("530 log in")),
        (smtplib.SMTPAuthenticationError(535, b"no"), Down("535 no")),
        (smtplib.SMTPConnectError(421, b"no"), Down("421 no")),
        (smtplib.SMTPHeloError(500, b"no"), Down("500 no")),
        (smtplib.SMTPServerDisconnected("gone"), Retry("SMTPServerDisconnected: gone")),
        (TimeoutError("slow"), Retry("TimeoutError: slow")),
        (smtplib.SMTPNotSupportedError("utf8"), Failed("SMTPNotSupportedError: utf8")),
        (ValueError("bad"), Failed("ValueError: bad")),
        (emails.NotConnected("refused"), Down("refused")),
        (ZeroDivisionError("x"), Retry("ZeroDivisionError: x")),
    ],
)
def test_an_error_means_for_now_for_good_or_the_whole_channel(error: Exception, outcome: Any) -> None:
    assert emails.outcome_of(error) == outcome


@pytest.mark.parametrize(
    ("status", "kind"), [(429, Retry), (500, Retry), (503, Retry), (400, Failed), (401, Failed)]
)
def test_the_api_of_a_service_answers_by_its_status(status: int, kind: type) -> None:
    error = RuntimeError("no")
    vars(error)["status_code"] = status
    assert isinstance(emails.outcome_of(error), kind)


class AnymailError(Exception):
    """As the one of Anymail."""

    email_message = object()


class RecipientsRefusedError(AnymailError):
    """As the one of Anymail."""


class RefusedError(Exception):
    """One that says nothing of a mail."""


@pytest.mark.parametrize("kind", [AnymailError, RefusedError])
def test_an_error_that_does_not_refuse_a_recipient_is_tried_again(kind: type[Exception]) -> None:
    assert emails.outcome_of(kind("no")) == Retry(f"{kind.__name__}: no")


def test_a_service_that_refused_the_recipient_stops_the_address() -> None:
    outcome = emails.outcome_of(RecipientsRefusedError("no"))
    assert isinstance(outcome, Failed)
    assert outcome.stop


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("sent", Sent("42")),
        ("queued", Sent("42")),
        ("rejected", Failed("The service answered: rejected.", stop=True)),
        ("invalid", Failed("The service answered: invalid.", stop=True)),
        ("failed", Failed("The service answered: failed.")),
        (None, Sent("")),
    ],
)
def test_a_service_says_what_it_did_with_the_recipient(status: str | None, expected: Any) -> None:
    found = {} if status is None else {BOB: SimpleNamespace(status=status, message_id=42)}
    letter = SimpleNamespace(anymail_status=SimpleNamespace(recipients=found))
    assert emails.outcome_of_service(letter, BOB) == expected


@pytest.mark.parametrize(
    "address",
    ["a\nb@example.com", "a@example.com, b@example.com", "A <a@example.com>", "nobody", "a b@example.com"],
)
def test_an_address_that_no_mail_can_have_fails_for_good(address: str) -> None:
    ann = make_reader()
    type(ann).objects.filter(pk=ann.pk).update(email=address)
    send(ann)

    assert deliver() == Tally(failed=1)
    assert mail.outbox == []


class Server:
    """A backend that does what a test says."""

    made: list[Server] = []
    errors: list[Exception | None] = []
    opening: Exception | None = None

    def __init__(self, timeout: int | None = None) -> None:
        self.timeout = timeout
        self.opened = self.closed = 0
        self.sent: list[Any] = []
        self.made.append(self)

    def open(self) -> None:
        self.opened += 1
        if (error := type(self).opening) is not None:
            raise error

    def close(self) -> None:
        self.closed += 1
        raise OSError("dead")

    def send_messages(self, letters: list[Any]) -> int:
        self.sent += letters
        if self.errors and (error := self.errors.pop(0)):
            raise error
        return len(letters)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> type[Server]:
    Server.made, Server.errors, Server.opening = [], [], None

    class Mailers:
        def __getitem__(self, alias: str) -> Server:
            assert alias == "default"
            return Server()

    monkeypatch.setattr(mail, "mailers", Mailers(), raising=False)
    return Server


def test_a_mailer_is_an_alias_of_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="'mailer' is 'bulk', which is not an alias of MAILERS"):
        load_channel("email", {"mailer": "bulk"})

    monkeypatch.setattr(mail, "mailers", {"default": None, "bulk": None}, raising=False)
    channel: Any = load_channel("email", {"mailer": "bulk"})
    assert channel.mailer == "bulk"


def test_the_mails_of_a_batch_go_over_one_connection_with_a_timeout(server: type[Server]) -> None:
    send(*[make_reader(f"user{number}") for number in range(3)])

    assert deliver() == Tally(sent=3)

    [connection] = server.made
    assert (connection.opened, connection.closed, len(connection.sent)) == (1, 1, 3)
    assert connection.timeout == emails.TIMEOUT


def test_a_connection_is_renewed_after_some_mails(
    server: type[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emails, "MAX_PER_CONNECTION", 2)
    send(*[make_reader(f"user{number}") for number in range(3)])

    assert deliver() == Tally(sent=3)
    assert [len(connection.sent) for connection in server.made] == [2, 1]


@pytest.mark.parametrize(
    ("error", "connections"),
    [
        (smtplib.SMTPDataError(451, b"rate"), 1),
        (smtplib.SMTPRecipientsRefused({BOB: (450, b"later")}), 1),
        (smtplib.SMTPDataError(421, b"closing"), 2),
        (smtplib.SMTPServerDisconnected("gone"), 2),
        (TimeoutError(), 2),
    ],
)
def test_a_dead_connection_is_not_used_again(
    server: type[Server], error: Exception, connections: int
) -> None:
    server.errors = [error]
    send(make_reader("ann"), make_reader("bob"))

    assert deliver() == Tally(sent=1, retried=1)
    assert len(server.made) == connections


def test_a_server_that_refuses_to_talk_pauses_the_channel(server: type[Server]) -> None:
    server.opening = ConnectionRefusedError("no")
    send(make_reader("ann"), make_reader("bob"))

    assert deliver() == Tally()
    assert Circuit.objects.get().problem == "ConnectionRefusedError: no"
    assert sum(connection.opened for connection in server.made) == 1


def test_without_a_base_of_urls_the_channel_is_paused(settings: Any) -> None:
    settings.NOTIFICATIONS = {
        key: value for key, value in settings.NOTIFICATIONS.items() if key != "BASE_URL"
    }
    send(make_reader())

    assert deliver() == Tally()
    assert "BASE_URL" in Circuit.objects.get().problem
    with pytest.raises(ImproperlyConfigured, match="BASE_URL"):
        links.base_url()


def test_the_base_of_urls_may_be_that_of_the_sites(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.NOTIFICATIONS = {}
    current = SimpleNamespace(get_current=lambda: SimpleNamespace(domain="example.org"))
    module = SimpleNamespace(Site=SimpleNamespace(objects=current))
    monkeypatch.setitem(sys.modules, "django.contrib.sites.models", module)
    monkeypatch.setattr(apps, "is_installed", lambda name: True)

    assert links.base_url() == "https://example.org"
    assert links.host() == "example.org"


def test_the_site_of_each_tenant_is_its_own(
    settings: Any, monkeypatch: pytest.MonkeyPatch, schema: Callable[[str], None]
) -> None:
    settings.NOTIFICATIONS, settings.SITE_ID = {}, 1
    kept: dict[int, Any] = {}

    def get(pk: int) -> Any:
        return SimpleNamespace(domain=f"{schema_of()}.example.org")

    # As Django keeps it.
    sites = SimpleNamespace(get=get, get_current=lambda: kept.setdefault(1, get(1)))
    module = SimpleNamespace(Site=SimpleNamespace(objects=sites))
    monkeypatch.setitem(sys.modules, "django.contrib.sites.models", module)
    monkeypatch.setattr(apps, "is_installed", lambda name: True)

    for name in ("red", "blue", "red"):
        schema(name)
        assert links.base_url() == f"https://{name}.example.org"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", ""),
        ("/a/", f"https://{HOST}/a/"),
        ("https://other.example/", "https://other.example/"),
        ("//other.example/a/", "https://other.example/a/"),
    ],
)
def test_links_are_absolute(url: str, expected: str) -> None:
    assert links.absolute(url) == expected


@pytest.mark.parametrize(
    ("base", "prefix", "url", "expected"),
    [
        ("https://example.com/app", "/app/", "/app/a/", "https://example.com/app/a/"),
        ("https://example.com/x/app/", "/app/", "/app/a/", "https://example.com/x/app/a/"),
        # A worker that is not below the path.
        ("https://example.com/app", "/", "/a/", "https://example.com/app/a/"),
        ("https://example.com/app", "/", "/app/a/", "https://example.com/app/app/a/"),
        ("https://example.com", "/app/", "/app/a/", "https://example.com/app/a/"),
        ("https://app", "/app/", "/app/a/", "https://app/app/a/"),
        ("https://example.com/myapp", "/app/", "/app/a/", "https://example.com/myapp/app/a/"),
        ("https://example.com/app", "/app/", "/other/", "https://example.com/app/other/"),
    ],
)
def test_the_path_of_a_site_is_in_a_link_once(
    site: Any, base: str, prefix: str, url: str, expected: str
) -> None:
    site.NOTIFICATIONS = {**site.NOTIFICATIONS, "BASE_URL": base}
    with override_script_prefix(prefix):
        assert links.absolute(url) == expected


def test_the_links_of_a_site_below_a_path_work(site: Any, client: Any) -> None:
    site.NOTIFICATIONS = {**site.NOTIFICATIONS, "BASE_URL": "https://example.com/app"}
    send(make_reader())
    with override_script_prefix("/app/"):
        deliver()
    url = parsed()["List-Unsubscribe"].strip(" <>")
    assert client.post(url.removeprefix("https://example.com/app")).status_code == 200


def test_a_host_that_is_not_ascii_is_encoded_in_links_and_headers(site: Any) -> None:
    site.NOTIFICATIONS = {**site.NOTIFICATIONS, "BASE_URL": "https://bücher.example:8000/läden/"}
    site.DEFAULT_FROM_EMAIL = "noreply@example.com"
    send(make_reader())
    deliver()

    encoded = "xn--bcher-kva.example"
    headers = on_the_wire().partition(b"\n\n")[0].replace(b"\n ", b" ")
    assert (
        f"List-Unsubscribe: <https://{encoded}:8000/l%C3%A4den/inbox/settings/u/".encode()
        in headers.replace(b"  ", b" ")
    )
    assert parsed()["Message-ID"].strip().endswith(f"@{encoded}>")
    assert parsed()["List-Id"] == f"<other.notifications.{encoded}>"
    # For people, as they read it.
    assert mail.outbox[0].from_email == '"justquick via bücher.example" <noreply@example.com>'


def test_a_name_of_several_lines_is_one_line() -> None:
    send(make_reader(), actor=make_project("Anna\nMaria\t\r\nLuise"))
    deliver()
    assert mail.outbox[0].from_email == "Anna Maria Luise via Tracker <noreply@example.com>"


@pytest.mark.parametrize("frequency", ["instant", "daily"])
def test_a_name_controls_no_terminal_and_no_header(settings: Any, make_type: Any, frequency: str) -> None:
    name = "\x1b[31mred\x07 \x7f\x9bhat"
    make_type("closed", sentence="\x1b[0m{actor} closed {target}")
    ann = make_reader()
    choose(ann, "", "email", frequency)
    send(ann, actor=make_project(name), target=make_project(name))
    Delivery.objects.update(next_attempt_at=moment(2026, 1, 1))
    deliver()

    [letter] = mail.outbox
    assert "red hat" in letter.body
    for text in (letter.subject, letter.from_email, letter.body.replace("\n", "")):
        assert text.isprintable()


@pytest.mark.parametrize("frequency", ["instant", "daily"])
@pytest.mark.parametrize("description", ["", "   ", "\n", " \n\t \r\n", "\x07", "\u2028 \xa0"])
def test_a_description_of_which_nothing_is_visible_is_not_shown(frequency: str, description: str) -> None:
    ann = make_reader()
    choose(ann, "", "email", frequency)
    send(ann, description=description)
    Delivery.objects.update(next_attempt_at=moment(2026, 1, 1))
    deliver()

    [letter] = mail.outbox
    assert ">" not in letter.body
    assert 'dir="auto"' not in html(letter)


@pytest.mark.parametrize("name", ["=?utf-8?q?=1b[31m=E2=80=AEred?=", "a =?UTF-8*en?B?4oCucmVk?= b", "x=?y"])
def test_a_name_that_looks_encoded_is_shown_as_it_is(name: str) -> None:
    send(make_reader(), actor=make_project(name), target=make_project(name))
    deliver()

    shown = name.replace("=?u", "= ?u").replace("=?U", "= ?U")
    assert parsed()["Subject"] == mail.outbox[0].subject == shown
    assert [each.display_name for each in parsed()["From"].addresses] == [f"{shown} via Tracker"]


@pytest.mark.parametrize("frequency", ["instant", "daily"])
def test_a_name_of_several_lines_does_not_pass_for_the_words_of_the_mail(frequency: str) -> None:
    name = "Eve\r\n-- \u2028Unsubscribe: https://evil.example/\n"
    ann = make_reader()
    choose(ann, "", "email", frequency)
    # So it is with what somebody wrote.
    objects: dict[str, Any] = {"target": make_project(name), "action_object": make_issue(name)}
    send(ann, actor=make_project(name), description=name, **objects)
    Delivery.objects.update(next_attempt_at=moment(2026, 1, 1))
    deliver()

    [letter] = mail.outbox
    lines = letter.body.splitlines()
    assert any("evil" in line for line in lines)
    assert not any(line.startswith("Unsubscribe: https://evil") for line in lines)
    assert lines.count("-- ") == 1


def test_a_site_without_urls_has_no_links(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.contrib.delivery.no_urls"
    send(make_reader(), target=make_user("nobody"))

    assert deliver() == Tally(sent=1)
    assert "Unsubscribe" not in mail.outbox[0].body
    assert "List-Unsubscribe" not in parsed()


def test_long_headers_are_not_encoded_by_newer_versions_of_django(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        mail.EmailMultiAlternatives, "message", lambda self, **options: asked.append(options), raising=True
    )
    Mail().message(policy=email.policy.SMTP)
    monkeypatch.setattr(letters, "DEFAULT_POLICY", email.policy.default)
    Mail().message()
    monkeypatch.setattr(letters, "DEFAULT_POLICY", None)
    Mail().message()

    assert [options.get("policy") and options["policy"].max_line_length for options in asked] == [
        998,
        998,
        None,
    ]


def test_a_sender_that_is_no_address_is_a_failure_for_now_because_the_site_can_mend_it(settings: Any) -> None:
    settings.DEFAULT_FROM_EMAIL = "not an address"
    send(make_reader())

    assert deliver() == Tally(retried=1)
