"""The webhook channel: a signed POST, as `Standard Webhooks <https://www.standardwebhooks.com>`_ describe it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Exists
from django.utils.encoding import iri_to_uri
from django.utils.module_loading import import_string

from notifications.contrib.delivery.channels import base
from notifications.contrib.delivery.channels.base import Failed, Message, Outcome, Retry, Sent
from notifications.contrib.delivery.channels.public_hosts import NotPublic, PublicConnection
from notifications.contrib.delivery.clocks import utc_now
from notifications.contrib.delivery.links import absolute
from notifications.contrib.delivery.models import StoppedAddress, stopped_form
from notifications.objects.guard import error_text
from notifications.objects.links import main_url
from notifications.presentation import sentences
from notifications.presentation.serialize import without_excluded
from notifications.types import type_key, type_of

if TYPE_CHECKING:
    from django.db.models import QuerySet

#: The seconds without a byte after which an endpoint is given up, and those after which it is in any case.
TIMEOUT, MAX_SECONDS = 15, 30

#: The longest text, and the longest description, of a notification in a payload, in characters.
MAX_SENTENCE, MAX_DESCRIPTION = 500, 2_000


class Channel(base.Channel):
    """Post notifications to an endpoint of the site, or to one of each user.

    Options: ``url`` and ``secret`` of an endpoint of the site, with ``secret`` a text or, while it is changed, several;
    or ``endpoint``, the dotted path of a function that returns the URL and the secret for a user, or None. A URL of a
    user must be https, on port 443 of a public host. ``default`` is the frequency of types that do not name the
    channel.
    """

    label = "Webhook"
    has_links = True

    def __init__(
        self,
        name: str,
        *,
        url: str = "",
        secret: str | Iterable[str] = (),
        endpoint: str = "",
        **options: Any,
    ) -> None:
        super().__init__(name, **options)
        if bool(url) == bool(endpoint):
            raise ValueError(f"the channel {name!r} needs either the option 'url' or the option 'endpoint'")
        self.url = url
        self.secrets = [secret] if isinstance(secret, str) else list(secret)
        self.endpoint = import_string(endpoint) if endpoint else None
        if url and not self.secrets:
            raise ValueError(f"the channel {name!r} needs the option 'secret'")
        for each in self.secrets:
            signing_key(each)

    def reachable(self, users: QuerySet[Any]) -> QuerySet[Any]:
        """Return all users, unless the endpoint of the site is gone. Those of users are looked up one by one."""
        gone = StoppedAddress.objects.using(users.db).filter(
            channel=self.name, address=stopped_form(self.url)
        )
        return users.filter(~Exists(gone)) if self.url else users

    def target(self, user: Any) -> tuple[str, list[str]]:
        """Return the URL and the secrets for a user, an empty URL if there is none."""
        if self.endpoint is None:
            return self.url, self.secrets
        found = self.endpoint(user)
        if found is None:
            return "", []
        url, secret = found
        # Columns that a user has not filled in may be None.
        return str(url or ""), [secret] if isinstance(secret, str) else list(secret or ())

    def address(self, user: Any) -> str:
        """Return the URL for a user."""
        return self.target(user)[0]

    def send(self, message: Message) -> Outcome:
        """Post a message. Only an answer with a status of 2xx is one; 410 ends the endpoint."""
        url, secrets = self.target(message.recipient)
        body = json.dumps(payload(message), cls=DjangoJSONEncoder).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "django-notifications"}
        try:
            headers |= signature(message.key.replace(".", "-"), utc_now(), body, secrets)
            status, after = post(url, body, headers, is_trusted=self.endpoint is None)
        except ValueError as error:
            # What somebody typed is no URL, no public host, no name of a host, or no secret.
            return Failed(str(error))
        except (OSError, HTTPException) as error:
            return Retry(error_text(error))
        if 200 <= status < 300:
            return Sent(str(status))
        if status == 410:
            return Failed("410 Gone", stop=True)
        return Retry(f"The endpoint answered {status}.", after)

    def preview(self, message: Message) -> Mapping[str, str]:
        """Return the body of the request."""
        return {"text": json.dumps(payload(message), cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)}


def payload(message: Message) -> dict[str, Any]:
    """Return what is posted."""
    return {
        "type": "notification.digest" if message.is_digest else "notification",
        "timestamp": utc_now(),
        "data": {
            "recipient": str(message.recipient.pk),
            "notifications": [item(notification) for notification in message.notifications],
            "more": message.more,
        },
    }


def item(notification: Any) -> dict[str, Any]:
    """Return what a payload has of a notification."""
    shown = {
        "id": str(notification.pk),
        "event": notification.event,
        "type": type_key(type_of(notification.verb)),
        "verb": notification.verb,
        "level": notification.level,
        "reason": notification.reason,
        "text": sentences.text(notification)[:MAX_SENTENCE],
        "description": "" if notification.is_hidden else (notification.description or "")[:MAX_DESCRIPTION],
        "url": absolute(main_url(notification)),
        "timestamp": notification.timestamp,
    }
    return without_excluded(shown)


def signing_key(secret: str) -> bytes:
    """Return the key in a secret: "whsec_" and 24 to 64 bytes in base64. Raise ValueError for another text."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError as error:
        raise ValueError("the secret of a webhook must be base64 after 'whsec_'") from error
    if not 24 <= len(key) <= 64:
        raise ValueError(f"the secret of a webhook must have 24 to 64 bytes, got {len(key)}")
    return key


