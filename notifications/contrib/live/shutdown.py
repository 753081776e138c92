"""A server that stops waits for open requests, and a stream does not end by itself."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def before_shutdown(callback: Callable[[], None]) -> Callable[[], None]:
    """Call back in this event loop when the server gets a signal to stop, before it handles the signal itself.

    No ASGI server says so in time: the lifespan of an application ends after its requests. Return what undoes this.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    loop = asyncio.get_running_loop()
    ours: dict[int, tuple[Any, Any]] = {}
    for number in SIGNALS:
        server = signal.getsignal(number)
        # Without a handler in Python the process just ends.
        if callable(server):

            def first(number: int, frame: FrameType | None, server: Callable[..., Any] = server) -> None:
                loop.call_soon_threadsafe(callback)
                server(number, frame)

            signal.signal(number, first)
            ours[number] = first, server

    def undo() -> None:
        for number, (first, server) in ours.items():
            if signal.getsignal(number) is first:
                signal.signal(number, server)

    return undo
