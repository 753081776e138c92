"""Kill workers of Celery at random instants while they send deliveries, stop their broker, and count what was lost.

The broker is a Redis of our own, which is killed in the middle of each round while events are sent, and started again.
A worker of Celery that is killed takes messages with it; what it had not sent is sent by the next wake-up, as a beat
would make it every minute.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from tests.crash.deliveries import WORKERS, Sink, count_what_was_sent, hurry, waiting, write_ledger

from celery import Celery  # isort: skip
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connections

from notifications import notify
from notifications.contrib.delivery.channels import get_channels
from notifications.contrib.delivery.runners.celery import send_deliveries
from tests.crash import arena

#: How many users, who have no digests, are notified while the broker is down.
LATE = 20


class Broker:
    """A Redis that is killed and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        line = ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", ""]
        self.process = subprocess.Popen(line, cwd=self.folder, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as there:
                if there.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("Redis does not answer.")

    def kill(self) -> None:
        """Kill it with all that it holds."""
        self.process.kill()
        self.process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
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
        sink, broker = Path(scratch) / "sink", Broker(Path(scratch))
        settings.NOTIFICATIONS = {
            "DELIVERY_CHANNELS": {"sink": {"channel": f"{Sink.__module__}.Sink", "path": str(sink)}},
            "DELIVERY_RUNNER": "celery",
        }
        get_channels.cache_clear()
        make_app(broker)
        broker.start()
        try:
            with arena.own_database(5_000) as pks:
                while total["faults"] < options.faults or time.monotonic() < until:
                    total += play(broker, pks, sink, chance, options.faults - total["faults"])
        finally:
            broker.kill()
    names = ("rounds", "faults", "lost", "doubled", "failed")
    print(json.dumps({name: total[name] for name in names}))
    return 0


def make_app(broker: Broker) -> Celery:
    """Make an app of Celery. A process that is forked needs its own connections."""
    app = Celery("crash", broker=broker.url)
    app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)
    app.set_default()
    return app


def play(broker: Broker, pks: list[Any], sink: Path, chance: Random, faults: int) -> Counter[str]:
    """Send the deliveries of some events, with so many faults. Return what was found."""
    sink.write_text("")
    found: Counter[str] = Counter(rounds=1)
    # Before anybody has claimed what it makes due.
    write_ledger(pks)
    with workers_of(broker, found) as workers:
        is_up, began = True, time.monotonic()
        while waiting() and time.monotonic() - began < 120:
            if is_up:
                for _ in workers:
                    send_deliveries.delay("default")
            time.sleep(0.5 * chance.random())
            if is_up and faults > 1 and found["faults"] == faults // 2:
                # In the middle: the request succeeds, and what it wrote is sent later.
                broker.kill()
                is_up = False
                everybody: Any = get_user_model()._default_manager
                notify.send(
                    everybody.get(pk=pks[0]), verb="came late", recipient=everybody.filter(pk__in=pks[-LATE:])
                )
            elif not is_up:
                broker.start()
                is_up = True
            if found["faults"] < faults:
                victim = chance.choice(sorted(workers))
                os.kill(victim, signal.SIGKILL)
                found["faults"] += arena.wait_for(victim) == -signal.SIGKILL
                workers.remove(victim)
                workers.add(start_worker(broker))
        if not is_up:
            broker.start()
    arena.wait_until_alone()
    found += count_what_was_sent(sink)
    return found


@contextmanager
def workers_of(broker: Broker, found: Counter[str]) -> Iterator[set[int]]:
    """Start workers, and end them as Celery is ended, when they have done what they have."""
    workers = {start_worker(broker) for _ in range(WORKERS)}
    try:
        yield workers
    finally:
        for worker in workers:
            os.kill(worker, signal.SIGTERM)
        for worker in workers:
            found["failed"] += arena.wait_for(worker) != 0


def start_worker(broker: Broker) -> int:
    """Start a process that is a worker of Celery. Return its id."""
    # A connection must not be in two processes.
    connections.close_all()
    pid = os.fork()
    if pid:
        return pid
    status = arena.FAILED
    try:
        quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=CRITICAL")
        make_app(broker).worker_main(["worker", "--pool=solo", f"--hostname=crash-{os.getpid()}@%h", *quiet])
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:  # noqa: BLE001 - whatever it was, the parent's code must not go on here
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    raise SystemExit(main())