def signature(key: str, now: datetime, body: bytes, secrets: Iterable[str]) -> dict[str, str]:
    """Return the headers that sign a body, one signature for each secret. The key is the same in each attempt.

    Raise ValueError without a secret, and for one that is none.
    """
    moment = str(int(now.timestamp()))
    signed = f"{key}.{moment}.".encode() + body
    found = [hmac.new(signing_key(each), signed, hashlib.sha256).digest() for each in secrets]
    if not found:
        raise ValueError("a webhook must have a secret")
    return {
        "webhook-id": key,
        "webhook-timestamp": moment,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(each).decode()}" for each in found),
    }


def post(url: str, body: bytes, headers: dict[str, str], *, is_trusted: bool) -> tuple[int, timedelta | None]:
    """Post a body, following no redirect. Return the status, and how long the endpoint asks to wait.

    Raise NotPublic for a URL of a user that is not https on port 443 of a public host.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise NotPublic(f"{url!r} is not a URL") from error
    host = parts.hostname or ""
    if not host or parts.username is not None or not url.isprintable():
        raise NotPublic(f"{url!r} is not a URL of an endpoint")
    connection: HTTPConnection
    if not is_trusted:
        if parts.scheme != "https" or port not in {None, 443}:
            raise NotPublic(f"{url!r} is not https on port 443")
        connection = PublicConnection(host, 443, timeout=TIMEOUT)
    elif parts.scheme == "https":
        connection = HTTPSConnection(host, port, timeout=TIMEOUT)
    else:
        connection = HTTPConnection(host, port, timeout=TIMEOUT)
    # An endpoint that sends a byte now and then would never run into the other timeout.
    watch = threading.Timer(MAX_SECONDS, hang_up, [connection])
    watch.daemon = True
    watch.start()
    try:
        path = parts.path or "/"
        # A request has no other characters than those of ASCII, and no spaces.
        where = iri_to_uri(f"{path}?{parts.query}" if parts.query else path)
        connection.request("POST", where, body, headers)
        answer = connection.getresponse()
        # Nobody needs its body.
        return answer.status, retry_after(answer)
    finally:
        watch.cancel()
        connection.close()


def hang_up(connection: HTTPConnection) -> None:
    """End a connection that another thread is waiting for."""
    with suppress(OSError, AttributeError):
        # None before it is connected.
        connection.sock.shutdown(socket.SHUT_RDWR)


def retry_after(answer: HTTPResponse) -> timedelta | None:
    """Return how long an endpoint asks to wait, in seconds or until a date; None if it does not say."""
    text = (answer.headers.get("Retry-After") or "").strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), 86400))
    try:
        until = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return (until if until.tzinfo else until.replace(tzinfo=timezone.utc)) - utc_now()
