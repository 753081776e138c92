"""Let a worker of Django's tasks send: ``django.tasks``, or its backport ``django_tasks`` on Django 5.2.

A task carries no data but the name of the database. One that is lost costs the time until the command sends.
"""

from __future__ import annotations

from typing import Any

from notifications.contrib.delivery.runners import work

try:
    from django.tasks import task  # type: ignore[import-not-found, unused-ignore]
except ImportError:  # Django 5.2
    from django_tasks import task  # type: ignore[import-not-found, no-redef, unused-ignore]


@task
def send_deliveries(using: str) -> None:
    """Send what is due."""
    work(using)


def wake(using: str) -> Any:
    """Enqueue a task."""
    return send_deliveries.enqueue(using)
