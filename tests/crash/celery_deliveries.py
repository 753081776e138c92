"""Kill workers of Celery at random instants while they send deliveries, stop their broker, and count what was lost.

The broker is a Redis of our own, which is killed in the middle of each round while events are sent, and started again;
or a RabbitMQ, to which the line is cut instead. A worker of Celery that is killed takes messages with it; what it had
not sent is sent by the next wake-up, as a beat would make it every minute.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

from tests.crash.deliveries import WORKERS, count_what_was_sent, run_rounds, waiting, write_ledger

from celery import Celery  # isort: skip
from django.contrib.auth import get_user_model

from notifications import notify
from notifications.contrib.delivery.runners.celery import send_deliveries
from tests.crash import arena
from tests.crash.run import RABBITMQ_URL

#: The queue of this run, of which nobody else knows.
QUEUE = f"notifications-crash-{os.getpid()}"

#: The program that passes on what comes to a port.
LINE = Path(__file__).with_name("line.py")

#: How many users, who have no digests, are notified while the broker is down.
LATE = 20


class Redis:
    """A Redis that is killed and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        line = ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", ""]
        self.process = subprocess.Popen(line, cwd=self.folder, stdout=subprocess.DEVNULL)
        wait_for_port(self.port)

    def kill(self) -> None:
        """Kill it with all that it holds."""
        self.process.kill()
        self.process.wait()


class RabbitMQ:
    """The line to a RabbitMQ that others use as well. It is cut, and mended on the same port."""

    def __init__(self, folder: Path) -> None:
        parts = urlsplit(RABBITMQ_URL)
        self.server = parts.hostname or "127.0.0.1", parts.port or 5672
        self.port = free_port()
        user = parts.netloc.rpartition("@")[0]
        self.url = parts._replace(netloc=f"{user}@127.0.0.1:{self.port}").geturl()

    def start(self) -> None:
        """Let the line through."""
        self.process = subprocess.Popen([sys.executable, LINE, str(self.port), *map(str, self.server)])
        wait_for_port(self.port)

    def kill(self) -> None:
        """Cut the line, and drop all who talk."""
        self.process.kill()
        self.process.wait()


BROKERS: dict[str, type[Redis | RabbitMQ]] = {"redis": Redis, "rabbitmq": RabbitMQ}


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def wait_for_port(port: int) -> None:
    """Wait until somebody listens on a port."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as there:
            if there.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("The broker does not answer.")


def main() -> int:
    kind = BROKERS[sys.argv.pop(1)]
    with tempfile.TemporaryDirectory(prefix="notifications-crash-") as folder:
        broker = kind(Path(folder))
        app = make_app(broker)
        broker.start()
        try:
            return run_rounds(__doc__ or "", "celery", partial(play, broker))
        finally:
            with suppress(Exception), app.connection_for_write() as connection:
                connection.default_channel.queue_delete(QUEUE)
            broker.kill()


def make_app(broker: Redis | RabbitMQ) -> Celery:
    """Make an app of Celery. A process that is forked needs its own connections."""
    app = Celery("crash", broker=broker.url)
    app.conf.update(
        task_ignore_result=True, broker_connection_retry_on_startup=True, task_default_queue=QUEUE
    )
    app.set_default()
    return app


def play(broker: Redis | RabbitMQ, pks: list[Any], sink: Path, chance: Random, faults: int) -> Counter[str]:
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
def workers_of(broker: Redis | RabbitMQ, found: Counter[str]) -> Iterator[set[int]]:
    """Start workers, and end them as Celery is ended, when they have done what they have."""
    workers = {start_worker(broker) for _ in range(WORKERS)}
    try:
        yield workers
    finally:
        for worker in workers:
            os.kill(worker, signal.SIGTERM)
        for worker in workers:
            found["failed"] += arena.wait_for(worker) != 0


def start_worker(broker: Redis | RabbitMQ) -> int:
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
