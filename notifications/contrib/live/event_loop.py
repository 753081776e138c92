"""What a hub needs besides asyncio: to wait for something with a bound, and to let the garbage collector wait."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

#: The most seconds that the garbage collector waits for the end of a round. It would go through all that all streams
#: hold, which takes as long as half of the round.
MAX_PAUSE_SECONDS = 5.0


async def within(awaitable: Awaitable[T], seconds: float) -> T:
    """Return what this awaits; after so many seconds raise TimeoutError.

    Unlike ``asyncio.wait_for`` before Python 3.12, it is cancelled also when what it awaits has just come. A job that
    went on would be one too many when the hub starts again.
    """
    future = asyncio.ensure_future(awaitable)
    try:
        if not (await asyncio.wait([future], timeout=seconds))[0]:
            raise asyncio.TimeoutError
        return future.result()
    finally:
        future.cancel()


@contextmanager
def without_collections() -> Iterator[None]:
    """Let the garbage collector of the process wait, unless it is off."""
    if not gc.isenabled():
        # Whoever turned it off turns it on: the site, another library, or the hub of another event loop.
        yield
        return
    gc.disable()
    alarm = asyncio.get_running_loop().call_later(MAX_PAUSE_SECONDS, gc.enable)
    try:
        yield
    finally:
        alarm.cancel()
        gc.enable()
