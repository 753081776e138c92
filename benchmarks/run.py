"""Measure ours against the peers and the floor: ``make bench``, or ``make bench-quick`` to see that it runs.

Every candidate is a process that lives as long as the run, in a virtual environment of its own; their rounds take
turns, so that whatever else the machine does meets all of them. What is measured is written after each case, to
``benchmarks/results/<backend>.json``, and an interrupted run goes on from there with ``--resume``. A quick run, or one
with other rounds or candidates than it should have, leaves that folder alone and writes to ``.cache/bench/tried``. At
the end the bars are shown; ``docs/performance*.rst`` are written after a complete run, or by ``benchmarks/report.py``.

The servers are those of ``tests/run.py``: ``POSTGRES_URL``, ``MARIADB_URL``, else the usual loopback ports; a
database named in ``REQUIRE`` fails the run when it does not answer. The databases ``ntf_bench_*`` are made and, at
the end, dropped.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import unquote, urlsplit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

from benchmarks import report  # noqa: E402
from benchmarks.cases import CANDIDATES, FULL, QUICK, Case, Entry, Sizes, cases  # noqa: E402
from benchmarks.environments import CACHE, interpreter  # noqa: E402
from tests.run import BACKENDS, DidNotRun, find_server  # noqa: E402
from tests.settings.databases import databases  # noqa: E402

#: What of the servers' settings decides how long a write takes.
SERVER_SETTINGS = {
    "postgres": ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size"),
    "mariadb": (
        "innodb_flush_log_at_trx_commit",
        "innodb_buffer_pool_size",
        "innodb_log_file_size",
        "log_bin",
    ),
}

#: Bytes of a statement that MariaDB is made to take while it is measured.
LONGEST_STATEMENT = 2**28


class Worker:
    """The process of one candidate, in its own environment unless another ``python`` is named."""

    def __init__(self, candidate: str, database: dict[str, Any], python: Path | None = None) -> None:
        self.candidate = candidate
        self.process = subprocess.Popen(
            [python or interpreter(candidate), "-W", "ignore", HERE / "worker.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "BENCH_CANDIDATE": candidate, "BENCH_DATABASE": json.dumps(database)},
        )

    def do(self, action: str, **params: Any) -> Any:
        """Have the candidate do something. Return the result, or raise RuntimeError with what went wrong there."""
        assert self.process.stdin
        assert self.process.stdout
        print(json.dumps({"do": action, "with": params}), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": "its process ended"}
        if "error" in answer:
            raise RuntimeError(f"{self.candidate}: {action}: {answer['error']}")
        return answer["result"]

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


class Results:
    """What was measured on one backend, written after each case."""

    def __init__(self, path: Path, *, resume: bool) -> None:
        self.path = path
        self.content: dict[str, Any] = {"about": {}, "cases": {}}
        if path.exists():
            self.content = json.loads(path.read_text())
        self.keep = set(self.content["cases"]) if resume else set()

    def add(self, case: Case, measured: dict[str, Any]) -> None:
        """Put a case in the place of the one that was there."""
        self.content["cases"][case.name] = measured
        self.save()

    def save(self) -> None:
        """Write the file, whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".draft")
        draft.write_text(json.dumps(self.content, indent=1) + "\n")
        draft.replace(self.path)


