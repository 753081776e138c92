"""The e-mail channel: Django's mailers, whatever their backend."""

from __future__ import annotations

import smtplib
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from email.headerregistry import Address
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import mail
from django.db.models import Exists, OuterRef
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from notifications.contrib.delivery.channels import base
from notifications.contrib.delivery.channels.base import Down, Failed, Message, Outcome, Retry, Sent, constant
from notifications.contrib.delivery.channels.mail import compose
from notifications.contrib.delivery.models import StoppedAddress
from notifications.objects.guard import error_text

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from notifications.types import NotificationType

#: Seconds after which a server that says nothing is given up, unless the site sets another number.
TIMEOUT = 15

#: The most mails over one connection.
MAX_PER_CONNECTION = 100

#: The codes of a server that closes the connection, and that finds a mail too large.
CLOSING, TOO_LARGE = 421, 552

#: What a service may say of a recipient that it will never send to.
REFUSED = {"rejected", "invalid"}


class Channel(base.Channel):
    """Send mails over one connection, each to one recipient.

    Options: ``from_email``, by default ``DEFAULT_FROM_EMAIL``; ``mailer``, an alias of Django's ``MAILERS``;
    ``default``, the frequency of types that do not name the channel.
    """

    label = _("E-mail")
    default = "instant"
    has_links = True

    def __init__(self, name: str, *, from_email: str = "", mailer: str = "default", **options: Any) -> None:
        super().__init__(name, **options)
        if mailer != "default" and mailer not in getattr(mail, "mailers", ()):
            raise ValueError(
                f"'mailer' is {mailer!r}, which is not an alias of MAILERS (Django 6.1 or newer)"
            )
        self.from_email, self.mailer = from_email, mailer
        self.connection: Any = None
        self.is_open, self.sent = False, 0

    @property
    def sender(self) -> str:
        """Return the header ``From`` of the mails."""
        return self.from_email or settings.DEFAULT_FROM_EMAIL

    @constant
    def reachable(self, users: QuerySet[Any]) -> QuerySet[Any]:
        """Return the users who have an address that is not stopped."""
        model: Any = get_user_model()
        field = model.get_email_field_name()
        stopped = StoppedAddress.objects.using(users.db).filter(
            channel=self.name, address=Lower(OuterRef(field))
        )
        return users.exclude(**{f"{field}__isnull": True}).exclude(**{field: ""}).exclude(Exists(stopped))

    def delay(self, kind: type[NotificationType]) -> timedelta:
        """Return the ``email_delay`` of a type."""
        return kind.email_delay

    def address(self, user: Any) -> str:
        """Return the address of a user."""
        return str(getattr(user, user.get_email_field_name()) or "").strip()

    def open(self) -> None:
        """Make the connection, which is opened for the first mail."""
        self.connection = new_connection(self.mailer)
        self.is_open, self.sent = False, 0

    def send(self, message: Message) -> Outcome:
        """Send a mail. The outcome is as temporary, permanent or unknown as the answer of the server."""
        try:
            Address(addr_spec=message.address)
        except Exception as error:  # noqa: BLE001 - the parser raises many kinds
            return Failed(said(error))
        letter = compose(
            message,
            channel=self.name,
            from_email=self.sender,
            connection=self.connection,
        )
        try:
            self.connect()
            taken = self.connection.send_messages([letter])
        except Exception as error:  # noqa: BLE001 - whatever the backend raises
            if not isinstance(error, ANSWERS) or code_of(error) == CLOSING:
                self.hang_up()
            return outcome_of(error)
        if taken == 0:
            # A backend that fails silently, or that leaves out this recipient. Many return no number.
            return Failed("The mail backend sent nothing.")
        self.sent += 1
        return outcome_of_service(letter, message.address)

    def preview(self, message: Message) -> Mapping[str, str]:
        """Return the headers of the mail, its text and its HTML."""
        letter = compose(message, channel=self.name, from_email=self.sender)
        html = next(content for content, kind in letter.alternatives if kind == "text/html")
        return {
            "Subject": letter.subject,
            "From": letter.from_email,
            "To": ", ".join(letter.to),
            **letter.extra_headers,
            "text": str(letter.body),
            "html": str(html),
        }

    def connect(self) -> None:
        """Open the connection, or another one after some mails."""
        if self.sent >= MAX_PER_CONNECTION:
            self.hang_up()
        if not self.is_open:
            try:
                self.connection.open()
            except OSError as error:
                raise NotConnected(said(error)) from error
            self.is_open = True

    def hang_up(self) -> None:
        """Close the connection, which may be dead already. The next mail opens another one."""
        with suppress(Exception):
            self.connection.close()
        self.connection = new_connection(self.mailer)
        self.is_open, self.sent = False, 0

    def close(self) -> None:
        """Close the connection."""
        with suppress(Exception):
            self.connection.close()


