"""Kill workers at random instants while they send deliveries, start others, and count what was lost or sent twice.

The sink is a file to which each message is appended by one write, under its key. That is the moment when it is sent.
A worker that is killed between it and the note of it sends that message again, and no other.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings.delivery"
django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402

from notifications import notify  # noqa: E402
from notifications.contrib.delivery import claims, sending  # noqa: E402
from notifications.contrib.delivery.channels import Channel, Message, Outcome, Sent, get_channels  # noqa: E402
from notifications.contrib.delivery.models import Delivery  # noqa: E402
from notifications.contrib.delivery.preferences import choose  # noqa: E402
from notifications.contrib.delivery.sending import deliver  # noqa: E402
from tests.crash import arena  # noqa: E402

#: How many users are notified, how many of them have digests of several events, and how many workers send.
USERS, DIGESTS, WORKERS = 5_000, 300, 4

#: How long a worker has what it claimed, and after how many seconds it renews that. The real ones would take the time
#: of the test.
LEASE, MAX_AGE = timedelta(seconds=5), 0.5

#: How long a server thinks about a message, in seconds.
THINKING = 0.002


class Sink(Channel):
    """Append the key of each message to a file."""

    default = "instant"

    def __init__(self, name: str, *, path: str) -> None:
        super().__init__(name)
        self.path = path

    def open(self) -> None:
        """Open the file."""
        self.file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def send(self, message: Message) -> Outcome:
        """Append a line, as one write."""
        count = len(message.notifications) + message.more
        os.write(self.file, f"{message.key} {count} {os.getpid()} {time.time():.3f}\n".encode())
        time.sleep(THINKING)
        return Sent(message.key)

    def close(self) -> None:
        """Close the file."""
        os.close(self.file)


def main() -> int:
    return run_rounds(__doc__ or "", "none", play)


def run_rounds(
    description: str, runner: str, play: Callable[[list[Any], Path, Random, int], Counter[str]]
) -> int:
    """Play rounds for as long as the arguments of the program say, and print what was found.

    ``play`` is called with the keys of the users, the path of the sink, what is left to chance, and how many workers
    are still to be killed.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, required=True, help="go on for at least so long")
    parser.add_argument("--faults", type=int, required=True, help="and until so many workers were killed")
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    hurry()
    chance = Random(options.seed)  # noqa: S311
    total: Counter[str] = Counter()
    until = time.monotonic() + options.seconds
    with tempfile.TemporaryDirectory(prefix="notifications-crash-") as scratch:
        sink = Path(scratch) / "sink"
        settings.NOTIFICATIONS = {
            "DELIVERY_CHANNELS": {"sink": {"channel": f"{Sink.__module__}.Sink", "path": str(sink)}},
            "DELIVERY_RUNNER": runner,
        }
        # This module is another one when it runs as a program.
        sys.modules.setdefault("tests.crash.deliveries", sys.modules[__name__])
        get_channels.cache_clear()
        with arena.own_database(USERS) as pks:
            while total["faults"] < options.faults or time.monotonic() < until:
                total += play(pks, sink, chance, options.faults - total["faults"])
    print(json.dumps({name: total[name] for name in ("rounds", "faults", "lost", "doubled", "failed")}))
    return 0


def hurry() -> None:
    """Shorten the times that a worker takes."""
    claims.LEASE, claims.DIGEST_WAIT, sending.MAX_AGE = LEASE, timedelta(0), MAX_AGE


def play(pks: list[Any], sink: Path, chance: Random, faults: int) -> Counter[str]:
    """Send the deliveries of some events, with so many faults. Return what was found."""
    sink.write_text("")
    write_ledger(pks)
    found: Counter[str] = Counter(rounds=1)
    workers = {start_worker() for _ in range(WORKERS)}
    while workers:
        if faults > 0 and waiting():
            time.sleep(0.3 * chance.random())
            victim = chance.choice(sorted(workers))
            os.kill(victim, signal.SIGKILL)
            faults -= 1
        else:
            victim = next(iter(workers))
        end = arena.wait_for(victim)
        workers.remove(victim)
        found["faults"] += end == -signal.SIGKILL
        found["failed"] += end not in {0, -signal.SIGKILL}
        if end == -signal.SIGKILL:
            workers.add(start_worker())
    arena.wait_until_alone()
    return found + count_what_was_sent(sink)


def count_what_was_sent(sink: Path) -> Counter[str]:
    """Return how many messages were lost, and how many were sent twice. Empty the ledger."""
    found: Counter[str] = Counter()
    sent = Counter(line.split()[0] for line in sink.read_text().splitlines())
    keys = set(Delivery.objects.values_list("reference", flat=True))
    found["lost"] = Delivery.objects.exclude(status="sent").count() + len(keys - sent.keys())
    found["doubled"] = sum(sent.values()) - len(sent)
    for line in sink.read_text().splitlines():
        # By which processes, and when.
        if sent[line.split()[0]] > 1:
            print("sent twice:", line, file=sys.stderr)
    Delivery.objects.all().delete()
    arena.empty_the_table()
    return found


def write_ledger(pks: list[Any]) -> None:
    """Notify everybody once, and some of them, who want digests, five times more. All of it is due."""
    everybody: Any = get_user_model()._default_manager
    actor = everybody.get(pk=pks[0])
    for pk in pks[:DIGESTS]:
        choose(everybody.get(pk=pk), "", "sink", "hourly")
    notify.send(actor, verb="closed", recipient=everybody.all())
    for number in range(5):
        notify.send(actor, verb=f"did {number}", recipient=everybody.filter(pk__in=pks[:DIGESTS]))
    Delivery.objects.update(next_attempt_at="2026-01-01T00:00Z")


def waiting() -> bool:
    """Return whether there is something to send."""
    return Delivery.objects.filter(status="pending").exists()


def start_worker() -> int:
    """Start a process that sends until nothing is left. Return its id."""

    def work() -> int:
        while waiting():
            deliver()
            time.sleep(0.05)
        return 0

    return arena.fork(work)


if __name__ == "__main__":
    raise SystemExit(main())
