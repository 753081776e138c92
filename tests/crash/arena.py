"""A database of our own with an audience in it, and workers that tell it something."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings.default")
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.db import InterfaceError, OperationalError, connection, connections  # noqa: E402

from notifications import notify  # noqa: E402
from notifications.conf import get_notification_model  # noqa: E402

#: How a worker ends beside 0: its connection broke, its call came back although somebody was not told, the rest.
DISCONNECTED, INCOMPLETE, FAILED = 3, 4, 5

#: How many sessions others have in this database.
SESSIONS = {
    "postgresql": (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    ),
    "mysql": (
        "SELECT count(*) FROM information_schema.processlist WHERE db = database() AND id <> connection_id()"
    ),
}


@contextmanager
def own_database(users: int) -> Iterator[list[Any]]:
    """Make a database with so many users in it, give their primary keys, and remove it in the end."""
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        model: Any = get_user_model()
        everybody = model._base_manager
        everybody.bulk_create([model(username=f"user{n}") for n in range(users)], batch_size=2000)
        yield list(everybody.order_by("pk").values_list("pk", flat=True))
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def notifications() -> Any:
    """Return all notifications."""
    return get_notification_model()._default_manager.all()


def empty_the_table() -> None:
    """Remove all notifications at once."""
    table = connection.ops.quote_name(get_notification_model()._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE TABLE {table}")


def wait_until_alone() -> None:
    """Wait for what the server still does for processes that are dead."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(SESSIONS[connection.vendor])
            if cursor.fetchone()[0] == 0:
                return
        time.sleep(0.005)
    raise RuntimeError("The sessions of dead processes do not end.")


def start_worker(key: str, pks: list[Any], chance: Random) -> int:
    """Start a process that tells everybody of one event, in steps of its own. Return its id."""
    chunk_size = chance.choice([500, 700, 1000, 3000])
    by_query = chance.random() < 0.75

    def work() -> int:
        everybody: Any = get_user_model()._default_manager
        try:
            [(_, response)] = notify.send(
                everybody.get(pk=pks[0]),
                verb="closed",
                recipient=everybody.all() if by_query else iter(pks),
                idempotency_key=key,
                fanout_chunk=chunk_size,
            )
            return 0 if len(response) == len(pks) else INCOMPLETE
        except (OperationalError, InterfaceError) as error:
            print(f"{key}: {error!r}", file=sys.stderr)
            return FAILED if "eadlock" in str(error) else DISCONNECTED

    return fork(work)


def fork(work: Callable[[], int]) -> int:
    """Start a process that calls ``work``, which returns its exit status, and ends. Return its id."""
    # A connection must not be in two processes.
    connections.close_all()
    pid = os.fork()
    if pid:
        return pid
    status = FAILED
    try:
        status = work()
    except BaseException:  # noqa: BLE001 - whatever it was, the parent's code must not go on here
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def wait_for(pid: int) -> int:
    """Wait until a worker has ended. Return its exit status, or minus the number of the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
