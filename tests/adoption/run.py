"""Make databases with the real older packages, take them over with today's, and compare every row.

For each package, database and choice of JSON field: the older package, in a virtual environment of its own with a
Django and a Python that it knew, migrates an empty database and fills it (``project/make_old.py``); then today's
package, in this environment, migrates the same database, is compared with what was written down, and goes on
notifying (``project/take_over.py``). The environments are kept in ``.cache/adoption``.

The servers are those of ``tests/run.py``: ``POSTGRES_URL``, ``MARIADB_URL``, else the usual loopback ports. A
database named in ``REQUIRE`` fails the run when it does not answer.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT))

from tests.run import DidNotRun, find_server  # noqa: E402
from tests.settings.databases import databases  # noqa: E402

BACKENDS = ("sqlite", "postgres", "mariadb")
CACHE = ROOT / ".cache" / "adoption"
FIELDS = {"native": "django.db.models.JSONField", "text": "jsonfield.JSONField"}


@dataclass(frozen=True, slots=True)
class Package:
    """An older package, and what it ran on."""

    name: str
    pythons: tuple[str, ...]
    requirements: tuple[str, ...]
    swapped: bool = False

    @property
    def folder(self) -> str:
        """Return the name of its environment."""
        return "-".join(self.requirements[0].split("=="))


OLD_DRIVERS = ("psycopg2-binary==2.8.6", "PyMySQL==1.0.2")
DRIVERS = ("psycopg2-binary~=2.9", "PyMySQL~=1.1")
HQ_183 = Package(
    "hq 1.8.3",
    ("3.11", "3.10", "3.9"),
    ("django-notifications-hq==1.8.3", "Django~=4.2.0", "jsonfield~=3.1.0", "setuptools<81", *DRIVERS),
)
PACKAGES = (
    Package(
        "hq 1.0",
        ("3.6", "3.7"),
        (
            "django-notifications-hq==1.0",
            "Django==1.11.29",
            "jsonfield==1.0.3",
            "django-model-utils==3.2.0",
            *OLD_DRIVERS,
        ),
    ),
    Package(
        "hq 1.4.0",
        ("3.6", "3.7"),
        (
            "django-notifications-hq==1.4.0",
            "Django==2.1.15",
            "jsonfield==2.0.2",
            "django-model-utils==3.2.0",
            *OLD_DRIVERS,
        ),
    ),
    HQ_183,
    replace(HQ_183, name="hq 1.8.3, swapped", swapped=True),
    Package(
        "community 1.12.3",
        ("3.11", "3.12", "3.13", "3.10"),
        ("django-notifications-community==1.12.3", "Django~=5.2.0", "setuptools", *DRIVERS),
    ),
)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one pair, or why nothing did."""

    package: str
    backend: str
    field: str
    rows: str = "-"
    differences: str = "-"
    seconds: str = "-"
    result: str = "passed"
    ok: bool = True
    happened: bool = True

    def cells(self) -> tuple[str, ...]:
        """Return this line of the table."""
        return self.package, self.backend, self.field, self.rows, self.differences, self.seconds, self.result


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [package.name for package in PACKAGES]
    parser.add_argument("--package", action="append", choices=names, help="only this (repeatable)")
    parser.add_argument(
        "--backend", action="append", choices=BACKENDS, help="only this database (repeatable)"
    )
    parser.add_argument("--rows", type=int, default=10_000, help="in each database (10000)")
    options = parser.parse_args()
    required = set(os.environ.get("REQUIRE", "").replace(",", " ").split())

    began = time.monotonic()
    results: list[Result] = []
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="notifications-adoption-")))
        servers: dict[str, Any] = {}
        for backend in options.backend or BACKENDS:
            try:
                servers[backend] = find_server(backend, scratch, stack)
            except DidNotRun as reason:
                servers[backend] = reason
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=2))
        running: list[Future[Result]] = []
        for package in PACKAGES:
            if package.name not in (options.package or names):
                continue
            try:
                python = environment(package)
            except DidNotRun as reason:
                results += [did_not_run(package, backend, reason, ok=True) for backend in servers]
                continue
            for backend, server in servers.items():
                if isinstance(server, DidNotRun):
                    results.append(did_not_run(package, backend, server, ok=backend not in required))
                    continue
                for field in FIELDS:
                    name = f"/ntf_adoption_{os.getpid()}_{len(running)}"
                    url = urlsplit(server.url)._replace(path=name).geturl()
                    running.append(
                        pool.submit(take_over, package, python, backend, url, field, options.rows, scratch)
                    )
        for future in running:
            results.append(future.result())
            print(" | ".join(results[-1].cells()), flush=True)
    print_table(results)
    happened = [result for result in results if result.happened]
    print(f"{time.monotonic() - began:.0f} seconds")
    print(
        f"{sum(result.ok for result in happened)} passed, {sum(not result.ok for result in happened)} failed"
    )
    return 0 if happened and all(result.ok for result in results) else 1


def did_not_run(package: Package, backend: str, reason: DidNotRun, *, ok: bool) -> Result:
    return Result(package.name, backend, "both", result=f"did not run: {reason}", ok=ok, happened=False)


