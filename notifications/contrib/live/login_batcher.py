"""Who is logged in: looked up for all who ask at the same moment, not for each on a connection of its own.

After a restart every browser comes back within seconds. Were each looked up in the thread of its request, a thousand
would open a thousand connections.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from asgiref.sync import sync_to_async
from django.db import connections

from notifications.contrib.live.sessions import Login, logins

#: The most sessions that are looked up at once.
MAX_BATCH = 500


class LoginBatcher:
    """Look up the sessions of those who wait, then of those who came meanwhile. Each hub has one."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[Login | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def get(self, session_key: str) -> Login | None:
        """Return who is logged in by this session, or None. Raise what the database raised."""
        loop = asyncio.get_running_loop()
        future = self._waiting.get(session_key)
        if future is None:
            future = self._waiting[session_key] = loop.create_future()
        if self._task is None:
            self._task = loop.create_task(self._work())
        # Who goes away in between takes the answer from nobody else.
        return await asyncio.shield(future)

    async def _work(self) -> None:
        while self._waiting:
            keys = list(self._waiting)[:MAX_BATCH]
            futures = [self._waiting.pop(key) for key in keys]
            try:
                found, failed = await sync_to_async(look_up, thread_sensitive=False)(keys)
            except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
                found, failed = {}, dict.fromkeys(keys, error)
            for key, future in zip(keys, futures, strict=True):
                if key in failed:
                    future.set_exception(failed[key])
                    # Nobody may be left who waits for it.
                    future.exception()
                else:
                    future.set_result(found.get(key))
        self._task = None


def look_up(keys: Sequence[str]) -> tuple[dict[str, Login], dict[str, Exception]]:
    """Return who is logged in by these sessions, and what failed; hold no connection afterwards."""
    try:
        return logins(keys)
    finally:
        connections.close_all()