class NotConnected(Exception):
    """The server cannot be reached, or does not accept the site."""


#: The answers of a server after which the connection can be used.
ANSWERS = (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, smtplib.SMTPSenderRefused, ValueError)


def new_connection(alias: str) -> Any:
    """Return a backend for mails, with a timeout. Since Django 6.1 it is one of ``MAILERS``."""
    mailers: Any = getattr(mail, "mailers", None)
    connection: Any = mail.get_connection() if mailers is None else mailers[alias]
    # A backend for SMTP has the attribute; None would wait for ever.
    if getattr(connection, "timeout", TIMEOUT) is None:
        connection.timeout = TIMEOUT
    return connection


def code_of(error: Exception) -> int:
    """Return the code of SMTP with which a server refused a mail, or 0."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, _ = next(iter(error.recipients.values()))
        return int(code)
    return error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else 0


def outcome_of(error: Exception) -> Outcome:
    """Return what an error of a backend means."""
    match error:
        case NotConnected():
            return Down(str(error))
        case smtplib.SMTPRecipientsRefused():
            code, words = next(iter(error.recipients.values()))
            return by_code(code_of(error), answer(code, words), stop=True)
        case smtplib.SMTPDataError():
            return by_code(code_of(error), said(error))
        case smtplib.SMTPSenderRefused():
            # 552 is about the size of this mail, all others are about the sender of all.
            return Failed(said(error)) if code_of(error) == TOO_LARGE else Down(said(error))
        case smtplib.SMTPServerDisconnected():
            return Retry(said(error))
        case smtplib.SMTPAuthenticationError() | smtplib.SMTPConnectError() | smtplib.SMTPHeloError():
            return Down(said(error))
        case ValueError() | smtplib.SMTPNotSupportedError():
            return Failed(said(error))
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        # The API of a service.
        return by_code(400 if status == 429 or status >= 500 else 500, said(error))
    if getattr(error, "email_message", None) is not None and "Refused" in type(error).__name__:
        return Failed(said(error), stop=True)
    return Retry(said(error))


def by_code(code: int, words: str, *, stop: bool = False) -> Outcome:
    """Return whether a code of SMTP is for now (4xx) or for good, and then stops the address if it is about it."""
    return Retry(words) if 400 <= code < 500 else Failed(words, stop=stop)


def outcome_of_service(letter: Any, address: str) -> Outcome:
    """Return what a service that sends by HTTP said of the recipient. Other backends say nothing."""
    status = getattr(letter, "anymail_status", None)
    if status is None:
        return Sent(letter.extra_headers["Message-ID"])
    recipient = status.recipients.get(address)
    if recipient is not None and recipient.status in REFUSED | {"failed"}:
        return Failed(f"The service answered: {recipient.status}.", stop=recipient.status in REFUSED)
    return Sent(str((recipient and recipient.message_id) or ""))


def answer(code: int, words: Any) -> str:
    """Return what a server said."""
    return f"{code} {words.decode(errors='replace') if isinstance(words, bytes) else words}"


def said(error: Exception) -> str:
    """Return what an error says, with the code of the server if it has one."""
    if isinstance(error, smtplib.SMTPResponseException):
        return answer(error.smtp_code, error.smtp_error)
    return error_text(error)