def environment(package: Package) -> Path:
    """Return the interpreter of the package's own environment, made if it is not there as it should be."""
    base = interpreter(package.pythons)
    folder = CACHE / f"{package.folder}-py{base[0]}"
    python = folder / "bin" / "python"
    stamp = folder / "requirements.txt"
    wanted = "\n".join(package.requirements)
    if stamp.exists() and stamp.read_text() == wanted and works(str(python)):
        return python
    shutil.rmtree(folder, ignore_errors=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE.parent / ".gitignore").write_text("*\n")
    subprocess.run([base[1], "-m", "venv", folder], check=True)
    pip = [
        str(python),
        *["-m", "pip", "install", "--quiet", "--disable-pip-version-check"],
        *package.requirements,
    ]
    installed = subprocess.run(pip, capture_output=True, text=True, check=False)
    if installed.returncode:
        raise DidNotRun(f"pip: {(installed.stderr.strip().splitlines() or ['no word of why'])[-1]}")
    stamp.write_text(wanted)
    return python


def interpreter(versions: tuple[str, ...]) -> tuple[str, str]:
    """Return the first of these versions of Python that this machine has, and where it is."""
    for version in versions:
        candidates = [shutil.which(f"python{version}"), *pyenv_interpreters(version)]
        if version == f"{sys.version_info.major}.{sys.version_info.minor}":
            candidates.insert(0, sys.executable)
        for candidate in candidates:
            if candidate and works(candidate):
                return version, candidate
    raise DidNotRun(f"no Python {' or '.join(versions)} on this machine")


def pyenv_interpreters(version: str) -> Iterator[str]:
    pyenv = shutil.which("pyenv")
    if pyenv:
        listed = subprocess.run([pyenv, "versions", "--bare"], capture_output=True, text=True, check=False)
        for name in listed.stdout.split():
            if name.startswith(f"{version}."):
                prefix = subprocess.run([pyenv, "prefix", name], capture_output=True, text=True, check=True)
                yield str(Path(prefix.stdout.strip()) / "bin" / "python")


def works(python: str) -> bool:
    """Return whether this is an interpreter, and no shim of a version that is switched off."""
    try:
        return subprocess.run([python, "-c", "import venv"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def take_over(
    package: Package, python: Path, backend: str, url: str, field: str, rows: int, scratch: Path
) -> Result:
    """Make a database with the older package, take it over and return what differs."""
    result = Result(package.name, backend, field)
    folder = Path(tempfile.mkdtemp(dir=scratch))
    shutil.copytree(HERE / "project", folder / "project")
    if backend == "sqlite":
        url = f"sqlite:///{folder}/database.sqlite3"
    settings = databases(url, aliases=("default", "fresh"))
    for database in settings.values():
        database.pop("TEST", None)
    environ = {
        **os.environ,
        "ADOPTION_DATABASES": json.dumps(settings),
        "ADOPTION_JSONFIELD": FIELDS[field],
        "DJANGO_SETTINGS_MODULE": "settings",
        "PYTHONIOENCODING": "utf-8",
        **({"ADOPTION_SWAPPED": "1"} if package.swapped else {}),
    }
    dump = folder / "rows.jsonl"
    new_app = {} if package.swapped else {"ADOPTION_EARLY": "1"}
    with empty_databases(backend, url, [database["NAME"] for database in settings.values()]):
        for step, command, path in (
            ("make the old database", [str(python), "-W", "ignore", "make_old.py", str(dump), str(rows)], ""),
            ("take it over", [sys.executable, "-W", "error", "take_over.py", str(dump)], str(ROOT)),
        ):
            process = subprocess.run(
                command,
                cwd=folder / "project",
                env={**environ, "PYTHONPATH": path, **(new_app if path else {})},
                capture_output=True,
                text=True,
                check=False,
            )
            if process.returncode:
                print(process.stdout, process.stderr, sep="\n")
                return replace(result, result=f"FAILED to {step}", ok=False)
            report = json.loads(process.stdout.splitlines()[-1])
            if Path(report["package"]).is_relative_to(CACHE) != (step == "make the old database"):
                return replace(result, result=f"FAILED to {step}: it ran {report['package']}", ok=False)
    for difference in report["differences"][:20]:
        print(f"    {difference}")
    return replace(
        result,
        rows=str(report["rows"]),
        differences=str(len(report["differences"])),
        seconds=f"{report['seconds']:.1f}",
        ok=not report["differences"],
        result="FAILED" if report["differences"] else "passed",
    )


@contextmanager
def empty_databases(backend: str, url: str, names: list[str]) -> Iterator[None]:
    """Make these databases, and drop them at the end."""
    if backend == "sqlite":
        yield
        return
    execute = execute_on_postgres if backend == "postgres" else execute_on_mariadb
    for name in names:
        execute(url, f"DROP DATABASE IF EXISTS {name}")
        execute(url, f"CREATE DATABASE {name}" + (" CHARACTER SET utf8mb4" if backend == "mariadb" else ""))
    try:
        yield
    finally:
        for name in names:
            execute(url, f"DROP DATABASE {name}")


def execute_on_postgres(url: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
        connection.execute(statement)


def execute_on_mariadb(url: str, statement: str) -> None:
    import pymysql

    server = databases(url, aliases=("default",))["default"]
    with (
        pymysql.connect(
            host=server["HOST"],
            port=int(server["PORT"] or 3306),
            user=server["USER"],
            password=server["PASSWORD"],
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def print_table(results: list[Result]) -> None:
    rows: list[tuple[str, ...]] = [
        ("package", "database", "data", "rows", "differences", "migrate s", "result")
    ]
    rows += [result.cells() for result in results]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print()
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print()


if __name__ == "__main__":
    raise SystemExit(main())
