"""How a process learns that its server stops: it waits for open requests, and a stream does not end by itself.

A signal says so at once. That no more connections are accepted says so whatever the reason: a worker that has served
as many requests as it may, or whose parent got the signal.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
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
                # A loop that ended before its streams is closed.
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(callback)
                server(number, frame)

            signal.signal(number, first)
            ours[number] = first, server

    def undo() -> None:
        for number, (first, server) in ours.items():
            if signal.getsignal(number) is first:
                signal.signal(number, server)

    return undo


def listening_sockets() -> dict[int, int]:
    """Return the sockets by which this process accepts connections: their inodes by file descriptor.

    Where the system does not say, as on Windows, there are none.
    """
    found = {}
    with suppress(OSError):
        for path in Path("/dev/fd").iterdir():
            # The one by which the directory is read is among them, and closed by now.
            with suppress(OSError):
                descriptor = int(path.name)
                status = os.fstat(descriptor)
                if stat.S_ISSOCK(status.st_mode):
                    with socket.socket(fileno=os.dup(descriptor)) as opened:
                        if opened.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                            found[descriptor] = status.st_ino
    return found


def have_closed(sockets: Mapping[int, int]) -> bool:
    """Return whether one of these sockets is closed by now."""
    for descriptor, inode in sockets.items():
        try:
            if os.fstat(descriptor).st_ino != inode:
                return True
        except OSError:
            return True
    return False
