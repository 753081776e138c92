"""The benchmarks run: the pieces fit together, and what is compared is alike."""

from __future__ import annotations

import json
import sys
from collections import Counter
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


def test_the_short_page_answers_each_question_with_the_latest_figures() -> None:
    found = report.load()
    assert report.summary(found) in report.SUMMARY.read_text()
    for case, variant in report.QUESTIONS.values():
        assert all(report.find(content, case, "ours", variant) for content in found.values()), case


def test_a_fan_out_is_measured_in_time_statements_and_memory(workers: dict[str, Worker]) -> None:
    workers["ours"].do("stage", name="users")
    measured = workers["ours"].do("fan_out", form="queryset", size=50, repeat=1)
    assert measured.keys() == {"seconds", "statements", "memory"}
    assert measured["statements"] == 1


@pytest.mark.parametrize("kind", ["html", "json"])
def test_ours_and_the_floor_show_the_same_page(workers: dict[str, Worker], kind: str) -> None:
    for worker in workers.values():
        worker.do("stage", name="inbox")
    ours, floor = (workers[name].do("shown", kind=kind, rows=20) for name in ("ours", "floor"))
    assert ours.count("/issues/") == 20
    assert same_content(ours, floor)


def test_ours_and_the_floor_notify_the_same_watchers_for_the_same_reasons(workers: dict[str, Worker]) -> None:
    # The stage before has asked this model of user what refers to it.
    for stage in ("inbox", "watched"):
        workers["ours"].do("stage", name=stage)
    ours, floor = (workers[name].do("notified_watchers") for name in ("ours", "floor"))
    assert Counter(reason for _, reason in json.loads(ours)) == {
        "subscribed": 160,
        "comment": 20,
        "author": 20,
    }
    assert same_content(ours, floor)


def test_nobody_is_notified_of_the_ticket_that_nobody_watches(workers: dict[str, Worker]) -> None:
    workers["ours"].do("stage", name="watched")
    assert workers["ours"].do("notify_nobody", repeat=1)["statements"] == 2
    # Who takes part; whether the named exist; those who did not mute it, with their rows.
    assert workers["ours"].do("notify_one", repeat=1)["statements"] == 3


def test_each_question_about_what_is_watched_is_one_statement(workers: dict[str, Worker]) -> None:
    workers["ours"].do("stage", name="watched")
    assert workers["ours"].do("list_watchers", repeat=1)["statements"] == 1
    assert workers["ours"].do("ask_watching", repeat=1)["statements"] == 1


def test_subscriptions_are_installed_for_their_own_stage_alone(workers: dict[str, Worker]) -> None:
    workers["ours"].do("stage", name="watched")
    workers["ours"].do("stage", name="users")
    assert workers["ours"].do("fan_out", form="user", size=1, repeat=3)["statements"] == 1


@pytest.mark.parametrize("digest_of", [0, 10])
def test_ours_and_the_floor_send_the_same_mails_and_note_them_alike(
    workers: dict[str, Worker], digest_of: int
) -> None:
    for worker in workers.values():
        worker.do("stage", name="delivered")
    ours, floor = (workers[name].do("mailed", size=20, digest_of=digest_of) for name in ("ours", "floor"))
    assert len(json.loads(ours)["mails"]) == 20
    assert all("https://example.com/inbox/settings/u/token/" in text for text in json.loads(ours)["mails"])
    assert len(json.loads(ours)["ledger"]) == 20 * (digest_of or 1)
    assert same_content(ours, floor)


def test_mails_arrive_at_a_server_from_one_worker_or_from_two(workers: dict[str, Worker]) -> None:
    workers["ours"].do("stage", name="delivered")
    assert workers["ours"].do("mails", size=10)["statements"] > 1
    assert workers["ours"].do("mails", size=10, workers=2)["statements"] == 0


