"""Let a worker of Celery send.

A task carries no data but the name of the database. One that is lost, because the broker is down, costs the time until
the command or the next beat sends.
"""

from __future__ import annotations

from celery import shared_task

from notifications.contrib.delivery.runners import work


@shared_task(name="notifications.deliver", ignore_result=True)  # type: ignore[untyped-decorator, unused-ignore]
def send_deliveries(using: str) -> None:
    """Send what is due. Let Celery beat call it every minute too: its name is ``notifications.deliver``."""
    work(using)


def wake(using: str) -> None:
    """Send a task. A broker that is down is an error after less than a second, which the caller logs."""
    send_deliveries.delay(using)