def main() -> int:
    """Measure. Return 1 when a candidate failed or a required database is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument(
        "--backend", action="append", choices=BACKENDS, help="only this database (repeatable)"
    )
    parser.add_argument(
        "--case", action="append", default=[], help="only cases whose name starts so (repeatable)"
    )
    parser.add_argument("--candidate", action="append", choices=CANDIDATES, help="only this one (repeatable)")
    parser.add_argument("--rounds", type=int, help="so many rounds of every case")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that everything runs")
    parser.add_argument("--resume", action="store_true", help="keep the cases that were measured already")
    options = parser.parse_args()
    required = {name for name in os.environ.get("REQUIRE", "").replace(",", " ").split() if name}
    tried = bool(options.quick or options.candidate or options.rounds)
    folder = CACHE / "tried" if tried else report.RESULTS
    failures: list[str] = []
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="notifications-bench-")))
        for backend in options.backend or BACKENDS:
            try:
                server = find_server(backend, scratch, stack)
            except DidNotRun as reason:
                print(f"{backend} did not run: {reason}", flush=True)
                if backend in required:
                    failures.append(f"{backend} did not run: {reason}")
                continue
            results = Results(folder / f"{backend}.json", resume=options.resume)
            failures += measure_backend(backend, server.url, server.version, options, results)
    if not (tried or options.backend or options.case):
        report.write()
    if not options.quick:
        print(report.bars(folder))
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


def measure_backend(
    backend: str, url: str, version: str, options: argparse.Namespace, results: Results
) -> list[str]:
    """Measure the chosen cases on one database. Return what failed."""
    sizes = QUICK if options.quick else FULL
    chosen = [
        case
        for case in cases(backend, sizes)
        if case.name not in results.keep and (not options.case or case.name.startswith(tuple(options.case)))
    ]
    wanted = options.candidate or CANDIDATES
    taking_part = {entry.candidate for case in chosen for entry in case.entries if entry.candidate in wanted}
    if "floor" in taking_part:
        # Whose tables and rows the floor works on.
        taking_part.add("ours")
    names = [name for name in CANDIDATES if name in taking_part]
    failures: list[str] = []
    with ExitStack() as stack:
        if backend == "mariadb":
            stack.enter_context(room_for_long_statements(url))
        workers = {name: stack.enter_context(worker(name, backend, url)) for name in names}
        versions = {
            name: running.do("begin", sizes=sizes.for_worker(), users=users_of(name, sizes))
            for name, running in workers.items()
        }
        results.content["about"].setdefault("versions", {}).update(versions)
        results.content["about"].update(about(backend, url, version))
        for stage, cases_on_it in groupby(chosen, key=lambda case: case.stage):
            began, group = time.monotonic(), list(cases_on_it)
            taking_part = {entry.candidate for case in group for entry in case.entries}
            for name, running in workers.items():
                if name in taking_part:
                    running.do("stage", name=stage)
            print(f"{backend}: {stage} ready after {time.monotonic() - began:.0f} s", flush=True)
            for case in group:
                measured, failed = measure_case(case, workers, options.rounds or case.rounds)
                failures += [f"{backend}: {case.name}: {problem}" for problem in failed]
                results.add(case, measured)
                print(report.one_case(backend, measured), flush=True)
    return failures


def measure_case(case: Case, workers: dict[str, Worker], rounds: int) -> tuple[dict[str, Any], list[str]]:
    """Return what the entries of a case did, each round in another order, and what failed."""
    began = time.monotonic()
    entries = [entry for entry in case.entries if entry.candidate in workers]
    taken: dict[int, list[dict[str, Any]]] = {number: [] for number in range(len(entries))}
    failures: list[str] = []
    failed: set[int] = set()
    for turn in range(rounds):
        for place in range(len(entries)):
            number = (place + turn) % len(entries)
            entry = entries[number]
            if number in failed or turn >= (entry.rounds or rounds):
                continue
            try:
                taken[number].append(workers[entry.candidate].do(entry.action, **entry.params))
            except RuntimeError as problem:
                failed.add(number)
                failures.append(str(problem))
    measured = {
        "title": case.title,
        "commit": commit(),
        "machine": machine(),
        "measured": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "took": round(time.monotonic() - began, 1),
        "entries": [
            summary(entry, taken[number]) for number, entry in enumerate(entries) if number not in failed
        ],
    }
    if case.alike and {"ours", "floor"} <= workers.keys() and not failed:
        params = {key: value for key, value in case.entries[0].params.items() if key != "repeat"}
        measured["alike"] = same_content(
            *(workers[name].do(case.alike, **params) for name in ("ours", "floor"))
        )
    return measured, failures


def same_content(ours: str, floor: str) -> bool:
    """Tell whether ours and the floor show the same; JSON may be spaced as it likes."""
    if ours.startswith("{"):
        return bool(json.loads(ours) == json.loads(floor))
    return ours == floor


def summary(entry: Entry, taken: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the medians of an entry, with the seconds of every round; of memory, the most."""
    found: dict[str, Any] = {"candidate": entry.candidate, "variant": entry.variant}
    if "seconds" not in taken[0]:
        return {**found, **taken[0]}
    return {
        **found,
        "seconds": median(round_["seconds"] for round_ in taken),
        "rounds": [round(round_["seconds"], 7) for round_ in taken],
        "statements": max(round_["statements"] for round_ in taken),
        "memory": max(round_["memory"] for round_ in taken),
    }


