"""Which database and which settings this run has, and which tests belong to it.

Nothing here skips: a test that is not for this run is deselected, and ``tests/run.py`` sees that another runs it.
"""

from __future__ import annotations

import gc
import json
import os
import time
from collections.abc import Callable, Generator, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import sqlparse
from _pytest.runner import runtestprotocol
from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.db import connections
from django.test import TransactionTestCase
from django.urls import set_script_prefix, set_urlconf
from django.utils import timezone, translation
from hypothesis import HealthCheck, settings as hypothesis_settings

from notifications import extensions
from notifications.conf import get_notification_model
from notifications.extensions import Extension, audience_extensions
from notifications.objects.guard import forget_faults
from notifications.storage.count_cache import count_cache
from notifications.templatetags import notifications_tags
from notifications.types import NotificationType, register, unregister
from tests.factories import make_user
from tests.flush import empty_tables
from tests.sets import ONCE, TESTS, is_listed, module_of, runs_in_shape, set_of

TransactionTestCase._fixture_teardown = empty_tables  # type: ignore[attr-defined]

# With Python's own 700, looking for garbage among all that is imported takes 5 % of the time of a run.
gc.set_threshold(20_000)

# On SQLite, Django parses the SQL of a table whenever it is asked for its columns: 5 % of the time of a run.
sqlparse.parse = lru_cache(maxsize=None)(sqlparse.parse)

#: How long a test took.
SECONDS = pytest.StashKey[float]()
#: Of the main thread: nanoseconds on a processor, nanoseconds in its queue, and how often it was there.
SCHEDULER_TIMES = Path("/proc/self/schedstat")

#: How many examples Hypothesis tries, other ones in each of the forty runs of CI. ``ci`` is two seconds or less for
#: each test on a machine that is not loaded. An example has no deadline: how long one takes depends on what else the
#: machine does.
PROFILES = {"ci": 200, "thorough": 2000}
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
    parser.addoption("--webkit", action="store_true", help="run them in WebKit instead of Chromium")
    parser.addoption(
        "--set",
        choices=("once", "databases", "all"),
        default="all",
        help="once: what runs once; databases: what runs on every database, or in this shape; all: everything",
    )
    parser.addoption(
        "--time-limit",
        type=float,
        metavar="SECONDS",
        help="fail a test of the set databases that takes longer",
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


def shapes() -> set[str]:
    """Return the names under which the marker ``shape`` means this run: a shape may stand in for another one."""
    return {shape(), getattr(settings, "TESTED_LIKE", shape())}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the tests of an app where its tables are missing, and modules of which this run needs nothing."""
    if not collection_path.name.startswith("test_"):
        return None
    module = collection_path.relative_to(TESTS).as_posix()
    # Importing each module only to deselect its tests would take longer than the tests of most shapes.
    if module.startswith("browser/") != config.getoption("--browser"):
        return True
    needed = {
        "delivery": "notifications.contrib.delivery",
        "hostile": "tests.hostile",
        "live": "notifications.contrib.live",
        "subscriptions": "notifications.contrib.subscriptions",
    }
    app = needed.get(collection_path.parent.name)
    if app and not apps.is_installed(app):
        return True
    if config.getoption("--set") == "databases" and shape() == "default" and is_listed(module, ONCE):
        return None if "mark.backend" in collection_path.read_text() else True
    if config.getoption("--set") == "all" or shape() == "default" or is_listed("databases", tested_here()):
        return None
    listed = is_listed(module, tested_here())
    return None if listed or f'"{shape()}"' in collection_path.read_text() else True


def pytest_collection_finish() -> None:
    """Look for no garbage in what was imported, which stays."""
    gc.collect()
    gc.freeze()


def tested_here() -> Any:
    """Return the modules that this shape runs on this database, with the reasons."""
    return getattr(settings, "TESTED_HERE" if backend() == "sqlite" else "TESTED_ON_SERVERS", None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen = config.getoption("--set")

    def can_run_here(item: pytest.Item) -> bool:
        if item.get_closest_marker("redis") is not None and "REDIS_URL" not in os.environ:
            return False
        if (item.get_closest_marker("browser") is not None) != config.getoption("--browser"):
            return False
        if item.get_closest_marker("without_extensions") is not None and audience_extensions():
            return False
        backends = [marker.args for marker in item.iter_markers("backend")]
        return all(backend() in names for names in backends) and all(
            shapes() & set(marker.args) for marker in item.iter_markers("shape")
        )

    def is_chosen(item: pytest.Item) -> bool:
        if chosen == "all":
            return not is_listed(module_of(item), getattr(settings, "NOT_TESTED_HERE", None))
        if shape() == "default":
            return config.getoption("--browser") or bool(set_of(item) == chosen)
        if backend() != "sqlite" and set_of(item) == "once":
            return False
        return runs_in_shape(item, shape(), tested_here())

    here: list[pytest.Item] = []
    elsewhere: list[pytest.Item] = []
    for item in items:
        (here if can_run_here(item) and is_chosen(item) else elsewhere).append(item)
    if elsewhere:
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = here


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run a test, and once more if it took too long: what holds up the whole machine does not do so twice."""
    limit = item.config.getoption("--time-limit") if set_of(item) == "databases" else None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, log=False, nextitem=nextitem)
    if limit and item.stash.get(SECONDS, 0) > limit:
        item._initrequest()  # type: ignore[attr-defined]
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
    if limit and (seconds := item.stash.get(SECONDS, 0)) > limit:
        [call] = [report for report in reports if report.when == "call"]
        call.outcome = "failed"
        call.longrepr = (
            f"took {seconds:.1f} s, twice. A test that runs on every database may take {limit:g} s: "
            "make it faster, or let it run once (tests/sets.py)."
        )
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Note how long the test took, but not how long it waited for a processor that other processes had."""
    began, waited = time.monotonic(), seconds_in_queue()
    item.stash[SECONDS] = 0.0
    yield
    item.stash[SECONDS] = time.monotonic() - began - (seconds_in_queue() - waited)


def seconds_in_queue() -> float:
    """Return how long this thread was ready to run and did not; 0 where the system does not say."""
    try:
        return int(SCHEDULER_TIMES.read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


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
    forget_faults()
    # Also after a test of a cache that hangs, which is then not asked for a while.
    count_cache.paused_until = count_cache.silent_until = 0.0
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def _no_request_before() -> None:
    """Forget what the middleware of a request before has set for this thread: Django keeps it until the next one."""
    translation.deactivate()
    timezone.deactivate()
    set_script_prefix("/")
    set_urlconf(None)


@pytest.fixture
def defaults(settings: Any) -> None:
    """Set nothing, whatever the shape of this run."""
    settings.NOTIFICATIONS = {}


@pytest.fixture
def justquick(db: None) -> Any:
    """The user of the seed's examples."""
    return make_user("justquick")


