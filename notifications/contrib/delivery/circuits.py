"""The circuit of a channel: while its service does not work, it costs one attempt per pause, whatever the workers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F

from notifications.contrib.delivery.clocks import stored, stored_after
from notifications.contrib.delivery.models import Circuit, short_text
from notifications.storage.locking import is_there_already, retry

#: The first pause, which doubles with each failure, and the longest one.
PAUSE, MAX_PAUSE = timedelta(seconds=30), timedelta(minutes=10)


def pause_after(failures: int) -> timedelta:
    """Return how long a channel is left alone after so many failures in a row."""
    pause: timedelta = min(PAUSE * 2 ** min(max(failures - 1, 0), 10), MAX_PAUSE)
    return pause


def allowed(using: str, channel: str, now: datetime) -> int | None:
    """Return how many messages this worker may send: None for any number, 0 in a pause, and 1 to try after it."""
    circuits: Any = Circuit.objects.using(using)
    found = circuits.filter(channel=channel).first()
    if found is None:
        return None
    if found.open_until > stored(now):
        return 0
    # One of the workers tries. If it dies, another one does after the next pause.
    mine = circuits.filter(channel=channel, open_until=found.open_until)
    again = stored_after(now, pause_after(found.failures))
    return retry(lambda: int(mine.update(open_until=again)), using)


def try_another(using: str, channel: str, now: datetime) -> None:
    """Let the next message be tried at once: the worker that was to try one had none to send."""
    mine = Circuit.objects.using(using).filter(channel=channel)
    retry(lambda: mine.update(open_until=stored(now)), using)


def trip(using: str, channel: str, problem: str, now: datetime) -> None:
    """Pause the channel."""
    circuits: Any = Circuit.objects.using(using)

    def write() -> None:
        circuit, is_new = circuits.get_or_create(
            channel=channel, defaults={"failures": 1, "open_until": stored_after(now, PAUSE)}
        )
        failures = 1 if is_new else circuit.failures + 1
        circuits.filter(channel=channel).update(
            failures=1 if is_new else F("failures") + 1,
            open_until=stored_after(now, pause_after(failures)),
            problem=short_text(problem),
        )

    retry(write, using, also=is_there_already)


def reset(using: str, channel: str) -> None:
    """End the pause: the service works."""
    retry(Circuit.objects.using(using).filter(channel=channel).delete, using)
