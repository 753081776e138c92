"""Let six threads do everything at once that locks many rows, and count the deadlocks that reach a caller.

With ``--plain`` the verbs are the UPDATE that Django would send by itself: then there must be deadlocks, or else
the storm is too weak to show anything.
"""

from __future__ import annotations

import argparse
import io
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import DatabaseError, connection, connections, models

from notifications import notify
from tests.crash import arena

THREADS = 6
USERS = 700
KEYS = 3


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument(
        "--plain", action="store_true", help="go on until the first deadlock, at most so long"
    )
    options = parser.parse_args()
    with arena.own_database(USERS) as pks:
        before = deadlocks_on_server()
        storm = Storm(pks, options)
        threads = [threading.Thread(target=storm.blow, args=[number]) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # A server counts what a session did when the session ends, if not before.
        arena.wait_until_alone()
        on_server = deadlocks_on_server() - before
    print(
        json.dumps(
            {
                "calls": dict(storm.calls),
                "deadlocks": storm.deadlocks,
                "on_server": on_server,
                "failed": storm.failures,
            }
        )
    )
    return 0


def deadlocks_on_server() -> int:
    """Return how many deadlocks PostgreSQL counted in this database, MariaDB in all of them."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        else:
            cursor.execute(
                "SELECT variable_value FROM information_schema.global_status "
                "WHERE variable_name = 'Innodb_deadlocks'"
            )
        return int(cursor.fetchone()[0])


class Storm:
    """What the threads do, and what came of it."""

    def __init__(self, pks: list[Any], options: argparse.Namespace) -> None:
        self.pks = pks
        self.plain = options.plain
        self.seed = options.seed
        self.until = time.monotonic() + options.seconds
        self.calls: Counter[str] = Counter()
        self.deadlocks: list[str] = []
        self.failures: list[str] = []

    def blow(self, number: int) -> None:
        """Do one thing after the other, each thread in an order of its own."""
        chance = Random(f"{self.seed}/{number}")  # noqa: S311
        gusts: list[Callable[[Random], object]] = [
            self.tell_all, self.tell_a_list, self.tell_under_key, self.tell_in_chunks,
            self.mark_everything, self.mark_one_inbox, self.mark_one_inbox, self.mark_by_id, self.mark_by_id,
            self.recall, self.prune,
        ]  # fmt: skip
        if self.plain:
            gusts = [
                self.tell_all,
                self.mark_everything,
                self.mark_one_inbox,
                self.mark_by_id,
                self.mark_by_id,
            ]
        try:
            while time.monotonic() < self.until and not (self.plain and self.deadlocks):
                gust = chance.choice(gusts)
                name = gust.__name__
                try:
                    gust(chance)
                except DatabaseError as error:
                    (self.deadlocks if "eadlock" in str(error) else self.failures).append(f"{name}: {error}")
                except Exception as error:  # noqa: BLE001 - reported
                    self.failures.append(f"{name}: {error!r}")
                else:
                    self.calls[name] += 1
        finally:
            connections.close_all()

    def send(self, recipient: Any, **options: Any) -> None:
        actor = get_user_model()._default_manager.get(pk=self.pks[0])
        notify.send(actor, verb="closed", recipient=recipient, **options)

    def shuffled(self, chance: Random) -> list[Any]:
        return chance.sample(self.pks, len(self.pks))

    def tell_all(self, chance: Random) -> None:
        self.send(get_user_model()._default_manager.all())

    def tell_a_list(self, chance: Random) -> None:
        self.send(self.shuffled(chance), idempotency_key=f"key {chance.randrange(KEYS)}")

    def tell_under_key(self, chance: Random) -> None:
        self.send(
            get_user_model()._default_manager.order_by("?"), idempotency_key=f"key {chance.randrange(KEYS)}"
        )

    def tell_in_chunks(self, chance: Random) -> None:
        recipient = get_user_model()._default_manager.all()
        self.send(
            recipient,
            idempotency_key=f"key {chance.randrange(KEYS)}",
            fanout_chunk=chance.choice([50, 70, 300]),
        )

    def mark_everything(self, chance: Random) -> None:
        self.mark(arena.notifications(), chance)

    def mark_one_inbox(self, chance: Random) -> None:
        self.mark(arena.notifications().filter(recipient=chance.choice(self.pks[:5])), chance)

    def mark_by_id(self, chance: Random) -> None:
        """Mark some hundred rows that were picked on a page, in any order."""
        newest = arena.notifications().order_by(chance.choice(["pk", "-pk", "timestamp", "-recipient"]))
        self.mark(
            arena.notifications().filter(pk__in=list(newest.values_list("pk", flat=True)[:500])), chance
        )

    def mark(self, rows: Any, chance: Random) -> None:
        unread = chance.random() < 0.5
        if self.plain:
            models.QuerySet.update(rows.filter(unread=not unread), unread=unread)
        elif unread:
            rows.mark_all_as_unread()
        else:
            rows.mark_all_as_read()

    def recall(self, chance: Random) -> None:
        arena.notifications().recall(key=f"key {chance.randrange(KEYS)}")

    def prune(self, chance: Random) -> None:
        rule = chance.choice([["--keep=3"], ["--read-older-than=0h"]])
        call_command("prune_notifications", *rule, "--chunk-size=300", stdout=io.StringIO())


if __name__ == "__main__":
    raise SystemExit(main())
