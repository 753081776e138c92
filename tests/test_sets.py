"""The rule that says which tests run where names modules that exist, each with its reason."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.run import SHAPES, SHAPES_ON_EVERY_DATABASE, Job, Server, judge
from tests.sets import ONCE, TESTS, set_of


def named(shape: str, where: str = "TESTED_HERE") -> dict[str, str]:
    """Return the modules that a shape names; a shape may also name the set ``databases``."""
    modules: dict[str, str] = getattr(importlib.import_module(f"tests.settings.{shape}"), where, {})
    return {name: reason for name, reason in modules.items() if name != "databases"}


def left_out(shape: str) -> dict[str, str]:
    """Return the modules that even ``make test-all`` does not run in a shape."""
    return named(shape, "NOT_TESTED_HERE")


@pytest.mark.parametrize("names", [ONCE, *map(named, SHAPES), *map(left_out, SHAPES)])
def test_every_module_that_is_named_exists_and_has_a_reason(names: dict[str, str]) -> None:
    assert [name for name in names if not (TESTS / name).exists()] == []
    assert all(names.values())


@pytest.mark.parametrize("shape", SHAPES)
def test_what_a_shape_runs_on_every_database_is_among_what_it_runs_on_sqlite(shape: str) -> None:
    on_servers = named(shape, "TESTED_ON_SERVERS")
    assert bool(on_servers) == (shape in SHAPES_ON_EVERY_DATABASE and shape != "default")
    assert on_servers.keys() <= named(shape).keys()
    assert all(on_servers.values())


@pytest.mark.parametrize("shape", SHAPES)
def test_what_a_shape_leaves_out_is_not_what_it_runs(shape: str) -> None:
    assert left_out(shape).keys().isdisjoint(named(shape))


def test_a_test_without_a_database_runs_once(request: pytest.FixtureRequest) -> None:
    assert set_of(request.node) == "once"


@pytest.mark.django_db
def test_a_test_with_a_database_runs_on_every_database(request: pytest.FixtureRequest) -> None:
    assert set_of(request.node) == "databases"


@pytest.mark.parametrize(("limit", "outcome"), [(600, "1 passed"), (1e-9, "1 failed")])
def test_a_test_that_takes_too_long_fails_the_run(limit: float, outcome: str) -> None:
    test = f"{__file__}::{test_a_test_with_a_database_runs_on_every_database.__name__}"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--time-limit={limit}", test]
    # On a server, it would drop the database of this run at its end.
    env = {**os.environ, "DATABASE_URL": "sqlite:"}
    run = subprocess.run(command, cwd=TESTS.parent, env=env, capture_output=True, text=True, check=False)
    assert outcome in run.stdout
    assert ("s, twice. A test that runs on every database may take" in run.stdout) == (limit < 1)


@pytest.mark.parametrize(
    ("said", "failures"),
    [
        ("...\nTimeout (0:05:00)!\n", "...\nTimeout (0:05:00)!"),
        ("= short test summary info =\nFAILED a\n", "FAILED a"),
    ],
    ids=["died", "failed"],
)
def test_a_run_that_fails_says_why_at_the_end(tmp_path: Path, said: str, failures: str) -> None:
    job = Job("browser", Server("sqlite:", "1"), "default", "databases")
    (tmp_path / f"{job.name}.txt").write_text(said)
    run = judge(job, 1, (1.0, 1.0), tmp_path, selected=False)
    assert (run.ok, run.failed, run.failures) == (False, 1, failures)


def test_every_shape_but_the_default_one_says_what_it_changes() -> None:
    modules = {shape: importlib.import_module(f"tests.settings.{shape}") for shape in SHAPES}
    assert [shape for shape, module in modules.items() if not hasattr(module, "TESTED_HERE")] == ["default"]
