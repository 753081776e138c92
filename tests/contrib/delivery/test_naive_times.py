"""Without ``USE_TZ``, an hour of autumn comes twice by the clock of the site."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from notifications import notify
from notifications.contrib.delivery.channels import Retry
from notifications.contrib.delivery.claims import claim_digests, claim_instant
from notifications.contrib.delivery.clocks import utc_now
from notifications.contrib.delivery.models import Circuit, Delivery, Schedule
from notifications.contrib.delivery.preferences import choose
from notifications.contrib.delivery.sending import Tally, deliver
from tests.contrib.delivery.scripted import Scripted
from tests.factories import make_user

pytestmark = pytest.mark.django_db

NAME = "scripted"


@pytest.fixture(autouse=True)
def channel(settings: Any) -> Iterator[None]:
    settings.USE_TZ, settings.TIME_ZONE = False, "Europe/Berlin"
    settings.NOTIFICATIONS = {
        "DELIVERY_CHANNELS": {NAME: {"channel": "tests.contrib.delivery.scripted.Scripted"}},
        "DELIVERY_RUNNER": "none",
    }
    Scripted.forget()
    yield
    Scripted.forget()


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set the clock in the night of the change; ``is_winter`` is 1 after it."""

    def set_to(hour: int, minute: int, is_winter: int = 0) -> None:
        now = datetime(2026, 10, 25, hour, minute, fold=is_winter)  # noqa: DTZ001 - naive
        monkeypatch.setattr(timezone, "now", lambda: now)

    return set_to


def break_opening() -> None:
    raise ConnectionRefusedError("refused")


@pytest.mark.parametrize(("hour", "minute", "is_winter"), [(1, 57, 0), (2, 30, 0), (2, 55, 0), (2, 10, 1)])
@pytest.mark.parametrize("what", ["instant", "digest", "hourly", "retry", "circuit"])
def test_the_hour_that_comes_twice_ends_no_lease_and_no_pause(
    set_clock: Callable[..., None], what: str, hour: int, minute: int, is_winter: int
) -> None:
    set_clock(0, 30)
    user = make_user()
    if what in ("digest", "hourly"):
        choose(user, "", NAME, "hourly")
    if what != "hourly":
        notify.send(user, verb="closed", recipient=user)
    set_clock(hour, minute, is_winter)
    if what == "hourly":
        notify.send(user, verb="closed", recipient=user)
    elif what == "retry":
        Scripted.steps = [Retry("busy", timedelta(minutes=6))]
        assert deliver() == Tally(retried=1)
    elif what == "circuit":
        Circuit.objects.create(channel=NAME, failures=9, open_until=timezone.now())
        Scripted.opening = staticmethod(break_opening)
        deliver()
        Scripted.opening = staticmethod(lambda: None)
    else:
        claim = claim_digests if what == "digest" else claim_instant
        assert len(claim("default", NAME, utc_now(), 9).deliveries) == 1

    set_clock(hour, minute + 2, is_winter)
    assert deliver() == Tally()
    set_clock(3, 15, 1)
    assert deliver() == Tally(sent=1)
    assert not Delivery.objects.exclude(status="sent").exists()


@pytest.mark.parametrize(("minute", "is_winter"), [(0, 0), (35, 0), (0, 1), (35, 1)])
def test_what_waits_for_nothing_is_sent_at_once_in_the_hour_that_comes_twice(
    set_clock: Callable[..., None], minute: int, is_winter: int
) -> None:
    """PostgreSQL returns the moment of the notification as the second one, which is yet to come."""
    set_clock(2, minute, is_winter)
    user = make_user()
    notify.send(user, verb="closed", recipient=user)
    assert deliver(limit=20) == Tally(sent=1)


def pause_by_the_page(client: Client, user: Any) -> None:
    client.force_login(user)
    data = {"time_zone": "UTC", "paused_until": "2026-10-25T01:30"}
    assert client.post("/inbox/settings/", data).status_code == 302


def be_quiet(client: Client, user: Any) -> None:
    Schedule.objects.create(user=user, time_zone="UTC", quiet={"5": ["20:00", "01:30"]})


def read_digests(client: Client, user: Any) -> None:
    choose(user, "", NAME, "daily")
    schedule = Schedule(user=user, time_zone="UTC", digest_time=time(1, 30))
    schedule.settle()
    schedule.save()


@pytest.mark.parametrize("wait", [pause_by_the_page, be_quiet, read_digests])
def test_what_waits_for_the_second_of_an_hour_that_comes_twice_does_not_take_the_first_for_it(
    set_clock: Callable[..., None], client: Client, wait: Callable[[Client, Any], None]
) -> None:
    """The recipient is in another zone than the site: 01:30 there is 02:30 here, for the second time."""

    set_clock(0, 30)
    user = make_user()
    wait(client, user)
    for hour, minute, is_winter in [(0, 40, 0), (2, 35, 0), (2, 45, 0), (2, 20, 1)]:
        set_clock(hour, minute, is_winter)
        notify.send(user, verb="closed", recipient=user)
        # A worker that moves the same deliveries again and again would not end.
        assert deliver(limit=20).total <= 4
        assert not Delivery.objects.filter(status="sent").exists()
    set_clock(3, 35, 1)
    assert deliver() == Tally(sent=4)
    assert len(Scripted.sent) == (1 if wait is read_digests else 4)
