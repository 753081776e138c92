"""How a test waits for something: with one bound for all, and an error that says what did not happen.

The bound costs nothing where a test passes, so it is far above what anything takes on a machine that is not loaded
(tens of milliseconds; a few seconds for a process that starts). No test asserts that something happens soon, and none
sleeps to show that something does not happen: it waits for an event, or counts turns.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")

#: Seconds until a test that waits for something gives up.
PATIENCE = 60.0


def wait_until(condition: Callable[[], Any], what: str = "") -> None:
    """Look again and again until this is true. Without words for it, the error says how the condition is written."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"Waited {PATIENCE:g} seconds: {what or written(condition)}"
        time.sleep(0.02)


def written(condition: Callable[[], Any]) -> str:
    """Return a condition as it is written in its file."""
    try:
        return " ".join(inspect.getsource(condition).split())
    except (OSError, TypeError):
        return repr(condition)


def wait_for_event(event: threading.Event, what: str) -> None:
    """Wait until another thread sets this event."""
    assert event.wait(PATIENCE), f"Waited {PATIENCE:g} seconds: {what}"


def join(thread: threading.Thread) -> None:
    """Wait until a thread has ended."""
    thread.join(PATIENCE)
    assert not thread.is_alive(), f"Waited {PATIENCE:g} seconds: the thread {thread.name} ends"


async def until(condition: Callable[[], Any], what: str) -> None:
    """Look again and again until this is true, and let the event loop work in between."""

    async def look() -> None:
        while not condition():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.01)

    await within(look(), what)


async def within(awaitable: Awaitable[T], what: str, patience: float = PATIENCE) -> T:
    """Return what this awaits."""
    try:
        return await asyncio.wait_for(awaitable, patience)
    except (TimeoutError, asyncio.TimeoutError) as error:
        raise AssertionError(f"Waited {patience:g} seconds: {what}") from error
