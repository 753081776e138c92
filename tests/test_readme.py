"""The table of the README says what is so: each cell of it is tried, or is a figure of the benchmarks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

# Each package is tried on a site and in a process of its own; once is enough.
pytestmark = [pytest.mark.backend("sqlite"), pytest.mark.shape("default")]

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.rst"
PROBE = ROOT / "tests" / "comparison" / "probe.py"
FIGURES = ROOT / "benchmarks" / "results" / "postgres.json"

#: The other packages by their names in the table, with what they need besides the Django of this run.
PEERS = {
    "hq 1.8.3": ("django-notifications-hq==1.8.3", "jsonfield~=3.1", "pytz", "swapper", "setuptools<81"),
    "community 1.12.3": ("django-notifications-community==1.12.3",),
}
#: Where one does not start on the Django of this run, the newest that it starts on.
OLDER_DJANGO = "Django~=5.0.0"
#: How the benchmarks call the columns.
CANDIDATES = {"this package": "ours", "hq 1.8.3": "hq", "community 1.12.3": "community"}

Facts = dict[str, Any]
#: What a cell of one column has to say.
Proof = Callable[[str, Facts], str]


def fact(name: str, column: str, facts: Facts) -> str:
    """Return what the package was seen to do."""
    value = facts[name]
    return value if isinstance(value, str) else {True: "yes", False: "no"}[value]


def entry(case: str, column: str) -> Any:
    """Return what the benchmarks measured of a package."""
    entries = json.loads(FIGURES.read_text())["cases"][case]["entries"]
    [found] = [one for one in entries if one["candidate"] == CANDIDATES[column]]
    return found


def rounded(number: float) -> str:
    """Return two significant digits of a number."""
    return f"{float(f'{number:.2g}'):.{2 if number < 1 else 1 if number < 10 else 0}f}"


def seconds(case: str, column: str, facts: Facts) -> str:
    return f"{rounded(entry(case, column)['seconds'])} s"


def milliseconds(case: str, column: str, facts: Facts) -> str:
    return f"{rounded(entry(case, column)['seconds'] * 1000)} ms"


def statements(case: str, column: str, facts: Facts) -> str:
    return str(entry(case, column)["statements"])


#: The lines of the table, each with what proves it. A line without is a failure, and so is a proof without a line.
PROOFS: dict[str, Proof] = {
    "Done, saved, snoozed, search, undo": partial(fact, "inbox"),
    "Users watch and mute objects": partial(fact, "watchers"),
    "Updates on an open page": partial(fact, "live"),
    "Idempotency key for safe retries": partial(fact, "retry_sends_once"),
    "Notifications survive a removed app": partial(fact, "outlives_an_app"),
    "GET requests change nothing": partial(fact, "get_changes_nothing"),
    "Badge cached for each user": partial(fact, "badge_of_ones_own"),
    "Works with Django 5.2 and newer": partial(fact, "starts"),
    "Languages besides English": partial(fact, "languages"),
    "Notify 10,000 users": partial(seconds, "fan-out-10000-queryset"),
    "Show 3 unread of 100,000": partial(milliseconds, "unread"),
    "Queries per page of 20": partial(statements, "page-html"),
}


#: The lines of the second table, each with the fact that proves it.
GENERIC = {
    "Pages of an inbox, and a bell": "pages",
    "Notify a queryset of users at once": "many",
    "The actor can be any object": "any_actor",
    "E-mail with preferences and digests": "email",
}
GENERIC_PROBE = ROOT / "tests" / "comparison" / "probe_generic.py"


def table(number: int) -> dict[str, dict[str, str]]:
    """Return a table of the README, by line and column."""
    tables = re.finditer(
        r"^(=+(?: =+)+)\n(Feature .+)\n\1\n((?:.+\n)+?)\1\n", README.read_text(), re.MULTILINE
    )
    found = list(tables)[number]
    bounds = [match.span() for match in re.finditer("=+", found[1])]

    def cut(line: str) -> list[str]:
        return [line[start:end].strip() for start, end in bounds]

    _, *columns = cut(found[2])
    return {
        label: dict(zip(columns, values, strict=True)) for label, *values in map(cut, found[3].splitlines())
    }


@pytest.fixture(scope="module")
def cells() -> dict[str, dict[str, str]]:
    return table(0)


def pip(folder: Path, *requirements: str) -> str:
    """Install these and nothing that they require, and return the folder."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
    process = subprocess.run([*command, *requirements], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    return str(folder)


def probe(*path: str, script: tuple[str, ...] = (str(PROBE),)) -> Facts:
    """Return what the package that is first on the path is seen to do."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    process = subprocess.run(
        [sys.executable, *script],
        env=environment | {"PYTHONPATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    facts: Facts = json.loads(process.stdout)
    return facts


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Facts]:
    """What each package is seen to do."""
    found = {"this package": probe(str(ROOT))}
    for number, (name, requirements) in enumerate(PEERS.items()):
        folder = pip(tmp_path_factory.mktemp(f"peer{number}"), *requirements)
        found[name] = probe(folder)
        if not found[name]["starts"]:
            django = pip(tmp_path_factory.mktemp("django"), OLDER_DJANGO)
            found[name] = {**probe(folder, django), "starts": False}
    return found


def test_the_table_has_a_proof_for_every_line(cells: dict[str, dict[str, str]]) -> None:
    assert list(cells) == list(PROOFS)
    assert {tuple(columns) for columns in cells.values()} == {tuple(CANDIDATES)}


def test_every_cell_says_what_was_seen_or_measured(
    cells: dict[str, dict[str, str]], facts: dict[str, Facts]
) -> None:
    proven = {
        label: {column: proof(column, facts[column]) for column in CANDIDATES}
        for label, proof in PROOFS.items()
    }
    assert cells == proven


def test_every_cell_beside_django_generic_notifications_says_what_was_seen(tmp_path: Path) -> None:
    columns = {
        "this package": probe(str(ROOT), script=(str(GENERIC_PROBE), "notifications")),
        "generic 2.4.0": probe(
            pip(tmp_path, "django-generic-notifications==2.4.0"),
            script=(str(GENERIC_PROBE), "generic_notifications"),
        ),
    }
    assert table(1) == {
        label: {column: {True: "yes", False: "no"}[facts[name]] for column, facts in columns.items()}
        for label, name in GENERIC.items()
    }


def test_the_figures_were_measured_of_the_versions_in_the_table() -> None:
    versions = json.loads(FIGURES.read_text())["about"]["versions"]
    for column, [requirement, *_] in PEERS.items():
        name, _, version = requirement.partition("==")
        assert column == f"{CANDIDATES[column]} {version}"
        assert versions[CANDIDATES[column]][name] == version


def test_a_picture_and_the_table_come_before_any_command() -> None:
    text = README.read_text()
    table, *_ = (match.start() for match in re.finditer(r"^=+ =+ ", text, re.MULTILINE))
    assert text.index(".. image::") < table < text.index(".. code-block::")
