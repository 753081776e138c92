"""What a worker writes is written again where the database ended its transaction because of another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, OperationalError, connection
from django.utils import timezone

from notifications import notify
from notifications.contrib.delivery import circuits
from notifications.contrib.delivery.clocks import utc_now
from notifications.contrib.delivery.models import Circuit, Delivery, Schedule, StoppedAddress
from notifications.contrib.delivery.sending import Worker, stop_address
from notifications.contrib.delivery.tracking import track
from tests.factories import make_user, moment

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "memory"


class Event:
    """What a mail service reports."""

    event_type, recipient, description, reject_reason = "delivered", "", "", ""

    @property
    def metadata(self) -> Any:
        return {"delivery": Delivery.objects.get().pk}


WRITES: dict[str, Callable[[], object]] = {
    "allowed": lambda: circuits.allowed("default", NAME, utc_now()),
    "try_another": lambda: circuits.try_another("default", NAME, utc_now()),
    "trip": lambda: circuits.trip("default", NAME, "down", utc_now()),
    "reset": lambda: circuits.reset("default", NAME),
    "move_schedules": Worker("default").move_schedules,
    "stop_address": lambda: stop_address(NAME, "ann@example.com", "gone", "default"),
    "track": lambda: track(None, Event()),
    "prune_deliveries": lambda: call_command("prune_deliveries", "--older-than", "1d"),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_write_that_conflicts_is_written_again(settings: Any, name: str) -> None:
    settings.NOTIFICATIONS = {"DELIVERY_CHANNELS": {NAME: {}}, "DELIVERY_RUNNER": "none"}
    user = make_user()
    notify.send(user, verb="closed", recipient=user)
    Delivery.objects.update(status="sent", sent_at=timezone.now(), due_at=moment(2026, 1, 1))
    Circuit.objects.create(channel=NAME, failures=1, open_until=moment(2026, 1, 1))
    Schedule.objects.create(user=user)
    conflicts = [OperationalError(1213, "Deadlock found when trying to get lock")]

    def conflict(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if conflicts and sql.startswith(("UPDATE", "DELETE", "INSERT")):
            raise conflicts.pop()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(conflict):
        WRITES[name]()

    assert conflicts == []


@pytest.mark.parametrize("name", ["trip", "stop_address"])
def test_a_row_that_others_make_and_delete_meanwhile_is_made_again(settings: Any, name: str) -> None:
    settings.NOTIFICATIONS = {"DELIVERY_CHANNELS": {NAME: {}}, "DELIVERY_RUNNER": "none"}
    others = [IntegrityError("it was there")]

    def made(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if others and sql.startswith("INSERT"):
            raise others.pop()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(made):
        WRITES[name]()

    assert others == []
    assert Circuit.objects.count() + StoppedAddress.objects.count() == 1
