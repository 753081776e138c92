"""What sends deliveries after a commit. Each is only a wake-up: the rows of the ledger are the truth."""

from __future__ import annotations

import logging
import time
from contextvars import ContextVar
from typing import Any, Protocol

from django.utils.module_loading import import_string

from notifications.contrib.delivery.conf import settings
from notifications.contrib.delivery.sending import deliver
from notifications.storage.transactions import commit_by_itself

__all__ = ["BUILT_IN", "Runner", "get_runner", "send_a_few", "wake", "work"]

logger = logging.getLogger("notifications")

#: The runners of this app, by the short names that the setting ``DELIVERY_RUNNER`` takes beside dotted paths.
BUILT_IN = {
    "celery": "notifications.contrib.delivery.runners.celery.wake",
    "tasks": "notifications.contrib.delivery.runners.tasks.wake",
    "inline": "notifications.contrib.delivery.runners.inline.wake",
    "none": "notifications.contrib.delivery.runners.wait_for_command",
}


#: The most deliveries that are sent while a sender waits, and the seconds after which no further one is begun.
MAX_DELIVERIES, MAX_SECONDS = 20, 2.0

#: The seconds after which a task begins no further message. Redis gives a task that takes an hour to another worker.
MAX_TASK_SECONDS = 60.0

#: Whether this is still the call of ``notify.send``, which waits.
_is_waking: ContextVar[bool] = ContextVar("notifications_is_waking", default=False)


class Runner(Protocol):
    """A function that is called after a commit that wrote deliveries."""

    def __call__(self, using: str) -> Any:
        """Send what is due in this database, or let another process do it."""


def get_runner() -> Runner:
    """Return the runner of the setting ``DELIVERY_RUNNER``. Raise ImportError if there is none, or TypeError."""
    runner: Runner = import_string(BUILT_IN.get(settings.DELIVERY_RUNNER, settings.DELIVERY_RUNNER))
    if not callable(runner):
        raise TypeError(f"{runner!r} is not a function")
    return runner


def wake(using: str) -> None:
    """Call the runner. Its failure is logged, and costs no more than the time until the command sends."""
    token = _is_waking.set(True)
    try:
        get_runner()(using)
    except Exception:
        logger.exception("The runner %s failed. Deliveries wait for the command.", settings.DELIVERY_RUNNER)
    finally:
        _is_waking.reset(token)


def send_a_few(using: str) -> None:
    """Send what is due, up to the limits of what a sender waits for. The rest is for the command."""
    deliver(using, limit=MAX_DELIVERIES, deadline=time.monotonic() + MAX_SECONDS, digests=False)


def work(using: str) -> None:
    """Send what is due in a task: for a minute, or only a few where the task runs in the process of the sender.

    So it does with the backend of Django's tasks that is the default, and in Celery's eager mode.
    """
    if _is_waking.get():
        send_a_few(using)
    else:
        commit_by_itself(using)
        deliver(using, deadline=time.monotonic() + MAX_TASK_SECONDS)


def wait_for_command(using: str) -> None:
    """Do nothing: ``manage.py deliver_notifications`` sends."""