@pytest.fixture
def add_extension(monkeypatch: pytest.MonkeyPatch) -> Callable[[Extension], None]:
    """Add an extension behind those of the installed apps."""

    def add(extension: Extension) -> None:
        installed = [*extensions.extensions(), extension]
        for module in (extensions, notifications_tags):
            monkeypatch.setattr(module, "extensions", lambda: installed)

    return add


@pytest.fixture
def schema(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Choose the schema of a tenant, as django-tenants does it on the connection of a thread."""

    def choose(name: str) -> None:
        monkeypatch.setattr(connections["default"], "schema_name", name, raising=False)

    return choose


@pytest.fixture
def replace_verb(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let a method of the site's queryset do its work and return what one that a site overrides may."""

    def replace(verb: str, returned: Callable[[Any], Any] = lambda changed: None) -> None:
        manager: Any = type(get_notification_model()._default_manager)
        queryset = manager._queryset_class
        ours = getattr(queryset, verb)

        def own(self: Any, *args: Any, **named: Any) -> Any:
            return returned(ours(self, *args, **named))

        theirs = type("SiteQuerySet", (queryset,), {verb: own})
        monkeypatch.setattr(manager, "_queryset_class", theirs)

    return replace


@pytest.fixture
def make_type() -> Iterator[Callable[..., type[NotificationType]]]:
    """Register a type with these attributes, which is forgotten after the test."""
    made: list[type[NotificationType]] = []

    def make(verb: str = "commented on", **attributes: Any) -> type[NotificationType]:
        kind = register(type("Commented", (NotificationType,), {"verb": verb, **attributes}))
        made.append(kind)
        return kind

    yield make
    for kind in made:
        unregister(kind)
