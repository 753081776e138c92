"""The bus that needs nothing: every process queries the database once a second while somebody is connected."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from notifications.contrib.live.buses import base


class Bus(base.Bus):
    """Send nothing and receive nothing; ``interval`` is the time between two queries, in seconds."""

    sends = False

    def __init__(self, *, interval: float = 1.0) -> None:
        super().__init__()
        self.interval = interval

    async def listen(self) -> AsyncGenerator[base.Message, None]:
        """Yield only that it is connected."""
        yield base.Message()
        await asyncio.Event().wait()
