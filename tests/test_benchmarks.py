"""The benchmarks run: the pieces fit together, and what is compared is alike."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import report
from benchmarks.cases import CANDIDATES, FULL, QUICK, cases
from benchmarks.run import Worker, same_content
from tests.run import BACKENDS

# They make their own database, and have settings of their own.
pytestmark = [pytest.mark.backend("sqlite"), pytest.mark.shape("default")]


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Worker]]:
    """Ours and the floor, on one database of tiny size, in this environment."""
    path = tmp_path_factory.mktemp("benchmarks") / "db.sqlite3"
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}
    running = {name: Worker(name, database, Path(sys.executable)) for name in ("ours", "floor")}
    for worker in running.values():
        worker.do("begin", sizes=QUICK.for_worker(), users=QUICK.peer_users)
    yield running
    for worker in running.values():
        worker.close()


def test_a_fan_out_is_measured_in_time_statements_and_memory(workers: dict[str, Worker]) -> None:
    workers["ours"].do("stage", name="users")
    measured = workers["ours"].do("fan_out", form="queryset", size=50, repeat=1)
    assert measured.keys() == {"seconds", "statements", "memory"}
    assert measured["statements"] == 1


@pytest.mark.parametrize("kind", ["html", "json"])
def test_ours_and_the_floor_show_the_same_page(workers: dict[str, Worker], kind: str) -> None:
    workers["ours"].do("stage", name="inbox")
    ours, floor = (workers[name].do("shown", kind=kind, rows=20) for name in ("ours", "floor"))
    assert ours.count("/issues/") == 20
    assert same_content(ours, floor)


def test_a_candidate_that_fails_says_where(workers: dict[str, Worker]) -> None:
    with pytest.raises(RuntimeError, match="fan_out: Traceback"):
        workers["ours"].do("fan_out", form="queryset", size="many", repeat=1)


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_case_has_a_name_of_its_own_and_known_candidates(backend: str) -> None:
    for sizes in (FULL, QUICK):
        found = list(cases(backend, sizes))
        assert len({case.name for case in found}) == len(found)
        assert {entry.candidate for case in found for entry in case.entries} == set(CANDIDATES)


def entry(candidate: str, rounds: list[float], **more: Any) -> dict[str, Any]:
    return {"candidate": candidate, "variant": "", "rounds": rounds, "statements": 1, **more}


def test_a_bar_compares_round_by_round(tmp_path: Path) -> None:
    # The last round met with something that slowed both.
    entries = [entry("ours", [1.0, 1.1, 9.0]), entry("floor", [1.0, 1.0, 9.0])]
    content = {"cases": {"fan-out-100000-queryset": {"title": "", "entries": entries}}}
    (tmp_path / "postgres.json").write_text(json.dumps(content))
    ratio, statements = report.all_bars(tmp_path)
    assert (ratio.measured, ratio.met) == ("1.00 x", True)
    assert (statements.measured, statements.met) == ("1", True)
    entries[0]["rounds"] = [1.2, 1.2, 9.0]
    (tmp_path / "postgres.json").write_text(json.dumps(content))
    ratio, _ = report.all_bars(tmp_path)
    assert (ratio.measured, ratio.met) == ("1.20 x", False)
