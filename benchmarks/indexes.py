"""Which form of the two indexes that lead with the recipient is worth its bytes: ``python benchmarks/indexes.py``.

For each form, on each database, the rows of the inbox are written with the indexes in place, as they are written on a
site, and the questions are asked that the indexes are for. The rows of one reader are then marked as read but for the
oldest, which is where the forms differ most. What was measured goes to ``benchmarks/results/indexes.json``.

The runner starts itself again in the environment of ours, so that this too is an environment of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

HERE = Path(__file__).resolve().parent

#: The index of the inbox and that of the unread rows, by the name of the form. None: there is no second one.
FORMS: dict[str, tuple[str, str | None]] = {
    "time and id in both": (
        "(recipient_id, inbox_at DESC, id DESC)",
        "(recipient_id, unread, inbox_at DESC, id DESC)",
    ),
    "time in both": ("(recipient_id, inbox_at)", "(recipient_id, unread, inbox_at)"),
    "time, unread without": ("(recipient_id, inbox_at)", "(recipient_id, unread)"),
    "time, unread partial": ("(recipient_id, inbox_at)", "(recipient_id, inbox_at) WHERE unread"),
    "time, unread partial without": ("(recipient_id, inbox_at)", "(recipient_id) WHERE unread"),
    "time, none for unread": ("(recipient_id, inbox_at)", None),
}


def main() -> int:
    """Measure every form on every database that answers."""
    root = str(HERE.parent)
    sys.path.insert(0, root)
    from benchmarks.environments import interpreter
    from benchmarks.run import recreate
    from tests.run import BACKENDS, DidNotRun, find_server
    from tests.settings.databases import databases

    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument(
        "--backend", action="append", choices=BACKENDS, help="only this database (repeatable)"
    )
    parser.add_argument("--events", type=int, default=30_000, help="events, each of ten rows")
    options = parser.parse_args()
    path = HERE / "results" / "indexes.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="notifications-bench-")))
        for backend in options.backend or BACKENDS:
            try:
                url = find_server(backend, scratch, stack).url
            except DidNotRun as reason:
                print(f"{backend} did not run: {reason}", flush=True)
                continue
            name = "ntf_bench_indexes"
            url = (
                f"sqlite:///{scratch / name}" if backend == "sqlite" else url.rpartition("/")[0] + f"/{name}"
            )
            recreate(backend, url, name)
            stack.callback(recreate, backend, url, name, only_drop=True)
            database = databases(url, aliases=("default",))["default"]
            environment = {"BENCH_CANDIDATE": "ours", "BENCH_DATABASE": json.dumps(database)}
            answer = subprocess.run(
                [interpreter("ours"), "-W", "ignore", __file__, "--measure", str(options.events)],
                env={**os.environ, **environment},
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            found[backend] = json.loads(answer.stdout.splitlines()[-1])
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(found, indent=1) + "\n")
            for form, figures in found[backend]["forms"].items():
                print(backend, form, figures, flush=True)
    return 0


def measure(events: int) -> dict[str, Any]:
    """Return what every form costs on the database of this process."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
    import django

    django.setup()
    from candidates.ours import Candidate
    from django.db import connection

    sizes = {"users": 20_000, "events": events, "others": 10_007, "objects": 1_000}
    ours = Candidate()
    ours.begin(sizes, sizes["users"])
    found: dict[str, Any] = {"rows": events * 10, "forms": {}}
    drop = "DROP INDEX {} ON notifications_notification" if connection.vendor == "mysql" else "DROP INDEX {}"
    names = {"inbox": "ntf_inbox", "unread": "ntf_unread"}
    for number, (form, indexes) in enumerate(FORMS.items()):
        if connection.vendor == "mysql" and "WHERE" in (indexes[1] or ""):
            continue
        ours.data.empty(ours.model)
        # The new ones first, because a foreign key of MariaDB is never without an index.
        old, names = names, {}
        for part, columns in zip(("inbox", "unread"), indexes, strict=True):
            if columns:
                names[part] = f"ntf_{part}_{number}"
                ours.data.execute(f"CREATE INDEX {names[part]} ON notifications_notification {columns}")
        for name in old.values():
            ours.data.execute(drop.format(name))
        began = perf_counter()
        ours.data.inbox_rows(ours.model)
        found["forms"][form] = {"load": round(perf_counter() - began, 2), **sizes_of(names, events * 10)}
        found["forms"][form].update(questions(ours, events))
    return found


def sizes_of(names: dict[str, str], rows: int) -> dict[str, float]:
    """Return the bytes per row of these indexes, where the database can tell."""
    from django.db import connection

    sql = {
        "postgresql": "SELECT pg_relation_size(%s::regclass)",
        # In pages, of the size that the last column says.
        "mysql": "SELECT stat_value * @@innodb_page_size FROM mysql.innodb_index_stats"
        " WHERE database_name = DATABASE() AND table_name = 'notifications_notification'"
        " AND index_name = %s AND stat_name = 'size'",
        "sqlite": "SELECT sum(pgsize) FROM dbstat WHERE name = %s",
    }[connection.vendor]
    found = {}
    with connection.cursor() as cursor:
        for part, name in names.items():
            try:
                cursor.execute(sql, [name])
                found[f"{part}, bytes"] = round(float(cursor.fetchone()[0]) / rows, 1)
            except Exception:  # noqa: BLE001 - a SQLite without dbstat, or a user who may not read the statistics
                continue
    return found


def questions(ours: Any, events: int) -> dict[str, float]:
    """Return how many milliseconds each question takes, and mark rows as read in between."""
    from candidates.data import READERS
    from django.contrib.auth import get_user_model

    from notifications.inbox.pagination import cursor_of, get_page
    from notifications.storage.counts import capped

    user = get_user_model().objects.get(pk=READERS["full"])
    rows = user.notifications
    deep = rows.order_by("-inbox_at", "-pk")[events * 8 // 10]
    asked: dict[str, Callable[[], object]] = {
        "page": lambda: get_page(rows.all(), 20, {}),
        "deep page": lambda: get_page(rows.all(), 20, {"before": cursor_of(deep)}),
        "unread page": lambda: get_page(rows.unread(), 20, {}),
        "badge": lambda: capped(user.notifications.unread()),
    }
    found = {name: milliseconds(question) for name, question in asked.items()}
    for left in (events // 10, 3):
        edge = rows.order_by("inbox_at", "pk")[left]
        rows.filter(timestamp__gte=edge.timestamp).update(unread=False)
        ours.data.settle("notifications_notification")
        found[f"unread page, the oldest {left:,} unread"] = milliseconds(asked["unread page"])
        found[f"badge, the oldest {left:,} unread"] = milliseconds(asked["badge"])
    return found


def milliseconds(question: Callable[[], object]) -> float:
    """Return the least time of a question asked again and again: what else the machine does can only add to it."""
    taken = []
    for _ in range(25):
        began = perf_counter()
        question()
        taken.append(perf_counter() - began)
    return round(min(taken) * 1000, 2)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(int(sys.argv[2]))))
        sys.exit(0)
    sys.exit(main())
