"""Restart PostgreSQL at random instants while workers send deliveries, and count what was lost or sent twice.

The workers are those of ``manage.py deliver_notifications --loop``. A restart may meet one message of each of them
between its hand-over and the note of it.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from tests.crash.interrupted import Fault, embedded_server

#: How long a round may take, in seconds.
PATIENCE = 120


def main() -> int:
    with embedded_server() as (os.environ["DATABASE_URL"], restart):
        # Here, because it reads the settings.
        from tests.crash.deliveries import run_rounds

        return run_rounds(__doc__ or "", "none", partial(play, restart))


def play(restart: Fault, pks: list[Any], sink: Path, chance: Random, faults: int) -> Counter[str]:
    """Send the deliveries of some events, with at most two restarts. Return what was found."""
    from django.db import connection

    from tests.crash import arena
    from tests.crash.deliveries import WORKERS, count_what_was_sent, waiting, write_ledger

    sink.write_text("")
    write_ledger(pks)
    found: Counter[str] = Counter(rounds=1)
    workers = [arena.fork(work) for _ in range(WORKERS)]
    began = time.monotonic()
    while waiting() and time.monotonic() - began < PATIENCE:
        time.sleep(0.5 * chance.random())
        if found["faults"] < min(faults, 2):
            connection.close()
            restart(workers, chance)
            found["faults"] += 1
    for worker in workers:
        os.kill(worker, signal.SIGTERM)
    found["failed"] += sum(arena.wait_for(worker) != 0 for worker in workers)
    arena.wait_until_alone()
    return found + count_what_was_sent(sink)


def work() -> int:
    """Send what is due until SIGTERM. Return 0."""
    from django.core.management import call_command

    with Path(os.devnull).open("w") as nothing:
        call_command("deliver_notifications", loop=True, interval=1, stdout=nothing, stderr=nothing)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
