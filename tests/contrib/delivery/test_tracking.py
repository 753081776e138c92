"""What a mail service reports later."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.dispatch import Signal

from notifications import notify
from notifications.contrib.delivery.models import Delivery, StoppedAddress
from notifications.contrib.delivery.tracking import track
from tests.factories import make_project, make_user, moment

pytestmark = pytest.mark.django_db


def event(delivery: Any, kind: str, **values: Any) -> Any:
    return SimpleNamespace(
        **{
            "event_type": kind,
            "metadata": {"delivery": str(delivery.pk)},
            "recipient": "Ann@Example.com",
            "description": "550 no",
            "reject_reason": None,
            **values,
        }
    )


@pytest.fixture
def sent() -> Any:
    """Two deliveries that were one mail, and one of another mail."""
    user = make_user("ann")
    for verb in ("opened", "closed", "renamed"):
        notify.send(make_project(), verb=verb, recipient=user)
    Delivery.objects.update(status="sent", reference="one")
    first = Delivery.objects.order_by("pk")[0]
    Delivery.objects.filter(notification__verb="renamed").update(reference="other")
    return first


def states() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("status", flat=True))


@pytest.mark.parametrize(
    ("kinds", "status", "is_stopped"),
    [
        (["delivered"], "delivered", False),
        (["delivered", "delivered"], "delivered", False),
        (["delivered", "bounced"], "bounced", True),
        (["bounced", "delivered"], "bounced", True),
        (["rejected"], "bounced", False),
        (["failed"], "failed", False),
        (["complained"], "sent", True),
        (["unsubscribed", "unsubscribed"], "sent", True),
        (["opened", "deferred", "queued"], "sent", False),
    ],
)
def test_a_report_moves_a_delivery_forward_and_may_stop_the_address(
    sent: Any, kinds: list[str], status: str, is_stopped: bool
) -> None:
    for kind in kinds:
        track(None, event(sent, kind))

    assert states() == [status, status, "sent"]
    assert list(StoppedAddress.objects.values_list("address", flat=True)) == ["ann@example.com"] * is_stopped


@pytest.mark.parametrize(
    "metadata", [None, {}, {"delivery": "x"}, {"delivery": "²"}, {"delivery": "9" * 30}, {"delivery": 10**9}]
)
def test_a_report_about_another_mail_is_ignored(sent: Any, metadata: Any) -> None:
    track(None, event(sent, "bounced", metadata=metadata))

    assert states() == ["sent"] * 3
    assert not StoppedAddress.objects.exists()


def test_the_app_listens_to_anymail_if_the_site_has_it(monkeypatch: pytest.MonkeyPatch, sent: Any) -> None:
    signal = Signal()
    monkeypatch.setitem(sys.modules, "anymail", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "anymail.signals", SimpleNamespace(tracking=signal))
    monkeypatch.setattr(apps, "is_installed", lambda name: True)
    apps.get_app_config("notifications_delivery").ready()

    signal.send(sender=None, event=event(sent, "delivered"), esp_name="Test")

    assert states() == ["delivered", "delivered", "sent"]


def test_a_service_that_gives_no_reference_reports_about_one_mail(sent: Any) -> None:
    Delivery.objects.update(reference="")
    track(None, event(sent, "bounced"))
    assert states() == ["bounced", "sent", "sent"]


def test_the_deliveries_of_one_mail_without_a_reference_were_sent_at_one_moment(sent: Any) -> None:
    Delivery.objects.update(reference="", sent_at=moment(2026, 3, 4, 12))
    Delivery.objects.filter(notification__verb="renamed").update(sent_at=moment(2026, 3, 4, 13))
    track(None, event(sent, "bounced"))
    assert states() == ["bounced", "bounced", "sent"]
