"""Python's garbage collector, which goes through all that all streams hold: that takes as long as half of a round."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: The most seconds that it waits for the end of a round.
MAX_PAUSE_SECONDS = 5.0


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
