"""A database that other processes see too, and servers that read it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection, connections
from django.test import Client

from notifications.contrib.live import hub as hubs
from tests.waiting import PATIENCE, join, wait_until

ROOT = Path(__file__).resolve().parent.parent.parent.parent


@pytest.fixture
def shared(transactional_db: None, tmp_path: Path) -> Iterator[str]:
    """The URL of the database of this test, for other processes. SQLite's is in memory, so it becomes a file."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor != "sqlite":
        url = urlsplit(os.environ["DATABASE_URL"])
        yield url._replace(path=f"/{name}").geturl()
        wait_for_hubs()
        return
    file = str(tmp_path / "site.sqlite3")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [file])
    in_memory = connections["default"]
    connection.settings_dict["NAME"] = file
    connections["default"] = connections.create_connection("default")
    try:
        with connection.cursor() as cursor:
            # Readers do not wait for the writer.
            cursor.execute("PRAGMA journal_mode=WAL")
        yield f"sqlite:///{file}"
    finally:
        # A hub that is still at it could not close its connection: Django closes none to a database in memory.
        wait_for_hubs()
        connection.close()
        connection.settings_dict["NAME"] = name
        connections["default"] = in_memory


def wait_for_hubs() -> None:
    """Wait until the hubs of this test have their last answer, before its rows are thrown away."""
    for thread in threading.enumerate():
        if thread.name.startswith("notifications-live"):
            join(thread)


class Server:
    """A server of the site, which can be killed and started again at the same address."""

    def __init__(self, door: str, url: str, notifications: dict[str, Any], command: list[str]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.command = [word.format(door=door, port=self.port) for word in command]
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": settings.SETTINGS_MODULE,
            "DATABASE_URL": url,
            "NOTIFICATIONS": json.dumps(notifications),
        }
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", *self.command], cwd=ROOT, env=self.environment, start_new_session=True
        )
        wait_until(self.answers, "the server answers")

    def answers(self) -> bool:
        """Return whether it takes a connection."""
        assert self.process.poll() is None, "The server did not start."
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """Kill it, as nothing is told of in advance."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Ask it to stop, and return its exit status."""
        self.process.terminate()
        return self.process.wait(PATIENCE)


UVICORN = ["uvicorn", "tests.contrib.live.site:{door}", "--port", "{port}", "--log-level", "warning"]


@pytest.fixture
def serve(shared: str) -> Iterator[Callable[..., Server]]:
    """Start a server of one door, with these settings of the app."""
    started = []

    def serve(door: str = "view", command: list[str] = UVICORN, **notifications: Any) -> Server:
        server = Server(door, shared, notifications, command)
        started.append(server)
        return server

    yield serve
    for server in started:
        if server.process.poll() is None:
            server.kill()


@pytest.fixture
def echoes(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Collect what each check whether a bus hears itself found out, however long that took."""
    found: list[bool] = []
    check = hubs.Hub._check_echo

    async def check_and_tell(hub: hubs.Hub, *arguments: Any) -> None:
        await check(hub, *arguments)
        found.append(hub.hears_bus)

    monkeypatch.setattr(hubs, "MAX_ECHO_SECONDS", PATIENCE)
    monkeypatch.setattr(hubs.Hub, "_check_echo", check_and_tell)
    return found


@pytest.fixture
def log_in(shared: str) -> Callable[[Any], str]:
    """Log a user in, and return the key of the session."""

    def log_in(user: Any) -> str:
        client = Client()
        client.force_login(user)
        key: str = client.cookies["sessionid"].value
        return key

    return log_in
