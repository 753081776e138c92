"""Measure the live wing on PostgreSQL behind uvicorn: ``make bench-live``.

The clients, and whoever sends, are this process; the server is another, killed and started anew for each case. What is
measured is written to ``benchmarks/results/live.json`` after each case, and as a table into
``docs/explanation/live.rst``; ``--quick`` runs tiny sizes and writes neither. The servers are those of
``tests/run.py``; the database ``ntf_bench_live`` is made and, at the end, dropped.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

from benchmarks import report  # noqa: E402
from benchmarks.run import about, commit, machine, recreate  # noqa: E402
from tests.run import DidNotRun, find_redis, find_server  # noqa: E402

RESULTS = HERE / "results" / "live.json"
PAGE = ROOT / "docs" / "explanation" / "live.rst"
NAME = "ntf_bench_live"
DOORS = {"asgi": "the door in asgi.py", "view": "the plain view"}
BUSES = ("poll", "postgres", "redis")
#: The methods of the bench, and with what each is called.
CASES: dict[str, list[tuple[str, ...]]] = {
    "delay": [(bus,) for bus in BUSES],
    "open_streams": [(door,) for door in DOORS],
    "crowd": [(bus,) for bus in BUSES],
    "storm": [()],
}
#: Streams of one process, from hardly any to what one is for, by door: of the view, each costs more.
STEPS = {"asgi": (10, 200, 5000), "view": (10, 200, 2000)}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    streams: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: STEPS)
    #: Streams that one event is sent to, and streams that come back after the server was killed.
    crowd: int = 5000
    #: How many such events there are; what is said of them are medians.
    crowd_events: int = 5
    connected: int = 1000
    recipients: int = 100_000
    events: int = 100
    seconds: float = 10.0


QUICK = Sizes(
    streams=dict.fromkeys(STEPS, (2, 5, 20)),
    crowd=20,
    crowd_events=2,
    connected=20,
    recipients=500,
    events=5,
    seconds=2.0,
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured, beside what it must reach, where that is said anywhere."""

    what: str
    measured: str
    must: str = ""
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one event: seconds until it was written, and after that until each browser had it, sorted."""

    written: float
    taken: list[float]
    rounds: int
    queries: int


def at_most(what: str, value: float, most: float, unit: str = "", digits: int = 0) -> Figure:
    """Return the figure of something that is the better the less it is."""
    return Figure(what, f"{value:,.{digits}f}{unit}", f"<= {most:,g}{unit}", value <= most)


class Server:
    """A uvicorn with one worker, on a port that it keeps when it is started again."""

    def __init__(self, door: str, url: str, bus: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        options = {"url": os.environ["REDIS_URL"], "channel": NAME} if bus == "redis" else {}
        self.command = [sys.executable, "-W", "ignore", "-m", "uvicorn", f"benchmarks.live_site:{door}"]
        self.command += ["--port", str(self.port), "--log-level", "error"]
        self.environment = {
            **os.environ,
            "DATABASE_URL": url,
            "NOTIFICATIONS": json.dumps({"LIVE_BUS": bus, "LIVE_BUS_OPTIONS": options}),
        }
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.process = subprocess.Popen(self.command, cwd=ROOT, env=self.environment, start_new_session=True)
        end = time.monotonic() + 60
        while self.process.poll() is None and time.monotonic() < end:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=60).close()
                return
            time.sleep(0.02)
        raise RuntimeError("The server did not start within 60 seconds.")

    def kill(self) -> None:
        """Kill it by the one signal that it cannot answer."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    async def figures(self) -> dict[str, int]:
        """Return what the process says about itself."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"GET /figures HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = (await reader.read()).decode()
        writer.close()
        found: dict[str, int] = json.loads(answer[answer.index("{") : answer.rindex("}") + 1])
        return found


class Bench:
    """The cases, on a database with users who are logged in."""

    def __init__(self, url: str, sizes: Sizes) -> None:
        self.url, self.sizes = url, sizes
        self.users: list[Any] = []
        self.sessions: list[str] = []

    @contextmanager
    def server(self, door: str = "asgi", bus: str = "postgres") -> Iterator[Server]:
        """Serve by one door, and send by the same bus."""
        from django.conf import settings

        server = Server(door, self.url, bus)
        # Told to who sends, too; a bus is made anew when its settings change.
        from notifications.contrib.live.buses import get_bus

        settings.NOTIFICATIONS = json.loads(server.environment["NOTIFICATIONS"])
        get_bus.cache_clear()
        try:
            yield server
        finally:
            server.kill()

    def prepare(self) -> None:
        """Make the tables, the users, and the sessions of those who will listen."""
        from django.conf import settings
        from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
        from django.contrib.sessions.backends.db import SessionStore
        from django.contrib.sessions.models import Session
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        users = get_user_model()._default_manager
        named = (
            users.model(username=f"user{number}", password="!") for number in range(self.sizes.recipients)
        )
        users.bulk_create(named, batch_size=5000)
        listening = max(*map(max, self.sizes.streams.values()), self.sizes.crowd, self.sizes.connected)
        self.users = list(users.order_by("pk")[:listening])
        store = SessionStore()
        rows = [
            Session(
                session_key=f"session{user.pk}",
                expire_date=datetime.now(timezone.utc) + timedelta(days=1),
                session_data=store.encode(
                    {
                        SESSION_KEY: str(user.pk),
                        BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
                        HASH_SESSION_KEY: user.get_session_auth_hash(),
                    }
                ),
            )
            for user in self.users
        ]
        Session.objects.bulk_create(rows)
        self.sessions = [row.session_key for row in rows]

    @asynccontextmanager
    async def listening(self, server: Server, count: int) -> AsyncIterator[list[Any]]:
        """Open so many streams, some hundred at a time, and wait until each has its count."""
        from tests.contrib.live.client import Browser

        async with AsyncExitStack() as stack:

            async def open_one(session: str) -> Any:
                browser = await stack.enter_async_context(Browser(server.port, session))
                await browser.next("count")
                return browser

            browsers: list[Any] = []
            for start in range(0, count, 100):
                part = self.sessions[start : min(start + 100, count)]
                browsers += await asyncio.gather(*map(open_one, part))
            yield browsers

    # The cases

    def delay(self, bus: str) -> Iterator[Figure]:
        """Measure how long after the call of ``notify.send`` a browser has the event."""
        from notifications import notify
        from tests.contrib.live.client import elsewhere

        reader, sender = self.users[0], self.users[1]

        async def measure() -> tuple[list[float], list[float]]:
            taken, written = [], []

            def send(number: int) -> float:
                notify.send(sender, verb=f"closed {number}", recipient=reader)
                return time.perf_counter()

            async with self.listening(server, 2) as [browser, _]:
                await asyncio.sleep(1.5)
                for number in range(self.sizes.events):
                    await asyncio.sleep(random.random() * (1 if bus == "poll" else 0.2))
                    began = time.perf_counter()
                    notifying = asyncio.create_task(elsewhere(send, number))
                    await browser.next("notification")
                    taken.append(time.perf_counter() - began)
                    written.append(await notifying - began)
            return sorted(taken), sorted(written)

        with self.server(bus=bus) as server:
            taken, written = asyncio.run(measure())
        p95 = int(len(taken) * 0.95)
        most = 1300 if bus == "poll" else 150
        yield at_most(f"{bus} bus: new row to the browser, p95", taken[p95] * 1000, most, " ms")
        yield Figure(f"{bus} bus: new row to the browser, median", f"{median(taken) * 1000:,.0f} ms")
        yield Figure(
            f"{bus} bus: of that, until ``notify.send`` has returned, median and p95",
            f"{median(written) * 1000:,.0f} ms, {written[p95] * 1000:,.0f} ms",
        )

    def open_streams(self, door: str) -> Iterator[Figure]:
        """Measure what open streams hold, and what the hub asks for them while nothing happens."""
        counts = self.sizes.streams[door]
        name = DOORS[door]

        async def measure() -> list[Figure]:
            async with self.listening(server, 5):
                # What is loaded by the first stream is not what a stream costs.
                await asyncio.sleep(1)
            await asyncio.sleep(1)
            before = await server.figures()
            asked = {}
            for count in counts:
                async with self.listening(server, count):
                    await asyncio.sleep(2)
                    during = await server.figures()
                    held = [await asyncio.to_thread(connections_of, self.url) for _ in range(20)]
                    first = await server.figures()
                    await asyncio.sleep(self.sizes.seconds)
                    last = await server.figures()
                asked[count] = (last["queries"] - first["queries"]) / self.sizes.seconds
                await asyncio.sleep(2)
            each = (during["memory"] - before["memory"]) / counts[-1]
            threads = during["threads"] - before["threads"]
            who = f"{name}: {counts[-1]:,} streams"
            rates = ", ".join(f"{rate:.1f}" for rate in asked.values())
            labels = " / ".join(f"{count:,}" for count in counts)
            independent = max(asked.values()) <= 1.5 * min(asked.values()) + 0.2
            bare = door == "asgi"
            return [
                at_most(f"{who}, memory of each", each, 25 if bare else 80, " KB", 1),
                at_most(f"{who}, threads more", threads, 5)
                if bare
                else Figure(f"{who}, threads more", f"{threads:,}"),
                at_most(f"{who}, connections held", min(held), 0),
                Figure(f"{name}: queries a second with {labels} streams", rates, "the same", independent),
            ]

        with self.server(door, "poll") as server:
            yield from asyncio.run(measure())

    def crowd(self, bus: str) -> Iterator[Figure]:
        """Measure how long it takes to notify the connected users of an event that has many recipients."""
        from django.contrib.auth import get_user_model

        from notifications import notify
        from tests.contrib.live.client import elsewhere

        everybody = get_user_model()._default_manager.order_by()

        async def received(browser: Any) -> float:
            await browser.next("notification")
            return time.perf_counter()

        async def send_once(browsers: list[Any]) -> Told:
            # At another moment of the interval in which a hub polls.
            await asyncio.sleep(2 + random.random())
            receiving = [asyncio.create_task(received(browser)) for browser in browsers]
            before = await server.figures()
            began = time.perf_counter()
            await elsewhere(notify.send, self.users[0], verb="closed", recipient=everybody)
            committed = time.perf_counter()
            moments = sorted(await asyncio.gather(*receiving))
            after = await server.figures()
            return Told(
                written=committed - began,
                taken=[moment - committed for moment in moments],
                rounds=after["rounds"] - before["rounds"],
                queries=after["queries"] - before["queries"],
            )

        async def measure() -> list[Told]:
            async with self.listening(server, self.sizes.crowd) as browsers:
                return [await send_once(browsers) for _ in range(self.sizes.crowd_events)]

        with self.server(bus=bus) as server:
            told = asyncio.run(measure())
        who = f"{bus} bus: event to {self.sizes.recipients:,}, {self.sizes.crowd:,} connected"
        p99 = median(each.taken[int(len(each.taken) * 0.99)] for each in told)
        middle, last = (median(f(each.taken) for each in told) for f in (median, max))
        rounds, queries = (median(getattr(each, name) for each in told) for name in ("rounds", "queries"))
        yield at_most(f"{who}: after the commit, p99", p99, 1.5, " s", 2)
        yield Figure(f"{who}: after the commit, median and last", f"{middle:.2f} s, {last:.2f} s")
        yield Figure(f"{who}: written in", f"{median(each.written for each in told):.2f} s")
        yield Figure(f"{who}: rounds of the hub meanwhile, queries of them", f"{rounds:g}, {queries:g}")

    def storm(self) -> Iterator[Figure]:
        """Measure what it costs that all come back at once after the server was killed."""
        from tests.contrib.live.client import elsewhere

        wrong: list[Any] = []

        async def come_back(browser: Any) -> None:
            browser.close()
            while True:
                try:
                    await browser.open()
                    if browser.status != 200:
                        wrong.append(browser.status)
                    await browser.next("count")
                except (OSError, EOFError, asyncio.IncompleteReadError):
                    await asyncio.sleep(0.05)
                except AssertionError:
                    wrong.append("silence")
                    return
                else:
                    return

        async def measure() -> tuple[float, float]:
            async with self.listening(server, self.sizes.connected) as browsers:
                await asyncio.sleep(1)
                server.kill()
                coming = [asyncio.create_task(come_back(browser)) for browser in browsers]
                await elsewhere(server.start)
                began = time.perf_counter()
                await asyncio.gather(*coming)
                taken = time.perf_counter() - began
                asked = (await server.figures())["queries"]
            return taken, asked / self.sizes.connected

        with self.server() as server:
            taken, asked = asyncio.run(measure())
        who = f"{self.sizes.connected:,} streams come back after kill -9"
        yield at_most(f"{who}: errors", len(wrong), 0)
        yield at_most(f"{who}: queries for each", asked, 1, "", 3)
        yield Figure(f"{who}: all have their count within", f"{taken:.1f} s")


def connections_of(url: str) -> int:
    """Return how many connections there are to the database of this benchmark, this one left out."""
    import psycopg

    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        ).fetchone()
    return int(found[0]) if found else 0


def write(about: dict[str, Any], name: str, figures: list[Figure]) -> None:
    """Put the figures of a case in the place of those that were there, and the table into its page."""
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"cases": {}}
    results["about"] = about
    results["cases"][name] = {"commit": commit(), "figures": [asdict(figure) for figure in figures]}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    rows = [["what", "must reach", "measured", ""]]
    met = {True: "met", False: "**missed**", None: ""}
    measured = [
        one for case in CASES if case in results["cases"] for one in results["cases"][case]["figures"]
    ]
    rows += [[one["what"], one["must"], one["measured"], met[one["met"]]] for one in measured]
    machine = results["about"]["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in results["about"]["versions"].items())
    said = (
        f"Measured {results['about']['measured'][:10]} on {machine['system']}, {machine['cores']} cores "
        f"({machine.get('processor', '?')}), {machine.get('memory', '?')}; {versions}.\n"
    )
    begin, end = report.BEGIN.replace("report", "live"), report.END
    before, _, rest = PAGE.read_text().partition(begin)
    _, _, after = rest.partition(end)
    table = report.list_table(rows, "56 14 20 10")
    PAGE.write_text(f"{before}{begin}\n\n{said}\n{table}\n{end}{after}")


def main() -> int:
    """Measure. Return 1 when a server is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that everything runs")
    parser.add_argument("--case", action="append", choices=CASES, help="only this (repeatable)")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="notifications-bench-")))
        try:
            server = find_server("postgres", scratch, stack)
            os.environ["REDIS_URL"], redis = find_redis()
        except DidNotRun as reason:
            print(reason, file=sys.stderr)
            return 1
        url = urlsplit(server.url)._replace(path=f"/{NAME}").geturl()
        recreate("postgres", url, NAME)
        stack.callback(recreate, "postgres", url, NAME, only_drop=True)
        os.environ["DATABASE_URL"] = url
        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings.default"
        import django
        from django.db import connections

        django.setup()
        stack.callback(connections.close_all)
        bench = Bench(url, QUICK if options.quick else Sizes())
        bench.prepare()
        connections.close_all()
        described = {**about("postgres", url, server.version), "machine": machine()}
        described["versions"] = {
            "Python": platform.python_version(),
            "PostgreSQL": server.version,
            "Redis": redis,
            **{name: version(name) for name in ("Django", "uvicorn", "psycopg", "redis")},
        }
        for name in options.case or CASES:
            figures = []
            for variant in CASES[name]:
                for figure in getattr(bench, name)(*variant):
                    figures.append(figure)
                    said = {True: "met", False: "MISSED", None: ""}[figure.met]
                    print(f"{figure.what}: {figure.measured}  {figure.must}  {said}".rstrip(), flush=True)
            # Who shares the processors decides over milliseconds.
            load = f"{os.getloadavg()[1]:.0f} on {os.cpu_count()} cores"
            figures.append(Figure(f"load of the machine during these ({name})", load))
            if not options.quick:
                write(described, name, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
