"""What sends deliveries after a commit. Each is only a wake-up: the rows of the ledger are the truth."""

from __future__ import annotations

import logging
from typing import Any, Protocol

from django.utils.module_loading import import_string

from notifications.contrib.delivery.conf import settings

__all__ = ["BUILT_IN", "Runner", "get_runner", "wake"]

logger = logging.getLogger("notifications")

#: The runners of this app, by the short names that the setting ``DELIVERY_RUNNER`` takes beside dotted paths.
BUILT_IN = {
    "celery": "notifications.contrib.delivery.runners.celery.wake",
    "tasks": "notifications.contrib.delivery.runners.tasks.wake",
    "inline": "notifications.contrib.delivery.runners.inline.wake",
    "none": "notifications.contrib.delivery.runners.wait_for_command",
}


class Runner(Protocol):
    """A function that is called after a commit that wrote deliveries."""

    def __call__(self, using: str) -> Any:
        """Send what is due in this database, or let another process do it."""


def get_runner() -> Runner:
    """Return the runner of the setting ``DELIVERY_RUNNER``. Raise ImportError if there is none."""
    runner: Runner = import_string(BUILT_IN.get(settings.DELIVERY_RUNNER, settings.DELIVERY_RUNNER))
    return runner


def wake(using: str) -> None:
    """Call the runner. Its failure is logged, and costs no more than the time until the command sends."""
    try:
        get_runner()(using)
    except Exception:
        logger.exception("The runner %s failed. Deliveries wait for the command.", settings.DELIVERY_RUNNER)


def wait_for_command(using: str) -> None:
    """Do nothing: ``manage.py deliver_notifications`` sends."""
