"""Kill workers of Celery at random instants while they send deliveries, stop their broker, and count what was lost.

The broker is a Redis of our own, which is killed in the middle of each round while events are sent, and started again.
A worker of Celery that is killed takes messages with it; what it had not sent is sent by the next wake-up, as a beat
would make it every minute.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from tests.crash.deliveries import WORKERS, count_what_was_sent, run_rounds, waiting, write_ledger

from celery import Celery  # isort: skip
from django.contrib.auth import get_user_model

from notifications import notify
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
    with tempfile.TemporaryDirectory(prefix="notifications-crash-") as folder:
        broker = Broker(Path(folder))
        make_app(broker)
        broker.start()
        try:
            return run_rounds(__doc__ or "", "celery", partial(play, broker))
        finally:
            broker.kill()


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

    def work() -> int:
        quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=CRITICAL")
        try:
            make_app(broker).worker_main(
                ["worker", "--pool=solo", f"--hostname=crash-{os.getpid()}@%h", *quiet]
            )
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    return arena.fork(work)


if __name__ == "__main__":
    raise SystemExit(main())
