"""Deliveries by e-mail: the settings of the app, the rows to send, a server that takes the mails, and what is in them.

Two candidates send them: the app, and a loop as somebody would write it by hand.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import django
from candidates.base import Candidate as Base
from candidates.data import FIRST_OTHER, Data
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import connections
from django.test import override_settings
from worker import measure

from notifications.models import Notification

BASE_URL = "https://example.com"

#: How many mails are compared.
COMPARED = 20


def with_delivery() -> Any:
    """Return the settings with the app for deliveries, which sends by e-mail and nothing by itself."""
    return override_settings(
        INSTALLED_APPS=[*settings.INSTALLED_APPS, "notifications.contrib.delivery"],
        ROOT_URLCONF="candidates.delivered_urls",
        NOTIFICATIONS={
            "DELIVERY_CHANNELS": {"email": {}},
            "DELIVERY_RUNNER": "none",
            "BASE_URL": BASE_URL,
        },
    )


def with_backend(name: str, **options: Any) -> Any:
    """Return the settings with a backend for mails."""
    backend = f"django.core.mail.backends.{name}.EmailBackend"
    if django.VERSION >= (6, 1):
        return override_settings(MAILERS={"default": {"BACKEND": backend, "OPTIONS": options}})
    old = {f"EMAIL_{key.upper()}": value for key, value in options.items()}
    return override_settings(EMAIL_BACKEND=backend, **old)


@contextmanager
def sink() -> Iterator[Callable[[], int]]:
    """Start a server that takes mails and throws them away. Give a function that returns how many there were."""
    with TemporaryDirectory(prefix="notifications-bench-") as folder:
        taken = Path(folder) / "taken"
        process = subprocess.Popen(
            [sys.executable, Path(__file__).parent.parent / "sink.py", taken],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        port = int(process.stdout.readline())
        try:
            with with_backend("smtp", host="127.0.0.1", port=port):
                yield lambda: taken.stat().st_size
        finally:
            process.communicate()


class Delivered(Base):
    """A candidate that sends what is in the ledger."""

    def mails(self, size: int, digest_of: int = 0, workers: int = 1) -> dict[str, Any]:
        """Send a mail to each of so many users: a notification, or a digest of so many."""
        fill(self.data, size, digest_of)
        with sink() as count:
            result = measure(lambda: self.send_mails(workers))
            assert count() == size, f"{count()} mails arrived, not {size}"
        assert not waiting()
        return {**result, "statements": round(result["statements"] / size, 2)}

    def mailed(self, size: int, digest_of: int = 0, workers: int = 1) -> str:
        """Return some of these mails and what is in the ledger then, so that two candidates can be compared."""
        fill(self.data, COMPARED, digest_of)
        with with_backend("locmem"):
            mail.outbox = []
            self.send_mails(1)
            mails = sorted(normal(letter.message().as_string()) for letter in mail.outbox)
        assert not waiting()
        assert len(mails) == COMPARED
        return json.dumps({"mails": mails, "ledger": noted()})

    def send_mails(self, workers: int) -> None:
        """Send all that is due."""
        raise NotImplementedError


def normal(text: str) -> str:
    """Return a mail without what is another one in each: its date, its boundary, and when a link was signed."""
    text = re.sub(r"={15}\d+==", "boundary", text)
    text = re.sub(r"Date: .*", "Date:", text)
    # Keys of rows that were written anew, and the tokens of links.
    text = re.sub(r"Message-ID: <\d+\.", "Message-ID: <", text)
    return re.sub(r"/settings/([su])/[\w:-]+/", r"/settings/\1/token/", text)


def noted() -> list[Any]:
    """Return what the ledger says of each delivery, without when it was sent."""
    from notifications.contrib.delivery.models import Delivery

    rows = Delivery.objects.order_by("recipient", "notification")
    values = rows.values_list("recipient", "status", "attempts", "problem", "sent_at", "reference")
    return [[*some, sent_at is not None, reference.partition(".")[2]] for *some, sent_at, reference in values]


def waiting() -> bool:
    """Return whether there is something to send."""
    from notifications.contrib.delivery.models import Delivery

    return Delivery.objects.filter(status="pending").exists()


def give_addresses(data: Data) -> None:
    """Give each user an address."""
    address = data.text("username", "'@example.com'")
    data.execute(f"UPDATE {get_user_model()._meta.db_table} SET email = {address} WHERE email = ''")
    data.settle(get_user_model()._meta.db_table)


def fill(data: Data, size: int, digest_of: int = 0) -> None:
    """Notify so many users of one event each, or of as many as a digest has, and let it be due by e-mail."""
    from notifications.contrib.delivery.models import Delivery

    each = digest_of or 1
    number = f"(u.n * {each} + e.n)"
    columns = data.columns(
        Notification,
        number,
        f"(1 + {number} % {data.sizes['objects']})",
        recipient=f"{FIRST_OTHER} + u.n",
        unread="TRUE",
    )
    source = f"bench_numbers u JOIN bench_numbers e ON e.n <= {each} WHERE u.n <= {size} ORDER BY u.n, e.n"
    data.fill(Notification, columns, source)
    data.empty(Delivery)
    frequency = "daily" if digest_of else "instant"
    data.add(
        Delivery,
        ledger_columns(data, "n.id", "n.recipient_id", frequency, "0"),
        f"{Notification._meta.db_table} n ORDER BY n.id",
    )
    data.settle(Delivery._meta.db_table)
    # What forked workers must not share, and what the settings of a connection were.
    connections.close_all()


def ledger_columns(
    data: Data, notification: str, recipient: str, frequency: str, second: str
) -> dict[str, str]:
    """Return the SQL of every column of the ledger, for a delivery that was due long ago."""
    return {
        "notification_id": notification,
        "recipient_id": recipient,
        "channel": "'email'",
        "frequency": f"'{frequency}'",
        "status": "'pending'",
        "due_at": data.moment(second),
        "next_attempt_at": data.moment(second),
        "attempts": "0",
        "reference": "''",
        "problem": "''",
    }
