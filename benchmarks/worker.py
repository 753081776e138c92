"""The process in which one candidate runs: it reads a command a line, as JSON, and answers each with a line of JSON.

It is started in the candidate's own virtual environment, where nothing of this checkout can be imported but this
folder. Every candidate lives as long as the run, so that their rounds can take turns.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import platform
import resource
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median, median_low
from time import perf_counter
from typing import Any

PACKAGES = (
    "Django",
    "django-notifications-inbox",
    "django-notifications-community",
    "django-notifications-hq",
    "django-activity-stream",
    "django-model-utils",
    "jsonfield",
    "psycopg",
    "PyMySQL",
)
TRANSACTION_CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


class Statements:
    """An execute wrapper that counts the statements, those that only begin or end a transaction left out."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        if not str(sql).lstrip().upper().startswith(TRANSACTION_CONTROL):
            self.count += 1
        return execute(sql, params, many, context)


def measure(
    call: Callable[[], object], *, repeat: int = 1, before: Callable[[], object] | None = None
) -> dict[str, Any]:
    """Return the median seconds and statements of ``call``, and the growth of the process's memory in bytes.

    ``before`` is done before each call and does not count.
    """
    from django.db import connection

    seconds, counts, statements = [], [], Statements()
    gc.collect()
    resident = reset_peak()
    for _ in range(repeat):
        if before:
            before()
        statements.count = 0
        with connection.execute_wrapper(statements):
            began = perf_counter()
            call()
            seconds.append(perf_counter() - began)
        counts.append(statements.count)
    return {
        "seconds": median(seconds),
        "statements": median_low(counts),
        "memory": max(peak() - resident, 0),
    }


def reset_peak() -> int:
    """Forget the peak of this process's memory where Linux can. Return the memory in use now, in bytes."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return status("VmRSS")
    except (OSError, KeyError):
        return peak()


def peak() -> int:
    """Return the most memory this process has used, in bytes, since the last reset where Linux can reset it."""
    try:
        return status("VmHWM")
    except (OSError, KeyError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(dict(line.split(":", 1) for line in lines)[name].split()[0]) * 1024


def versions() -> dict[str, str]:
    """Return the versions of everything this process runs on."""
    found = {"Python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def main() -> None:
    """Answer commands until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    # What anything prints goes where errors go, not between the answers.
    os.dup2(2, 1)
    os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
    import django

    django.setup()
    candidate = importlib.import_module(f"candidates.{os.environ['BENCH_CANDIDATE']}").Candidate()
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = {"result": getattr(candidate, command["do"])(**command["with"])}
        except Exception:  # noqa: BLE001 - the run goes on with the others and says at the end what failed
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