def test_a_fan_out_with_deliveries_is_one_statement_more_and_none_without_a_channel(
    workers: dict[str, Worker],
) -> None:
    workers["ours"].do("stage", name="delivered")
    for wanted, statements in ((True, 2), (False, 1)):
        assert workers["ours"].do("fan_out_delivered", size=20, is_wanted=wanted)["statements"] == statements
        one = workers["ours"].do("notify_one_delivered", is_wanted=wanted, repeat=1)
        assert one["statements"] == statements
    assert workers["ours"].do("notify_one_undelivered", repeat=1)["statements"] == 1


def test_some_of_many_deliveries_are_claimed(workers: dict[str, Worker]) -> None:
    workers["ours"].do("stage", name="delivered")
    # Look, take, and read what was taken.
    assert workers["ours"].do("claim", rows=100, size=10, repeat=2)["statements"] == 3


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


def test_what_nobody_watches_is_compared_in_milliseconds(tmp_path: Path) -> None:
    def measured(*seconds: float) -> tuple[str, bool]:
        entries = [
            entry("ours", list(seconds), variant="nobody watches"),
            entry("ours", [0.004, 0.004, 0.104], variant="one named recipient"),
        ]
        content = {"cases": {"unwatched": {"title": "", "entries": entries}}}
        (tmp_path / "postgres.json").write_text(json.dumps(content))
        [bar] = report.all_bars(tmp_path)
        return bar.measured, bar.met

    assert measured(0.005, 0.0055, 0.105) == ("1.00 ms", True)
    assert measured(0.005, 0.0065, 0.1065) == ("2.50 ms", False)


def test_the_bars_of_deliveries_are_those_of_ours_against_itself_and_a_loop(tmp_path: Path) -> None:
    def case(*entries: dict[str, Any]) -> dict[str, Any]:
        return {"title": "", "entries": [{"memory": 0, **one} for one in entries]}

    content = {
        "cases": {
            "ledger-100000": case(
                entry("ours", [3.0], variant="with deliveries", statements=2),
                entry("ours", [2.0], variant="no channel wanted"),
            ),
            "ledger-1": case(
                entry("ours", [0.004], variant="with deliveries", statements=2),
                entry("ours", [0.002], variant="no channel wanted"),
                entry("ours", [0.002], variant="without the app"),
            ),
            "mails-10000": case(entry("ours", [3.0], statements=1.13), entry("floor", [1.0])),
            "workers-10000": case(
                entry("ours", [9.0], variant="1 worker"), entry("ours", [5.0], variant="2 workers")
            ),
            "claim-1000000": case(entry("ours", [0.02], seconds=0.02)),
        }
    }
    (tmp_path / "postgres.json").write_text(json.dumps(content))
    found = {bar.what: (bar.measured, bar.met) for bar in report.all_bars(tmp_path)}
    assert found == {
        "fan-out 100,000 with deliveries / without": ("1.50 x", True),
        "fan-out 100,000 with deliveries, more statements": ("1", True),
        "fan-out 100,000 with deliveries, more memory": ("0.0 MB", True),
        "one recipient with a delivery, over none": ("2.00 ms", False),
        "one recipient with a delivery, more statements": ("1", True),
        "no channel wanted, statements more than without the app": ("0", True),
        "no channel wanted, over without the app": ("0.00 ms", True),
        "10,000 mails / by hand": ("3.00 x", False),
        "10,000 mails, statements for each": ("1.13", True),
        "10,000 mails, memory": ("0 MB", True),
        "10,000 mails, 2 workers faster than 1": ("1.80 x", True),
        "claim 500 of 1,000,000": ("20 ms", True),
    }


def test_figures_of_another_machine_say_so() -> None:
    old, new = ({"system": "Linux", "cores": 2, "processor": name} for name in ("AMD", "Intel"))
    cases = {name: {"title": name, "machine": old} for name in ("page", "badge")}
    cases["watching"] = {"title": "watching", "machine": new}
    about = {"measured": "2026-11-27", "database": {"settings": {"fsync": "on"}}, "versions": {}}
    first, second = report.provenance({"about": about, "cases": cases}).strip().split("\n\n")
    assert first == "Measured 2026-11-27 on Linux, 2 cores (AMD), ?; fsync on."
    assert second == "On Linux, 2 cores (Intel), ? instead: watching."
