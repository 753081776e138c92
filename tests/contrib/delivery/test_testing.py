"""The helpers for the tests of a site."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from notifications import notify
from notifications.contrib.delivery.preferences import choose
from notifications.contrib.delivery.sending import Tally
from notifications.contrib.delivery.testing import (
    assert_not_notified,
    assert_notified,
    capture_deliveries,
    deliver_due,
)
from tests.factories import make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    settings.NOTIFICATIONS = {
        "DELIVERY_CHANNELS": {"email": {}, "memory": {"default": "off"}},
        "DELIVERY_RUNNER": "inline",
        "BASE_URL": "https://example.com",
    }


def send(user: Any) -> None:
    notify.send(make_project(), verb="closed", recipient=user)


def test_what_would_be_sent_is_captured_and_not_sent() -> None:
    ann, bob = make_user("ann", email="ann@example.com"), make_user("bob")
    with capture_deliveries() as deliveries:
        send([ann, bob])
        assert deliveries == []
        assert deliver_due() == Tally(sent=1)

        [message] = assert_notified(ann, verb="closed", channel="email")
        assert message.address == "ann@example.com"
        assert_not_notified(ann, verb="opened")
        assert_not_notified(ann, channel="memory")
        assert_not_notified(ann, where=lambda message: message.is_digest)
        assert_not_notified(bob)
        with pytest.raises(AssertionError, match="Nothing was delivered to bob"):
            assert_notified(bob)
        with pytest.raises(AssertionError, match="This was delivered to ann"):
            assert_not_notified(ann)

    assert mail.outbox == []


@pytest.mark.parametrize("judge", [assert_notified, assert_not_notified])
def test_nothing_is_asserted_where_nothing_is_captured(judge: Any) -> None:
    ann = make_user("ann", email="ann@example.com")
    with pytest.raises(RuntimeError, match="only within capture_deliveries"):
        judge(ann)
    with capture_deliveries():
        assert_not_notified(ann)
    with pytest.raises(RuntimeError, match="only within capture_deliveries"):
        judge(ann)


def test_a_digest_of_tomorrow_can_be_sent_today() -> None:
    ann = make_user("ann", email="ann@example.com")
    choose(ann, "", "email", "daily")
    with capture_deliveries():
        send(ann)
        assert deliver_due() == Tally()
        tomorrow = timezone.now() + timedelta(days=1, hours=1)
        assert deliver_due(at=tomorrow) == Tally(sent=1)
        assert assert_notified(ann, where=lambda message: message.is_digest)


def test_what_is_captured_waits_for_the_delay_of_its_type(make_type: Any) -> None:
    make_type("closed", email_delay=timedelta(minutes=2))
    ann = make_user("ann", email="ann@example.com")
    with capture_deliveries():
        send(ann)
        assert deliver_due() == Tally()
        assert deliver_due(at=timezone.now() + timedelta(minutes=3)) == Tally(sent=1)
