"""The fixtures for the tests of a site."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from notifications import notify
from notifications.contrib.delivery.preferences import choose
from notifications.contrib.delivery.testing import assert_notified
from tests.factories import make_project, make_user

pytest_plugins = ["notifications.contrib.delivery.pytest_plugin"]


def test_what_would_be_sent_is_in_a_list(deliveries: Any, deliver_due: Any) -> None:
    ann = make_user("ann")
    notify.send(make_project(), verb="closed", recipient=ann)
    assert deliveries == []

    deliver_due()

    [(channel, message)] = deliveries
    assert (channel, message.recipient) == ("memory", ann)
    assert deliveries.to(ann, verb="closed") == assert_notified(ann) == [message]


def test_a_digest_can_be_sent_today(deliveries: Any, deliver_due: Any) -> None:
    ann = make_user("ann")
    choose(ann, "", "memory", "daily")
    notify.send(make_project(), verb="closed", recipient=ann)
    deliver_due(at=timezone.now() + timedelta(days=1, hours=1))
    assert deliveries.to(ann, where=lambda message: message.is_digest)
