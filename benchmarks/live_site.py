"""The site that ``benchmarks/live.py`` listens to, behind each door, and what its process says about itself."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.db.backends.signals import connection_created

from notifications.contrib.live import live

settings.NOTIFICATIONS = json.loads(os.environ.get("NOTIFICATIONS", "{}"))

application = get_asgi_application()
queries = itertools.count(1)
asked = [0]


def count(execute: Any, *arguments: Any) -> Any:
    """Count what the database is asked, on whichever connection."""
    # Threads ask, and a counter of itertools gives each of them another number.
    asked[0] = next(queries)
    return execute(*arguments)


def watch(connection: Any, **arguments: Any) -> None:
    """Count on a new connection too."""
    if count not in connection.execute_wrappers:
        connection.execute_wrappers.append(count)


connection_created.connect(watch)


def figures() -> dict[str, int]:
    """Return what this process holds and has done. To be called in its event loop."""
    from notifications.contrib.live.hub import get_hub

    status = Path("/proc/self/status").read_text()
    found = {
        name: int(status.partition(f"{key}:")[2].split()[0])
        for name, key in (("threads", "Threads"), ("memory", "VmRSS"))
    }
    hub = get_hub()
    return {**found, "queries": asked[0], "rounds": hub.rounds, "streams": len(hub.streams())}


def with_figures(door: Any) -> Any:
    """Return the door, with its figures at ``/figures``."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope.get("path") != "/figures":
            await door(scope, receive, send)
            return
        body = json.dumps(figures()).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    return application


view = with_figures(application)
asgi = with_figures(live(application))