def users_of(candidate: str, sizes: Sizes) -> int:
    """Return how many users the candidate's database has; ten more than are notified, who have a part to play."""
    return (sizes.users if candidate in {"ours", "floor"} else sizes.peer_users) + 10


@contextmanager
def worker(candidate: str, backend: str, url: str) -> Iterator[Worker]:
    """Start a candidate on a database of its own, which is dropped in the end; the floor on that of ours."""
    name = f"ntf_bench_{'ours' if candidate == 'floor' else candidate}"
    if backend == "sqlite":
        path = CACHE / f"{name}.sqlite3"
        url = f"sqlite:///{path}"
    else:
        url = urlsplit(url)._replace(path=f"/{name}").geturl()
    if candidate != "floor":
        recreate(backend, url, name)
    running = Worker(candidate, databases(url, aliases=("default",))["default"])
    try:
        yield running
    finally:
        running.close()
        if candidate != "floor":
            recreate(backend, url, name, only_drop=True)


def recreate(backend: str, url: str, name: str, *, only_drop: bool = False) -> None:
    """Drop the database, and make it anew unless it is only to be dropped."""
    if backend == "sqlite":
        path = Path(urlsplit(url).path.removeprefix("/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        for leftover in path.parent.glob(f"{path.name}*"):
            leftover.unlink()
        return
    creating = "CREATE DATABASE" if backend == "postgres" else "CREATE DATABASE IF NOT EXISTS"
    encoding = "" if backend == "postgres" else " CHARACTER SET utf8mb4"
    with administrator(backend, url) as execute:
        execute(f"DROP DATABASE IF EXISTS {name}")
        if not only_drop:
            execute(f"{creating} {name}{encoding}")


@contextmanager
def administrator(backend: str, url: str) -> Iterator[Any]:
    """Connect to the server and give a function that executes a statement and returns its rows."""
    if backend == "postgres":
        import psycopg

        with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
            yield connection.execute
        return
    import pymysql

    parts = urlsplit(url)
    mariadb = pymysql.connect(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 3306,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        autocommit=True,
    )

    def execute(sql: str) -> Any:
        with mariadb.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()

    try:
        yield execute
    finally:
        mariadb.close()


@contextmanager
def room_for_long_statements(url: str) -> Iterator[None]:
    """Let MariaDB take statements as long as community sends for a hundred thousand users, who fails otherwise."""
    with administrator("mariadb", url) as execute:
        usual = int(execute("SELECT @@global.max_allowed_packet")[0][0])
        execute(f"SET GLOBAL max_allowed_packet = {max(usual, LONGEST_STATEMENT)}")
    try:
        yield
    finally:
        with administrator("mariadb", url) as execute:
            execute(f"SET GLOBAL max_allowed_packet = {usual}")


def about(backend: str, url: str, version: str) -> dict[str, Any]:
    """Return what the figures depend on beside the commit and the machine, which may differ from case to case."""
    settings: dict[str, str] = {"journal_mode": "delete", "synchronous": "full"}
    if backend != "sqlite":
        with administrator(backend, url) as execute:
            show = "SHOW {}" if backend == "postgres" else "SELECT @@{}"
            settings = {
                name: str(next(iter(execute(show.format(name))))[0]) for name in SERVER_SETTINGS[backend]
            }
    return {
        "database": {"backend": backend, "version": version, "settings": settings},
        "measured": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def commit() -> str:
    """Return the commit of this checkout, and whether its files have changed since."""
    describe = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude", "*"]
    return subprocess.run(describe, capture_output=True, text=True, check=False).stdout.strip()


def machine() -> dict[str, Any]:
    """Return the machine, in words that say nothing of whose it is."""
    found: dict[str, Any] = {"system": f"{platform.system()} {platform.machine()}", "cores": os.cpu_count()}
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        found["processor"] = next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
        kibibytes = int(Path("/proc/meminfo").read_text().split()[1])
        found["memory"] = f"{kibibytes / 1024**2:.0f} GiB"
    except (OSError, StopIteration, ValueError):
        pass
    return found


if __name__ == "__main__":
    sys.exit(main())
