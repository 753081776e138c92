"""A server that takes mails and throws them away: ``python sink.py FILE`` adds a byte to the file for each.

It prints its port, and ends when its input does.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

from aiosmtpd.controller import Controller


class Sink:
    """Take each mail."""

    def __init__(self, path: str) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Count it."""
        os.write(self.file, b".")
        return "250 OK"


def main() -> None:
    """Serve until there is no more input."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(Sink(sys.argv[1]), hostname="127.0.0.1", port=port)
    controller.start()
    print(port, flush=True)
    sys.stdin.read()
    controller.stop()


if __name__ == "__main__":
    main()
