"""Which database and which settings this run is, and what of the suite belongs elsewhere.

Nothing here skips: a test that is not for this run is deselected, and ``tests/run.py`` sees that another runs it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from hypothesis import HealthCheck, settings as hypothesis_settings

from tests.factories import make_user

#: How many examples Hypothesis tries, other ones in each run. ``ci`` is five seconds or less for each test on a
#: machine that is not loaded. An example has no deadline: how long one takes depends on what else the machine does.
PROFILES = {"ci": 400, "thorough": 2000}
for name, examples in PROFILES.items():
    hypothesis_settings.register_profile(
        name,
        max_examples=examples,
        derandomize=False,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "ci")

BACKENDS = {"sqlite3": "sqlite", "postgresql": "postgres", "mysql": "mariadb"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--browser", action="store_true", help="run the tests that drive a browser, and no others"
    )
    parser.addoption("--tally", metavar="FILE", help="write the outcome of every test to FILE, as JSON")


def pytest_report_header(config: pytest.Config) -> str:
    return f"backend: {backend()}, shape: {shape()}"


def backend() -> str:
    """Return the name of the database of this run, as the marker ``backend`` spells it."""
    return BACKENDS[settings.DATABASES["default"]["ENGINE"].rpartition(".")[2]]


def shape() -> str:
    """Return the name of the settings file of this run, as the marker ``shape`` spells it."""
    return settings.SETTINGS_MODULE.rpartition(".")[2]


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Collect the tests of the wing subscriptions, whose tables other shapes have not, in its own, and no others."""
    if collection_path.suffix != ".py" or not collection_path.name.startswith("test_"):
        return None
    own = collection_path.parent.name == "subscriptions"
    return True if own != (shape() == "subscriptions") else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    here = {"backend": backend(), "shape": shape()}

    def belongs_here(item: pytest.Item) -> bool:
        if item.get_closest_marker("redis") is not None and "REDIS_URL" not in os.environ:
            return False
        if (item.get_closest_marker("browser") is not None) != config.getoption("--browser"):
            return False
        return all(value in marker.args for name, value in here.items() for marker in item.iter_markers(name))

    elsewhere = [item for item in items if not belongs_here(item)]
    if elsewhere:
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if belongs_here(item)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    path = config.getoption("--tally")
    if path is None:
        return
    tally = {
        outcome: [report.nodeid for report in terminalreporter.stats.get(outcome, [])]
        for outcome in ("passed", "failed", "error", "skipped", "deselected", "xfailed", "xpassed")
    }
    Path(path).write_text(json.dumps(tally))


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def defaults(settings: Any) -> None:
    """Set nothing, whatever the shape of this run."""
    settings.NOTIFICATIONS = {}


@pytest.fixture
def justquick(db: None) -> Any:
    """The user of the seed's examples."""
    return make_user("justquick")
